"""A simulated venue on a real socket, for clients that block and for clients that do not."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from pybit.unified_trading import HTTP

from holdfast.sim import control
from holdfast.sim.bybit.routes import VENUE, mount
from holdfast.sim.bybit.venue import Venue, VenueSettings
from holdfast.sim.clock import SimClock
from holdfast.sim.market import Market
from holdfast.sim.world import World

from .scripted import Exchange


@dataclass
class Served:
    """A venue that runs in a thread of its own."""

    url: str
    world: World
    venue: Venue
    loop: asyncio.AbstractEventLoop

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1)

    def account(self, **spec: Any) -> Any:
        return self.venue.accounts.create({"balances": {"USDT": "1000000"}, "default_leverage": "1", **spec})

    def client(self, account: Any = None, **options: Any) -> HTTP:
        """Unmodified pybit, pointed at the simulator."""
        keys = {} if account is None else {"api_key": account.key.key, "api_secret": account.key.secret}
        session = HTTP(retry_codes={0}, **keys, **{"timeout": 30, **options})
        session.endpoint = self.url
        return session


def serve(settings: VenueSettings) -> Iterator[Served]:
    started: list[Served] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def start() -> web.AppRunner:
        clock = SimClock()
        world = World(1, clock, Market(1, clock))
        app = web.Application()
        control.mount(app, world)
        mount(app, world, settings)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        started.append(Served(f"http://{host}:{port}", world, app[VENUE], loop))
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30)
    yield started[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    yield from serve(VenueSettings(ip_limit=100_000))


@pytest.fixture
def strict_address() -> Iterator[Served]:
    """A venue that shuts an address out after 30 requests in 5 s."""
    yield from serve(VenueSettings(ip_limit=30))


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def refused() -> Callable[..., int]:
    """The retCode a call of pybit is refused with."""
    from pybit.exceptions import InvalidRequestError

    def code(call: Callable[..., Any], **arguments: Any) -> int:
        with pytest.raises(InvalidRequestError) as caught:
            call(**arguments)
        return int(caught.value.status_code)

    return code
