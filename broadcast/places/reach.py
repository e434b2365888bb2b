"""Whom a shape reaches among the people who gave a postcode and no place.

Such a person is somewhere within the postcode's uncertainty of its point. What is urgent tells
whoever may be inside: the shape need only touch that circle. What is not goes by the point.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import cos, pi, radians
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry

from broadcast.content.model import Circle
from broadcast.deadline import check_time
from broadcast.places.geometry import EARTH_RADIUS_KM, inside_circles

_METRES_OF_A_DEGREE: Final = EARTH_RADIUS_KM * 1000 * pi / 180


def reaches(
    shape: Geometry | None,
    circles: Iterable[Circle],
    lats: NDArray[np.float64],
    lons: NDArray[np.float64],
    metres: NDArray[np.uint16],
) -> NDArray[np.bool_]:
    """Return which points lie in the shape or a circle, or no further from it than their metres;
    NaN is outside.

    Distance to a shape is measured on a plane on which a degree of longitude is as long as in the
    middle of the point's degree of latitude: within 2 % of the ground up to 60 degrees north, and
    the same for everybody whoever else is asked about.
    """
    found, circles = np.zeros(len(lats), dtype=np.bool_), tuple(circles)
    for distance in np.flatnonzero(np.bincount(metres)).tolist() if circles else ():
        at = np.flatnonzero(metres == distance)
        wider = [replace(c, radius_km=c.radius_km + distance / 1000) for c in circles]
        found[at] = inside_circles(wider, lats[at], lons[at])
    if shape is None or shape.is_empty:
        return found
    west, south, east, north = shape.bounds
    up = metres / _METRES_OF_A_DEGREE
    near = np.flatnonzero((lats >= south - up) & (lats <= north + up) & ~found)
    bands = np.floor(lats[near]).astype(np.int64)
    for band in range(int(bands.min()), int(bands.max()) + 1) if len(bands) else ():
        check_time()
        at = near[bands == band]
        if not at.size:
            continue
        width = max(cos(radians(band + 0.5)), 1e-6)
        x, side = lons[at] * width, up[at]
        inside = np.flatnonzero((x >= west * width - side) & (x <= east * width + side))
        if inside.size:
            at, x, side = at[inside], x[inside], side[inside]
            flat = shapely.transform(shape, lambda xy, width=width: xy * (width, 1.0))
            shapely.prepare(flat)
            found[at] = shapely.dwithin(flat, shapely.points(x, lats[at]), side)
    return found
