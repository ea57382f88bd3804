"""What the API tells about bars."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from holdfast.core.instruments import Instrument
from holdfast.core.money import Amount
from holdfast.market.candles.gaps import Reason
from holdfast.market.candles.models import CandleSeries
from holdfast.platform.schemas import Schema

SymbolKind = Literal["spot", "linear", "index", "own", "imported"]


class SymbolView(Schema):
    """Something a chart can show. ``volume_24h`` is in quote coin, ``None`` where it is not known."""

    series: str
    source: str
    symbol: str
    name: str
    base: str
    quote: str
    kind: SymbolKind
    price_decimals: int
    volume_24h: Amount | None = None

    @classmethod
    def of_instrument(cls, venue: str, one: Instrument, volume_24h: Decimal | None) -> "SymbolView":
        kind: SymbolKind = "linear" if one.kind == "linear" else "spot"
        return cls(
            series=f"{venue}:{one.symbol}",
            source=venue,
            symbol=one.symbol,
            name=f"{one.base}/{one.quote}" + (" perpetual" if kind == "linear" else ""),
            base=one.base,
            quote=one.quote,
            kind=kind,
            price_decimals=decimals_of(one.tick),
            volume_24h=volume_24h,
        )

    @classmethod
    def of_stored(cls, one: CandleSeries) -> "SymbolView":
        return cls(
            series=f"{one.source}:{one.symbol}",
            source=one.source,
            symbol=one.symbol,
            name=f"{one.symbol} from {one.source}",
            base=one.symbol,
            quote="",
            kind="imported",
            price_decimals=one.price_decimals,
        )


class SeriesView(Schema):
    """What is stored of a series. ``bytes`` is what its sealed days take, for ``sealed_bars`` bars."""

    series: str
    timeframe_seconds: int
    price_decimals: int
    volume_decimals: int
    pinned: bool
    first_at: datetime | None
    last_at: datetime | None
    bars: int
    sealed_bars: int
    bytes: int
    conflicts: int
    backfill: "BackfillView | None"


class BackfillView(Schema):
    """``done`` of ``total`` bars are stored or known not to exist.

    State: waiting | running | done | failed.
    """

    series: str
    wanted_from: datetime
    done: int
    total: int
    state: str
    note: str
    updated_at: datetime


class NewBackfill(Schema):
    """``since``: how far back; as far as the venue goes if it is missing."""

    series: str
    since: datetime | None = None


class GapView(Schema):
    """No bar opens in [``start``, ``until``). ``bars`` is how many would."""

    start: datetime
    until: datetime
    bars: int
    reason: Reason


class GapsView(Schema):
    series: str
    gaps: list[GapView]
    more: bool


class ImportProblem(Schema):
    row: int
    message: str


class ImportView(Schema):
    """State: waiting | checking | writing | done | failed."""

    id: UUID
    series: str
    file_name: str
    size: int
    sha256: str
    state: str
    rows: int
    rows_done: int
    new: int
    same: int
    conflicting: int
    error: str
    problems: list[ImportProblem]
    created_at: datetime
    updated_at: datetime


def decimals_of(step: Decimal) -> int:
    """Decimals of a tick: 2 for 0.01, 0 for 10."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
