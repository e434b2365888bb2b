"""Another key in the place of the present one: sealed anew in small transactions, while everybody
is reached and found as before, and gone on with after a crash.

Three states follow each other. Both keys in force: whoever writes seals with the new one and marks
under both, and the rows of before are gone through; people are found by the marks of the old one,
which all rows have. Then, in one small transaction, the new one alone is in force. Then the marks
of the old key are taken away, for whoever has that key could try numbers out on them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, text, update

from broadcast.answers import store as answers
from broadcast.problems import refuse
from broadcast.store.database import lock_name
from subscribers.contact.keys import WRITERS, InForce, Key, ring_of
from subscribers.contact.points import NAME
from subscribers.contact.tables import contact_key, contact_point, erased_mark, sealed_name
from subscribers.organisations import sealing as organisations

PAGE: Final = 1_000


class Held(NamedTuple):
    """One key of a database, for people: how many names and contact points it seals, and how many
    marks of who was erased, and of senders of answers, were made with it. Those stay: their
    addresses are known to nobody.
    """

    key_id: str
    state: str
    since: datetime
    sealed: int
    erased: int
    answers: int


def held(conn: Connection) -> list[Held]:
    """Return the keys that this database knows, the oldest first."""
    counts: dict[str, int] = {}
    for table in (contact_point, sealed_name):
        rows = conn.execute(select(table.c.key_id, func.count()).group_by(table.c.key_id))
        for key_id, number in rows:
            counts[key_id] = counts.get(key_id, 0) + number
    for key_id, number in organisations.by_key(conn).items():
        counts[key_id] = counts.get(key_id, 0) + number
    rows = conn.execute(select(contact_key).order_by(contact_key.c.since, contact_key.c.key_id))
    marks: dict[str, int] = dict(
        conn.execute(
            select(erased_mark.c.key_id, func.count()).group_by(erased_mark.c.key_id)
        ).all()
    )
    senders = answers.marks_by_key(conn)
    return [
        Held(
            r.key_id,
            r.state,
            r.since,
            counts.get(r.key_id, 0),
            marks.get(r.key_id, 0),
            senders.get(r.key_id, 0),
        )
        for r in rows
    ]


def wants_new_key(conn: Connection) -> bool:
    """Return whether a rotation that begins now needs a key that is not there yet: none is under
    way, and the newest key is the one in force, or was before.
    """
    ring = ring_of(conn)
    ring.to_write(conn)
    newest = ring.newest()
    return newest is None or newest.id in {h.key_id for h in held(conn) if h.state != "next"}


def begin(conn: Connection, now: datetime) -> tuple[str, str]:
    """Put the newest key in force beside the present one, unless a rotation is under way; return
    the ids of both. Raises Rejected contact_key_old where there is no newer key.
    """
    ring = ring_of(conn)
    lock_name(conn, WRITERS)
    keys = ring.to_write(conn)
    if keys.following is None:
        newest = ring.newest()
        known = set(conn.execute(select(contact_key.c.key_id)).scalars())
        if newest is None or newest.id in known:
            raise refuse(
                "contact_key_old",
                "the newest key is in force already, or was before",
                "put a new one last, from: openssl rand -hex 32; then restart every process and"
                " rotate again",
                field="FASTTIME_CONTACT_KEYS",
            )
        slot = 1 - keys.active[0]
        row = {"key_id": newest.id, "slot": slot, "state": "next", "since": now}
        conn.execute(insert(contact_key), row)
        keys = InForce(keys.active, (slot, newest))
    assert keys.following is not None
    return keys.active[1].id, keys.following[1].id


def step(conn: Connection, page: int = PAGE) -> int:
    """Seal up to so many rows anew; return how many: 0 = nothing is left, or none is under way."""
    keys = ring_of(conn).in_force(conn)
    if keys is None or keys.following is None:
        return 0
    slot, key = keys.following
    return (
        _names(conn, key, page)
        or organisations.anew(conn, key, page)
        or _points(conn, slot, key, page)
    )


def _names(conn: Connection, key: Key, page: int) -> int:
    ring = ring_of(conn)
    rows = conn.execute(
        select(sealed_name)
        .where(sealed_name.c.key_id != key.id)
        .limit(page)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        anew = [
            {
                "person": r.subscriber_id,
                "sealed": key.seal(
                    r.subscriber_id,
                    NAME,
                    ring.key(r.key_id).open(r.subscriber_id, NAME, r.sealed),
                ),
                "key": key.id,
            }
            for r in rows
        ]
        conn.execute(
            text(
                "UPDATE sealed_name SET sealed = :sealed, key_id = :key"
                " WHERE subscriber_id = :person"
            ),
            anew,
        )
    return len(rows)


def _points(conn: Connection, slot: int, key: Key, page: int) -> int:
    ring = ring_of(conn)
    rows = conn.execute(
        select(contact_point)
        .where(contact_point.c.key_id != key.id)
        .limit(page)
        .with_for_update(skip_locked=True)
    ).all()
    anew: list[dict[str, Any]] = []
    for r in rows:
        address = ring.key(r.key_id).open(r.subscriber_id, r.kind, r.sealed)
        anew.append(
            {
                "person": r.subscriber_id,
                "kind": r.kind,
                "place": r.place_in_order,
                "sealed": key.seal(r.subscriber_id, r.kind, address),
                "mark": key.mark(r.kind, address),
                "key": key.id,
            }
        )
    if anew:
        sql = f"""UPDATE contact_point SET sealed = :sealed, key_id = :key, mark_{slot} = :mark
            WHERE subscriber_id = :person AND kind = :kind AND place_in_order = :place"""  # noqa: S608 - a number of ours
        conn.execute(text(sql), anew)
    return len(rows)


def finish(conn: Connection, now: datetime) -> bool:
    """Put the new key alone in force if every row is sealed with it; return whether it is."""
    lock_name(conn, WRITERS)
    keys = ring_of(conn).in_force(conn)
    if keys is None or keys.following is None:
        return True
    key = keys.following[1]
    for table in (sealed_name, contact_point):
        if conn.execute(select(table.c.key_id).where(table.c.key_id != key.id).limit(1)).first():
            return False
    if organisations.others_than(conn, key.id):
        return False
    for key_id, state in ((keys.active[1].id, "old"), (key.id, "active")):
        moved = update(contact_key).where(contact_key.c.key_id == key_id)
        conn.execute(moved.values(state=state, since=now))
    return True


def clean(conn: Connection, page: int = PAGE) -> int:
    """Take up to so many marks of a key away that is no longer in force; return how many."""
    keys = ring_of(conn).in_force(conn)
    if keys is None or keys.following is not None:
        return 0
    other = f"mark_{1 - keys.active[0]}"
    rows = conn.execute(
        text(
            "SELECT subscriber_id AS person, kind, place_in_order AS place FROM contact_point"  # noqa: S608
            f" WHERE {other} IS NOT NULL LIMIT :page"
        ),
        {"page": page},
    ).all()
    if rows:
        sql = f"""UPDATE contact_point SET {other} = NULL WHERE subscriber_id = :person
            AND kind = :kind AND place_in_order = :place"""  # noqa: S608 - a number of ours
        conn.execute(text(sql), [row._asdict() for row in rows])
    return len(rows)
