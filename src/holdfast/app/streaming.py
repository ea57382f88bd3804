"""Puts the stream together: inside the API, or as the process ``holdfast hub``, which serves nothing else."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import State

import holdfast.app.routes_system
import holdfast.app.stream
from holdfast.app.hub import Hub
from holdfast.app.middleware import Exchange
from holdfast.app.stream import register_public
from holdfast.app.topics import register_candles, register_news, register_private, register_strategies
from holdfast.app.version import version
from holdfast.charts.sources import open_candles, open_venues
from holdfast.core.time import Clock
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
from holdfast.portfolio.live import LivePositions
from holdfast.strategies.live import LiveStrategies

log = structlog.get_logger(__name__)

_BOARD_REFRESH_SECONDS = 3.0


def create_hub(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application of a hub: the stream, how it is, and nothing else. ``settings`` must hold the database
    and Redis addresses."""
    app = FastAPI(
        title="Holdfast hub",
        version=version(),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.clock = clock or SystemClock()
    app.add_middleware(Exchange)
    install_problem_handlers(app)
    app.include_router(holdfast.app.routes_system.router)
    app.include_router(holdfast.app.stream.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    background = [asyncio.create_task(work) for work in (*open_market(state), *open_stream(state))]
    try:
        yield
    finally:
        await cancel(background)
        await close_market(state)


def open_market(state: State) -> list[Coroutine[Any, Any, None]]:
    """What every process with listeners knows of the markets, on ``state``; returns what must run to keep it
    fresh. Redis may be away at start and at any time: followers reconnect by themselves."""
    settings: Settings = state.settings
    state.started_at = state.clock.now()
    state.database = Database(settings.database_url)
    state.redis = open_redis(settings.redis_url)
    state.quotes = QuoteBoard()
    state.instruments = InstrumentBook()
    state.indices = IndexBoard(state.quotes, state.instruments, poll_seconds=settings.market_cap_poll_seconds)
    state.history_venues = open_venues(settings, state.redis, state.clock)
    state.candles = open_candles(state.database, state.clock, state.history_venues)
    return [
        state.quotes.follow(state.redis),
        _keep_board_fresh(state.indices, state.database, state.clock),
    ]


def open_stream(state: State) -> list[Coroutine[Any, Any, None]]:
    """The hub on ``state``, with every topic; returns what must run. After ``open_market``."""
    state.hub = Hub(state.database, state.redis, state.clock)
    register_public(state.hub, state.indices, state.quotes, state.clock)
    state.live_candles = LiveCandles(state.candles, state.hub, state.redis, state.clock)
    register_candles(state.hub, state.live_candles)
    register_news(state.hub)
    live = LivePositions(state.quotes, state.indices, state.clock)
    register_private(state.hub, live)
    strategies = LiveStrategies(state.clock)
    register_strategies(state.hub, strategies)
    return [
        live.follow(state.redis),
        strategies.follow(state.redis),
        state.live_candles.run(),
        state.hub.run(),
    ]


async def close_market(state: State) -> None:
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
