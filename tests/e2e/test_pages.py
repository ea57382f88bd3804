"""Every page, on desktop and phone, light and dark: clean, accessible, honest about the simulation."""

import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect
from tests.e2e.conftest import Complaints
from tests.e2e.installation import ROOT, Installation
from tests.e2e.test_first_trade import api, open_bitcoin_dominance, try_the_demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
AT_REST = """() => {
    const ends = document.getAnimations()
        .filter(each => each.effect?.getComputedTiming().endTime !== Infinity)
        .map(each => each.finished.catch(() => null))
    const late = new Promise(resolve => setTimeout(resolve, 3000))
    return Promise.race([Promise.all(ends), late]).then(() => null)
}"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PUBLIC = (
    "/",
    "/sign-in",
    "/sign-up",
    "/indices",
    "/indices/btc-d",
    "/indices/top-10",
    "/chart/bybit/BTCUSDT",
    "/news",
    "/licences",
    "/going-live",
    "/nowhere",
)
PRIVATE = (
    "/",
    "/indices/eth-btc",
    "/positions",
    "/activity",
    "/data",
    "/scripts",
    "/scripts/new",
    "/backtests",
    "/backtests/new",
    "/strategies",
    "/strategies/new",
    "/connections",
    "/connections/new",
    "/settings",
    "/settings/risk",
    "/incidents",
    "/incidents?state=all",
    "/journal",
    "/journal?new=1",
)
VIEWS: list[tuple[int, Literal["light", "dark"]]] = [
    (1280, "light"),
    (1280, "dark"),
    (390, "light"),
    (390, "dark"),
]


async def violations(page: Page) -> list[str]:
    """What axe finds that is serious or critical, a line each, once no colour changes any more."""
    await page.evaluate(AT_REST)
    await page.evaluate(Path(AXE).read_text())
    result: dict[str, Any] = await page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        RULES,
    )
    return [
        f"{found['id']}: {node['html'][:160]}"
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


async def pages_of_a_trade(page: Page, installation: Installation, token: str) -> list[str]:
    """Trade once, and stop: every page that tells of it."""
    await open_bitcoin_dominance(page, "1000")
    plan = page.url.removeprefix(installation.url)
    await page.get_by_role("radio", name="TWAP").click()
    await expect(page.get_by_role("textbox", name="Slices")).to_be_visible()
    assert await violations(page) == [], "preview with options"
    await page.get_by_role("radio", name="Limit").click()
    await page.get_by_role("link", name=re.compile("Continue with")).click()
    await page.get_by_role("button", name=re.compile(r"Place \d+ orders")).click()
    await expect(page.get_by_text(re.compile("^Complete"))).to_be_visible()
    execution = page.url.removeprefix(installation.url)
    with api(installation, token) as http:
        position = http.get("/positions").json()["items"][0]["id"]
        body = {"kind": "rebalance", "position_id": position}
        rebalance = http.post("/previews", json=body).raise_for_status().json()["id"]
        wish = {"scope": "position", "position_id": position}
        flatten = http.post("/flatten", json=wish, headers={"Idempotency-Key": f"flatten-{position}"})
        order = http.get("/orders").json()["items"][0]["id"]
        return [
            plan,
            execution,
            f"{execution}/trace",
            f"/plans/{rebalance}",
            f"/flatten/{flatten.raise_for_status().json()['id']}",
            f"/positions/{position}",
            f"/activity/orders/{order}",
        ]


async def the_stop_dialog_is_clean(page: Page) -> None:
    await page.keyboard.press("Shift+Escape")
    await expect(page.get_by_role("dialog", name="Stop trading")).to_be_visible()
    await page.wait_for_timeout(300)
    assert await violations(page) == [], "the stop dialog"
    await page.get_by_role("button", name=re.compile("^Stop and flatten")).click()
    await page.wait_for_timeout(300)
    assert await violations(page) == [], "the flatten dialog"
    await page.keyboard.press("Escape")


async def settled(page: Page, path: str) -> None:
    await page.goto(path)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.wait_for_timeout(900)


async def check(page: Page, path: str, width: int) -> None:
    await settled(page, path)
    await expect(page.get_by_role("region", name="Simulated market")).to_be_visible()
    assert await violations(page) == [], path
    overflow = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0, f"{path} is {overflow} px too wide at {width} px"
    if path.startswith(("/indices/", "/chart/")):
        link = page.get_by_role("link", name="TradingView Lightweight Charts")
        await expect(link).to_have_attribute("href", "https://www.tradingview.com/")


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
async def test_every_page_is_clean(
    browser: Browser,
    installation: Installation,
    complaints: Complaints,
    width: int,
    scheme: Literal["light", "dark"],
):
    context = await browser.new_context(
        base_url=installation.url,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    complaints.listen(page)
    for path in PUBLIC:
        await check(page, path, width)
    token = await try_the_demo(page)
    await expect(page.get_by_role("link", name="Positions").first).to_be_visible()
    for path in PRIVATE:
        await check(page, path, width)
    await the_stop_dialog_is_clean(page)
    for path in await pages_of_a_trade(page, installation, token):
        await check(page, path, width)
    await context.close()
    assert complaints.said == []


async def test_it_can_be_used_at_320_pixels(browser: Browser, installation: Installation):
    context = await browser.new_context(base_url=installation.url, viewport={"width": 320, "height": 640})
    page = await context.new_page()
    for path in ("/", "/indices", "/indices/btc-d", "/sign-in"):
        await settled(page, path)
        overflow = await page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, path
    await context.close()
