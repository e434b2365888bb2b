"""Other places of people, taken out to be moved, and brought in as they are: whether the new
installation knows their postcodes or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from subscribers.places.tables import subscriber_place


def out(conn: Connection, first: int, last: int) -> Iterator[dict[str, Any]]:
    """Yield the other places of the people with these numbers, in their order."""
    who = subscriber_place.c.subscriber_id.between(first, last)
    order = (subscriber_place.c.subscriber_id, subscriber_place.c.no)
    for row in conn.execute(select(subscriber_place).where(who).order_by(*order)).mappings():
        yield dict(row)


def bring(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows that were taken out, each with the mark of what writes it (`change`)."""
    conn.execute(insert(subscriber_place), list(rows))
