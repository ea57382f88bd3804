"""What a worker holds while it carries out one execution: the rows, the venue, the plan and the time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Instrument
from holdfast.execution import repository
from holdfast.execution.decide import Decision
from holdfast.execution.incidents.attention import note_attention
from holdfast.execution.models import Order
from holdfast.execution.plans import PlannedLeg
from holdfast.execution.progress import publish_execution
from holdfast.execution.repository import STUCK_STATE
from holdfast.execution.trail import trail
from holdfast.market.instruments import InstrumentBook
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.models import Plan
from holdfast.portfolio.schemas import PlanView
from holdfast.portfolio.tactics import Tactic
from holdfast.venues.protocol import TradingVenue

log = structlog.get_logger(__name__)

LISTEN_EVERY: Final = 0.05
LONGEST_PAUSE: Final = 5.0
"""Seconds a worker waits with an execution in hand; for longer waits it gives the job back."""

Pause = Callable[[float], Awaitable[None]]


class Hand:
    """One execution in the hands of one worker."""

    def __init__(
        self,
        work: Work,
        execution_id: UUID,
        *,
        lock: int | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """``lock``: the number under which the connection's lock is held; by default the one that stands when
        the work begins."""
        self._lock = lock
        self._work = work
        self._id = execution_id
        self._pause = pause
        self._instruments = InstrumentBook()
        self._door: TradingVenue
        self._plan: Plan
        self._shown: PlanView
        self._tactic: Tactic
        self._legs: list[PlannedLeg]
        self._began = self._now()
        self._waiting_since: datetime | None = None
        self._just_looked = False
        """Whether the account was compared with the books since the last sending."""

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
            await note_attention(session, execution, now=self._now())
        await self._publish()
        log.warning("execution needs attention", execution=str(self._id), reason=reason)

    async def waits_to_start(self, reason: str) -> None:
        """Say why the first order was not sent yet, for as long as none is.

        Raises:
            LeaseLost: another worker has taken over.
        """
        async with self._write() as session:
            execution = await repository.fence_off(session, self._id, self._work.lease.fence)
            if execution.state != "pending" or execution.reason == reason:
                return
            execution.reason = reason
        await self._publish()

    async def _hears_of(self, orders: list[Order], seconds: float) -> bool:
        """Wait, but no longer than until somebody else has written something new of these orders."""
        known = {order.id: (order.state, order.filled_quantity) for order in orders}
        until = self._now() + timedelta(seconds=seconds)
        step = max(LISTEN_EVERY, seconds / 4)
        while (left := (until - self._now()).total_seconds()) > 0:
            await self._pause(min(left, step))
            async with self._work.database.sessions() as session:
                rows = await repository.standing_of(session, list(known))
            if rows != known:
                return True
        return False

    def _chosen(self, decision: Decision) -> list[PlannedLeg]:
        return [leg for leg in self._legs if leg.index in decision.legs]

    @property
    def _by_index(self) -> dict[int, PlannedLeg]:
        return {leg.index: leg for leg in self._legs}

    @property
    def _rules(self) -> dict[str, Instrument]:
        return {leg.symbol: self._instrument(leg.symbol) for leg in self._legs}

    @property
    def _allowance(self) -> Decimal:
        return Decimal(repr(self._shown.allowance))

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
