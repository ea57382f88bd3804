"""The door of the simulated venue: every route, the streams, and what runs beside them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from holdfast.sim.bybit.feeds import MISC
from holdfast.sim.bybit.http import RawAnswer, RawRequest
from holdfast.sim.bybit.journey import FOR_EVER_S, ROUTES, Journey, journey
from holdfast.sim.bybit.private_stream import PrivateStreams
from holdfast.sim.bybit.public_stream import PublicStreams
from holdfast.sim.bybit.venue import Venue, VenueSettings
from holdfast.sim.clock import SimClock
from holdfast.sim.world import World

LOG: Final = logging.getLogger(__name__)
TICK_S: Final = 0.5
SAVE_S: Final = 2
LOOK_S: Final = 1.0
VENUE: Final = web.AppKey("bybit", Venue)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount(app: web.Application, world: World, settings: VenueSettings | None = None) -> None:
    """Add the venue to ``app`` and its accounts to ``world``."""
    wall = SimClock()
    venue = Venue(
        world.market,
        world.clock,
        wall,
        seed=world.seed,
        first_id=wall.now_ms() * 1000,
        faults=world.faults,
        later=lambda seconds, action: asyncio.get_running_loop().call_later(seconds, action),
        settings=settings or VenueSettings(),
    )
    world.accounts, world.venue = venue.accounts, venue
    app[VENUE] = venue
    serving = _serving(venue, world)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, serving)
    public = PublicStreams(venue, world.faults)
    private = PrivateStreams(venue, world.faults)
    app.router.add_get("/v5/public/linear", public.handler("linear"))
    app.router.add_get("/v5/public/spot", public.handler("spot"))
    app.router.add_get("/v5/public/misc/status", public.handler(MISC))
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


def _serving(venue: Venue, world: World) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        raw = RawRequest(
            request.method,
            request.path,
            request.raw_path.partition("?")[2],
            request.headers,
            await request.read(),
            request.remote or "",
        )
        answer = await _travelled(journey(venue, world.faults, raw), request)
        if answer is None:
            return _hang_up(request)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    return serve


async def _travelled(steps: Journey, request: web.Request) -> RawAnswer | None:
    """Wait as the journey says; for an answer that never comes only as long as somebody waits for it."""
    while True:
        try:
            pause_s = next(steps)
        except StopIteration as end:
            answer: RawAnswer | None = end.value
            return answer
        while pause_s > LOOK_S:
            await asyncio.sleep(LOOK_S)
            pause_s -= LOOK_S
            if pause_s > FOR_EVER_S / 2 and (request.transport is None or request.transport.is_closing()):
                return None
        await asyncio.sleep(pause_s)


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
