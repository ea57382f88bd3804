"""Guards taken away on purpose: a torture that does not notice proves nothing."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, update

from holdfast.accounts.models import Connection
from holdfast.execution import (
    asking,
    decide,
    executor,
    finish,
    fold,
    intake,
    locks,
    preflight,
    repository,
    sending,
)
from holdfast.execution.decide import Act, Decision, End
from holdfast.execution.drafts import request_of
from holdfast.execution.executor import Executor
from holdfast.execution.orders import IN_DOUBT, OrderEvent, event_of_placement
from holdfast.execution.reconciliation import reconcile, watch
from holdfast.execution.risk import gate, limits, stops
from holdfast.platform import jobs
from holdfast.platform.models import Job
from holdfast.portfolio import booking, endings, preview_inputs
from holdfast.portfolio import repository as portfolio
from holdfast.portfolio.ledger import eaten, grain, share_forced, share_out
from holdfast.portfolio.models import Sleeve
from holdfast.venues.bybit import client
from holdfast.venues.bybit.budget import LocalBudget, RateBudget
from holdfast.venues.bybit.placing import body
from holdfast.venues.protocol import OutcomeUnknown, Placement

_Change = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Mutation:
    """``changes``: what stands in the place of which attribute of what while it is ``broken``."""

    name: str
    text: str
    changes: Callable[[], list[_Change]]

    @contextmanager
    def broken(self, *users: ModuleType) -> Iterator[None]:
        """The guard is taken away for as long as this block lasts; also from ``users``, which have imported
        it by its name."""
        changes = self.changes()
        changes += [
            (user, name, value)
            for owner, name, value in changes
            for user in users
            if getattr(user, name, None) is getattr(owner, name)
        ]
        before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
        try:
            for owner, name, value in changes:
                setattr(owner, name, value)
            yield
        finally:
            for owner, name, value in before:
                setattr(owner, name, value)


MUTATIONS: Final[dict[str, Mutation]] = {}


def _mutation(text: str) -> Callable[[Callable[[], list[_Change]]], None]:
    def register(changes: Callable[[], list[_Change]]) -> None:
        name = changes.__name__.replace("_", "-")
        MUTATIONS[name] = Mutation(name, text, changes)

    return register


@_mutation("an order is written as sent only after the venue has it")
def row_after_the_wire() -> list[_Change]:
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


@_mutation("every attempt to send an order carries another client id")
def another_id_each_time() -> list[_Change]:
    def renamed(order: Any, kind: Any) -> dict[str, Any]:
        made = body(order, kind)
        made["orderLinkId"] = f"{order.client_id[:-3]}{random.randrange(1000):03d}"  # noqa: S311
        return made

    return [(client, "body", renamed)]


@_mutation("fills are not told apart by their execution id")
def fills_counted_twice() -> list[_Change]:
    original = booking._insert_fill

    async def insert(session: Any, connection_id: UUID, report: Any, order: Any, now: Any) -> bool:
        if await original(session, connection_id, report, order, now):
            return True
        again = replace(report, exec_id=f"{report.exec_id}-again")
        return await original(session, connection_id, again, order, now)

    async def none_known(*_: Any) -> set[str]:
        return set()

    return [(booking, "_insert_fill", insert), (repository, "booked_ids", none_known)]


@_mutation("fencing numbers are not compared")
def no_fencing() -> list[_Change]:
    return _fencing_ignored()


@_mutation("neither leases, nor the locks of connections, nor their numbers, nor fencing are looked at")
def no_ownership_at_all() -> list[_Change]:
    return [*_lease_ignored(), *_lock_ignored(), *_numbers_ignored(), *_fencing_ignored()]


@_mutation("neither the lease of a job nor the lock of a connection is looked at: fencing is left")
def fencing_alone() -> list[_Change]:
    return [*_lease_ignored(), *_lock_ignored()]


@_mutation("neither the lease of a job nor fencing numbers are looked at: the connection's lock is left")
def lock_alone() -> list[_Change]:
    return [*_lease_ignored(), *_fencing_ignored()]


def _fencing_ignored() -> list[_Change]:
    return [(repository, "is_taken_over", lambda *_: False)]


def _lease_ignored() -> list[_Change]:
    async def claim(session: Any, job_id: int, *, now: Any) -> Any:
        await session.execute(
            update(Job)
            .where(Job.id == job_id, or_(Job.lease_until.is_(None), Job.lease_until >= now))
            .values(lease_until=None)
        )
        return await original(session, job_id, now=now)

    async def take_due(session: Any, *, now: Any, limit: int = 100) -> Any:
        await session.execute(
            update(Job)
            .where(Job.finished_at.is_(None), Job.lease_until.is_not(None))
            .values(lease_until=None, dispatched_at=None)
        )
        return await original_due(session, now=now, limit=limit)

    original, original_due = jobs.claim, jobs.take_due
    return [(jobs, "claim", claim), (jobs, "take_due", take_due)]


@_mutation("the lease of a job is not looked at: several workers may do it at once")
def lease_ignored() -> list[_Change]:
    return _lease_ignored()


def _lock_ignored() -> list[_Change]:
    async def taken(*_: Any) -> bool:
        return True

    return [(locks, "_taken", taken)]


def _numbers_ignored() -> list[_Change]:
    async def own(self: Any, session: Any) -> Connection:
        connection: Connection = await session.get_one(
            Connection, self.connection_id, with_for_update={"key_share": True}, populate_existing=True
        )
        return connection

    async def kept(*_: Any) -> None:
        return None

    return [(reconcile._Reconciliation, "_own", own), (Executor, "_keep_the_lock", kept)]


@_mutation("the number of a lock's holder is not compared")
def lock_numbers_ignored() -> list[_Change]:
    return _numbers_ignored()


@_mutation("the lock of a connection is not looked at")
def connection_lock_ignored() -> list[_Change]:
    return _lock_ignored()


@_mutation("an order in doubt counts as refused when asking once has brought nothing")
def unknown_by_a_timer() -> list[_Change]:
    async def give_up(self: Any, owing: Any) -> None:
        names = {order.client_id for order in owing}
        async with self._write() as session:
            for order in await repository.orders_of(session, self._id):
                if order.client_id in names and order.state in IN_DOUBT:
                    repository.record(session, order, OrderEvent.REJECT, now=self._now())

    return [(Executor, "_wait", give_up)]


@_mutation("a transport error counts as a refusal")
def unknown_by_transport_errors() -> list[_Change]:
    def event_of(placement: Placement) -> OrderEvent:
        if isinstance(placement.error, OutcomeUnknown):
            return OrderEvent.REJECT
        return event_of_placement(placement)

    return [(fold, "event_of_placement", event_of)]


@_mutation("“no such order” is believed at once, and the order sent again under the next attempt's id")
def not_known_at_once() -> list[_Change]:
    async def take(session: Any, order: Any, *, now: Any) -> bool:
        if order.state not in IN_DOUBT:
            return False
        repository.record(session, order, OrderEvent.REJECT, now=now)
        return True

    return [(asking, "IN_FLIGHT", timedelta(0)), (intake, "take_not_known", take)]


@_mutation("“no such order” is believed at once, and the order sent again under the same id")
def not_known_and_sent_again() -> list[_Change]:
    return [(asking, "IN_FLIGHT", timedelta(0))]


@_mutation("closing a position uses the account's net position")
def close_the_net() -> list[_Change]:
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


@_mutation("what only reduces is not marked so at the venue")
def reduce_only_ignored() -> list[_Change]:
    return [(repository, "reduces", lambda *_: False)]


@_mutation("stops are not looked at when orders are sent")
def stops_ignored() -> list[_Change]:
    asked = stops.reason_now

    async def reason(*args: Any) -> str:
        return "" if _SENDING.get() else await asked(*args)

    async def not_stopped(*_: Any) -> bool:
        return False

    return [
        _sending_is_known(),
        (stops, "reason_now", reason),
        (Executor, "_withdraw_if_stopped", not_stopped),
    ]


@_mutation("limits are not looked at when orders are sent")
def limits_ignored() -> list[_Change]:

    def nothing(*args: Any, **how: Any) -> dict[object, str]:
        return {} if _SENDING.get() else limits.judge(*args, **how)

    return [_sending_is_known(), (gate, "judge", nothing)]


@_mutation("limits are not looked at at all")
def limits_forgotten() -> list[_Change]:
    return [(gate, "judge", lambda *_, **__: {}), (gate, "losses", lambda *_: "")]


@_mutation("the gate judges openings only, and lets rebalances through")
def rebalances_ungated() -> list[_Change]:
    async def no_problems(*args: Any, **how: Any) -> list[str]:
        return [] if args[2] else await original(*args, **how)

    original = gate.plan_problems
    return [(gate, "RISKY", ("open",)), (gate, "plan_problems", no_problems)]


@_mutation("the price band is not looked at")
def band_ignored() -> list[_Change]:
    return [(limits, "_band", lambda *_: "")]


@_mutation("the fall from the peak is not looked at")
def drawdown_ignored() -> list[_Change]:
    return [(limits.Result, "drawdown", property(lambda _: None))]


@_mutation("the sizes of instruments and positions are not looked at")
def sizes_ignored() -> list[_Change]:
    return [(limits, "_sizes", lambda *_: "")]


_SENDING: Final[ContextVar[bool]] = ContextVar("sending", default=False)


def _sending_is_known() -> _Change:
    """The gate before orders are sent says so to what it asks."""
    original = gate.refusals

    async def refusals(*args: Any) -> dict[UUID, str]:
        token = _SENDING.set(True)
        try:
            return await original(*args)
        finally:
            _SENDING.reset(token)

    return gate, "refusals", refusals


@_mutation("requests leave whenever they like")
def rate_budget_ignored() -> list[_Change]:
    async def at_once(*_: Any, **__: Any) -> float:
        return 0.0

    return [
        (budget, name, at_once)
        for budget in (LocalBudget, RateBudget)
        for name in ("reserve", "reserve_address")
    ]


@_mutation("a forced trade is taken for the user's own")
def forced_trades_are_manual() -> list[_Change]:
    return [(booking, "share_forced", lambda fill, _sleeves, _manual: ({}, fill))]


@_mutation("a forced trade is shared out to its holders in equal parts")
def forced_shares_are_equal() -> list[_Change]:
    def equally(fill: Decimal, sleeves: dict[UUID, Decimal], manual: Decimal) -> Any:
        holders = {owner: Decimal(1) for owner, quantity in sleeves.items() if quantity * fill < 0}
        if not holders:
            return share_forced(fill, sleeves, manual)
        whole = Decimal(len(holders) + bool(manual))
        return share_out(fill, holders, whole, grain(fill, *sleeves.values()))

    return [(booking, "share_forced", equally)]


@_mutation("a trade by hand closes positions first, and the user's own holding last")
def hands_take_positions_first() -> list[_Change]:
    return [(booking, "eaten", lambda fill, sleeves, _manual: eaten(fill, sleeves, Decimal(0)))]


@_mutation("what was closed by hand changes hands twice over")
def settled_twice_over() -> list[_Change]:
    def doubled(*args: Any) -> list[tuple[Any, Decimal]]:
        return [(alteration, 2 * part) for alteration, part in original(*args)]

    original = endings.by_hand_parts
    return [(endings, "by_hand_parts", doubled)]


@_mutation("an opening that misses a leg is left as it is, and needs attention")
def nothing_taken_back() -> list[_Change]:
    return [(decide, "_unwind", lambda _: Decision(Act.FINISH, end=End.STUCK))]


@_mutation("whatever ends needs attention")
def everything_needs_attention() -> list[_Change]:
    original = finish.end

    async def stuck(session: Any, execution: Any, plan: Any, _how: End, *, now: Any) -> None:
        await original(session, execution, plan, End.STUCK, now=now)

    return [(finish, "end", stuck)]


async def _nothing_taken(*_: Any, **__: Any) -> bool:
    return False


@_mutation("fills that come after the end of an execution are not looked for")
def late_fills_ignored() -> list[_Change]:
    return [(reconcile, "take_own_fill", _nothing_taken)]


@_mutation("fills that come after the end of an execution are neither looked for nor heard")
def late_fills_unheard() -> list[_Change]:
    return [(reconcile, "take_own_fill", _nothing_taken), (watch, "take_own_fill", _nothing_taken)]


def _halts_ignored() -> list[_Change]:
    async def nothing(*_: Any) -> str:
        return ""

    return [(preflight, "_blocked", nothing)]


@_mutation("halts are written and not looked at")
def halts_ignored() -> list[_Change]:
    return _halts_ignored()


@_mutation("halts are not looked at, and the books not compared before an execution begins")
def books_not_looked_at() -> list[_Change]:
    async def nothing(*_: Any, **__: Any) -> None:
        return None

    return [*_halts_ignored(), (preflight, "ensure_reconciled", nothing)]
