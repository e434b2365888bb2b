"""Registrations joined by hand: by who holds them, signed in, or by an administrator."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from broadcast.store.database import lock_name
from subscribers.same_person.tables import same_person

SOURCES: Final = ("page", "operator")


def join(conn: Connection, people: Iterable[int], source: str, now: datetime) -> list[int]:
    """Say that these registrations are one person, with all that they were joined with before;
    return all of them, the lowest first. `source`: page, operator.
    """
    if source not in SOURCES:
        raise ValueError(f"no such source: {source}")
    lock_name(conn, "same person")
    wanted = set(joined_with(conn, *people))
    one = min(wanted)
    conn.execute(delete(same_person).where(same_person.c.subscriber_id.in_(wanted)))
    rows = [{"subscriber_id": p, "one": one, "source": source, "at": now} for p in sorted(wanted)]
    conn.execute(insert(same_person), rows)
    return sorted(wanted)


def part(conn: Connection, person: int, source: str, now: datetime) -> bool:
    """Say that a registration stands apart: it is joined with no other, neither by hand nor because
    of its name; return whether that is new.
    """
    if source not in SOURCES:
        raise ValueError(f"no such source: {source}")
    lock_name(conn, "same person")
    rest = [each for each in joined_with(conn, person) if each != person]
    before = conn.execute(
        select(same_person.c.one).where(same_person.c.subscriber_id == person)
    ).scalar_one_or_none()
    if before == person and not rest:
        return False
    forget(conn, person)
    row = {"subscriber_id": person, "one": person, "source": source, "at": now}
    conn.execute(insert(same_person), [row])
    return True


def joined_with(conn: Connection, *people: int) -> list[int]:
    """Return the registrations that these were joined with by hand, themselves among them, the
    lowest first; themselves alone where there are none.
    """
    theirs = select(same_person.c.one).where(same_person.c.subscriber_id.in_(people))
    query = select(same_person.c.subscriber_id).where(
        same_person.c.one.in_(theirs.scalar_subquery())
    )
    return sorted({*people, *conn.execute(query).scalars()})


def forget(conn: Connection, person: int) -> None:
    """Take one registration away from those it was joined with: it is erased, or stands apart."""
    lock_name(conn, "same person")
    rest = [each for each in joined_with(conn, person) if each != person]
    conn.execute(delete(same_person).where(same_person.c.subscriber_id == person))
    if len(rest) == 1:  # joined with nobody, which is not the same as standing apart
        conn.execute(delete(same_person).where(same_person.c.subscriber_id == rest[0]))
    elif rest:
        conn.execute(
            update(same_person).where(same_person.c.subscriber_id.in_(rest)).values(one=rest[0])
        )
