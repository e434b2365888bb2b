"""Debian's chromium, for the tests of pages and for the gallery."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright


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
