"""Areas: brought in from a file, shown one by one, asked where a point lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np

from broadcast.files.nearest import nearest, shown
from broadcast.operators import operators
from broadcast.places.areas import Area, AreaRecord, AreaTree
from broadcast.places.postcodes import code, look_up
from broadcast.places.postcodes.directory import Entry
from broadcast.places.stored_areas import store_areas
from broadcast.problems import refuse
from broadcast.store.database import Connection
from service.setup.who import Who, allowed
from subscribers.registry import placing


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
    settled = placing.settle(conn, now)
    operators.log_admin(
        conn,
        actor=actor,
        action="areas.import",
        subject=name,
        detail=f"level={level} areas={len(records)}",
        now=now,
    )
    return counts, settled


def replaced(conn: Connection, tree: AreaTree) -> list[dict[str, Any]]:
    """Return the areas whose code a later import replaced, and by which people are still known:
    [{code, name, level, now, people}], those with the most people first.

    They are kept, and a message that names the new area is for them too, until their record says
    the new code.
    """
    newer = tree.replaced()
    people = placing.known_by_area(conn, newer)
    found = [
        {**in_short(tree[old]), "now": in_short(tree[newer[old]]), "people": count}
        for old, count in people.items()
    ]
    return sorted(found, key=lambda each: (-each["people"], each["code"]))


def store_postcodes(conn: Connection, entries: Sequence[Entry], now: datetime) -> int:
    """Insert or renew the places of these postcodes; return of how many something changed. One of
    many transactions of one import: the look-up is whole at every moment, if not all of one year.
    """
    return look_up.put(conn, entries, now)


def postcodes_imported(conn: Connection, who: Who, *, name: str, count: int, now: datetime) -> int:
    """Record the import of a directory; return of how many postcodes the place is known."""
    actor = allowed(conn, who, everywhere=True)
    operators.log_admin(
        conn,
        actor=actor,
        action="areas.postcodes",
        subject=name,
        detail=f"postcodes={count}",
        now=now,
    )
    return look_up.count(conn)


def place_of_postcode(conn: Connection, tree: AreaTree, written: str) -> dict[str, Any]:
    """Return where a postcode lies, however it is written: {postcode, lat, lon, uncertainty_m,
    areas}, the areas as `located` gives them.

    Raises Rejected: postcode_invalid where it is none; 404 postcode_unknown where nobody knows.
    """
    found = code.key(written)
    if not found:
        raise refuse(
            "postcode_invalid", "this is no postcode", "write it as SW1A 2AA", field="postcode"
        )
    place = look_up.place_of(conn, found)
    if place is None:
        raise refuse(
            "postcode_unknown",
            "where this postcode lies is not known here",
            "see whether it is right, or give a place or an area",
            field="postcode",
            status=404,
        )
    return {
        "postcode": place.postcode,
        "lat": place.lat,
        "lon": place.lon,
        "uncertainty_m": place.uncertainty_m,
        "areas": [in_short(a) for a in tree.locate(place.lat, place.lon)],
    }


def document(tree: AreaTree, area_code: str) -> dict[str, Any]:
    """Return one area: what it lies in, what lies in it, its bounds in degrees (null without a
    geometry). Raises Rejected (404 area_unknown) with the nearest code.
    """
    wanted = area_code.strip().upper()
    if wanted not in tree:
        near = nearest(wanted, [a.code for a in tree.all()])
        raise refuse(
            "area_unknown",
            f"{shown(area_code)} was never imported",
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
