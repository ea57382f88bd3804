"""A user's own CSV files, from the request to what can be charted: rows a second, of bars and of signals,
against only reading the same rows with csv and Decimal."""

import asyncio
import csv
import io
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
from tests.charts.conftest import add_user, sign_in

from bench._house import database_at, new_home, row, servers
from bench.candles import made
from holdfast.app.api import create_app
from holdfast.charts.datasets import reading
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging

BARS: Final = 300_000
SIGNALS: Final = 50_000
TYPES: Final = ("buy", "sell", "exit", "info")


async def measure(database_url: str, redis_url: str) -> None:
    settings = Settings(database_url=database_url, redis_url=redis_url, home=new_home(), log_level="warning")
    configure_logging(settings, "bench")
    async with database_at(database_url) as database:
        headers = await sign_in(database, settings, await add_user(database))
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url="http://bench", timeout=300
            ) as client,
        ):
            series = await one_file(client, database, headers, "bars", bars_csv(), read_bars)
            await one_file(client, database, headers, "signals", signals_csv(), read_signals, series)


async def one_file(
    client: httpx2.AsyncClient,
    database: Database,
    headers: dict[str, str],
    kind: str,
    content: bytes,
    plainly: Callable[[str], int],
    series: str = "",
) -> str:
    begun = time.perf_counter()
    count = plainly(content.decode())
    plain = time.perf_counter() - begun
    begun = time.perf_counter()
    sent = await client.post(
        "/api/datasets",
        headers=headers | {"Idempotency-Key": uuid4().hex},
        files={"file": (f"{kind}.csv", content)},
        data={"kind": kind, **({"series": series} if series else {})},
    )
    sent.raise_for_status()
    taken = time.perf_counter() - begun
    await reading.carry_out(database, SystemClock(), UUID(sent.json()["id"]))
    whole = time.perf_counter() - begun
    found: dict[str, Any] = (await client.get(f"/api/datasets/{sent.json()['id']}", headers=headers)).json()
    if (found["state"], found["rows"]) != ("ready", count):
        raise RuntimeError(f"the file was not read: {found}")
    megabytes = len(content) / 1e6
    row(f"{count:,} {kind} uploaded and taken in", f"{megabytes / taken:,.0f} MB/s", f"{megabytes:.0f} MB")
    row(
        f"{count:,} {kind}, until they can be charted",
        f"{count / whole:,.0f} rows/s",
        f"{whole / plain:.2f} of reading them with csv and Decimal",
    )
    return str(found["series"])


def bars_csv() -> bytes:
    floats = made(BARS).as_floats()
    rows = zip(floats.time, floats.open, floats.high, floats.low, floats.close, floats.volume, strict=True)
    lines = (f"{time},{o:.2f},{h:.2f},{low:.2f},{c:.2f},{v:.3f}" for time, o, h, low, c, v in rows)
    return "\n".join(["timestamp,open,high,low,close,volume", *lines]).encode()


def signals_csv() -> bytes:
    times = made(SIGNALS).time.tolist()
    lines = (
        f"{time},{TYPES[number % len(TYPES)]},{20_000 + number}.25,signal {number},up,arrow-up"
        for number, time in enumerate(times)
    )
    return "\n".join(["timestamp,type,price,label,color,icon", *lines]).encode()


def read_bars(text: str) -> int:
    rows = csv.reader(io.StringIO(text))
    next(rows)
    return len([(int(cells[0]), *map(Decimal, cells[1:])) for cells in rows])


def read_signals(text: str) -> int:
    rows = csv.reader(io.StringIO(text))
    next(rows)
    return len([(int(cells[0]), cells[1], Decimal(cells[2]), *cells[3:]) for cells in rows])


def main() -> None:
    """Print two rows for each kind of file."""
    with servers() as (database_url, redis_url):
        asyncio.run(measure(database_url, redis_url))
