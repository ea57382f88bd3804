"""Plans, sleeves, fills and the ledger."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Sleeve(Base):
    """A position of one index inside one connection, with quantities, cash, fees and funding of its own.

    ``state``: opening | active | closing | rebalancing | closed | unwound | needs_attention.
    """

    __tablename__ = "sleeves"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), index=True)
    index_id: Mapped[str]
    index_version: Mapped[str]
    direction: Mapped[str]
    size: Mapped[Decimal]
    entry_level: Mapped[float]
    state: Mapped[str]
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Plan(Base):
    """The exact orders a user was shown. Immutable; ``digest`` covers ``body``.

    ``kind``: open | close | rebalance.
    """

    __tablename__ = "plans"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"))
    kind: Mapped[str]
    index_id: Mapped[str]
    direction: Mapped[str]
    size: Mapped[Decimal]
    digest: Mapped[str]
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Fill(Base):
    """What the venue says was executed, in its own words. ``sleeve_id`` NULL: a manual or forced trade.

    Booked once per venue execution id; the ledger holds how it was shared out.
    """

    __tablename__ = "fills"
    __table_args__ = (
        Index("ix_fills_connection_executed", "connection_id", "executed_at"),
        Index("ix_fills_connection_booked", "connection_id", "booked_at", "executed_at"),
    )

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    exec_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[UUID | None] = mapped_column(index=True)
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"), index=True)
    venue_order_id: Mapped[str]
    client_id: Mapped[str]
    symbol: Mapped[str]
    side: Mapped[str]
    exec_type: Mapped[str]
    quantity: Mapped[Decimal]
    price: Mapped[Decimal]
    fee: Mapped[Decimal]
    fee_asset: Mapped[str]
    is_maker: Mapped[bool]
    executed_at: Mapped[datetime]
    booked_at: Mapped[datetime]


class Posting(Base):
    """One line of the append-only ledger: ``amount`` of ``asset`` into (+) or out of (-) a sleeve.

    A trade is two lines: the contract (asset = symbol) and its value in the quote coin. Positions and P&L
    are sums over postings. ``sleeve_id`` NULL is the user's manual holding. ``kind``: trade | fee | funding |
    opening (what was there when the connection began) | adjustment. ``reference`` names the venue's record.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("kind IN ('trade', 'fee', 'funding', 'opening', 'adjustment')", name="kind"),
        Index(
            "uq_postings_reference",
            "connection_id",
            "kind",
            "reference",
            "asset",
            text("coalesce(sleeve_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
        ),
        Index("ix_postings_sleeve", "sleeve_id", "asset"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"))
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"))
    kind: Mapped[str]
    asset: Mapped[str]
    amount: Mapped[Decimal]
    symbol: Mapped[str]
    reference: Mapped[str]
    at: Mapped[datetime]
    booked_at: Mapped[datetime]


class Alteration(Base):
    """Part of a sleeve's leg that the user (or the venue) closed by hand: a manual fill that ate into it.

    ``quantity`` is signed like the fill. ``settled_at`` is set when a close has booked it to the sleeve.
    """

    __tablename__ = "alterations"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sleeve_id: Mapped[UUID] = mapped_column(ForeignKey("sleeves.id"), index=True)
    symbol: Mapped[str]
    exec_id: Mapped[str]
    quantity: Mapped[Decimal]
    price: Mapped[Decimal]
    at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class BalanceSnapshot(Base):
    """The wallet as the venue last told it, in USD / USDT."""

    __tablename__ = "balance_snapshots"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    equity: Mapped[Decimal]
    available: Mapped[Decimal]
    wallet: Mapped[Decimal]
    initial_margin: Mapped[Decimal]
    maintenance_rate: Mapped[Decimal]
    taken_at: Mapped[datetime]


class FeeRate(Base):
    """What this account pays per trade in one symbol, as a share of the value (0.00055 = 0.055 %)."""

    __tablename__ = "fee_rates"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    taker: Mapped[Decimal]
    maker: Mapped[Decimal]
    seen_at: Mapped[datetime]


class Halt(Base):
    """An instrument of a connection in which nothing new may be traded, and why."""

    __tablename__ = "halts"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    since: Mapped[datetime]
