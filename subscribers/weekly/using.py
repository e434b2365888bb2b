"""Who has had as many routine messages this week as they take: counted at the freezing of each, in
its own transaction, so that it is decided once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, delete, insert, select, text

from broadcast.ledger.audiences import Frozen
from broadcast.ledger.evidence import MAY_HAVE_REACHED
from broadcast.ledger.tables import frozen_set
from broadcast.messages.tables import version
from broadcast.messages.versions import Version
from broadcast.store.database import UtcDateTime, lock_name
from subscribers.weekly.tables import weekly_use

WEEK: Final = timedelta(days=7)
REASON: Final = "budget"
Key = TypeVar("Key")
_TO_COME: Final = ("approved", "live", "held")
"""In these states a message still goes to those it is for. Afterwards only whom it reached, or may
have reached, has had it.
"""


def lock(conn: Connection) -> None:
    """Have nobody else count until this transaction ends. Taken before the locks of versions: two
    that froze at once would each find room for one more.
    """
    lock_name(conn, "weekly budget")


def spent(conn: Connection, v: Version, at: datetime) -> BitMap:
    """Return who has had, in the week before `at`, as many routine messages as they take: another
    one, such as this version, is not for them. An exercise counts among exercises alone: it is
    never the reason that somebody is not told what is real.
    """
    had = _had(conn, v, at, None)
    return BitMap([person for person, (count, most) in had.items() if most and count >= most])


def within(conn: Connection, v: Version, frozen: Frozen, at: datetime) -> Frozen:
    """Return an audience without those of it whose week is full, who go to the suppressed with the
    reason `budget`. `lock` was taken before.
    """
    people = BitMap().union(*frozen.limited.values())
    if not people:
        return frozen
    had = _had(conn, v, at, people)
    over = BitMap(
        person
        for most, members in frozen.limited.items()
        for person in members
        if had.get(person, (0, 0))[0] >= most
    )
    if not over:
        return frozen
    return replace(
        frozen,
        send=_without(frozen.send, over),
        held=_without(frozen.held, over),
        limited=_without(frozen.limited, over),
        suppressed={
            **frozen.suppressed,
            REASON: frozen.suppressed.get(REASON, BitMap()) | over,
        },
    )


def _without(parts: Mapping[Key, BitMap], over: BitMap) -> dict[Key, BitMap]:
    return {key: rest for key, ids in parts.items() if (rest := ids - over)}


def note(conn: Connection, v: Version, frozen: Frozen, at: datetime) -> None:
    """Keep that this version counts for the people it is frozen for, of those who have a limit."""
    rows = [
        {"person_id": person, "version_id": v.id, "at": at}
        for members in frozen.limited.values()
        for person in members
    ]
    if rows:
        conn.execute(insert(weekly_use), rows)


def give_back(conn: Connection, version_id: int) -> None:
    """Let a version count for nobody: it was not released, and is frozen anew."""
    conn.execute(delete(weekly_use).where(weekly_use.c.version_id == version_id))


def forget(conn: Connection, now: datetime) -> int:
    """Drop what counts no more; return how many rows."""
    return conn.execute(delete(weekly_use).where(weekly_use.c.at <= now - WEEK)).rowcount


def of_person(conn: Connection, person: int) -> list[tuple[int, datetime]]:
    """Return which versions are noted for somebody's week, and since when, the oldest first."""
    query = select(weekly_use.c.version_id, weekly_use.c.at).where(weekly_use.c.person_id == person)
    found = conn.execute(query.order_by(weekly_use.c.at, weekly_use.c.version_id))
    return [(row.version_id, row.at) for row in found]


def left_out(conn: Connection, version_id: int) -> BitMap:
    """Return who of a frozen version is not told because their week was full."""
    found = BitMap()
    query = select(frozen_set.c.members).where(
        frozen_set.c.version_id == version_id,
        frozen_set.c.role == "suppressed",
        frozen_set.c.reason == REASON,
    )
    for members in conn.execute(query).scalars():
        found |= BitMap.deserialize(members)
    return found


@dataclass(frozen=True, slots=True)
class Missed:
    """A version that somebody was not told because their week was full, and when it went out."""

    version_id: int
    at: datetime


def missed(conn: Connection, person: int, since: datetime, most: int) -> list[Missed]:
    """Return what somebody was not told for their limit, the newest first."""
    query = (
        select(frozen_set.c.version_id, frozen_set.c.members, version.c.live_at)
        .join(version, version.c.id == frozen_set.c.version_id)
        .where(
            frozen_set.c.role == "suppressed",
            frozen_set.c.reason == REASON,
            version.c.live_at > since,
        )
        .order_by(version.c.live_at.desc())
    )
    found: dict[int, Missed] = {}
    for row in conn.execute(query):
        if person in BitMap.deserialize(row.members):
            found[row.version_id] = Missed(row.version_id, row.live_at)
        if len(found) >= most:
            break
    return list(found.values())


def _had(
    conn: Connection, v: Version, at: datetime, people: BitMap | None
) -> dict[int, tuple[int, int]]:
    """Return, by person, how many other messages count in the week before `at`, or were counted
    since, and how many they take at most (0 = any number). Versions of one message count once, and
    those of this one not at all.
    """
    postgres = conn.dialect.name == "postgresql"
    reached = ", ".join(f"'{state}'" for state in MAY_HAVE_REACHED)
    to_come = ", ".join(f"'{state}'" for state in _TO_COME)
    one_of = "= ANY(:ids)" if postgres else "IN (SELECT value FROM json_each(:ids))"
    some = "" if people is None else f"AND u.person_id {one_of}"
    sql = f"""SELECT u.person_id, count(DISTINCT w.message_id), s.most_a_week
        FROM weekly_use u JOIN version w ON w.id = u.version_id
            JOIN subscriber s ON s.id = u.person_id
        WHERE u.at > :since AND u.at < :until AND w.message_id <> :message AND w.status = :status
            {some}
            AND (w.state IN ({to_come}) OR EXISTS (SELECT 1 FROM outcome o
                WHERE o.person_id = u.person_id AND o.version_id = u.version_id
                    AND o.state IN ({reached})))
        GROUP BY u.person_id, s.most_a_week"""  # noqa: S608 - constants
    clause = text(sql).bindparams(
        bindparam("since", type_=UtcDateTime()), bindparam("until", type_=UtcDateTime())
    )
    # Later moments count too: a matcher reads the clock before it waits for the lock, and clocks
    # differ. What a wrong clock wrote for a week ahead and more counts for nobody.
    given = {"since": at - WEEK, "until": at + WEEK, "message": v.message_id, "status": v.status}
    if people is not None:
        given["ids"] = list(people) if postgres else json.dumps(list(people))
    return {
        int(person): (int(count), int(most) if most else 0)
        for person, count, most in conn.execute(clause, given)
    }
