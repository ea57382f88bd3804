"""Previews with real parts: the simulator's books over HTTP, its market caps, the real index board."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from aiohttp import web
from redis.asyncio import Redis

from holdfast.core.instruments import InstrumentKind
from holdfast.indices.board import IndexBoard
from holdfast.indices.tasks import poll_market_caps
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.market.tasks import public_venue, refresh_instruments
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.portfolio.previews import World, make_preview
from holdfast.portfolio.schemas import PlanView, PreviewOpen
from holdfast.sim.server import create_app

from .conftest import balance
from .people import add_connection, add_user


@dataclass
class House:
    work: Work
    world: World
    user_id: UUID
    connection_id: UUID

    async def preview(self, index_id: str, size: str, direction: str = "long") -> PlanView:
        wanted = PreviewOpen.model_validate(
            {
                "connection_id": self.connection_id,
                "index_id": index_id,
                "direction": direction,
                "size": Decimal(size),
            }
        )
        work = self.work
        return await make_preview(
            work.database,
            self.user_id,
            wanted,
            world=self.world,
            settings=work.settings,
            now=work.clock.now(),
        )


@pytest.fixture
async def simulator() -> AsyncIterator[int]:
    runner = web.AppRunner(create_app(7), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port: int = runner.addresses[0][1]
    yield port
    await runner.cleanup()


@pytest.fixture
async def house(database: Database, redis: Redis, simulator: int) -> AsyncIterator[House]:
    """Everything a running installation has after its first poll."""
    clock = SystemClock()
    lease = Lease(job_id=1, kind="", subject="", fence=1, attempts=1, until=clock.now())
    work = Work(lease, database, redis, Settings(sim_port=simulator), clock, {})
    for handler in (refresh_instruments, poll_market_caps):
        with pytest.raises(RunAgainIn):
            await handler(work)
    quotes, instruments, venue = QuoteBoard(), InstrumentBook(), public_venue(work)
    now = clock.now()
    for q in await venue.quotes(InstrumentKind.LINEAR):
        quotes.put(
            LiveQuote(
                q.symbol, q.bid, q.ask, q.last, q.mark, q.index, q.last, q.turnover_24h, q.funding_rate, now
            )
        )
    board = IndexBoard(quotes, instruments)
    async with database.transaction() as session:
        await board.refresh(session, now)
        user_id = await add_user(session)
        connection_id = await add_connection(session, user_id)
        snapshot = balance(connection_id)
        snapshot.taken_at = now
        session.add(snapshot)
    yield House(work, World(board, instruments, venue), user_id, connection_id)
    await venue.close()  # type: ignore[attr-defined]


async def test_a_thousand_dollars_of_bitcoin_dominance(house: House) -> None:
    plan = await house.preview("btc-d", "1000")

    assert plan.executable, plan.blocked_reason
    assert len(plan.legs) == 11
    sides = {leg.symbol: leg.side for leg in plan.legs if leg.action == "trade"}
    assert sides.pop("BTCUSDT") == "buy"
    assert set(sides.values()) == {"sell"}
    assert plan.totals.left_out <= Decimal("0.03") * plan.totals.gross
    for leg in plan.legs:
        of = house.world.instruments.get(leg.symbol)
        assert of is not None
        assert leg.quantity % of.lot == 0
        assert leg.limit_price % of.tick == 0


async def test_every_index_can_be_previewed_at_a_size_that_follows_it_closely(house: House) -> None:
    for index_id in ("btc-d", "eth-d", "eth-btc", "top-10"):
        plan = await house.preview(index_id, "10000")
        assert plan.executable, (index_id, plan.blocked_reason)
        assert plan.totals.tracking_error < 0.03, index_id
        if index_id != "top-10":
            assert abs(plan.totals.net) < Decimal("0.02") * plan.totals.gross, index_id
