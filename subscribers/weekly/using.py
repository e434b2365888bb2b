"""The weekly limit: people may say how many routine messages a week they take at most. It is judged
when a message's audience is frozen, in that transaction, and not again.
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
    """Keep others from counting until this transaction ends: two messages frozen at once would each
    find room for one more. Taken before the locks of versions.
    """
    lock_name(conn, "weekly budget")


def spent(conn: Connection, v: Version, at: datetime) -> BitMap:
    """Return the people whose limit is used up in the week before `at`, so that this version is not
    for them. Exercises are counted apart: an exercise never keeps anybody from a real message.
    """
    had = _had(conn, v, at, None)
    return BitMap([person for person, (count, most) in had.items() if most and count >= most])


def within(conn: Connection, v: Version, frozen: Frozen, at: datetime) -> Frozen:
    """Return the audience with the people whose limit is used up moved to the suppressed, reason
    `budget`. The caller has taken `lock`.
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
    """Count this version for the people of its audience who have a limit."""
    rows = [
        {"person_id": person, "version_id": v.id, "at": at}
        for members in frozen.limited.values()
        for person in members
    ]
    if rows:
        conn.execute(insert(weekly_use), rows)


def give_back(conn: Connection, version_id: int) -> None:
    """Take back what a version counted: it was not released, and is frozen anew."""
    conn.execute(delete(weekly_use).where(weekly_use.c.version_id == version_id))


def forget(conn: Connection, now: datetime) -> int:
    """Delete the counts older than a week; return how many rows."""
    return conn.execute(delete(weekly_use).where(weekly_use.c.at <= now - WEEK)).rowcount


def of_person(conn: Connection, person: int) -> list[tuple[int, datetime]]:
    """Return the versions that count towards a person's limit, each with the time from which it
    counts, the oldest first.
    """
    query = select(weekly_use.c.version_id, weekly_use.c.at).where(weekly_use.c.person_id == person)
    found = conn.execute(query.order_by(weekly_use.c.at, weekly_use.c.version_id))
    return [(row.version_id, row.at) for row in found]


def left_out(conn: Connection, version_id: int) -> BitMap:
    """Return the people of a frozen version who are not told because their limit was used up."""
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
    """A version that a person was not sent because their limit was used up; `at`: it went out."""

    version_id: int
    at: datetime


def missed(conn: Connection, person: int, since: datetime, most: int) -> list[Missed]:
    """Return what a person was not sent since then because of their limit, the newest first, `most`
    at most.
    """
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
    """Return by person (messages counted in the week before `at` or since, the person's limit, 0 =
    none). Several versions of one message count once; versions of this message do not count.
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
