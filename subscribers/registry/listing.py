"""People by page, as they may be shown on a screen: who they are to us, and of how they are reached
only what tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from broadcast.places.areas import AreaTree
from subscribers.contact import points
from subscribers.contact.points import Known
from subscribers.registry.tables import subscriber

_LISTS = ("sectors", "communities", "topics", "channels", "stopped")
_AT_ONCE = 500


def page(
    conn: Connection, after: int, limit: int, tree: AreaTree | None = None, room: str | None = None
) -> list[dict[str, Any]]:
    """Return up to `limit` people, not erased, with a higher id than `after`, by id; numbers,
    addresses and names are masked.

    With a tree and the area of a control room, only who is known to be in it.
    """
    there = (
        select(subscriber)
        .where(subscriber.c.erased_at.is_(None))
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    found: list[Any] = []
    while len(found) < limit:
        rows = conn.execute(there.where(subscriber.c.id > after)).all()
        found += rows if tree is None or room is None else _inside(rows, tree, room)
        if len(rows) < limit:
            break
        after = rows[-1].id
    known = points.known(conn, [r.id for r in found[:limit]])
    return [
        {
            **_who(r, known.get(r.id, points.NOTHING)),
            "kind": r.kind,
            "language": r.language,
            "area": r.area,
            "minimum_severity": r.minimum_severity or None,
            **{
                column: [part for part in getattr(r, column).split(";") if part]
                for column in _LISTS
            },
        }
        for r in found[:limit]
    ]


def of_external_ids(conn: Connection, external_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return who of these people is registered and not erased, by number: {id, external_id, name,
    email, mobile, phone}, the last four masked.
    """
    return _masked_of(conn, subscriber.c.external_id, external_ids)


def of_numbers(conn: Connection, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """Return who of the people of these numbers is not erased, as `of_external_ids` does."""
    return _masked_of(conn, subscriber.c.id, numbers)


def _masked_of(conn: Connection, column: Any, values: Sequence[Any]) -> list[dict[str, Any]]:
    found: list[Any] = []
    for start in range(0, len(values), _AT_ONCE):
        some = column.in_(values[start : start + _AT_ONCE])
        query = select(subscriber.c.id, subscriber.c.external_id)
        found += conn.execute(query.where(some, subscriber.c.erased_at.is_(None))).all()
    found.sort(key=lambda r: r.id)
    known = points.known(conn, [r.id for r in found])
    return [_who(r, known.get(r.id, points.NOTHING)) for r in found]


def _who(row: Any, held: Known) -> dict[str, Any]:
    return {
        "id": row.id,
        "external_id": row.external_id,
        "name": masked_name(held.name),
        "email": masked_email(held.addresses.get("email")),
        "mobile": masked_number(held.addresses.get("mobile")),
        "phone": masked_number(held.addresses.get("phone")),
    }


def _inside(rows: Sequence[Any], tree: AreaTree, room: str) -> list[Any]:
    codes = tree.descendants(room)
    lats, lons = (np.array([getattr(r, c) for r in rows], dtype=np.float64) for c in ("lat", "lon"))
    located = tree.locate_many(lats, lons)
    return [
        r
        for r, areas in zip(rows, located, strict=True)
        if r.area in codes or any(a.code in codes for a in areas)
    ]


def masked(person: Mapping[str, Any]) -> dict[str, Any]:
    """Return one person, as the registry shows them, with numbers, addresses, name and place
    masked.
    """
    hidden = {
        "name": masked_name(person["name"]),
        "email": masked_email(person["email"]),
        "mobile": masked_number(person["mobile"]),
        "phone": masked_number(person["phone"]),
        "postcode": person["postcode"].partition(" ")[0],
        "lat": None,
        "lon": None,
    }
    return {**person, **hidden}


def masked_number(number: str | None) -> str | None:
    """Return "…123" of a number."""
    return f"…{number[-3:]}" if number else None


def masked_email(address: str | None) -> str | None:
    """Return "a…@example.org" of an address."""
    if not address:
        return None
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def masked_name(name: str) -> str:
    """Return "A… B…" of a name."""
    return " ".join(f"{part[0]}…" for part in name.split())
