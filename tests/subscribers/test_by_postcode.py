"""Who gave a postcode and no place gets its place, and is told by what reaches their postcode."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box
from sqlalchemy import Connection, select

from broadcast.content.model import PERSONAL_CHANNELS, Circle
from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.places.geometry import distance_km
from broadcast.places.postcodes import look_up
from broadcast.places.postcodes.directory import Entry
from broadcast.places.reach import reaches
from broadcast.places.stored_areas import store_areas
from broadcast.store.database import Database
from service.setup import places
from subscribers.audience import reasons
from subscribers.index import RegistryIndex, Rule
from subscribers.people_file.reading import read_subscribers
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry import showing
from subscribers.registry.importing import import_records
from subscribers.registry.placing import place_by_postcode
from subscribers.registry.tables import subscriber

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE = Entry("SW1A2AA", 51.5, -0.13, 200, "E05013806", "E09000033")
BLANK: dict[str, Any] = (
    dict.fromkeys(COLUMNS, "")
    | dict.fromkeys(("email", "mobile", "phone", "lat", "lon", "area"))
    | {"kind": "resident", "language": "en", "channels": "sms", "mobile": "+447700900001"}
)


def person(external_id: str, **more: Any) -> SubscriberRecord:
    return SubscriberRecord(**(BLANK | {"external_id": external_id} | more))


def a_rule(**more: Any) -> Rule:
    return Rule(
        **{
            "topic": "incident",
            "severity_rank": 1,
            "status": "Actual",
            "channels": ("sms",),
            "configured": frozenset(PERSONAL_CHANNELS),
            "languages": ("en",),
            **more,
        }
    )


def held(conn: Connection) -> dict[str, tuple[Any, ...]]:
    s = subscriber.c
    rows = conn.execute(select(s.external_id, s.lat, s.lon, s.area, s.uncertainty_m)).all()
    return {row[0]: tuple(row[1:]) for row in rows}


async def test_a_postcode_alone_gives_its_place_and_a_place_of_their_own_wins(db: Database) -> None:
    await db.write(look_up.put, [HERE], NOON)
    people = [
        person("a", postcode="SW1A 2AA"),
        person("b", postcode="SW1A 2AA", lat=51.6, lon=-0.2),
        person("c", postcode="M1 1AE"),
    ]
    await db.write(import_records, people, "test", NOON)
    assert await db.read(held) == {
        "a": (51.5, -0.13, None, 200),
        "b": (51.6, -0.2, None, None),
        "c": (None, None, None, None),
    }


async def test_the_file_that_is_exported_gives_nobody_a_place_they_did_not_give(
    db: Database,
) -> None:
    await db.write(look_up.put, [HERE], NOON)
    await db.write(import_records, [person("a", postcode="SW1A 2AA")], "test", NOON)
    text = "".join(await db.read(lambda conn: list(showing.export_csv(conn))))
    again = read_subscribers(
        text.encode(), filename="x", allow_trial_numbers=False, known_area=lambda _: True
    )
    assert [(r.lat, r.lon, r.postcode) for r in again.records] == [(None, None, "SW1A 2AA")]
    counts = await db.write(import_records, again.records, "test", NOON)
    assert counts.unchanged == 1


async def test_a_look_up_that_comes_later_places_who_waited_and_moves_who_moved(
    db: Database,
) -> None:
    people = [
        person("a", postcode="SW1A 2AA"),
        person("b", postcode="SW1A 2AA", lat=51.6, lon=-0.2),
        person("c", postcode="SW1A 2AA", kind="officer"),
    ]
    await db.write(import_records, people, "test", NOON)
    square = AreaRecord(code="E05000001", level="ward", geometry=box(-0.2, 51.4, 0, 51.6))
    await db.write(store_areas, [square], NOON)
    index = await db.read(RegistryIndex.load)
    await db.write(look_up.put, [HERE], NOON)
    assert await db.write(place_by_postcode, NOON, 0) == (2, None)
    assert await db.write(place_by_postcode, NOON, 0) == (0, None)
    assert await db.read(held) == {
        "a": (51.5, -0.13, None, 200),
        "b": (51.6, -0.2, None, None),
        "c": (None, None, "E05000001", None),  # kept by area, without a place
    }
    await db.read(index.catch_up)  # the index hears of it
    known = index.person(1)
    assert known is not None
    assert (known.lat, known.uncertainty_m) == (51.5, 200)
    await db.write(look_up.put, [HERE._replace(lat=51.51)], NOON)
    assert await db.write(place_by_postcode, NOON, 0) == (1, None)
    assert (await db.read(held))["a"] == (51.51, -0.13, None, 200)


EDGE = 0.13 - 150 / 111_195 / cos(radians(51.5))
"""150 m east of the postcode's point."""


@pytest.mark.parametrize(
    "postcodes,sent,perhaps",
    [("touch", {1, 2}, 0), ("perhaps", {2}, 1), ("point", {2}, 0)],
)
async def test_a_shape_that_only_reaches_into_the_postcode(
    db: Database, postcodes: str, sent: set[int], perhaps: int
) -> None:
    await db.write(look_up.put, [HERE], NOON)
    people = [
        person("postcode", postcode="SW1A 2AA"),
        person("inside", lat=51.5, lon=-0.12),
        person("the same place, but their own", lat=51.5, lon=-0.13),
    ]
    await db.write(import_records, people, "test", NOON)
    index = await db.read(RegistryIndex.load)
    rule = a_rule(shape=box(-EDGE, 51.4, 0.0, 51.6), postcodes=postcodes)
    assert set(index.match(rule).addressed) == sent
    assert len(index.perhaps(rule)) == perhaps
    trace = reasons(index, rule, 1)
    assert trace.addressed == (1 in sent)
    assert ("only a postcode is known" in trace.steps[1].detail) == (postcodes != "point")


async def test_a_circle_reaches_into_a_postcode_by_kilometres(db: Database) -> None:
    await db.write(look_up.put, [HERE], NOON)
    await db.write(import_records, [person("a", postcode="SW1A 2AA")], "test", NOON)
    index = await db.read(RegistryIndex.load)
    for metres, reached in ((150, True), (250, False)):
        north = 51.5 + (1_000 + metres) / 111_195
        circle = Circle(latitude=north, longitude=-0.13, radius_km=1.0)
        assert bool(index.match(a_rule(circles=(circle,), postcodes="touch")).addressed) is reached


@given(
    st.floats(50, 60),
    st.floats(-7, 1.5),
    st.integers(1, 5_000),
    st.floats(-0.1, 0.1),
    st.floats(-0.1, 0.1),
)
def test_the_reach_is_that_of_the_ground(
    lat: float, lon: float, metres: int, north: float, east: float
) -> None:
    corner = box(lon + east, lat + north, lon + east + 0.05, lat + north + 0.05)
    nearest = corner.exterior.interpolate(corner.exterior.project(Point(lon, lat)))
    x, y = np.clip([lon], *corner.bounds[::2])[0], np.clip([lat], *corner.bounds[1::2])[0]
    ground = float(distance_km(lat, lon, np.array([y]), np.array([x]))[0]) * 1000
    assert not nearest.is_empty
    found = reaches(
        corner, (), np.array([lat]), np.array([lon]), np.array([metres], dtype=np.uint16)
    )[0]
    if found:
        assert ground <= metres * 1.02 + 0.01
    elif ground:
        assert ground >= metres * 0.98 - 0.01
    else:
        raise AssertionError("a point inside is reached")


async def test_areas_whose_codes_changed_keep_their_people_on_a_list(db: Database) -> None:
    west, east = box(-0.2, 51.4, -0.1, 51.5), box(-0.1, 51.4, 0.0, 51.5)
    old = [
        AreaRecord(code="E05000001", level="ward", name="Old West", geometry=west),
        AreaRecord(code="E05000002", level="ward", name="East", geometry=east),
    ]
    await db.write(store_areas, old, NOON)
    people = [person("a", area="E05000001"), person("b", area="E05000002")]
    await db.write(import_records, people, "test", NOON)
    tree = await db.read(AreaTree.load)
    assert tree.replaced() == {}
    new = [AreaRecord(code="E05000009", level="ward", name="New West", geometry=west), old[1]]
    await db.write(store_areas, new, NOON + timedelta(days=1))
    tree = await db.read(AreaTree.load)
    assert tree.replaced() == {"E05000001": "E05000009"}
    assert await db.read(places.replaced, tree) == [
        {
            "code": "E05000001",
            "name": "Old West",
            "level": "ward",
            "now": {"code": "E05000009", "name": "New West", "level": "ward"},
            "people": 1,
        }
    ]
    named = tree.places(["E05000009"])
    index = await db.read(RegistryIndex.load)
    rule = a_rule(shape=named.shape, targets=named.targets, by_code=named.by_code)
    assert list(index.match(rule).addressed) == [1]
    # The list is empty when their records say the new code.
    await db.write(import_records, [person("a", area="E05000009")], "test", NOON)
    assert await db.read(places.replaced, tree) == []
