"""The HTTP door: every room's routes, the stream, and the built web app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from redis.asyncio import Redis

from holdfast.app import routes_system
from holdfast.app.middleware import Exchange
from holdfast.app.version import version
from holdfast.app.webapp import install_web_app
from holdfast.core.time import Clock
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.web import install_problem_handlers

ROUTERS = (routes_system.router,)


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
    install_web_app(app, settings.web_dist)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Redis may be away at start and at any time: followers reconnect by themselves."""
    state = app.state
    settings: Settings = state.settings
    state.started_at = state.clock.now()
    state.database = Database(settings.database_url)
    state.redis = Redis.from_url(settings.redis_url)
    state.quotes = QuoteBoard()
    followers = [asyncio.create_task(state.quotes.follow(state.redis))]
    try:
        yield
    finally:
        await cancel(followers)
        await state.redis.aclose()
        await state.database.close()
