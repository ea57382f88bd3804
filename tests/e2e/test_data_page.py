"""Your data: a file is sent, checked row by row, charted and deleted; a wrong one leaves nothing behind."""

import re
from collections.abc import Iterable

import httpx2
import pytest
from playwright.async_api import FilePayload, Locator, Page, expect
from tests.e2e.charting import answered, chart, look
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_first_trade import api, try_the_demo
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BEGIN = 1_600_000_000 // 3600 * 3600
HEAD = "timestamp,open,high,low,close,volume"
SIGNALS = "timestamp,type,price,label,color,icon"
PATIENTLY = 3 * PATIENCE


def csv(name: str, head: str, rows: Iterable[str]) -> FilePayload:
    return {"name": name, "mimeType": "text/csv", "buffer": "\n".join([head, *rows, ""]).encode()}


def hours(count: int) -> list[str]:
    return [
        f"{BEGIN + 3600 * n},{100 + n % 50},{103 + n % 50},{99 + n % 50},{101 + n % 50},{n}.5"
        for n in range(count)
    ]


async def on_data_page(page: Page, installation: Installation) -> httpx2.Client:
    http = api(installation, await try_the_demo(page))
    await page.goto("/data")
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    return http


async def upload(page: Page, file: FilePayload) -> Locator:
    """Choose the file and send it. Returns its entry in the list."""
    await page.locator("input[type=file]").set_input_files([file])
    await page.get_by_role("button", name="Upload").click()
    entry = page.get_by_role("list", name="Datasets").get_by_role(
        "listitem", name=file["name"].split(".")[0], exact=True
    )
    await expect(entry).to_be_visible(timeout=PATIENTLY)
    return entry


def nothing_is_left_of(http: httpx2.Client) -> None:
    kept = http.get("/datasets").json()
    assert kept["quota"]["rows"] == 0
    assert [one["rows"] for one in kept["datasets"]] == [0] * len(kept["datasets"])
    assert http.get("/symbols", params={"source": "own"}).json() == []


async def test_bars_are_sent_with_progress_charted_and_deleted(page: Page, installation: Installation):
    http = await on_data_page(page, installation)
    network = await page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    await network.send("Network.emulateNetworkConditions", slow)
    await page.locator("input[type=file]").set_input_files([csv("walk.csv", HEAD, hours(30_000))])
    await page.get_by_label("Name").fill("A long walk")
    await page.get_by_role("button", name="Upload").click()
    sending = page.get_by_role("progressbar", name="Sending")
    await expect(sending).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    await look(page, "data_sending")
    await network.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    entry = page.get_by_role("listitem", name="A long walk")
    await expect(entry.get_by_text("30,000", exact=True)).to_be_visible(timeout=PATIENTLY)
    await expect(entry.get_by_text("1h", exact=True)).to_be_visible()
    assert await violations(page) == []
    await look(page, "data_ready")

    await entry.get_by_role("link", name="Open in chart").click()
    bars = chart(page).get_by_role("table", name=re.compile("^Last bars of A long walk"))
    await expect(bars.get_by_role("row")).to_have_count(24)
    await expect(bars.get_by_role("cell").last).to_have_text("150")
    await expect(page.get_by_text("Own data · 1h")).to_be_visible()
    await expect(page.get_by_text(re.compile(r"^\d.* old$|^Not live$"))).to_have_count(0)
    await look(page, "data_chart")

    await page.goto("/data")
    await entry.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete “A long walk”?")
    await expect(dialog).to_contain_text("30,000 rows are deleted for good")
    async with answered(page, "DELETE", "/api/datasets/"):
        await dialog.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    nothing_is_left_of(http)


async def test_signals_find_their_market_by_name_and_are_opened_there(page: Page, installation: Installation):
    await on_data_page(page, installation)
    rows = [f"{BEGIN},buy,100.5,dip,#00aa55,arrow-up", f"{BEGIN + 60},exit,,,,"]
    await page.locator("input[type=file]").set_input_files([csv("marks.csv", SIGNALS, rows)])
    await expect(page.get_by_role("radio", name="Signals")).to_be_checked()
    await page.get_by_label("Show the signals on").fill("bybit:ETHUSDT")
    await page.get_by_role("button", name="Upload").click()
    entry = page.get_by_role("listitem", name="marks", exact=True)
    await expect(entry.get_by_role("link", name="Open in chart")).to_be_visible(timeout=PATIENTLY)
    await expect(entry).to_contain_text("bybit:ETHUSDT")
    await entry.get_by_role("link", name="Open in chart").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Chart of ETHUSDT")


async def test_wrong_rows_are_told_by_number_and_nothing_is_imported(page: Page, installation: Installation):
    http = await on_data_page(page, installation)
    rows = hours(400)
    rows[10] = rows[10].replace(",", ",minus ", 1)
    rows[20] = rows[19]
    rows[30] = f"{BEGIN + 3600 * 30},100,90,99,101,5"
    entry = await upload(page, csv("wrong.csv", HEAD, rows))
    table = entry.get_by_role("table", name="Wrong rows of wrong")
    await expect(table).to_be_visible(timeout=PATIENTLY)
    await expect(table.get_by_role("rowheader")).to_have_text(["12", "22", "32"])
    await expect(entry.get_by_text("Not imported")).to_be_visible()
    await expect(entry.get_by_role("link", name="Open in chart")).to_have_count(0)
    assert await violations(page) == []
    await look(page, "data_wrong")
    nothing_is_left_of(http)


async def test_binary_junk_and_an_empty_file_are_refused_in_words(page: Page, installation: Installation):
    http = await on_data_page(page, installation)
    junk: FilePayload = {"name": "junk.csv", "mimeType": "text/csv", "buffer": bytes(range(256)) * 200}
    entry = await upload(page, junk)
    await expect(entry.get_by_text("Not imported")).to_be_visible(timeout=PATIENTLY)
    await look(page, "data_junk")
    empty = await upload(page, csv("empty.csv", HEAD, []))
    await expect(empty.get_by_text("Not imported")).to_be_visible(timeout=PATIENTLY)
    nothing_is_left_of(http)


async def test_a_file_is_dropped_checked_and_told_on_a_phone(phone: Page, installation: Installation):
    http = await on_data_page(phone, installation)
    await (
        phone.get_by_text("Choose a file")
        .locator("..")
        .evaluate(
            """(zone, text) => {
            const carried = new DataTransfer()
            carried.items.add(new File([text], 'dropped.csv', {type: 'text/csv'}))
            zone.dispatchEvent(new DragEvent('drop', {bubbles: true, dataTransfer: carried}))
        }""",
            "\n".join([HEAD, *hours(5), f"{BEGIN},1,1,1,1,1"]),
        )
    )
    await phone.get_by_role("button", name="Upload").tap()
    entry = phone.get_by_role("listitem", name="dropped")
    await expect(entry.get_by_role("rowheader")).to_have_text(["7"], timeout=PATIENTLY)
    width = await phone.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert width <= 0
    assert await violations(phone) == []
    await look(phone, "data_phone")
    nothing_is_left_of(http)


async def test_a_file_goes_into_the_history_of_a_market_only_if_it_is_the_venues(
    page: Page, installation: Installation
):
    await on_data_page(page, installation)
    forged = [f"{BEGIN + 60 * n},1,1,1,1,1" for n in range(5)]
    await page.locator("input[type=file]").set_input_files([csv("forged.csv", HEAD, forged)])
    await page.get_by_text("Market history", exact=True).click()
    await page.get_by_role("combobox", name="Market").fill("binance:BTCUSDT")
    await page.get_by_role("button", name="Upload").click()
    entry = page.get_by_role("list", name="Market history").get_by_role("listitem", name="forged.csv")
    await expect(entry.get_by_text("is not what the venue tells")).to_be_visible(timeout=PATIENTLY)
    assert await violations(page) == []
    await entry.get_by_role("button", name="Remove").click()
    await expect(entry).to_be_hidden()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
