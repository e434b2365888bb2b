"""Organisations, taken out to be moved with the registry, and brought in. Their names are opened
here and sealed there, for its keys are others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, text

from subscribers.organisations import sealing
from subscribers.organisations.tables import organisation, organisation_person

ORGANISATION: Final = tuple(
    "name" if c.name == "sealed" else c.name for c in organisation.c if c.name != "key_id"
)
PERSON: Final = tuple(c.name for c in organisation_person.c)
TABLES: Final = (organisation, organisation_person)


def out(conn: Connection) -> Iterator[dict[str, Any]]:
    """Yield every organisation, its name opened, by number. Raises Rejected."""
    for row in conn.execute(select(organisation).order_by(organisation.c.id)):
        yield {**row._asdict(), "name": sealing.opened(conn, row)}


def people(conn: Connection) -> Iterator[dict[str, Any]]:
    """Yield who acts for which."""
    table = organisation_person
    query = select(table).order_by(table.c.organisation_id, table.c.subscriber_id)
    for row in conn.execute(query).mappings():
        yield dict(row)


def bring(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write organisations, their names sealed with the key of this installation."""
    sealed = [
        {name: value for name, value in row.items() if name != "name"}
        | sealing.sealed(conn, row["id"], row["name"])
        for row in rows
    ]
    conn.execute(insert(organisation), sealed)
    if conn.dialect.name == "postgresql":  # SQLite sees by itself that no number is used again
        highest = conn.execute(select(func.max(organisation.c.id))).scalar_one()
        conn.execute(
            text("SELECT setval(pg_get_serial_sequence('organisation', 'id'), :highest)"),
            {"highest": highest},
        )


def bring_people(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write who acts for which; the rows of their places come as they are."""
    conn.execute(insert(organisation_person), list(rows))
