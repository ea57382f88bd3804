"""Brings what an offline flattening did into the books, once PostgreSQL is back.

Its orders become rows as if they had been written before: those of a position with an execution under way
join that execution, the others get a closing of their own. From then on their fills go the way of all fills.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.identity import new_id
from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.execution import repository
from holdfast.execution.emergency.log import OrderLog, at_work
from holdfast.execution.emergency.plan import owner_of
from holdfast.execution.incidents import incidents
from holdfast.execution.incidents.attention import note_attention
from holdfast.execution.incidents.models import Incident
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderEvent, OrderState
from holdfast.execution.plans import legs_of, view_of
from holdfast.execution.risk.gate_books import OVER
from holdfast.execution.risk.stop_file import origin_of
from holdfast.platform.jobs import enqueue
from holdfast.platform.tasks import Work
from holdfast.portfolio.booking import closable, release_remainders
from holdfast.portfolio.models import Fill, Plan, Sleeve
from holdfast.portfolio.plan import digest
from holdfast.portfolio.positions import index_name
from holdfast.portfolio.previews import plan_row
from holdfast.portfolio.schemas import PlanLeg, PlanTotals, PlanView
from holdfast.venues.protocol import FillReport

log = structlog.get_logger(__name__)

CERTAIN_AFTER: Final = timedelta(seconds=60)
"""An emergency order this old has either traded, and its fills were read, or never will."""
BEYOND_THE_PLAN: Final = 90
"""Leg numbers from here on are of instruments that an execution's plan does not have."""
BY_OPERATOR: Final = "The operator flattened everything offline"
UNREADABLE: Final = incidents.News(
    "flattened",
    "alarm",
    "What was flattened offline cannot be read.",
    "Holdfast trades nothing on this account until it can: what is closed already could be closed twice. Its "
    "operator has to repair or remove the file that the worker names in its log. Meanwhile you can close at "
    "Bybit; Holdfast books it afterwards.",
    blocks="trading",
)
_ZERO: Final = Decimal(0)


async def adopt(
    session: AsyncSession, connection: Connection, fills: Sequence[FillReport], *, now: datetime
) -> list[Execution]:
    """Make order rows for ``fills`` of an offline flattening, so that they are booked to whom they belong.

    Returns:
        The closings that were made for them; ``conclude`` ends them when the fills are booked.
    """
    groups = await _unknown_orders(session, connection, fills)
    made: dict[UUID, Execution] = {}
    for link_id, parts in groups.items():
        sleeve = await _sleeve_of(session, connection, link_id)
        if sleeve is None:
            log.warning("an emergency order of no position of this connection", client_id=link_id)
            continue
        under_way = made.get(sleeve.id) or await _under_way(session, sleeve.id)
        if under_way is None:
            own = [fill for name in groups for fill in groups[name] if _belongs(fill, link_id)]
            under_way = made[sleeve.id] = await _closing(session, sleeve, own, now=now)
        await _join(session, under_way, link_id, parts, now=now)
    await session.flush()
    return list(made.values())


async def conclude(
    session: AsyncSession, connection: Connection, closings: Sequence[Execution], *, now: datetime
) -> None:
    """End the closings of an offline flattening whose fills are booked."""
    for execution in closings:
        sleeve = await session.get_one(Sleeve, execution.sleeve_id, with_for_update=True)
        left = await closable(session, sleeve.id)
        execution.finished_at = now
        if left:
            held = ", ".join(f"{plain(quantity)} {symbol}" for symbol, quantity in sorted(left.items()))
            execution.state = repository.STUCK_STATE
            execution.reason = f"{BY_OPERATOR}. {held} is still held: preview the rest and close it."
            sleeve.state, sleeve.closed_at = repository.STUCK_STATE, None
            await session.flush()
            await note_attention(session, execution, now=now)
        else:
            await release_remainders(session, sleeve.id, reference=f"close:{execution.id}", now=now)
            execution.state, execution.reason = "complete", f"{BY_OPERATOR}: this position was closed."
            sleeve.state, sleeve.closed_at = "closed", now
        await incidents.note(
            session,
            incidents.News("flattened", "alarm", f"{BY_OPERATOR}.", execution.reason, "", sleeve.id),
            user_id=connection.user_id,
            connection_id=connection.id,
            reference=f"flattened:{execution.id}",
            at=execution.created_at,
            settled_at=now,
        )
        log.warning("an offline flattening was booked", position=str(sleeve.id), left=bool(left))


async def needs_books(work: Work, connection_id: UUID) -> bool:
    """Whether this machine flattened the connection offline and the books do not have all of it yet. If so,
    they are marked as doubtful."""
    orders = await _log_of(work, connection_id)
    pending = orders is None or orders.unbooked
    if pending:
        async with work.database.transaction() as session:
            await repository.doubt_books(session, connection_id, now=work.clock.now())
    return pending


async def mark_booked(work: Work, connection_id: UUID) -> None:
    """After a reconciliation: note in the log which of its orders the books have in full. An order whose end
    is open is judged by how far the fills were read, not by a clock that went on since. The log is written
    whole, so this waits for the next time while an offline flattening writes to it."""
    with at_work(work.settings, alone=False) as allowed:
        if allowed:
            await _mark_booked(work, connection_id)


async def _mark_booked(work: Work, connection_id: UUID) -> None:
    orders = await _log_of(work, connection_id)
    if orders is None:
        return
    async with work.database.transaction() as session:
        readable = update(Incident).where(*_unreadable(work, connection_id))
        await session.execute(readable.values(settled_at=work.clock.now()))
    if not orders.unbooked:
        return
    names = [entry.client_id for entry in orders.entries]
    async with work.database.sessions() as session:
        rows = await session.execute(
            select(Fill.client_id, func.sum(Fill.quantity))
            .where(Fill.connection_id == connection_id, Fill.client_id.in_(names))
            .group_by(Fill.client_id)
        )
        booked = dict(rows.tuples().all())
        read_until = (await session.get_one(Connection, connection_id)).fills_since
    for entry in orders.entries:
        whole = booked.get(entry.client_id, _ZERO) >= entry.filled
        certain = not entry.open or (read_until is not None and read_until - entry.sent_at > CERTAIN_AFTER)
        entry.booked = entry.booked or (whole and certain)
    orders.save()


async def _log_of(work: Work, connection_id: UUID) -> OrderLog | None:
    """The log of a connection's emergency orders; ``None`` if it cannot be read. Then the user is told that
    nothing goes on, and the log of this worker where the file is."""
    try:
        return OrderLog(work.settings, connection_id)
    except (OSError, ValueError) as error:
        log.error("the log of emergency orders cannot be read", error=repr(error))
    async with work.database.transaction() as session:
        if await session.scalar(select(Incident.id).where(*_unreadable(work, connection_id))):
            return None
        connection = await session.get_one(Connection, connection_id)
        now = work.clock.now()
        await incidents.note(
            session,
            UNREADABLE,
            user_id=connection.user_id,
            connection_id=connection_id,
            reference=f"{_reference(work)}{now.isoformat()}",
            at=now,
        )
    return None


def _unreadable(work: Work, connection_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """The incident that stands because of the log on this machine; others have logs of their own."""
    return (
        Incident.connection_id == connection_id,
        Incident.reference.startswith(_reference(work)),
        Incident.settled_at.is_(None),
    )


def _reference(work: Work) -> str:
    return f"emergency-log:{uuid5(NAMESPACE_URL, origin_of(work.settings))}:"


async def _unknown_orders(
    session: AsyncSession, connection: Connection, fills: Sequence[FillReport]
) -> dict[str, list[FillReport]]:
    groups: dict[str, list[FillReport]] = {}
    for fill in fills:
        if owner_of(fill.client_id):
            groups.setdefault(fill.client_id, []).append(fill)
    known = await session.scalars(
        select(Order.client_id).where(Order.connection_id == connection.id, Order.client_id.in_(groups))
    )
    for name in known:
        del groups[name]
    return groups


async def _sleeve_of(session: AsyncSession, connection: Connection, link_id: str) -> Sleeve | None:
    owner = owner_of(link_id)
    execution = await session.get(Execution, owner)
    sleeve = await session.get(Sleeve, execution.sleeve_id if execution else owner)
    return sleeve if sleeve and sleeve.connection_id == connection.id else None


def _belongs(fill: FillReport, link_id: str) -> bool:
    return owner_of(fill.client_id) == owner_of(link_id)


async def _under_way(session: AsyncSession, sleeve_id: UUID) -> Execution | None:
    found: Execution | None = await session.scalar(
        select(Execution)
        .where(Execution.sleeve_id == sleeve_id, Execution.finished_at.is_(None))
        .order_by(Execution.created_at.desc())
        .limit(1)
        .with_for_update()
    )
    return found


async def _join(
    session: AsyncSession, execution: Execution, link_id: str, fills: list[FillReport], *, now: datetime
) -> None:
    """A row for one emergency order; and none of the execution's own orders in that symbol is sent any more:
    its quantity is not what it was."""
    first = fills[0]
    role = "close" if execution.kind == "close" else "unwind"  # of a rebalance, too: no leg has had it
    plan = await session.get_one(Plan, execution.plan_id)
    leg = next(
        (leg.index for leg in legs_of(plan) if leg.symbol == first.symbol and leg.action == "trade"),
        BEYOND_THE_PLAN,
    )
    orders = await repository.orders_of(session, execution.id)
    for order in orders:
        if order.symbol == first.symbol and order.state == OrderState.PLANNED:
            repository.record(session, order, OrderEvent.ABANDON, now=now, reason=BY_OPERATOR)
    own = [order.attempt for order in orders if order.leg == leg and order.role == role]
    quantity = sum((fill.quantity for fill in fills), _ZERO)
    row = Order(
        id=new_id(),
        execution_id=execution.id,
        sleeve_id=execution.sleeve_id,
        connection_id=execution.connection_id,
        leg=leg,
        role=role,
        attempt=max(own, default=-1) + 1,
        client_id=link_id,
        venue_order_id=first.venue_order_id,
        symbol=first.symbol,
        side=first.side.value,
        quantity=quantity,
        limit_price=max(fill.price for fill in fills)
        if first.side is Side.BUY
        else min(fill.price for fill in fills),
        reduce_only=True,
        style="ioc",
        state=OrderState.PLANNED,
        filled_quantity=_ZERO,
        created_at=first.executed_at,
        sent_at=None,
    )
    session.add(row)
    await session.flush()
    repository.record(session, row, OrderEvent.SEND, now=now, source="offline flattening")
    row.sent_at = first.executed_at
    await session.flush()
    await enqueue(session, "execution.run", str(execution.id), now=now)


async def _closing(
    session: AsyncSession, sleeve: Sleeve, fills: list[FillReport], *, now: datetime
) -> Execution:
    """A plan and an execution that say what the operator did."""
    plan = plan_row(await _plan_of(session, sleeve, fills, now=now), sleeve.user_id)
    session.add(plan)
    await session.flush()
    execution = Execution(
        id=new_id(),
        plan_id=plan.id,
        sleeve_id=sleeve.id,
        user_id=sleeve.user_id,
        connection_id=sleeve.connection_id,
        kind="close",
        state="running",
        reason=BY_OPERATOR,
        fence=0,
        created_at=now,
        started_at=min(fill.executed_at for fill in fills),
    )
    session.add(execution)
    if sleeve.state not in OVER:
        sleeve.state = "closing"
    await session.flush()
    return execution


async def _plan_of(
    session: AsyncSession, sleeve: Sleeve, fills: list[FillReport], *, now: datetime
) -> PlanView:
    names = await _names(session, sleeve.id)
    symbols = sorted({fill.symbol for fill in fills})
    legs = [_leg(symbol, [f for f in fills if f.symbol == symbol], names) for symbol in symbols]
    gross = sum((leg.notional for leg in legs), _ZERO)
    view = PlanView(
        id=new_id(),
        kind="close",
        digest="",
        connection_id=sleeve.connection_id,
        position_id=sleeve.id,
        index_id=sleeve.index_id,
        index_name=index_name(sleeve.index_id),
        index_version=sleeve.index_version,
        direction="long" if sleeve.direction == "long" else "short",
        size=sleeve.size,
        level=sleeve.entry_level,
        legs=legs,
        totals=PlanTotals(
            gross=gross,
            net=sum((leg.side.sign * leg.notional for leg in legs), _ZERO),
            margin_needed=_ZERO,
            available=None,
            available_as_of=None,
            fees=sum((leg.fee for leg in legs), _ZERO),
            slippage=_ZERO,
            left_out=_ZERO,
            tracking_error=0.0,
        ),
        allowance=0.0,
        warnings=[f"{BY_OPERATOR}; this plan was written afterwards."],
        executable=True,
        blocked_reason="",
        created_at=now,
        expires_at=now,
    )
    return view.model_copy(update={"digest": digest(view.model_dump(mode="json"))})


async def _names(session: AsyncSession, sleeve_id: UUID) -> dict[str, tuple[str, str, str]]:
    """Asset id, name and ticker by symbol, as the position's plans had them."""
    plans = await session.scalars(
        select(Plan).join(Execution, Execution.plan_id == Plan.id).where(Execution.sleeve_id == sleeve_id)
    )
    return {leg.symbol: (leg.asset_id, leg.name, leg.ticker) for plan in plans for leg in view_of(plan).legs}


def _leg(symbol: str, fills: list[FillReport], names: dict[str, tuple[str, str, str]]) -> PlanLeg:
    asset_id, name, ticker = names.get(symbol, (symbol, symbol, symbol))
    quantity = sum((fill.quantity for fill in fills), _ZERO)
    value = sum((fill.quantity * fill.price for fill in fills), _ZERO)
    price = (value / quantity).quantize(Decimal("1e-12"))
    return PlanLeg(
        symbol=symbol,
        asset_id=asset_id,
        name=name,
        ticker=ticker,
        action="trade",
        side=fills[0].side,
        weight=0.0,
        target_notional=fills[0].side.sign * value,
        quantity=quantity,
        expected_price=price,
        limit_price=price,
        notional=value,
        fee=sum((fill.fee for fill in fills), _ZERO),
        slippage=_ZERO,
        residual_notional=_ZERO,
        note="Closed by the operator while the database was away.",
    )
