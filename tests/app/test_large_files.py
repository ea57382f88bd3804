"""The largest file that may be sent, through a real API process and the real import: memory stays where it
was, and others are answered meanwhile. Nothing here counts on how quick the machine is."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text
from tests.charts.conftest import Headers, add_user, sign_in

from holdfast.charts.datasets.service import MOST_BYTES
from holdfast.platform.database import Database
from holdfast.platform.embedded import free_port
from holdfast.platform.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MIB = 1024 * 1024
MOST_GROWTH = 64
"""MiB, of a process that takes in or reads a file of 200."""
PATIENCE = 30
"""Seconds, less than PostgreSQL keeps a transaction in which nothing happens."""
PAUSES = 8
"""How often a file on its way waits until somebody else was answered."""
HEADER = b"timestamp,open,high,low,close,volume\n"
BEGIN = 1_500_000_000 // 60 * 60
ROW = "%d,100.5,102,99,101.25,%s.125\n"
PADDING = "0" * 1000
"""Of the volume: long rows make a large file of few bars, which is read sooner."""
READER = Path(__file__).with_name("read_dataset.py")
Ask = Callable[[], Awaitable[None]]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "HOLDFAST_HOME": str(settings.home),
        "HOLDFAST_PORT": str(free_port()),
    }


@pytest.fixture
async def owner(database: Database, settings: Settings) -> Headers:
    return await sign_in(database, settings, await add_user(database))


@pytest.fixture
def api(environment: dict[str, str], owner: Headers, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once it answers. It finds the keys that ``owner`` has made."""
    with (tmp_path / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.app.cli.main", "api"], env=environment, stdout=log, stderr=log
        )
    deadline = time.monotonic() + 60
    while not _is_alive(f"http://127.0.0.1:{environment['HOLDFAST_PORT']}/api/health/live"):
        assert time.monotonic() < deadline, (tmp_path / "api.log").read_text()
        time.sleep(0.2)
    yield process
    process.terminate()
    process.wait(20)


def _is_alive(address: str) -> bool:
    try:
        return httpx2.get(address).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
async def client(
    environment: dict[str, str], api: subprocess.Popen[bytes]
) -> AsyncIterator[httpx2.AsyncClient]:
    address = f"http://127.0.0.1:{environment['HOLDFAST_PORT']}"
    async with httpx2.AsyncClient(base_url=address, timeout=120) as opened:
        yield opened


def rows_of(size: int) -> int:
    return (size - len(HEADER)) // len(ROW % (BEGIN, PADDING))


async def csv(size: int, ask: Ask) -> AsyncIterator[bytes]:
    """So many bytes of bars, made as they are sent. It does not go on before ``ask`` was answered."""
    yield HEADER
    rows, at_once = rows_of(size), 1000
    sent = len(HEADER)
    blocks = range(0, rows - 1, at_once)
    for first in blocks:
        some = range(first, min(first + at_once, rows - 1))
        block = "".join([ROW % (BEGIN + 60 * row, PADDING) for row in some]).encode()
        sent += len(block)
        yield block
        if blocks.index(first) % (len(blocks) // PAUSES) == 0:
            await ask()
    last = BEGIN + 60 * (rows - 1)
    yield (ROW % (last, "0" * (size - sent - len(ROW % (last, ""))))).encode()


async def send(client: httpx2.AsyncClient, owner: Headers, size: int, ask: Ask) -> httpx2.Response:
    """A form with a file of so many bytes, as a browser sends it."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="bars.csv"\r\n\r\n'
    tail = b"\r\n--x--\r\n"

    async def form() -> AsyncIterator[bytes]:
        yield head
        async for piece in csv(size, ask):
            yield piece
        yield tail

    about = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(len(head) + size + len(tail)),
        "Idempotency-Key": uuid4().hex,
    }
    return await client.post("/api/datasets", headers=owner | about, content=form())


@dataclass
class Stranger:
    """Somebody else, who asks for a list of their own."""

    client: httpx2.AsyncClient
    headers: Headers
    answered: int = 0

    async def ask(self) -> None:
        assert (await self.client.get("/api/datasets", headers=self.headers)).status_code == 200
        self.answered += 1


@pytest.fixture
async def stranger(client: httpx2.AsyncClient, database: Database, settings: Settings) -> Stranger:
    """One whose first request, which costs more than the others, is over."""
    found = Stranger(client, await sign_in(database, settings, await add_user(database)))
    await found.ask()
    return found


class Memory:
    """How far a process grows from here on; unlike a look now and then this misses nothing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._of = Path(f"/proc/{process.pid}")
        (self._of / "clear_refs").write_text("5")  # the most it ever took begins anew
        self._before = self._most()

    def growth(self) -> float:
        """MiB."""
        return self._most() - self._before

    def _most(self) -> float:
        (kib,) = re.findall(r"VmHWM:\s+(\d+) kB", (self._of / "status").read_text())
        return int(kib) / 1024


async def has_come_to_keep(database: Database, sending: asyncio.Task[httpx2.Response]) -> None:
    """Wait until the API waits for the table that the file is to be kept in."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE relation = 'dataset_parts'::regclass AND NOT granted")
    while True:
        assert not sending.done(), await sending
        async with database.transaction() as session:
            if await session.scalar(waiting):
                return
        await asyncio.sleep(0.05)


async def test_the_largest_file_is_taken_and_read(
    client: httpx2.AsyncClient,
    api: subprocess.Popen[bytes],
    environment: dict[str, str],
    database: Database,
    stranger: Stranger,
    owner: Headers,
) -> None:
    memory = Memory(api)
    sending = asyncio.create_task(send(client, owner, MOST_BYTES, stranger.ask))
    async with database.transaction() as session:
        await session.execute(text("LOCK TABLE dataset_parts IN EXCLUSIVE MODE"))
        await has_come_to_keep(database, sending)
        async with asyncio.timeout(PATIENCE):
            await stranger.ask()
        assert not sending.done()
    sent = await sending
    assert sent.status_code == 202, sent.text
    assert stranger.answered > PAUSES + 1
    reader = await asyncio.create_subprocess_exec(
        sys.executable, str(READER), sent.json()["id"], env=environment, stdout=subprocess.PIPE
    )
    told, _ = await reader.communicate()
    assert float(told) < MOST_GROWTH
    made = (await client.get(f"/api/datasets/{sent.json()['id']}", headers=owner)).json()
    assert (made["state"], made["rows"]) == ("ready", rows_of(MOST_BYTES)), made
    assert memory.growth() < MOST_GROWTH


async def test_one_byte_more_is_refused(
    client: httpx2.AsyncClient, api: subprocess.Popen[bytes], stranger: Stranger, owner: Headers
) -> None:
    memory = Memory(api)
    refused = await send(client, owner, MOST_BYTES + 1, stranger.ask)
    assert refused.status_code == 422
    assert "at most 200 MiB" in refused.json()["detail"]
    assert stranger.answered > PAUSES
    assert memory.growth() < MOST_GROWTH
    assert (await client.get("/api/datasets", headers=owner)).json()["datasets"] == []
