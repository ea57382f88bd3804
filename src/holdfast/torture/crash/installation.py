"""What API, feed, poller and worker of an installation do, in one process and by hand."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from holdfast.core.instruments import InstrumentKind
from holdfast.execution import service
from holdfast.execution.executor import Executor
from holdfast.execution.models import Execution
from holdfast.execution.schemas import NewExecution
from holdfast.indices.board import IndexBoard
from holdfast.indices.tasks import poll_market_caps
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.market.tasks import public_venue, refresh_instruments
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.portfolio.previews import World, make_preview
from holdfast.portfolio.schemas import PlanView, PreviewRequest

LONGEST_PAUSE = 0.5
"""Seconds; nobody else competes here, so that what a job waits for comes soon."""


@dataclass
class Installation:
    """``world.indices`` is ``board``, and ``quotes`` is what it reads."""

    work: Work
    world: World
    quotes: QuoteBoard
    board: IndexBoard

    @staticmethod
    def parts(work: Work) -> dict[str, Any]:
        """What an installation is made of, around ``work``."""
        quotes, instruments = QuoteBoard(), InstrumentBook()
        board = IndexBoard(quotes, instruments)
        world = World(board, instruments, public_venue(work))
        return {"work": work, "world": world, "quotes": quotes, "board": board}

    async def poll(self) -> None:
        """What the poller does every few minutes, and the API thereupon."""
        for handler in (refresh_instruments, poll_market_caps):
            with suppress(RunAgainIn):
                await handler(self.work)
        async with self.work.database.transaction() as session:
            await self.board.refresh(session, self.work.clock.now())

    async def read_prices(self) -> None:
        """What the feed does all the time."""
        now = self.work.clock.now()
        for q in await self.world.venue.quotes(InstrumentKind.LINEAR):
            prices = (q.bid, q.ask, q.last, q.mark, q.index, q.last)
            self.quotes.put(LiveQuote(q.symbol, *prices, q.turnover_24h, q.funding_rate, now))

    async def preview_for(self, user_id: UUID, wanted: PreviewRequest) -> PlanView:
        return await make_preview(
            self.work.database,
            user_id,
            wanted,
            world=self.world,
            settings=self.work.settings,
            now=self.work.clock.now(),
        )

    async def confirm(self, user_id: UUID, plan: PlanView) -> UUID:
        """What the API does when a user confirms. Returns the id of the execution."""
        async with self.work.database.transaction() as session:
            started = await service.start(
                session,
                user_id,
                NewExecution(plan_id=plan.id, digest=plan.digest),
                settings=self.work.settings,
                quote_of=self.quotes.get,
                now=self.work.clock.now(),
            )
        return started.id

    async def carry_out(self, execution_id: UUID) -> Execution:
        """What a worker does, again and again until it has ended."""
        fence = 0
        while True:
            fence += 1
            lease = replace(self.work.lease, subject=str(execution_id), fence=fence)
            try:
                await Executor(replace(self.work, lease=lease), execution_id).run()
                break
            except RetryAt as later:
                await asyncio.sleep(min(later.seconds, LONGEST_PAUSE))
        async with self.work.database.sessions() as session:
            return await session.get_one(Execution, execution_id)
