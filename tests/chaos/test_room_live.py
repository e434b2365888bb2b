"""The control room in a browser against `fasttime up` itself: its doors frozen and killed (console
checks 28 and 29).
"""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from broadcast.operators import operators
from tests.chaos.embedded import embedded
from tests.chaos.harness import System, content, running
from tests.chaos.test_up_processes import child, url_of
from tests.console.browser import SHARED
from tests.console.browser import shared_browser as browser

pytestmark = [SHARED, pytest.mark.browser]

__all__ = ["browser"]


async def watching(system: System, browser: Browser, path: str = "/room") -> Page:
    """Sign an operator in, and open a page."""
    _, token = await system.db.write(
        operators.add, name="Watcher", role="author", area=None, email=None, now=datetime.now(UTC)
    )
    context = await browser.new_context()
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(f"{url_of(system)}/room")
    await page.get_by_label("Your personal token").fill(token)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Control room", timeout=20_000)
    await page.goto(url_of(system) + path)
    return page


@pytest.mark.timeout(180)
async def test_checks_28_and_29_frozen_or_killed_doors_are_said_and_figures_marked_as_old(
    tmp_path: Path, browser: Browser
) -> None:
    system = embedded(tmp_path, rate=0, seed=11)
    async with running(system, 50):
        page = await watching(system, browser)
        line, clock = page.locator("#connection"), asyncio.get_running_loop().time
        doors = child(system, "doors")
        assert doors is not None
        await expect(line).to_have_text("", timeout=30_000)
        began = clock()
        os.kill(doors, signal.SIGSTOP)  # no error ever comes
        lost = "Connection lost. Figures are from "
        await expect(line).to_contain_text(lost, timeout=30_000)
        print(f"frozen: said after {clock() - began:.1f} s, promised 6")
        outline = "getComputedStyle(document.querySelector('.figures')).outlineStyle"
        assert await page.evaluate(outline) == "dashed"
        began = clock()
        os.kill(doors, signal.SIGCONT)
        await expect(line).to_have_text("", timeout=30_000)
        print(f"going on: back after {clock() - began:.1f} s, promised 3")
        assert await page.evaluate(outline) != "dashed"
        os.kill(doors, signal.SIGKILL)  # their parent starts others
        await system.publish(content())
        live = page.locator("section[aria-labelledby=live-now] h2")
        began = clock()
        await expect(live).to_have_text("Live (1)", timeout=60_000)  # nothing was missed
        await expect(line).to_have_text("", timeout=30_000)
        print(f"killed: what came meanwhile stood there after {clock() - began:.1f} s")
        await page.context.close()
