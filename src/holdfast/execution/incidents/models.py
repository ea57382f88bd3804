"""What happened to an account from outside, and what came of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Incident(Base):
    """One event with a consequence, as ``execution/incidents.py`` lists them.

    ``connection_id`` is NULL for what concerns all of a user's accounts, ``symbol`` "" for what concerns all
    instruments. ``blocks``: "" | opening (nothing new may be opened) | trading (nothing may be traded), in
    force until ``settled_at``. ``reference`` names the event, so that reading it twice makes it once.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_reference",
            "user_id",
            text("coalesce(connection_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            "reference",
            unique=True,
        ),
        Index("ix_incidents_user_at", "user_id", "at"),
        Index("ix_incidents_open", "connection_id", postgresql_where=text("settled_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    connection_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"))
    symbol: Mapped[str]
    kind: Mapped[str]
    severity: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    blocks: Mapped[str]
    reference: Mapped[str]
    at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
