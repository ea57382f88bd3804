"""Carries out one plan: a state machine whose whole memory is in PostgreSQL.

Row first, then the wire. After any doubt the venue is asked by our own id, and the same id is sent again
only if the venue says it does not know it. The process may be killed at any instruction: the next holder
of the job reads the rows and goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.doors import open_door
from holdfast.accounts.vault import VaultBroken
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.core.instruments import Instrument
from holdfast.execution import finish, gate, intake, preflight, repository, trail
from holdfast.execution.answers import Answer, ask_about, owes_answer
from holdfast.execution.decide import Act, Decision, Mode, decide
from holdfast.execution.drafts import new_order, request_of, still_open
from holdfast.execution.facts import facts_of
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderEvent as Event
from holdfast.execution.orders import OrderState
from holdfast.execution.plans import PlannedLeg, legs_of, traded, view_of
from holdfast.execution.pricing import unwind_price
from holdfast.execution.progress import publish_execution
from holdfast.execution.repository import STUCK_STATE
from holdfast.market.instruments import InstrumentBook
from holdfast.platform.jobs import DEADLY_AFTER
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.models import Plan
from holdfast.venues.protocol import (
    KeyRefused,
    RateLimited,
    TradingVenue,
    VenueError,
)

log = structlog.get_logger(__name__)

IN_FLIGHT = timedelta(seconds=7)
"""A request older than this can no longer be accepted: the receive window is 5 s, and some to spare."""
PATIENCE = timedelta(seconds=20)
"""How long an answer may be owed before the execution says that it needs attention. It goes on asking."""
LONGEST_PAUSE = 5.0
"""Seconds a worker waits with an execution in hand; for longer waits it gives the job back."""


Pause = Callable[[float], Awaitable[None]]


class Executor:
    """One execution in the hands of one worker."""

    def __init__(self, work: Work, execution_id: UUID, *, pause: Pause = asyncio.sleep) -> None:
        self._work = work
        self._id = execution_id
        self._pause = pause
        self._instruments = InstrumentBook()
        self._door: TradingVenue
        self._plan: Plan
        self._legs: list[PlannedLeg]
        self._began = self._now()
        self._waiting_since: datetime | None = None

    async def run(self) -> None:
        """Go on from wherever the rows say, until the execution has ended.

        Raises:
            RetryAt: the venue owes an answer; the job is to be taken up again.
            LeaseLost: another worker has taken over.
        """
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            if execution.finished_at:
                return
            self._plan = await repository.plan_of(session, execution)
            await self._instruments.refresh(session)
            nothing_sent = all(
                order.sent_at is None for order in await repository.orders_of(session, self._id)
            )
            execution.started_at = execution.started_at or self._now()
        self._legs = traded(legs_of(self._plan))
        obstacle = await self._obstacle(execution)
        if obstacle and not nothing_sent:
            await self.needs_attention(f"{obstacle} Holdfast goes on as soon as it can.")
            raise RetryAt(10, obstacle)
        if nothing_sent and not await self._prepare(execution, obstacle):
            return
        await self._publish()
        while await self._advance():
            await self._publish()
        await self._publish()

    async def needs_attention(self, reason: str) -> None:
        """Say that this stands half done, and why. It goes on by itself when it can.

        Raises:
            LeaseLost: another worker has taken over.
        """
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            if execution.finished_at or (execution.state, execution.reason) == (STUCK_STATE, reason):
                return
            execution.state, execution.reason = STUCK_STATE, reason
            await repository.set_sleeve_state(session, execution.sleeve_id, state=STUCK_STATE)
        await self._publish()
        log.warning("execution needs attention", execution=str(self._id), reason=reason)

    async def _obstacle(self, execution: Execution) -> str:
        """What keeps this worker from trading at all, in words; "" if nothing does. Opens the door."""
        if self._work.lease.attempts > DEADLY_AFTER:
            await self.needs_attention("This was interrupted again and again; Holdfast is trying once more.")
        unknown = [leg.symbol for leg in self._legs if self._instruments.get(leg.symbol) is None]
        if unknown:
            return f"The trading rules of {', '.join(unknown)} are not known."
        try:
            self._door = await open_door(self._work, execution.connection_id)
        except (KeyRefused, VaultBroken, NotFound, InvalidInput) as error:
            return f"The venue cannot be reached with this connection's key: {error}"
        return ""

    async def _prepare(self, execution: Execution, obstacle: str) -> bool:
        if obstacle:
            refusal = f"{obstacle} Nothing was traded."
        else:
            refusal = await preflight.check(self._work, self._door, execution, self._plan)
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            trail.checked(session, self._id, refusal, at=self._now(), took=self._now() - self._began)
            if refusal:
                await finish.not_started(session, execution, refusal, now=self._now())
            else:
                execution.state, execution.reason = "running", ""
        await self._publish()
        return not refusal

    async def _advance(self) -> bool:
        """One act. Returns whether there is more to do."""
        decision, orders = await self._decide()
        trail.decided(decision.act, [leg.symbol for leg in self._chosen(decision)], at=self._now())
        match decision.act:
            case Act.ASK:
                await self._ask(orders)
            case Act.SEND:
                await self._send(decision)
            case Act.ABANDON:
                await self._abandon(decision)
            case Act.TRY_AGAIN:
                await self._try_again(decision)
            case Act.UNWIND:
                await self._unwind(decision)
            case Act.FINISH:
                await self._finish(decision)
                return False
        return True

    async def _decide(self) -> tuple[Decision, list[Order]]:
        async with self._work.database.sessions() as session:
            execution = await session.get_one(Execution, self._id)
            orders = await repository.orders_of(session, self._id)
            booked = await repository.booked_quantities(session, [order.id for order in orders])
        facts = tuple(facts_of(leg, orders, booked, self._instrument(leg.symbol)) for leg in self._legs)
        mode = Mode.UNWINDING if any(order.role == "unwind" for order in orders) else Mode.FORWARD
        left_out = any(leg.action == "skip" for leg in view_of(self._plan).legs)
        return decide(_role(execution), mode, facts, residual_planned=left_out), orders

    # --- sending -----------------------------------------------------------------------------------------

    async def _send(self, decision: Decision) -> None:
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            orders = [
                order
                for order in await repository.orders_of(session, self._id)
                if order.leg in decision.legs and order.state == OrderState.PLANNED
            ]
            now = self._now()
            refused = await gate.refusals(session, self._work, execution, orders)
            for order in orders:
                if order.id in refused:
                    order.reject_code, order.reject_reason = gate.REJECT_CODE, refused[order.id]
                    repository.record(session, order, Event.FORBID, now=now, reason=refused[order.id])
                    continue
                order.sent_at = now
                repository.record(session, order, Event.SEND, now=now)
        orders = [order for order in orders if order.id not in refused]
        if not orders:
            return
        placements = await self._door.place([request_of(order) for order in orders])
        async with self._write() as session:
            await repository.fence_off(session, self._id, self._work.lease.fence)
            by_client_id = {order.client_id: order for order in await repository.orders_of(session, self._id)}
            for placement in placements:
                order = by_client_id[placement.client_id]
                await intake.take_placement(session, order, placement, now=self._now())
        limits = [placement.error for placement in placements if isinstance(placement.error, RateLimited)]
        if len(limits) == len(placements):
            await self._sit_out(max(limits, key=lambda limit: limit.until))

    async def _sit_out(self, limit: RateLimited) -> None:
        """Wait for a short rate limit; give the job back for a long one."""
        seconds = max(0.25, (limit.until - self._now()).total_seconds())
        if seconds <= LONGEST_PAUSE:
            trail.waits(seconds, str(limit), at=self._now())
            await self._pause(seconds)
            return
        async with self._work.database.sessions() as session:
            begun = any(order.sent_at for order in await repository.orders_of(session, self._id))
        if begun:
            await self.needs_attention(f"The next orders have to wait: {limit} Holdfast goes on by itself.")
        raise RetryAt(min(seconds, 30), f"waiting for the rate limit: {limit}")

    async def _abandon(self, decision: Decision) -> None:
        async with self._write() as session:
            await repository.fence_off(session, self._id, self._work.lease.fence)
            for order in await repository.orders_of(session, self._id):
                if order.leg in decision.legs and order.state == OrderState.PLANNED:
                    repository.record(session, order, Event.ABANDON, now=self._now())

    # --- asking ------------------------------------------------------------------------------------------

    async def _ask(self, orders: list[Order]) -> None:
        async with self._work.database.sessions() as session:
            booked = await repository.booked_quantities(session, [order.id for order in orders])
        owing = [order for order in orders if owes_answer(order, booked.get(order.id, Decimal(0)))]
        answers = await asyncio.gather(*(ask_about(self._door, order, self._now()) for order in owing))
        moved = await self._take_in(
            [(order.client_id, answer) for order, answer in zip(owing, answers, strict=True)]
        )
        if moved:
            self._waiting_since = None
            return
        await self._wait(owing)

    async def _take_in(self, answers: list[tuple[str, Answer]]) -> bool:
        if all(answer.error for _, answer in answers):
            return False
        moved = False
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            by_client_id = {order.client_id: order for order in await repository.orders_of(session, self._id)}
            for name, answer in answers:
                order = by_client_id[name]
                if answer.report:
                    moved |= await intake.take_report(session, order, answer.report, now=self._now())
                    moved |= await intake.take_fills(session, order, answer.fills, now=self._now())
                elif answer.error is None and self._is_believable(order):
                    moved |= await intake.take_not_known(session, order, now=self._now())
            if moved and execution.state == STUCK_STATE:
                unwinding = any(order.role == "unwind" for order in by_client_id.values())
                execution.state, execution.reason = "unwinding" if unwinding else "running", ""
        return moved

    def _is_believable(self, order: Order) -> bool:
        """Whether the venue may be believed that it does not know the order: only once our request can no
        longer be on its way. A holder before us may have sent it in its last moment, long after it wrote the
        row."""
        return self._now() - max(order.sent_at or self._began, self._began) >= IN_FLIGHT

    async def _wait(self, owing: list[Order]) -> None:
        now = self._now()
        self._waiting_since = self._waiting_since or now
        waited = now - self._waiting_since
        names = ", ".join(sorted({order.symbol for order in owing}))
        if waited < PATIENCE:
            seconds = min(1.0, 0.03 + waited.total_seconds() / 4)
            trail.waits(seconds, f"Bybit owes an answer about the order in {names}", at=now)
            await self._pause(seconds)
            return
        reason = f"Bybit has not told us yet what became of the order in {names}. Holdfast keeps asking."
        await self.needs_attention(reason)
        raise RetryAt(5, reason)

    # --- further orders ----------------------------------------------------------------------------------

    async def _try_again(self, decision: Decision) -> None:
        async with self._work.database.sessions() as session:
            attempts = max(order.attempt for order in await repository.orders_of(session, self._id))
        await self._pause(0.3 * 2**attempts)
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            orders = await repository.orders_of(session, self._id)
            for leg in self._chosen(decision):
                tried = [order for order in orders if order.leg == leg.index and order.role != "unwind"]
                missing = leg.quantity - sum((order.filled_quantity for order in tried), Decimal(0))
                session.add(
                    new_order(
                        execution,
                        leg,
                        role=_role(execution),
                        attempt=len(tried),
                        side=leg.side,
                        quantity=missing,
                        limit_price=leg.limit_price,
                        reduce_only=tried[-1].reduce_only,
                        now=self._now(),
                    )
                )

    async def _unwind(self, decision: Decision) -> None:
        """Close again what this execution has opened, at a price that gives way a little more each time."""
        async with self._work.database.sessions() as session:
            orders = await repository.orders_of(session, self._id)
        chosen = self._chosen(decision)
        tried = {leg.index: sum(o.leg == leg.index and o.role == "unwind" for o in orders) for leg in chosen}
        again = max(tried.values())
        if again:
            await self._pause(min(0.3 * 2**again, LONGEST_PAUSE))
        try:
            prices = await asyncio.gather(
                *(
                    unwind_price(
                        self._door, self._instrument(leg.symbol), leg.side.opposite, tried[leg.index]
                    )
                    for leg in chosen
                )
            )
            positions = {held.symbol: held.quantity for held in await self._door.positions()}
        except VenueError as error:
            await self.needs_attention(
                f"A leg could not be had, and what was opened cannot be closed again yet: {error} "
                "Holdfast keeps trying."
            )
            raise RetryAt(3, f"Closing again what was opened: {error}") from error
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            execution.state, execution.reason = "unwinding", ""
            for leg, price in zip(chosen, prices, strict=True):
                quantity = still_open(orders, leg.index)
                side = leg.side.opposite
                session.add(
                    new_order(
                        execution,
                        leg,
                        role="unwind",
                        attempt=tried[leg.index],
                        side=side,
                        quantity=quantity,
                        limit_price=price,
                        now=self._now(),
                        reduce_only=repository.reduces(positions.get(leg.symbol, Decimal(0)), side, quantity),
                    )
                )

    async def _finish(self, decision: Decision) -> None:
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            if decision.end is None:
                raise ValueError("an execution ends in exactly one way")
            await finish.end(session, execution, self._plan, decision.end, now=self._now())

    # --- small things ------------------------------------------------------------------------------------

    def _chosen(self, decision: Decision) -> list[PlannedLeg]:
        return [leg for leg in self._legs if leg.index in decision.legs]

    def _instrument(self, symbol: str) -> Instrument:
        instrument = self._instruments.get(symbol)
        if instrument is None:
            raise RetryAt(10, f"The trading rules of {symbol} are not known yet.")
        return instrument

    def _now(self) -> datetime:
        return self._work.clock.now()

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncSession]:
        async with self._work.database.transaction() as session:
            yield session
            await trail.flush(session)

    async def _publish(self) -> None:
        await publish_execution(self._work, self._id)


def _role(execution: Execution) -> Literal["open", "close"]:
    return "open" if execution.kind == "open" else "close"
