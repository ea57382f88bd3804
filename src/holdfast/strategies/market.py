"""The bars a strategy is run on: how far they are known without a hole nobody asked about, and the history
before them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from holdfast.core.bars import Bars
from holdfast.core.errors import Unavailable
from holdfast.core.resample import resample
from holdfast.core.time import utc_minute
from holdfast.core.timeframes import DAY, Timeframe, end_of, timeframe_of
from holdfast.market.candles import feeds
from holdfast.market.candles.gaps import Gap, Reason
from holdfast.market.candles.readers import Series
from holdfast.market.candles.service import Asked, Candles

MOST_WINDOW: Final = 20_000
"""Bars a script sees at most: what it began with and everything since, then the newest."""
LATE_SECONDS: Final = 20
"""After its end: until then the newest bar may be late; missing later, it does not exist."""
_PAGE: Final = 2000
_MOST_PAGES: Final = 30
"""In one look: more than the minutes of a month."""
_COMPUTED_SECONDS: Final = 12
"""What this installation makes itself, as bars of an index, is stored when it is over, after a moment."""
_SHORTEST_MONTH: Final = 28 * DAY

_WORDS: Final = {
    Reason.EXCHANGE_DOWN: "the exchange has none",
    Reason.NO_TRADES: "nobody traded",
    Reason.NOT_TRADED: "it is halted or no longer listed",
    Reason.NOT_LISTED: "it was not listed",
    Reason.NOT_FETCHED: "nobody has asked for them",
}


@dataclass(frozen=True, slots=True)
class Known:
    """Every bar that opens before ``until`` is stored or known not to exist; those are the ``gaps``."""

    until: int
    gaps: list[Gap]


def settle_seconds(series: Series) -> int:
    """How long after its end a bar is taken for closed."""
    computed = series.source not in feeds.OPENERS
    return feeds.SETTLE_SECONDS + (_COMPUTED_SECONDS if computed else 0)


async def known(candles: Candles, series: Series, start: int, now: int) -> Known:
    """How far the bars from ``start`` on are known; what the store lacks is fetched, a page at a time, and
    unknown where the venue does not answer."""
    step = series.base_seconds
    stop = (now - settle_seconds(series)) // step * step
    if series.source not in feeds.OPENERS:
        return Known(max(start, stop), [])
    gaps: list[Gap] = []
    for _ in range(_MOST_PAGES):
        limit = min((stop - start) // step, _PAGE)
        if limit <= 0:
            break
        try:
            page = await candles.page(series, Asked(base_of(series), limit, after=start - 1))
        except Unavailable:
            break
        # Less than was asked for where the venue's clock turns out to be behind ours.
        end = min(start + limit * step, page.closed_until // step * step)
        unknown = [gap.start for gap in page.gaps if gap.reason is Reason.NOT_FETCHED]
        reached = min([end, *unknown])
        gaps += [gap for gap in page.gaps if gap.start < reached]
        if reached < start + limit * step:
            return Known(max(start, reached), gaps)
        start = reached
    newest = start - step
    if now - start < LATE_SECONDS and any(gap.start <= newest < gap.until for gap in gaps):
        return Known(newest, gaps)
    return Known(start, gaps)


async def fresh(candles: Candles, series: Series, timeframe: Timeframe, start: int, until: int) -> Bars:
    """Bars of ``timeframe`` made of what is stored of [``start``, ``until``): the last may be a part."""
    return resample(await candles.stored(series, base_of(series), start, max(start, until)), timeframe)


def base_of(series: Series) -> Timeframe:
    """The timeframe of the bars that are stored."""
    return timeframe_of(series.base_seconds) or Timeframe.M1


async def history(
    candles: Candles,
    series: Series,
    timeframe: Timeframe,
    until: int,
    *,
    most: int,
    since: int,
    viewer: UUID | None = None,
) -> Bars:
    """The last ``most`` bars of those that open in [``since``, ``until``), or as many as there are.

    Raises:
        Unavailable: they are not here, and the venue does not answer.
    """
    parts: list[Bars] = []
    missing, before = most, until
    while missing > 0 and before > since:
        slots = -(-(before - since) // (timeframe.seconds or _SHORTEST_MONTH))
        page = await candles.page(series, Asked(timeframe, min(missing, slots), before), viewer=viewer)
        found = page.bars.between(since, before)
        parts.insert(0, found.take(slice(max(len(found) - missing, 0), None)))
        missing -= len(found)
        reached = int(page.bars.time[0]) if len(page.bars) else page.start
        if not page.more or reached >= before:
            break
        before = reached
    return Bars.concat(parts)


def complete(bars: Bars, timeframe: Timeframe, until: int) -> int:
    """How many of the bars are over when everything before ``until`` is known."""
    closed = len(bars)
    if closed and end_of(int(bars.time[-1]), timeframe) > until:
        closed -= 1
    return closed


def told_gaps(gaps: Sequence[Gap], start: int, until: int) -> str:
    """What is missing of [``start``, ``until``), for people; "" if nothing is."""
    inside = [gap for gap in gaps if gap.start < until and gap.until > start]
    if not inside:
        return ""
    first, last = max(inside[0].start, start), min(inside[-1].until, until)
    minutes = sum(min(gap.until, until) - max(gap.start, start) for gap in inside) // 60
    reasons = ", ".join(dict.fromkeys(_WORDS[gap.reason] for gap in inside))
    return (
        f"Bars are missing between {utc_minute(first)} UTC and {utc_minute(last)} UTC "
        f"({minutes} min: {reasons}). The position was held through."
    )
