"""The external ids of people, by which other books know them: for reports."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from subscribers.registry.tables import subscriber

_AT_ONCE = 10_000


def external_ids(conn: Connection, people: Sequence[int]) -> dict[int, str]:
    """Return the external id of each of these people."""
    found: dict[int, str] = {}
    for start in range(0, len(people), _AT_ONCE):
        wanted = list(people[start : start + _AT_ONCE])
        found |= {
            row.id: row.external_id
            for row in conn.execute(
                select(subscriber.c.id, subscriber.c.external_id).where(subscriber.c.id.in_(wanted))
            )
        }
    return found
