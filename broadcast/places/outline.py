"""A simpler outline of a place, for programs that draw it: the exact one lies inside."""

from __future__ import annotations

import shapely
from shapely import Geometry

from broadcast.places.geometry import polygonal

_FIRST_METRES = 5.0
_METRES_PER_DEGREE = 111_320.0
DECIMALS = 5
"""Of a coordinate in degrees: about a metre."""


def containing(shape: Geometry, corners: int) -> Geometry:
    """Return an outline with at most about so many corners in which all of `shape` lies (degrees,
    longitude first).

    Who stands inside the exact border also stands inside this one: nobody whom a message is for is
    shown outside it.
    """
    if shapely.get_num_coordinates(shape) <= corners:
        return shape
    metres = _FIRST_METRES
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
