"""The time line of one execution: its trail, orders, order events and fills, merged and in order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.money import plain
from holdfast.execution import repository
from holdfast.execution.models import Execution, Order, OrderEvent, TrailRow
from holdfast.execution.schemas import TraceItem, TraceKind, TraceView
from holdfast.execution.trail import words as trace_words
from holdfast.execution.trail.trail import MOST_ROWS
from holdfast.execution.views import execution_view
from holdfast.portfolio.models import Fill, Plan

MOST_EVENTS: Final = 5_000
"""Order events, and fills, shown per execution."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Every row that a time line is made of."""

    execution: Execution
    plan: Plan
    orders: Sequence[Order]
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]
    trail: Sequence[TrailRow]


@dataclass(frozen=True, slots=True)
class _Item:
    at: datetime
    rank: int
    kind: TraceKind
    title: str
    order_id: UUID | None = None
    symbol: str = ""
    took_ms: int | None = None
    detail: dict[str, object] | None = None


async def trace(session: AsyncSession, user_id: UUID, execution_id: UUID) -> TraceView:
    """What happened to an execution of this user, oldest first.

    Raises:
        NotFound: there is no such execution of this user.
    """
    execution = await repository.users_execution(session, user_id, execution_id)
    facts = await _read(session, execution)
    return TraceView(
        execution=await execution_view(session, execution),
        items=time_line(facts),
        truncated=len(facts.trail) >= MOST_ROWS or max(len(facts.events), len(facts.fills)) >= MOST_EVENTS,
    )


async def _read(session: AsyncSession, execution: Execution) -> Facts:
    orders = await repository.orders_of(session, execution.id)
    own = [order.id for order in orders]
    events = await session.scalars(
        select(OrderEvent).where(OrderEvent.order_id.in_(own)).order_by(OrderEvent.id).limit(MOST_EVENTS)
    )
    fills = await session.scalars(
        select(Fill).where(Fill.order_id.in_(own)).order_by(Fill.executed_at, Fill.exec_id).limit(MOST_EVENTS)
    )
    trail = await session.scalars(
        select(TrailRow).where(TrailRow.execution_id == execution.id).order_by(TrailRow.id).limit(MOST_ROWS)
    )
    plan = await repository.plan_of(session, execution)
    return Facts(execution, plan, orders, list(events), list(fills), list(trail))


def time_line(facts: Facts) -> list[TraceItem]:
    """The items of a time line in order of time. Pure.

    Things of one moment come in the order of cause: the decision, the rows, the requests, their answers, what
    they changed.
    """
    items = [
        *_beginning(facts),
        *(_order_row(order) for order in facts.orders),
        *_events(facts),
        *_fills(facts),
        *_trail(facts),
        *_end(facts),
    ]
    start = facts.execution.created_at
    return [_shown(item, start) for item in sorted(items, key=lambda item: (item.at, item.rank))]


def _shown(item: _Item, start: datetime) -> TraceItem:
    return TraceItem(
        at=item.at,
        after_ms=_ms(item.at - start),
        kind=item.kind,
        title=item.title,
        order_id=item.order_id,
        symbol=item.symbol,
        took_ms=item.took_ms,
        detail=item.detail or {},
    )


def _beginning(facts: Facts) -> Iterable[_Item]:
    execution, plan = facts.execution, facts.plan
    yield _Item(
        execution.created_at,
        0,
        "decision",
        f"Confirmed: {execution.kind} {plan.index_id.upper()}, {plan.direction}, {plain(plan.size)} USDT, "
        f"as previewed under digest {plan.digest[:12]}",
        detail={"plan_id": str(plan.id), "digest": plan.digest, "user_id": str(execution.user_id)},
    )
    yield _Item(execution.created_at, 2, "job", "Queued for a worker", detail={"job": "execution.run"})


def _order_row(order: Order) -> _Item:
    detail: dict[str, object] = {
        "client_id": order.client_id,
        "role": order.role,
        "attempt": order.attempt,
        "side": str(order.side),
        "quantity": plain(order.quantity),
        "limit_price": plain(order.limit_price),
        "reduce_only": order.reduce_only,
    }
    return _Item(
        order.created_at, 1, "row", trace_words.order_written(order), order.id, order.symbol, detail=detail
    )


def _events(facts: Facts) -> Iterable[_Item]:
    orders = {order.id: order for order in facts.orders}
    for event in facts.events:
        order = orders[event.order_id]
        detail: dict[str, object] = {
            "event": event.event,
            "from": event.from_state,
            "to": event.to_state,
            "said_by": trace_words.said_by(event),
            **{name: value for name, value in event.detail.items() if value not in ("", None)},
        }
        yield _Item(
            event.at,
            3 if event.event == "send" else 7,
            "event",
            trace_words.event_happened(event, order),
            order.id,
            order.symbol,
            detail=detail,
        )


def _fills(facts: Facts) -> Iterable[_Item]:
    for fill in facts.fills:
        detail: dict[str, object] = {
            "exec_id": fill.exec_id,
            "quantity": plain(fill.quantity),
            "price": plain(fill.price),
            "fee": plain(fill.fee),
            "fee_asset": fill.fee_asset,
            "is_maker": fill.is_maker,
            "booked_at": fill.booked_at,
        }
        yield _Item(
            fill.executed_at, 6, "event", trace_words.filled(fill), fill.order_id, fill.symbol, detail=detail
        )


def _trail(facts: Facts) -> Iterable[_Item]:
    by_client_id = {order.client_id: order for order in facts.orders}
    for row in facts.trail:
        order = _order_of(row, by_client_id)
        order_id, symbol = (order.id, order.symbol) if order else (row.order_id, row.symbol)
        took = None if _answered_apart(row) else row.took_ms
        yield _Item(row.at, 4, _kind(row), _title(row), order_id, symbol, took, _detail(row))
        if _answered_apart(row):
            at = row.at + timedelta(milliseconds=row.took_ms or 0)
            said: dict[str, object] = {n: row.detail[n] for n in ("outcome", "code") if n in row.detail}
            title = trace_words.answered(row.detail, symbol)
            yield _Item(at, 5, "answer", title, order_id, symbol, row.took_ms, said)


def _answered_apart(row: TrailRow) -> bool:
    """Between a request that changes something and its answer much may happen: they are two items."""
    return bool(row.kind == "request" and row.detail.get("writes") and row.times == 1)


def _order_of(row: TrailRow, by_client_id: dict[str, Order]) -> Order | None:
    """The order that a request was about, if it was about one."""
    named = [order.get("client_id") for order in row.detail.get("orders", ())]
    return by_client_id.get(named[0]) if len(named) == 1 else None


def _title(row: TrailRow) -> str:
    symbols = row.detail.get("symbols", ()) if row.kind == "request" and not row.detail.get("orders") else ()
    about = f" ({trace_words.names(symbols)})" if symbols else ""
    if row.times == 1 or row.until is None:
        return f"{row.title}{about}"
    return f"{row.title}{about}, {row.times} times over {trace_words.duration(_ms(row.until - row.at))}"


def _detail(row: TrailRow) -> dict[str, object]:
    """The facts of a row, without what only the folding needs."""
    facts: dict[str, object] = {n: fact for n, fact in row.detail.items() if n not in ("again", "writes")}
    return facts | ({"times": row.times, "until": row.until} if row.times > 1 else {})


def _kind(row: TrailRow) -> TraceKind:
    return row.kind  # type: ignore[return-value]  # the column holds nothing else


def _end(facts: Facts) -> Iterable[_Item]:
    execution = facts.execution
    if execution.finished_at is None:
        return
    began = execution.started_at or execution.created_at
    state = trace_words.STATES.get(execution.state, execution.state)
    yield _Item(
        execution.finished_at,
        9,
        "decision",
        f"Ended: {state}. {execution.reason}".rstrip(),
        took_ms=_ms(execution.finished_at - began),
        detail={"state": execution.state, "fence": execution.fence},
    )


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
