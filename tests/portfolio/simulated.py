"""A whole installation in one process: the simulator over HTTP, its market caps, the real index board, a
funded account and the worker's handlers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web
from redis.asyncio import Redis

from holdfast.execution import executor
from holdfast.execution.models import Execution
from holdfast.execution.reconciliation.reconcile import reconcile_connection
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio import positions
from holdfast.portfolio.positions import Prices
from holdfast.portfolio.schemas import (
    PlanView,
    PositionDetail,
    PreviewClose,
    PreviewOpen,
    PreviewRebalance,
    PreviewRequest,
)
from holdfast.sim.server import create_app
from holdfast.torture.crash.installation import Installation
from holdfast.venues import registry
from holdfast.venues.protocol import TradingVenue

from .people import add_connection, add_user


@dataclass
class House(Installation):
    """One user with a funded account at the simulator, and what that user does."""

    user_id: UUID
    connection_id: UUID
    door: TradingVenue
    uid: str

    async def preview(
        self, index_id: str, size: str, direction: str = "long", tactic: dict[str, Any] | None = None
    ) -> PlanView:
        return await self._preview(
            PreviewOpen.model_validate(
                {
                    "connection_id": self.connection_id,
                    "index_id": index_id,
                    "direction": direction,
                    "size": Decimal(size),
                    "tactic": tactic,
                }
            )
        )

    async def preview_rebalance(self, position_id: UUID, tactic: dict[str, Any] | None = None) -> PlanView:
        return await self._preview(
            PreviewRebalance.model_validate({"position_id": position_id, "tactic": tactic})
        )

    async def preview_close(self, position_id: UUID) -> PlanView:
        return await self._preview(PreviewClose(kind="close", position_id=position_id))

    async def _preview(self, wanted: PreviewRequest) -> PlanView:
        await self.read_prices()
        return await self.preview_for(self.user_id, wanted)

    async def execute(self, plan: PlanView) -> Execution:
        """Confirm a plan and do the worker's part until it has ended."""
        return await self.carry_out(await self.confirm(self.user_id, plan))

    async def reconcile(self) -> list[str]:
        """The symbols that are halted afterwards."""
        return await reconcile_connection(self.work, self.door, self.connection_id)

    async def position(self, position_id: UUID) -> PositionDetail:
        async with self.work.database.sessions() as session:
            books = await positions.load(session, self.user_id, position_id=position_id)
        prices = Prices(self.quotes, self.world.indices, self.work.clock.now())
        return positions.detail(positions.the_only(books), prices)

    async def truth(self) -> dict[str, Any]:
        """The account as the simulator has it."""
        url = f"{self.work.settings.sim_url}/_sim/accounts/{self.uid}/truth"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            found: dict[str, Any] = await answer.json()
            return found


@pytest.fixture
async def simulator() -> AsyncIterator[int]:
    runner = web.AppRunner(create_app(7), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    yield port
    await runner.cleanup()


@pytest.fixture
async def house(
    database: Database, redis: Redis, simulator: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """Everything a running installation has after its first poll and its first user."""
    clock = SystemClock()
    lease = Lease(job_id=1, kind="", subject="", fence=1, attempts=1, until=clock.now())
    settings = Settings(sim_port=simulator, stale_price_seconds=600, preview_seconds=600)
    work = Work(lease, database, redis, settings, clock, {})
    async with aiohttp.ClientSession() as client:
        wanted = {"balances": {"USDT": "25000"}, "ips": ["127.0.0.1"]}
        async with client.post(f"{settings.sim_url}/_sim/accounts", json=wanted) as answer:
            account = await answer.json()
    uid = account["uid"]
    door = registry.trading_venue(
        "bybit", "simulated", account["api_key"], account["api_secret"], settings, clock=clock
    )

    async def open_door(*_: object) -> TradingVenue:
        return door

    monkeypatch.setattr(executor, "open_door", open_door)
    async with database.transaction() as session:
        user_id = await add_user(session)
        connection_id = await add_connection(session, user_id)
    made = House(
        **Installation.parts(work),
        user_id=user_id,
        connection_id=connection_id,
        door=door,
        uid=uid,
    )
    await made.poll()
    assert await made.reconcile() == []
    yield made
    await door.close()
    await made.world.venue.close()
