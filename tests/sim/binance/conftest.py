"""The simulated Binance without a socket, and with one."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from holdfast.sim import control
from holdfast.sim.binance.rest import Desk
from holdfast.sim.binance.routes import mount
from holdfast.sim.clock import SimClock
from holdfast.sim.market import Market
from holdfast.sim.world import WORLD, World


@pytest.fixture
def desk(market: Market) -> Desk:
    return Desk.of(market)


@pytest.fixture
def world(market: Market, still: SimClock) -> World:
    return World(11, still, market)


@pytest.fixture
async def client(world: World) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application()
    app[WORLD] = world
    control.mount(app, world)
    mount(app, world)
    async with TestClient(TestServer(app)) as opened:
        yield opened
