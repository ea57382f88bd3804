"""Candles of any interval from the tape: whole hours, then whole minutes, then the minute that is forming."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from holdfast.sim.instruments import SimInstrument
from holdfast.sim.noise import Floats, Ints
from holdfast.sim.paths import DAY_MS, HOUR_MS, MINUTE_MS, ORIGIN_MS, STEP_MS, STEPS
from holdfast.sim.tape import Tape

MONTH_MS: Final = -1
"""As an interval: calendar months (UTC)."""
WEEK_MS: Final = 7 * DAY_MS
_MONDAY: Final = 4 * DAY_MS  # the epoch was a Thursday

Candle = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Consecutive stretches of one coin's path, as log-prices, with the value traded in USD."""

    open_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    value: Floats

    @property
    def hours(self) -> Ints:
        """The hour each stretch lies in, counted from the origin."""
        return (self.open_ms - ORIGIN_MS) // HOUR_MS


def bucket_start(moments: Ints, interval_ms: int) -> Ints:
    """Opening times of the candles that hold ``moments``."""
    if interval_ms == MONTH_MS:
        months = moments.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    offset = _MONDAY if interval_ms % WEEK_MS == 0 else 0
    return (moments - offset) // interval_ms * interval_ms + offset


def pieces(
    tape: Tape, column: int, interval_ms: int, start_ms: int, end_ms: int, now_ms: int
) -> Pieces | None:
    """What is needed for the candles that open from ``start_ms`` to ``end_ms``; ``None`` if nothing happened.

    Raises:
        ValueError: the interval is not a whole number of minutes.
    """
    if interval_ms != MONTH_MS and (interval_ms <= 0 or interval_ms % MINUTE_MS):
        raise ValueError("A candle's interval is a whole number of minutes.")
    span = 31 * DAY_MS if interval_ms == MONTH_MS else interval_ms
    first, last = bucket_start(np.array([max(start_ms, ORIGIN_MS), end_ms]), interval_ms).tolist()
    first = max(first, ORIGIN_MS)
    stop = min(last + span, now_ms + 1)
    if stop <= first:
        return None
    by_hour = interval_ms == MONTH_MS or interval_ms % HOUR_MS == 0
    parts: list[Pieces] = []
    if by_hour:
        whole = _floor(stop, HOUR_MS)
        parts += _whole(tape, column, first, whole, HOUR_MS)
        first = max(first, whole)
    whole = _floor(stop, MINUTE_MS)
    parts += _whole(tape, column, first, whole, MINUTE_MS)
    if stop > whole and whole <= now_ms < whole + MINUTE_MS:
        parts.append(_forming(tape, column, whole, now_ms))
    return _joined(parts)


def grouped(
    found: Pieces, ticks: tuple[Ints, Ints, Ints, Ints], interval_ms: int, one: SimInstrument, share: float
) -> list[Candle]:
    """``ticks`` are open, high, low and close of every piece on the grid of ``one``; ``share`` is the part of
    the coin's traded value that its venue sees."""
    buckets = bucket_start(found.open_ms, interval_ms)
    heads = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    tails = np.append(heads[1:], len(buckets)) - 1
    opens, closes = ticks[0][heads], ticks[3][tails]
    highs = np.maximum.reduceat(ticks[1], heads)
    lows = np.minimum.reduceat(ticks[2], heads)
    mean_price = (opens + highs + lows + closes) / 4 * float(one.tick)
    value = np.add.reduceat(found.value, heads) * share
    lots = np.rint(value / mean_price / float(one.lot)).astype(np.int64)
    tick, lot = one.tick, one.lot
    rows = (column.tolist() for column in (buckets[heads], opens, highs, lows, closes, lots))
    return [
        (at, op * tick, hi * tick, lo * tick, cl * tick, n * lot, n * lot * (op + hi + lo + cl) * tick / 4)
        for at, op, hi, lo, cl, n in zip(*rows, strict=True)
    ]


def _floor(moment_ms: int, width_ms: int) -> int:
    return moment_ms // width_ms * width_ms


def _whole(tape: Tape, column: int, start_ms: int, stop_ms: int, width_ms: int) -> list[Pieces]:
    first, count = (start_ms - ORIGIN_MS) // width_ms, (stop_ms - start_ms) // width_ms
    if count <= 0:
        return []
    coins = np.array([column])
    read, value = (
        (tape.hours, tape.hour_values) if width_ms == HOUR_MS else (tape.minutes, tape.minute_values)
    )
    bars = read(first, count, coins)
    times = start_ms + np.arange(count, dtype=np.int64) * width_ms
    traded = value(first, count, coins)[:, 0]
    return [Pieces(times, bars.open[:, 0], bars.high[:, 0], bars.low[:, 0], bars.close[:, 0], traded)]


def _forming(tape: Tape, column: int, start_ms: int, now_ms: int) -> Pieces:
    minute = (start_ms - ORIGIN_MS) // MINUTE_MS
    coins = np.array([column])
    passed = (now_ms - start_ms) // STEP_MS + 1
    path = tape.steps(minute, coins)[:passed, 0]
    value = tape.minute_values(minute, 1, coins)[:, 0] * passed / STEPS
    high, low = path.max(keepdims=True), path.min(keepdims=True)
    return Pieces(np.array([start_ms]), path[:1], high, low, path[-1:], value)


def _joined(parts: list[Pieces]) -> Pieces | None:
    if not parts:
        return None
    names = ("open_ms", "open", "high", "low", "close", "value")
    return Pieces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
