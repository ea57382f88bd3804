"""What users write about their trading."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class JournalEntry(Base):
    """A note at the moment it is about. ``version`` counts the writes; a deleted one can be brought back
    until it is swept.

    ``series`` is ``source:symbol``, "" for none; ``mood`` and ``setup`` are "" for none. ``trade``: none |
    position (the sleeve ``sleeve_id``) | fills (rows of ``journal_fills``) | hand. Nothing of a position or
    of fills is copied here: the ledger is asked. The last columns are of a trade entered by hand, money in
    USDT.
    """

    __tablename__ = "journal_entries"
    __table_args__ = (
        CheckConstraint("trade IN ('none', 'position', 'fills', 'hand')", name="trade"),
        Index("ix_journal_entries_user_id", "user_id", "happened_at", "id"),
        Index("ix_journal_entries_deleted_at", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    version: Mapped[int]
    series: Mapped[str]
    happened_at: Mapped[datetime]
    title: Mapped[str]
    text: Mapped[str]
    mood: Mapped[str]
    rating: Mapped[int | None]
    setup: Mapped[str]
    trade: Mapped[str]
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"), index=True)
    direction: Mapped[str | None]
    quantity: Mapped[Decimal | None]
    entry_price: Mapped[Decimal | None]
    entry_at: Mapped[datetime | None]
    exit_price: Mapped[Decimal | None]
    exit_at: Mapped[datetime | None]
    fees: Mapped[Decimal | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class JournalTag(Base):
    __tablename__ = "journal_tags"
    __table_args__ = (Index("ix_journal_tags_tag", "tag"),)

    entry_id: Mapped[UUID] = mapped_column(
        ForeignKey("journal_entries.id", ondelete="CASCADE"), primary_key=True
    )
    tag: Mapped[str] = mapped_column(primary_key=True)


class JournalFill(Base):
    """One of the executions that an entry's trade is made of."""

    __tablename__ = "journal_fills"
    __table_args__ = (
        ForeignKeyConstraint(["connection_id", "exec_id"], ["fills.connection_id", "fills.exec_id"]),
    )

    entry_id: Mapped[UUID] = mapped_column(
        ForeignKey("journal_entries.id", ondelete="CASCADE"), primary_key=True
    )
    connection_id: Mapped[UUID] = mapped_column(primary_key=True)
    exec_id: Mapped[str] = mapped_column(primary_key=True)


class JournalImage(Base):
    """A picture without its metadata. ``entry_id`` is NULL until an entry that shows it is saved; ``place``
    counts the pictures of an entry."""

    __tablename__ = "journal_images"
    __table_args__ = (Index("ix_journal_images_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    entry_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("journal_entries.id", ondelete="CASCADE"), index=True
    )
    place: Mapped[int]
    content_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime]
