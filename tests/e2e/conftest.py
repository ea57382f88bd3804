"""One installation for all browser tests, and a browser that complains about everything."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from tests.e2e.installation import Installation, installed

PATIENCE = 30_000
"""Milliseconds: on a machine that is busy with other tests, what is awaited takes its time."""
expect.set_options(timeout=PATIENCE)

FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="package")
def installation() -> Iterator[Installation]:
    """It ends with these tests, because it keeps a core busy."""
    with installed() as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.fail(
            "No Chromium found. Install it with your package manager, for example: apt-get install chromium"
        )
    return found


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=flags)
        yield opened
        await opened.close()


EXPECTED = ("status of 4", "ERR_INTERNET_DISCONNECTED")
"""What a browser says of a refusal, and of a network that a test has taken away."""


class Complaints:
    """What a clean page never says: errors, uncaught exceptions, violations of the security policy."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def listen(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.said.append(f"uncaught: {error}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(each in message.text for each in EXPECTED):
            self.said.append(message.text)


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
async def context(browser: Browser, installation: Installation) -> AsyncIterator[BrowserContext]:
    opened = await browser.new_context(base_url=installation.url, viewport={"width": 1280, "height": 900})
    yield opened
    await opened.close()


@pytest.fixture
async def page(context: BrowserContext, complaints: Complaints) -> AsyncIterator[Page]:
    opened = await context.new_page()
    complaints.listen(opened)
    yield opened
    assert complaints.said == []


@pytest.fixture
async def phone(browser: Browser, installation: Installation, complaints: Complaints) -> AsyncIterator[Page]:
    """A page as a finger uses it."""
    held = await browser.new_context(
        base_url=installation.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    opened = await held.new_page()
    complaints.listen(opened)
    yield opened
    await held.close()
    assert complaints.said == []
