"""Where a shape was drawn, no number tells of fewer than ten people: not by itself, not as a part,
and not by subtraction.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broadcast.content.model import Circle, Content, Text
from broadcast.messages import small_counts
from broadcast.messages.small_counts import FEW, HIDDEN, cells
from subscribers.registry.importing import import_records
from tests.console.site import Site, open_site, person

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SIZES = st.sampled_from([0, 0, 1, 2, 5, 9, 10, 11, 12, 20, 300])


@given(st.lists(SIZES, min_size=1, max_size=4))
@example([10, 9, 9])
@example([10, 10, 9])
@example([1, 10, 10])
@example([10, 20, 1])
def test_no_small_part_is_shown_and_none_can_be_worked_out(sizes: list[int]) -> None:
    group = {f"part {n}": size for n, size in enumerate(sizes)}
    total = sum(sizes)
    shown = cells(group, total)
    assert all(n in (FEW, HIDDEN) or n == group[name] for name, n in shown.items())
    assert not [n for n in shown.values() if isinstance(n, int) and 0 < n < 10]
    assert all(shown[name] == 0 for name, n in group.items() if n == 0)
    if total >= 10:
        hidden = [name for name, n in shown.items() if n == HIDDEN]
        left = total - sum(n for n in shown.values() if isinstance(n, int))
        assert left == sum(group[name] for name in hidden)
        assert not hidden or (len(hidden) >= 2 and left >= 10)
        for name in hidden:
            assert group[name] >= 10 or another_size(group, name, hidden, total), (group, name)


def another_size(group: dict[str, int], name: str, hidden: list[str], total: int) -> bool:
    """Return whether a small hidden part could be of another size, and everything shown be the
    same.
    """
    shown, others = cells(group, total), [other for other in hidden if other != name]
    left = sum(group[each] for each in hidden)
    for size in range(1, 12):
        for sizes in itertools.product(range(1, 12), repeat=len(others) - 1):
            last = left - size - sum(sizes)
            for at in range(len(others) if last > 0 and size != group[name] else 0):
                parts = [*sizes[:at], last, *sizes[at:]]
                if (
                    cells({**group, name: size, **dict(zip(others, parts, strict=True))}, total)
                    == shown
                ):
                    return True
    return False


@given(SIZES, SIZES, SIZES, SIZES)
@example(9, 9, 10, 0)
def test_the_whole_is_hidden_where_it_gives_a_part_away(
    sms: int, voice: int, stopped: int, erased: int
) -> None:
    send, rest = sms + voice, stopped + erased
    counts = {
        "addressed": send + rest,
        "send": send,
        "channels": {"sms": sms, "voice": voice},
        "languages": {"en": send},
        "kinds": {"resident": sms, "officer": voice},
        "suppressed": {"stopped": stopped, "erased": erased},
    }
    told = small_counts.preview(counts, CONTENT)
    numbers = [
        told["addressed"],
        told["send"],
        *(
            n
            for name in ("channels", "languages", "kinds", "suppressed")
            for n in told[name].values()
        ),
    ]
    assert not [n for n in numbers if isinstance(n, int) and 0 < n < 10]
    if isinstance(told["addressed"], int) and isinstance(told["send"], int):
        assert not 0 < told["addressed"] - told["send"] < 10
    assert small_counts.preview(counts, PLAIN) == counts


def a_content(**place: Any) -> Content:
    text = Text(headline="Road closed")
    how: dict[str, Any] = {"urgency": "Expected", "severity": "Minor", "certainty": "Likely"}
    return Content(
        kind="incident",
        status="Actual",
        **how,
        expires=timedelta(hours=4),
        languages={"en": text},
        **place,
    )


PLAIN, CONTENT = (
    a_content(),
    a_content(circles=(Circle(latitude=51.5, longitude=-0.14, radius_km=1),)),
)


@pytest.mark.parametrize(
    ("send", "inboxes", "shown"),
    [
        (40, 0, 0),
        (40, 20, 20),
        (40, 40, 40),
        (40, 3, small_counts.FEW),
        (40, 35, small_counts.HIDDEN),  # five people behind their own numbers
        (6, 6, small_counts.FEW),
    ],
)
def test_inboxes_that_pass_it_on_tell_of_no_few_people_beside_them(
    send: int, inboxes: int, shown: int | str
) -> None:
    nothing: dict[str, dict[str, int]] = {
        name: {} for name in ("channels", "languages", "kinds", "suppressed")
    }
    counts = {"addressed": send, "send": send, "passes_on": inboxes, **nothing}
    assert small_counts.preview(counts, CONTENT)["passes_on"] == shown
    assert small_counts.preview(counts, PLAIN)["passes_on"] == inboxes


def small_numbers(told: Any, path: str = "") -> list[str]:
    """Return where an answer holds a number from 1 to 9 that can be one of people."""
    if isinstance(told, dict):
        return [
            found
            for key, value in told.items()
            if key not in NO_PEOPLE
            for found in small_numbers(value, f"{path}/{key}")
        ]
    if isinstance(told, list):
        return [
            found for n, value in enumerate(told) for found in small_numbers(value, f"{path}/{n}")
        ]
    return [path] if isinstance(told, int) and not isinstance(told, bool) and 0 < told < 10 else []


NO_PEOPLE = (
    *("id", "version", "versions", "message", "content", "margin", "ordered_by", "warnings"),
    "segments",  # the parts of a text
)
FEW_HERE = ["51.55,-0.14 0.5"]
MANY_HERE = ["51.5,-0.14 0.5"]


@pytest.mark.parametrize("status", ["Actual", "Test"])
@pytest.mark.parametrize("place", [FEW_HERE, MANY_HERE], ids=["few", "many and few voices"])
async def test_no_route_tells_of_fewer_than_ten_people(
    tmp_path: Path, status: str, place: list[str]
) -> None:
    async with open_site(tmp_path) as site:
        message = await site.drafted(areas=None, circles=place, status=status)
        previewed = (await site.post(f"/api/v1/messages/{message}/preview")).json
        submitted = (await site.post(f"/api/v1/messages/{message}/submit")).json
        told: list[Any] = [
            previewed,
            submitted,
            (await site.get("/api/v1/messages")).json,
            (await site.get(f"/api/v1/messages/{message}")).json,
        ]
        assert (previewed["people"] == FEW) == (place == FEW_HERE)
        await site.approve(message, submitted["content_hash"])
        await site.release(message)
        claimed = await site.claimed(status=status)
        told.append(await one_event(site, "counts"))
        await site.done(claimed, "failed")
        told += [
            (await site.get(f"/api/v1/messages/{message}{path}")).json for path in ("", "/counts")
        ]
        told.append(
            (await site.get(f"/api/v1/messages/{message}/deliveries?limit=1", role="auditor")).json[
                "addressed"
            ]
        )
        ordered = await site.post(
            f"/api/v1/messages/{message}/resend", {"only": ["failed"]}, role="operator"
        )
        assert ordered.status == 200, ordered.body
        told += [ordered.json["resend"], (await site.get("/api/v1/resends")).json]
        told.append(await one_event(site, "counts"))
        assert [small_numbers(each) for each in told] == [[]] * len(told)


async def one_event(site: Site, name: str) -> Any:
    """Return what the first event of a name tells to whoever connects now."""
    headers = {"Authorization": f"Bearer {site.tokens['author']}"}
    async with site.client.get(f"{site.url}/api/v1/events", headers=headers) as answer:
        async with asyncio.timeout(20):
            async for line in answer.content:
                if line.decode().strip() == f"event: {name}":
                    return json.loads(
                        (await answer.content.readline()).decode().removeprefix("data: ")
                    )
    raise AssertionError("the stream ended")


async def test_a_notice_that_the_audience_changed_names_no_small_number(tmp_path: Path) -> None:
    async with open_site(
        tmp_path, FASTTIME_AUDIENCE_MARGIN_PEOPLE="0", FASTTIME_AUDIENCE_MARGIN_PERCENT="0"
    ) as site:
        message = await site.approved(areas=None, circles=FEW_HERE)
        await site.db.write(import_records, [person(300, lat=51.55)], "test", NOON)
        assert await site.context.matcher.process((await site.version(message)).id) == "blocked"
        why = (await site.get(f"/api/v1/messages/{message}")).json["why"]
        assert why == f"audience_changed: {FEW} people, approved for {FEW}"
