"""Fixtures of the residents' tests: an installation that is reached without TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.browser import browser
from tests.console.site import Site, open_site
from tests.console.visitor import HERE
from tests.residents.journey import Box

__all__ = ["browser"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(
        tmp_path, FASTTIME_PUBLIC_URL=HERE, FASTTIME_TWILIO_API_BASE="http://127.0.0.1:9"
    ) as running:
        yield running


@pytest.fixture
def box(site: Site) -> Box:
    return Box(site)
