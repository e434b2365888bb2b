"""Whom a drawn shape is for among the people of whom only an area is known.

Nobody knows where in their area they are, so no rule is right for each of them. What is urgent
tells who is known by a ward that the shape reaches into, and who is known by a larger area if the
shape covers a tenth of it. What is not urgent goes to those whose area has its middle in the shape.
Everybody else whose area the shape touches is perhaps inside: their number is shown, and the author
may include them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import shapely
from shapely import Geometry

from broadcast.deadline import check_time
from broadcast.places.areas import AreaTree

SMALLEST: Final = "ward"
"""The level of area that an urgent shape need only reach into."""
SHARE: Final = 0.10
"""Of a larger area, the share that an urgent shape must cover."""


def told(
    tree: AreaTree, drawn: Geometry, touched: Iterable[str], *, urgent: bool
) -> frozenset[str]:
    """Return which of the touched areas have their people told.

    Sharing a border is not enough. Of an area whose border is not known nobody can say where it
    lies: its people are perhaps inside.
    """
    shapely.prepare(drawn)
    found = set()
    for code in touched:
        check_time()
        geometry = tree.geometry(code)
        if geometry is not None and _is_told(drawn, geometry, tree[code].level, urgent=urgent):
            found.add(code)
    return frozenset(found)


def _is_told(drawn: Geometry, geometry: Geometry, level: str, *, urgent: bool) -> bool:
    if not urgent:
        return bool(shapely.intersects(drawn, shapely.point_on_surface(geometry)))
    if level == SMALLEST:
        return bool(shapely.intersects(drawn, geometry) and not shapely.touches(drawn, geometry))
    # Within one area a degree of longitude has nearly one length, so a share needs no projection.
    covered = shapely.area(shapely.intersection(drawn, geometry))
    return bool(covered >= SHARE * shapely.area(geometry))
