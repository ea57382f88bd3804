"""Binance's market data put into the simulator's application, below ``/binance``."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from holdfast.sim.binance.door import Door
from holdfast.sim.binance.limits import Weights
from holdfast.sim.binance.rest import ROUTES, Desk, Route
from holdfast.sim.binance.streams import Patience, Streams
from holdfast.sim.clock import SimClock
from holdfast.sim.world import World

BASE: Final = "/binance"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount(app: web.Application, world: World, patience: Patience | None = None) -> None:
    """Add the calls and streams to ``app`` and the streams to ``world``."""
    desk = Desk.of(world.market)
    streams = world.binance = Streams(world, desk, patience or Patience())
    door = Door(world, desk, Weights(SimClock().now_ms))
    for path, route in ROUTES.items():
        app.router.add_get(f"{BASE}/api/v3{path}", _serving(door, route))
    for path in ("/stream", "/ws", "/ws/", "/ws/{names:.+}"):
        app.router.add_get(f"{BASE}{path}", streams.serve)

    async def beside(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(streams.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close_streams(_app: web.Application) -> None:
        await streams.close()

    app.cleanup_ctx.append(beside)
    app.on_shutdown.append(close_streams)


def _serving(door: Door, route: Route) -> _Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        return await door.serve(route, request)

    return serve
