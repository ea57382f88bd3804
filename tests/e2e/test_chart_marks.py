"""Marks on charts, markets and own data side by side, and drawings of two devices, as somebody at the screen
has them."""

import asyncio
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.e2e.charting import FORGET_WORKSPACE, answered, box_of, chart, look, opened, place_of
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_journal import a_position, write
from tests.e2e.test_pages import violations
from tests.e2e.trader import ENDED, Trader

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

HOUR = 3600
MARKET = "bybit:BTCUSDT"
BARS = "timestamp,open,high,low,close,volume"
SIGNALS = "timestamp,type,price,label,color,icon"
FOOT = 28 + 13
"""So many pixels above the lower edge of a chart its news stand."""


async def bring(http: httpx2.Client, name: str, rows: list[str], **form: str) -> dict[str, Any]:
    """Upload a file and wait until it is read."""
    head = SIGNALS if form["kind"] == "signals" else BARS
    made = http.post(
        "/datasets",
        files={"file": (f"{name}.csv", "\n".join([head, *rows, ""]).encode(), "text/csv")},
        data={"name": name, **form},
        headers={"Idempotency-Key": uuid4().hex},
    ).raise_for_status()
    found: dict[str, Any] = made.json()
    async with asyncio.timeout(PATIENCE / 1000 * 2):
        while found["state"] not in ("ready", "failed"):
            await asyncio.sleep(0.2)
            found = http.get(f"/datasets/{found['id']}").json()
    assert found["state"] == "ready", found
    return found


def own_hours(count: int) -> list[str]:
    begin = 1_600_000_000 // HOUR * HOUR
    return [
        f"{begin + HOUR * n},{100 + n % 9},{112 + n % 9},{90 + n % 9},{101 + n % 9},7" for n in range(count)
    ]


async def read_marks(page: Page, *, about: str, most: int = 3) -> Locator:
    """Walk back from the newest bar with the keys to one with marks, and have them read, until they tell
    ``about`` something: what the keys tell comes a moment after the key, and what was just chosen to be shown
    or hidden a moment after the choice."""
    card = page.get_by_role("dialog", name=re.compile("^(Mark|[0-9]+ marks) at "))
    async with asyncio.timeout(PATIENCE / 1000 * 2):
        while True:
            if await has_marks(page, most=most):
                await page.keyboard.press("Enter")
                with suppress(AssertionError):
                    await expect(card.get_by_text(about).first).to_be_visible(timeout=3_000)
                    return card
                await page.keyboard.press("Escape")
            await asyncio.sleep(0.5)


async def has_marks(page: Page, *, most: int = 3) -> bool:
    """Whether the newest bars have any, as the keys tell. They stand at the first that has."""
    await chart(page).focus()
    await page.keyboard.press("End")
    for _ in range(most):
        await asyncio.sleep(0.3)
        if await chart(page).get_by_text(re.compile("Enter reads them")).count():
            return True
        await page.keyboard.press("ArrowLeft")
    return False


async def until_marked(page: Page, wanted: bool) -> None:
    async with asyncio.timeout(PATIENCE / 1000 * 2):
        while await has_marks(page) is not wanted:
            await asyncio.sleep(0.5)


async def news_of(http: httpx2.Client) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE / 1000 * 3):
        while True:
            query = {"series": MARKET, "from": 0, "until": int(time.time()) + HOUR}
            found: list[dict[str, Any]] = http.get("/news/marks", params=query).raise_for_status().json()
            if found:
                return found
            await asyncio.sleep(0.5)


# --- news ---------------------------------------------------------------------------------------------------


async def test_a_story_stands_where_it_became_known_and_opens(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    known = (await news_of(http))[-1]
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await until_marked(page, True)
    card = await read_marks(page, about=known["title"])
    story = card.get_by_role("listitem").filter(has_text=known["title"]).first
    moment = datetime.fromtimestamp(known["time"], UTC)
    await expect(story).to_contain_text(f"Known here {moment.day} {moment:%b %Y, %H:%M} UTC")
    by = {"marketaux": "by Marketaux", "word_list": "estimated by word list", "none": "nobody gave one"}
    await expect(story).to_contain_text(by[known["basis"]])
    await expect(story).to_contain_text(known["publisher"])
    assert await violations(page) == []
    await look(page, "marks_news")
    await story.get_by_role("link", name=known["title"]).click()
    told = page.get_by_role("region", name="From the chart")
    await expect(told.get_by_role("heading", name=known["title"])).to_be_visible()
    assert await violations(page) == []
    await told.get_by_role("button", name="Close").click()
    await expect(told).to_have_count(0)
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chart of BTCUSDT")


async def test_marks_tell_of_themselves_under_a_mouse_and_a_finger(
    page: Page, phone: Page, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await news_of(http)
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await until_marked(page, True)
    at = await foot_mark(page, lambda x, y: page.mouse.move(x, y), page.get_by_role("tooltip"))
    await expect(page.get_by_role("tooltip")).to_contain_text("Known here")
    await look(page, "marks_hover")
    await page.mouse.click(*at)
    pinned = page.get_by_role("dialog", name=re.compile(" at "))
    await expect(pinned.or_(page.get_by_role("region", name="From the chart"))).to_be_visible()

    await opened(phone, "/chart/bybit/BTCUSDT?tf=1h")
    card = phone.get_by_role("dialog", name=re.compile(" at "))
    await foot_mark(phone, lambda x, y: phone.touchscreen.tap(x, y), card)
    await expect(card).to_contain_text("Known here")
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await phone.evaluate(width) <= 0
    assert await violations(phone) == []
    await look(phone, "marks_phone")
    await card.get_by_role("button", name="Close").tap()
    await expect(card).to_have_count(0)


async def foot_mark(page: Page, point: Any, shown: Locator) -> tuple[float, float]:
    """Point along the foot of the chart, from the newest bar back, until a mark there tells of itself."""
    box = await box_of(chart(page))
    y = box["y"] + box["height"] - FOOT
    for _ in range(4):
        for step in range(40):
            x = box["x"] + box["width"] - 70 - 7 * step
            await point(x, y)
            await asyncio.sleep(0.1)
            if await shown.count():
                return x, y
    raise AssertionError("no mark at the foot of the chart")


async def test_what_is_switched_off_stays_off_on_another_device(
    page: Page, browser: Browser, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await news_of(http)
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await until_marked(page, True)
    await page.get_by_role("button", name="Marks").click()
    choice = page.get_by_role("dialog", name="Marks").get_by_role("checkbox", name="News")
    await expect(choice).to_be_checked()
    assert await violations(page) == []
    await look(page, "marks_choice")
    async with answered(page, "PUT", "/charts/layouts/"):
        await choice.uncheck()
    await page.keyboard.press("Escape")
    await until_marked(page, False)
    other = await browser.new_context(
        base_url=installation.url,
        storage_state=await page.context.storage_state(),
        viewport={"width": 1280, "height": 900},
    )
    second = await other.new_page()
    await second.add_init_script(FORGET_WORKSPACE)
    await opened(second, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await second.get_by_role("button", name="Marks").click()
    await expect(
        second.get_by_role("dialog", name="Marks").get_by_role("checkbox", name="News")
    ).not_to_be_checked()
    await other.close()


# --- signals ------------------------------------------------------------------------------------------------


async def test_own_signals_stand_on_a_market_and_nobody_elses(page: Page, installation: Installation):
    now = int(time.time())
    stranger = (
        httpx2.post(f"{installation.url}/api/auth/demo", timeout=30).raise_for_status().json()["access_token"]
    )
    secret = api(installation, stranger)
    await bring(secret, "Secret", [f"{now - 60},buy,,Whispered,,"], kind="signals", series=MARKET)
    http = api(installation, await try_the_demo(page))
    rows = [f"{now - 60},buy,,Dip,#7c3aed,star", f"{now - 50},exit,,Out,,"]
    await bring(http, "Breakouts", rows, kind="signals", series=MARKET)
    await bring(http, "Noise", [f"{now - 55},info,,Hum,,"], kind="signals", series=MARKET)
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await until_marked(page, True)
    card = await read_marks(page, about="Dip")
    dip = card.get_by_role("listitem").filter(has_text="Dip")
    await expect(dip).to_contain_text("Breakouts")
    await expect(dip).to_contain_text("buy")
    await expect(card.get_by_text("Hum")).to_be_visible()
    await expect(card.get_by_text("Whispered")).to_have_count(0)
    await look(page, "marks_signals")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Marks").click()
    choices = page.get_by_role("dialog", name="Marks")
    await expect(choices.get_by_role("checkbox", name="Secret")).to_have_count(0)
    await choices.get_by_role("checkbox", name="Noise").uncheck()
    await page.keyboard.press("Escape")
    await expect(choices).to_have_count(0)
    card = await read_marks(page, about="Dip")
    await expect(card.get_by_text("Dip")).to_be_visible()
    await expect(card.get_by_text("Hum")).to_have_count(0)


# --- trades and journal -------------------------------------------------------------------------------------


async def test_own_trades_and_notes_stand_on_the_market_that_was_traded(
    page: Page, browser: Browser, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await a_position(page, http)
    fills = http.get("/fills", params={"symbol": "BTCUSDT"}).json()["items"]
    write(http, title="Dominance is cheap", series=MARKET, happened_at=fills[0]["executed_at"])
    await opened(page, "/chart/bybit/BTCUSDT?tf=5m", signed_in=True)
    await page.get_by_role("button", name="Marks").click()
    async with answered(page, "PUT", "/charts/layouts/"):
        await page.get_by_role("dialog", name="Marks").get_by_role("checkbox", name="News").uncheck()
    await page.keyboard.press("Escape")
    card = await read_marks(page, about="Dominance is cheap", most=4)
    await expect(card.get_by_text(re.compile("^Bought ")).first).to_be_visible()
    await expect(card.get_by_text("Bitcoin dominance").first).to_be_visible()
    await look(page, "marks_trades")
    await card.get_by_role("link", name="Dominance is cheap").click()
    await expect(page.get_by_role("article", name="Dominance is cheap")).to_be_visible()
    held = await browser.new_context(
        base_url=installation.url,
        storage_state=await page.context.storage_state(),
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    phone = await held.new_page()
    await opened(phone, "/chart/bybit/BTCUSDT?tf=5m")
    card = await read_marks(phone, about="Dominance is cheap", most=4)
    await expect(card.get_by_text("Dominance is cheap")).to_be_visible()
    await look(phone, "marks_trades_phone")
    await held.close()


async def test_a_trade_is_marked_as_soon_as_it_is_told(page: Page, installation: Installation):
    """Lists that say nothing of it, asked or not, keep no chart waiting."""
    trader = Trader(installation, await try_the_demo(page))
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
    nothing = {"items": [], "next_cursor": None}
    for listed in ("fills", "orders"):
        await page.route(f"**/api/{listed}?*", lambda route: route.fulfill(json=nothing))
    await opened(page, "/chart/bybit/BTCUSDT?tf=5m", signed_in=True)
    await page.get_by_role("button", name="Marks").click()
    async with answered(page, "PUT", "/charts/layouts/"):
        await page.get_by_role("dialog", name="Marks").get_by_role("checkbox", name="News").uncheck()
    await page.keyboard.press("Escape")
    async with asyncio.timeout(PATIENCE / 1000):
        while not any('"topic":"orders"' in frame for frame in frames):
            await asyncio.sleep(0.1)
    execution = await asyncio.to_thread(lambda: trader.execute(trader.preview(size="5000")))
    assert execution["state"] in ENDED, execution["reason"]
    card = await read_marks(page, about="Bitcoin dominance", most=4)
    await expect(card.get_by_text(re.compile("^Bought ")).first).to_be_visible()


# --- live and custom ----------------------------------------------------------------------------------------


async def test_custom_without_data_leads_to_it(page: Page, phone: Page, installation: Installation):
    await try_the_demo(page)
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await page.get_by_role("button", name="Custom", exact=True).click()
    await expect(page.get_by_text("Nothing of yours to chart yet")).to_be_visible()
    assert await violations(page) == []
    await look(page, "custom_empty")
    await page.get_by_role("button", name="Live", exact=True).click()
    await expect(page.get_by_text("Bybit perpetual · 1h")).to_be_visible()
    await page.get_by_role("button", name="Custom", exact=True).click()
    await page.get_by_role("link", name="Add your data").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your data")

    await opened(phone, "/chart/bybit/BTCUSDT?tf=1h")
    await phone.get_by_role("button", name="Custom", exact=True).tap()
    await expect(phone.get_by_text("Sign in and bring bars of your own")).to_be_visible()
    await look(phone, "custom_visitor_phone")


async def pan_back(page: Page, quarters: int) -> datetime:
    """Move the chart back by quarters of its width, one by one. Returns where it is then."""
    place = await place_of(page)
    for _ in range(quarters):
        await chart(page).focus()
        await page.keyboard.press("Shift+ArrowLeft")
        place, before = await place_of(page), place
        assert place < before
    return place


async def test_switching_there_and_back_loses_nobodys_place(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    own = await bring(http, "Hourly lab", own_hours(900), kind="bars")
    await opened(page, "/chart/bybit/ETHUSDT?tf=5m", signed_in=True)
    await page.get_by_role("button", name="Indicators").click()
    await page.get_by_label("Find an indicator").fill("Relative strength index")
    found = page.get_by_role("dialog").get_by_role("button", name="Relative strength index")
    await found.first.click()
    await page.get_by_role("button", name="Add to the chart").click()
    rsi = page.get_by_role("button", name=re.compile("^Relative strength index"))
    await expect(rsi).to_be_visible()
    market_place = await pan_back(page, 3)

    await page.get_by_role("button", name="Custom", exact=True).click()
    await expect(page.get_by_text("Own data · 1h")).to_be_visible()
    await expect(rsi).to_have_count(0)
    await expect(page).to_have_title("Hourly lab · Holdfast")
    await page.get_by_label("Type of chart").select_option("line")
    own_place = await pan_back(page, 2)
    assert own_place.year == 2020
    await look(page, "custom_panned")

    await page.get_by_role("button", name="Live", exact=True).click()
    await expect(page.get_by_text("Bybit perpetual · 5m")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chart of ETHUSDT")
    await expect(rsi).to_be_visible()
    await expect(page.get_by_label("Type of chart")).to_have_value("candles")
    assert abs((await place_of(page) - market_place).total_seconds()) <= 5 * 60

    await page.get_by_role("button", name="Custom", exact=True).click()
    await expect(page.get_by_text("Own data · 1h")).to_be_visible()
    await expect(page.get_by_label("Type of chart")).to_have_value("line")
    assert abs((await place_of(page) - own_place).total_seconds()) <= HOUR
    assert own["id"] in page.url


async def test_own_data_is_called_by_its_name(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    own = await bring(http, "Hourly lab", own_hours(900), kind="bars")
    await opened(page, f"/chart/own/{own['id']}?tf=1m", signed_in=True)
    await expect(page.get_by_text("Own data · 1h")).to_be_visible()
    assert page.url.endswith("tf=1h")
    await expect(page).to_have_title("Hourly lab · Holdfast")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chart of Hourly lab")
    await expect(page.get_by_role("button", name=re.compile("^Symbol Hourly lab"))).to_be_visible()
    await expect(page.get_by_role("main").get_by_text("Simulated market", exact=True)).to_have_count(0)
    await expect(page.get_by_text(re.compile(r"^\d.* old$|^Not live$"))).to_have_count(0)
    shorter = page.get_by_label("Timeframe", exact=True).locator("option[value='1m']")
    await expect(shorter).to_be_disabled()
    await expect(shorter).to_have_attribute("title", "These bars are 1 hour long: none are shorter")
    await chart(page).focus()
    await page.keyboard.press("1")
    await expect(
        page.get_by_text("These bars are 1 hour long: none are shorter.", exact=True)
    ).to_be_visible()
    await page.keyboard.press("6")
    await expect(page.get_by_text("Own data · 4h")).to_be_visible()

    await page.keyboard.press("/")
    search = page.get_by_role("dialog")
    await expect(search.get_by_role("option")).to_have_count(1)
    await expect(search.get_by_role("option")).to_contain_text("Hourly lab")
    await page.keyboard.press("Escape")
    assert own["id"] not in await page.locator("body").inner_text()
    assert await violations(page) == []
    await look(page, "own_named")

    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await expect(page.get_by_role("main").get_by_text("Simulated market", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Compare").click()
    await page.get_by_placeholder("Compare with").fill("hourly")
    await page.get_by_role("option", name=re.compile("Hourly lab")).click()
    await expect(chart(page).locator("..").get_by_text("Hourly lab").first).to_be_visible()
    assert own["id"] not in await page.locator("body").inner_text()


# --- drawings -----------------------------------------------------------------------------------------------


async def draw(page: Page) -> None:
    async with answered(page, "PUT", "/charts/drawings"):
        await page.get_by_role("button", name="Horizontal line").click()
        await chart(page).focus()
        await page.keyboard.press("Enter")


async def test_drawings_deleted_on_another_device_do_not_come_back(
    page: Page, browser: Browser, installation: Installation
):
    http = api(installation, await try_the_demo(page))
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    await draw(page)
    await draw(page)
    other = await browser.new_context(
        base_url=installation.url,
        storage_state=await page.context.storage_state(),
        viewport={"width": 1280, "height": 900},
    )
    second = await other.new_page()
    await opened(second, "/chart/bybit/BTCUSDT?tf=1h", signed_in=True)
    forget = second.get_by_role("button", name="Delete all drawings")
    await expect(forget).to_be_enabled()
    async with answered(second, "PUT", "/charts/drawings"):
        await forget.click()
    await other.close()
    before = {one["id"] for one in http.get("/charts/drawings", params={"series": MARKET}).json()["drawings"]}
    assert before == set()
    await draw(page)
    kept = http.get("/charts/drawings", params={"series": MARKET}).json()["drawings"]
    assert len(kept) == 1
    await page.get_by_role("button", name="Delete all drawings").click()
    await expect(page.get_by_role("button", name="Delete all drawings")).to_be_disabled()
