"""People in the order of the ground: whoever lies in a shape is found, and nobody else, whatever
changed since they were put in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import asin, cos, radians, sin, sqrt
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyroaring import BitMap
from shapely import Geometry
from shapely.geometry import MultiPolygon, Polygon, box

from broadcast.content.model import Circle
from broadcast.places.reach import reaches
from subscribers.index import strips
from subscribers.index.columns import Columns, grouped
from subscribers.index.ground import Ground, keys_of
from subscribers.index.people import People
from subscribers.index.state import bitmap_of

STEP = 1 / 2048
"""The height of a row: coordinates of the tests lie on its lines, and between them."""


def columns(rows: Sequence[tuple[int, float, float]]) -> Columns:
    count = len(rows)
    return Columns(
        ids=np.array([r[0] for r in rows], dtype=np.uint32),
        lat=np.array([r[1] for r in rows], dtype=np.float64),
        lon=np.array([r[2] for r in rows], dtype=np.float64),
        area=np.full(count, -1, dtype=np.int32),
        profile=np.arange(count, dtype=np.uint32),
        spread=np.zeros(count, dtype=np.uint16),
    )


def ids(people: People, at: NDArray[np.int64]) -> list[int]:
    found: list[int] = people.take("ids", at).tolist()
    assert len(set(found)) == len(found)  # nobody twice
    return sorted(found)


def plain(world: dict[int, tuple[float, float]], shape: Geometry) -> list[int]:
    """Ask shapely about everybody, one by one."""
    return sorted(
        n
        for n, (lat, lon) in world.items()
        if np.isfinite(lat) and shapely.intersects(shape, shapely.Point(lon, lat))
    )


def far(circle: Circle, lat: float, lon: float) -> float:
    """The haversine, written anew."""
    a, b = radians(circle.latitude), radians(lat)
    h = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lon - circle.longitude) / 2) ** 2
    return 2 * 6371.0088 * asin(min(1.0, sqrt(h)))


# Few different numbers, so that people lie on borders and corners, and borders on lines of rows.
NUMBER = st.integers(-12, 12).map(lambda n: n * STEP / 2) | st.floats(-0.006, 0.006)
PLACE = st.tuples(NUMBER.map(lambda n: 51.5 + n), NUMBER)
NOWHERE = st.just((float("nan"), float("nan")))
CHANGE = st.tuples(st.integers(1, 60), PLACE | NOWHERE)


@st.composite
def shapes(draw: st.DrawFn) -> Geometry:
    """A polygon, with a hole, with an island in the hole, or several parts; valid, as drawn."""
    kind = draw(st.sampled_from(("ring", "box", "hole", "island", "parts", "touching")))
    x, y = draw(NUMBER), 51.5 + draw(NUMBER)
    width, height = (draw(st.integers(3, 20)) * STEP / 2 for _ in range(2))
    outer = box(x, y, x + width, y + height)
    third = (x + width / 3, y + height / 3, x + 2 * width / 3, y + 2 * height / 3)
    if kind == "box":
        return outer
    if kind == "hole":
        return outer.difference(box(*third))
    if kind == "island":
        middle = box(*third)
        inner = box(x + 0.45 * width, y + 0.45 * height, x + 0.55 * width, y + 0.55 * height)
        return outer.difference(middle).union(inner)
    if kind == "parts":
        return MultiPolygon([outer, box(x + 2 * width, y, x + 3 * width, y + height)])
    if kind == "touching":  # at one corner
        return MultiPolygon([outer, box(x + width, y + height, x + 2 * width, y + 2 * height)])
    points = draw(st.lists(PLACE, min_size=3, max_size=12, unique=True))
    hull = shapely.convex_hull(shapely.MultiPoint([(lon, lat) for lat, lon in points]))
    star = Polygon([(lon, lat) for lat, lon in points])
    return star if star.is_valid and star.area else (hull if hull.area else outer)


@settings(max_examples=300)
@given(
    st.lists(PLACE | NOWHERE, max_size=40),
    st.lists(st.tuples(st.lists(CHANGE, max_size=8), st.booleans(), shapes()), max_size=6),
)
def test_who_is_inside_is_who_shapely_says_whatever_changed(
    first: list[tuple[float, float]],
    steps: list[tuple[list[tuple[int, tuple[float, float]]], bool, Geometry]],
) -> None:
    world = dict(enumerate(first, 1))
    people = People.of(columns([(n, *place) for n, place in world.items()]))
    for changes, settle, shape in steps:
        world |= dict(changes)
        people = people.changed(columns([(n, *place) for n, place in changes]))
        if settle:
            people = people.settled()
        assert len(people) == len(world)
        assert ids(people, people.everybody()) == sorted(world)
        assert ids(people, people.inside(shape, ())) == plain(world, shape)
        lost = [n for n, (lat, _) in world.items() if np.isnan(lat)]
        assert ids(people, people.without_place()) == sorted(lost)
        some = np.array([1, 5, 61, 7], dtype=np.uint32)
        assert ids(people, people.positions(some)) == sorted(set(some.tolist()) & set(world))


@settings(max_examples=200)
@given(
    st.lists(PLACE | NOWHERE, max_size=40),
    st.lists(st.tuples(st.lists(CHANGE, max_size=10), st.booleans()), max_size=6),
)
def test_an_order_carried_over_changes_equals_one_built_anew(
    first: list[tuple[float, float]],
    steps: list[tuple[list[tuple[int, tuple[float, float]]], bool]],
) -> None:
    world = dict(enumerate(first, 1))
    people = People.of(columns([(n, *place) for n, place in world.items()]))
    for changes, settle in steps:
        world |= dict(changes)
        people = people.changed(columns([(n, *place) for n, place in changes]))
        people = people.settled() if settle else people
    carried = people.settled().ground
    anew = Ground.of(columns([(n, *place) for n, place in sorted(world.items())]))
    assert carried.first_row == anew.first_row
    assert carried.starts.tolist() == anew.starts.tolist()
    keys = keys_of(carried.people)
    assert keys.tolist() == keys_of(anew.people).tolist()
    assert np.all(keys[1:] >= keys[:-1])

    def by_key(ground: Ground) -> set[tuple[int, int, str, str]]:
        p = ground.people
        rows = zip(keys.tolist(), p.ids.tolist(), p.lat.tolist(), p.lon.tolist(), strict=True)
        return {(key, n, str(y), str(x)) for key, n, y, x in rows}

    assert by_key(carried) == by_key(anew)
    for ground in (carried, anew):
        assert ground.sorted_ids.tolist() == sorted(world)
        assert ground.people.ids[ground.by_id].tolist() == sorted(world)


@given(
    st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)) | PLACE, min_size=1, max_size=40),
    st.lists(CHANGE, max_size=5),
    st.floats(-90, 90),
    st.sampled_from((-180.0, -179.99, 0.0, 51.5, 179.99, 180.0)),
    st.sampled_from((0.0, 0.05, 1.0, 50.0, 900.0, 12_000.0)),
)
def test_circles_are_measured_in_kilometres_across_the_date_line_and_the_poles(
    first: list[tuple[float, float]],
    changes: list[tuple[int, tuple[float, float]]],
    lat: float,
    lon: float,
    radius: float,
) -> None:
    world = dict(enumerate(first, 1)) | dict(changes)
    people = People.of(columns([(n, *place) for n, place in enumerate(first, 1)]))
    people = people.changed(columns([(n, *place) for n, place in changes]))
    circle = Circle(latitude=lat, longitude=lon, radius_km=radius)
    distances = {n: far(circle, *place) for n, place in world.items() if np.isfinite(place[0])}
    found = set(ids(people, people.inside(None, [circle])))
    # Within a centimetre of the edge either answer is right.
    assert {n for n, d in distances.items() if d < radius - 1e-5} <= found
    assert found <= {n for n, d in distances.items() if d <= radius + 1e-5}


@pytest.mark.parametrize("lon", [-180.0, 180.0])
@pytest.mark.parametrize("radius", [0.05, 50.0])
def test_a_circle_at_the_date_line_finds_who_stands_on_it(lon: float, radius: float) -> None:
    people = People.of(columns([(1, 0.0, 180.0), (2, 0.0, -180.0), (3, 0.0, 0.0)]))
    circle = Circle(latitude=0.0, longitude=lon, radius_km=radius)
    assert ids(people, people.inside(None, [circle])) == [1, 2]


def test_a_box_holds_who_stands_on_its_sides() -> None:
    ground = Ground.of(columns([(1, 1.0, 1.0), (2, 2.0, 2.0), (3, 1.5, 2.0), (4, 1.5, 2.1)]))
    assert sorted(ground.people.ids[ground.box(1.0, 1.0, 2.0, 2.0)].tolist()) == [1, 2, 3]


@pytest.mark.parametrize("lat", [-90.0, 90.0, 0.0])
@pytest.mark.parametrize("lon", [-180.0, 180.0])
def test_the_ends_of_the_world_are_on_it(lat: float, lon: float) -> None:
    people = People.of(columns([(1, lat, lon), (2, 51.5, 0.0)]))
    assert ids(people, people.inside(box(-180, -90, 180, 90), ())) == [1, 2]


def test_a_shape_does_not_go_on_beyond_the_date_line() -> None:
    people = People.of(columns([(1, 10.0, 179.999), (2, 10.0, -179.999)]))
    assert ids(people, people.inside(box(179, 9, 180, 11), ())) == [1]


def test_a_border_too_long_to_be_cut_is_asked_point_by_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    world = {n: (float(y), float(x)) for n, (y, x) in enumerate(rng.uniform(0, 1, (500, 2)), 1)}
    people = People.of(columns([(n, *place) for n, place in world.items()]))
    comb = Polygon([(0, 0), *((n / 40, 0.02 if n % 2 else 0.98) for n in range(41)), (1, 0)])
    assert comb.is_valid
    assert not strips.cut(comb).asked.all()
    found = ids(people, people.inside(comb, ()))
    monkeypatch.setattr(strips, "MOST_PIECES", 100)
    assert strips.cut(comb).asked.all()
    assert ids(people, people.inside(comb, ())) == found == plain(world, comb)


def test_changes_leave_the_state_that_a_match_began_with_as_it_was() -> None:
    before = People.of(columns([(1, 51.5, 0.0), (2, 51.6, 0.0)]))
    after = before.changed(columns([(1, 52.5, 0.0), (3, 51.5, 0.0)]))
    square = box(-1, 51, 1, 52)
    assert ids(before, before.inside(square, ())) == [1, 2]
    assert ids(after, after.inside(square, ())) == [2, 3]


@pytest.mark.parametrize(("left", "came"), [(0, 300), (300, 0), (300, 40), (40, 300), (2_000, 1)])
def test_who_left_and_who_came_are_told_apart_however_many_they_are(left: int, came: int) -> None:
    rng = np.random.default_rng(3)
    inside, outside = (51.5, 0.0), (52.5, 1.0)
    world = {n: inside if n <= 2_000 else outside for n in range(1, 4_001)}
    before = People.of(columns([(n, *place) for n, place in world.items()]))
    gone = {int(n): outside for n in rng.choice(2_000, left, replace=False) + 1}
    new = {int(n): inside for n in rng.choice(2_000, came, replace=False) + 2_001}
    now = before.changed(columns([(n, *place) for n, place in (gone | new).items()]))
    shape = box(-0.5, 51.0, 0.5, 52.0)
    assert ids(now, now.inside(shape, ())) == plain(world | gone | new, shape)
    assert ids(before, before.inside(shape, ())) == list(range(1, 2_001))


def test_many_changes_are_put_in_order() -> None:
    people = People.of(columns([(n, 51.5, n / 1e6) for n in range(1, 1_001)]))
    few = people.changed(columns([(n, 51.6, 0.0) for n in range(1, 101)]))
    assert (len(few.fresh), few.left) == (100, 100)
    many = few.changed(columns([(n, 51.6, 0.0) for n in range(1, 25_001)]))
    assert (len(many.fresh), many.left, len(many)) == (0, 0, 25_000)


def test_a_person_takes_at_most_forty_bytes() -> None:
    count = 100_000
    rng = np.random.default_rng(3)
    places = rng.uniform(51, 52, count), rng.uniform(-1, 1, count)
    rows = list(zip(range(1, count + 1), *(p.tolist() for p in places), strict=True))
    assert People.of(columns(rows)).nbytes / count <= 40


@settings(max_examples=150)
@given(
    st.lists(st.tuples(PLACE | NOWHERE, st.sampled_from((0, 1, 100, 700))), max_size=30),
    st.lists(st.tuples(CHANGE, st.sampled_from((0, 60, 1_500))), max_size=6),
    shapes(),
    st.lists(st.tuples(PLACE, st.sampled_from((0.0, 0.05, 0.4))), max_size=2),
    st.booleans(),
)
def test_who_may_be_inside_by_their_postcode_is_found_whatever_changed(
    first: list[tuple[tuple[float, float], int]],
    changes: list[tuple[tuple[int, tuple[float, float]], int]],
    shape: Geometry,
    drawn: list[tuple[tuple[float, float], float]],
    settle: bool,
) -> None:
    def with_spread(rows: list[tuple[int, float, float]], metres: list[int]) -> Columns:
        return replace(columns(rows), spread=np.array(metres, dtype=np.uint16))

    people = People.of(
        with_spread([(n, *p) for n, (p, _) in enumerate(first, 1)], [m for _, m in first])
    )
    late = with_spread([(n, *p) for (n, p), _ in changes], [m for _, m in changes])
    people = people.changed(late)
    people = people.settled() if settle else people
    circles = [Circle(latitude=p[0], longitude=p[1], radius_km=r) for p, r in drawn]
    every = people.everybody()
    lat, lon = people.take("lat", every), people.take("lon", every)
    metres = people.take("spread", every)
    wanted = every[(metres > 0) & reaches(shape, circles, lat, lon, metres)]
    assert ids(people, people.reached(shape, circles)) == ids(people, wanted)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
def test_what_stands_beside_each_number_is_found_in_its_order(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 200, 5_000).astype(dtype)
    ids = np.arange(5_000, dtype=np.uint32) * 7
    found = list(grouped(values, ids))
    assert [value for value, _ in found] == sorted(set(values.tolist()))
    for value, who in found:
        assert who.tolist() == ids[values == value].tolist()
    assert list(grouped(values[:0], ids[:0])) == []
    wide = np.array([70_000, 0, 70_000, 65_536], dtype=np.int64)
    said = {value: who.tolist() for value, who in grouped(wide, ids[:4])}
    assert said == {0: [7], 65_536: [21], 70_000: [0, 14]}


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_ids_are_the_same_as_a_bitmap_whatever_numbers_they_come_as(dtype: Any) -> None:
    ids = np.array([5, 2**31, 4_294_967_295, 0, 5], dtype=np.int64).astype(dtype)
    assert bitmap_of(ids) == BitMap([0, 5, 2**31, 4_294_967_295])
    assert bitmap_of(ids[:0]) == BitMap()
