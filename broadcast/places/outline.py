"""A simpler outline of a place, for programs that draw it: the exact one lies inside."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely import Geometry

from broadcast.content.model import Ring
from broadcast.places.areas import AreaTree
from broadcast.places.geometry import polygonal, union

_FIRST_METRES = 5.0
_METRES_PER_DEGREE = 111_320.0
DECIMALS = 5
"""Of a coordinate in degrees: about a metre."""
MOST_RINGS = 10
MOST_POINTS = 100
"""Of imported borders in a CAP info of ours, and points of each of them: our own choice,
for neither CAP 1.2 nor the schema of its IPAWS profile sets a limit (docs/cap-conformance.md).
"""
TOGETHER = ""
"""The code under which the outline of more areas than MOST_RINGS stands: one for all of them."""


def containing(shape: Geometry, corners: int) -> Geometry:
    """Return an outline with at most about so many corners in which all of `shape` lies (degrees,
    longitude first).

    Who stands inside the exact border also stands inside this one: nobody whom a message is for is
    shown outside it.
    """
    if shapely.get_num_coordinates(shape) <= corners:
        return shape
    metres = _first_step(shape)
    while True:
        width = metres / _METRES_PER_DEGREE
        # Simplifying moves the border by at most `width`, so growing by a little more takes it in.
        simple = shapely.simplify(shape, width)
        grown = shapely.buffer(simple, width * 1.7, quad_segs=1, join_style="mitre")
        found = polygonal(shapely.simplify(grown, width * 0.5))
        if shapely.get_num_coordinates(found) <= corners and shapely.covers(found, shape):
            return found
        if metres > 100_000:
            return shapely.box(*shapely.bounds(shape))
        metres *= 2


def outlines(tree: AreaTree, codes: Sequence[str]) -> tuple[tuple[str, tuple[Ring, ...]], ...]:
    """Return by area code the rings in which all of the area lies, at most MOST_RINGS together;
    nothing of areas without a border. More areas than that have one outline, under TOGETHER.
    """
    bordered = [code for code in codes if code in tree and tree.has_geometry(code)]
    if len(bordered) > MOST_RINGS:
        together = union([g for code in bordered if (g := tree.geometry(code)) is not None])
        if together is None:
            return ()
        return ((TOGETHER, rings(together, most=MOST_RINGS, corners=MOST_POINTS)),)
    most = MOST_RINGS // max(len(bordered), 1)
    return tuple((code, found) for code in bordered if (found := _outline(tree, code, most)))


def _outline(tree: AreaTree, code: str, most: int) -> tuple[Ring, ...]:
    """Return the rings of one area, made once: a border of 20,000 corners takes a second."""
    kept = tree.outlines.get((code, most))
    if kept is None:
        shape = tree.geometry(code)
        kept = () if shape is None else rings(shape, most=most, corners=MOST_POINTS)
        tree.outlines[code, most] = kept
    return kept


def rings(shape: Geometry, *, most: int, corners: int) -> tuple[Ring, ...]:
    """Return closed rings (longitude, latitude; at most DECIMALS places) in which all of `shape`
    lies: at most `most`, each of at most `corners` points, the last equal to the first.

    Holes are filled: CAP has none, and nobody whom a message is for may be shown outside.
    """
    grown = shape
    if not _is_round(shape):  # to be cut to so many places: grow by more than that moves a corner
        grown = shapely.buffer(_reduced(shape), 2.0 * 10**-DECIMALS, join_style="mitre")
    for found in (grown, shapely.convex_hull(grown)):
        whole = _filled(containing(_filled(found), corners))
        parts = [_rounded(part) for part in shapely.get_parts(whole)]
        cut = union(parts)
        if (
            len(parts) <= most
            and cut is not None
            and all(shapely.is_valid(part) for part in parts)
            and max(shapely.get_num_coordinates(part) for part in parts) <= corners
            and shapely.covers(cut, shape)
        ):
            return tuple(_ring(part) for part in parts)
    margin = 10**-DECIMALS
    west, south, east, north = shapely.bounds(shape)
    box = shapely.box(west - margin, south - margin, east + margin, north + margin)
    return (_ring(_rounded(box)),)


def _first_step(shape: Geometry) -> float:
    """Return by how many metres to simplify first: growing a border of a million corners by a few
    would take longer than an urgent message may wait.
    """
    corners = shapely.get_num_coordinates(shape)
    return _FIRST_METRES if corners < 5_000 else 50.0 if corners < 50_000 else 200.0


def _reduced(shape: Geometry) -> Geometry:
    """Return a large shape in fewer corners, all of it inside."""
    if shapely.get_num_coordinates(shape) < 5_000:
        return shape
    width = _first_step(shape) / _METRES_PER_DEGREE
    return shapely.buffer(shapely.simplify(shape, width), width * 1.7, quad_segs=1)


def _filled(shape: Geometry) -> Geometry:
    """Return a shape without its holes."""
    parts = shapely.get_parts(polygonal(shape))
    return shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))


def _is_round(shape: Geometry) -> bool:
    points = shapely.get_coordinates(shape)
    return bool((points.round(DECIMALS) == points).all())


def _rounded(polygon: Geometry) -> Geometry:
    return shapely.polygons(shapely.get_coordinates(polygon).round(DECIMALS))


def _ring(polygon: Geometry) -> Ring:
    return tuple((float(x), float(y)) for x, y in shapely.get_coordinates(polygon))
