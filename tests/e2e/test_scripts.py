"""Scripts in the page: begun with an example, tried, kept, drawn on charts, and told where they are wrong."""

import re

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e.charting import answered, chart, look
from tests.e2e.conftest import PATIENCE
from tests.e2e.installation import Installation
from tests.e2e.test_chart_workspace import own_chart, settled
from tests.e2e.test_data_page import hours
from tests.e2e.test_first_trade import try_the_demo
from tests.e2e.test_pages import violations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PATIENTLY = 3 * PATIENCE
"""A check runs a script a dozen times, on a machine that is busy with other tests."""

MINE = """script("Mine", overlay=True)
length = input.int("Length", 5, min=2, max=50)
mean = ta.sma(bars.close, length)
plot(mean, "Mean")
marker(ta.crossover(bars.close, mean), "over", shape="up", at="below")
target(np.where(bars.close > mean, 1.0, 0.0))
"""


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Script", exact=True)


PASTE = """
(target, text) => {
  const carried = new DataTransfer()
  carried.setData('text/plain', text)
  target.dispatchEvent(new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true}))
}
"""


async def write(page: Page, source: str) -> None:
    """In place of what is there, which is typed over. Pasted, because an editor indents what is typed."""
    await editor(page).click()
    for sign in "ab":
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.type(sign)
    await expect(editor(page)).to_have_text("b")
    await page.keyboard.press("ControlOrMeta+a")
    await editor(page).evaluate(PASTE, source)


async def checked(page: Page) -> dict[str, object]:
    async with answered(page, "POST", "/api/scripts/check") as answer:
        await page.keyboard.press("ControlOrMeta+Enter")
    return answer


async def kept(page: Page, name: str, source: str) -> None:
    """A script of one's own, saved."""
    await page.goto("/scripts/new")
    await expect(page.get_by_role("status").get_by_text("Not saved yet")).to_be_visible()
    await page.get_by_role("textbox", name="Name of the script").fill(name)
    await write(page, source)
    await page.keyboard.press("ControlOrMeta+s")
    await expect(page).to_have_url(re.compile(r"/scripts/[0-9a-f-]{36}$"), timeout=PATIENTLY)
    await expect(page.get_by_text("Version 1", exact=True)).to_be_visible()


async def draw(page: Page, name: str) -> None:
    """Add a script to the chart in front."""
    await page.get_by_role("button", name="Indicators").click()
    await page.get_by_role("region", name="Your scripts").get_by_role("button", name=name).click()
    await page.get_by_role("button", name="Add to the chart").click()


async def test_a_script_grows_from_an_example_and_says_at_which_line_it_is_wrong(
    page: Page, installation: Installation
):
    await try_the_demo(page)
    await page.goto("/scripts")
    await expect(page.get_by_text("Write an indicator of your own")).to_be_visible()
    assert await violations(page) == []
    await look(page, "scripts_empty")
    await page.get_by_role("list", name="Examples").get_by_role("link").first.click()
    result = page.get_by_role("region", name="Result")
    await expect(result.get_by_text("No value was seen to come from the future.")).to_be_visible(
        timeout=PATIENTLY
    )
    await expect(editor(page)).to_contain_text("script(")
    assert await violations(page) == []
    await look(page, "scripts_example")

    await write(page, MINE.replace("mean = ta.sma(bars.close", "mean = ta.sma(bars.clos"))
    found = await checked(page)
    assert found["error"]["line"] == 3  # type: ignore[index]
    await expect(editor(page).get_by_text("bars has no 'clos'")).to_be_visible()
    await expect(result.get_by_role("alert")).to_contain_text("Line 3:")
    await look(page, "scripts_wrong_line")

    await write(page, MINE.replace("plot(mean", "plot(np.roll(mean, -1)"))
    await checked(page)
    await expect(result.get_by_role("alert")).to_contain_text("Looks into the future", timeout=PATIENTLY)
    await look(page, "scripts_look_ahead")

    await write(page, MINE)
    await checked(page)
    await expect(result.get_by_role("alert")).to_have_count(0)
    await page.keyboard.press("ControlOrMeta+s")
    await expect(page).to_have_url(re.compile(r"/scripts/[0-9a-f-]{36}$"), timeout=PATIENTLY)
    await expect(editor(page)).to_contain_text('plot(mean, "Mean")')
    assert await violations(page) == []


async def test_a_script_is_drawn_on_a_market_and_stays_there(page: Page, installation: Installation):
    await try_the_demo(page)
    await kept(page, "My mean", MINE)
    await page.goto("/chart/bybit/BTCUSDT?tf=1m")
    await expect(chart(page).first).to_be_visible()
    await draw(page, "My mean")
    mean = page.get_by_title("Mean", exact=True)
    await expect(mean).to_have_text(re.compile(r"^[\d,]+\.\d"), timeout=PATIENTLY)
    await look(page, "scripts_chart")
    async with answered(page, "PUT", "/api/charts/layouts/"):
        await page.get_by_role("button", name="My mean 5").hover()
        await page.get_by_role("button", name="Settings of My mean").click()
        await page.get_by_role("textbox", name="Length").fill("9")
        await page.get_by_role("button", name="Apply").click()
        await expect(page.get_by_role("button", name="My mean 9")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("button", name="My mean 9")).to_be_visible()
    await expect(mean).to_have_text(re.compile(r"^[\d,]+\.\d"), timeout=PATIENTLY)


async def test_a_script_reads_data_of_ones_own(page: Page, installation: Installation):
    await own_chart(page, installation, hours(60))
    at = page.url
    await kept(page, "Steps", MINE)
    await page.goto(at)
    await settled(page)
    await draw(page, "Steps")
    # The last closes are 106 to 110: steps of one each hour, which begin anew every 50 hours.
    await expect(page.get_by_title("Mean", exact=True)).to_have_text("108.00", timeout=PATIENTLY)
    await look(page, "scripts_own_data")


async def test_a_script_is_written_on_a_phone(phone: Page, installation: Installation):
    await try_the_demo(phone)
    await phone.goto("/scripts/new")
    await expect(editor(phone)).to_contain_text("script(")
    await phone.get_by_role("button", name="Check").tap()
    result = phone.get_by_role("region", name="Result")
    await expect(result.get_by_text("No value was seen to come from the future.")).to_be_visible(
        timeout=PATIENTLY
    )
    width = await phone.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert width <= 0
    assert await violations(phone) == []
    await look(phone, "scripts_phone")
    await phone.get_by_role("radio", name="Script", exact=True).tap()
    await expect(editor(phone)).to_be_visible()
