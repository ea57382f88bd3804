"""Guards of single orders: the row first, ids, the unknown that stays, and how an execution ends."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from holdfast.execution import asking, decide, executor, finish, fold, intake, preflight, repository, sending
from holdfast.execution.decide import Act, Decision, End
from holdfast.execution.drafts import request_of
from holdfast.execution.executor import Executor
from holdfast.execution.orders import IN_DOUBT, OrderEvent, event_of_placement
from holdfast.portfolio import preview_inputs
from holdfast.portfolio import repository as portfolio
from holdfast.portfolio.models import Sleeve
from holdfast.torture.mutations.registry import Change, mutation
from holdfast.venues.bybit import client
from holdfast.venues.bybit.placing import body
from holdfast.venues.protocol import OutcomeUnknown, Placement


@mutation("an order is written as sent only after the venue has it")
def row_after_the_wire() -> list[Change]:
    original = Executor._send

    async def send(self: Any, decision: Any) -> None:
        prices = await self._prices(decision)
        async with self._work.database.sessions() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            orders = await sending.release(
                session, self._work, execution, await repository.orders_of(session, self._id),
                frozenset(decision.legs), self._by_index, self._rules, prices,
            )  # fmt: skip
            requests = [request_of(order, self._allowance) for order in orders]
            await session.rollback()
        await self._door.place(requests)
        await original(self, decision)

    return [(Executor, "_send", send)]


@mutation("every attempt to send an order carries another client id")
def another_id_each_time() -> list[Change]:
    def renamed(order: Any, kind: Any) -> dict[str, Any]:
        made = body(order, kind)
        made["orderLinkId"] = f"{order.client_id[:-3]}{random.randrange(1000):03d}"  # noqa: S311
        return made

    return [(client, "body", renamed)]


@mutation("an order in doubt counts as refused when asking once has brought nothing")
def unknown_by_a_timer() -> list[Change]:
    async def give_up(self: Any, owing: Any) -> None:
        names = {order.client_id for order in owing}
        async with self._write() as session:
            for order in await repository.orders_of(session, self._id):
                if order.client_id in names and order.state in IN_DOUBT:
                    repository.record(session, order, OrderEvent.REJECT, now=self._now())

    return [(Executor, "_wait", give_up)]


@mutation("a transport error counts as a refusal")
def unknown_by_transport_errors() -> list[Change]:
    def event_of(placement: Placement) -> OrderEvent:
        if isinstance(placement.error, OutcomeUnknown):
            return OrderEvent.REJECT
        return event_of_placement(placement)

    return [(fold, "event_of_placement", event_of)]


@mutation("“no such order” is believed at once, and the order sent again under the next attempt's id")
def not_known_at_once() -> list[Change]:
    async def take(session: Any, order: Any, *, now: Any) -> bool:
        if order.state not in IN_DOUBT:
            return False
        repository.record(session, order, OrderEvent.REJECT, now=now)
        return True

    return [(asking, "IN_FLIGHT", timedelta(0)), (intake, "take_not_known", take)]


@mutation("“no such order” is believed at once, and the order sent again under the same id")
def not_known_and_sent_again() -> list[Change]:
    return [(asking, "IN_FLIGHT", timedelta(0))]


@mutation("closing a position uses the account's net position")
def close_the_net() -> list[Change]:
    return _net_closed()


def _net_closed() -> list[Change]:
    async def net(session: Any, sleeve_id: UUID) -> dict[str, Decimal]:
        sleeve = await session.get_one(Sleeve, sleeve_id)
        held = await portfolio.quantities(session, sleeve.connection_id)
        mine = {symbol for owner, symbol in held if owner == sleeve_id}
        total: dict[str, Decimal] = {}
        for (_, symbol), quantity in held.items():
            if symbol in mine:
                total[symbol] = total.get(symbol, Decimal(0)) + quantity
        return {symbol: quantity for symbol, quantity in total.items() if quantity}

    return [(asker, "closable", net) for asker in (preview_inputs, preflight, executor, sending)]


@mutation("what only reduces is not marked so at the venue")
def reduce_only_ignored() -> list[Change]:
    return _reduce_only_ignored()


def _reduce_only_ignored() -> list[Change]:
    return [(repository, "reduces", lambda *_: False)]


@mutation("closing a position uses the account's net position, and nothing is marked as only reducing")
def closing_unbounded() -> list[Change]:
    return [*_net_closed(), *_reduce_only_ignored()]


@mutation("an opening that misses a leg is left as it is, and needs attention")
def nothing_taken_back() -> list[Change]:
    return [(decide, "_unwind", lambda _: Decision(Act.FINISH, end=End.STUCK))]


@mutation("whatever ends needs attention")
def everything_needs_attention() -> list[Change]:
    original = finish.end

    async def stuck(session: Any, execution: Any, plan: Any, _how: End, *, now: Any) -> None:
        await original(session, execution, plan, End.STUCK, now=now)

    return [(finish, "end", stuck)]
