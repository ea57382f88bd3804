"""What users do with back-tests: ask for one, look, cancel, delete."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.backtest import packing, reading, repository
from holdfast.backtest.models import Backtest
from holdfast.backtest.repository import CANCELLED, EQUITY, QUEUED, TRADES, UNDER_WAY
from holdfast.backtest.schemas import (
    BacktestProgress,
    BacktestScript,
    BacktestSettings,
    BacktestSignals,
    BacktestTrade,
    BacktestView,
    NewBacktest,
    ScriptWanted,
)
from holdfast.charts.datasets import service as datasets
from holdfast.charts.datasets.repository import SOURCE as OWN
from holdfast.core.errors import Conflict, InvalidInput, NotFound, TooManyRequests
from holdfast.core.identity import new_id
from holdfast.core.time import from_seconds
from holdfast.core.timeframes import divides
from holdfast.market.candles.readers import Series
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.platform.paging import decode_cursor, encode_cursor
from holdfast.platform.schemas import Page
from holdfast.scripts import service as scripts

JOB: Final = "backtest.run"
MOST_KEPT: Final = 200
MOST_WAITING: Final = 20
MOST_AT_ONCE: Final = 2
"""Of one user."""


# --- asking -------------------------------------------------------------------------------------------------


def check_times(wanted: NewBacktest, series: Series, now: datetime) -> None:
    """Raises ``InvalidInput``: bars of the future, too many, or of a length these bars cannot make."""
    latest = max((moment for moment in (wanted.since, wanted.until) if moment is not None), default=now)
    if latest > now:
        raise InvalidInput(
            f"{latest:%Y-%m-%d %H:%M} UTC is in the future.", advice="A back-test is about past bars."
        )
    if not divides(series.base_seconds, wanted.timeframe):
        raise InvalidInput(
            f"The bars of {series.name} are {series.base_seconds} s long and make no {wanted.timeframe}.",
            advice="Choose another timeframe.",
        )
    reading.span_of(series, wanted.timeframe, second_of(wanted.since), second_of(wanted.until), now)


async def submit(
    session: AsyncSession, user_id: UUID, wanted: NewBacktest, series: Series, quote: str, *, now: datetime
) -> BacktestView:
    """Have it run. All of it commits with the caller.

    Raises:
        NotFound: the script or the signals are not this user's.
        InvalidInput: the script has an error, or the dataset holds no signals.
        Conflict: too many are kept.
        TooManyRequests: too many wait.
    """
    await lock_user(session, user_id)
    await _check_room(session, user_id)
    row = Backtest(
        id=new_id(),
        user_id=user_id,
        inputs=wanted.inputs,
        series=series.name,
        timeframe=wanted.timeframe.value,
        since=second_of(wanted.since),
        until=second_of(wanted.until),
        capital=wanted.capital,
        fee_rate=wanted.fee_rate,
        slippage=wanted.slippage,
        allow_short=wanted.allow_short,
        signal_size=wanted.signal_size,
        quote=quote,
        state=QUEUED,
        stage=QUEUED,
        created_at=now,
    )
    if isinstance(wanted.source, ScriptWanted):
        await _take_script(session, user_id, row, wanted.source)
    else:
        await _take_signals(session, user_id, row, wanted.source.dataset_id)
    row.name = f"{row.source_name} · {await _called(session, user_id, series)} · {row.timeframe}"
    session.add(row)
    await session.flush()
    await enqueue(session, JOB, str(row.id), now=now)
    return await view(session, row)


async def _called(session: AsyncSession, user_id: UUID, series: Series) -> str:
    """Own bars by their dataset's name, an index by its id, everything else by its symbol."""
    if series.source == OWN:
        return (await datasets.owned(session, user_id, UUID(series.symbol))).name
    return series.symbol


async def _check_room(session: AsyncSession, user_id: UUID) -> None:
    waiting = await repository.count(session, user_id, UNDER_WAY)
    if waiting >= MOST_WAITING:
        raise TooManyRequests(
            f"{waiting} of your back-tests wait or run.",
            advice="Wait until one of them is done, or cancel one.",
            retry_after=10,
        )
    kept = await repository.count(session, user_id)
    if kept >= MOST_KEPT:
        raise Conflict(f"You keep {kept} back-tests, which is the most.", advice="Delete some first.")


async def _take_script(session: AsyncSession, user_id: UUID, row: Backtest, wanted: ScriptWanted) -> None:
    version = await scripts.version_of(session, user_id, wanted.script_id, wanted.version)
    row.kind, row.script_id, row.version = "script", version.script_id, version.number
    row.source_name = await repository.script_name(session, version.script_id)


async def _take_signals(session: AsyncSession, user_id: UUID, row: Backtest, dataset_id: UUID) -> None:
    dataset = await datasets.ready(session, user_id, dataset_id)
    if dataset.kind != "signals":
        raise InvalidInput(
            f"{dataset.name} holds bars, no signals.",
            advice="Choose a dataset of signals; own bars are named as the series.",
        )
    row.kind, row.dataset_id, row.source_name = "signals", dataset.id, dataset.name


# --- looking ------------------------------------------------------------------------------------------------


async def page(
    session: AsyncSession, user_id: UUID, *, script_id: UUID | None, cursor: str | None, limit: int
) -> Page[BacktestView]:
    """Newest first. Raises ``InvalidInput``: the cursor is not one of ours."""
    rows = await repository.backtests(
        session, user_id, script_id=script_id, before=_place(cursor), limit=limit + 1
    )
    shown = rows[:limit]
    more = encode_cursor(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None
    return Page(items=await views(session, shown), next_cursor=more)


async def owned(session: AsyncSession, user_id: UUID, backtest_id: UUID, *, lock: bool = False) -> Backtest:
    """Raises ``NotFound``, also for somebody else's."""
    row = await repository.backtest_of(session, user_id, backtest_id, lock=lock)
    if row is None:
        raise NotFound("There is no such back-test.", advice="GET /api/backtests lists yours.")
    return row


async def finished(session: AsyncSession, user_id: UUID, backtest_id: UUID) -> Backtest:
    """Raises ``NotFound``; ``Conflict``: it is not done, or never will be."""
    row = await owned(session, user_id, backtest_id)
    if row.state != repository.DONE:
        raise Conflict("This back-test has no result yet.", advice="Wait until it is done, or see its error.")
    return row


async def equity(session: AsyncSession, user_id: UUID, backtest_id: UUID, points: int) -> bytes:
    """The column answer. Raises as ``finished``."""
    row = await finished(session, user_id, backtest_id)
    (packed,) = await repository.parts(session, row.id, EQUITY, 0, 0)
    return packing.thinned_curves(packed, points)


async def trades(
    session: AsyncSession, user_id: UUID, backtest_id: UUID, *, cursor: str | None, limit: int
) -> Page[BacktestTrade]:
    """Oldest first. Raises as ``finished``; ``InvalidInput``: the cursor is not one of ours."""
    row = await finished(session, user_id, backtest_id)
    start = _number(cursor)
    first, last = start // packing.TRADES_A_PART, (start + limit) // packing.TRADES_A_PART
    found = [
        trade
        for packed in await repository.parts(session, row.id, TRADES, first, last)
        for trade in packing.unpack_trades(packed)
    ]
    begin = start - first * packing.TRADES_A_PART
    shown = [BacktestTrade.model_validate(trade) for trade in found[begin : begin + limit]]
    end = start + len(shown)
    more = encode_cursor(row.created_at, end) if shown and end < row.trades else None
    return Page(items=shown, next_cursor=more)


async def trade_rows(database: Database, row: Backtest) -> AsyncIterator[Sequence[object]]:
    """Every listed trade, a part at a time, one short transaction each."""
    parts = -(-row.trades // packing.TRADES_A_PART)
    for number in range(parts):
        async with database.transaction() as session:
            found = await repository.parts(session, row.id, TRADES, number, number)
        for trade in [trade for packed in found for trade in packing.unpack_trades(packed)]:
            told = BacktestTrade.model_validate(trade)
            yield [getattr(told, name) for name in BacktestTrade.model_fields]


# --- changing -----------------------------------------------------------------------------------------------


async def cancel(session: AsyncSession, user_id: UUID, backtest_id: UUID, *, now: datetime) -> BacktestView:
    """Stop it; one that is over stays as it is. Raises ``NotFound``."""
    row = await owned(session, user_id, backtest_id, lock=True)
    if row.state in UNDER_WAY:
        row.state, row.finished_at = CANCELLED, now
        await session.flush()
    return await view(session, row)


async def remove(session: AsyncSession, user_id: UUID, backtest_id: UUID) -> None:
    """Delete it with all that came out of it; one that runs stops. Raises ``NotFound``."""
    await session.delete(await owned(session, user_id, backtest_id, lock=True))
    await session.flush()


# --- telling ------------------------------------------------------------------------------------------------


async def view(session: AsyncSession, row: Backtest) -> BacktestView:
    return (await views(session, [row]))[0]


async def views(session: AsyncSession, rows: Sequence[Backtest]) -> list[BacktestView]:
    known = [row.script_id for row in rows if row.script_id is not None]
    deleted = await repository.deleted_scripts(session, known)
    return [_view(row, deleted) for row in rows]


def _view(row: Backtest, deleted: set[UUID]) -> BacktestView:
    names = (
        "since",
        "until",
        "inputs",
        "source",
        "settings",
        "progress",
        "first_bar",
        "last_bar",
        "revision",
    )
    plain = {name: getattr(row, name) for name in BacktestView.model_fields.keys() - set(names)}
    return BacktestView(
        **plain,
        source=_source(row, deleted),
        settings=BacktestSettings(
            inputs=row.inputs,
            series=row.series,
            timeframe=row.timeframe,
            since=from_seconds(row.since),
            until=from_seconds(row.until),
            capital=row.capital,
            fee_rate=row.fee_rate,
            slippage=row.slippage,
            allow_short=row.allow_short,
            signal_size=row.signal_size,
        ),
        progress=BacktestProgress(stage=row.stage, done=row.done, total=row.total),
        first_bar=from_seconds(row.first_bar),
        last_bar=from_seconds(row.last_bar),
        revision=None if row.revision is None else str(row.revision),
    )


def _source(row: Backtest, deleted: set[UUID]) -> BacktestScript | BacktestSignals:
    if row.script_id is not None and row.version is not None:
        return BacktestScript(
            script_id=row.script_id,
            version=row.version,
            name=row.source_name,
            deleted=row.script_id in deleted,
        )
    assert row.dataset_id is not None
    return BacktestSignals(dataset_id=row.dataset_id, name=row.source_name)


def second_of(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    place = decode_cursor(cursor)
    try:
        return None if place is None else (place[0], UUID(place[1]))
    except ValueError as error:
        raise _unreadable() from error


def _number(cursor: str | None) -> int:
    place = decode_cursor(cursor)
    if place is None:
        return 0
    if not place[1].isdecimal() or len(place[1]) > 9:
        raise _unreadable()
    return int(place[1])


def _unreadable() -> InvalidInput:
    return InvalidInput("This page cursor cannot be read.", advice="Start again from the first page.")
