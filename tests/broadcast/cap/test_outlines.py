"""The borders that go along in our CAP documents: all of the place lies inside, and readers of
every sort can take them.
"""

from __future__ import annotations

import math

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast.cap.drafting import content_of, read_cap
from broadcast.cap.model import CapAlert
from broadcast.cap.outgoing import as_cancel
from broadcast.cap.shape_text import read_polygon
from broadcast.cap.validation.parse import parse
from broadcast.cap.validation.rules import MAX_BYTES
from broadcast.cap.validation.validate import validate
from broadcast.cap.write import write
from broadcast.places.areas import Area, AreaTree
from broadcast.places.outline import MOST_POINTS, MOST_RINGS, TOGETHER, outlines, rings
from broadcast.wording.languages import all_packs
from tests.broadcast.cap.inverse import from_cap
from tests.broadcast.cap.schemas import schema_accepts
from tests.broadcast.cap.test_mapping import NOON, content, published

AROUND = st.tuples(st.floats(-7, 1), st.floats(50, 58))


@st.composite
def places(draw):
    """A place as imports hold them: ragged, of several parts, with holes, near and far."""
    parts = []
    for x, y in draw(st.lists(AROUND, min_size=1, max_size=14)):
        sizes = draw(st.lists(st.floats(0.0002, 0.3), min_size=3, max_size=40))
        turn = 2 * math.pi / len(sizes)
        points = [
            (x + r * math.cos(n * turn), y + r * math.sin(n * turn)) for n, r in enumerate(sizes)
        ]
        part = shapely.Polygon(points).buffer(0)
        if draw(st.booleans()):
            part = part.difference(shapely.Point(x, y).buffer(min(sizes) / 2, 30))
        parts.append(part.buffer(0.001, 20) if draw(st.booleans()) else part)
    return shapely.union_all(parts)


@settings(max_examples=150, deadline=None)
@given(place=places(), most=st.integers(1, 10))
def test_all_of_a_place_lies_in_few_closed_rings_of_few_points(place, most):
    found = rings(place, most=most, corners=MOST_POINTS)
    assert 1 <= len(found) <= most
    for ring in found:
        assert 4 <= len(ring) <= MOST_POINTS
        assert ring[0] == ring[-1]
        assert shapely.LinearRing(ring).is_simple
        assert all(round(x, 5) == x and round(y, 5) == y for x, y in ring)
    assert shapely.covers(shapely.union_all([shapely.Polygon(ring) for ring in found]), place)


def test_a_place_with_few_corners_goes_as_it_is():
    square = shapely.box(-0.2, 51.48, -0.11, 51.54)
    (ring,) = rings(square, most=10, corners=MOST_POINTS)
    assert shapely.equals(shapely.Polygon(ring), square)


def boxes(number: int) -> AreaTree:
    return AreaTree(
        (Area(f"E09{n:06d}", f"Place {n}", "borough", ""), shapely.box(n, 50, n + 0.9, 51))
        for n in range(number)
    )


def borders(alert: CapAlert) -> shapely.Geometry:
    """Return all polygons of the first info, as a reader takes them."""
    found = []
    for area in alert.infos[0].areas:
        for text in area.polygons:
            ring, hits = read_polygon(text)
            assert hits == ()
            found.append(shapely.Polygon(ring))
    return shapely.union_all(found)


def test_a_document_carries_the_border_of_each_area_and_reads_back_as_the_codes_alone():
    tree = boxes(30)
    for number in (1, 3, MOST_RINGS, MOST_RINGS + 1, 30):
        codes = tuple(f"E09{n:06d}" for n in range(number))
        drawn = (((-3.0, 55.0), (-2.0, 55.0), (-2.0, 56.0), (-3.0, 55.0)),)
        what = content(areas=codes, polygons=(drawn,))
        found = dict(outlines(tree, codes))
        assert (TOGETHER in found) == (number > MOST_RINGS)
        alert = published(what, outlines=found)
        data = write(alert)
        assert schema_accepts(data)
        assert validate(data).rules == ()
        assert parse(data) == alert
        whole = shapely.union_all([tree.geometry(code) for code in codes])
        assert shapely.covers(borders(alert), whole)
        assert sum(len(a.polygons) for a in alert.infos[0].areas) <= MOST_RINGS + 1
        # What we added is not taken for what the author drew.
        assert from_cap(parse(data)).content == what
        drafted, _ = content_of(read_cap(data), now=NOON)
        assert (drafted.areas, drafted.polygons) == (codes, (drawn,))
        assert schema_accepts(write(as_cancel(alert, "over")))


def test_the_largest_document_of_borders_is_within_our_own_limit():
    coast = shapely.Point(0, 52).buffer(1, 5000).union(shapely.Point(3, 52).buffer(1, 5000))
    ring = rings(coast, most=1, corners=MOST_POINTS)[0]
    found = {f"E09{n:06d}": (ring,) for n in range(MOST_RINGS)}
    words = next(iter(content().languages.values()))
    tags = sorted(all_packs())
    alert = published(
        content(areas=tuple(found), languages=dict.fromkeys(tags, words)), outlines=found
    )
    assert len(write(alert)) < MAX_BYTES


def test_a_level_change_carries_the_border_of_where_it_holds():
    tree = boxes(2)
    for scope, code in (("E09000001", "E09000001"), ("UK", "K02000001"), ("sector:x", "K02000001")):
        what = content(kind="threat_level_change", level="SEVERE", scope=scope, areas=())
        ring = rings(tree.geometry("E09000001"), most=10, corners=MOST_POINTS)
        alert = published(what, outlines={code: ring})
        assert shapely.covers(borders(alert), tree.geometry("E09000001"))
        assert validate(write(alert)).rules == ()
        assert from_cap(parse(write(alert))).content == what
