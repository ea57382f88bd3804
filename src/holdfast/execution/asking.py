"""What became of the orders: the venue is asked by our own ids, and silence decides nothing."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

from holdfast.execution import intake, repository
from holdfast.execution.answers import Answer, ask_about, owes_answer
from holdfast.execution.hand import Hand
from holdfast.execution.models import Order
from holdfast.execution.orders import WORKING
from holdfast.execution.repository import STUCK_STATE
from holdfast.execution.trail import trail
from holdfast.platform.tasks import RetryAt

IN_FLIGHT = timedelta(seconds=7)
"""A request older than this can no longer be accepted: the receive window is 5 s, and some to spare."""
PATIENCE = timedelta(seconds=20)
"""How long an answer may be owed before the execution says that it needs attention. It goes on asking."""
HEAR_FIRST = 0.15
"""Seconds in which the account stream may tell how an order ended before the venue is asked."""


class Asking(Hand):
    """A hand that asks until every order has been answered for."""

    async def _ask(self, orders: list[Order]) -> None:
        async with self._work.database.sessions() as session:
            booked = await repository.booked_quantities(session, [order.id for order in orders])
        owing = [order for order in orders if owes_answer(order, booked.get(order.id, Decimal(0)))]
        fresh = self._waiting_since is None and all(order.state in WORKING for order in owing)
        if not owing or (fresh and await self._hears_of(owing, HEAR_FIRST)):
            return
        if await self._look_at(owing):
            self._waiting_since = None
            return
        await self._wait(owing)

    async def _look_at(self, orders: list[Order]) -> bool:
        """Ask the venue about each, and take in what it says; whether that moved any."""
        asked_at = self._now()
        answers = await asyncio.gather(*(ask_about(self._door, order, asked_at) for order in orders))
        told = [(order.client_id, answer) for order, answer in zip(orders, answers, strict=True)]
        return await self._take_in(told, asked_at)

    async def _take_in(self, answers: list[tuple[str, Answer]], asked_at: datetime) -> bool:
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
                elif answer.error is None and self._is_believable(order, asked_at):
                    moved |= await intake.take_not_known(session, order, now=self._now())
            if moved and execution.state == STUCK_STATE:
                unwinding = any(order.role == "unwind" for order in by_client_id.values())
                execution.state, execution.reason = "unwinding" if unwinding else "running", ""
        return moved

    def _is_believable(self, order: Order, asked_at: datetime) -> bool:
        """Whether the venue may be believed that it does not know the order: only if it was asked once our
        request could no longer be on its way. Answers are taken in together, some of them long after they
        came. A holder before us may have sent it in its last moment, long after it wrote the row."""
        return asked_at - max(order.sent_at or self._began, self._began) >= IN_FLIGHT

    async def _wait(self, owing: list[Order]) -> None:
        now = self._now()
        self._waiting_since = self._waiting_since or now
        waited = now - self._waiting_since
        names = ", ".join(sorted({order.symbol for order in owing}))
        if waited < PATIENCE:
            seconds = min(1.0, 0.03 + waited.total_seconds() / 4)
            trail.waits(seconds, f"Bybit owes an answer about the order in {names}", at=now)
            if await self._hears_of(owing, seconds):
                self._waiting_since = None
            return
        reason = f"Bybit has not told us yet what became of the order in {names}. Holdfast keeps asking."
        await self.needs_attention(reason)
        raise RetryAt(5, reason)
