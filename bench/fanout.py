"""Live fan-out: clients of five symbols each, told ten times a second, against the least server that can.

A "message" in the table is what one client gets at one moment: the newest frame of each of its five topics.
CPU is the server's own, by the kernel's count; latencies
run from the publication in Redis to the client's socket, in this process, which shares the machine with the
server: they are upper bounds. One client that never reads must not move the others.
"""

import asyncio
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
import uvloop
from redis.asyncio import Redis
from tests.conftest import TestServer

from bench._fanout import HERTZ, SYMBOLS, TOPICS, quote
from bench._house import _pings, row
from holdfast.app.wire import text_frame
from holdfast.market import quotes
from holdfast.platform import embedded
from holdfast.platform.processes import unprivileged_account

CLIENTS: Final = tuple(int(n) for n in os.environ.get("FANOUT_CLIENTS", "1000,5000").split(","))
SECONDS: Final = float(os.environ.get("FANOUT_SECONDS", "10"))
PROBES: Final = 20
"""One client in so many reads the latency."""
ROUNDS: Final = 2
"""With and without a stalled client in turn: the best p99 of each is what other work on the machine left."""
AT_ONCE: Final = 50
PATIENCE: Final = 120
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_SHORT: Final = 126
_TEXT, _PING, _PONG = 0x81, 0x89, 0x8A
"""Whole messages of these kinds: RFC 6455, section 5.2."""


class Listener(asyncio.Protocol):
    """One client. It counts messages, and as a probe it reads when each was published."""

    def __init__(self, *, probe: bool) -> None:
        self._probe = probe
        self._buffer = bytearray()
        self._transport: Any = None
        self.ready = asyncio.get_running_loop().create_future()
        self.lost = False
        self.error: Exception | None = None
        self.last = b""
        self.messages = 0
        self.bytes = 0
        self.latencies: list[float] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(
            b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.ready.done():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self.begin()
            self.ready.set_result(None)
        while (size := self._whole()) is not None:
            start, end = size
            if self._buffer[0] == _PING:
                self._transport.write(_masked(_PONG, bytes(self._buffer[start:end])))
            else:
                self._hear(bytes(self._buffer[start:end]) if self._probe else b"", end - start)
            del self._buffer[:end]

    def begin(self) -> None:
        """What a client says first."""
        self.say({"op": "subscribe", "topics": TOPICS})

    def connection_lost(self, error: Exception | None) -> None:
        self.lost, self.error, self.last = True, error, bytes(self._buffer[-60:])

    def say(self, message: dict[str, Any]) -> None:
        self._transport.write(_masked(_TEXT, orjson.dumps(message)))

    def stall(self) -> None:
        self._transport.pause_reading()

    def forget(self) -> None:
        self.messages, self.bytes, self.latencies = 0, 0, []

    def close(self) -> None:
        self._transport.abort()

    def _whole(self) -> tuple[int, int] | None:
        """Where the first message lies, if it is complete."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        start, size = 2, buffer[1] & 0x7F
        if size == _SHORT:
            start, size = 4, int.from_bytes(buffer[2:4], "big")
        elif size > _SHORT:
            start, size = 10, int.from_bytes(buffer[2:10], "big")
        return (start, start + size) if len(buffer) >= start + size else None

    def _hear(self, text: bytes, size: int) -> None:
        self.messages += 1
        self.bytes += size
        if text and b'"at":' in text and b"quotes:" in text:
            at = int(text.partition(b'"at":')[2].partition(b"}")[0].partition(b",")[0])
            self.latencies.append(time.time() * 1e3 - at)


def _masked(kind: int, content: bytes) -> bytes:
    """A frame as a client sends it, masked with zeros, which is a mask."""
    frame = text_frame(content)
    header = len(frame) - len(content)
    return bytes([kind, frame[1] | 0x80]) + frame[2:header] + b"\0\0\0\0" + content


@dataclass
class Outcome:
    """Of one server: microseconds of CPU a message, share of a core, milliseconds, kilobytes."""

    clients: int
    cpu: float
    cores: float
    p50: float
    p99: float
    memory: float
    messages: float
    stalled_p99: float = field(default=0.0)


@contextmanager
def server(kind: str, redis_url: str, **places: str) -> Iterator[tuple[int, int]]:
    """A process; yields its id and its port. ``places``: what its environment names besides."""
    port = embedded.free_port()
    program = [sys.executable, "-m", "bench._fanout", kind, str(port), redis_url]
    process = subprocess.Popen(program, env=os.environ | places)
    try:
        yield process.pid, port
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


async def listening(port: int, count: int) -> list[Listener]:
    """So many clients that have subscribed, connected a few at a time."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Listener:
        async with gate, asyncio.timeout(PATIENCE):
            while True:
                with suppress(OSError):
                    _, listener = await loop.create_connection(
                        lambda: Listener(probe=number % PROBES == 0), "127.0.0.1", port
                    )
                    await listener.ready
                    return listener
                await asyncio.sleep(0.2)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def publishing(redis: Redis) -> None:
    """As the feed does: a batch of all symbols, ten times a second."""
    number, due = 0, time.monotonic()
    while True:
        number += 1
        at = int(time.time() * 1e3)
        batch = {symbol: quote(number, at) for symbol in SYMBOLS}
        async with redis.pipeline(transaction=False) as pipe:
            pipe.publish(quotes.CHANNEL, orjson.dumps(batch))
            await pipe.execute()
        due += 1 / HERTZ
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def measured(kind: str, count: int, redis_url: str) -> Outcome:
    redis = Redis.from_url(redis_url)
    board = {symbol: orjson.dumps(quote(0, int(time.time() * 1000))) for symbol in SYMBOLS}
    await redis.hset(quotes.LAST_KEY, mapping=board)  # type: ignore[arg-type]
    publisher = None
    with server(kind, redis_url) as (pid, port):
        try:
            first = await listening(port, 1)
            before = _resident(pid)
            clients = first + await listening(port, count - 1)
            publisher = asyncio.create_task(publishing(redis))
            await _all_hear(clients)
            outcome = await _measure(clients, pid, count)
            outcome.memory = (_resident(pid) - before) / count
            outcome.stalled_p99 = math.inf
            for _ in range(ROUNDS):
                (stalled,) = await listening(port, 1)
                stalled.stall()
                outcome.stalled_p99 = min(outcome.stalled_p99, (await _measure(clients, pid, count)).p99)
                stalled.close()
                outcome.p99 = min(outcome.p99, (await _measure(clients, pid, count)).p99)
            for client in clients:
                client.close()
        finally:
            if publisher:
                publisher.cancel()
            await redis.aclose()
    return outcome


async def _all_hear(clients: list[Listener]) -> None:
    async with asyncio.timeout(PATIENCE):
        for client in clients:
            client.forget()
        while not all(client.messages for client in clients):  # noqa: ASYNC110 - a look now and then will do
            await asyncio.sleep(0.1)


async def _measure(clients: list[Listener], pid: int, count: int) -> Outcome:
    for client in clients:
        client.forget()
    began, before = time.monotonic(), cpu(pid)
    await asyncio.sleep(SECONDS)
    took, spent = time.monotonic() - began, cpu(pid) - before
    if lost := sum(client.lost for client in clients):
        raise RuntimeError(f"{lost} of {count} clients were let go; first: {_first_lost(clients)}")
    messages = sum(client.messages for client in clients) / len(SYMBOLS)
    latencies = [one for client in clients for one in client.latencies]
    cut = quantiles(latencies, n=100)
    return Outcome(count, spent / messages * 1e6, spent / took, cut[49], cut[98], 0.0, messages / took)


def _first_lost(clients: list[Listener]) -> str:
    lost = next(client for client in clients if client.lost)
    return f"{lost.error!r} after {lost.messages} messages, last {lost.last!r}"


def cpu(pid: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> float:
    """Kilobytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return float(text.partition("VmRSS:")[2].split()[0])


def report(hub: Outcome, bare: Outcome) -> None:
    what = f"{hub.clients:,} clients"
    wanted = hub.clients * HERTZ
    row(f"{what}: messages a second", f"{hub.messages:,.0f}", f"bare {bare.messages:,.0f}, wanted {wanted:,}")
    row(f"{what}: CPU a message", f"{hub.cpu:.1f} µs", f"{hub.cpu / bare.cpu:.1f} × bare ({bare.cpu:.1f} µs)")
    row(f"{what}: share of one core", f"{hub.cores:.2f}", f"bare {bare.cores:.2f}")
    row(f"{what}: ingest to client, p50", f"{hub.p50:.0f} ms", f"bare {bare.p50:.0f} ms")
    row(f"{what}: ingest to client, p99", f"{hub.p99:.0f} ms", f"bare {bare.p99:.0f} ms")
    moved = hub.stalled_p99 / hub.p99
    row(f"{what}: p99 beside a stalled client", f"{hub.stalled_p99:.0f} ms", f"{moved:.2f} × without it")
    row(f"{what}: memory a client", f"{hub.memory:.1f} KB", f"bare {bare.memory:.1f} KB")


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        place = embedded.choose_place(Path(home), unprivileged_account())
        cache = TestServer(embedded.Redis(place, token_hex(16), durable=False))
        url = cache.server.url(cache.port)
        try:
            embedded.wait_until(lambda: _pings(url), cache.process, "Redis")
            for count in CLIENTS:
                bare = uvloop.run(measured("bare", count, url))
                report(uvloop.run(measured("hub", count, url)), bare)
        finally:
            cache.stop()
