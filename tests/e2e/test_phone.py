"""A phone and a finger, and nothing else: markets, comparisons, replay, pictures, own data, alerts, news."""

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.charting import answered, box_of, chart, differing, look, opened, picture_of
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_chart_alerts import shocked
from tests.e2e.test_chart_workspace import changed, legend, own_chart, settled
from tests.e2e.test_data_page import hours
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_news_page import MOODS, WORDS, coin_field, known_news, news_of, only_lines_with
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

COIN = "ALGOUSDT"
"""In no index, and no other test makes its price jump."""


async def fits(page: Page) -> None:
    """Nothing is wider than the screen, and nothing bars anybody's way."""
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(width) <= 0
    assert await violations(page) == []


async def pick(phone: Page, dialog: str, typed: str, found: str) -> None:
    search = phone.get_by_role("dialog", name=dialog)
    await search.get_by_placeholder(dialog).fill(typed)
    await expect(search.get_by_role("option").first).to_contain_text(found)
    await search.get_by_role("option").first.tap()
    await expect(search).to_have_count(0)


def line_of(phone: Page, name: str) -> Locator:
    return phone.get_by_role("button", name=re.compile(f"^{re.escape(name)} ")).locator("..")


async def test_a_finger_finds_a_market_compares_it_fills_the_screen_and_saves_a_picture(phone: Page):
    await opened(phone, "/chart/bybit/BTCUSDT?tf=4h")
    await phone.get_by_role("button", name=re.compile("^Symbol BTCUSDT")).tap()
    await pick(phone, "Find a market", "ethusdt", "ETHUSDT")
    await expect(phone.get_by_role("heading", level=1)).to_have_text("Chart of ETHUSDT")
    await expect(legend(phone, "Bybit perpetual · 4h")).to_contain_text("ETHUSDT")
    assert "ETHUSDT" in phone.url

    await phone.get_by_role("button", name="Compare").tap()
    await pick(phone, "Compare with", "btc.d", "BTC.D")
    await expect(line_of(phone, "BTC.D")).to_contain_text("%")
    await expect(phone.get_by_label("Price scale")).to_have_value("percent")
    await fits(phone)
    await look(phone, "phone_compare")

    small = await box_of(chart(phone))
    await phone.get_by_role("button", name="Full screen").tap()
    await expect(phone.get_by_role("button", name="Leave full screen")).to_be_visible()
    assert (await box_of(chart(phone)))["height"] > small["height"]
    await look(phone, "phone_full")
    name, _ = await picture_of(phone)
    assert name == "ETHUSDT-4h.png"
    await phone.get_by_role("button", name="Leave full screen").tap()
    await expect(phone.get_by_role("button", name="Full screen", exact=True)).to_be_visible()

    await phone.get_by_role("button", name=re.compile("^BTC.D ")).tap()
    await phone.get_by_role("button", name="Remove BTC.D").tap()
    await expect(phone.get_by_label("Price scale")).to_have_value("linear")


async def test_a_finger_replays_own_bars_from_any_moment_and_goes_between_live_and_custom(
    phone: Page, installation: Installation
):
    await own_chart(phone, installation, hours(300))
    line = legend(phone, "Own data · 1h")
    now = await line.inner_text()
    await phone.get_by_role("button", name="Replay").tap()
    bar = phone.get_by_role("toolbar", name="Replay")
    await expect(line.get_by_text("Replay")).to_be_visible()
    await bar.get_by_label("Begin at (UTC)").fill("2020-09-14T00:00")
    began = await line.inner_text()
    await bar.get_by_role("button", name="Begin there").tap()
    await expect(line).not_to_have_text(began, use_inner_text=True)
    began = await line.inner_text()
    await fits(phone)
    await look(phone, "phone_replay")
    await bar.get_by_role("button", name="One bar on").tap()
    await expect(line).not_to_have_text(began, use_inner_text=True)
    await bar.get_by_role("button", name="One bar back").tap()
    await expect(line).to_have_text(began, use_inner_text=True)
    await bar.get_by_label("Speed").select_option("20 a second")
    await bar.get_by_role("button", name="Play", exact=True).tap()
    await expect(line).not_to_have_text(began, use_inner_text=True)
    await bar.get_by_role("button", name="Leave replay").tap()
    await expect(bar).to_have_count(0)
    await expect(line).to_have_text(now, use_inner_text=True)

    await phone.get_by_role("button", name="Live", exact=True).tap()
    await expect(phone.get_by_text(re.compile("^Bybit perpetual · "))).to_be_visible()
    await phone.get_by_role("button", name="Custom", exact=True).tap()
    await expect(line).to_have_text(now, use_inner_text=True)
    await expect(phone.get_by_role("button", name=re.compile("^Symbol Steps"))).to_be_visible()


async def test_a_finger_draws_undoes_and_deletes_and_the_picture_shows_it(
    phone: Page, installation: Installation
):
    await own_chart(phone, installation, hours(300))
    _, bare = await picture_of(phone)
    before = await settled(phone)
    box = await box_of(chart(phone))
    async with answered(phone, "PUT", "/charts/drawings"):
        await phone.get_by_label("Draw", exact=True).select_option("Rectangle")
        await phone.touchscreen.tap(box["x"] + 60, box["y"] + 200)
        await phone.touchscreen.tap(box["x"] + 220, box["y"] + 320)
    await changed(phone, before)
    _, drawn = await picture_of(phone)
    assert await differing(phone, bare, drawn) > 1_000, "the area of the rectangle"
    forget = phone.get_by_role("button", name="Delete all drawings")
    await phone.get_by_role("button", name="Undo").tap()
    await expect(forget).to_be_disabled()
    await phone.get_by_role("button", name="Redo").tap()
    await expect(forget).to_be_enabled()
    await fits(phone)
    await look(phone, "phone_drawing")
    async with answered(phone, "PUT", "/charts/drawings"):
        await forget.tap()
    await expect(forget).to_be_disabled()


async def test_an_alert_set_with_a_finger_fires_and_is_told(phone: Page, installation: Installation):
    http = api(installation, await try_the_demo(phone))
    await opened(phone, f"/chart/bybit/{COIN}?tf=1m", signed_in=True)
    await phone.get_by_role("button", name="Alerts", exact=True).tap()
    dialog = phone.get_by_role("dialog", name="Alerts")
    price = dialog.get_by_label(re.compile(f"^When {COIN} reaches"))
    await expect(price).not_to_have_value("")
    await price.fill(f"{float(await price.input_value()) * 1.02:.5f}")
    await dialog.get_by_label("Note").fill("time to look")
    async with answered(phone, "POST", "/api/charts/alerts") as alert:
        await dialog.get_by_role("button", name="Add alert").tap()
    await expect(dialog.get_by_text("The alert is set.")).to_be_visible()
    await phone.touchscreen.tap(20, 20)
    await expect(dialog).to_have_count(0)
    with shocked(installation, 1.04, COIN):
        await expect(phone.get_by_text(f"{COIN} reached").first).to_be_visible(timeout=2 * PATIENCE)
        await look(phone, "phone_alert_fired")
        await phone.get_by_role("button", name="Alerts", exact=True).tap()
        fired = dialog.get_by_role("region", name="Fired").get_by_role("listitem")
        await expect(fired.filter(has_text="time to look")).to_contain_text("from below")
    assert [one["alert_id"] for one in http.get("/charts/alerts/fired").json()["items"]] == [alert["id"]]


async def test_a_finger_filters_the_news(phone: Page, installation: Installation):
    known = known_news(installation)
    coin = next(each["mentions"][0]["ticker"] for each in known if each["mentions"])
    await phone.goto("/news")
    await coin_field(phone).fill(coin)
    await coin_field(phone).press("Enter")
    await expect(phone).to_have_url(re.compile(f"symbol={coin}$"))
    await only_lines_with(phone, coin)
    await phone.get_by_role("button", name="Clear filters").tap()
    await expect(coin_field(phone)).to_have_value("")
    mood = next(each for each in MOODS.values() if news_of(installation, mood=each))
    await phone.get_by_label("Mood").select_option(WORDS[mood])
    await expect(phone).to_have_url(re.compile(f"mood={mood}$"))
    await only_lines_with(phone, WORDS[mood])
    await fits(phone)
    await look(phone, "phone_news")
