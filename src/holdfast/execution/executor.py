"""Carries out one plan: a state machine whose whole memory is in PostgreSQL.

Row first, then the wire. After any doubt the venue is asked by our own id, and the same id is sent again
only if the venue says it does not know it. The process may be killed at any instruction: the next holder
of the job reads the rows and goes on.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.doors import open_door
from holdfast.accounts.vault import VaultBroken
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.execution import finish, intake, preflight, repository, sending
from holdfast.execution.comparing import Comparing
from holdfast.execution.decide import Act, Decision, Mode, decide
from holdfast.execution.drafts import request_of
from holdfast.execution.facts import facts_of
from holdfast.execution.further import next_rows, unwinding_rows, unwound_in_vain
from holdfast.execution.hand import LONGEST_PAUSE
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderEvent as Event
from holdfast.execution.orders import OrderState
from holdfast.execution.plans import legs_of, tactic_of, traded, view_of
from holdfast.execution.pricing import unwind_price
from holdfast.execution.resting import LOOK_EVERY, is_resting, left_behind
from holdfast.execution.trail import trail
from holdfast.platform.jobs import DEADLY_AFTER
from holdfast.platform.tasks import RetryAt
from holdfast.portfolio.booking import closable
from holdfast.portfolio.repository import lock_ledger
from holdfast.venues.protocol import (
    KeyRefused,
    RateLimited,
    VenueError,
)


class Executor(Comparing):
    """One execution in the hands of one worker."""

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
            if self._lock is None:
                self._lock = await repository.lock_number(session, execution.connection_id)
        self._shown, self._tactic = view_of(self._plan), tactic_of(self._plan)
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
            refusal = await self._look_first(execution)
            self._just_looked = not refusal
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            trail.checked(session, self._id, refusal, at=self._now(), took=self._now() - self._began)
            if refusal:
                await finish.not_started(session, execution, refusal, now=self._now())
            else:
                execution.state, execution.reason = "running", ""
        await self._publish()
        return not refusal

    async def _look_first(self, execution: Execution) -> str:
        try:
            return await preflight.check(self._work, self._door, execution, self._plan)
        except RetryAt as later:
            await self.waits_to_start(later.reason)
            raise

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
            case Act.CANCEL:
                await self._cancel([o for o in orders if o.leg in decision.legs and is_resting(o)])
            case Act.TRY_AGAIN:
                await self._try_again()
            case Act.WAIT:
                await self._wait_for_the_market(orders)
            case Act.UNWIND:
                await self._unwind(decision)
            case Act.FINISH:
                return not await self._finish()
        return True

    async def _decide(self) -> tuple[Decision, list[Order]]:
        async with self._work.database.sessions() as session:
            execution = await session.get_one(Execution, self._id)
            # Before the orders: a fill booked in between must not make less of what they are for.
            reduces = execution.kind != "open"
            owned = await closable(session, execution.sleeve_id) if reduces else None
            orders = await repository.orders_of(session, self._id)
            return await self._decision(session, execution, orders, owned), orders

    async def _decision(
        self,
        session: AsyncSession,
        execution: Execution,
        orders: list[Order],
        owned: Mapping[str, Decimal] | None = None,
    ) -> Decision:
        """Before anything is closed, the ledger is asked what the position still holds (``owned``, if that
        was read already)."""
        booked = await repository.booked_quantities(session, [order.id for order in orders])
        decision = self._decided(execution, orders, booked)
        legs = self._by_index
        closing = decision.act is Act.UNWIND or any(sending.closes(order, legs) for order in orders)
        if decision.act is Act.ASK or not closing:
            return decision
        if owned is None:
            owned = await closable(session, execution.sleeve_id)
        return self._decided(execution, orders, booked, owned)

    def _decided(
        self,
        execution: Execution,
        orders: list[Order],
        booked: Mapping[UUID, Decimal],
        owned: Mapping[str, Decimal] | None = None,
    ) -> Decision:
        now = self._now()
        facts = tuple(
            facts_of(
                leg,
                orders,
                booked,
                self._instrument(leg.symbol),
                now=now,
                owned=owned,
            )
            for leg in self._legs
        )
        return decide(
            self._shown.kind,
            Mode.UNWINDING if any(order.role == "unwind" for order in orders) else Mode.FORWARD,
            facts,
            residual_planned=any(leg.action == "skip" and leg.target_notional for leg in self._shown.legs),
            tactic=self._tactic,
            elapsed=(now - (execution.started_at or now)).total_seconds(),
        )

    # --- sending -----------------------------------------------------------------------------------------

    async def _send(self, decision: Decision) -> None:
        if self._tactic.takes_time and await self._is_held_up(decision):
            return
        prices = await self._prices(decision)
        books = await self._compared(decision)
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            await self._keep_the_lock(session)
            rows = await repository.orders_of(session, self._id)
            sent_before = [order for order in rows if order.state == OrderState.PLANNED and order.sent_at]
            await self._put_off(session, rows, books)
            orders = await sending.release(
                session,
                self._work,
                execution,
                rows,
                frozenset(decision.legs),
                self._by_index,
                self._rules,
                prices,
                net=books.net if books else None,
            )
        await self._ask_to_cancel([order for order in sent_before if order.state == OrderState.REJECTED])
        if not orders:
            return
        placements = await self._door.place([request_of(order, self._allowance) for order in orders])
        async with self._write() as session:
            await repository.fence_off(session, self._id, self._work.lease.fence)
            by_client_id = {order.client_id: order for order in await repository.orders_of(session, self._id)}
            for placement in placements:
                order = by_client_id[placement.client_id]
                await intake.take_placement(session, order, placement, now=self._now())
        limits = [placement.error for placement in placements if isinstance(placement.error, RateLimited)]
        if len(limits) == len(placements):
            await self._sit_out(max(limits, key=lambda limit: limit.until))

    async def _is_held_up(self, decision: Decision) -> bool:
        """A halt that came while a plan takes its time: what is still to come waits, shown, until the books
        agree again. Returns whether a stop took it away instead.

        Raises:
            RetryAt: it waits.
        """
        symbols = [leg.symbol for leg in self._chosen(decision)]
        async with self._work.database.sessions() as session:
            execution = await session.get_one(Execution, self._id)
            orders = await repository.orders_of(session, self._id)
            halts = await repository.halts_of(session, execution.connection_id, symbols)
        unwinding = any(order.role == "unwind" for order in orders)
        if unwinding or not halts:
            return False
        if await self._withdraw_if_stopped():
            return True
        said = " ".join(f"{symbol} is halted: {reason}" for symbol, reason in sorted(halts.items()))
        await self.needs_attention(f"{said} Holdfast goes on with this plan once it trades again.")
        raise RetryAt(5, said)

    async def _prices(self, decision: Decision) -> dict[UUID, Decimal]:
        async with self._work.database.sessions() as session:
            orders = await repository.orders_of(session, self._id)
        due = [order for order in orders if order.leg in decision.legs and sending.is_due(order, self._now())]
        try:
            return await sending.prices_of(
                self._door, self._tactic, due, self._by_index, self._rules, allowance=self._allowance
            )
        except VenueError as error:
            if any(order.sent_at for order in orders):
                await self.needs_attention(
                    f"The next orders have no price yet: {error} Holdfast keeps trying."
                )
            raise RetryAt(3, f"waiting for prices: {error}") from error

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
        """Never send what is planned. What may have been sent once is cancelled first, should it turn up."""
        async with self._work.database.sessions() as session:
            orders = await repository.orders_of(session, self._id)
        planned = [o for o in orders if o.leg in decision.legs and o.state == OrderState.PLANNED]
        await self._ask_to_cancel([order for order in planned if order.sent_at])
        names = {order.client_id for order in planned}
        async with self._write() as session:
            await repository.fence_off(session, self._id, self._work.lease.fence)
            for order in await repository.orders_of(session, self._id):
                if order.client_id in names and order.state == OrderState.PLANNED:
                    repository.record(session, order, Event.ABANDON, now=self._now())

    async def _cancel(self, orders: list[Order]) -> None:
        """Ask for resting orders to be ended, and then what became of them: a fill may have been faster."""
        await self._ask_to_cancel(orders)
        await self._ask(orders)

    async def _ask_to_cancel(self, orders: list[Order]) -> None:
        answers = await asyncio.gather(
            *(self._door.cancel(order.symbol, order.client_id) for order in orders), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, VenueError):
                raise answer

    # --- waiting ------------------------------------------------------------------------------------------

    async def _wait_for_the_market(self, orders: list[Order]) -> None:
        """Orders rest, or are not due yet: see what became of them, follow the best price, and give the job
        back for longer waits."""
        if await self._withdraw_if_stopped():
            return
        resting = [order for order in orders if is_resting(order)]
        if resting:
            if await self._look_at(resting):
                return
            late = await left_behind(self._door, resting, self._by_index, self._rules)
            if late:
                await self._cancel(late)
                return
        due = [o.due_at for o in orders if o.due_at and o.state == OrderState.PLANNED]
        waits = [(at - self._now()).total_seconds() for at in due]
        seconds = max(0.05, min([*waits, LOOK_EVERY] if resting else waits, default=0.05))
        if seconds > LONGEST_PAUSE or resting:
            raise RetryAt(seconds, "waiting for the market, as planned")
        await self._pause(seconds)

    async def _withdraw_if_stopped(self) -> bool:
        """Whether something that was still to come was taken out of the way of a stop. A closing that goes at
        once is what a flattening is made of: it goes on."""
        if self._shown.kind == "close" and not self._tactic.takes_time:
            return False
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            orders = await repository.orders_of(session, self._id)
            stopped = await sending.withdraw(session, self._work, execution, orders, self._by_index)
        await self._ask_to_cancel([o for o in stopped if o.sent_at and o.state == OrderState.REJECTED])
        await self._cancel([order for order in stopped if is_resting(order)])
        return bool(stopped)

    # --- further orders ----------------------------------------------------------------------------------

    async def _try_again(self) -> None:
        """Decided once more with the rows in hand, because the account stream may have told of a fill."""
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            orders = await repository.orders_of(session, self._id)
            decision = await self._decision(session, execution, orders)
            if decision.act is not Act.TRY_AGAIN:
                return
            rows = next_rows(
                execution,
                self._by_index,
                orders,
                decision.children,
                self._rules,
                owned=await closable(session, execution.sleeve_id),
                now=self._now(),
            )
            session.add_all(rows)

    async def _unwind(self, decision: Decision) -> None:
        """Close again what this execution has opened, at a price that gives way a little more each time."""
        async with self._work.database.sessions() as session:
            orders = await repository.orders_of(session, self._id)
        chosen = self._chosen(decision)
        in_vain = {leg.index: unwound_in_vain(orders, leg.index) for leg in chosen}
        again = max(in_vain.values())
        if again:
            await self._pause(min(0.3 * 2**again, LONGEST_PAUSE))
        try:
            prices = await asyncio.gather(
                *(
                    unwind_price(self._door, self._rules[leg.symbol], leg.side.opposite, in_vain[leg.index])
                    for leg in chosen
                )
            )
        except VenueError as error:
            await self.needs_attention(
                f"A leg could not be had, and what was opened cannot be closed again yet: {error} "
                "Holdfast keeps trying."
            )
            raise RetryAt(3, f"Closing again what was opened: {error}") from error
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            execution.state, execution.reason = "unwinding", ""
            orders = await repository.orders_of(session, self._id)
            owned = await closable(session, execution.sleeve_id)
            rows = unwinding_rows(execution, chosen, orders, prices, owned, self._rules, now=self._now())
            session.add_all(rows)

    async def _finish(self) -> bool:
        """Whether it has ended. Decided once more with the rows in hand: a fill that was told of in the last
        moment is still to be dealt with."""
        async with self._write() as session:
            await lock_ledger(session, self._plan.connection_id)
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            orders = await repository.orders_of(session, self._id)
            end = (await self._decision(session, execution, orders)).end
            if end is not None:
                await finish.end(session, execution, self._plan, end, now=self._now())
            return end is not None
