"""A simulated Binance on a real socket, and a listener that remembers what it was told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock
from holdfast.sim.binance.routes import mount
from holdfast.sim.clock import SimClock
from holdfast.sim.coins import day_ms
from holdfast.sim.faults import Faults
from holdfast.sim.market import Market
from holdfast.sim.world import World
from holdfast.venues.binance.connection import Patience
from holdfast.venues.binance.stream import Away, BinanceStream, Listening, StreamEvent

Wanted = TypeVar("Wanted")
CLOCK = SystemClock()
QUICK = Patience(
    silence=10, longest_silence=20, answer=5, look=0.05, first_delay=0.02, longest_delay=0.5, request=0.21
)
MORNING_MS = day_ms(2026, 11, 20) + 8 * 3_600_000 + 15 * 60_000


@dataclass
class Sim:
    server: TestServer
    world: World

    @property
    def rest(self) -> str:
        return str(self.server.make_url("/binance"))

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def streams(self) -> Any:
        return self.world.binance

    def fail(self, where: str, kind: str, **more: Any) -> None:
        self.faults.replace([{"where": where, "kind": kind, **more}])

    def hits(self) -> int:
        return int(self.faults.describe()[0]["hits"])


@asynccontextmanager
async def simulated(seed: int = 3, *, start_ms: int = MORNING_MS, speed: float = 1.0) -> AsyncIterator[Sim]:
    clock = SimClock(start_ms, speed=speed)
    world = World(seed, clock, Market(seed, clock))
    app = web.Application()
    mount(app, world)
    server = TestServer(app)
    await server.start_server()
    try:
        yield Sim(server, world)
    finally:
        await server.close()


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    async with simulated() as running:
        yield running


@dataclass
class Ear:
    """What a stream told, in order."""

    stream: BinanceStream
    told: list[StreamEvent] = field(default_factory=list)

    def of(self, kind: type[Wanted]) -> list[Wanted]:
        return [event for event in self.told if isinstance(event, kind)]

    def away(self) -> list[Away]:
        return self.of(Away)

    async def until(self, true: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until it holds, patiently."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.02)

    async def more(self, kind: type[Any], count: int = 1) -> None:
        before = len(self.of(kind))
        await self.until(lambda: len(self.of(kind)) >= before + count)


@asynccontextmanager
async def listening(
    sim: Sim, streams: Iterable[str], stream_pulse: str = "", **patience: float
) -> AsyncIterator[Ear]:
    """Follow ``streams`` from the moment they are live."""
    wanted = list(streams)
    ear = Ear(
        BinanceStream(
            f"{sim.rest}/stream",
            CLOCK,
            lambda event: ear.told.append(event),
            patience=replace(QUICK, **patience),  # type: ignore[arg-type]
            pulse=stream_pulse,
        )
    )
    ear.stream.want(wanted)
    task = asyncio.create_task(ear.stream.run())
    try:
        await ear.until(
            lambda: len({name for one in ear.of(Listening) for name in one.streams}) == len(wanted)
        )
        yield ear
        assert not task.done()
    finally:
        await cancel([task])
