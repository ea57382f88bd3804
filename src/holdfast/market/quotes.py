"""The latest quote of every instrument, in memory. PostgreSQL holds no quotes: they are worth seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import structlog
from redis.asyncio import Redis

from holdfast.core.money import plain
from holdfast.core.time import from_ms, to_ms
from holdfast.platform.pubsub import listen

log = structlog.get_logger(__name__)

CHANNEL = "quotes"
LAST_KEY = "quotes:last"


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """Prices in quote coin per unit of base. ``at`` is when it was true, on our clock."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    mark: Decimal
    index: Decimal
    prev_24h: Decimal
    turnover_24h: Decimal
    funding_rate: Decimal
    at: datetime

    @property
    def mid(self) -> Decimal:
        """The middle of the spread, or the last price while one side is empty."""
        return (self.bid + self.ask) / 2 if self.bid > 0 and self.ask > 0 else self.last


class QuoteBoard:
    """The latest quote wins."""

    def __init__(self) -> None:
        self._quotes: dict[str, LiveQuote] = {}
        self.on_load: Callable[[], None] = lambda: None
        """Called when every symbol has been read."""

    @property
    def is_empty(self) -> bool:
        """Nothing was read or told yet."""
        return not self._quotes

    def get(self, symbol: str) -> LiveQuote | None:
        return self._quotes.get(symbol)

    def all(self) -> list[LiveQuote]:
        return list(self._quotes.values())

    def put(self, quote: LiveQuote) -> bool:
        """Whether it was taken in: what is older than what is known is not."""
        known = self._quotes.get(quote.symbol)
        if known is not None and quote.at < known.at:
            return False
        self._quotes[quote.symbol] = quote
        return True

    def age(self, symbol: str, now: datetime) -> timedelta | None:
        """How old the quote is; ``None`` if there never was one."""
        quote = self._quotes.get(symbol)
        return now - quote.at if quote else None

    async def follow(self, redis: Redis) -> None:
        """Take in what the feed publishes, until cancelled. While Redis is away quotes grow old."""

        async def cold_start() -> None:
            await self.load(redis)

        await listen(
            redis, channels=(CHANNEL,), on_message=lambda _, data: self._absorb(data), on_connect=cold_start
        )

    async def load(self, redis: Redis) -> None:
        """Read the last published quote of every symbol."""
        stored: dict[str | bytes, str | bytes] = await redis.hgetall(LAST_KEY)
        for symbol, content in stored.items():
            self._take(symbol.decode() if isinstance(symbol, bytes) else symbol, orjson.loads(content))
        self.on_load()

    def _absorb(self, data: bytes) -> None:
        for symbol, fields in orjson.loads(data).items():
            self._take(symbol, fields)

    def _take(self, symbol: str, fields: dict[str, Any]) -> None:
        try:
            self.put(decode(symbol, fields))
        except (KeyError, ValueError, ArithmeticError) as error:
            log.warning("unreadable quote dropped", symbol=symbol, error=repr(error))


def encode(quote: LiveQuote) -> dict[str, Any]:
    """The published form: prices as strings, ``at`` in milliseconds."""
    return {
        "b": plain(quote.bid),
        "a": plain(quote.ask),
        "l": plain(quote.last),
        "m": plain(quote.mark),
        "i": plain(quote.index),
        "t": plain(quote.turnover_24h),
        "f": plain(quote.funding_rate),
        "p": plain(quote.prev_24h),
        "at": to_ms(quote.at),
    }


def decode(symbol: str, fields: dict[str, Any]) -> LiveQuote:
    """The inverse of ``encode``."""
    return LiveQuote(
        symbol=symbol,
        bid=Decimal(fields["b"]),
        ask=Decimal(fields["a"]),
        last=Decimal(fields["l"]),
        mark=Decimal(fields["m"]),
        index=Decimal(fields["i"]),
        prev_24h=Decimal(fields["p"]),
        turnover_24h=Decimal(fields["t"]),
        funding_rate=Decimal(fields["f"]),
        at=from_ms(fields["at"]),
    )
