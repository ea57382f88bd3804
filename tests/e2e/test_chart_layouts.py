"""Layouts by name: saved, opened, renamed, deleted and brought back, on a screen and on a phone."""

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.charting import answered, chart, look, opened
from tests.e2e.installation import Installation
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def menu(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Layouts"))


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Layouts")


async def listed(page: Page, *names: str) -> Locator:
    """Open the list and wait until it names these."""
    await menu(page).click()
    lines = dialog(page).get_by_role("listitem")
    await expect(lines).to_have_text([re.compile(f"^{name}") for name in names])
    return dialog(page)


async def shows(page: Page, layout: str, symbol: str, charts: int) -> None:
    await expect(dialog(page)).to_have_count(0)
    await expect(menu(page)).to_contain_text(layout)
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Chart of {symbol}")
    await expect(chart(page)).to_have_count(charts)
    await expect(page).to_have_url(re.compile(f"/{symbol}\\?"))


async def find(page: Page, typed: str, symbol: str) -> None:
    await page.get_by_role("button", name=re.compile("^Symbol ")).click()
    search = page.get_by_role("dialog", name="Find a market")
    await search.get_by_placeholder("Find a market").fill(typed)
    await expect(search.get_by_role("option").first).to_contain_text(symbol)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Chart of {symbol}")


async def test_layouts_are_saved_opened_renamed_deleted_and_brought_back(
    page: Page, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await opened(page, "/chart/bybit/BTCUSDT?tf=4h", signed_in=True)
    found = await listed(page, "Workspace")
    await found.get_by_role("button", name="Save as").click()
    await page.keyboard.type("Swing")
    await page.keyboard.press("Enter")
    await shows(page, "Swing", "BTCUSDT", 1)
    await expect(menu(page)).to_be_focused()

    await page.get_by_label("Layout", exact=True).select_option("2 charts")
    await find(page, "ethusdt", "ETHUSDT")
    await page.get_by_label("Type of chart").select_option("Line")
    found = await listed(page, "Swing", "Workspace")
    assert await violations(page) == []
    await look(page, "layouts")
    await found.get_by_role("button", name=re.compile("^Workspace")).click()
    await shows(page, "Workspace", "BTCUSDT", 1)
    await expect(page.get_by_label("Type of chart")).to_have_value("candles")

    found = await listed(page, "Swing", "Workspace")
    await found.get_by_role("button", name=re.compile("^Swing")).click()
    await shows(page, "Swing", "ETHUSDT", 2)
    await page.reload()
    await shows(page, "Swing", "ETHUSDT", 2)
    await expect(page.get_by_label("Type of chart")).to_have_value("line")

    found = await listed(page, "Swing", "Workspace")
    await found.get_by_role("button", name="Rename Workspace").click()
    await page.keyboard.type("Swing")
    await page.keyboard.press("Enter")
    await expect(found.get_by_text("Another layout has this name.")).to_be_visible()
    await found.get_by_label("New name").fill("Calm")
    await page.keyboard.press("Enter")
    await expect(found.get_by_role("button", name="Rename Calm")).to_be_focused()

    await found.get_by_role("button", name="Delete Swing").click()
    await expect(found.get_by_role("listitem")).to_have_count(1)
    await expect(found.get_by_role("button", name="Undo")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(found.get_by_role("listitem")).to_have_count(2)
    await page.keyboard.press("Escape")
    await shows(page, "Swing", "ETHUSDT", 2)

    found = await listed(page, "Calm", "Swing")
    async with answered(page, "DELETE", "/charts/layouts/"):
        await found.get_by_role("button", name="Delete Swing").click()
    await page.keyboard.press("Escape")
    await shows(page, "Calm", "BTCUSDT", 1)
    await page.reload()
    await shows(page, "Calm", "BTCUSDT", 1)
    (left,) = http.get("/charts/layouts").json()
    assert (left["name"], left["is_default"], len(left["cells"])) == ("Calm", True, 1)


async def test_a_finger_switches_layouts_on_a_phone(phone: Page):
    await try_the_demo(phone)
    await opened(phone, "/chart/bybit/BTCUSDT?tf=1d")
    await menu(phone).tap()
    await dialog(phone).get_by_role("button", name="New").tap()
    await dialog(phone).get_by_label("Name of the new layout").fill("Way home")
    await dialog(phone).get_by_role("button", name="Create").tap()
    await shows(phone, "Way home", "BTCUSDT", 1)
    await phone.get_by_role("combobox", name="Timeframe", exact=True).select_option("1h")
    await menu(phone).tap()
    await expect(dialog(phone).get_by_role("listitem")).to_have_count(2)
    assert await violations(phone) == []
    await look(phone, "layouts_phone")
    await dialog(phone).get_by_role("button", name=re.compile("^Workspace")).tap()
    await shows(phone, "Workspace", "BTCUSDT", 1)
    await expect(phone).to_have_url(re.compile("tf=1d"))
    await menu(phone).tap()
    await dialog(phone).get_by_role("button", name=re.compile("^Way home")).tap()
    await expect(phone).to_have_url(re.compile("tf=1h"))
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await phone.evaluate(width) <= 0
