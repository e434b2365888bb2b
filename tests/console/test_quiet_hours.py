from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from subscribers.registry import import_records
from tests.console.site import Site, open_site, person


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        now = datetime.now(UTC)
        hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M} UTC"
        await running.db.write(import_records, [person(1, quiet_hours=hours)], "test", now)
        yield running


async def test_a_preview_counts_who_is_in_their_quiet_hours_now(site: Site) -> None:
    message = await site.drafted()
    now = (await site.post(f"/api/v1/messages/{message}/preview")).json["counts"]
    assert now["suppressed"] == {"quiet_hours": 1}
    site.context.now = lambda: datetime.now(UTC) + timedelta(hours=3)
    later = (await site.post(f"/api/v1/messages/{message}/preview")).json["counts"]
    assert (later["suppressed"], later["send"]) == ({}, now["send"] + 1)


async def test_an_explanation_tells_the_hour_of_the_freezing_whenever_it_is_asked_for(
    site: Site,
) -> None:
    message = await site.live()
    site.context.now = lambda: datetime.now(UTC) + timedelta(hours=3)
    told = (await site.get(f"/api/v1/messages/{message}/explain/p1", role="operator")).json
    assert (told["line"], told["reason"], told["verdict_now"]) == (
        "not_sent",
        "quiet_hours",
        "quiet_hours",
    )
    (step,) = [s for s in told["steps"] if s["name"] == "quiet hours"]
    assert not step["passed"]
    assert step["detail"].endswith("which is within")
    assert (await site.get(f"/api/v1/messages/{message}/counts")).json["suppressed"][
        "quiet_hours"
    ] == 1
