"""Price alerts: set with mouse, keys and finger, pulled, changed, deleted, and fired once each."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.charting import answered, box_of, chart, drag, hold, look, opened, take_line
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ALERTS = "/api/charts/alerts"
QUIET_COIN = "XLMUSDT"
"""In no index, so that nobody else minds when its price jumps."""


def menu_item(page: Page, name: str) -> Locator:
    return page.get_by_role("menuitem", name=re.compile(f"^{name}"))


async def alerts_dialog(page: Page) -> Locator:
    await page.keyboard.press("Alt+a")
    dialog = page.get_by_role("dialog", name="Alerts")
    await expect(dialog).to_be_visible()
    return dialog


async def shut(page: Page, dialog: Locator) -> None:
    """By Escape, also while messages lie above it."""
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def told(page: Page, words: str) -> None:
    await expect(page.get_by_text(words).first).to_be_visible(timeout=2 * PATIENCE)


async def test_an_alert_is_set_by_a_right_click_pulled_changed_and_deleted(
    page: Page, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    box = await box_of(chart(page))
    x, y = box["x"] + 300, box["y"] + 150

    await page.mouse.click(x, y, button="right")
    await expect(menu_item(page, "Add alert at ")).to_be_focused()
    await look(page, "alert_menu")
    async with answered(page, "POST", ALERTS) as first:
        await menu_item(page, "Add alert at ").click()
    await told(page, "You are told when the price reaches")

    line = await take_line(page, x, y, "Alert")
    await look(page, "alert_selected")
    async with answered(page, "PUT", ALERTS) as pulled:
        await drag(page, (x, line), (x, line + 90))
    assert pulled["id"] == first["id"]
    assert float(pulled["price"]) < float(first["price"])

    dialog = await alerts_dialog(page)
    await dialog.get_by_role("button", name=re.compile("^Change the alert at ")).click()
    await dialog.get_by_label("Note").fill("a round number")
    await dialog.get_by_label(re.compile("^When BTCUSDT reaches")).fill("65000")
    await dialog.get_by_label("Coming").select_option("from above")
    async with answered(page, "PUT", ALERTS) as changed:
        await dialog.get_by_role("button", name="Save").click()
    assert (changed["id"], changed["price"], changed["direction"]) == (first["id"], "65000", "below")
    here = dialog.get_by_role("region", name="On this chart").get_by_role("listitem")
    await expect(here).to_have_count(1)
    await expect(here).to_contain_text("a round number")
    assert await violations(page) == []
    await look(page, "alert_dialog")

    await dialog.get_by_role("button", name=re.compile("^Delete the alert at ")).click()
    await expect(dialog.get_by_text("No alerts yet.")).to_be_visible()
    assert http.get("/charts/alerts").json() == []


async def test_the_menu_of_a_chart_deletes_the_alert_it_is_opened_on(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    await opened(page, "/chart/bybit/ETHUSDT?tf=1h", signed_in=True)
    box = await box_of(chart(page))
    x, y = box["x"] + 300, box["y"] + 200
    await page.mouse.click(x, y, button="right")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await page.mouse.click(x, y, button="right")
    async with answered(page, "POST", ALERTS):
        await page.keyboard.press("Enter")
    line = await take_line(page, x, y, "Alert")
    await page.mouse.click(x, line, button="right")
    async with answered(page, "DELETE", ALERTS):
        await menu_item(page, "Delete this alert").click()
    assert http.get("/charts/alerts").json() == []


async def test_keys_alone_set_an_alert_and_a_wrong_price_is_said(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    await opened(page, "/chart/binance/BTCUSDT?tf=1h", signed_in=True)
    dialog = await alerts_dialog(page)
    price = dialog.get_by_label(re.compile("^When BTCUSDT reaches"))
    await expect(price).not_to_have_value("")
    await price.focus()
    for wrong, said in [("", "Enter a price."), ("abc", "not a price"), ("0", "above zero")]:
        await price.fill(wrong)
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_text(said)).to_be_visible()
    await price.fill("12345.67")
    async with answered(page, "POST", ALERTS):
        await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("The alert is set.")).to_be_visible()
    await shut(page, dialog)
    (alert,) = http.get("/charts/alerts").json()
    assert (alert["series"], alert["price"], alert["active"]) == ("binance:BTCUSDT", "12345.67", True)


async def test_visitors_are_asked_to_sign_in_for_an_alert(page: Page):
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h")
    box = await box_of(chart(page))
    await page.mouse.click(box["x"] + 300, box["y"] + 200, button="right")
    await menu_item(page, "Add alert at ").click()
    dialog = page.get_by_role("dialog", name="Alerts")
    await expect(dialog.get_by_role("link", name="Sign in to set one")).to_be_visible()


async def test_an_alert_fires_once_when_the_price_crosses_is_told_everywhere_and_kept(
    page: Page, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await opened(page, f"/chart/bybit/{QUIET_COIN}?tf=1m", signed_in=True)
    dialog = await alerts_dialog(page)
    price = dialog.get_by_label(re.compile(f"^When {QUIET_COIN} reaches"))
    level = f"{float(await price.input_value()) * 1.02:.5f}"
    once = await add(page, dialog, level, note="only once", repeat="once")
    every = await add(page, dialog, level, note="each time", repeat="every")

    with shocked(installation, 1.04):
        await told(page, f"{QUIET_COIN} reached")
        fired = dialog.get_by_role("region", name="Fired").get_by_role("listitem")
        await expect(fired).to_have_count(2)
        await expect(fired.filter(has_text="only once")).to_contain_text("from below")
        done = dialog.get_by_role("region", name="On this chart").get_by_role("listitem")
        await expect(done.filter(has_text="only once")).to_contain_text("Done")
        await expect(done.filter(has_text="each time")).to_contain_text("Waiting")
        await look(page, "alert_fired")

        await shut(page, dialog)
        await page.get_by_role("link", name="Indices").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Indices")
    await told(page, "from above: each time")
    await look(page, "alert_toast_elsewhere")
    found = http.get("/charts/alerts/fired").json()["items"]
    assert [one["alert_id"] for one in found].count(once["id"]) == 1
    assert [one["direction"] for one in found if one["alert_id"] == every["id"]] == ["below", "above"]

    await page.reload()
    await page.goto(f"/chart/bybit/{QUIET_COIN}?tf=1m")
    await expect(page.get_by_role("link", name="Positions").first).to_be_visible()
    dialog = await alerts_dialog(page)
    kept = dialog.get_by_role("region", name="Fired").get_by_role("listitem")
    await expect(kept).to_have_count(3)


async def add(page: Page, dialog: Locator, level: str, *, note: str, repeat: str) -> dict[str, Any]:
    await dialog.get_by_label(re.compile("^When ")).fill(level)
    await dialog.get_by_label("Tell me").select_option(repeat)
    await dialog.get_by_label("Note").fill(note)
    async with answered(page, "POST", ALERTS) as alert:
        await dialog.get_by_role("button", name="Add alert").click()
    await expect(dialog.get_by_text(note)).to_be_visible()
    return alert


@contextmanager
def shocked(installation: Installation, factor: float, symbol: str = QUIET_COIN) -> Iterator[None]:
    """The price is so many times what it was, and as before afterwards: the market is everybody's."""
    _shock(installation, factor, symbol)
    try:
        yield
    finally:
        _shock(installation, 1 / factor, symbol)


def _shock(installation: Installation, factor: float, symbol: str) -> None:
    body = {"op": "shock", "symbol": symbol, "factor": factor}
    httpx2.post(f"{installation.sim}/market", json=body, timeout=30).raise_for_status()


async def test_a_finger_that_rests_sets_an_alert_on_a_phone(phone: Page, installation: Installation):
    http = api(installation, await try_the_demo(phone))
    await opened(phone, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    box = await box_of(chart(phone))
    touch = await phone.context.new_cdp_session(phone)
    await hold(touch, box["x"] + 150, box["y"] + 220)
    await expect(menu_item(phone, "Add alert at ")).to_be_visible()
    assert await violations(phone) == []
    await look(phone, "alert_phone_menu")
    async with answered(phone, "POST", ALERTS) as added:
        await menu_item(phone, "Add alert at ").tap()
    await told(phone, "You are told when the price reaches")
    await look(phone, "alert_phone_line")
    await phone.get_by_role("button", name="Alerts", exact=True).tap()
    dialog = phone.get_by_role("dialog", name="Alerts")
    await expect(dialog.get_by_role("region", name="On this chart").get_by_role("listitem")).to_have_count(1)
    await asyncio.sleep(0.3)
    assert await violations(phone) == []
    await look(phone, "alert_phone_dialog")
    await dialog.get_by_role("button", name=re.compile("^Delete the alert at ")).tap()
    await expect(dialog.get_by_text("No alerts yet.")).to_be_visible()
    assert added["id"] not in [alert["id"] for alert in http.get("/charts/alerts").json()]
