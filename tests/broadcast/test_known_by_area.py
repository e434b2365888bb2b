"""Which people of whom only an area is known a drawn shape is for, against the same rule said once
more on the exact geometry.
"""

from __future__ import annotations

from fractions import Fraction

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from broadcast.places.areas import AreaRecord, AreaTree
from broadcast.places.known_by_area import told

SIDE = 10  # a borough is ten by ten wards
WARD = 1 / 64  # degrees: with powers of two the geometry is exact in floats
STEP = WARD / 4


def square(west: float, south: float, side: float) -> shapely.Geometry:
    return shapely.box(west, 51 + south, west + side, 51 + south + side)


def tree() -> AreaTree:
    """Two boroughs side by side; the wards of the first, one of them without a border."""
    one, two = square(0, 0, SIDE * WARD), square(SIDE * WARD, 0, SIDE * WARD)
    records = [
        AreaRecord(code="B1", name="One", level="borough", geometry=one),
        AreaRecord(code="B2", name="Two", level="borough", geometry=two),
        AreaRecord(code="W-lost", name="Lost", level="ward", parent="B1"),
    ]
    for n in range(SIDE * SIDE):
        geometry = square(n % SIDE * WARD, n // SIDE * WARD, WARD)
        records.append(
            AreaRecord(code=f"W{n}", name=str(n), level="ward", parent="B1", geometry=geometry)
        )
    return AreaTree.of(records)


TREE = tree()
ALONG, UP = st.integers(0, 80), st.integers(0, 40)


def by_hand(west: int, south: int, east: int, north: int, *, urgent: bool) -> set[str]:
    """Say the rule once more for a rectangle in quarters of a ward, in whole numbers."""
    found = set()
    wards = {f"W{n}": (n % SIDE * 4, n // SIDE * 4, 4) for n in range(SIDE * SIDE)}
    for code, (x, y, side) in (wards | {"B1": (0, 0, 40), "B2": (40, 0, 40)}).items():
        across = min(east, x + side) - max(west, x)
        up = min(north, y + side) - max(south, y)
        share = Fraction(max(across, 0) * max(up, 0), side * side)
        if not urgent:
            inside = west <= x + side / 2 <= east and south <= y + side / 2 <= north
        else:
            inside = share > 0 if side == 4 else share >= Fraction(1, 10)
        if inside:
            found.add(code)
    return found


@given(ALONG, UP, ALONG, UP, st.booleans())
def test_the_rule_is_the_one_said_by_hand(a: int, b: int, c: int, d: int, urgent: bool) -> None:
    (west, east), (south, north) = sorted((a, c)), sorted((b, d))
    if west == east or south == north:
        return
    drawn = shapely.box(west * STEP, 51 + south * STEP, east * STEP, 51 + north * STEP)
    found = told(TREE, drawn, TREE.touched(drawn), urgent=urgent)
    assert found == by_hand(west, south, east, north, urgent=urgent)


@pytest.mark.parametrize(("urgent", "wanted"), [(True, {"W0", "W1", "W10", "W11"}), (False, set())])
def test_a_small_circle_on_a_crossing_is_for_all_four_wards_only_where_it_is_urgent(
    urgent: bool, wanted: set[str]
) -> None:
    crossing = shapely.Point(WARD, 51 + WARD).buffer(WARD / 8)
    assert told(TREE, crossing, TREE.touched(crossing), urgent=urgent) == wanted


def test_a_shared_border_is_not_reached_into_and_an_area_without_a_border_is_perhaps() -> None:
    ward = TREE.geometry("W0")
    assert ward is not None
    assert told(TREE, ward, TREE.touched(ward), urgent=True) == {"W0"}
    assert {"W1", "W-lost"} <= TREE.touched(ward)


def test_a_larger_area_is_told_from_a_tenth_of_it_on() -> None:
    for share, wanted in ((0.099, False), (0.101, True)):
        drawn = shapely.box(0, 51, SIDE * WARD * share, 51 + SIDE * WARD)
        assert ("B1" in told(TREE, drawn, TREE.touched(drawn), urgent=True)) is wanted
