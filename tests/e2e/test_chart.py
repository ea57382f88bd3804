"""The chart workspace: live, paged, drawn on, kept with the account, used by keys and on a phone."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, Locator, Page, Request, expect
from tests.e2e.charting import FORGET_WORKSPACE
from tests.e2e.conftest import Complaints
from tests.e2e.installation import Installation
from tests.e2e.test_first_trade import try_the_demo
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def chart(page: Page) -> Locator:
    return page.get_by_role("region", name=re.compile("^Chart of "))


async def opened(page: Page, path: str) -> None:
    await page.goto(path)
    bars = chart(page).get_by_role("table", name=re.compile("^Last bars of "))
    await expect(bars).to_be_attached()


async def test_bars_are_live_and_history_comes_as_one_pans(page: Page):
    await opened(page, "/chart/bybit/BTCUSDT?tf=1m")
    legend = page.get_by_text("Bybit perpetual · 1m").locator("..")
    before = await legend.inner_text()
    await expect(legend).not_to_have_text(before)
    await chart(page).focus()
    paged = asyncio.Event()

    def see(asked: Request) -> None:
        if "/candles/" in asked.url and "before=" in asked.url:
            paged.set()

    page.on("request", see)
    async with asyncio.timeout(120):
        while not paged.is_set():
            await page.keyboard.press("Shift+ArrowLeft")


async def test_keys_choose_the_timeframe_and_the_market(page: Page):
    await opened(page, "/chart/bybit/BTCUSDT?tf=1m")
    await page.keyboard.press("5")
    await expect(page.get_by_text("Bybit perpetual · 1h")).to_be_visible()
    await page.keyboard.press("e")
    search = page.get_by_role("dialog", name="Find a market")
    await expect(search).to_be_visible()
    await page.keyboard.type("thusdt")
    await expect(search.get_by_role("option").first).to_contain_text("ETHUSDT")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chart of ETHUSDT")
    assert "tf=1h" in page.url


async def add_indicator(page: Page, name: str) -> None:
    await page.get_by_role("button", name="Indicators").click()
    await page.get_by_label("Find an indicator").fill(name)
    await page.get_by_role("dialog").get_by_role("button", name=name).first.click()
    await page.get_by_role("button", name="Add to the chart").click()


async def test_what_is_drawn_and_added_is_there_again_on_another_device(
    page: Page, browser: Browser, installation: Installation
):
    await try_the_demo(page)
    await opened(page, "/chart/bybit/BTCUSDT?tf=15m")
    await add_indicator(page, "Relative strength index")
    await expect(page.get_by_role("button", name=re.compile("^Relative strength index"))).to_be_visible()
    async with page.expect_response(
        lambda answer: "/charts/drawings" in answer.url and answer.request.method == "PUT"
    ):
        await page.get_by_role("button", name="Trend line").click()
        await chart(page).focus()
        await page.keyboard.press("Enter")
    async with page.expect_response(lambda answer: "/charts/layouts/" in answer.url and answer.ok):
        await page.get_by_label("Price scale").select_option("log")
    assert await violations(page) == []
    other = await browser.new_context(
        base_url=installation.url,
        storage_state=await page.context.storage_state(),
        viewport={"width": 1280, "height": 900},
    )
    second = await other.new_page()
    await second.add_init_script(FORGET_WORKSPACE)
    await opened(second, "/chart/bybit/BTCUSDT?tf=15m")
    await expect(second.get_by_label("Price scale")).to_have_value("log")
    await expect(second.get_by_role("button", name=re.compile("^Relative strength index"))).to_be_visible()
    await expect(second.get_by_role("button", name="Delete all drawings")).to_be_enabled()
    await other.close()


async def test_it_fits_a_phone(browser: Browser, installation: Installation, complaints: Complaints):
    context = await browser.new_context(
        base_url=installation.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    complaints.listen(page)
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h")
    await expect(page.get_by_role("link", name="TradingView Lightweight Charts")).to_be_visible()
    assert (
        await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        <= 0
    )
    assert await violations(page) == []
    await page.get_by_role("button", name=re.compile("^Symbol ")).click()
    await expect(page.get_by_role("dialog", name="Find a market")).to_be_visible()
    assert await violations(page) == []
    await context.close()
    assert complaints.said == []
