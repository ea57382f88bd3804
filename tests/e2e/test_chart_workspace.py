"""What one does with a chart: looks, scales, comparisons, indicators, drawings, replay, layouts, pictures.

Most of it on bars of one's own: they stand still, so that what is seen changes only by what was done."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.charting import (
    CANVASES,
    MOMENT,
    answered,
    box_of,
    chart,
    differing,
    differing_canvases,
    drag,
    look,
    moment_in,
    opened,
    picture_of,
    place_of,
)
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_data_page import BEGIN, HEAD, hours
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_pages import violations
from tests.e2e.trader import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RASTER = 100
"""So many pixels of a dotted line may differ where the same chart was painted twice."""


async def own_chart(page: Page, installation: Installation, rows: list[str]) -> tuple[httpx2.Client, str]:
    """Open a chart of these bars; its picture is settled. Returns a door for looking behind it."""
    http = api(installation, await try_the_demo(page))
    made = http.post(
        "/datasets",
        data={"kind": "bars", "name": "Steps"},
        files={"file": ("steps.csv", "\n".join([HEAD, *rows, ""]).encode(), "text/csv")},
        headers={"Idempotency-Key": uuid4().hex},
    )
    dataset = f"/datasets/{made.raise_for_status().json()['id']}"
    ready = eventually(lambda: is_ready(http.get(dataset).json()), what="the upload")
    await page.mouse.move(0, 0)  # a pointer that rests over a chart points at a bar
    await opened(page, f"/chart/{ready['series'].replace(':', '/')}?tf=1h", signed_in=True)
    await settled(page)
    return http, ready["series"]


def is_ready(dataset: dict[str, Any]) -> dict[str, Any] | None:
    assert dataset["state"] != "failed", dataset["error"]
    return dataset if dataset["state"] == "ready" else None


async def settled(page: Page) -> str:
    """The picture, once three looks in a row find the same."""
    looks: list[str] = []
    async with asyncio.timeout(2 * PATIENCE / 1000):
        while len(looks) < 3 or len(set(looks[-3:])) > 1:
            looks.append(await page.evaluate(CANVASES))
            await asyncio.sleep(0.3)
    return looks[-1]


async def changed(page: Page, before: str) -> str:
    async with asyncio.timeout(2 * PATIENCE / 1000):
        while before == (now := await settled(page)):
            await asyncio.sleep(0.2)
    return now


async def back_again(page: Page, picture: str) -> None:
    async with asyncio.timeout(2 * PATIENCE / 1000):
        while await differing_canvases(page, picture, await settled(page)) > RASTER:
            await asyncio.sleep(0.2)


def legend(page: Page, words: str) -> Locator:
    return page.get_by_text(words).locator("..")


async def test_every_look_of_a_chart_and_every_scale_is_another_picture(
    page: Page, installation: Installation
):
    await own_chart(page, installation, hours(300))
    kind, scale = page.get_by_label("Type of chart"), page.get_by_label("Price scale")
    first = await settled(page)
    seen = [first]
    for look_of_it in ("Heikin-Ashi", "Bars", "Line", "Area"):
        await kind.select_option(look_of_it)
        seen.append(await changed(page, seen[-1]))
    await kind.select_option("Candles")
    await changed(page, seen[-1])
    for way in ("Logarithmic", "Percent"):
        await scale.select_option(way)
        seen.append(await changed(page, seen[-1]))
    await look(page, "workspace_percent")
    await scale.select_option("Linear")
    await back_again(page, first)
    await page.get_by_role("button", name="Volume").click()
    seen.append(await changed(page, first))
    assert len(set(seen)) == len(seen)

    await kind.select_option("Area")
    await page.reload()
    await expect(kind).to_have_value("area")
    await expect(page.get_by_role("button", name="Volume")).to_have_attribute("aria-pressed", "false")


async def test_other_markets_and_indices_are_compared_in_percent(page: Page):
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h")
    for typed, name in (("ethusdt", "ETHUSDT"), ("btc.d", "BTC.D")):
        await page.get_by_role("button", name="Compare").click()
        search = page.get_by_role("dialog", name="Compare with")
        await search.get_by_placeholder("Compare with").fill(typed)
        await expect(search.get_by_role("option").first).to_contain_text(name)
        await page.keyboard.press("Enter")
        line = page.get_by_role("button", name=re.compile(f"^{re.escape(name)} ")).locator("..")
        await expect(line).to_contain_text("%")
    await expect(page.get_by_label("Price scale")).to_have_value("percent")
    await look(page, "workspace_compare")
    for name in ("ETHUSDT", "BTC.D"):
        await page.get_by_role("button", name=f"Remove {name}").click()
    await expect(page.get_by_label("Price scale")).to_have_value("linear")


async def test_indicators_are_added_changed_hidden_and_removed(page: Page, installation: Installation):
    await own_chart(page, installation, hours(300))
    bare, canvases = await settled(page), await page.locator("canvas").count()
    for name in ("Exponential moving average", "Relative strength index"):
        await page.get_by_role("button", name="Indicators").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Find an indicator").fill(name)
        await dialog.get_by_role("button", name=name).first.click()
        await dialog.get_by_role("button", name="Add to the chart").click()
        line = page.get_by_role("button", name=re.compile(f"^{name}")).locator("..")
        await expect(line.locator("span[title]").first).to_have_text(re.compile(r"\d"))
    with_both = await changed(page, bare)
    assert await page.locator("canvas").count() > canvases, "the second has a pane of its own"
    average = page.get_by_role("button", name=re.compile("^Exponential moving average"))
    before = await average.inner_text()

    await average.hover()
    await page.get_by_role("button", name="Settings of Exponential moving average").click()
    dialog = page.get_by_role("dialog")
    length = dialog.get_by_label("Length")
    await length.fill("0")
    await dialog.get_by_role("button", name="Apply").click()
    await expect(dialog.get_by_text("At least")).to_be_visible()
    await length.fill("77")
    await dialog.get_by_role("button", name="Apply").click()
    await expect(average).not_to_have_text(before)
    await expect(average).to_contain_text("77")
    await changed(page, with_both)
    await look(page, "workspace_indicators")
    assert await violations(page) == []

    await average.hover()
    await page.get_by_role("button", name="Hide Exponential moving average").click()
    await expect(page.get_by_role("button", name="Show Exponential moving average")).to_be_visible()
    for name in ("Exponential moving average", "Relative strength index"):
        await page.get_by_role("button", name=re.compile(f"^{name}")).hover()
        await page.get_by_role("button", name=f"Remove {name}").click()
        await expect(page.get_by_role("button", name=f"Remove {name}")).to_have_count(0)
    await expect(page.locator("canvas")).to_have_count(canvases)


async def test_drawings_are_made_moved_undone_and_kept(page: Page, installation: Installation):
    http, series = await own_chart(page, installation, hours(300))

    def kept() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = http.get("/charts/drawings", params={"series": series}).json()[
            "drawings"
        ]
        return found

    box = await box_of(chart(page))
    x, y = box["x"] + 200, box["y"] + 200
    async with answered(page, "PUT", "/charts/drawings"):
        await page.get_by_role("button", name="Trend line").click()
        await page.mouse.click(x, y)
        await page.mouse.click(x + 300, y + 100)
    (drawn,) = kept()
    async with answered(page, "PUT", "/charts/drawings"):
        await drag(page, (x + 150, y + 50), (x + 210, y + 110))
    (moved,) = kept()
    assert moved["id"] == drawn["id"]
    assert all(new["time"] > old["time"] for new, old in zip(moved["anchors"], drawn["anchors"], strict=True))
    await expect(page.get_by_role("toolbar", name="Trend line")).to_be_visible()
    await look(page, "workspace_drawing")
    for key, left in (("Control+z", [drawn]), ("Control+z", []), ("Control+Shift+z", [drawn])):
        async with answered(page, "PUT", "/charts/drawings"):
            await page.keyboard.press(key)
        assert [each["anchors"] for each in kept()] == [each["anchors"] for each in left]

    tools = ("Ray", "Horizontal line", "Rectangle", "Fibonacci", "Text", "Measure")
    for tool in tools:
        async with answered(page, "PUT", "/charts/drawings"):
            await (
                page.get_by_role("toolbar", name="Drawing")
                .get_by_role("button", name=re.compile(f"^{tool}"))
                .click()
            )
            await chart(page).focus()
            await page.keyboard.press("Enter")
    assert len(kept()) == 1 + len(tools)
    await page.mouse.move(5, 5)
    before = await settled(page)
    await look(page, "workspace_drawings")
    await page.reload()
    await expect(page.get_by_role("button", name="Delete all drawings")).to_be_enabled()
    assert before != await settled(page), "what was selected is not selected any more"
    async with answered(page, "PUT", "/charts/drawings"):
        await page.get_by_role("button", name="Delete all drawings").click()
    assert kept() == []


async def test_every_tool_is_placed_by_a_mouse_coloured_worded_and_deleted(
    page: Page, installation: Installation
):
    http, series = await own_chart(page, installation, hours(300))
    box = await box_of(chart(page))
    x, y = box["x"] + 300, box["y"] + 400

    def kept() -> dict[str, dict[str, Any]]:
        found = http.get("/charts/drawings", params={"series": series}).json()["drawings"]
        return {each["tool"]: each for each in found}

    tools = page.get_by_role("toolbar", name="Drawing")
    for name, tool, anchors in (
        ("Ray", "ray", 2),
        ("Horizontal line", "horizontal", 1),
        ("Rectangle", "rectangle", 2),
        ("Fibonacci retracement", "fibonacci", 2),
        ("Measure", "measure", 2),
        ("Text", "text", 1),
    ):
        await tools.get_by_role("button", name=name, exact=True).click()
        await page.mouse.click(x, y)
        if anchors == 2:
            await page.mouse.click(x + 210, y - 70)
        await expect(page.get_by_role("toolbar", name=name, exact=True)).to_be_visible()
        drawn = eventually(lambda tool=tool: kept().get(tool), what=f"the {name}")["anchors"]
        assert len(drawn) == anchors
        if anchors == 2:
            assert drawn[1]["time"] - drawn[0]["time"] > 10 * 3600
            assert drawn[1]["price"] > drawn[0]["price"]

    bar = page.get_by_role("toolbar", name="Text", exact=True)
    await bar.get_by_role("button", name="Colour 3").click()
    await bar.get_by_label("Text of the drawing").fill("Breakout")
    await page.keyboard.press("Enter")
    await expect(bar.get_by_role("button", name="Colour 3")).to_have_attribute("aria-pressed", "true")
    text = eventually(lambda: worded(kept()["text"]), what="the words")
    assert text["colour"] == 3
    await look(page, "workspace_tools")

    await chart(page).focus()
    await page.keyboard.press("Shift+ArrowRight")
    moved = eventually(lambda: elsewhere(kept()["text"], text), what="the move")
    assert moved["anchors"][0]["time"] - text["anchors"][0]["time"] == 10 * 3600
    await page.keyboard.press("Delete")
    await expect(bar).to_have_count(0)
    eventually(lambda: "text" not in kept(), what="the deletion")

    before = set(kept())
    tool = tools.get_by_role("button", name="Trend line")
    await tool.click()
    await expect(tool).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Escape")
    await expect(tool).to_have_attribute("aria-pressed", "false")
    await page.mouse.click(x - 200, y - 250)
    await page.mouse.click(x - 100, y - 250)
    await tools.get_by_role("button", name="Text", exact=True).click()
    await page.mouse.click(x, y)
    eventually(lambda: "text" in kept(), what="what was drawn next")
    assert set(kept()) == before | {"text"}


def worded(drawing: dict[str, Any]) -> dict[str, Any] | None:
    return drawing if drawing["text"] == "Breakout" else None


def elsewhere(drawing: dict[str, Any], before: dict[str, Any]) -> dict[str, Any] | None:
    return drawing if drawing["anchors"] != before["anchors"] else None


async def test_a_replay_goes_bar_by_bar_to_the_end_and_back_to_now(page: Page, installation: Installation):
    await own_chart(page, installation, hours(300))
    line = legend(page, "Own data · 1h")
    await expect(line).not_to_have_text(MOMENT)
    await expect(page.get_by_role("button", name="Go to the newest bar")).to_have_count(0)
    now = await line.inner_text()
    await page.get_by_role("button", name="Replay").click()
    bar = page.get_by_role("toolbar", name="Replay")
    await expect(line.get_by_text("Replay")).to_be_visible()
    began = await line.inner_text()
    assert began != now
    await look(page, "workspace_replay")
    seen = [began]
    for _ in range(3):
        await bar.get_by_role("button", name="One bar on").click()
        await expect(line).not_to_have_text(seen[-1], use_inner_text=True)
        seen.append(await line.inner_text())
    assert all(one != other for one, other in pairwise(seen))
    for expected in seen[-2::-1]:
        await bar.get_by_role("button", name="One bar back").click()
        await expect(line).to_have_text(expected, use_inner_text=True)
    await bar.get_by_label("Speed").select_option("20 a second")
    await bar.get_by_role("button", name="Play", exact=True).click()
    await expect(bar.get_by_text("This was the last bar.")).to_be_visible(timeout=2 * PATIENCE)
    await bar.get_by_role("button", name="Leave replay").click()
    await expect(bar).to_have_count(0)
    await expect(line).to_have_text(now, use_inner_text=True)


async def test_four_charts_share_the_crosshair_and_are_there_again(page: Page):
    await opened(page, "/chart/bybit/BTCUSDT?tf=1h")
    layout = page.get_by_label("Layout")
    await layout.select_option("4 charts")
    await expect(chart(page)).to_have_count(4)
    legends = page.get_by_text("Bybit perpetual · 1h").locator("..")
    await expect(legends).to_have_count(4)
    box = await box_of(chart(page).first)
    for step in range(60):  # bars that come meanwhile move under a pointer that rests
        await page.mouse.move(box["x"] + 150 + step, box["y"] + 150)
        await expect(legends.filter(has_text=MOMENT)).to_have_count(4)
        moments = {found[0] for text in await legends.all_inner_texts() if (found := MOMENT.search(text))}
        if len(moments) == 1:
            break
    assert len(moments) == 1
    await look(page, "workspace_four")

    await chart(page).nth(3).click()
    await page.keyboard.press("/")
    search = page.get_by_role("dialog", name="Find a market")
    await search.get_by_placeholder("Find a market").fill("solusdt")
    await expect(search.get_by_role("option").first).to_contain_text("SOLUSDT")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chart of SOLUSDT")
    await page.reload()
    await expect(chart(page)).to_have_count(4)
    await expect(chart(page).nth(3)).to_have_accessible_name(re.compile("SOLUSDT"))
    assert await violations(page) == []
    await layout.select_option("1 chart")
    await expect(chart(page)).to_have_count(1)
    await expect(chart(page)).to_have_accessible_name(re.compile("SOLUSDT"))


async def test_a_chart_fills_the_screen_and_becomes_a_picture(page: Page):
    await opened(page, "/chart/binance/ETHUSDT?tf=4h")
    small = await box_of(chart(page))
    await page.keyboard.press("f")
    await expect(page.get_by_role("button", name="Leave full screen")).to_be_visible()
    await look(page, "workspace_full")
    assert (await box_of(chart(page)))["height"] > small["height"]
    name, _ = await picture_of(page)
    assert name == "ETHUSDT-4h.png"
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Full screen", exact=True)).to_be_visible()


async def test_a_picture_carries_the_bars_what_is_drawn_and_what_is_added(
    page: Page, installation: Installation
):
    await own_chart(page, installation, hours(300))
    _, bars = await picture_of(page)
    _, again = await picture_of(page)
    assert await differing(page, bars, again) == 0

    before = await settled(page)
    async with answered(page, "PUT", "/charts/drawings"):
        await page.get_by_role("button", name="Horizontal line").click()
        await chart(page).focus()
        await page.keyboard.press("Enter")
    await changed(page, before)
    _, drawn = await picture_of(page)
    width = (await box_of(chart(page)))["width"]
    assert width / 2 < await differing(page, bars, drawn) < 20 * width, "a line from edge to edge, no more"

    before = await settled(page)
    await page.get_by_label("Type of chart").select_option("Line")
    await changed(page, before)
    _, other = await picture_of(page)
    assert await differing(page, drawn, other) > 20 * width, "candles are not a line"


async def test_gaps_are_named_with_their_reason_and_can_be_shown(page: Page, installation: Installation):
    rows = hours(400)
    await own_chart(page, installation, rows[:150] + rows[200:])
    gaps = page.get_by_text("1 gap", exact=True)
    await expect(gaps).to_be_visible()
    await gaps.click()
    await look(page, "workspace_gap")
    newest = await place_of(page)
    await page.get_by_role("button", name="Show", exact=True).click()
    async with asyncio.timeout(2 * PATIENCE / 1000):
        while (edge := await place_of(page)) == newest:
            pass
    after = datetime.fromtimestamp(BEGIN, UTC) + timedelta(hours=200)
    assert after < edge < newest, "the gap is in the middle, what came after it on the right"


async def test_a_finger_adds_draws_and_turns_between_charts_on_a_phone(
    phone: Page, installation: Installation
):
    await own_chart(phone, installation, hours(300))
    await phone.get_by_role("button", name="Indicators").tap()
    dialog = phone.get_by_role("dialog")
    await dialog.get_by_label("Find an indicator").fill("Bollinger")
    await dialog.get_by_role("button", name=re.compile("Bollinger")).first.tap()
    await dialog.get_by_role("button", name="Add to the chart").tap()
    added = phone.get_by_role("button", name=re.compile("^Bollinger"))
    await expect(added).to_be_visible()
    await added.tap()
    await expect(phone.get_by_role("button", name=re.compile("^Remove Bollinger"))).to_be_visible()
    box = await box_of(chart(phone))
    async with answered(phone, "PUT", "/charts/drawings"):
        await phone.get_by_label("Draw", exact=True).select_option("Horizontal line")
        await phone.touchscreen.tap(box["x"] + 120, box["y"] + 300)
    await look(phone, "workspace_phone")
    await phone.get_by_label("Layout").select_option("2 charts")
    shown = phone.get_by_label("Chart shown")
    await expect(chart(phone)).to_have_count(1)
    await shown.select_option("1")
    await expect(shown).to_have_value("1")
    await expect(phone.get_by_role("button", name=re.compile("^Bollinger"))).to_have_count(0)
    await shown.select_option("0")
    await expect(phone.get_by_role("button", name=re.compile("^Bollinger"))).to_be_visible()
    assert await violations(phone) == []
    width = await phone.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert width <= 0


async def test_keys_go_on_from_their_bar_when_older_ones_have_come(page: Page, installation: Installation):
    await own_chart(page, installation, hours(4_000))
    await chart(page).focus()
    await page.keyboard.press("End")
    await page.keyboard.press("ArrowLeft")
    before = await said(page)
    async with page.expect_response(re.compile("/api/candles/")):
        for _ in range(130):
            await page.keyboard.press("Shift+ArrowLeft")
    await settled(page)
    await page.keyboard.press("ArrowRight")
    assert await said(page) - before == timedelta(hours=1)


async def said(page: Page) -> datetime:
    """The moment of the bar that the keys stand at."""
    return moment_in(await chart(page).locator("p[aria-live]").inner_text())
