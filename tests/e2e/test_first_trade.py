"""What a new user does, in a real browser: the first trade, watched and closed."""

import re
from decimal import Decimal

import httpx2
import pytest
from playwright.async_api import Page, Route, expect
from tests.e2e.installation import Installation, from_elsewhere

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


async def try_the_demo(page: Page) -> str:
    """Returns an access token of the same user, for looking behind the page."""
    await page.route("**/api/auth/demo", _continue_from_elsewhere)
    await page.goto("/")
    async with page.expect_response("**/api/auth/demo") as answer:
        await page.get_by_role("button", name="Try the demo").first.click()
    token = (await (await answer.value).json())["access_token"]
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    return str(token)


async def _continue_from_elsewhere(route: Route) -> None:
    await route.continue_(headers=route.request.headers | from_elsewhere())


def api(installation: Installation, token: str) -> httpx2.Client:
    return httpx2.Client(
        base_url=f"{installation.url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


async def open_bitcoin_dominance(page: Page, size: str) -> None:
    await page.get_by_role("link", name="Indices").first.click()
    await page.get_by_role("link", name=re.compile("BTC.D")).first.click()
    await expect(page.get_by_role("heading", name="Trade BTC.D")).to_be_visible()
    await page.get_by_role("textbox", name="Size").fill(size)
    await page.get_by_role("button", name="Preview orders").click()
    await expect(page.get_by_role("table", name="Orders of this plan")).to_be_visible()


async def test_a_new_user_opens_watches_and_closes_bitcoin_dominance(page: Page, installation: Installation):
    token = await try_the_demo(page)
    http = api(installation, token)
    await open_bitcoin_dominance(page, "1000")
    await page.get_by_role("link", name=re.compile("Continue with")).click()
    await page.get_by_role("button", name=re.compile(r"Place \d+ orders")).click()
    await expect(page.get_by_text(re.compile("^Complete"))).to_be_visible()

    position = http.get("/positions", params={"state": "open"}).json()["items"][0]
    await page.goto(f"/positions/{position['id']}")
    shown = page.get_by_text("Profit and loss, after fees and funding").locator(
        "xpath=following-sibling::p[1]"
    )
    await expect(shown).to_contain_text("USDT")
    first = await shown.inner_text()
    await page.wait_for_function(
        "([first]) => !document.body.innerText.includes(first)", arg=[first.split("USDT")[0].strip()]
    )

    await page.get_by_role("button", name="Close position").click()
    await page.get_by_role("link", name=re.compile("Continue with")).click()
    await page.get_by_role("button", name=re.compile(r"Place \d+ orders")).click()
    await expect(page.get_by_text(re.compile("^Complete"))).to_be_visible()

    await page.goto("/activity")
    await expect(page.get_by_role("table")).to_contain_text("BTCUSDT")
    history_adds_up(http, position["id"])
    uid = http.get("/connections").json()[0]["venue_uid"]
    assert installation.truth(uid)["positions"] == []


def history_adds_up(http: httpx2.Client, position_id: str) -> None:
    """Fills, fees and funding of the history are exactly the position's profit and loss."""
    position = http.get(f"/positions/{position_id}").json()
    fills = http.get("/fills", params={"position": position_id, "limit": 200}).json()["items"]
    payments = http.get("/payments", params={"position": position_id, "limit": 200}).json()["items"]
    prices = sum(Decimal(fill["value"]) * (-1 if fill["side"] == "buy" else 1) for fill in fills)
    fees = sum(Decimal(fill["fee"]) for fill in fills)
    funding = sum(Decimal(p["amount"]) for p in payments if p["kind"] == "funding")
    assert position["state"] == "closed"
    assert Decimal(position["price_pnl"]) == prices
    assert Decimal(position["fees"]) == fees
    assert Decimal(position["funding"]) == funding
    assert Decimal(position["pnl"]) == prices - fees + funding


async def test_a_dropped_stream_is_said_and_heals_by_itself(page: Page, installation: Installation):
    await try_the_demo(page)
    await page.goto("/indices")
    await expect(page.get_by_text("BTC.D").first).to_be_visible()
    await page.wait_for_timeout(1500)
    await page.context.set_offline(True)
    await page.evaluate("window.dispatchEvent(new Event('offline'))")
    notice = page.get_by_text(re.compile("live connection dropped|No live data"))
    await expect(notice).to_be_visible()
    await page.context.set_offline(False)
    await expect(notice).to_be_hidden(timeout=60_000)


@pytest.mark.parametrize("size", ["0", "-5", "abc", "1.234", "1", "99999999999999"])
async def test_a_wrong_size_is_refused_in_words_and_nothing_typed_is_lost(page: Page, size: str):
    await try_the_demo(page)
    await page.goto("/indices/btc-d")
    field = page.get_by_role("textbox", name="Size")
    await field.fill(size)
    await page.get_by_role("button", name="Preview orders").click()
    said = page.locator("[aria-invalid=true], [role=alert]").first
    await expect(said).to_be_visible()
    await expect(field).to_have_value(size)


async def test_the_keyboard_alone_is_enough(page: Page):
    await try_the_demo(page)
    await page.goto("/indices/btc-d")
    await page.get_by_role("textbox", name="Size").focus()
    await page.keyboard.type("1000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("table", name="Orders of this plan")).to_be_visible()
    await page.get_by_role("link", name=re.compile("Continue with")).focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name=re.compile(r"Place \d+ orders")).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(re.compile("^Complete"))).to_be_visible()
