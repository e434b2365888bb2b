"""Who was erased for good, as keyed marks of what they were called by: enough to leave them out of
a later file, and to tell nobody anything without the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from subscribers.contact.keys import Key, ring_of
from subscribers.contact.kinds import BY_NAME
from subscribers.contact.points import Known
from subscribers.contact.tables import erased_mark

EXTERNAL_ID: Final = "external id"


def remember(conn: Connection, person: int, external_id: str, known: Known, now: datetime) -> None:
    """Keep the marks of somebody who is being erased."""
    key = ring_of(conn).to_write(conn).newest
    told = conn.execute(select(erased_mark.c.mark).where(erased_mark.c.key_id == key.id)).scalars()
    held = {bytes(mark) for mark in told}
    for what, mark in _marks(key, external_id, known).items():
        if mark not in held:
            row = {"mark": mark, "key_id": key.id, "subscriber_id": person, "erased_at": now}
            conn.execute(insert(erased_mark), row | {"what": what})
            held.add(mark)


def among(conn: Connection, people: Sequence[tuple[str, Known]]) -> list[int]:
    """Return at which places stands somebody who was erased: by their external id, or because each
    contact point that is given was one of theirs. Raises Rejected contact_key_missing where marks
    were made with a key that is not at hand: nobody is brought back because it is lost.
    """
    by_key: dict[str, set[bytes]] = {}
    for row in conn.execute(select(erased_mark.c.key_id, erased_mark.c.mark)):
        by_key.setdefault(row.key_id, set()).add(bytes(row.mark))
    found = set()
    for key_id, held in by_key.items():
        key = ring_of(conn).key(key_id)
        for n, (external_id, known) in enumerate(people):
            marks = _marks(key, external_id, known)
            named = marks.pop(EXTERNAL_ID)
            if named in held or (marks and held.issuperset(marks.values())):
                found.add(n)
    return sorted(found)


def welcome(conn: Connection, external_id: str, known: Known) -> None:
    """Take away the marks of somebody who registers again by themselves."""
    for key_id in list(conn.execute(select(erased_mark.c.key_id).distinct()).scalars()):
        marks = _marks(ring_of(conn).key(key_id), external_id, known)
        conn.execute(delete(erased_mark).where(erased_mark.c.mark.in_(list(marks.values()))))


def _marks(key: Key, external_id: str, known: Known) -> dict[str, bytes]:
    found = {EXTERNAL_ID: key.mark_of(EXTERNAL_ID, external_id)}
    for kind, address in known.addresses.items():
        found[BY_NAME[kind].name] = key.mark(kind, address)
    return found
