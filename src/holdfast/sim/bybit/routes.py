"""The door of the simulated venue: every route, the streams, and what runs beside them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from holdfast.sim.bybit import account_routes, market_routes, trade_routes
from holdfast.sim.bybit.envelope import JSON_TYPE, envelope
from holdfast.sim.bybit.http import RATE_TEXT, Route, respond
from holdfast.sim.bybit.private_stream import PrivateStreams
from holdfast.sim.bybit.public_stream import PublicStreams
from holdfast.sim.bybit.venue import Venue, VenueSettings
from holdfast.sim.clock import SimClock
from holdfast.sim.faults import FaultRule
from holdfast.sim.world import World

ROUTES: Final = (*market_routes.ROUTES, *trade_routes.ROUTES, *account_routes.ROUTES)
LOG: Final = logging.getLogger(__name__)
TICK_S: Final = 0.5
SAVE_S: Final = 2
DEFAULT_PAUSE_S: Final = 1
VENUE: Final = web.AppKey("bybit", Venue)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount(app: web.Application, world: World, settings: VenueSettings | None = None) -> None:
    """Add the venue to ``app`` and its accounts to ``world``."""
    venue = Venue(
        world.market,
        world.clock,
        SimClock(),
        seed=world.seed,
        later=lambda seconds, action: asyncio.get_running_loop().call_later(seconds, action),
        settings=settings or VenueSettings(),
    )
    world.accounts = venue.accounts
    app[VENUE] = venue
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _serving(venue, world, route))
    public = PublicStreams(venue, world.faults)
    private = PrivateStreams(venue, world.faults)
    app.router.add_get("/v5/public/linear", public.handler("linear"))
    app.router.add_get("/v5/public/spot", public.handler("spot"))
    app.router.add_get("/v5/private", private.handle)

    async def beside(_app: web.Application) -> AsyncIterator[None]:
        venue.open_books()
        running = (_repeat(venue.tick, TICK_S), _repeat(venue.save_books, SAVE_S), public.run())
        tasks = [asyncio.create_task(one) for one in running]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        venue.save_books()

    async def close_streams(_app: web.Application) -> None:
        await asyncio.gather(public.close(), private.close())

    app.cleanup_ctx.append(beside)
    app.on_shutdown.append(close_streams)


async def _repeat(action: Callable[[], None], pause_s: float) -> None:
    while True:
        try:
            action()
        except Exception:
            LOG.exception("The simulated venue goes on after an error beside the requests.")
        await asyncio.sleep(pause_s)


def _serving(venue: Venue, world: World, route: Route) -> Handler:
    """The route with the fault dial around it (``where`` is ``bybit.`` and the route's name)."""

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        rule = world.faults.take(f"bybit.{route.name}")
        if rule is None:
            return respond(venue, route, request, body)
        return await _with_fault(rule, venue, route, request, body)

    return serve


async def _with_fault(
    rule: FaultRule, venue: Venue, route: Route, request: web.Request, body: bytes
) -> web.StreamResponse:
    if rule.kind == "drop_request":
        return _hang_up(request)
    if rule.kind == "rate_limit":
        return _rate_limited(rule, venue)
    if rule.kind == "error_500_before":
        return web.Response(status=500, text="Internal System Error.")
    if rule.kind == "maintenance":
        return web.Response(status=503, text="Service Temporarily Unavailable")
    if rule.kind == "delay":
        await asyncio.sleep(rule.delay_ms / 1000)
    answer = respond(venue, route, request, body, skew_ms=rule.skew_ms if rule.kind == "clock_skew" else 0)
    if rule.kind == "drop_answer":
        return _hang_up(request)
    if rule.kind == "error_500_after":
        return web.Response(status=500, text="Internal System Error.")
    return answer


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _rate_limited(rule: FaultRule, venue: Venue) -> web.Response:
    pause_s = DEFAULT_PAUSE_S if rule.retry_after_s is None else rule.retry_after_s
    reset_ms = venue.wall.now_ms() + pause_s * 1000
    headers = {
        "X-Bapi-Limit": "10",
        "X-Bapi-Limit-Status": "0",
        "X-Bapi-Limit-Reset-Timestamp": str(reset_ms),
    }
    content = envelope({}, venue.clock.now_ms(), code=10006, message=RATE_TEXT)
    return web.Response(body=content, content_type=JSON_TYPE, headers=headers)
