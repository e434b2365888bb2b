"""Debian's chromium, for the tests of pages and for the gallery; and somebody signed in there."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright, expect

DESK = {"width": 1200, "height": 800}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run the browser until the block ends."""
    program = shutil.which("chromium")
    assert program, "Debian's chromium is not installed: apt-get install chromium, or make test"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox"],  # the tests may run as root, and see our own pages only
        )
        yield running
        await running.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser for one test."""
    async with chromium() as running:
        yield running


SHARED = pytest.mark.asyncio(loop_scope="session")
"""The mark of a module whose tests take turns with one browser: `from tests.console.browser import
SHARED, shared_browser as browser`. Its own asynchronous fixtures have the same `loop_scope`.
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_browser() -> AsyncIterator[Browser]:
    """The browser of this process: starting one takes two seconds."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def shared_browser(one_browser: Browser) -> AsyncIterator[Browser]:
    """That browser, without a profile of an earlier test."""
    yield one_browser
    for context in one_browser.contexts:
        await context.close()


async def signed_in(browser: Browser, url: str, token: str, **more: Any) -> Page:
    """Open a browser profile of its own, sign somebody in by keyboard, return the first page."""
    context = await browser.new_context(**{"viewport": DESK, **more})
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(f"{url}/room")
    await page.get_by_label("Your personal token").focus()
    await page.keyboard.type(token)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Control room", timeout=20_000)
    return page


def streams_of(context: BrowserContext) -> set[str]:
    """Return the event streams of a browser profile that are open, as they open and close."""
    found: dict[Request, str] = {}
    streams: set[str] = set()

    def opened(request: Request) -> None:
        if "/events" in request.url:
            found[request] = f"{len(found)} {request.url}"
            streams.add(found[request])
            # of a page that is closed no end of its requests is told
            request.frame.page.once("close", lambda _page: ended(request))

    def ended(request: Request) -> None:
        streams.discard(found.get(request, ""))

    context.on("request", opened)
    context.on("requestfinished", ended)
    context.on("requestfailed", ended)
    return streams


async def settled(streams: set[str], n: int, seconds: float = 15) -> None:
    """Wait until exactly n streams are open, and stay so."""
    async with asyncio.timeout(seconds):
        while len(streams) != n:
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert len(streams) == n, streams
