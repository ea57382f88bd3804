"""Bars at rest: recent ones as rows, sealed UTC days as chunks, and what is known about what is missing.

All times are UTC seconds; all prices and volumes whole units in the scale of their series.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base

_SERIES = "candle_series.id"


class CandleSeries(Base):
    """One symbol of one source. ``revision`` counts changes of what is sealed, the scale among them.

    ``first_time`` and ``last_time`` are the openings of the oldest and the newest bar stored.
    """

    __tablename__ = "candle_series"
    __table_args__ = (UniqueConstraint("source", "symbol"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    source: Mapped[str]
    symbol: Mapped[str]
    base_seconds: Mapped[int]
    price_decimals: Mapped[int] = mapped_column(SmallInteger)
    volume_decimals: Mapped[int] = mapped_column(SmallInteger)
    pinned: Mapped[bool] = mapped_column(default=False)
    first_time: Mapped[int | None] = mapped_column(BigInteger)
    last_time: Mapped[int | None] = mapped_column(BigInteger)
    revision: Mapped[int] = mapped_column(default=0)


class CandleRow(Base):
    """A bar of a recent day. Few, because the days are sealed; so no partitions."""

    __tablename__ = "candle_rows"

    series_id: Mapped[int] = mapped_column(ForeignKey(_SERIES, ondelete="CASCADE"), primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    open: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[int] = mapped_column(BigInteger)
    low: Mapped[int] = mapped_column(BigInteger)
    close: Mapped[int] = mapped_column(BigInteger)
    volume: Mapped[int] = mapped_column(BigInteger)


class CandleChunk(Base):
    """A sealed UTC day (``day`` counts from the epoch). ``hours``: the same day as hourly bars, for wide
    views; empty where the bars are hours themselves. ``digest`` is of the columns of ``payload``."""

    __tablename__ = "candle_chunks"

    series_id: Mapped[int] = mapped_column(ForeignKey(_SERIES, ondelete="CASCADE"), primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    count: Mapped[int]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    hours: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class CandleGap(Base):
    """Why bars that are not stored are missing: whatever is not there in [``from_time``, ``until_time``) does
    not exist for ``reason`` (exchange_down | not_traded | not_listed | no_trades). Missing without a word:
    not fetched."""

    __tablename__ = "candle_gaps"

    series_id: Mapped[int] = mapped_column(ForeignKey(_SERIES, ondelete="CASCADE"), primary_key=True)
    from_time: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    until_time: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]


class CandleConflict(Base):
    """A closed bar that was offered with other numbers than those stored, in the scale it was offered in. The
    stored ones stand."""

    __tablename__ = "candle_conflicts"

    series_id: Mapped[int] = mapped_column(ForeignKey(_SERIES, ondelete="CASCADE"), primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    open: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[int] = mapped_column(BigInteger)
    low: Mapped[int] = mapped_column(BigInteger)
    close: Mapped[int] = mapped_column(BigInteger)
    volume: Mapped[int] = mapped_column(BigInteger)
    price_decimals: Mapped[int] = mapped_column(SmallInteger)
    volume_decimals: Mapped[int] = mapped_column(SmallInteger)


class CandleBackfill(Base):
    """How far back a series is wanted, and how far that has come. ``done`` and ``total`` count bars."""

    __tablename__ = "candle_backfills"

    series_id: Mapped[int] = mapped_column(ForeignKey(_SERIES, ondelete="CASCADE"), primary_key=True)
    wanted_from: Mapped[int] = mapped_column(BigInteger)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(default="waiting")
    note: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime]


class CandleImport(Base):
    """An uploaded file on its way into a series. ``rows_done`` of its rows are written, and so many of them
    were new, the same as stored, or conflicting. ``problems``: [{row, message}], the first of them. State:
    waiting | checking | writing | done | failed."""

    __tablename__ = "candle_imports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    source: Mapped[str]
    symbol: Mapped[str]
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    state: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_done: Mapped[int] = mapped_column(BigInteger, default=0)
    new: Mapped[int] = mapped_column(BigInteger, default=0)
    same: Mapped[int] = mapped_column(BigInteger, default=0)
    conflicting: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str] = mapped_column(default="")
    problems: Mapped[list[Any]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CandleImportPart(Base):
    """A piece of an uploaded file, kept until it is imported: whichever machine works on it finds it here."""

    __tablename__ = "candle_import_parts"

    import_id: Mapped[UUID] = mapped_column(
        ForeignKey("candle_imports.id", ondelete="CASCADE"), primary_key=True
    )
    part: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
