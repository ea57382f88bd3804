"""How long a stream that died without a word goes unnoticed, and how long until it is live again.

A socket of our own falls silent while it stays open, as half-open connections do: no data, no pong, no end.
Then the simulated venue's stream answers pings and tells nothing. The limits are a tenth of the real ones;
what counts is the multiple of the limit.
"""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from bench._house import house, new_home, row, servers, simulator
from bench._silence import silences
from holdfast.core.time import to_ms
from holdfast.execution.reconciliation.watch import Patience
from holdfast.market.bybit_stream import TickerPatience, TickerStream
from holdfast.platform.clock import SystemClock
from holdfast.venues.bybit.private_stream import BybitAccountStream, StreamPatience
from holdfast.venues.protocol import StreamConnected, StreamLost

SCALE = 10
TALKS_SECONDS = 0.5
TICK_SECONDS = 0.05
ROUNDS = 3
SYMBOL = "BTCUSDT"
PRICES = ("lastPrice", "markPrice", "indexPrice", "bid1Price", "ask1Price", "prevPrice24h")


@dataclass
class HalfOpen:
    """Every connection but the last one falls silent after a while. ``silent_at``: when the last did."""

    deaths: int
    silent_at: list[float] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        dying = len(self.silent_at) < self.deaths
        talking = asyncio.create_task(self._talk(socket))
        if dying:
            await asyncio.wait({talking}, timeout=TALKS_SECONDS)
            talking.cancel()
            self.silent_at.append(time.perf_counter())
            await asyncio.sleep(3600)
        await talking
        return socket

    async def _talk(self, socket: web.WebSocketResponse) -> None:
        ticking: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                said = json.loads(message.data)
                await socket.send_json({"op": said["op"], "success": True, "req_id": said.get("req_id", "")})
                if said["op"] == "subscribe" and ticking is None:
                    ticking = asyncio.create_task(self._tick(socket))
        finally:
            if ticking:
                ticking.cancel()

    async def _tick(self, socket: web.WebSocketResponse) -> None:
        clock = SystemClock()
        while True:
            await socket.send_json(
                {
                    "topic": f"tickers.{SYMBOL}",
                    "type": "snapshot",
                    "ts": to_ms(clock.now()),
                    "data": {"symbol": SYMBOL, **dict.fromkeys(PRICES, "100")},
                }
            )
            await asyncio.sleep(TICK_SECONDS)


def main() -> None:
    """Print one row per measurement: what, measured, and as a multiple of the limit."""
    asyncio.run(measure())
    with servers() as (database_url, redis_url), simulator() as port:
        home = new_home()
        try:
            asyncio.run(measure_silence(database_url, redis_url, port, home))
        finally:
            shutil.rmtree(home, ignore_errors=True)


async def measure() -> None:
    real = StreamPatience()
    private = StreamPatience(
        ping=real.ping / SCALE, silence=real.silence / SCALE, first_pause=real.first_pause / SCALE
    )
    await report("account stream", private.silence, await private_deaths(private))
    usual = TickerPatience()
    public = TickerPatience(
        ping=usual.ping / SCALE,
        silence=usual.silence / SCALE,
        look=usual.look / SCALE,
        first_delay=usual.first_delay / SCALE,
    )
    await report("ticker stream", public.silence, await public_deaths(public))


async def measure_silence(database_url: str, redis_url: str, port: int, home: Path) -> None:
    real = Patience()
    patience = Patience(
        look_again=real.look_again / SCALE, untold=real.untold / SCALE, clocks=real.clocks / SCALE
    )
    async with house(database_url, redis_url, port, home) as place:
        found = await silences(place, patience, ROUNDS)
    limit = patience.untold + patience.look_again
    noticed, compared = max(one for one, _ in found), max(other for _, other in found)
    row(
        f"it answers pings and tells nothing: until noticed, worst of {ROUNDS}",
        f"{noticed:.2f} s",
        f"limit × {noticed / limit:.2f}",
    )
    row(
        "  until the books are compared again",
        f"{compared:.2f} s",
        f"limit × {compared / limit:.2f}   (limit here {limit:g} s)",
    )
    if noticed > 2 * limit:
        raise RuntimeError("an account stream that tells nothing was trusted for more than twice the limit")


async def report(what: str, limit: float, deaths: list[tuple[float, float]]) -> None:
    noticed = max(noticed for noticed, _ in deaths)
    live = max(live for _, live in deaths)
    row(
        f"{what}: silent until noticed, worst of {len(deaths)}",
        f"{noticed:.2f} s",
        f"limit × {noticed / limit:.2f}",
    )
    row("  until it is live again", f"{live:.2f} s", f"limit × {live / limit:.2f}   (limit here {limit:g} s)")
    if noticed > 2 * limit:
        raise RuntimeError(f"the {what} was silent for more than twice its limit")


@asynccontextmanager
async def served(venue: HalfOpen) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", venue.answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/")).replace("http", "ws", 1)
    finally:
        await server.runner.cleanup() if server.runner else None


async def private_deaths(patience: StreamPatience) -> list[tuple[float, float]]:
    """(seconds until noticed, until live again) of each death."""
    clock, venue = SystemClock(), HalfOpen(ROUNDS)

    async def venue_time() -> Any:
        return clock.now()

    deaths: list[tuple[float, float]] = []
    noticed = 0.0
    async with served(venue) as url:
        stream = BybitAccountStream(url, "key", "secret", venue_time, patience=patience)
        async for event in stream:
            now = time.perf_counter()
            if isinstance(event, StreamLost):
                noticed = now - venue.silent_at[-1]
            elif isinstance(event, StreamConnected) and noticed:
                deaths.append((noticed, now - venue.silent_at[-1]))
                noticed = 0.0
            if len(deaths) == ROUNDS:
                await stream.close()
                break
    return deaths


async def public_deaths(patience: TickerPatience) -> list[tuple[float, float]]:
    """As above. Noticed is when the connection is given up; live is the next usable quote."""
    venue = HalfOpen(ROUNDS)
    deaths: list[tuple[float, float]] = []
    async with served(venue) as url:
        stream = TickerStream(url, SystemClock(), patience=patience)
        given_up: list[float] = []
        connect = stream._connection

        async def connection(session: Any) -> None:
            try:
                await connect(session)
            finally:
                given_up.append(time.perf_counter())

        stream._connection = connection  # type: ignore[method-assign]
        stream.want([SYMBOL])
        running = asyncio.create_task(stream.run())
        while len(deaths) < ROUNDS:
            await asyncio.sleep(0.01)
            quotes = stream.drain()
            if quotes and len(given_up) > len(deaths):
                silent_at = venue.silent_at[len(deaths)]
                deaths.append((given_up[len(deaths)] - silent_at, time.perf_counter() - silent_at))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return deaths


if __name__ == "__main__":
    main()
