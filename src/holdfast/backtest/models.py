"""Back-tests: what was asked for, how far they are, and what came out."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Backtest(Base):
    """``kind``: script (``script_id`` and ``version``) | signals (``dataset_id``, which may be deleted
    meanwhile); ``source_name`` is what either was called. ``since``, ``until``, ``first_bar`` and
    ``last_bar`` are UTC seconds. ``state``: queued | running | done | failed | cancelled. ``stage``, ``done``
    and ``total``: how far it is. ``error``: {kind, message, line}. ``figures`` and ``warnings`` as the API
    tells them. ``revision``: of the bars' series. ``trades``: how many are listed. ``took``: seconds."""

    __tablename__ = "backtests"
    __table_args__ = (
        Index("ix_backtests_user_id_created_at", "user_id", "created_at"),
        Index("ix_backtests_script_id", "script_id"),
        # Says no on deletion: a version stays for as long as a back-test of it is kept.
        ForeignKeyConstraint(
            ["script_id", "version"], ["script_versions.script_id", "script_versions.number"]
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    kind: Mapped[str]
    script_id: Mapped[UUID | None]
    version: Mapped[int | None]
    dataset_id: Mapped[UUID | None]
    source_name: Mapped[str]
    inputs: Mapped[dict[str, Any]]
    series: Mapped[str]
    timeframe: Mapped[str]
    since: Mapped[int | None] = mapped_column(BigInteger)
    until: Mapped[int | None] = mapped_column(BigInteger)
    capital: Mapped[Decimal]
    fee_rate: Mapped[Decimal]
    slippage: Mapped[Decimal]
    allow_short: Mapped[bool]
    signal_size: Mapped[Decimal]
    quote: Mapped[str]
    state: Mapped[str]
    stage: Mapped[str] = mapped_column(default="queued")
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    sparkline: Mapped[list[Any]] = mapped_column(default=list)
    bars: Mapped[int | None]
    first_bar: Mapped[int | None] = mapped_column(BigInteger)
    last_bar: Mapped[int | None] = mapped_column(BigInteger)
    revision: Mapped[int | None]
    trades: Mapped[int] = mapped_column(default=0)
    took: Mapped[float | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BacktestPart(Base):
    """What is read a piece at a time, packed. ``kind``: equity (one part: the curve, thinned) | trades (a
    thousand each)."""

    __tablename__ = "backtest_parts"

    backtest_id: Mapped[UUID] = mapped_column(
        ForeignKey("backtests.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
