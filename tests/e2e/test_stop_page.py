"""The kill switch as a user meets it: in a real browser, on a desktop and on a phone."""

import re
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, expect
from tests.e2e.conftest import Complaints
from tests.e2e.installation import Installation
from tests.e2e.test_first_trade import api, try_the_demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


async def preview(page: Page, size: str = "1000") -> None:
    await page.goto("/indices/btc-d")
    await page.get_by_role("textbox", name="Size").fill(size)
    await page.get_by_role("button", name="Preview orders").click()
    await expect(page.get_by_role("table", name="Orders of this plan")).to_be_visible()


async def place(page: Page) -> None:
    await page.get_by_role("link", name=re.compile("Continue with")).click()
    await page.get_by_role("button", name=re.compile(r"Place \d+ orders")).click()
    await expect(page.get_by_text(re.compile("^Complete"))).to_be_visible()


async def resume(page: Page) -> None:
    bar = page.get_by_role("region", name="Trading is stopped")
    await bar.get_by_role("button", name="Resume").click()
    await bar.get_by_role("button", name="Press again to resume").click()
    await expect(bar).to_be_hidden()


async def test_stop_refuse_resume_open_flatten(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    bar = page.get_by_role("region", name="Trading is stopped")

    await page.keyboard.press("Shift+Escape")
    await page.get_by_role("textbox", name=re.compile("Why")).fill("Looking first")
    await page.get_by_role("button", name="Stop new orders").click()
    await expect(bar).to_contain_text("Looking first")
    await preview(page)
    await expect(page.get_by_text(re.compile("You have stopped all new trading"))).to_be_visible()
    await expect(page.get_by_role("button", name="Continue")).to_be_disabled()
    await page.goto("/settings")
    await expect(bar).to_contain_text("By you")

    await resume(page)
    await preview(page)
    await place(page)
    uid = http.get("/connections").json()[0]["venue_uid"]
    assert installation.truth(uid)["positions"] != []

    await page.get_by_role("button", name="Stop trading").click()
    await page.get_by_role("button", name=re.compile("^Stop and flatten")).click()
    await expect(page.get_by_role("list", name="Will be closed")).to_contain_text("Long Bitcoin dominance")
    await page.get_by_role("button", name="Close 1 position now").click()
    await expect(page.get_by_text("Flat", exact=True)).to_be_visible()
    assert installation.truth(uid)["positions"] == []
    await expect(bar).to_be_visible()
    await resume(page)
    assert http.get("/stops").json() == []


async def test_one_position_is_stopped_from_its_page(page: Page, installation: Installation):
    http = api(installation, await try_the_demo(page))
    await preview(page)
    await place(page)
    await page.get_by_role("link", name="View position").click()
    await page.get_by_role("button", name="Stop", exact=True).click()
    await expect(page.get_by_role("radio", name="This position")).to_be_checked()
    await page.get_by_role("button", name="Stop new orders").click()
    bar = page.get_by_role("region", name="Trading is stopped")
    await expect(bar).to_contain_text("Long Bitcoin dominance is stopped.")
    stops: list[dict[str, Any]] = http.get("/stops").json()
    assert [stop["scope"] for stop in stops] == ["position"]
    await page.goto("/indices")
    await expect(bar).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_is_at_hand_on_a_phone_however_far_one_has_scrolled(
    browser: Browser, installation: Installation, complaints: Complaints, scheme: Literal["light", "dark"]
):
    context = await browser.new_context(
        base_url=installation.url,
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    complaints.listen(page)
    await try_the_demo(page)
    await page.goto("/indices/btc-d")
    await expect(page.get_by_role("textbox", name="Size")).to_be_visible()
    await page.mouse.wheel(0, 4000)
    await page.get_by_role("button", name="Stop trading").click()
    await page.get_by_role("button", name="Stop new orders").click()
    await expect(page.get_by_role("region", name="Trading is stopped")).to_be_in_viewport()
    await context.close()
    assert complaints.said == []


async def test_without_the_api_the_command_that_still_works_is_named(page: Page, complaints: Complaints):
    await try_the_demo(page)
    await page.goto("/indices")
    await page.route("**/api/stops", lambda route: route.abort())
    await page.route("**/api/flatten", lambda route: route.abort())
    await page.get_by_role("button", name="Stop trading").click()
    await page.get_by_role("button", name="Stop new orders").click()
    await expect(page.get_by_text("holdfast stop --all")).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Stop and flatten")).click()
    await page.get_by_role("button", name="Stop now").click()
    await expect(page.get_by_text("holdfast flatten --offline")).to_be_visible()
    complaints.said[:] = [said for said in complaints.said if "ERR_FAILED" not in said]
