"""The bars a script is tried on: the last closed ones of a series, or made-up ones where none are here."""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from holdfast.core.bars import FloatBars
from holdfast.core.errors import HoldfastError, InvalidInput, Unavailable
from holdfast.core.timeframes import Timeframe, shifted, start_of
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.service import Asked, Candles

SERIES: Final = "bybit:BTCUSDT"
"""What a new chart shows."""
TIMEFRAME: Final = Timeframe.M15
BARS: Final = 2000
_FEWEST: Final = 200
_SECONDS: Final = 5.0
_SEED: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """``series``: ``None`` for made-up bars."""

    bars: FloatBars
    series: str | None
    timeframe: Timeframe


async def sample(
    candles: Candles, series: str | None, timeframe: Timeframe | None, *, user_id: UUID, now: int
) -> Sample:
    """The bars of ``series``; without one those of a new chart, made up if they are too few or do not come.

    Raises:
        InvalidInput: there are no bars of this timeframe.
        NotFound: there is no such series, or it is somebody else's.
        Unavailable: they do not come.
    """
    wanted = timeframe or TIMEFRAME
    if series is not None:
        return await _stored(candles, series, wanted, user_id, fewest=1)
    try:
        return await _stored(candles, SERIES, wanted, user_id, fewest=_FEWEST)
    except HoldfastError:
        return Sample(made_up(wanted, BARS, now), None, wanted)


async def _stored(candles: Candles, name: str, timeframe: Timeframe, user_id: UUID, *, fewest: int) -> Sample:
    try:
        async with asyncio.timeout(_SECONDS):
            series = await candles.find(*split_name(name), user_id)
            page = await candles.page(series, Asked(timeframe, BARS))
    except TimeoutError:
        raise Unavailable(
            f"The bars of {name} take too long to come.", advice="Try again in a moment."
        ) from None
    bars = page.bars.take(slice(len(page.bars) - page.forming))
    if len(bars) < fewest:
        raise InvalidInput(f"{name} has no closed bars of {timeframe}.", advice="Choose another timeframe.")
    return Sample(bars.as_floats(), name, timeframe)


def made_up(timeframe: Timeframe, count: int, now: int) -> FloatBars:
    """Bars of a price that wanders, trends and rests, the last one closed at ``now``; always the same but for
    their times."""
    random = np.random.default_rng(_SEED)
    swing = 0.002 * np.exp(np.sin(np.arange(count) / 90))
    drift = 0.0006 * np.sin(np.arange(count) / 140)
    close = 30_000 * np.exp(np.cumsum(drift + swing * random.standard_normal(count)))
    opened = np.concatenate(([30_000.0], close[:-1]))
    reach = np.abs(random.standard_normal((2, count))) * swing * close
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    volume = np.exp(random.normal(3, 1, count))
    until = start_of(now, timeframe)
    time = np.array([shifted(until, timeframe, n - count) for n in range(count)], dtype=np.int64)
    return FloatBars(time, opened, high, low, close, volume)
