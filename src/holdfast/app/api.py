"""The HTTP door: every room's routes, the stream unless a hub has it, and the built web app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

import holdfast.accounts.routes
import holdfast.app.routes_system
import holdfast.app.stream
import holdfast.backtest.routes
import holdfast.charts.alert_routes
import holdfast.charts.datasets.routes
import holdfast.charts.indicator_routes
import holdfast.charts.routes
import holdfast.execution.incidents.routes
import holdfast.execution.risk.routes
import holdfast.execution.routes
import holdfast.indices.routes
import holdfast.journal.image_routes
import holdfast.journal.routes
import holdfast.market.candles.data_routes
import holdfast.market.candles.downloads
import holdfast.market.candles.routes
import holdfast.news.routes
import holdfast.portfolio.routes
import holdfast.scripts.routes
import holdfast.strategies.routes
from holdfast.app.caching import open_cache
from holdfast.app.charting import remember_user, viewer
from holdfast.app.middleware import Exchange
from holdfast.app.moderation import moderate, moderate_news
from holdfast.app.streaming import close_market, open_market, open_stream
from holdfast.app.version import version
from holdfast.app.webapp import install_web_app
from holdfast.core.time import Clock
from holdfast.execution.risk import gate
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.platform.settings import Settings
from holdfast.platform.web import install_problem_handlers
from holdfast.portfolio import positions
from holdfast.scripts.sandbox import Sandbox
from holdfast.venues.registry import public_venue, shared_budget

ROUTERS = (
    holdfast.app.routes_system.router,
    holdfast.accounts.routes.router,
    holdfast.indices.routes.router,
    holdfast.charts.routes.router,
    holdfast.charts.datasets.routes.router,
    holdfast.portfolio.routes.router,
    holdfast.execution.routes.router,
    holdfast.execution.incidents.routes.router,
    holdfast.execution.risk.routes.router,
    holdfast.journal.routes.router,
    holdfast.journal.image_routes.router,
)
MODERATED_ROUTERS = (
    holdfast.market.candles.routes.router,
    holdfast.market.candles.downloads.router,
    holdfast.charts.indicator_routes.router,
)
"""For everybody, within limits."""
SIGNED_IN_ROUTERS = (
    holdfast.market.candles.data_routes.router,
    holdfast.charts.alert_routes.router,
    holdfast.scripts.routes.router,
    holdfast.backtest.routes.router,
    holdfast.strategies.routes.router,
)
"""For users, within limits. They are told who asks, and hold no transaction for it."""


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
    app.state.sandbox = Sandbox.of(settings)
    app.add_middleware(Exchange, hub_at=settings.hub_at)
    install_problem_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(holdfast.news.routes.router, dependencies=[Depends(moderate_news)])
    for router in MODERATED_ROUTERS:
        app.include_router(router, dependencies=[Depends(moderate)])
    for router in SIGNED_IN_ROUTERS:
        app.include_router(router, dependencies=[Depends(remember_user), Depends(moderate)])
    if not settings.hub_at:
        app.include_router(holdfast.app.stream.router)
    install_web_app(app, settings.web_dist)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    settings: Settings = state.settings
    works = open_market(state)
    budget = shared_budget("bybit", state.redis, state.clock, settings.home)
    state.venue = public_venue("bybit", settings, budget=budget, clock=state.clock)
    state.viewer = viewer
    state.cache = await open_cache(settings, state.database)
    state.holdings_guard = positions.open_on
    state.plan_judge = gate.judge_with(settings, state.quotes.get)
    if not settings.hub_at:
        works += open_stream(state)
    background = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        await cancel(background)
        await state.venue.close()
        await state.cache.close()
        await close_market(state)
