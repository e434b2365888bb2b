"""Areas: brought in from a file, shown one by one, asked where a point lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from broadcast.files.nearest import nearest, shown
from broadcast.operators import operators
from broadcast.places.areas import Area, AreaRecord, AreaTree, store_areas
from broadcast.problems import refuse
from broadcast.store.database import Connection
from service.setup.who import Who, allowed
from subscribers import registry


def bring_in(
    conn: Connection,
    who: Who,
    records: Sequence[AreaRecord],
    *,
    name: str,
    level: str,
    now: datetime,
) -> tuple[dict[str, int], int]:
    """Insert or renew the areas of a file, all or none.

    Returns {new, updated, unchanged, waiting} and how many officers and partners are kept by area
    from now on, because an area that holds them has come. Raises Rejected.
    """
    actor = allowed(conn, who, everywhere=True)
    counts = store_areas(conn, records, now, source=name)
    settled = registry.settle(conn, now)
    operators.log_admin(
        conn,
        actor=actor,
        action="areas.import",
        subject=name,
        detail=f"level={level} areas={len(records)}",
        now=now,
    )
    return counts, settled


def document(tree: AreaTree, code: str) -> dict[str, Any]:
    """Return one area: what it lies in, what lies in it, its bounds in degrees (null without a
    geometry). Raises Rejected (404 area_unknown) with the nearest code.
    """
    wanted = code.strip().upper()
    if wanted not in tree:
        near = nearest(wanted, [a.code for a in tree.all()])
        raise refuse(
            "area_unknown",
            f"{shown(code)} was never imported",
            f"did you mean {near}?" if near else "see `fasttime areas list`",
            field="code",
            status=404,
        )
    found, geometry = tree[wanted], tree.geometry(wanted)
    bounds = (
        None
        if geometry is None
        else dict(zip(("west", "south", "east", "north"), geometry.bounds, strict=True))
    )
    return {
        **in_short(found),
        "parent": found.parent,
        "within": [in_short(a) for a in tree.ancestors(wanted)],
        "children": [in_short(a) for a in tree.children(wanted)],
        "bounds": bounds,
    }


def located(tree: AreaTree, points: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    """Return for each (latitude, longitude) the areas in which it lies, smallest first."""
    places = np.array(points, dtype=np.float64).reshape(-1, 2)
    found = tree.locate_many(places[:, 0], places[:, 1])
    return [
        {"lat": lat, "lon": lon, "areas": [in_short(a) for a in areas]}
        for (lat, lon), areas in zip(points, found, strict=True)
    ]


def in_short(area: Area) -> dict[str, Any]:
    """Return {code, name, level} of an area."""
    return {"code": area.code, "name": area.name, "level": area.level}
