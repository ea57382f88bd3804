"""Brings one strategy up to date, bar by bar, each exactly once, whoever is killed at whatever moment.

What is to be done is read from its row; the bars are looked at and the script is run without a lock; then one
transaction writes the bar, unless the row has changed meanwhile (``booking``). The value at a bar is computed
from the bars up to it only, also when bars of a halt are caught up with.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, DoesNotFit, FloatBars
from holdfast.core.errors import NotFound, Unavailable
from holdfast.core.time import Clock, utc_minute
from holdfast.core.timeframes import DAY, Timeframe, end_of, shifted, start_of
from holdfast.market.candles.readers import Series, split_name
from holdfast.market.candles.service import Candles
from holdfast.platform.database import Database
from holdfast.scripts.language.output import Output
from holdfast.scripts.models import ScriptVersion
from holdfast.scripts.running import Runner, task_of
from holdfast.scripts.values import WARMUP
from holdfast.strategies import booking, books, market, states
from holdfast.strategies.booking import Bar
from holdfast.strategies.market import Known
from holdfast.strategies.models import Strategy
from holdfast.strategies.values import Value, digest, value_of

log = structlog.get_logger(__name__)

MOST_BARS: Final = 10
"""On which the script is run in one job, and"""
MOST_HELD: Final = 500
"""bars altogether: then other strategies have their turn."""
LATE_SECONDS: Final = 15.0
"""Nobody is told of a bar that is late for less."""
LONGEST_SILENCE: Final = DAY
"""Without a price: then the position of a stopped strategy stays, and of others it is told."""
SANDBOX_SECONDS: Final = 45.0
"""So long a run may wait for its turn and take."""
NO_SANDBOX: Final = (
    "Waiting for the sandbox, which runs scripts. It goes on by itself; if it stays so, see that "
    "`holdfast sandbox` runs."
)
_SOONEST: Final = 1.0
_LONGEST: Final = 30.0

Announce = Callable[[UUID], Awaitable[None]]
Write = Callable[[AsyncSession, datetime], Awaitable[bool]]


class Late(Exception):
    """What is needed cannot be had now: try again after ``seconds``."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason


class Overtaken(Exception):
    """The strategy was changed meanwhile: look at it again."""


@dataclass(frozen=True, slots=True)
class Stepper:
    """``announce`` tells a user's pages that something of theirs has changed."""

    database: Database
    candles: Candles
    runner: Runner
    clock: Clock
    announce: Announce

    async def bring_up_to_date(self, strategy_id: UUID) -> float | None:
        """Do what is due. The seconds until the next look, ``None`` if there will be nothing to do.

        Raises:
            Late: bars, the venue or the sandbox are not there.
        """
        try:
            return await self._look(strategy_id)
        except Overtaken:
            return 0.0

    async def _look(self, strategy_id: UUID) -> float | None:
        async with self.database.transaction() as session:
            row = await session.get(Strategy, strategy_id)
            version = await session.get(ScriptVersion, (row.script_id, row.version)) if row else None
        if row is None or version is None or not _at_work(row):
            return None
        try:
            series = await self.candles.find(*split_name(row.series), row.user_id)
        except NotFound as error:
            await self._fail(row, "data", error.detail)
            return None
        try:
            return await _Look(self, row, version.source, series).carry_out()
        except Unavailable as error:
            reason = f"{error.detail} It goes on by itself once that is over."
            raise await self.late(row, reason, since=None) from error
        except DoesNotFit as error:
            await self._fail(row, "data", f"The prices of {row.series} do not fit any more: {error}.")
            return None

    async def run(self, row: Strategy, source: str, bars: FloatBars) -> Output:
        """What the strategy's script says about these bars.

        Raises:
            Unavailable: no script can be run now, or not within ``SANDBOX_SECONDS``.
        """
        task = task_of(source, row.series, Timeframe(row.timeframe), row.inputs, bare=True)
        try:
            async with asyncio.timeout(SANDBOX_SECONDS):
                return await self.runner.run(task, bars, owner=str(row.user_id), purpose="live")
        except TimeoutError as error:
            raise Unavailable("The sandbox is too busy.", advice="Wait a moment.") from error

    async def write(self, row: Strategy, work: Write) -> None:
        """One transaction. Raises ``Overtaken`` if the row has changed."""
        async with self.database.transaction() as session:
            written = await work(session, self.clock.now())
        if not written:
            raise Overtaken
        await self.announce(row.user_id)

    async def late(self, row: Strategy, reason: str, *, since: int | None) -> Late:
        """Note what keeps the bar that was due at ``since`` (now is late enough, if that is not known)."""
        overdue = LATE_SECONDS if since is None else self.clock.now().timestamp() - since
        if overdue >= LATE_SECONDS:
            await self.tell(row, reason)
        return Late(min(max(overdue / 4, _SOONEST), _LONGEST), reason)

    async def tell(self, row: Strategy, reason: str) -> None:
        """Note what it waits for, unless that is known."""
        async with self.database.transaction() as session:
            told = await booking.note_waiting(session, row, reason, self.clock.now())
        if told:
            await self.announce(row.user_id)

    async def _fail(self, row: Strategy, kind: str, message: str) -> None:
        error = {"kind": kind, "message": message, "line": None}
        if row.state == states.PAPER:
            await self.write(row, lambda session, now: booking.note_failure(session, row, error, now))
        elif row.closing_from is not None:
            await self.write(row, lambda session, now: booking.note_unclosed(session, row, message, now))
        else:
            await self.tell(row, f"{message} What it holds cannot be valued any more. Stop it.")


def _at_work(row: Strategy) -> bool:
    """What is over, or has failed and holds nothing, needs no bars: as ``repository.followed_series``."""
    if row.state == states.STOPPED:
        return row.closing_from is not None
    return row.state != states.FAILED or books.book_of(row.book).lots != 0


class _Look:
    """One look at one strategy."""

    def __init__(self, tools: Stepper, row: Strategy, source: str, series: Series) -> None:
        self._tools = tools
        self._row = row
        self._source = source
        self._series = series
        self._timeframe = Timeframe(row.timeframe)
        self._terms = books.terms_of(row.terms)

    async def carry_out(self) -> float | None:
        row, candles = self._row, self._tools.candles
        now = int(self._tools.clock.now().timestamp())
        if row.anchor is None and row.state == states.PAPER:
            await self._begin()
        if row.closing_from is not None:
            return await self._close_position(row.closing_from, now)
        known = await market.known(candles, self._series, row.next_time, now)
        bars = await market.fresh(candles, self._series, self._timeframe, row.next_time, known.until)
        closed = market.complete(bars, self._timeframe, known.until)
        if closed:
            await self._closes(bars.take(slice(closed)), known)
            return 0.0
        if len(bars) and booking.wants_open(row) and row.opened != int(bars.time[0]):
            bar = Bar(int(bars.time[0]), self._price(bars, 0, "open"))
            await self._tools.write(row, lambda session, at: booking.book_open(session, row, bar, at))
            return 0.0
        return await self._until_next(known, opened=len(bars) > 0)

    async def _begin(self) -> None:
        """The first look: run the script once over what lies before, so that what is wrong with it is told
        now and not at the first close."""
        row = self._row
        anchor = shifted(row.since, self._timeframe, -WARMUP)
        before = await self._history(row.since, anchor)
        if len(before):
            value = await self._value(before)
            if value.error is not None:
                error = value.error
                await self._tools.write(
                    row, lambda session, now: booking.note_failure(session, row, error, now)
                )
                raise Overtaken
        await self._tools.write(row, lambda session, now: booking.note_anchor(session, row, anchor, now))
        raise Overtaken

    async def _closes(self, bars: Bars, known: Known) -> None:
        """Record one bar after the other, each with a value from the bars up to it."""
        row = self._row
        before = Bars.empty()
        if any(self._acts(row, time) for time in bars.time.tolist()):
            before = await self._history(row.next_time, row.since if row.anchor is None else row.anchor)
        asked = 0
        for place, time in enumerate(bars.time.tolist()[:MOST_HELD]):
            asked += self._acts(row, time)
            if asked > MOST_BARS:
                return
            upto = Bars.concat([before, bars.take(slice(place + 1))])
            upto = upto.take(slice(max(len(upto) - market.MOST_WINDOW, 0), None))
            value = await self._value(upto) if self._acts(row, time) else None
            seen = value.bars if value else digest(bars.take(slice(place, place + 1)).as_floats())
            bar = Bar(time, self._price(bars, place, "open"), self._price(bars, place, "close"))
            gaps = market.told_gaps(known.gaps, row.next_time, end_of(time, self._timeframe))
            row = await self._record(row, bar, value, seen, gaps)
            if row.state == states.STOPPED:
                return

    async def _record(self, row: Strategy, bar: Bar, value: Value | None, seen: bytes, gaps: str) -> Strategy:
        """The row as it is then. It is read again, so that it is known what was written."""
        await self._tools.write(
            row, lambda session, now: booking.book_close(session, row, bar, value, seen, gaps, now)
        )
        async with self._tools.database.transaction() as session:
            found = await session.get(Strategy, row.id)
        if found is None:
            raise Overtaken
        return found

    async def _close_position(self, since: int, now: int) -> float | None:
        row, step = self._row, self._series.base_seconds
        begin = -(-since // step) * step
        known = await market.known(self._tools.candles, self._series, begin, now)
        bars = await market.fresh(
            self._tools.candles, self._series, market.base_of(self._series), begin, known.until
        )
        if len(bars):
            first = bars.take(slice(1))
            bar, seen = Bar(int(first.time[0]), self._price(first, 0, "open")), digest(first.as_floats())
            await self._tools.write(row, lambda session, now: booking.book_end(session, row, bar, seen, now))
            return None
        if known.until - begin >= LONGEST_SILENCE:
            reason = f"{row.series} has had no price for a day."
            await self._tools.write(
                row, lambda session, now: booking.note_unclosed(session, row, reason, now)
            )
            return None
        return await self._wait_until(max(begin, known.until) + step + market.settle_seconds(self._series))

    async def _until_next(self, known: Known, *, opened: bool) -> float:
        """Until the open of the bar that forms is known, if something is to be traded at it, else until its
        close."""
        settle, silence = market.settle_seconds(self._series), ""
        if not opened and known.until - self._row.next_time >= LONGEST_SILENCE:
            silence = (
                f"{self._row.series} has had no price for a day. If it is traded no more, stop this strategy."
            )
            await self._tools.tell(self._row, silence)
        if booking.wants_open(self._row) and not opened:
            return await self._wait_until(known.until + self._series.base_seconds + settle, silence)
        return await self._wait_until(
            end_of(start_of(known.until, self._timeframe), self._timeframe) + settle, silence
        )

    async def _wait_until(self, due: int, reason: str = "") -> float:
        """Raises ``Late`` where that was before now: a bar should be there and is not. ``reason``: why, where
        more is known than that the source has not told it."""
        now = self._tools.clock.now().timestamp()
        if due > now:
            return due - now
        bar = utc_minute(due - market.settle_seconds(self._series))
        reason = reason or (
            f"Waiting for the prices up to {bar} UTC: {self._series.source} has not told them. "
            "It goes on by itself once they are there."
        )
        raise await self._tools.late(self._row, reason, since=due)

    async def _history(self, until: int, since: int) -> Bars:
        return await market.history(
            self._tools.candles,
            self._series,
            self._timeframe,
            until,
            since=max(since, 0),
            most=market.MOST_WINDOW,
            viewer=self._row.user_id,
        )

    async def _value(self, closed: Bars) -> Value:
        """Of the last of the bars."""
        bars = closed.as_floats()
        try:
            return value_of(await self._tools.run(self._row, self._source, bars), self._row, bars)
        except Unavailable as error:
            log.info("no sandbox", strategy=str(self._row.id), reason=error.detail)
            raise await self._tools.late(self._row, NO_SANDBOX, since=None) from error

    def _acts(self, row: Strategy, time: int) -> bool:
        over = end_of(time, self._timeframe)
        return row.state == states.PAPER and over >= row.active_from.timestamp()

    def _price(self, bars: Bars, place: int, column: str) -> int:
        value = int(getattr(bars, column)[place])
        return booking.at_scale([value], bars.price_decimals, self._terms)[0]
