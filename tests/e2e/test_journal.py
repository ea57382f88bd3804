"""The journal: a note on a real position, its figures from the ledger, a picture, a note from the chart."""

import base64
import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Browser, Page, expect
from tests.e2e.conftest import Complaints
from tests.e2e.installation import Installation
from tests.e2e.test_chart import chart, opened
from tests.e2e.test_first_trade import api, open_bitcoin_dominance, try_the_demo
from tests.e2e.test_pages import violations
from tests.journal.pictures import SECRET, talking_png

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

PASTE = """
([encoded]) => {
  const bytes = Uint8Array.from(atob(encoded), (sign) => sign.charCodeAt(0))
  const data = new DataTransfer()
  data.items.add(new File([bytes], 'pasted.png', { type: 'image/png' }))
  window.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true }))
}
"""


async def a_position(page: Page, http: httpx2.Client) -> str:
    await open_bitcoin_dominance(page, "1000")
    await page.get_by_role("link", name=re.compile("Continue with")).click()
    await page.get_by_role("button", name=re.compile(r"Place \d+ orders")).click()
    await expect(page.get_by_text(re.compile("^Complete"))).to_be_visible()
    return str(http.get("/positions").json()["items"][0]["id"])


def write(http: httpx2.Client, **entry: Any) -> dict[str, Any]:
    body = {"title": "A note", "happened_at": "2026-03-02T10:00:00Z"} | entry
    made = http.post("/journal/entries", json=body, headers={"Idempotency-Key": uuid4().hex})
    found: dict[str, Any] = made.raise_for_status().json()
    return found


def by_hand(exit_price: str, day: int) -> dict[str, str]:
    return {
        "kind": "hand", "direction": "long", "quantity": "2", "entry_price": "100",
        "entry_at": f"2026-03-0{day}T09:00:00Z", "exit_price": exit_price,
        "exit_at": f"2026-03-0{day}T15:00:00Z",
    }  # fmt: skip


async def saved(page: Page, title: str) -> None:
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()


async def fits(page: Page) -> None:
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(wide) <= 0


async def test_a_note_on_a_position_is_filled_in_from_the_ledger(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    position = await a_position(page, http)
    await page.goto(f"/positions/{position}")
    await page.get_by_role("link", name="Write a note").click()
    form = page.get_by_role("form", name="New entry")
    await expect(form.get_by_label("Position", exact=True)).to_have_value(position)
    await expect(form.get_by_text("From the ledger")).to_be_visible()
    await form.get_by_role("textbox", name="Title").fill("Dominance is cheap")
    await form.get_by_role("textbox", name="Text").fill("Because <b>nobody</b> wants it.\nSecond line.")
    await form.get_by_role("combobox", name="Tags").fill("#Plan, Mean Reversion")
    await form.get_by_role("combobox", name="Mood").select_option("calm")
    await page.evaluate(PASTE, [base64.b64encode(talking_png()).decode()])
    await expect(form.get_by_role("button", name="Take picture 1 away")).to_be_visible()
    assert await violations(page) == []
    await saved(page, "Dominance is cheap")
    assert await violations(page) == []

    entry = http.get("/journal/entries").json()["items"][0]
    shown = http.get(f"/positions/{position}").json()
    assert (entry["trade"]["position_id"], entry["tags"]) == (position, ["mean reversion", "plan"])
    assert Decimal(entry["trade"]["fees"]) == Decimal(shown["fees"])
    assert len(entry["trade"]["legs"]) == len(shown["legs"])
    kept = http.get(f"/journal/images/{entry['images'][0]['id']}")
    assert (kept.headers["content-type"], SECRET in kept.content) == ("image/png", False)
    await page.get_by_role("button", name="Enlarge picture 1").click()
    picture = page.get_by_role("img", name="Picture of Dominance is cheap")
    await expect(picture).to_have_js_property("naturalWidth", 3)
    assert await violations(page) == []
    await page.keyboard.press("Escape")

    await page.get_by_role("button", name="Delete Dominance is cheap").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("article", name="Dominance is cheap")).to_be_visible()
    assert await violations(page) == []


async def test_a_draft_outlives_a_refusal_and_a_reload(page: Page):
    await try_the_demo(page)
    await page.goto("/journal?new=1")
    form = page.get_by_role("form", name="New entry")
    await form.get_by_role("textbox", name="Title").fill("Kept")
    await form.get_by_role("combobox", name="Market").fill("nonsense")
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_role("alert")).to_contain_text("series")
    await page.reload()
    await expect(form.get_by_role("textbox", name="Title")).to_have_value("Kept")
    await form.get_by_role("combobox", name="Market").fill("bybit:BTCUSDT")
    await saved(page, "Kept")


async def test_a_chart_begins_a_note_and_marks_it(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h")
    box = await chart(page).bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, button="right")
    await page.get_by_role("menuitem", name="Write a note…").click()
    form = page.get_by_role("form", name="New entry")
    await expect(form.get_by_role("combobox", name="Market")).to_have_value("bybit:BTCUSDT")
    await form.get_by_role("textbox", name="Title").fill("Seen on the chart")
    await saved(page, "Seen on the chart")
    span = {"series": "bybit:BTCUSDT", "from": 0, "until": 4_000_000_000}
    (mark,) = http.get("/journal/marks", params=span).json()
    assert mark["time"] % 3600 == 0, "the bar that was pointed at"
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h")
    await chart(page).focus()
    await page.keyboard.press("Alt+KeyN")
    await expect(form.get_by_role("combobox", name="Market")).to_have_value("bybit:BTCUSDT")


async def test_figures_and_export(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    for exit_price, day, tag in (("150", 1, "plan"), ("90", 2, "fomo"), ("120", 3, "plan")):
        write(http, trade=by_hand(exit_price, day), tags=[tag], series="binance:SOLUSDT")
    await page.goto("/journal?show=figures")
    table = page.get_by_role("table", name="Figures by tag")
    await expect(table.get_by_role("row", name=re.compile("^plan 2 100%"))).to_be_visible()
    await expect(page.get_by_role("region", name=re.compile("^Running total of results"))).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("radio", name="Weekday").click()
    await expect(page.get_by_role("table", name="Figures by weekday")).to_be_visible()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="CSV").click()
    path = await (await downloading.value).path()
    assert path.read_text().startswith('"Simulated market')


async def test_it_fits_a_phone(browser: Browser, installation: Installation, complaints: Complaints):
    context = await browser.new_context(
        base_url=installation.url,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
    )
    page = await context.new_page()
    complaints.listen(page)
    http = api(installation, await try_the_demo(page))
    write(http, title="x" * 160, tags=["y" * 40], trade=by_hand("90", 2), text="z" * 400)
    for path, ready in (
        ("/journal", page.get_by_role("article")),
        ("/journal?show=figures", page.get_by_role("table", name="Figures by tag")),
        ("/journal?new=1", page.get_by_role("form", name="New entry")),
    ):
        await page.goto(path)
        await expect(ready).to_be_visible()
        await fits(page)
        assert await violations(page) == [], path
    await page.get_by_role("radio", name="By hand").click()
    await expect(page.get_by_role("textbox", name="Entry price")).to_be_visible()
    await fits(page)
    await context.close()
    assert complaints.said == []
