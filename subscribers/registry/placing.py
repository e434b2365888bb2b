"""Where people are: what an area or a postcode that was imported since says of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from broadcast.places.areas import AreaTree
from broadcast.places.postcodes import look_up
from subscribers.places import rows as places
from subscribers.registry import by_area
from subscribers.registry.by_area import BY_AREA
from subscribers.registry.mark import next_change, take_turn
from subscribers.registry.tables import subscriber

_PAGE = 10_000


def settle(conn: Connection, now: datetime) -> int:
    """Put areas in the place of coordinates of officers and partners, where an imported area holds
    them by now; return of how many.

    For people who were registered before their area was imported, or by an older version of this
    software.
    """
    take_turn(conn)
    waiting = select(subscriber.c.id, subscriber.c.lat, subscriber.c.lon, subscriber.c.area)
    lying = (
        subscriber.c.kind.in_(BY_AREA)
        & subscriber.c.lat.is_not(None)
        & subscriber.c.lon.is_not(None)
    )
    rows = conn.execute(waiting.where(lying).order_by(subscriber.c.id).with_for_update()).all()
    if not rows:
        return 0
    codes = by_area.codes_of(AreaTree.load(conn), [(row.lat, row.lon, row.area) for row in rows])
    placed = [
        {"who": row.id, "code": code}
        for row, code in zip(rows, codes, strict=True)
        if code is not None
    ]
    if placed:
        values: dict[str, Any] = {
            "lat": None,
            "lon": None,
            "area": bindparam("code"),
            "updated_at": now,
            "change": next_change(conn),
        }
        conn.execute(
            update(subscriber).where(subscriber.c.id == bindparam("who")).values(**values), placed
        )
    return len(placed)


def place_others_by_postcode(conn: Connection, after: int) -> tuple[int, int | None]:
    """Do what `place_by_postcode` does for the other places of people."""
    take_turn(conn)
    return places.renew(conn, after, _PAGE, next_change(conn))


def known_by_area(conn: Connection, codes: Iterable[str]) -> dict[str, int]:
    """Return of how many people one of these areas is all that is known, by its code."""
    rows = conn.execute(
        select(subscriber.c.area, func.count())
        .where(subscriber.c.area.is_not(None), subscriber.c.erased_at.is_(None))
        .where(subscriber.c.lat.is_(None))
        .group_by(subscriber.c.area)
    )
    wanted = set(codes)
    return {area: count for area, count in rows if area in wanted}


def place_by_postcode(conn: Connection, now: datetime, after: int) -> tuple[int, int | None]:
    """Give the next people after this id who gave a postcode and no place the place that it has by
    now; return of how many, and the id to go on after, None at the end.

    For people who were registered before the look-up was imported, or renewed.
    """
    take_turn(conn)
    held = ("kind", "postcode", "lat", "lon", "area", "uncertainty_m")
    some = conn.execute(
        select(subscriber.c.id, *(subscriber.c[c] for c in held))
        .where(subscriber.c.id > after, subscriber.c.postcode != "")
        .where(subscriber.c.erased_at.is_(None))
        .where(subscriber.c.lat.is_(None) | subscriber.c.uncertainty_m.is_not(None))
        .order_by(subscriber.c.id)
        .limit(_PAGE)
        .with_for_update()
    ).all()
    places = look_up.places(conn, {row.postcode for row in some})
    found = [row for row in some if row.postcode in places]  # the others keep what they have
    by_code = [row for row in found if row.kind in BY_AREA]
    points = [(places[r.postcode].lat, places[r.postcode].lon, r.area) for r in by_code]
    codes = by_area.codes_of(AreaTree.load(conn), points) if points else []
    wanted: dict[int, tuple[float | None, float | None, str | None, int | None]] = {
        row.id: (None, None, area, None) for row, area in zip(by_code, codes, strict=True)
    }
    for row in found:
        at = places[row.postcode]
        wanted.setdefault(row.id, (at.lat, at.lon, row.area, at.uncertainty_m))
    moved = [
        dict(zip(("y", "x", "code", "metres"), wanted[row.id], strict=True), who=row.id)
        for row in found
        if (row.lat, row.lon, row.area, row.uncertainty_m) != wanted[row.id]
    ]
    if moved:
        values: dict[str, Any] = {
            "lat": bindparam("y"),
            "lon": bindparam("x"),
            "area": bindparam("code"),
            "uncertainty_m": bindparam("metres"),
            "updated_at": now,
            "change": next_change(conn),
        }
        conn.execute(
            update(subscriber).where(subscriber.c.id == bindparam("who")).values(**values), moved
        )
    return len(moved), some[-1].id if len(some) == _PAGE else None
