"""The stream as a process of its own: killed, restarted, and found by pages, while others listen."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import httpx2
import orjson
import pytest
from playwright.async_api import Browser, expect
from tests.e2e.conftest import Complaints
from tests.e2e.installation import Installation, free_port, installed
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from holdfast.core.timeframes import MINUTE
from holdfast.market.candles import columns
from holdfast.platform.background import cancel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TOPIC = "candles:bybit:BTCUSDT:1m"
BARS = "/api/candles/bybit/BTCUSDT"
PATIENCE = 240


@pytest.fixture(scope="module")
def divided() -> Iterator[Installation]:
    """An installation whose API has no stream."""
    with installed(HOLDFAST_HUB="true", HOLDFAST_HUB_PORT=str(free_port())) as running:
        yield running


class Follower:
    """Does what a page does: reconnects, subscribes again, and asks over REST for what lies between."""

    def __init__(self, installation: Installation, stream: str, token: str) -> None:
        self._installation, self._stream, self._token = installation, stream, token
        self.connections = self.frames = self.positions = 0
        self.closed: dict[int, list[float]] = {}

    async def run(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._listen()
            await asyncio.sleep(0.2)

    async def _listen(self) -> None:
        async with connect(self._stream, compression=None) as socket:
            await socket.send(orjson.dumps({"op": "auth", "token": self._token}).decode())
            await socket.send(orjson.dumps({"op": "subscribe", "topics": [TOPIC, "positions"]}).decode())
            async for text in socket:
                message = orjson.loads(text)
                assert message.get("op") != "error", message
                self.connections += message.get("op") == "authenticated"
                self.positions += message.get("topic") == "positions"
                if message.get("topic") == TOPIC:
                    self.frames += 1
                    await self._take(message["data"]["bars"])

    async def _take(self, bars: list[list[float]]) -> None:
        last = max(self.closed, default=None)
        if last is not None and bars[0][0] > last + MINUTE:
            self._keep(await self._between(last))
        self._keep([row[:6] for row in bars if row[6]])

    def _keep(self, rows: list[list[float]]) -> None:
        for row in rows:
            known = self.closed.setdefault(int(row[0]), row)
            assert known[:5] == row[:5], "a closed bar was told in two ways"

    async def _between(self, last: int) -> list[list[float]]:
        async with httpx2.AsyncClient(base_url=self._installation.url, timeout=20) as api:
            answer = await api.get(BARS, params={"after": last})
        assert answer.status_code == 200, answer.text
        header, found = columns.decode(answer.content)
        rows = [[float(found[name][place]) for name in found] for place in range(header["count"])]
        return rows[:-1] if header["forming"] else rows

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.1)

    async def closes(self, count: int) -> None:
        """Wait until so many more bars have closed."""
        before = len(self.closed)
        await self.until(lambda: len(self.closed) >= before + count)


@asynccontextmanager
async def following(installation: Installation) -> AsyncIterator[Follower]:
    async with httpx2.AsyncClient(base_url=installation.url, timeout=20) as api:
        stream = (await api.get("/api/system")).json()["stream_url"]
        token = (await api.post("/api/auth/demo")).json()["access_token"]
    follower = Follower(installation, stream, token)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
        assert not task.done(), task.exception()
    finally:
        await cancel([task])


async def answers(installation: Installation) -> bool:
    try:
        async with httpx2.AsyncClient(base_url=installation.url, timeout=2) as api:
            return (await api.get("/api/health/ready")).status_code == 200
    except (httpx2.HTTPError, OSError):
        return False


async def test_a_killed_hub_costs_its_clients_no_closed_bar(divided: Installation) -> None:
    async with following(divided) as follower:
        await follower.closes(2)
        await asyncio.sleep((59 - time.time()) % MINUTE)  # a bar is to close while nobody tells of it
        divided.kill("hub")
        await follower.until(lambda: follower.connections >= 2)
        await follower.closes(2)
        times = sorted(follower.closed)
        assert all(after - before == MINUTE for before, after in pairwise(times)), times
        rows = {int(row[0]): row for row in await follower._between(times[0] - MINUTE)}
        for at in times:
            assert rows[at][:5] == follower.closed[at][:5], "the stream said what the history says"


async def test_a_restart_of_the_api_does_not_disturb_who_listens(divided: Installation) -> None:
    async with following(divided) as follower:
        await follower.until(lambda: follower.frames and follower.positions)
        divided.kill("api")
        while await answers(divided):
            await asyncio.sleep(0.02)
        frames = follower.frames
        await follower.until(lambda: follower.frames > frames)
        async with asyncio.timeout(PATIENCE):
            while not await answers(divided):
                await asyncio.sleep(0.1)
        await follower.until(lambda: follower.frames > frames + 3)
        assert follower.connections == 1


async def test_a_page_finds_the_hub_and_finds_it_again(
    browser: Browser, divided: Installation, complaints: Complaints
) -> None:
    context = await browser.new_context(base_url=divided.url, viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    complaints.listen(page)
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    await page.goto("/chart/bybit/BTCUSDT?tf=1m")
    legend = page.get_by_text("Bybit perpetual · 1m").locator("..")
    await expect(legend).to_be_visible(timeout=60_000)
    before = await legend.inner_text()
    await expect(legend).not_to_have_text(before, timeout=60_000)
    system = httpx2.get(f"{divided.url}/api/system", timeout=30).json()
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/api/stream", system["stream_url"])
    assert set(opened) == {system["stream_url"]}
    assert complaints.said == [], "the page may connect there, and nothing else was tried"
    divided.kill("hub")
    async with asyncio.timeout(PATIENCE):
        while len(opened) < 2:
            await asyncio.sleep(0.1)
    await expect(page.get_by_role("button", name="Try now")).to_have_count(0, timeout=60_000)
    again = await legend.inner_text()
    await expect(legend).not_to_have_text(again, timeout=60_000)
    assert set(opened) == {system["stream_url"]}
    await context.close()
