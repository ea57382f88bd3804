"""One back-test from its bars to its figures, a stage at a time. Safe to begin again."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.backtest import history, packing, reading, repository, weights, words
from holdfast.backtest.models import Backtest
from holdfast.backtest.outcome import MOST_TRADES, Outcome, outcome
from holdfast.backtest.reading import MOST_BARS
from holdfast.backtest.repository import DONE, EQUITY, QUEUED, RUNNING, TRADES
from holdfast.charts.datasets import service as datasets
from holdfast.charts.sources import open_candles
from holdfast.core.bars import Bars, FloatBars, Floats
from holdfast.core.errors import InvalidInput
from holdfast.core.time import utc_minute
from holdfast.core.timeframes import Timeframe, shifted
from holdfast.market.candles import feeds
from holdfast.market.candles.readers import Series, split_name
from holdfast.platform import jobs
from holdfast.platform.background import cancel
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.scripts import causality
from holdfast.scripts import service as scripts
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import Task
from holdfast.scripts.running import Runner, ScriptFailed, task_of
from holdfast.scripts.values import WARMUP

_HISTORY_SECONDS: Final = 2.0
_LONGEST_HISTORY: Final = timedelta(minutes=30)
_LONGEST_CHECK: Final = timedelta(seconds=60)
_LOOK_SECONDS: Final = 1.0
"""How soon a run of the script notices that nobody wants it any more."""
_SIGNALS_A_PAGE: Final = 5000


class Stopped(Exception):
    """It was cancelled or deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Read:
    """``bars`` from the warm-up on; those from ``first`` on are traded."""

    bars: Bars
    first: int
    series: Series
    warnings: list[Any]


class Carrying:
    """The stages of one back-test, and what is told of them. Each raises ``Stopped``."""

    def __init__(self, work: Work, row: Backtest, runner: Runner) -> None:
        self._work = work
        self._row = row
        self._runner = runner
        self._timeframe = Timeframe(row.timeframe)

    async def carry_out(self) -> None:
        """Raises ``HoldfastError``: it cannot be done; ``Unavailable``: not now; ``RunAgainIn``: its bars are
        on their way."""
        read = await self._read()
        cautions = list(read.warnings)
        if self._row.kind == "script":
            targets = await self._of_script(read, cautions)
        else:
            targets = await self._of_signals(read, cautions)
        await self._enter("trading")
        async with self._work.database.transaction() as session:
            terms = await reading.terms_of(
                session,
                read.series,
                capital=self._row.capital,
                fee_rate=self._row.fee_rate,
                slippage=self._row.slippage,
                allow_short=self._row.allow_short,
            )
        bars = read.bars.take(slice(read.first, None)).at_scale(
            terms.price_decimals, read.bars.volume_decimals
        )
        found = await asyncio.to_thread(outcome, bars, targets[read.first :], terms)
        if not found.trades:
            cautions.append(words.untraded())
        if found.ruined:
            cautions.append(words.ruined())
        if found.more:
            cautions.append(words.unlisted(found.more, MOST_TRADES))
        await self._enter("figures")
        await self._keep(bars, read.series, found, cautions)

    # --- bars --------------------------------------------------------------------------------------------

    async def _read(self) -> Read:
        row, timeframe, now = self._row, self._timeframe, self._work.clock.now()
        candles = open_candles(self._work.database, self._work.clock, {})
        series = await candles.find(*split_name(row.series), row.user_id)
        start, until = reading.span_of(series, timeframe, row.since, row.until, now)
        warm_from = self._warm_from(series, start, until)
        fetched = history.fetched_from(series, timeframe, warm_from, start)
        await self._have_history(series, fetched, until, now)
        async with self._work.database.transaction() as session:
            begin = await history.here_from(session, series, timeframe, warm_from, fetched)

        async def passed(done: int, total: int) -> None:
            await self._enter("bars", done, total)

        bars, series = await reading.read(candles, series, row.user_id, timeframe, begin, until, passed)
        first = int(np.searchsorted(bars.time, start))
        if len(bars) - first < reading.LEAST_BARS:
            raise InvalidInput(
                f"There are not two bars of {series.name} between {utc_minute(start)} UTC and "
                f"{utc_minute(until)} UTC.",
                advice="Choose other times, or open its chart and go back to them: that fills its history.",
            )
        traded = bars.take(slice(first, None))
        venue = series.source in feeds.OPENERS
        gaps = reading.gaps_of(traded, timeframe)
        warnings = words.of_bars(traded, timeframe, (start, until), gaps, venue)
        if begin > warm_from:
            warnings.append(words.of_warm_up(first, self._warm_up(start, until)))
        return Read(bars, first, series, warnings)

    def _warm_from(self, series: Series, start: int, until: int) -> int:
        """Where the bars begin that only the script sees."""
        if self._row.kind != "script" or self._row.since is None:
            return start
        begin = max(shifted(start, self._timeframe, -self._warm_up(start, until)), 0)
        known = 0 if series.source in feeds.OPENERS or series.first_time is None else series.first_time
        return max(begin, min(start, known))

    def _warm_up(self, start: int, until: int) -> int:
        """Bars before ``start`` that the script may see."""
        room = MOST_BARS - (until - start) // self._timeframe.longest
        return max(min(WARMUP, room), 0)

    async def _have_history(self, series: Series, start: int, until: int, now: datetime) -> None:
        """Once it is there it counts as begun: the time of fetching is no time of running."""
        row = self._row
        if row.stage not in (QUEUED, "history"):
            return
        if now - (row.started_at or now) <= _LONGEST_HISTORY:
            async with self._work.database.transaction() as session:
                asked = row.stage == "history"
                filling = await history.filling(session, series, start, until, asked=asked, now=now)
            if filling is not None:
                await self._enter("history", filling.done, filling.total)
                raise RunAgainIn(_HISTORY_SECONDS)
        row.started_at = now
        await self._enter("bars", started_at=now)

    # --- weights -----------------------------------------------------------------------------------------

    async def _of_script(self, read: Read, cautions: list[Any]) -> Floats:
        row = self._row
        assert row.script_id is not None
        async with self._work.database.transaction() as session:
            version = await scripts.version_of(session, row.user_id, row.script_id, row.version)
        task = task_of(version.source, row.series, self._timeframe, row.inputs, bare=True)
        bars = read.bars.as_floats()
        await self._enter("script", 0, 1)
        whole = await self._output(task, bars)
        if whole.error is not None:
            raise ScriptFailed(whole.error)
        targets = weights.of_output(
            whole.signals, whole.target, size=float(row.signal_size), allow_short=row.allow_short
        )
        cautions += await self._look_ahead(task, bars, whole)
        return targets

    async def _look_ahead(self, task: Task, bars: FloatBars, whole: Output) -> list[Any]:
        """What the script's weights owe to bars they could not know: these very bars are run again in parts,
        as many as there is time for."""
        runs = causality.plan(len(bars.time), self._row.id.int % 2**32)
        examiner = causality.Examiner(bars.time)
        limit = self._work.clock.now() + _LONGEST_CHECK
        for number, one in enumerate(runs):
            await self._enter("causality", number, len(runs))
            if one.kind == "whole":
                examiner.see(one, whole)
            elif self._work.clock.now() > limit:
                return words.of_check(examiner.report(), number, len(runs))
            else:
                left = (limit - self._work.clock.now()).total_seconds()
                try:
                    async with asyncio.timeout(left):
                        output = await self._output(task, one.of(bars))
                except TimeoutError:
                    return words.of_check(examiner.report(), number, len(runs))
                examiner.see(one, output)
        return words.of_check(examiner.report(), len(runs), len(runs))

    async def _output(self, task: Task, bars: FloatBars) -> Output:
        owner = str(self._row.user_id)
        running = asyncio.ensure_future(self._runner.run(task, bars, owner=owner, purpose="backtest"))
        try:
            while not (await asyncio.wait((running,), timeout=_LOOK_SECONDS))[0]:
                await self._still_wanted()
            return await running
        finally:
            await cancel([running])

    async def _still_wanted(self) -> None:
        async with self._work.database.transaction() as session:
            found = await repository.backtest_of(session, self._row.user_id, self._row.id)
        if found is None or found.state != RUNNING:
            raise Stopped

    async def _of_signals(self, read: Read, cautions: list[Any]) -> Floats:
        row = self._row
        assert row.dataset_id is not None
        await self._enter("script")
        times, types = [], []
        async with self._work.database.transaction() as session:
            dataset = await datasets.ready(session, row.user_id, row.dataset_id)
            async for signal in datasets.signal_rows(session, dataset.id, _SIGNALS_A_PAGE):
                times.append(signal.time)
                types.append(signal.type)
        targets, unused = weights.of_marks(
            np.array(times, np.int64),
            types,
            read.bars.time,
            size=float(row.signal_size),
            allow_short=row.allow_short,
        )
        if unused:
            cautions.append(words.unused(unused))
        return targets

    # --- telling -----------------------------------------------------------------------------------------

    async def _enter(self, stage: str, done: int = 0, total: int = 0, **more: Any) -> None:
        async with self._work.database.transaction() as session:
            if not await repository.note(session, self._row.id, stage=stage, done=done, total=total, **more):
                raise Stopped

    async def _keep(self, bars: Bars, series: Series, found: Outcome, cautions: list[Any]) -> None:
        row, now = self._row, self._work.clock.now()
        header = {"series": row.series, "timeframe": row.timeframe, "quote": row.quote}
        curves, trades = await asyncio.to_thread(_packed, found, header)
        async with self._work.database.transaction() as session:
            await jobs.renew(session, self._work.lease, now=now)
            kept = await repository.note(
                session,
                row.id,
                state=DONE,
                stage=DONE,
                done=0,
                total=0,
                error=None,
                warnings=cautions,
                figures=found.figures,
                sparkline=found.sparkline,
                bars=len(bars),
                first_bar=int(bars.time[0]),
                last_bar=int(bars.time[-1]),
                revision=series.revision,
                trades=len(found.trades),
                took=round((now - (row.started_at or now)).total_seconds(), 3),
                finished_at=now,
            )
            if not kept:
                raise Stopped
            await _put(session, row, curves, trades)


def _packed(found: Outcome, header: dict[str, Any]) -> tuple[bytes, list[bytes]]:
    return packing.pack_curves(found.curves, header), list(packing.pack_trades(found.trades))


async def _put(session: AsyncSession, row: Backtest, curves: bytes, trades: list[bytes]) -> None:
    await repository.put_parts(session, row.id, EQUITY, [curves])
    await repository.put_parts(session, row.id, TRADES, trades)
