"""Back-tests: own data is tried with a script, and what came of it is told, drawn, listed and saved."""

import re
from itertools import pairwise
from math import sin
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Page, expect
from tests.e2e.charting import look
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_data_page import BEGIN, HEAD, csv, on_data_page, upload
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PATIENTLY = 3 * PATIENCE
HOURS = 4_000
MISSING = range(300, 306)

EMA_CROSS = """
script("EMA cross", overlay=True)
fast = input.int("Fast", 8, min=2, max=200)
slow = input.int("Slow", 21, min=3, max=400)
up = ta.ema(bars.close, fast) > ta.ema(bars.close, slow)
target(np.where(up, 1.0, 0.0))
"""
PEEK = """
script("Peek", overlay=True)
tomorrow = np.roll(bars.close, -1)
target(np.where(tomorrow > bars.close, 1.0, 0.0))
"""


def price(hour: int) -> float:
    """It swings and rises, so that following it earns something."""
    return 100 + 8 * sin(hour / 37) + hour * 0.01


def walk() -> list[str]:
    """Hours of a price, six of them missing."""
    return [
        f"{BEGIN + 3600 * hour},{begin:.2f},{max(begin, end) + 1:.2f},{min(begin, end) - 1:.2f},{end:.2f},5"
        for hour, (begin, end) in enumerate(pairwise(map(price, range(HOURS + 1))))
        if hour not in MISSING
    ]


def add_script(http: httpx2.Client, name: str, source: str) -> str:
    """Returns the new script's id."""
    body = {"name": name, "source": source}
    answer = http.post("/scripts", json=body, headers={"Idempotency-Key": uuid4().hex})
    made: str = answer.raise_for_status().json()["id"]
    return made


async def data_and_scripts(page: Page, installation: Installation) -> httpx2.Client:
    """Somebody's first data, and two scripts: one follows the price, one knows it before."""
    http = await on_data_page(page, installation)
    add_script(http, "Follows", EMA_CROSS)
    add_script(http, "Peeks", PEEK)
    await upload(page, csv("walk.csv", HEAD, walk()))
    return http


async def run_on_own_data(page: Page, script: str) -> None:
    """From the data's own page to the result."""
    entry = page.get_by_role("listitem", name="walk", exact=True)
    await entry.get_by_role("link", name="Back-test").click(timeout=PATIENTLY)
    await expect(page.get_by_label("Traded on")).to_have_value("walk")
    await expect(page.get_by_label("Bars of")).to_have_value("1h")
    await page.get_by_label("Script", exact=True).select_option(label=script)
    await expect(page.get_by_text("Version 1, the newest.")).to_be_visible()
    await page.get_by_role("button", name="Run back-test").click()
    await expect(page.get_by_text("Return, after fees and slippage")).to_be_visible(timeout=PATIENTLY)


async def test_own_data_is_back_tested_by_a_script(page: Page, installation: Installation):
    http = await data_and_scripts(page, installation)
    await run_on_own_data(page, "Follows")

    (found,) = http.get("/backtests").json()["items"]
    figures = found["figures"]
    assert figures["trades"] > 5
    assert found["bars"] == HOURS - len(MISSING)
    holding = page.get_by_text(re.compile(r"^Buying at the start and holding: \+[\d.]+%"))
    await expect(holding).to_be_visible()
    trades = page.get_by_text("Trades", exact=True).first.locator("xpath=following-sibling::dd[1]")
    await expect(trades).to_have_text(str(figures["trades"]))
    await expect(page.get_by_text("6 bars are missing")).to_be_visible()
    assert await violations(page) == []
    await look(page, "backtest_result")

    curve = page.get_by_role("region", name="Equity of Follows")
    await expect(curve.locator("canvas")).to_have_count(2)
    await curve.focus()
    await page.keyboard.press("Home")
    await expect(page.get_by_text("13 Sept 2020, 12:00 UTC")).to_be_visible()
    await page.keyboard.press("PageDown")
    await expect(page.get_by_text("13 Sept 2020, 12:00 UTC")).to_have_count(0)
    table = page.get_by_role("table", name="Equity of Follows")
    await expect(table.get_by_role("row")).to_have_count(25)

    shown = page.get_by_role("table", name="Trades").get_by_role("rowheader")
    assert await shown.count() >= min(figures["trades"], 50)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="CSV").click()
    saved = await download.value
    assert saved.suggested_filename == "Follows-trades.csv"
    lines = (await saved.path()).read_text().splitlines()
    listed = http.get(f"/backtests/{found['id']}/trades", params={"limit": 200}).json()["items"]
    assert "Simulated market" in lines[0]
    assert len(lines) == 2 + len(listed)

    await page.get_by_role("link", name="Run again with changes").click()
    await page.get_by_role("textbox", name="Fast").fill("30")
    await page.get_by_role("textbox", name="Slow").fill("90")
    await page.get_by_role("button", name="Run back-test").click()
    await expect(page.get_by_text("Return, after fees and slippage")).to_be_visible(timeout=PATIENTLY)
    again = http.get("/backtests").json()["items"]
    assert [one["settings"]["inputs"] for one in again] == [{"fast": 30, "slow": 90}, {"fast": 8, "slow": 21}]


async def test_a_script_that_sees_the_future_is_told_loudly(page: Page, installation: Installation):
    await data_and_scripts(page, installation)
    await run_on_own_data(page, "Peeks")
    await expect(page.get_by_role("alert")).to_contain_text("This result looks into the future")
    assert await violations(page) == []
    await look(page, "backtest_future")
    await page.get_by_role("link", name="All back-tests").click()
    row = page.get_by_role("list", name="Back-tests").get_by_role("listitem")
    await expect(row).to_contain_text("Sees the future")
    await row.get_by_role("link", name="Peeks").click()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Nothing tried yet")).to_be_visible()


async def test_a_result_is_read_on_a_phone(phone: Page, installation: Installation):
    await data_and_scripts(phone, installation)
    await run_on_own_data(phone, "Follows")
    assert await violations(phone) == []
    wide = await phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    await look(phone, "backtest_phone")
