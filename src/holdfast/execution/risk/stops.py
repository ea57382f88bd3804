"""The kill switch: no new risk for the installation, a user or a position, from this moment on.

A stop forbids every order that could raise an exposure and is not sent yet. What reduces goes on: an opening
that a stop meets half-way is taken back, so nothing stays half-hedged. Orders that are out already end as
the venue ends them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from sqlalchemy import String, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import Conflict, Forbidden, NotFound
from holdfast.core.identity import new_id
from holdfast.execution.incidents import incidents
from holdfast.execution.incidents.models import Incident
from holdfast.execution.models import Execution
from holdfast.execution.risk import gate_books, stop_file
from holdfast.execution.risk.models import Flatten, Stop
from holdfast.execution.risk.schemas import NewStop, StopsTick, StopView
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio.models import Sleeve

log = structlog.get_logger(__name__)

_SERVICE = "execution.stop_file"
_NEVER_LOOKED = object()
BY_THE_USER = "you"
BY_THE_OPERATOR = "the operator"
EVERYTHING = "Everything on this installation is stopped"


class Stopped(Conflict):
    code = "stopped"
    title = "New risk is stopped."


async def in_force(session: AsyncSession, user_id: UUID, sleeve_id: UUID | None = None) -> list[Stop]:
    """Stops that hold for a user (and, if named, for this position of theirs), the oldest first."""
    mine = or_(
        Stop.scope == "instance",
        (Stop.scope == "user") & (Stop.user_id == user_id),
        (Stop.scope == "position") & (Stop.sleeve_id == sleeve_id),
    )
    rows = await session.scalars(select(Stop).where(Stop.lifted_at.is_(None), mine).order_by(Stop.since))
    return list(rows)


async def reason_now(
    session: AsyncSession, settings: Settings, user_id: UUID, sleeve_id: UUID | None = None
) -> str:
    """Why nothing new may be opened, in words; "" if it may. Looks at the file first."""
    everywhere = stop_file.read(settings)
    if everywhere:
        return words("instance", everywhere.by, everywhere.reason, everywhere.since)
    stops = await in_force(session, user_id, sleeve_id)
    return words(stops[0].scope, stops[0].by, stops[0].reason, stops[0].since) if stops else ""


def words(scope: str, by: str, reason: str, since: datetime | None) -> str:
    """A stop as its users read it."""
    mine = by == BY_THE_USER
    what, how = {
        "instance": (EVERYTHING, "Its operator can lift it with `holdfast resume --all`."),
        "user": (
            f"{'You have' if mine else 'The operator has'} stopped all {'' if mine else 'your '}new trading",
            "Lift the stop to go on.",
        ),
        "position": ("This position is stopped", "Lift its stop to go on."),
    }[scope]
    when = f" since {since:%Y-%m-%d %H:%M} UTC" if since else ""
    whom = f" by {BY_THE_OPERATOR}" if scope == "instance" else ""
    why = f": {reason.rstrip('.')}" if reason else ""
    return f"{what}{when}{whom}{why}. Nothing new is opened; closing goes on. {how}"


def shown_by(by: str) -> str:
    """Who stopped, as users are told: accounts and machines of the operator are nobody else's business."""
    return by if by == BY_THE_USER else BY_THE_OPERATOR


async def list_for(
    session: AsyncSession, settings: Settings, user_id: UUID, *, now: datetime
) -> list[StopView]:
    """Everything that keeps this user from opening something new."""
    mine = or_(Stop.scope == "instance", Stop.user_id == user_id)
    rows = await session.scalars(select(Stop).where(Stop.lifted_at.is_(None), mine).order_by(Stop.since))
    known = list(rows)
    flattenings = await _flattenings(session, [row.id for row in known])
    views = [view(row, flattenings.get(row.id)) for row in known]
    origin, found = stop_file.origin_of(settings), stop_file.read(settings)
    if found and all(row.origin != origin for row in known):
        views.insert(
            0,
            StopView(
                id=uuid5(NAMESPACE_URL, origin),
                scope="instance",
                position_id=None,
                reason=found.reason,
                by=shown_by(found.by),
                since=found.since or now,
            ),
        )
    return views


async def ticks(session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, StopsTick]:
    """How many stops hold for each of the users and how many flattenings run: enough to notice every
    change."""
    rows = await session.execute(
        select(Stop.user_id, func.count(), func.max(Stop.since))
        .where(Stop.lifted_at.is_(None), or_(Stop.scope == "instance", Stop.user_id.in_(users)))
        .group_by(Stop.user_id)
    )
    held = {user_id: (count, newest) for user_id, count, newest in rows}
    counted = await session.execute(
        select(Flatten.user_id, func.count())
        .where(Flatten.user_id.in_(users), Flatten.finished_at.is_(None))
        .group_by(Flatten.user_id)
    )
    running = dict(counted.tuples().all())
    everywhere = held.get(None)
    return {one: _tick(everywhere, held.get(one), flattening=running.get(one, 0)) for one in users}


def _tick(*held: tuple[int, datetime] | None, flattening: int) -> StopsTick:
    known = [one for one in held if one]
    return StopsTick(
        in_force=sum(count for count, _ in known),
        newest_at=max((since for _, since in known), default=None),
        flattening=flattening,
    )


async def stop(session: AsyncSession, user_id: UUID, wanted: NewStop, *, by: str, now: datetime) -> Stop:
    """Put a stop in force, or find the one that is. Whoever sends at this moment does so
    before it, or sees it.

    Raises:
        NotFound: there is no such position of this user.
    """
    if wanted.position_id is not None:
        await own_sleeve(session, user_id, wanted.position_id)
    await gate_books.lock_user(session, user_id)
    row = await put(
        session,
        Stop(
            id=new_id(),
            scope=wanted.scope,
            user_id=user_id,
            sleeve_id=wanted.position_id,
            reason=wanted.reason.strip(),
            by=by,
            since=now,
            origin="",
        ),
    )
    news = incidents.News(
        "stopped",
        "warning",
        "New risk is stopped.",
        words(row.scope, row.by, row.reason, row.since),
        sleeve_id=row.sleeve_id,
    )
    await incidents.note(
        session, news, user_id=user_id, connection_id=None, reference=f"stop:{row.id}", at=row.since
    )
    return row


async def hurry(session: AsyncSession, user_id: UUID, sleeve_id: UUID | None, *, now: datetime) -> None:
    """Let what is under way for a user, or for one position of theirs, hear of a stop at once: what rests is
    cancelled, and what waits for its time is taken back. A transaction of its own after the stop's: a stop
    waits for nobody."""
    under_way = select(Execution.id).where(Execution.user_id == user_id, Execution.finished_at.is_(None))
    if sleeve_id:
        under_way = under_way.where(Execution.sleeve_id == sleeve_id)
    for execution_id in await session.scalars(under_way):
        await enqueue(session, "execution.run", str(execution_id), now=now)


async def put(session: AsyncSession, wanted: Stop) -> Stop:
    """The stop in force of this scope, which is ``wanted`` if there was none."""
    fields = ("id", "scope", "user_id", "sleeve_id", "reason", "by", "since", "origin")
    row = {name: getattr(wanted, name) for name in fields}
    await session.execute(insert(Stop).values(**row, lifted_by="").on_conflict_do_nothing())
    found = await session.scalar(
        select(Stop).where(
            Stop.lifted_at.is_(None),
            Stop.scope == wanted.scope,
            Stop.user_id.is_not_distinct_from(wanted.user_id),
            Stop.sleeve_id.is_not_distinct_from(wanted.sleeve_id),
            Stop.origin == wanted.origin,
        )
    )
    if found is None:
        raise Conflict("This stop was lifted at this very moment.", advice="Stop again if you want it.")
    return found


async def lift(session: AsyncSession, user_id: UUID, stop_id: UUID, *, by: str, now: datetime) -> None:
    """Lift a stop of this user's. Safe to repeat.

    Raises:
        NotFound: there is none by that id.
        Forbidden: it is the operator's, for the whole installation.
        Conflict: it belongs to a flattening under way.
    """
    found = await session.get(Stop, stop_id, with_for_update=True)
    if found is None or (found.scope != "instance" and found.user_id != user_id):
        raise NotFound("There is no such stop.", advice="See the list of your stops.")
    if found.scope == "instance":
        raise Forbidden(
            "The operator of this installation has stopped everything.",
            advice="It is lifted on the machine, with `holdfast resume --all`.",
        )
    busy = await session.scalar(
        select(Flatten.id).where(Flatten.stop_id == stop_id, Flatten.finished_at.is_(None))
    )
    if busy:
        raise Conflict("Everything is being closed under this stop.", advice="Lift it when that has ended.")
    if found.lifted_at is None:
        found.lifted_at, found.lifted_by = now, by
        flattened = select(literal("flatten:") + cast(Flatten.id, String)).where(Flatten.stop_id == stop_id)
        told = or_(Incident.reference == f"stop:{stop_id}", Incident.reference.in_(flattened))
        await session.execute(
            update(Incident)
            .where(Incident.user_id == user_id, Incident.settled_at.is_(None), told)
            .values(settled_at=now)
        )


async def own_sleeve(session: AsyncSession, user_id: UUID, sleeve_id: UUID) -> Sleeve:
    """Raises ``NotFound`` also for somebody else's."""
    sleeve = await session.get(Sleeve, sleeve_id)
    if sleeve is None or sleeve.user_id != user_id:
        raise NotFound("There is no such position.", advice="See the list of your positions.")
    return sleeve


async def _flattenings(session: AsyncSession, stop_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The last flattening under each stop that has one."""
    asked = select(Flatten.stop_id, Flatten.id).where(Flatten.stop_id.in_(stop_ids))
    rows = await session.execute(asked.order_by(Flatten.created_at))
    return {row.stop_id: row.id for row in rows}


def view(row: Stop, flatten_id: UUID | None = None) -> StopView:
    return StopView(
        id=row.id,
        scope=row.scope,
        position_id=row.sleeve_id,
        reason=row.reason,
        by=shown_by(row.by),
        since=row.since,
        flatten_id=flatten_id,
    )


async def follow_file(work: Work) -> None:
    """Make the rows say what this machine's stop file says, when it says something else than last time."""
    found = stop_file.read(work.settings), stop_file.lifted_at(work.settings)
    if work.services.get(_SERVICE, _NEVER_LOOKED) == found:
        return
    async with work.database.transaction() as session:
        changes = await enter_file(session, work.settings, work.clock.now())
    for change in changes:
        log.warning(change)
    work.services[_SERVICE] = found


async def enter_file(
    session: AsyncSession, settings: Settings, now: datetime, *, resumed: bool = False
) -> Sequence[str]:
    """Make the rows say what this machine's stop file says: enter it, or lift what was resumed since.
    ``resumed``: it was at this moment. A file that is gone without that lifts nothing.

    Returns:
        What changed, in words for the log.
    """
    origin = stop_file.origin_of(settings)
    found = stop_file.read(settings)
    row = await session.scalar(select(Stop).where(Stop.lifted_at.is_(None), Stop.origin == origin))
    if found and row is None and not found.lost:
        entered = Stop(
            id=new_id(),
            scope="instance",
            reason=found.reason,
            by=found.by,
            since=found.since or now,
            origin=origin,
        )
        await put(session, entered)
        return ["the stop file was entered as a stop"]
    if found is None and row is not None:
        lifted = stop_file.lifted_at(settings)
        if not resumed and (lifted is None or lifted < row.since):
            return ["the stop file is gone, and nobody has resumed: its stop stands"]
        row.lifted_at, row.lifted_by = now, "the operator has resumed"
        return ["the stop file was removed by resuming: its stop is lifted"]
    return []


async def of_other_machines(session: AsyncSession, settings: Settings) -> Sequence[Stop]:
    """Stops of the whole installation that the stop files of other machines have entered. Such a machine may
    be gone, a container above all, and then nobody else would ever lift its stop."""
    elsewhere = Stop.origin != stop_file.origin_of(settings)
    rows = await session.scalars(
        select(Stop).where(Stop.lifted_at.is_(None), Stop.scope == "instance", elsewhere).order_by(Stop.since)
    )
    return rows.all()
