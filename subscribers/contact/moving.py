"""Names, contact points and marks of who was erased, taken out to be moved to another installation,
and brought in there. They are opened here and sealed there, for its keys are others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from subscribers.contact.keys import opener, ring_of
from subscribers.contact.points import NAME
from subscribers.contact.tables import contact_point, erased_mark, sealed_name

POINT: Final = tuple(
    "address" if c.name == "sealed" else c.name
    for c in contact_point.c
    if c.name not in ("key_id", "mark_0", "mark_1")
)
CALLED: Final = ("subscriber_id", "name")
ERASED: Final = tuple(c.name for c in erased_mark.c)
TABLES: Final = (contact_point, sealed_name, erased_mark)


def points(conn: Connection, first: int, last: int) -> Iterator[dict[str, Any]]:
    """Yield the contact points of the people with these numbers, opened. Raises Rejected."""
    opened = opener(conn)
    who = contact_point.c.subscriber_id.between(first, last)
    order = (contact_point.c.subscriber_id, contact_point.c.kind, contact_point.c.place_in_order)
    for row in conn.execute(select(contact_point).where(who).order_by(*order)).mappings():
        address = opened(row["subscriber_id"], row["kind"], row["sealed"], row["key_id"])
        yield {**row, "address": address}


def names(conn: Connection, first: int, last: int) -> Iterator[dict[str, Any]]:
    """Yield how the people with these numbers are called, opened. Raises Rejected."""
    opened = opener(conn)
    who = sealed_name.c.subscriber_id.between(first, last)
    query = select(sealed_name).where(who).order_by(sealed_name.c.subscriber_id)
    for row in conn.execute(query):
        called = opened(row.subscriber_id, NAME, row.sealed, row.key_id)
        yield {"subscriber_id": row.subscriber_id, "name": called}


def erased(conn: Connection) -> Iterator[dict[str, Any]]:
    """Yield the marks of who was erased, as they are."""
    order = (erased_mark.c.key_id, erased_mark.c.mark)
    for row in conn.execute(select(erased_mark).order_by(*order)).mappings():
        yield dict(row)


def bring_points(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write contact points, sealed and marked with the keys of this installation."""
    keys = ring_of(conn).to_write(conn)
    sealed = []
    for row in rows:
        person, kind, address = row["subscriber_id"], row["kind"], row["address"]
        mark_0, mark_1 = keys.marks(kind, address)
        made = {"sealed": keys.newest.seal(person, kind, address), "key_id": keys.newest.id}
        kept = {name: value for name, value in row.items() if name != "address"}
        sealed.append(kept | made | {"mark_0": mark_0, "mark_1": mark_1})
    conn.execute(insert(contact_point), sealed)


def bring_names(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write names, sealed with the key of this installation."""
    key = ring_of(conn).to_write(conn).newest
    sealed = [
        {
            "subscriber_id": row["subscriber_id"],
            "sealed": key.seal(row["subscriber_id"], NAME, row["name"]),
            "key_id": key.id,
        }
        for row in rows
    ]
    conn.execute(insert(sealed_name), sealed)


def bring_erased(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write the marks of who was erased. The keys that made them must be here too, for only with
    them can anybody be known again. Raises Rejected contact_key_missing.
    """
    for key_id in sorted({row["key_id"] for row in rows}):
        ring_of(conn).key(key_id)
    conn.execute(insert(erased_mark), list(rows))
