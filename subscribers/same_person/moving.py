"""Registrations that were joined or told apart, taken out to be moved, and brought in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from subscribers.same_person.tables import same_person


def out(conn: Connection) -> Iterator[dict[str, Any]]:
    """Yield every row, by the person's number."""
    query = select(same_person).order_by(same_person.c.subscriber_id)
    for row in conn.execute(query).mappings():
        yield dict(row)


def bring(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows that were taken out."""
    conn.execute(insert(same_person), list(rows))
