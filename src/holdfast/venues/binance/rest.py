"""Binance's spot market data over REST: within the weight budget, and one of our exceptions for all that can
go wrong. Needs no key."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import aiohttp
import orjson
import structlog

from holdfast.core.instruments import Instrument
from holdfast.core.time import Clock, from_ms, to_ms
from holdfast.core.timeframes import Timeframe
from holdfast.platform.clock import SystemClock
from holdfast.venues.binance import errors, parse
from holdfast.venues.binance.budget import WeightBudget, own_budget
from holdfast.venues.binance.events import AggTrade, DepthSnapshot, Kline, MiniTicker, Trade
from holdfast.venues.bybit.budget import BudgetSpent
from holdfast.venues.bybit.fields import Malformed
from holdfast.venues.protocol import Candle, RateLimited, Unreachable

log = structlog.get_logger(__name__)

Parsed = TypeVar("Parsed")

MOST_ROWS: Final = 1000
MOST_LEVELS: Final = 5000
CALL_SECONDS: Final = 10.0
USED_HEADER: Final = "X-MBX-USED-WEIGHT-1M"
USED_ENOUGH: Final = 5_400
"""Beyond this nobody asks before the next minute: others share our address."""

_TRIES: Final = 3
_PATIENCE: Final = timedelta(seconds=5)
_BACKOFF_SECONDS: Final = 0.25
_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1000, 50), (MOST_LEVELS, 250))


class BinancePublic:
    """What Binance tells anybody. Every call raises ``Rejected`` when the venue refuses the question, and
    ``RateLimited`` or ``Unreachable`` when there is no answer now."""

    def __init__(
        self,
        rest_url: str,
        *,
        budget: WeightBudget | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._url = f"{rest_url.rstrip('/')}/api/v3"
        self._clock = clock or SystemClock()
        self._budget = budget or own_budget(self._clock)
        self._jitter = jitter
        self._opened: aiohttp.ClientSession | None = None

    async def server_time(self) -> datetime:
        return from_ms(await self._read("time", 1, parse.server_time_ms))

    async def instruments(self) -> list[Instrument]:
        """All pairs quoted in USDT, also those that do not trade at the moment."""
        return _readable(parse.instrument, await self._read("exchangeInfo", 20, parse.pairs))

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int = MOST_ROWS
    ) -> list[Candle]:
        """Candles with ``start`` ≤ open time < ``end``, oldest first, at most 1,000; the last one may still
        be forming."""
        found = await self.full_klines(symbol, str(timeframe), start=start, end=end, limit=limit)
        return [kline.candle() for kline in found]

    async def full_klines(
        self,
        symbol: str,
        interval: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = MOST_ROWS,
    ) -> list[Kline]:
        """With a ``start`` the oldest candles from there, without one the newest; all before ``end``."""
        query = {"symbol": symbol, "interval": interval, "limit": str(min(limit, MOST_ROWS))}
        if start is not None:
            query["startTime"] = str(to_ms(start))
        if end is not None:
            query["endTime"] = str(to_ms(end) - 1)
        return await self._read("klines", 2, lambda answer: parse.klines(answer, symbol, interval), query)

    async def depth(self, symbol: str, *, levels: int = MOST_LEVELS) -> DepthSnapshot:
        """The book, to begin a local one with. All 5,000 levels weigh 250, the first 100 weigh 5."""
        weight = next(weight for most, weight in _DEPTH_WEIGHTS if levels <= most)
        query = {"symbol": symbol, "limit": str(levels)}
        return await self._read("depth", weight, lambda answer: parse.snapshot(answer, symbol), query)

    async def trades(self, symbol: str, *, from_id: int | None = None, limit: int = MOST_ROWS) -> list[Trade]:
        """Oldest first: the newest, or those from an id on."""
        query = {"symbol": symbol, "limit": str(min(limit, MOST_ROWS))}
        if from_id is not None:
            query["fromId"] = str(from_id)
        path = "trades" if from_id is None else "historicalTrades"
        return await self._read(path, 25, lambda answer: parse.trades(answer, symbol), query)

    async def agg_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start: datetime | None = None,
        limit: int = MOST_ROWS,
    ) -> list[AggTrade]:
        """Oldest first: from an id or a moment on, or the newest."""
        query = {"symbol": symbol, "limit": str(min(limit, MOST_ROWS))}
        if from_id is not None:
            query["fromId"] = str(from_id)
        elif start is not None:
            query["startTime"] = str(to_ms(start))
        return await self._read("aggTrades", 4, lambda answer: parse.agg_trades(answer, symbol), query)

    async def day_tickers(self) -> list[MiniTicker]:
        """The last 24 hours of every pair that was traded in them."""
        rows = await self._read("ticker/24hr", 80, parse.day_rows, {"type": "MINI"})
        return [ticker for ticker in _readable(parse.day_ticker, rows) if ticker.last]

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def _read(
        self,
        path: str,
        weight: int,
        read: Callable[[Any], Parsed],
        query: Mapping[str, str] | None = None,
    ) -> Parsed:
        """Ask, a few times if need be, and have ``read`` parse the answer."""
        give_up_at = self._clock.now() + _PATIENCE
        for attempt in range(1, _TRIES + 1):
            try:
                return _parsed(read, await self._once(path, weight, query or {}))
            except (Unreachable, RateLimited) as error:
                wait = self._pause(error, attempt)
                if attempt == _TRIES or self._clock.now() + timedelta(seconds=wait) > give_up_at:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _once(self, path: str, weight: int, query: Mapping[str, str]) -> Any:
        try:
            await asyncio.sleep(await self._budget.reserve(weight, patience=_PATIENCE.total_seconds()))
        except BudgetSpent as spent:
            raise RateLimited(
                "Nothing was sent: the weight budget for Binance is used up.", until=spent.until
            ) from None
        try:
            async with self._session().get(
                f"{self._url}/{path}", params=query, allow_redirects=False
            ) as answer:
                body = _json(await answer.read())
                status, headers = answer.status, answer.headers
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(f"Binance gave no answer: {str(error) or type(error).__name__}") from None
        await self._heed(headers)
        if status == 200:
            return body
        refusal = errors.from_answer(status, headers, body, self._clock.now())
        if isinstance(refusal, RateLimited):
            await self._budget.silence(refusal.until)
        raise refusal

    async def _heed(self, headers: Mapping[str, str]) -> None:
        used = headers.get(USED_HEADER, "")
        if used.isascii() and used.isdigit() and len(used) < 10 and int(used) > USED_ENOUGH:
            now = self._clock.now()
            log.warning("request weight nearly used up", used=int(used))
            await self._budget.silence(now.replace(second=0, microsecond=0) + timedelta(minutes=1))

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS))
        return self._opened

    def _pause(self, error: Unreachable | RateLimited, attempt: int) -> float:
        if isinstance(error, RateLimited):
            return max((error.until - self._clock.now()).total_seconds(), 0.0) + 0.05 * self._jitter()
        return _BACKOFF_SECONDS * float(2**attempt) * (1 + self._jitter()) / 2


def _readable(read: Callable[[parse.Row], Parsed], rows: Iterable[parse.Row]) -> list[Parsed]:
    """One row that cannot be read costs nobody else."""
    found: list[Parsed] = []
    for row in rows:
        try:
            found.append(read(row))
        except Malformed as error:
            log.warning("unreadable row left out", symbol=str(row.get("symbol"))[:40], error=str(error))
    return found


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _parsed(read: Callable[[Any], Parsed], body: Any) -> Parsed:
    try:
        return read(body)
    except Malformed as error:
        raise Unreachable(f"Binance's answer could not be read: {error}") from None
