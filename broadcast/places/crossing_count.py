"""How often outlines cross: what a union or a repair would cost, asked before it is made."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

_AT_ONCE = (
    128  # edges asked about together: with 10,000 edges at most a few million pairs in memory
)


def crossings(rings: Iterable[NDArray[np.float64]], limit: int) -> int:
    """Return how many pairs of edges of the outlines meet that do not follow each other.

    Stops soon after `limit`. `rings` are arrays of (longitude, latitude), closed. Time and memory
    are bounded by the number of edges and the limit, not by the number of crossings.
    """
    parts = [np.stack((ring[:-1], ring[1:]), axis=1) for ring in rings if len(ring) > 1]
    if not parts:
        return 0
    edges: NDArray[np.object_] = shapely.linestrings(np.concatenate(parts))
    tree = shapely.STRtree(edges)
    found = 0
    for start in range(0, len(edges), _AT_ONCE):
        left, right = tree.query(edges[start : start + _AT_ONCE], predicate="intersects")
        left = left + start
        found += int(np.count_nonzero(right > left + 1))
        if found > limit:
            break
    return found


def outlines(shape: Geometry) -> list[NDArray[np.float64]]:
    """Return the rings of a geometry's polygons as arrays of (longitude, latitude)."""
    polygons = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and not p.is_empty]
    return [
        shapely.get_coordinates(ring)
        for ring in shapely.get_rings(np.array(polygons, dtype=object))
    ]
