"""A strategy on paper: a script decides on closed bars, the page hears of it, it is paused and stopped."""

import re

import pytest
from playwright.async_api import Page, WebSocket, expect
from tests.e2e.charting import answered, look
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_backtests import add_script
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TWO_BARS = 5 * PATIENCE
"""The clock is everybody's: a bar closes each minute, and what it says is booked after the next one."""

ALWAYS_LONG = """
script("Always long", overlay=True)
target(1.0)
"""


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

    await expect(page.get_by_text(re.compile(r"^Long 0\.\d+$"))).to_be_visible(timeout=TWO_BARS)
    fills = page.get_by_role("table", name="Fills on paper")
    await expect(fills.get_by_role("rowheader")).to_have_count(1)
    await expect(fills).to_contain_text("Buy")
    assert any('"strategies"' in frame and begun["id"] in frame for frame in frames)
    await look(page, "strategy_running")

    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    await expect(page.get_by_text("Paused", exact=True).first).to_be_visible()
    await page.get_by_role("button", name="Resume").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()

    await page.get_by_role("button", name="Stop", exact=True).last.click()
    dialog = page.get_by_role("dialog", name=re.compile("^Stop “Always long"))
    await dialog.get_by_role("button", name="Stop it").click()
    await expect(page.get_by_role("button", name="Delete")).to_be_visible()
    await expect(page.get_by_text("Flat", exact=True).first).to_be_visible(timeout=TWO_BARS)
    await expect(fills.get_by_role("rowheader")).to_have_count(2)
    assert await violations(page) == []
    await look(page, "strategy_stopped")

    await page.get_by_role("link", name="All strategies").click()
    ended = page.get_by_role("list", name="Ended strategies").get_by_role("listitem")
    await expect(ended).to_contain_text("Stopped")
