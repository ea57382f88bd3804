"""News: listed with mood and whose mood it is, filtered by coin and mood, and plain words where there is
little to show."""

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.async_api import Locator, Page, Route, expect
from tests.e2e.charting import look
from tests.e2e.installation import Installation
from tests.e2e.test_pages import violations
from tests.e2e.trader import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

NEWS = re.compile(r"/api/news(\?|$)")
MOODS = {"Positive": "positive", "Neutral": "neutral", "Negative": "negative", "No mood": "unknown"}
WORDS = {mood: word for word, mood in MOODS.items()}
BASES = {
    "marketaux": "by Marketaux",
    "word_list": "estimated by word list",
    "none": "nobody gave one",
}


def news_of(installation: Installation, **query: str) -> list[dict[str, Any]]:
    answer = httpx2.get(f"{installation.url}/api/news", params={"limit": 30, **query}, timeout=30)
    items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
    return items


def known_news(installation: Installation) -> list[dict[str, Any]]:
    return eventually(lambda: news_of(installation), what="the first news")


def lines(page: Page) -> Locator:
    return page.get_by_role("list", name="News", exact=True).locator("> li")


def coin_field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Coin")


async def only_lines_with(page: Page, words: str) -> None:
    """At least one, and no other."""
    await expect(lines(page).filter(has_text=words).first).to_be_visible()
    await expect(lines(page).filter(has_not_text=words)).to_have_count(0)


async def opened(page: Page, path: str = "/news") -> None:
    await page.goto(path)
    await expect(page.get_by_role("heading", level=1)).to_have_text("News")


async def answering(page: Page, change: Callable[[dict[str, Any]], None]) -> None:
    """From now on the server's answers arrive with this change."""

    async def pass_on(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        change(body)
        await route.fulfill(response=answer, json=body)

    await page.route(NEWS, pass_on)


async def test_news_are_listed_with_their_mood_and_who_says_so(page: Page, installation: Installation):
    known_news(installation)
    await opened(page)
    await expect(lines(page).first).to_be_visible()
    shown = {each["url"]: each for each in news_of(installation)}
    told = 0
    for line in await lines(page).all():
        news = shown.get(str(await line.get_by_role("link").first.get_attribute("href")))
        if news is None:
            continue
        told += 1
        await expect(line).to_contain_text(BASES[news["basis"]])
        await expect(line).to_contain_text(WORDS[news["mood"]])
        await expect(line.get_by_role("link").first).to_have_attribute(
            "rel", re.compile("noopener noreferrer")
        )
    assert told
    await expect(page.get_by_role("link", name="Marketaux")).to_be_visible()
    assert await violations(page) == []
    await look(page, "news")


async def test_news_are_filtered_by_coin_and_mood_and_the_address_says_how(
    page: Page, installation: Installation
):
    named = [each for each in known_news(installation) if each["mentions"]]
    coin = named[0]["mentions"][0]["ticker"]
    await opened(page)
    chip = page.get_by_role("list", name="Coins named").get_by_role("link", name=re.compile(f"^{coin}\\b"))
    await chip.first.click()
    await expect(page).to_have_url(re.compile(f"symbol={coin}$"))
    await expect(coin_field(page)).to_have_value(coin)
    await only_lines_with(page, coin)

    await page.get_by_role("button", name="Clear filters").click()
    for word, mood in MOODS.items():
        await page.get_by_label("Mood").select_option(word)
        await expect(page).to_have_url(re.compile(f"mood={mood}$"))
        if news_of(installation, mood=mood):
            await only_lines_with(page, word)
        else:
            await expect(page.get_by_text("Nothing fits")).to_be_visible()
    await look(page, "news_mood")
    await page.reload()
    await expect(page.get_by_label("Mood")).to_have_value("unknown")


async def test_a_coin_nobody_knows_and_filters_that_nothing_fits_are_said(
    page: Page, installation: Installation
):
    known_news(installation)
    await opened(page)
    await coin_field(page).fill("NOSUCHCOIN")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("NOSUCHCOIN")
    await look(page, "news_unknown_coin")
    await answering(page, lambda body: body.update(items=[], next_before=None))
    await coin_field(page).fill("BTC")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nothing fits")).to_be_visible()
    await page.unroute(NEWS)
    await page.get_by_role("button", name="Show all news").click()
    await expect(lines(page).first).to_be_visible()
    await expect(page).to_have_url(re.compile("/news$"))


async def test_an_estimate_of_our_own_says_so_on_a_phone(phone: Page, installation: Installation):
    known_news(installation)

    def estimated(body: dict[str, Any]) -> None:
        body["items"][0] |= {"basis": "word_list", "mood": "negative", "sentiment": -0.5}
        body["feed"] |= {"state": "unreachable", "detail": "It is asked again in a minute."}

    await answering(phone, estimated)
    await opened(phone)
    first = lines(phone).first
    await expect(first).to_contain_text("Negative")
    await expect(first).to_contain_text("estimated by word list")
    await expect(phone.get_by_role("note")).to_contain_text("The source does not answer.")
    width = await phone.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert width <= 0
    assert await violations(phone) == []
    await look(phone, "news_phone")


async def test_a_failure_is_said_and_tried_again_and_no_news_are_no_failure(
    page: Page, installation: Installation
):
    known_news(installation)
    refused = '{"status": 422, "title": "No", "detail": "The shelf is empty.", "advice": "Wait."}'

    async def refuse(route: Route) -> None:
        await route.fulfill(status=422, content_type="application/problem+json", body=refused)

    await page.route(NEWS, refuse)
    await opened(page)
    await expect(page.get_by_role("alert")).to_contain_text("The shelf is empty.")
    await look(page, "news_failed")
    await page.unroute(NEWS)
    await answering(page, empty)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("No news yet")).to_be_visible()
    assert await violations(page) == []
    await look(page, "news_none")


def empty(body: dict[str, Any]) -> None:
    body |= {"items": [], "next_before": None}
    body["feed"] |= {"state": "waiting", "detail": ""}
