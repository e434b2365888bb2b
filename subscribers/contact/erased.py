"""Remembers who was erased for good, so that a later file does not bring them back.

Only marks are kept: keyed hashes of the external id and the contact points. Without the key they
tell nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from subscribers.contact.keys import Key, ring_of
from subscribers.contact.kinds import BY_NAME
from subscribers.contact.points import Known
from subscribers.contact.tables import erased_mark
from subscribers.registry.tables import subscriber

EXTERNAL_ID: Final = "external id"
_AT_ONCE: Final = 1_000


def remember(conn: Connection, person: int, external_id: str, known: Known, now: datetime) -> None:
    """Store the marks of a person who is being erased."""
    key = ring_of(conn).to_write(conn).newest
    told = conn.execute(select(erased_mark.c.mark).where(erased_mark.c.key_id == key.id)).scalars()
    held = {bytes(mark) for mark in told}
    for what, mark in _marks(key, external_id, known).items():
        if mark not in held:
            row = {"mark": mark, "key_id": key.id, "subscriber_id": person, "erased_at": now}
            conn.execute(insert(erased_mark), row | {"what": what})
            held.add(mark)


class Erased:
    """The marks of everybody who was erased, read once. The caller holds the lock of the import, so
    nobody is erased meanwhile. Raises Rejected (contact_key_missing) where a mark was made with a
    key that is not at hand: losing a key must bring nobody back.
    """

    def __init__(self, conn: Connection) -> None:
        by_key: dict[str, set[bytes]] = {}
        for row in conn.execute(select(erased_mark.c.key_id, erased_mark.c.mark)):
            by_key.setdefault(row.key_id, set()).add(bytes(row.mark))
        ring = ring_of(conn)
        self._held = [(ring.key(key_id), held) for key_id, held in by_key.items()]

    def among(self, people: Sequence[tuple[str, Known]]) -> tuple[list[int], set[tuple[str, str]]]:
        """Return the indexes of those of `people` who were erased: their external id is marked, or
        all the contact points that are given for them are. And, as (kind, address), each of their
        contact points that is marked: somebody who had it is gone, whoever else it may belong to.
        """
        found: set[int] = set()
        left: set[tuple[str, str]] = set()
        for key, held in self._held:
            for n, (external_id, known) in enumerate(people):
                marks = _marks(key, external_id, known)
                named = marks.pop(EXTERNAL_ID)
                there = [kind for kind, mark in marks.items() if mark in held]
                left.update((kind, known.addresses[kind]) for kind in there)
                if named in held or (marks and len(there) == len(marks)):
                    found.add(n)
        return sorted(found), left

    def __bool__(self) -> bool:
        return bool(self._held)


def back(conn: Connection, marks: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the ids of the erased people who are registered again, in ascending order. `marks` are
    rows of the table of marks; a person is recognised by id and marked external id together. Raises
    Rejected (contact_key_missing).
    """
    ring = ring_of(conn)
    found = set()
    named = [row for row in marks if row["what"] == EXTERNAL_ID]
    for start in range(0, len(named), _AT_ONCE):
        page = named[start : start + _AT_ONCE]
        query = select(subscriber.c.id, subscriber.c.external_id).where(
            subscriber.c.id.in_([row["subscriber_id"] for row in page]),
            subscriber.c.erased_at.is_(None),
        )
        here = {row.id: row.external_id for row in conn.execute(query)}
        for row in page:
            person = row["subscriber_id"]
            key = ring.key(row["key_id"])
            if person in here and key.mark_of(EXTERNAL_ID, here[person]) == row["mark"]:
                found.add(person)
    return sorted(found)


def add_missing(conn: Connection, marks: Sequence[Mapping[str, Any]]) -> int:
    """Store those of these rows of marks that are not stored yet; return how many they were. Raises
    Rejected (contact_key_missing).
    """
    held = {
        (row.key_id, bytes(row.mark))
        for row in conn.execute(select(erased_mark.c.key_id, erased_mark.c.mark))
    }
    added = {(row["key_id"], row["mark"]): dict(row) for row in marks}
    fresh = [row for which, row in added.items() if which not in held]
    for key_id in {row["key_id"] for row in fresh}:
        ring_of(conn).key(key_id)
    if fresh:
        conn.execute(insert(erased_mark), fresh)
    return len(fresh)


def welcome(conn: Connection, external_id: str, known: Known) -> None:
    """Delete the marks of a person who registers again of their own accord."""
    for key_id in list(conn.execute(select(erased_mark.c.key_id).distinct()).scalars()):
        marks = _marks(ring_of(conn).key(key_id), external_id, known)
        conn.execute(delete(erased_mark).where(erased_mark.c.mark.in_(list(marks.values()))))


def _marks(key: Key, external_id: str, known: Known) -> dict[str, bytes]:
    found = {EXTERNAL_ID: key.mark_of(EXTERNAL_ID, external_id)}
    for kind, address in known.addresses.items():
        found[BY_NAME[kind].name] = key.mark(kind, address)
    return found
