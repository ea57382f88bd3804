"""What somebody who looks at a chart sees of trouble: that it is told, that it heals by itself, and that
afterwards every closed bar is on the screen once, as the store and the venue have it."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import psutil
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.e2e.charting import chart, look, opened
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation, installed
from tests.e2e.test_first_trade import try_the_demo

from holdfast.market.candles.columns import decode

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CHART = "/chart/binance/BTCUSDT?tf=1m"
Bar = tuple[Decimal, Decimal, Decimal, Decimal]
MINUTE = 60
WALKED = 20
"""So many bars are read from the screen, the newest."""
LONG = 4 * PATIENCE
ADDED = ("Relative strength index", "ETHUSDT")
"""What is on the chart besides its bars."""
VALUES = re.compile(r"/api/(indicators/[^/]+/values|candles/binance/ETHUSDT)\?")


@pytest.fixture(scope="module")
def own() -> Iterator[Installation]:
    """Whose processes may be killed: nobody else uses it."""
    with installed() as running:
        yield running


@pytest.fixture
async def watched(browser: Browser, own: Installation) -> AsyncIterator[Page]:
    """A chart that is live, with an indicator and a compared series, and is never loaded again. What breaks
    off meanwhile may be complained of."""
    context = await browser.new_context(base_url=own.url, viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await try_the_demo(page)
    await opened(page, CHART, signed_in=True)
    await add_indicator(page)
    await add_compared(page)
    await page.mouse.move(0, 0)  # over the chart, it would hold the legend at one bar
    await moves(page)
    await page.evaluate("window.stillThere = true")
    yield page
    own.fault()
    await context.close()


async def add_indicator(page: Page) -> None:
    name = ADDED[0]
    await page.get_by_role("button", name="Indicators").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Find an indicator").fill(name)
    await dialog.get_by_role("button", name=name).first.click()
    await dialog.get_by_role("button", name="Add to the chart").click()
    await expect(dialog).to_have_count(0)


async def add_compared(page: Page) -> None:
    await page.get_by_role("button", name="Compare").click()
    search = page.get_by_role("dialog", name="Compare with")
    await search.get_by_placeholder("Compare with").fill("ethusdt")
    await search.get_by_role("option").filter(has_text="Binance spot").first.click()
    await expect(search).to_have_count(0)


def added(page: Page, name: str) -> Locator:
    """Its line of the legend."""
    return page.get_by_role("button", name=re.compile(f"^{name} ")).locator("..")


def legend(page: Page) -> Locator:
    return page.get_by_text("Binance spot · 1m").locator("..")


def age(page: Page) -> Locator:
    return legend(page).get_by_text(re.compile(r"^\d.* old$|^Not live$"))


def stream_bar(page: Page) -> Locator:
    return page.get_by_text(re.compile("live connection dropped|No live data"))


async def moves(page: Page) -> None:
    """Prices come in again, more than once, nothing is called old, and what was added goes along."""
    await expect(stream_bar(page)).to_be_hidden(timeout=LONG)
    await expect(age(page)).to_have_count(0, timeout=LONG)
    await expect(lost(page)).to_have_count(0, timeout=LONG)
    for line in (*[legend(page)] * 3, *(added(page, name) for name in ADDED)):
        before = await line.inner_text()
        await expect(line).not_to_have_text(before, timeout=LONG, use_inner_text=True)


def lost(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^No (new )?(values|bars); try again$"))


async def until_minute_after(moment: float) -> None:
    end = moment // MINUTE * MINUTE + MINUTE + 5
    while (left := end - datetime.now(UTC).timestamp()) > 0:
        await asyncio.sleep(min(left, 1))


async def test_a_chart_outlives_killed_processes_and_broken_streams(watched: Page, own: Installation):
    await watched.route(VALUES, lambda route: route.abort())
    await expect(lost(watched)).to_have_count(len(ADDED))
    await look(watched, "fault_no_values")
    await watched.unroute(VALUES)
    await moves(watched)

    await kill(own, "feed")
    await moves(watched)

    await kill(own, "api")
    await expect(stream_bar(watched)).to_be_visible()
    await look(watched, "fault_api_killed")
    await moves(watched)

    for process in redis_of(own):
        process.kill()
    await moves(watched)

    own.fault({"where": "binance.stream.*", "kind": "half_open"})
    await expect(age(watched)).to_be_visible(timeout=LONG)
    late = await watched.context.new_page()
    await opened(late, CHART, signed_in=True)
    await expect(age(late)).to_be_visible()
    await late.close()
    await look(watched, "fault_half_open")
    await until_minute_after(datetime.now(UTC).timestamp())
    own.fault()
    await moves(watched)

    own.fault({"where": "binance.stream.*", "kind": "drop_request", "count": 1})
    await moves(watched)
    await on_screen_is_what_was_traded(watched, own)


async def kill(own: Installation, role: str) -> None:
    """Returns when another process is in its place."""
    before = {process.pid for process in own.processes(role)}
    own.kill(role)
    async with asyncio.timeout(LONG / 1000):
        while not {process.pid for process in own.processes(role)} - before:
            await asyncio.sleep(0.1)


def redis_of(own: Installation) -> list[psutil.Process]:
    found = [each for each in psutil.Process(own.process.pid).children(recursive=True) if is_redis(each)]
    assert found
    return found


def is_redis(process: psutil.Process) -> bool:
    command = " ".join(process.cmdline()[:1])
    return "redis-server" in command or "valkey-server" in command


async def on_screen_is_what_was_traded(page: Page, own: Installation) -> None:
    """The newest bars, read one by one with the keys, are each minute's once; all but the forming one are
    the store's and the venue's own."""
    shown = await walked(page)
    times = [time for time, _ in shown]
    assert times == [times[0] - MINUTE * place for place in range(len(times))]
    stored, traded = bars_of_the_store(own), bars_of_the_venue(own)
    for time, bar in shown[1:]:
        assert bar == stored[time] == traded[time], datetime.fromtimestamp(time, UTC)
    assert await page.evaluate("window.stillThere")


async def walked(page: Page) -> list[tuple[int, Bar]]:
    """From the newest bar back, as a screen reader says it."""
    said = chart(page).locator("p[aria-live=polite]")
    await chart(page).focus()
    await page.keyboard.press("End")
    found: list[tuple[int, Bar]] = []
    before = ""
    for _ in range(WALKED):
        await expect(said).not_to_have_text(before)
        before = await said.inner_text()
        found.append(bar_of(before))
        await page.keyboard.press("ArrowLeft")
    return found


def bar_of(words: str) -> tuple[int, Bar]:
    """From "21 Nov 2026, 21:30: open 1,234.5, high …, low …, close …"."""
    moment, prices = words.split(": open ")
    opening = datetime.strptime(moment, "%d %b %Y, %H:%M").replace(tzinfo=UTC)
    numbers = [Decimal(each.replace(",", "")) for each in re.findall(r"[\d,]+\.\d+", prices)]
    return int(opening.timestamp()), bar(*numbers)


def bar(*prices: Decimal | float | str) -> Bar:
    first, high, low, close = (Decimal(str(price)).quantize(Decimal("0.01")) for price in prices)
    return first, high, low, close


def bars_of_the_store(own: Installation) -> dict[int, Bar]:
    query = {"timeframe": "1m", "limit": 3 * WALKED}
    answer = httpx2.get(f"{own.url}/api/candles/binance/BTCUSDT", params=query, timeout=30)
    _, found = decode(answer.raise_for_status().content)
    rows = zip(*(found[name].tolist() for name in ("time", "open", "high", "low", "close")), strict=True)
    return {int(time): bar(*prices) for time, *prices in rows}


def bars_of_the_venue(own: Installation) -> dict[int, Bar]:
    query = {"symbol": "BTCUSDT", "interval": "1m", "limit": 3 * WALKED}
    url = own.sim.replace("/_sim", "/binance/api/v3/klines")
    rows = httpx2.get(url, params=query, timeout=30).raise_for_status().json()
    return {row[0] // 1000: bar(*row[1:5]) for row in rows}
