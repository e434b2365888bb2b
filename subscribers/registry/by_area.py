"""Who is kept by area and not by place: officers and partners, so that nobody can find where they
live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from broadcast.places.areas import AreaTree
from subscribers.people_file.record import SubscriberRecord

BY_AREA: Final = ("officer", "partner")
"""Kinds of people whose coordinates are replaced by the code of the smallest imported area, and
never enter the index.
"""


def settled(records: Sequence[SubscriberRecord], tree: AreaTree) -> Sequence[SubscriberRecord]:
    """Return the records with an area in the place of coordinates, for everybody who is kept by
    area.

    Whoever lies in no imported area keeps the area that was given, if it is imported; if not, the
    coordinates wait in the registry (and are used for nothing) until an area that holds them is
    imported.
    """
    at = [
        n
        for n, r in enumerate(records)
        if r.kind in BY_AREA and r.lat is not None and r.lon is not None
    ]
    if not at:
        return records
    found = list(records)
    codes = codes_of(tree, [(records[n].lat, records[n].lon, records[n].area) for n in at])
    for n, code in zip(at, codes, strict=True):
        if code is not None:
            found[n] = records[n]._replace(lat=None, lon=None, area=code, uncertainty_m=None)
    return found


def codes_of(
    tree: AreaTree, places: Sequence[tuple[float | None, float | None, str | None]]
) -> list[str | None]:
    """Return for each (latitude, longitude, area given) the code that stands for it; None where it
    has to wait.
    """
    lats = np.array([lat for lat, _, _ in places], dtype=np.float64)
    lons = np.array([lon for _, lon, _ in places], dtype=np.float64)
    located = tree.locate_many(lats, lons)
    given = (area if area in tree else None for _, _, area in places)
    return [areas[0].code if areas else area for areas, area in zip(located, given, strict=True)]
