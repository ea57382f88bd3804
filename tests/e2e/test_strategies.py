"""A strategy on paper: a script decides on closed bars, the page hears of it, it is paused and stopped.

Nobody waits for several real minutes: a second strategy is started by a clock that is some minutes behind,
and the worker catches up with it, as after a halt. Bar by bar it is proven in ``tests/strategies``.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Page, WebSocket, expect
from tests.e2e.charting import answered, look
from tests.e2e.installation import Installation
from tests.e2e.test_backtests import add_script
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_pages import violations

from holdfast.app.context import located
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles.service import Candles
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.strategies import service
from holdfast.strategies.models import Strategy
from holdfast.strategies.schemas import NewStrategy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NEXT_BAR = 90_000
"""Milliseconds: the clock is everybody's, a bar closes each minute, and a busy machine takes its time."""
BEHIND = timedelta(minutes=5)

ALWAYS_LONG = """
script("Always long", overlay=True)
target(1.0)
"""


@asynccontextmanager
async def database_of(installation: Installation) -> AsyncIterator[Database]:
    database = Database(located(Settings(home=installation.home / "var")).database_url, pool_size=1)
    yield database
    await database.close()


async def start_behind(database: Database, like: UUID) -> UUID:
    """The same once more, started some minutes ago."""
    series = await Candles(database, SystemClock(), {}).find("bybit", "BTCUSDT")
    async with database.transaction() as session:
        first = await session.get_one(Strategy, like)
        wanted = NewStrategy(
            name="Behind", script_id=first.script_id, series=first.series, timeframe=Timeframe.M1
        )
        now = datetime.now(UTC) - BEHIND
        made = await service.start(session, first.user_id, wanted, series, most=9, now=now)
    return made.id


async def stopped_earlier(database: Database, strategy_id: UUID) -> None:
    """As if it had been stopped when its last bar closed: the price it waits for comes a minute sooner."""
    async with database.transaction() as session:
        row = await session.get_one(Strategy, strategy_id)
        row.closing_from = row.next_time
        await enqueue(session, service.STEP, str(strategy_id), now=datetime.now(UTC))


async def test_a_script_runs_on_paper_is_paused_and_stopped(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    script = add_script(http, "Always long", ALWAYS_LONG)
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", listen)
    await page.goto(f"/strategies/new?script={script}&series=bybit:BTCUSDT&tf=1m")
    await expect(page.get_by_text("Version 1, the newest.")).to_be_visible()
    async with answered(page, "POST", "/api/strategies") as begun:
        await page.get_by_role("button", name="Run on paper").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Always long · BTCUSDT")
    await expect(page.get_by_text("On paper: its trades are booked here only.")).to_be_visible()
    assert await violations(page) == []

    async with database_of(installation) as database:
        behind = await start_behind(database, UUID(begun["id"]))
        await page.goto(f"/strategies/{behind}")
        await expect(page.get_by_text(re.compile(r"^Long 0\.\d+$"))).to_be_visible()
        fills = page.get_by_role("table", name="Fills on paper")
        await expect(fills.get_by_role("rowheader")).to_have_count(1)
        await expect(fills).to_contain_text("Buy")
        await look(page, "strategy_running")
        await pause_and_resume(page)
        await stop(page)
        await expect(
            page.get_by_text("What it holds is closed at the open of the next minute")
        ).to_be_visible()
        await stopped_earlier(database, behind)
    await expect(page.get_by_text("Flat", exact=True).first).to_be_visible(timeout=NEXT_BAR)
    await expect(fills.get_by_role("rowheader")).to_have_count(2)
    assert any('"strategies"' in frame and str(behind) in frame for frame in frames)
    assert await violations(page) == []
    await look(page, "strategy_stopped")

    await page.get_by_role("link", name="All strategies").click()
    ended = page.get_by_role("list", name="Ended strategies").get_by_role("listitem")
    await expect(ended).to_contain_text("Stopped")
    headers = {"Idempotency-Key": uuid4().hex}
    http.post(f"/strategies/{begun['id']}/stop", headers=headers).raise_for_status()


async def pause_and_resume(page: Page) -> None:
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    await expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()


async def stop(page: Page) -> None:
    await page.get_by_role("button", name="Stop", exact=True).last.click()
    dialog = page.get_by_role("dialog", name=re.compile("^Stop “Behind"))
    await dialog.get_by_role("button", name="Stop it").click()
    await expect(page.get_by_role("button", name="Delete")).to_be_visible()
