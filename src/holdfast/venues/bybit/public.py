"""What Bybit tells anybody: time, instruments, quotes, books, candles."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import structlog

from holdfast.core.instruments import Instrument, InstrumentKind
from holdfast.core.time import Clock, to_ms
from holdfast.core.timeframes import Timeframe
from holdfast.venues.bybit import parse_market
from holdfast.venues.bybit.budget import Bucket, Budget
from holdfast.venues.bybit.fields import Malformed, Row, moment, rows_of, text
from holdfast.venues.bybit.transport import Parsed, Road, Transport
from holdfast.venues.protocol import Book, Candle, PriceLimit, Quote, Rejected, Unreachable

log = structlog.get_logger(__name__)

Item = TypeVar("Item")

_STATUSES: Final = {
    InstrumentKind.LINEAR: ("Trading", "PreLaunch", "Delivering"),
    InstrumentKind.SPOT: ("Trading",),
}
_MOST_PAGES: Final = 500
_CANDLES: Final = 1000
_INTERVALS: Final = {minutes: str(minutes) for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)} | {
    1440: "D",
    10080: "W",
}


_KLINES: Final = {Timeframe(f"{minutes}m"): str(minutes) for minutes in (1, 3, 5, 15, 30)} | {
    Timeframe.H1: "60",
    Timeframe.H2: "120",
    Timeframe.H4: "240",
    Timeframe.H6: "360",
    Timeframe.H12: "720",
    Timeframe.D1: "D",
    Timeframe.W1: "W",
    Timeframe.MONTH: "M",
}


class BybitPublic:
    """What Bybit tells anybody."""

    def __init__(
        self,
        rest_url: str,
        *,
        budget: Budget | None = None,
        kind: InstrumentKind = InstrumentKind.LINEAR,
        clock: Clock | None = None,
        road: Road | None = None,
    ) -> None:
        self._kind = kind
        self._wire = Transport(rest_url, budget=budget, clock=clock, road=road)

    async def server_time(self) -> datetime:
        return await self._wire.read(Bucket.PUBLIC, "get_server_time", parse_market.server_time)

    async def instruments(self, kind: InstrumentKind) -> list[Instrument]:
        """Every instrument of the kind that is listed, being prepared, or being closed.

        Bybit lists only ``Trading`` ones unless asked for the others by name.
        """
        found: dict[str, Instrument] = {}
        for status in _STATUSES[kind]:
            rows = await self._all(
                Bucket.PUBLIC, "get_instruments_info", category=kind.value, status=status, limit=1000
            )
            for instrument in _each(lambda row: parse_market.instruments([row], kind), rows):
                found.setdefault(instrument.symbol, instrument)
        return list(found.values())

    async def instrument(self, symbol: str) -> Instrument | None:
        """One instrument as it is at this moment; ``None`` if it is closed, or was never there.

        Bybit shows it only to those who name the status it has.
        """
        for status in _STATUSES[self._kind]:
            rows = await self._market("get_instruments_info", rows_of, symbol=symbol, status=status)
            found = readable(lambda rows: parse_market.instruments(rows, self._kind), rows)
            if found:
                return found[0]
        return None

    async def quotes(self, kind: InstrumentKind) -> list[Quote]:
        def read(result: Row) -> list[Quote]:
            at = moment(result, "time")
            return _each(lambda row: parse_market.quotes([row], at), rows_of(result))

        return await self._wire.read(Bucket.PUBLIC, "get_tickers", read, category=kind.value)

    async def book(self, symbol: str, *, depth: int = 50) -> Book:
        return await self._market("get_orderbook", parse_market.book, symbol=symbol, limit=depth)

    async def price_limit(self, symbol: str) -> PriceLimit:
        return await self._market("get_price_limit", parse_market.price_limit, symbol=symbol)

    async def candles(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> list[Candle]:
        """Candles with ``start`` ≤ open time < ``end``, oldest first; the last one may still be forming.

        Raises:
            ValueError: Bybit has no candles of this length.
        """
        if minutes not in _INTERVALS:
            raise ValueError(f"Bybit has no candles of {minutes} minutes")
        found: dict[datetime, Candle] = {}
        span = timedelta(minutes=minutes) * _CANDLES
        while start < end:
            until = min(start + span, end)
            page = await self._market(
                "get_kline",
                parse_market.candles,
                symbol=symbol,
                interval=_INTERVALS[minutes],
                start=to_ms(start),
                end=to_ms(until) - 1,
                limit=_CANDLES,
            )
            found |= {candle.open_time: candle for candle in page if start <= candle.open_time < until}
            start = until
        return [found[opened] for opened in sorted(found)]

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        """One page of candles, as ``HistoryVenue`` says; at most 1,000.

        Raises:
            Rejected: Bybit has no such symbol, or no candles of this length (8h and 3d).
        """
        if timeframe not in _KLINES:
            raise Rejected(f"Bybit has no candles of {timeframe}.")
        page = await self._market(
            "get_kline",
            parse_market.candles,
            symbol=symbol,
            interval=_KLINES[timeframe],
            start=to_ms(start),
            end=to_ms(end) - 1,
            limit=min(limit, _CANDLES),
        )
        return [candle for candle in page if start <= candle.open_time < end]

    async def close(self) -> None:
        await self._wire.close()

    async def _market(self, method: str, read: Callable[[Row], Parsed], **query: Any) -> Parsed:
        return await self._wire.read(Bucket.PUBLIC, method, read, category=self._kind.value, **query)

    async def _all(self, bucket: Bucket, method: str, **query: Any) -> list[Row]:
        """The rows of all pages. A cursor that comes back again, or never ends, is no answer."""

        def page(result: Row) -> tuple[list[Row], str]:
            return rows_of(result), text(result, "nextPageCursor")

        rows: list[Row] = []
        cursor, seen = "", set[str]()
        for _ in range(_MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            found, cursor = await self._wire.read(bucket, method, page, **query, **more)
            rows += found
            if not cursor or not found:
                return rows
            if cursor in seen:
                break
            seen.add(cursor)
        raise Unreachable("Bybit's pages do not come to an end.")


def _each(read: Callable[[Row], list[Item]], rows: list[Row]) -> list[Item]:
    """What the readable rows tell. One broken row of a public list must not hide the other hundreds; nothing
    is traded on a symbol that is not read."""
    found: list[Item] = []
    for row in rows:
        try:
            found += read(row)
        except Malformed as malformed:
            log.warning("left out an unreadable row", symbol=text(row, "symbol"), reason=str(malformed))
    return found


def readable(read: Callable[[list[Row]], Parsed], rows: list[Row]) -> Parsed:
    """``read(rows)``; rows that cannot be read are no answer."""
    try:
        return read(rows)
    except Malformed as malformed:
        raise Unreachable(f"Bybit's answer could not be read: {malformed}") from None
