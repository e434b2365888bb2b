"""Requests that schemathesis generates: a few hundred every day, 100,000 by make test-security."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.console.site import Site, open_site
from tests.security.fuzz import Told, fuzz

EVERY_DAY = 300


async def turn(site: Site) -> None:
    while True:
        site.turned = site.context.now()
        await asyncio.sleep(1)


async def run(folder: Path, cases: int) -> Told:
    async with open_site(folder) as site:
        for n in range(6):
            await (site.drafted if n % 3 == 0 else site.submitted if n % 3 == 1 else site.live)()
        # there is no engine here, and /readyz asks for one
        turning = asyncio.create_task(turn(site))
        try:
            return await asyncio.to_thread(
                fuzz, site.app.openapi(), site.url, site.tokens, cases=cases
            )
        finally:
            turning.cancel()


async def test_generated_requests_get_no_5xx_and_only_declared_answers(
    tmp_path: Path,
) -> None:
    told = await run(tmp_path, EVERY_DAY)
    assert told.cases >= EVERY_DAY * 0.7
    assert sum(told.accepted.values()) > 10, told.lines()
    assert told.accepted["POST /api/v1/messages"] > 0  # drafts are read, not only refused
    assert told.faults == {}, "\n".join(told.lines())


@pytest.mark.security
async def test_100_000_generated_requests_get_no_5xx(tmp_path: Path) -> None:
    wanted, began = int(os.environ.get("SECURITY_CASES", "100000")), time.monotonic()
    told = await run(tmp_path, wanted)
    print(f"\ngenerated requests, {time.monotonic() - began:,.0f} s:", *told.lines(), sep="\n  ")
    assert told.faults == {}
