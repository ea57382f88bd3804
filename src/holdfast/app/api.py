"""The HTTP door: every room's routes, the stream, and the built web app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import Depends, FastAPI
from sqlalchemy.exc import SQLAlchemyError

import holdfast.accounts.routes
import holdfast.app.routes_system
import holdfast.app.stream
import holdfast.charts.datasets.routes
import holdfast.charts.indicator_routes
import holdfast.charts.routes
import holdfast.execution.incidents.routes
import holdfast.execution.risk.routes
import holdfast.execution.routes
import holdfast.indices.routes
import holdfast.market.candles.data_routes
import holdfast.market.candles.routes
import holdfast.news.routes
import holdfast.portfolio.routes
from holdfast.app.charting import open_candles, open_venues, remember_user, viewer
from holdfast.app.hub import Hub
from holdfast.app.middleware import Exchange
from holdfast.app.stream import register_public
from holdfast.app.topics import register_candles, register_private
from holdfast.app.version import version
from holdfast.app.webapp import install_web_app
from holdfast.core.time import Clock
from holdfast.execution.risk import gate
from holdfast.indices.board import IndexBoard
from holdfast.market.instruments import InstrumentBook
from holdfast.market.live.board import LiveCandles
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.platform.web import install_problem_handlers
from holdfast.portfolio import positions
from holdfast.portfolio.live import LivePositions
from holdfast.venues.registry import public_venue, shared_budget

log = structlog.get_logger(__name__)

ROUTERS = (
    holdfast.app.routes_system.router,
    holdfast.accounts.routes.router,
    holdfast.market.candles.routes.router,
    holdfast.indices.routes.router,
    holdfast.news.routes.router,
    holdfast.charts.indicator_routes.router,
    holdfast.charts.routes.router,
    holdfast.charts.datasets.routes.router,
    holdfast.portfolio.routes.router,
    holdfast.execution.routes.router,
    holdfast.execution.incidents.routes.router,
    holdfast.execution.risk.routes.router,
    holdfast.app.stream.router,
)
SIGNED_IN_ROUTERS = (holdfast.market.candles.data_routes.router,)
"""Of rooms below the accounts, which cannot ask for a user by themselves."""
_BOARD_REFRESH_SECONDS = 3.0


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application of one API process. ``settings`` must hold the database and Redis addresses."""
    app = FastAPI(
        title="Holdfast",
        version=version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.clock = clock or SystemClock()
    app.add_middleware(Exchange)
    install_problem_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    for router in SIGNED_IN_ROUTERS:
        app.include_router(router, dependencies=[Depends(remember_user)])
    install_web_app(app, settings.web_dist)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Redis may be away at start and at any time: followers reconnect by themselves."""
    state = app.state
    settings: Settings = state.settings
    state.started_at = state.clock.now()
    state.database = Database(settings.database_url)
    state.redis = open_redis(settings.redis_url)
    state.quotes = QuoteBoard()
    state.instruments = InstrumentBook()
    state.indices = IndexBoard(state.quotes, state.instruments, poll_seconds=settings.market_cap_poll_seconds)
    budget = shared_budget("bybit", state.redis, state.clock)
    state.venue = public_venue("bybit", settings, budget=budget, clock=state.clock)
    state.history_venues = open_venues(settings, state.redis, state.clock)
    state.candles = open_candles(state.database, state.clock, state.history_venues)
    state.viewer = viewer
    state.hub = Hub(state.database, state.redis, state.clock)
    register_public(state.hub, state.indices, state.quotes, state.clock)
    state.live_candles = LiveCandles(state.candles, state.hub, state.redis, state.clock)
    register_candles(state.hub, state.live_candles)
    state.holdings_guard = positions.open_on
    state.plan_judge = gate.judge_with(settings, state.quotes.get)
    live = LivePositions(state.quotes, state.indices, state.clock)
    register_private(state.hub, live)
    background = [
        asyncio.create_task(state.quotes.follow(state.redis)),
        asyncio.create_task(_keep_board_fresh(state.indices, state.database, state.clock)),
        asyncio.create_task(live.follow(state.redis)),
        asyncio.create_task(state.live_candles.run()),
        asyncio.create_task(state.hub.run()),
    ]
    try:
        yield
    finally:
        await cancel(background)
        await state.venue.close()
        for venue in state.history_venues.values():
            await venue.close()
        await state.redis.aclose()
        await state.database.close()


async def _keep_board_fresh(board: IndexBoard, database: Database, clock: Clock) -> None:
    """A board that cannot be refreshed grows stale, and says so; it is tried again."""
    while True:
        try:
            async with database.transaction() as session:
                await board.refresh(session, clock.now())
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("the index board could not be refreshed", error=type(error).__name__)
        await asyncio.sleep(_BOARD_REFRESH_SECONDS)
