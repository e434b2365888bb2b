from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcast.replay import comparison
from subscribers.registry.importing import import_records
from tests.console.site import Site, open_site, person


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        now = datetime.now(UTC)
        hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=2):%H:%M} UTC"
        await running.db.write(import_records, [person(1, quiet_hours=hours)], "test", now)
        yield running


async def test_a_preview_counts_who_would_wait_until_their_quiet_hours_end(site: Site) -> None:
    message = await site.drafted()
    now = (await site.post(f"/api/v1/messages/{message}/preview")).json["counts"]
    assert (now["suppressed"], now["held"]) == ({"duplicate_person": 1}, 1)
    site.context.now = lambda: datetime.now(UTC) + timedelta(hours=3)
    later = (await site.post(f"/api/v1/messages/{message}/preview")).json["counts"]
    assert (later["held"], later["send"]) == (0, now["send"])
    soon = await site.drafted(expires="1h")  # over before the hours end
    site.context.now = lambda: datetime.now(UTC)
    short = (await site.post(f"/api/v1/messages/{soon}/preview")).json["counts"]
    assert (short["suppressed"], short["held"]) == ({"quiet_hours": 1}, 0)


async def test_replay_finds_nothing_different_of_people_who_wait_for_the_end_of_quiet_hours(
    site: Site,
) -> None:
    await site.live()
    assert (await site.db.read(comparison.replay)).differences == []


async def test_an_explanation_tells_the_hour_of_the_freezing_whenever_it_is_asked_for(
    site: Site,
) -> None:
    message = await site.live()
    site.context.now = lambda: datetime.now(UTC) + timedelta(hours=3)
    told = (await site.get(f"/api/v1/messages/{message}/explain/p1", role="operator")).json
    assert (told["line"], told["verdict_now"]) == ("waiting", "send")
    (step,) = [s for s in told["steps"] if s["name"] == "quiet hours"]
    assert step["passed"]
    assert "waits until" in step["detail"]
