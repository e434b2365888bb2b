"""The names of organisations, sealed and opened by the keys of contact points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, update

from subscribers.contact.keys import Key, opener, ring_of
from subscribers.organisations.tables import organisation

_WHAT: Final = "organisation"


def sealed(conn: Connection, number: int, name: str) -> dict[str, Any]:
    """Return what stands in the row of this number for a name."""
    key = ring_of(conn).to_write(conn).newest
    return {"sealed": key.seal(number, _WHAT, name), "key_id": key.id}


def opened(conn: Connection, row: Any) -> str:
    """Return the name of a row. Raises Rejected contact_key_missing, contact_unreadable."""
    return opener(conn)(row.id, _WHAT, row.sealed, row.key_id)


def by_key(conn: Connection) -> Mapping[str, int]:
    """Return how many names each key seals."""
    rows = conn.execute(select(organisation.c.key_id, func.count()).group_by(organisation.c.key_id))
    return {row.key_id: row[1] for row in rows}


def anew(conn: Connection, key: Key, page: int) -> int:
    """Seal up to so many names with this key that another seals; return how many."""
    ring = ring_of(conn)
    rows = conn.execute(
        select(organisation.c.id, organisation.c.sealed, organisation.c.key_id)
        .where(organisation.c.key_id != key.id)
        .limit(page)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        conn.execute(
            update(organisation)
            .where(organisation.c.id == bindparam("number"))
            .values(sealed=bindparam("name"), key_id=key.id),
            [
                {
                    "number": r.id,
                    "name": key.seal(r.id, _WHAT, ring.key(r.key_id).open(r.id, _WHAT, r.sealed)),
                }
                for r in rows
            ],
        )
    return len(rows)


def others_than(conn: Connection, key_id: str) -> bool:
    """Return whether another key than this one seals any name."""
    query = select(organisation.c.id).where(organisation.c.key_id != key_id).limit(1)
    return conn.execute(query).first() is not None
