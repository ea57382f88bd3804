"""Scripts that run on closed bars on paper, and everything that came of it."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Strategy(Base):
    """One version of a script on one series and timeframe, with a book of its own on paper.

    ``state``: paper | paused | stopped | failed. ``turn`` counts every change, by its owner or by a step: who
    read an older one writes nothing. ``terms`` and ``book`` are those of the back-test's engine, whole
    numbers as text.

    Times are UTC seconds at which bars open. ``since``: the first bar whose close counts. ``anchor``: where
    what the script sees begins; NULL before the first look. ``next_time``: every bar before it is done.
    ``opened``: the newest bar at whose open the book was stepped. ``closing_from``: stopped, and the position
    is closed at the first open from here on. Nothing that closes before ``active_from`` is acted upon.

    ``target`` and ``signal``: what the script said when it was last asked; ``pending``: that target has not
    had its open yet. ``waiting``: what keeps the next bar, for people. ``failures``: bars in a row on which
    the script failed. ``hold_open``: the price at which whoever buys and holds has bought, the open of the
    second bar; NULL before it is known.

    Bars before ``hourly_until`` are thinned by hours, those before ``daily_until`` by days. ``deleted_at``:
    its owner does not see it any more, and what came of it is being deleted.
    """

    __tablename__ = "strategies"
    __table_args__ = (
        CheckConstraint("state IN ('paper', 'paused', 'stopped', 'failed')", name="state"),
        ForeignKeyConstraint(
            ["script_id", "version"], ["script_versions.script_id", "script_versions.number"]
        ),
        Index("ix_strategies_user_id", "user_id", "created_at", "id"),
        Index("ix_strategies_script_id", "script_id", "version"),
        Index(
            "ix_strategies_running",
            "series",
            postgresql_where=text("state <> 'stopped' OR closing_from IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    script_id: Mapped[UUID]
    version: Mapped[int]
    inputs: Mapped[dict[str, Any]]
    series: Mapped[str]
    timeframe: Mapped[str]
    quote: Mapped[str]
    capital: Mapped[Decimal]
    fee_rate: Mapped[Decimal]
    slippage: Mapped[Decimal]
    allow_short: Mapped[bool]
    signal_size: Mapped[Decimal]
    terms: Mapped[dict[str, Any]]
    book: Mapped[dict[str, Any]]
    state: Mapped[str]
    turn: Mapped[int]
    since: Mapped[int] = mapped_column(BigInteger)
    anchor: Mapped[int | None] = mapped_column(BigInteger)
    next_time: Mapped[int] = mapped_column(BigInteger)
    opened: Mapped[int | None] = mapped_column(BigInteger)
    last_bar: Mapped[int | None] = mapped_column(BigInteger)
    last_close: Mapped[Decimal | None]
    hold_open: Mapped[Decimal | None]
    closing_from: Mapped[int | None] = mapped_column(BigInteger)
    active_from: Mapped[datetime]
    target: Mapped[float | None]
    signal: Mapped[float | None]
    pending: Mapped[bool]
    failures: Mapped[int]
    waiting: Mapped[str]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    repainted: Mapped[bool]
    next_due: Mapped[datetime | None]
    hourly_until: Mapped[int] = mapped_column(BigInteger)
    daily_until: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class StrategyBar(Base):
    """What was known at the close of one bar. Never changed; of old ones only those that shape the curve stay
    (``thinning``).

    ``target`` and ``signal`` as the script said them, NULL where it said nothing. ``bars``: SHA-256 of all
    bars it saw. ``held``: why it was not asked ("paused", "failed"), or "error" where it did not answer, or
    "stop" for the end of a stopped strategy; "" otherwise. Money in quote coin, at the close.
    """

    __tablename__ = "strategy_bars"

    strategy_id: Mapped[UUID] = mapped_column(
        ForeignKey("strategies.id", ondelete="CASCADE"), primary_key=True
    )
    time: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    target: Mapped[float | None]
    signal: Mapped[float | None]
    close: Mapped[Decimal]
    quantity: Mapped[Decimal]
    equity: Mapped[Decimal]
    bars: Mapped[bytes]
    held: Mapped[str]
    recorded_at: Mapped[datetime]


class StrategyFill(Base):
    """A trade on paper at the open of the bar that opens at ``time``: at most one a bar. ``quantity`` is
    signed; ``fee`` in quote coin. ``reason``: target | stop | ruin."""

    __tablename__ = "strategy_fills"

    strategy_id: Mapped[UUID] = mapped_column(
        ForeignKey("strategies.id", ondelete="CASCADE"), primary_key=True
    )
    time: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    quantity: Mapped[Decimal]
    price: Mapped[Decimal]
    fee: Mapped[Decimal]
    reason: Mapped[str]
    recorded_at: Mapped[datetime]


class StrategyEvent(Base):
    """Something to be told of a strategy, in the order of ``number``. ``kind``: started | paused | resumed |
    stopped | closed | failed | error | gap | signal | alert | repainted. ``bar``: the one it is about."""

    __tablename__ = "strategy_events"
    __table_args__ = (Index("ix_strategy_events_strategy_id", "strategy_id", "number"),)

    number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    strategy_id: Mapped[UUID] = mapped_column(ForeignKey("strategies.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    bar: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str]
    text: Mapped[str]
