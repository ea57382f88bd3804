"""The venues' streams of minutes, each told in the same way. A new venue is one class and one line."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from holdfast.core.time import Clock
from holdfast.market.bybit_stream import KlineStream
from holdfast.market.klines import Kline
from holdfast.market.live.minutes import Minute
from holdfast.platform.settings import Settings
from holdfast.venues.binance.connection import Patience
from holdfast.venues.binance.events import KlineUpdate
from holdfast.venues.binance.stream import BinanceStream, StreamEvent

PATIENCE: Final = Patience()

PULSE: Final = "btcusdt@miniTicker"
"""Once a second while anybody anywhere trades bitcoin: pairs that nobody trades tell nothing for minutes."""

Hear = Callable[[str, Minute, bool], None]
"""(symbol, minute, closed)"""


class MinuteStream(Protocol):
    """Keeps itself alive. What it missed shows in what it tells next: a minute that does not follow."""

    def want(self, symbols: Iterable[str]) -> None:
        """From now on these, and no others."""
        ...

    async def run(self) -> None: ...


class BinanceMinutes:
    """Spot candles by ``<symbol>@kline_1m``."""

    def __init__(self, settings: Settings, clock: Clock, hear: Hear) -> None:
        self._hear = hear
        self._stream = BinanceStream(
            settings.binance_stream_url, clock, self._take, patience=PATIENCE, pulse=PULSE
        )

    def want(self, symbols: Iterable[str]) -> None:
        self._stream.want(f"{symbol.lower()}@kline_1m" for symbol in symbols)

    async def run(self) -> None:
        await self._stream.run()

    def _take(self, event: StreamEvent) -> None:
        if isinstance(event, KlineUpdate):
            one = event.kline
            minute = Minute(one.open_ms // 1000, one.open, one.high, one.low, one.close, one.volume)
            self._hear(event.symbol, minute, event.closed)


class BybitMinutes:
    """Candles of linear contracts by ``kline.1.<symbol>``."""

    def __init__(self, settings: Settings, clock: Clock, hear: Hear) -> None:
        self._hear = hear
        self._stream = KlineStream(settings.venue_public_ws_url, clock, self._take)

    def want(self, symbols: Iterable[str]) -> None:
        self._stream.want(symbols)

    async def run(self) -> None:
        await self._stream.run()

    def _take(self, one: Kline) -> None:
        minute = Minute(one.time, one.open, one.high, one.low, one.close, one.volume)
        self._hear(one.symbol, minute, one.closed)


Opener = Callable[[Settings, Clock, Hear], MinuteStream]
OPENERS: Final[Mapping[str, Opener]] = {"binance": BinanceMinutes, "bybit": BybitMinutes}
