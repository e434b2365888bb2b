"""Who drafts small shapes and looks at their numbers finds no officer, partner or member of a
community better than a ward.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import select

from broadcast.content.model import Circle
from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.places.geometry import shape_of
from broadcast.places.stored_areas import store_areas
from broadcast.store.database import Connection
from subscribers.index import RegistryIndex
from subscribers.registry.importing import import_records
from subscribers.registry.placing import settle
from subscribers.registry.tables import subscriber
from tests.console.site import WESTMINSTER, Site, open_site, person

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOME = (51.5012, -0.1402)
"""Where the officer lives; the attacker wants to know it."""
WEST, EAST = "E05000001", "E05000002"


async def with_wards(site: Site) -> None:
    """Cut Westminster in two wards at -0.15, and register a few people in the eastern one."""
    wards = [
        AreaRecord(
            code=WEST,
            level="ward",
            name="West",
            parent=WESTMINSTER,
            geometry=box(-0.2, 51.48, -0.15, 51.52),
        ),
        AreaRecord(
            code=EAST,
            level="ward",
            name="East",
            parent=WESTMINSTER,
            geometry=box(-0.15, 51.48, -0.11, 51.52),
        ),
    ]
    await site.db.write(store_areas, wards, NOON)
    hidden = {"lat": HOME[0], "lon": HOME[1]}
    people = [
        person(101, kind="officer", **hidden),
        person(102, kind="partner", **hidden),
        person(103, communities="Jewish community", **hidden),
    ]
    await site.db.write(import_records, people, "test", NOON)


async def looked(site: Site, audience: dict[str, Any], **place: Any) -> Any:
    """Return the whole of what a preview tells of a shape, but what the shape itself is."""
    message = await site.drafted(areas=None, audience=audience, **place)
    answer = await site.post(f"/api/v1/messages/{message}/preview")
    assert answer.status == 200, answer.body
    return answer.json["counts"], answer.json["people"]


WANTED: list[dict[str, Any]] = [
    {"kinds": ["officer"]},
    {"kinds": ["partner"]},
    {"communities": ["Jewish community"]},
    {"kinds": ["resident"], "communities": ["Jewish community"]},
]


@pytest.mark.parametrize("audience", WANTED, ids="+".join)
async def test_a_binary_search_ends_at_the_ward(tmp_path: Path, audience: dict[str, Any]) -> None:
    async with open_site(tmp_path) as site:
        await with_wards(site)
        west, east, south, north = -0.149, -0.111, 51.481, 51.519  # inside the ward of all three
        around = box(west, south, east, north)
        told = await looked(
            site,
            audience,
            polygons=[
                {"type": "Polygon", "coordinates": [list(map(list, around.exterior.coords))]}
            ],
        )
        for middle in ((west + east) / 2, -0.1402, -0.13):
            for half in (box(west, south, middle, north), box(middle, south, east, north)):
                shape = {"type": "Polygon", "coordinates": [list(map(list, half.exterior.coords))]}
                assert await looked(site, audience, polygons=[shape]) == told
        for radius in (0.01, 0.1, 0.5):
            for lat, lon in (HOME, (51.51, -0.12)):
                assert await looked(site, audience, circles=[f"{lat},{lon} {radius}"]) == told


async def test_overlapping_shapes_give_no_difference_by_kind_language_channel_or_time(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path) as site:
        await with_wards(site)
        # Enough neighbours for exact numbers: one shape holds the officer's home and the other, a
        # hair smaller, does not.
        around = [
            person(n, lat=51.501, lon=-0.139, mobile=f"+4477009{n:05d}") for n in range(500, 530)
        ]
        # a resident: outside both shapes
        moved = person(103, communities="Jewish community", lat=51.51, lon=-0.12)
        await site.db.write(import_records, [*around, moved], "test", NOON)
        with_home, without = "51.501,-0.139 0.09", "51.501,-0.139 0.08"
        languages = {"en": {"headline": "Road closed"}, "cy": {"headline": "Ffordd ar gau"}}
        for audience in (
            {},
            {"kinds": ["officer", "resident"]},
            {"kinds": ["partner", "resident"]},
        ):
            for more in ({}, {"channels": ["sms"]}, {"languages": languages}):
                assert await looked(site, audience, circles=[with_home], **more) == await looked(
                    site, audience, circles=[without], **more
                )
        wards = await looked(site, {"kinds": ["officer"]}, circles=["51.51,-0.12 0.1"])
        later = [
            person(n, kind="officer", lat=51.5012, lon=-0.1402, mobile=f"+4477009{n:05d}")
            for n in (600, 601)
        ]
        await site.db.write(import_records, later, "test", NOON)
        # still fewer than ten
        assert await looked(site, {"kinds": ["officer"]}, circles=["51.51,-0.12 0.1"]) == wards
        assert (await looked(site, {"kinds": ["officer"]}, circles=["51.51,-0.18 0.1"]))[
            1
        ] == 0  # the other ward


async def test_explain_answers_by_the_area_and_of_no_shape_that_nobody_approved(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path) as site:
        await with_wards(site)
        for n in (101, 102, 103):
            message = await site.drafted(areas=None, circles=[f"{HOME[0]},{HOME[1]} 0.01"])
            answers = [
                await site.get(f"/api/v1/messages/{message}/explain/{who}", role="approver")
                for who in (f"p{n}", "nobody")
            ]
            assert {(a.status, a.code) for a in answers} == {(409, "not_published")}
        steps = []
        for place in (f"{HOME[0]},{HOME[1]} 0.01", "51.51,-0.12 0.01"):
            message = await site.live(
                areas=None, circles=[place], audience={"kinds": ["officer", "partner"]}
            )
            told = [
                (await site.get(f"/api/v1/messages/{message}/explain/p{n}", role="approver")).json
                for n in (101, 102)
            ]
            steps.append([(t["steps"], t["line"]) for t in told])
        assert steps[0] == steps[1]


GRID = [box(x, y, x + 1, y + 1) for x in range(3) for y in range(3)]
TREE = AreaTree.of(
    [
        # more than its wards: people live there too
        AreaRecord(code="B", level="borough", name="B", geometry=box(0, 0, 4, 4)),
        *(
            AreaRecord(code=f"W{n}", level="ward", name=f"W{n}", parent="B", geometry=g)
            for n, g in enumerate(GRID)
        ),
    ]
)
CORNERS = st.floats(0.001, 3.999)


@given(
    st.lists(st.tuples(CORNERS, CORNERS, st.floats(0.01, 2)), min_size=1, max_size=3),
    st.lists(st.tuples(CORNERS, CORNERS), max_size=2),
)
def test_what_is_matched_depends_on_the_smallest_areas_touched_alone(
    boxes: list[tuple[float, float, float]], centres: list[tuple[float, float]]
) -> None:
    polygons = [(tuple(box(x, y, x + size, y + size).exterior.coords),) for x, y, size in boxes]
    circles = [Circle(latitude=y, longitude=x, radius_km=5) for x, y in centres]
    places = TREE.places((), polygons, circles, whole_areas=True)
    drawn = shape_of(polygons, circles)
    units = {
        **{f"W{n}": g for n, g in enumerate(GRID)},
        "B": shapely.difference(box(0, 0, 4, 4), shapely.union_all(GRID)),
    }
    touched = [g for g in units.values() if shapely.intersects(g, drawn)]
    assert places.touched == {
        code for code, g in units.items() if code != "B" and shapely.intersects(g, drawn)
    } | {"B"}
    assert places.shape is not None
    assert shapely.equals(places.shape, shapely.union_all(touched))


def stored(conn: Connection, external_id: str) -> tuple[Any, ...]:
    columns = (subscriber.c.lat, subscriber.c.lon, subscriber.c.area)
    return tuple(
        conn.execute(select(*columns).where(subscriber.c.external_id == external_id)).one()
    )


async def test_coordinates_of_officers_are_not_kept_where_an_area_holds_them(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path) as site:
        far = {"lat": 55.0, "lon": -3.0}
        people = [
            person(201, kind="officer", lat=51.5, lon=-0.12),
            person(202, kind="officer", **far),
            person(203, kind="partner", area=WESTMINSTER, **far),
            person(204, **far),
        ]
        await site.db.write(import_records, people, "test", NOON)
        assert await site.db.read(stored, "p201") == (None, None, WESTMINSTER)
        assert await site.db.read(stored, "p202") == (55.0, -3.0, None)  # it waits for an area
        assert await site.db.read(stored, "p203") == (None, None, WESTMINSTER)
        assert await site.db.read(stored, "p204") == (55.0, -3.0, None)
        assert (await site.db.write(import_records, people, "test", NOON)).unchanged == 4
        index = await site.db.read(RegistryIndex.load)
        known = [index.person(n) for n in range(34, 38)]
        assert [p is not None and p.lat for p in known] == [None, None, None, 55.0]
        north = AreaRecord(
            code="S12000006", level="borough", name="North", geometry=box(-4, 54, -2, 56)
        )
        await site.db.write(store_areas, [north], NOON)
        assert await site.db.write(settle, NOON) == 1
        assert await site.db.read(stored, "p202") == (None, None, "S12000006")
        assert await site.db.write(settle, NOON) == 0
        # A new import places people anew: an area holds this one's coordinates by now, and it comes
        # before the one given.
        assert (await site.db.write(import_records, people, "test", NOON)).unchanged == 3
        assert await site.db.read(stored, "p203") == (None, None, "S12000006")
