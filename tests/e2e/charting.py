"""Working on a chart as somebody at the screen does, and reading from it what that person would."""

import asyncio
import base64
import math
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, FloatRect, Locator, Page, Response, expect
from tests.e2e.conftest import PATIENCE

REACH = 28
"""So many pixels a line may have moved since it was set, because the prices went on."""

FORGET_WORKSPACE = """
for (const key of Object.keys(localStorage))
  if (key.startsWith("holdfast.workspace")) localStorage.removeItem(key)
"""
"""A script that leaves a page nothing but what the account has of its charts."""


MOMENT = re.compile(r"\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d")
"""As the page writes it. September has four letters there."""


def moment_in(words: str) -> datetime:
    found = MOMENT.search(words)
    assert found, words
    return datetime.strptime(found[0].replace("Sept", "Sep"), "%d %b %Y, %H:%M").replace(tzinfo=UTC)


def chart(page: Page) -> Locator:
    return page.get_by_role("region", name=re.compile("^Chart of "))


async def opened(page: Page, path: str, *, signed_in: bool = False) -> None:
    """Open a chart and wait until it stands still: bars, and the rail that pushes it aside."""
    await page.goto(path)
    bars = chart(page).first.get_by_role("table", name=re.compile("^Last bars of "))
    await expect(bars).to_be_attached()
    if signed_in:
        await expect(page.get_by_role("link", name="Positions").first).to_be_visible()


async def box_of(found: Locator) -> FloatRect:
    box = await found.bounding_box()
    assert box is not None
    return box


@asynccontextmanager
async def answered(page: Page, method: str, path: str) -> AsyncIterator[dict[str, Any]]:
    """Waits for a request that is answered well; the mapping holds its body afterwards."""
    body: dict[str, Any] = {}

    def wanted(answer: Response) -> bool:
        return answer.request.method == method and path in answer.url and answer.ok

    async with page.expect_response(wanted) as answer:
        yield body
    found = await answer.value
    if found.status != 204:
        body.update(await found.json())


async def take_line(page: Page, x: float, y: float, bar: str) -> float:
    """Press about where a line was set until its toolbar says that it is selected. Returns its height."""
    selected = page.get_by_role("toolbar", name=bar, exact=True)
    for pause in (0.1, 0.5, 2.0):
        for away in sorted(range(-REACH, REACH + 1, 4), key=abs):
            await page.mouse.click(x, y + away)
            await asyncio.sleep(pause)
            if await selected.count():
                return y + away
    raise AssertionError(f"no line within {REACH} px of {y}")


async def drag(page: Page, at: tuple[float, float], to: tuple[float, float]) -> None:
    await page.mouse.move(*at)
    await page.mouse.down()
    await page.mouse.move(*to, steps=6)
    await page.mouse.up()


async def hold(touch: CDPSession, x: float, y: float, *, seconds: float = 1.0) -> None:
    """A finger that rests."""
    await touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    await asyncio.sleep(seconds)
    await touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def place_of(page: Page) -> datetime:
    """The bar that the keys step to first tells where the chart is in time; read until it stands still."""
    said = chart(page).locator("p[aria-live]")
    before = None
    async with asyncio.timeout(PATIENCE / 1000 * 2):
        while True:
            await page.get_by_role("button", name="Marks").focus()
            await asyncio.sleep(0.5)
            await chart(page).focus()
            await page.keyboard.press("ArrowLeft")
            await asyncio.sleep(0.5)
            words = await said.inner_text()
            if words and words == before:
                return moment_in(words)
            before = words


async def picture_of(page: Page) -> tuple[str, bytes]:
    """Save the chart as an image. Returns the name of the file and what is in it."""
    async with page.expect_download() as picture:
        await page.get_by_role("button", name="Save as image").click()
    saved = await picture.value
    content = (await saved.path()).read_bytes()
    assert content.startswith(b"\x89PNG")
    return saved.suggested_filename, content


CANVASES = "() => [...document.querySelectorAll('canvas')].map(one => one.toDataURL()).join('\\n')"
"""What a page's charts look like: a data address for each canvas."""

IMAGE_FOOT = 48
"""So many pixels at the foot of an image tell when it was made; on a phone in two lines."""

DIFFERING = """
async ([pictures, foot]) => {
  const [one, other] = await Promise.all(pictures.map(async picture => {
    const bytes = Uint8Array.from(atob(picture), each => each.charCodeAt(0))
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    const context = canvas.getContext('2d')
    context.drawImage(bitmap, 0, 0)
    return new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height - foot).data.buffer)
  }))
  if (one.length !== other.length) return Infinity
  return one.reduce((sum, pixel, index) => sum + (pixel !== other[index] ? 1 : 0), 0)
}
"""


async def differing(page: Page, one: bytes, other: bytes) -> int:
    """In how many pixels two images of a chart differ, besides what they say of their time."""
    pictures = [base64.b64encode(each).decode() for each in (one, other)]
    count = await _differing(page, pictures, foot=IMAGE_FOOT)
    assert count < math.inf, "pictures of different sizes"
    return int(count)


async def differing_canvases(page: Page, one: str, other: str) -> float:
    """In how many pixels two pictures differ that ``CANVASES`` took; infinitely many where sizes do."""
    before, after = one.split(), other.split()
    if len(before) != len(after):
        return math.inf
    pairs = [[each.partition(",")[2] for each in pair] for pair in zip(before, after, strict=True)]
    return sum([await _differing(page, pair, foot=0) for pair in pairs])


async def _differing(page: Page, pictures: list[str], *, foot: int) -> float:
    count: float = await page.evaluate(DIFFERING, [pictures, foot])
    return count


async def look(page: Page, name: str) -> None:
    """Keep a picture where HOLDFAST_SHOTS says, for people who want to see what the tests saw."""
    if folder := os.environ.get("HOLDFAST_SHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")
