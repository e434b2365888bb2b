"""People of whom only an area is known, and a drawn shape: who is told, who is perhaps inside, and
how the author includes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shapely import box

from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from subscribers.registry.importing import import_records
from tests.console.site import WESTMINSTER, Site, open_site, person

CORNER = ["51.50,-0.155 0.3"]  # a circle on the border of two wards
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
URGENT: dict[str, Any] = {"severity": "Extreme", "urgency": "Immediate", "certainty": "Observed"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Two wards of Westminster with twelve people each, fourteen known by the borough alone, one
    resident at a place of their own in the circle.
    """
    async with open_site(tmp_path) as running:
        wards = [
            AreaRecord(
                code=f"E0500000{n}",
                level="ward",
                name=f"Ward {n}",
                parent=WESTMINSTER,
                geometry=box(west, 51.48, west + 0.045, 51.52),
            )
            for n, west in ((1, -0.2), (2, -0.155))
        ]
        await running.db.write(store_areas, wards, NOW)
        somewhere: dict[str, Any] = {"lat": None, "lon": None}
        people = [
            *(person(n, area="E05000001", **somewhere) for n in range(101, 113)),
            *(person(n, area="E05000002", **somewhere) for n in range(113, 125)),
            *(person(n, area=WESTMINSTER, **somewhere) for n in range(125, 139)),
            person(139, lat=51.50, lon=-0.155),
        ]
        await running.db.write(import_records, people, "test", NOW)
        yield running


async def seen(site: Site, **changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the numbers of a draft with the circle, and its warnings by their code."""
    given = {"areas": [], "circles": CORNER, "channels": ["sms"]} | changes
    message = await site.drafted(**given)
    answer = await site.post(f"/api/v1/messages/{message}/preview")
    assert answer.status == 200, answer.json
    warned = {each["code"]: each["detail"] for each in answer.json["warnings"]}
    return answer.json["counts"], warned


async def test_what_is_urgent_tells_every_ward_that_the_shape_reaches_into(site: Site) -> None:
    counts, warned = await seen(site, **URGENT)
    assert counts["send"] == 12 + 12 + 1
    assert counts["perhaps"] == 14  # a small circle covers less than a tenth of the borough
    assert "14 people may be inside" in warned["perhaps_inside"]


async def test_routine_goes_by_the_middle_of_the_area_and_the_others_are_perhaps(
    site: Site,
) -> None:
    counts, _ = await seen(site)
    assert counts["send"] == 1 + 14  # the middle of the borough is there
    assert counts["perhaps"] == 12 + 12
    counts, _ = await seen(site, circles=["51.50,-0.1775 0.4"])  # the middle of the first ward
    assert counts["send"] == 12


async def test_the_author_may_include_them_and_that_is_what_is_approved_and_sent(
    site: Site,
) -> None:
    counts, warned = await seen(site, **URGENT, include_perhaps=True)
    assert counts["send"] == 12 + 12 + 14 + 1
    assert counts["perhaps"] == 0
    assert "perhaps_inside" not in warned
    given = {"areas": [], "circles": CORNER, "channels": ["sms", "web"], **URGENT}
    for include, wanted in ((True, 39), (False, 25)):
        message = await site.live(**given, include_perhaps=include)
        told = await site.get(f"/api/v1/messages/{message}/counts", role="operator")
        assert told.json["people"]["waiting"] == wanted
        v = await site.version(message)
        assert v.content.include_perhaps is include
        document = (await site.get(f"/cap/{v.identifier}.xml", role=None)).body
        assert (b"include-perhaps" in document) is include


async def test_the_choice_is_in_the_digest_and_an_update_keeps_it(site: Site) -> None:
    given = {"areas": [], "circles": CORNER, "channels": ["sms"], **URGENT}
    _, without = await site.submitted(**given)
    message, included = await site.submitted(**given, include_perhaps=True)
    assert without != included
    await site.approve(message, included)
    await site.release(message)
    update = {"status": "Actual", "languages": {"en": {"headline": "More of it"}}}
    answer = await site.post(f"/api/v1/messages/{message}/correct", update | {"note": "wrong"})
    assert answer.status in (200, 201), answer.json
    assert (await site.version(message)).content.include_perhaps is True


async def test_explain_says_that_the_shape_touches_the_area(site: Site) -> None:
    message = await site.live(areas=[], circles=CORNER, channels=["sms"], **URGENT)
    for who, addressed, words in (
        ("p101", True, "one of the areas addressed"),
        ("p125", False, "the shape touches it"),
    ):
        answer = await site.get(f"/api/v1/messages/{message}/explain/{who}", role="administrator")
        assert answer.status == 200, answer.json
        steps = {step["name"]: step for step in answer.json["steps"]}
        assert words in steps["area"]["detail"]
        assert steps["area"]["passed"] is addressed
