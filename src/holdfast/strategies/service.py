"""What users do with strategies on paper: start, look, pause, resume, stop, rename, delete."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.backtest.engine import Book, Terms
from holdfast.backtest.reading import quote_of, terms_of
from holdfast.charts.service import INDEX
from holdfast.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from holdfast.core.identity import new_id
from holdfast.core.money import plain
from holdfast.core.timeframes import Timeframe, divides, start_of
from holdfast.market.candles import feeds
from holdfast.market.candles.readers import Series
from holdfast.platform.jobs import enqueue
from holdfast.scripts import service as scripts
from holdfast.scripts.models import Script, ScriptVersion
from holdfast.strategies import books, repository, states
from holdfast.strategies.models import Strategy, StrategyEvent
from holdfast.strategies.schemas import MOST_KEPT, MOST_RUNNING, NewStrategy, StrategiesTick, StrategyView
from holdfast.strategies.views import tick, view

STEP: Final = "strategies.step"
RECHECK: Final = "strategies.recheck"
REMOVE: Final = "strategies.remove"
LIVE: Final = (*feeds.OPENERS, INDEX)
"""Sources in which new bars come in."""
_CHECKED: Final = {
    "clean": "",
    "suspect": " A check found that it looks into the future: here it cannot, so expect other results.",
    "unchecked": " It was not checked for looking into the future: here it cannot.",
}
_ADVICE: Final = "GET /api/strategies lists yours."


# --- looking ------------------------------------------------------------------------------------------------


async def listed(session: AsyncSession, user_id: UUID) -> list[StrategyView]:
    """Newest first."""
    return [view(row, script) for row, script in await repository.of_user(session, user_id)]


async def show(session: AsyncSession, user_id: UUID, strategy_id: UUID) -> StrategyView:
    """Raises ``NotFound``, also for somebody else's."""
    return await _view(session, await owned(session, user_id, strategy_id))


async def owned(session: AsyncSession, user_id: UUID, strategy_id: UUID, *, lock: bool = False) -> Strategy:
    """Raises ``NotFound``, also for somebody else's."""
    row = await repository.owned(session, user_id, strategy_id, lock=lock)
    if row is None:
        raise NotFound("There is no such strategy.", advice=_ADVICE)
    return row


async def told(session: AsyncSession, user_id: UUID) -> StrategiesTick:
    return StrategiesTick(strategies=[tick(row) for row, _ in await repository.of_user(session, user_id)])


# --- starting -----------------------------------------------------------------------------------------------


def check_series(series: Series, wanted: NewStrategy) -> None:
    """Raises ``InvalidInput``: nothing new comes in there, or its bars make no such timeframe."""
    if series.source not in LIVE:
        raise InvalidInput(
            "No new bars come in here, so there is nothing to run a strategy on.",
            advice=f"Choose a series of {', '.join(LIVE)}. Your own data can be back-tested.",
        )
    if not divides(series.base_seconds, wanted.timeframe):
        raise InvalidInput(
            f"The bars of {series.name} make no {wanted.timeframe}.", advice="Choose a longer timeframe."
        )


async def start(
    session: AsyncSession,
    user_id: UUID,
    wanted: NewStrategy,
    series: Series,
    *,
    most: int,
    now: datetime,
) -> StrategyView:
    """Run a version of a script on paper from now on: the bar that forms now is the first that counts.

    Raises:
        NotFound: the script is not this user's.
        InvalidInput: the script has an error, nothing new comes in there, or the capital buys nothing.
        Conflict: this user has too many.
        Unavailable: ``most`` of all users are at work.
    """
    check_series(series, wanted)
    await lock_user(session, user_id)
    kept, running = await repository.counts(session, user_id)
    if running >= MOST_RUNNING:
        raise Conflict(
            f"{running} of your strategies run, which is the most.", advice="Stop one of them first."
        )
    if kept >= MOST_KEPT:
        raise Conflict(
            f"You keep {kept} strategies, which is the most.", advice="Delete a stopped one first."
        )
    await _check_place(session, most)
    version = await scripts.version_of(session, user_id, wanted.script_id, wanted.version)
    _check_script(version)
    terms = await _terms(session, series, wanted)
    since = start_of(int(now.timestamp()), wanted.timeframe)
    row = Strategy(
        id=new_id(),
        user_id=user_id,
        **wanted.model_dump(exclude={"version", "timeframe"}),
        version=version.number,
        timeframe=wanted.timeframe.value,
        quote=await quote_of(session, series),
        terms=books.dump(terms),
        book=books.dump(Book(terms.cash)),
        state=states.PAPER,
        turn=0,
        since=since,
        next_time=since,
        active_from=now,
        pending=False,
        failures=0,
        waiting="",
        repainted=False,
        hourly_until=since,
        daily_until=since,
        created_at=now,
        changed_at=now,
    )
    session.add(row)
    await session.flush()
    _note(session, row, "started", _started(row, version), now)
    await _enqueue(session, row, now)
    return await _view(session, row)


async def _enqueue(session: AsyncSession, row: Strategy, now: datetime) -> None:
    await enqueue(session, STEP, str(row.id), now=now)
    await enqueue(session, RECHECK, str(row.id), now=now, run_at=now + timedelta(days=1))


async def _check_place(session: AsyncSession, most: int) -> None:
    """For one more strategy of anybody. Raises ``Unavailable``."""
    if await repository.count_at_work(session) >= most:
        raise Unavailable(
            "There is no place for another one: so many strategies of all users run here.",
            advice="Try again later, or ask whoever runs this installation for more places.",
        )


def _check_script(version: ScriptVersion) -> None:
    if version.error is not None:
        line = version.error.get("line")
        where = f" (line {line})" if line else ""
        raise InvalidInput(
            f"Version {version.number} of this script has an error: {version.error['message']}{where}",
            advice="Correct the script, save it, and start its new version.",
        )


async def _terms(session: AsyncSession, series: Series, wanted: NewStrategy) -> Terms:
    try:
        return await terms_of(
            session,
            series,
            capital=wanted.capital,
            fee_rate=wanted.fee_rate,
            slippage=wanted.slippage,
            allow_short=wanted.allow_short,
        )
    except ValueError as error:
        raise InvalidInput(f"This cannot be traded: {error}.", advice="Choose another capital.") from error


def _started(row: Strategy, version: ScriptVersion) -> str:
    text = (
        f"Started on paper with {plain(row.capital)} {row.quote or 'units'}. The first value is that of the "
        "bar that forms now; it is traded at the open of the next one."
    )
    return text + _CHECKED[(version.causality or {}).get("state", "unchecked")]


# --- changing -----------------------------------------------------------------------------------------------


async def pause(session: AsyncSession, user_id: UUID, strategy_id: UUID, *, now: datetime) -> StrategyView:
    """Hold the position and trade no more; a target that waits for its open is dropped.

    Raises:
        NotFound, Conflict: it is not this user's, or does not run.
    """
    row = await owned(session, user_id, strategy_id, lock=True)
    turn(row, states.PAUSE, now)
    row.pending = False
    _note(session, row, "paused", "Paused: it holds its position and trades no more.", now)
    return await _view(session, row)


async def resume(
    session: AsyncSession, user_id: UUID, strategy_id: UUID, *, most: int, now: datetime
) -> StrategyView:
    """Go on with the bar that forms now. Bars that closed before are held through.

    Raises:
        NotFound: it is not this user's.
        Conflict: it is not paused and has not failed, or nothing is left to trade with.
        Unavailable: it has left its place, and ``most`` of all users are at work.
    """
    row = await owned(session, user_id, strategy_id, lock=True)
    book = books.book_of(row.book)
    if book.ruined:
        raise Conflict("It has lost all there was on paper.", advice="Stop it, and start another one.")
    if row.state == states.FAILED and not book.lots:
        await _check_place(session, most)
        # Nobody looked at its bars meanwhile.
        row.next_time = max(row.next_time, start_of(int(now.timestamp()), Timeframe(row.timeframe)))
    turn(row, states.RESUME, now)
    row.active_from, row.failures, row.error = now, 0, None
    _note(session, row, "resumed", "Resumed with the bar that forms now.", now)
    await _enqueue(session, row, now)
    return await _view(session, row)


async def stop(session: AsyncSession, user_id: UUID, strategy_id: UUID, *, now: datetime) -> StrategyView:
    """End it for good. What it holds on paper is closed at the open of the next bar of the series (a minute,
    whatever the timeframe).

    Raises:
        NotFound, Conflict: it is not this user's, or is stopped.
    """
    row = await owned(session, user_id, strategy_id, lock=True)
    turn(row, states.STOP, now)
    row.pending, row.waiting, row.next_due = False, "", None
    held = books.book_of(row.book).lots != 0
    row.closing_from = int(now.timestamp()) + 1 if held else None
    after = "Its position is closed at the open of the next minute." if held else "It held nothing."
    _note(session, row, "stopped", f"Stopped. {after}", now)
    await enqueue(session, STEP, str(row.id), now=now)
    return await _view(session, row)


async def rename(
    session: AsyncSession, user_id: UUID, strategy_id: UUID, name: str, *, now: datetime
) -> StrategyView:
    """Raises ``NotFound``, also for somebody else's."""
    row = await owned(session, user_id, strategy_id, lock=True)
    row.name, row.changed_at = name, now
    return await _view(session, row)


async def remove(session: AsyncSession, user_id: UUID, strategy_id: UUID, *, now: datetime) -> None:
    """Delete it. It is gone for its owner at once; what came of it is deleted in pieces in the background.

    Raises:
        NotFound: it is not this user's.
        Conflict: it is not stopped.
    """
    row = await owned(session, user_id, strategy_id, lock=True)
    if row.state != states.STOPPED:
        raise Conflict("Only a stopped strategy can be deleted.", advice="Stop it first.")
    row.deleted_at, row.closing_from, row.turn = now, None, row.turn + 1
    await enqueue(session, REMOVE, str(row.id), now=now)


def turn(row: Strategy, event: str, now: datetime) -> None:
    """Bring the row into the next state. Raises ``Conflict``."""
    row.state = states.after(row.state, event)
    row.turn, row.changed_at = row.turn + 1, now


def _note(session: AsyncSession, row: Strategy, kind: str, text: str, now: datetime) -> None:
    session.add(StrategyEvent(strategy_id=row.id, at=now, bar=None, kind=kind, text=text))


async def _view(session: AsyncSession, row: Strategy) -> StrategyView:
    await session.flush()
    return view(row, await session.get_one(Script, row.script_id))
