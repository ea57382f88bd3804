"""The largest file that may be sent, through a real API process and the real import: memory stays where it
was, and others are answered meanwhile."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx2
import psutil
import pytest
from tests.charts.conftest import Headers, add_user, sign_in

from holdfast.charts.datasets.service import MOST_BYTES
from holdfast.platform.database import Database
from holdfast.platform.embedded import free_port
from holdfast.platform.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MIB = 1024 * 1024
MOST_GROWTH = 64
"""MiB, of a process that takes in or reads a file of 200."""
SLOWEST_SECONDS = 5.0
"""For another client's request meanwhile, on a machine that does much besides."""
HEADER = b"timestamp,open,high,low,close,volume\n"
BEGIN = 1_500_000_000 // 60 * 60
ROW = "%d,100.5,102,99,101.25,%s.125\n"
PADDING = "0" * 1000
"""Of the volume: long rows make a large file of few bars, which is read sooner."""
READER = Path(__file__).with_name("read_dataset.py")


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
def api(environment: dict[str, str], owner: Headers, tmp_path: Path) -> Iterator[psutil.Process]:
    """The process, once it answers. It finds the keys that ``owner`` has made."""
    with (tmp_path / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.app.cli.main", "api"], env=environment, stdout=log, stderr=log
        )
    deadline = time.monotonic() + 60
    while not _is_alive(f"http://127.0.0.1:{environment['HOLDFAST_PORT']}/api/health/live"):
        assert time.monotonic() < deadline, (tmp_path / "api.log").read_text()
        time.sleep(0.2)
    yield psutil.Process(process.pid)
    process.terminate()
    process.wait(20)


def _is_alive(address: str) -> bool:
    try:
        return httpx2.get(address).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
async def client(environment: dict[str, str], api: psutil.Process) -> AsyncIterator[httpx2.AsyncClient]:
    address = f"http://127.0.0.1:{environment['HOLDFAST_PORT']}"
    async with httpx2.AsyncClient(base_url=address, timeout=120) as opened:
        yield opened


def rows_of(size: int) -> int:
    return (size - len(HEADER)) // len(ROW % (BEGIN, PADDING))


async def csv(size: int) -> AsyncIterator[bytes]:
    """So many bytes of bars, made as they are sent."""
    yield HEADER
    rows, at_once = rows_of(size), 1000
    sent = len(HEADER)
    for first in range(0, rows - 1, at_once):
        some = range(first, min(first + at_once, rows - 1))
        block = "".join([ROW % (BEGIN + 60 * row, PADDING) for row in some]).encode()
        sent += len(block)
        yield block
    last = BEGIN + 60 * (rows - 1)
    yield (ROW % (last, "0" * (size - sent - len(ROW % (last, ""))))).encode()


async def send(client: httpx2.AsyncClient, owner: Headers, size: int) -> httpx2.Response:
    """A form with a file of so many bytes, as a browser sends it."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="bars.csv"\r\n\r\n'
    tail = b"\r\n--x--\r\n"

    async def form() -> AsyncIterator[bytes]:
        yield head
        async for piece in csv(size):
            yield piece
        yield tail

    about = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(len(head) + size + len(tail)),
        "Idempotency-Key": uuid4().hex,
    }
    return await client.post("/api/datasets", headers=owner | about, content=form())


@asynccontextmanager
async def others_answered(
    client: httpx2.AsyncClient, headers: Headers, api: psutil.Process
) -> AsyncIterator[None]:
    """Somebody else asks again and again, and the process does not grow."""
    slowest, answers, most = 0.0, 0, 0.0

    async def ask() -> None:
        nonlocal slowest, answers, most
        while True:
            began = time.monotonic()
            assert (await client.get("/api/datasets", headers=headers)).status_code == 200
            slowest, answers = max(slowest, time.monotonic() - began), answers + 1
            most = max(most, api.memory_info().rss / MIB)
            await asyncio.sleep(0.1)

    await client.get("/api/datasets", headers=headers)
    before = api.memory_info().rss / MIB
    asking = asyncio.create_task(ask())
    yield
    assert not asking.done(), asking.exception()
    asking.cancel()
    assert answers > 5
    assert slowest < SLOWEST_SECONDS
    assert most - before < MOST_GROWTH


async def test_the_largest_file_is_taken_and_read(
    client: httpx2.AsyncClient,
    api: psutil.Process,
    environment: dict[str, str],
    database: Database,
    settings: Settings,
    owner: Headers,
) -> None:
    stranger = await sign_in(database, settings, await add_user(database))
    async with others_answered(client, stranger, api):
        sent = await send(client, owner, MOST_BYTES)
    assert sent.status_code == 202, sent.text
    async with others_answered(client, stranger, api):
        reader = await asyncio.create_subprocess_exec(
            sys.executable, str(READER), sent.json()["id"], env=environment, stdout=subprocess.PIPE
        )
        told, _ = await reader.communicate()
    assert float(told) < MOST_GROWTH
    made = (await client.get(f"/api/datasets/{sent.json()['id']}", headers=owner)).json()
    assert (made["state"], made["rows"]) == ("ready", rows_of(MOST_BYTES)), made


async def test_one_byte_more_is_refused(
    client: httpx2.AsyncClient, api: psutil.Process, database: Database, settings: Settings, owner: Headers
) -> None:
    stranger = await sign_in(database, settings, await add_user(database))
    async with others_answered(client, stranger, api):
        refused = await send(client, owner, MOST_BYTES + 1)
    assert refused.status_code == 422
    assert "at most 200 MiB" in refused.json()["detail"]
    assert (await client.get("/api/datasets", headers=owner)).json()["datasets"] == []
