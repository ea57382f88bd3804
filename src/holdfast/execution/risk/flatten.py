"""Closes what positions own, under a stop of the same scope, as far as the venue lets it.

An opening under way is taken back first: the stop sees to that. Then each position gets a closing with a plan
made here: the planner, the digest and the executor are those of any other close. Halted instruments are left
out and named, the rest is closed; prices give way more with every attempt. The user's own holdings belong to
no position and are never touched. All memory is in the rows, so it may be killed and taken up anywhere.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.doors import open_door
from holdfast.accounts.models import Connection
from holdfast.accounts.vault import VaultBroken
from holdfast.core.errors import InvalidInput, NotFound, Unavailable
from holdfast.core.identity import new_id
from holdfast.execution import repository
from holdfast.execution.incidents import incidents
from holdfast.execution.models import Execution
from holdfast.execution.plans import START_WITHIN, legs_of, traded
from holdfast.execution.risk import gate_books, stops
from holdfast.execution.risk.models import Flatten, FlattenPosition
from holdfast.execution.risk.schemas import FlattenPositionView, FlattenView, NewFlatten, NewStop
from holdfast.execution.service import first_rows
from holdfast.indices.board import IndexBoard
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.jobs import enqueue
from holdfast.platform.pubsub import tell_changed
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.booking import closable
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.previews import World, flatten_plan, plan_row
from holdfast.portfolio.schemas import PlanView
from holdfast.venues.protocol import KeyRefused, VenueError

log = structlog.get_logger(__name__)

JOB: Final = "execution.flatten"
MAX_ATTEMPTS: Final = 4
GIVE_UP_AFTER: Final = timedelta(seconds=75)
"""What could not even be sent counts as an attempt only after this long: a halt is mostly lifted by the next
reconciliation, a minute later. A venue that does not answer is waited for."""
LOOK_AGAIN: Final = 0.5
WAIT_LONGER: Final = 2.0
"""Seconds between two rounds, while something is being closed and while nothing can be."""
WIDEST: Final = Decimal("0.03")
REASON: Final = "Everything is being closed"
_ENDED: Final = ("done", "partly")


async def start(
    session: AsyncSession, user_id: UUID, wanted: NewFlatten, *, by: str, now: datetime
) -> FlattenView:
    """Stop the scope and begin to close what it owns; or find the flattening of it that is under way.

    Raises:
        NotFound: there is no such position of this user.
    """
    asked = NewStop(scope=wanted.scope, position_id=wanted.position_id, reason=REASON)
    stop = await stops.stop(session, user_id, asked, by=by, now=now)
    running = await session.scalar(
        select(Flatten).where(
            Flatten.user_id == user_id,
            Flatten.sleeve_id.is_not_distinct_from(wanted.position_id),
            Flatten.finished_at.is_(None),
        )
    )
    if running:
        return await _view(session, running)
    row = Flatten(
        id=new_id(),
        user_id=user_id,
        sleeve_id=wanted.position_id,
        scope=wanted.scope,
        stop_id=stop.id,
        state="running",
        by=by,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    await _add_positions(session, row)
    await stops.hurry(session, user_id, wanted.position_id, now=now)
    await enqueue(session, JOB, str(row.id), now=now)
    return await _view(session, row)


async def users_flatten(session: AsyncSession, user_id: UUID, flatten_id: UUID) -> FlattenView:
    """Raises ``NotFound`` also for somebody else's."""
    row = await session.get(Flatten, flatten_id)
    if row is None or row.user_id != user_id:
        raise NotFound("There is no such flattening.", advice="See your positions.")
    return await _view(session, row)


async def run(work: Work) -> None:
    """One round over the positions that have not ended. Comes back until all have."""
    flatten_id = UUID(work.lease.subject)
    async with work.database.transaction() as session:
        row = await session.get(Flatten, flatten_id)
        if row is None or row.finished_at:
            return
        await _add_positions(session, row)
        positions = await _positions(session, flatten_id)
    for position in positions:
        if position.state not in _ENDED:
            await _step(work, position, row.created_at)
    left = await _finish_if_over(work, flatten_id)
    await tell_changed(work.redis, row.user_id, "stops", "positions", "incidents")
    if left:
        raise RetryAt(LOOK_AGAIN if "closing" in left else WAIT_LONGER, "positions are being closed")


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """At start: every flattening that has not ended goes on."""
    for flatten_id in await session.scalars(select(Flatten.id).where(Flatten.finished_at.is_(None))):
        await enqueue(session, JOB, str(flatten_id), now=now)


# --- one position ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outlook:
    """Where a position stands. ``owns``: something is left to close. ``busy``: an execution of it has not
    ended. ``ended``: the last closing that this flattening has started, if it has ended and was not judged
    yet; ``sent``: whether an order of that was ever sent."""

    sleeve: Sleeve
    owns: bool
    busy: Execution | None
    last: Execution | None
    ended: Execution | None = None
    sent: bool = False


async def _step(work: Work, position: FlattenPosition, begun: datetime) -> None:
    """What is found is written in a transaction of its own: naming an execution waits for whoever holds it,
    and that one may be waiting for the position held here."""
    async with work.database.sessions() as session:
        outlook = await _outlook(session, position, begun)
        connection = await session.get_one(Connection, outlook.sleeve.connection_id, populate_existing=True)
    if outlook.busy:
        opening = outlook.busy.kind != "close"
        said = (outlook.busy.reason or "What was opened is being taken back.") if opening else position.text
        state = "waiting" if opening else "closing"
        await _say(work, position, state=state, text=said, execution_id=outlook.busy.id)
        return
    if outlook.sleeve.state in gate_books.OVER and not outlook.owns:
        last = outlook.last
        said, name = (last.reason, last.id) if last else ("Nothing was open.", None)
        await _say(work, position, state="done", text=said, execution_id=name or position.execution_id)
        return
    if outlook.ended and not outlook.sent:
        await _put_off(work, position, outlook.ended, begun)
        return
    attempts = position.attempts + outlook.sent
    if attempts >= MAX_ATTEMPTS:
        ended = outlook.last.reason if outlook.last else "It could not be closed."
        said = " ".join(dict.fromkeys([position.text, ended])).strip()
        await _say(work, position, state="partly", text=said, attempts=attempts)
        return
    if connection.state != "active":
        problem = f"The connection cannot trade at the moment: {connection.state_reason}"
        await _count_failure(work, position, attempts, problem, begun)
        return
    await _close(work, position, attempts, outlook.sleeve, begun)


async def _outlook(session: AsyncSession, position: FlattenPosition, begun: datetime) -> _Outlook:
    sleeve = await session.get_one(Sleeve, position.sleeve_id, with_for_update=True, populate_existing=True)
    rows = await session.scalars(
        select(Execution).where(Execution.sleeve_id == sleeve.id).order_by(Execution.created_at.desc())
    )
    executions = list(rows)
    busy = next((one for one in executions if one.finished_at is None), None)
    owns = bool(await closable(session, sleeve.id))
    last = executions[0] if executions else None
    outlook = _Outlook(sleeve, owns, busy, last)
    ours = last and position.state == "closing" and last.id == position.execution_id
    if busy or not last or not ours or last.created_at < begun:
        return outlook
    orders = await repository.orders_of(session, last.id)
    return replace(outlook, ended=last, sent=any(order.sent_at for order in orders))


async def _put_off(work: Work, position: FlattenPosition, ended: Execution, begun: datetime) -> None:
    """A closing that was refused before its first order, or found no answer at the venue in all its time."""
    if ended.finished_at and ended.finished_at - ended.created_at > START_WITHIN:
        await _say(work, position, state="waiting", text=ended.reason)
        return
    await _count_failure(work, position, position.attempts, ended.reason, begun)


async def _close(
    work: Work, position: FlattenPosition, attempts: int, sleeve: Sleeve, begun: datetime
) -> None:
    try:
        shown, left_out = await _plan(work, sleeve, attempts)
    except (VenueError, Unavailable) as error:
        if not isinstance(error, KeyRefused):
            said = f"Bybit does not answer: {error}"
            await _say(work, position, state="waiting", text=said, attempts=attempts)
            return
        problem = f"Bybit does not accept this connection's key any more: {error}"
        await _count_failure(work, position, attempts, problem, begun)
        return
    except (VaultBroken, NotFound, InvalidInput) as error:
        problem = f"The venue cannot be reached with this key: {error}"
        await _count_failure(work, position, attempts, problem, begun)
        return
    problem = " ".join(f"{symbol} cannot be closed: {why}." for symbol, why in left_out.items())
    if left_out and all(leg.action == "skip" for leg in shown.legs):
        await _count_failure(work, position, attempts, problem, begun)
        return
    async with work.database.transaction() as session:
        outlook = await _outlook(session, position, begun)
        if outlook.busy or (outlook.sleeve.state in gate_books.OVER and not outlook.owns):
            return
        if not await _still_as_seen(session, position):
            return
        execution = await _write_closing(session, outlook.sleeve, shown, now=work.clock.now())
        await _write(
            session, position, state="closing", text=problem, attempts=attempts, execution_id=execution.id
        )


async def _plan(work: Work, sleeve: Sleeve, attempts: int) -> tuple[PlanView, dict[str, str]]:
    door = await open_door(work, sleeve.connection_id)
    instruments = InstrumentBook()
    async with work.database.sessions() as session:
        await instruments.refresh(session)
    board = IndexBoard(QuoteBoard(), instruments, poll_seconds=work.settings.market_cap_poll_seconds)
    allowance = min(Decimal(repr(work.settings.price_allowance)) * (attempts + 1), WIDEST)
    world = World(indices=board, instruments=instruments, venue=door)
    return await flatten_plan(
        work.database, sleeve, world, work.settings, allowance=allowance, now=work.clock.now()
    )


async def _write_closing(
    session: AsyncSession, sleeve: Sleeve, shown: PlanView, *, now: datetime
) -> Execution:
    """Plan, execution, orders and job, all or none: as if the user had confirmed it."""
    plan = plan_row(shown, sleeve.user_id)
    session.add(plan)
    await session.flush()
    execution = Execution(
        id=new_id(),
        plan_id=plan.id,
        sleeve_id=sleeve.id,
        user_id=sleeve.user_id,
        connection_id=sleeve.connection_id,
        kind="close",
        state="pending",
        reason="",
        fence=0,
        created_at=now,
    )
    session.add(execution)
    await session.flush()
    session.add_all(await first_rows(session, execution, plan, traded(legs_of(plan)), now))
    sleeve.state = "closing"
    await session.flush()
    await enqueue(session, "execution.run", str(execution.id), now=now)
    return execution


async def _count_failure(
    work: Work, position: FlattenPosition, attempts: int, text: str, begun: datetime
) -> None:
    attempts += work.clock.now() - begun >= GIVE_UP_AFTER
    state = "partly" if attempts >= MAX_ATTEMPTS else "waiting"
    await _say(work, position, state=state, text=text, attempts=attempts)
    log.warning("a position cannot be closed", position=str(position.sleeve_id), reason=text)


async def _say(work: Work, position: FlattenPosition, **values: Any) -> None:
    async with work.database.transaction() as session:
        await _write(session, position, **values)


async def _still_as_seen(session: AsyncSession, position: FlattenPosition) -> bool:
    """Whether nobody has written to the row since it was looked at; from here on nobody does."""
    found = await session.scalar(
        select(FlattenPosition.sleeve_id).where(*_as_seen(position)).with_for_update(of=FlattenPosition)
    )
    return found is not None


async def _write(session: AsyncSession, position: FlattenPosition, **values: Any) -> None:
    """Only to the row that was looked at: a worker that stood still meanwhile puts nothing old back, and
    nothing into a flattening that has ended."""
    await session.execute(update(FlattenPosition).where(*_as_seen(position)).values(**values))


def _as_seen(position: FlattenPosition) -> tuple[ColumnElement[bool], ...]:
    is_running = exists().where(Flatten.id == position.flatten_id, Flatten.finished_at.is_(None))
    return (
        FlattenPosition.flatten_id == position.flatten_id,
        FlattenPosition.sleeve_id == position.sleeve_id,
        FlattenPosition.state == position.state,
        FlattenPosition.attempts == position.attempts,
        FlattenPosition.execution_id.is_not_distinct_from(position.execution_id),
        is_running,
    )


# --- all positions ---------------------------------------------------------------------------------------


async def _add_positions(session: AsyncSession, row: Flatten) -> None:
    """Every position of the scope that is not over. One that came in between is found as well."""
    known = {position.sleeve_id for position in await _positions(session, row.id)}
    scope = Sleeve.id == row.sleeve_id if row.sleeve_id else Sleeve.user_id == row.user_id
    living = await session.scalars(
        select(Sleeve).where(scope, Sleeve.state.not_in(gate_books.OVER)).order_by(Sleeve.created_at)
    )
    for sleeve in living:
        if sleeve.id not in known:
            session.add(
                FlattenPosition(flatten_id=row.id, sleeve_id=sleeve.id, state="waiting", attempts=0, text="")
            )
    await session.flush()


async def _positions(session: AsyncSession, flatten_id: UUID) -> list[FlattenPosition]:
    rows = await session.scalars(
        select(FlattenPosition)
        .join(Sleeve, Sleeve.id == FlattenPosition.sleeve_id)
        .where(FlattenPosition.flatten_id == flatten_id)
        .order_by(Sleeve.created_at, Sleeve.id)
    )
    return list(rows)


async def _finish_if_over(work: Work, flatten_id: UUID) -> set[str]:
    """The states of the positions that have not ended; none once the flattening is over."""
    async with work.database.transaction() as session:
        row = await session.get_one(Flatten, flatten_id, with_for_update=True)
        if row.finished_at:
            return set()
        await _add_positions(session, row)
        states = {position.state for position in await _positions(session, flatten_id)}
        if left := states - set(_ENDED):
            return left
        row.state = "partly" if "partly" in states else "done"
        row.finished_at = work.clock.now()
        await _tell(session, row)
        return set()


async def _tell(session: AsyncSession, row: Flatten) -> None:
    left = [one for one in await _positions(session, row.id) if one.state == "partly"]
    news = incidents.News(
        "flattened",
        "alarm" if left else "info",
        "Not everything could be closed." if left else "Everything was closed.",
        " ".join(one.text for one in left)
        or "Every position of this flattening is closed. New risk stays stopped until you lift the stop.",
        sleeve_id=row.sleeve_id,
    )
    await incidents.note(
        session,
        news,
        user_id=row.user_id,
        connection_id=None,
        reference=f"flatten:{row.id}",
        at=row.finished_at or row.created_at,
        settled_at=None if left else row.finished_at,
    )


async def _view(session: AsyncSession, row: Flatten) -> FlattenView:
    positions = await _positions(session, row.id)
    under_way = select(Execution.id, Execution.reason).where(
        Execution.id.in_([position.execution_id for position in positions]), Execution.finished_at.is_(None)
    )
    reasons = dict((await session.execute(under_way)).tuples().all())
    return FlattenView(
        id=row.id,
        scope=row.scope,
        state=row.state,
        stop_id=row.stop_id,
        positions=[
            FlattenPositionView(
                position_id=position.sleeve_id,
                state=position.state,
                execution_id=position.execution_id,
                text=_text(position, reasons.get(position.execution_id or row.id, "")),
            )
            for position in positions
        ],
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _text(position: FlattenPosition, reason: str) -> str:
    """What its closing says at this moment, after what that leaves out."""
    if position.state == "closing":
        return f"{position.text} {reason}".strip() or "It is being closed."
    return position.text or "It is about to be closed."
