"""The table of those who come in: some people at a time, beside those who are registered.

It is temporary, and of one connection. Names and addresses, which would lie there in clear, stay
out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.util import await_only

from broadcast.store.database import UtcDateTime
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry.tables import STORED, TAKEN

_TAKEN: Final = itemgetter(*(SubscriberRecord._fields.index(c) for c in TAKEN))


def create(conn: Connection) -> None:
    """Make the table, empty; to be dropped before the transaction ends."""
    types = {"lat": "DOUBLE PRECISION", "lon": "DOUBLE PRECISION", "uncertainty_m": "INTEGER"}
    columns = ", ".join(f"{c} {types.get(c, 'TEXT')}" for c in STORED[1:])
    end = " ON COMMIT DROP" if _is_postgres(conn) else ""
    conn.execute(
        text(
            "CREATE TEMPORARY TABLE incoming (no INTEGER PRIMARY KEY, external_id TEXT NOT NULL"
            f" UNIQUE, {columns}, moved INTEGER NOT NULL DEFAULT 0){end}"
        )
    )


def drop(conn: Connection) -> None:
    """Take the table away."""
    conn.execute(text("DROP TABLE incoming"))


def fill(conn: Connection, records: Sequence[SubscriberRecord], reached_by: Sequence[str]) -> None:
    """Have the table hold these records and nobody else, numbered from 0, by the quickest way the
    driver has. `reached_by`: the kinds of contact point of each.
    """
    postgres = _is_postgres(conn)
    conn.execute(text("TRUNCATE incoming" if postgres else "DELETE FROM incoming"))
    driver: Any = conn.connection.driver_connection
    numbered = [
        (no, *_TAKEN(record), kinds)
        for no, (record, kinds) in enumerate(zip(records, reached_by, strict=True))
    ]
    if postgres:
        await_only(
            driver.copy_records_to_table("incoming", records=numbered, columns=("no", *STORED))
        )
        conn.execute(text("ANALYZE incoming"))
    else:
        marks = ", ".join("?" * (len(STORED) + 1))
        driver.executemany(
            f"INSERT INTO incoming (no, {', '.join(STORED)}) VALUES ({marks})",  # noqa: S608
            numbered,
        )


def reach(conn: Connection, no: int, kinds: str) -> None:
    """Have one row reached by these kinds of contact point."""
    conn.execute(
        text("UPDATE incoming SET reached_by = :kinds WHERE no = :no"), {"no": no, "kinds": kinds}
    )


def keep_discreet(conn: Connection) -> None:
    """Let a record that does not say whether somebody is sent to discreetly leave it as it was: a
    file of other columns must not lift what somebody chose for their safety.
    """
    conn.execute(
        text(
            "UPDATE incoming SET discreet = 'yes' FROM subscriber s"
            " WHERE s.discreet = 'yes' AND s.external_id = incoming.external_id"
            " AND incoming.discreet = ''"
        )
    )


def take_out(conn: Connection, numbers: Sequence[int]) -> None:
    """Leave these rows of `incoming` out of what follows."""
    if numbers:
        rows = [{"no": no} for no in numbers]
        conn.execute(text("DELETE FROM incoming WHERE no = :no"), rows)


def mark_moved(conn: Connection, numbers: Sequence[int]) -> None:
    """Mark the rows of `incoming` whose names or addresses, which lie elsewhere, differ."""
    if numbers:
        rows = [{"no": no} for no in numbers]
        conn.execute(text("UPDATE incoming SET moved = 1 WHERE no = :no"), rows)


def change_rows(conn: Connection, values: Mapping[str, Any]) -> int:
    """Write what differs to the people who are there already; return to how many."""
    compared = [(f"subscriber.{c}", f"i.{c}") for c in STORED[1:]]
    differs = _differ([*compared, ("subscriber.consented", "i.channels")], _is_postgres(conn))
    setting = ", ".join(f"{c} = i.{c}" for c in STORED[1:])
    sql = f"""UPDATE subscriber SET {setting}, consented = i.channels, updated_at = :now,
            change = :change FROM incoming i
        WHERE i.external_id = subscriber.external_id AND subscriber.erased_at IS NULL
            AND (i.moved = 1 OR {differs})"""  # noqa: S608 - our own column names
    return conn.execute(_timed(sql), values).rowcount


def add_rows(conn: Connection, values: Mapping[str, Any]) -> int:
    """Add the people who are not there yet, in the order of the records; return how many."""
    sql = f"""INSERT INTO subscriber ({", ".join(STORED)}, stopped, consented,
            created_at, updated_at, change)
        SELECT {", ".join("i." + c for c in STORED)}, '', i.channels, :now, :now, :change
        FROM incoming i
        WHERE NOT EXISTS (SELECT 1 FROM subscriber s WHERE s.external_id = i.external_id)
        ORDER BY i.no"""  # noqa: S608 - our own column names
    return conn.execute(_timed(sql), values).rowcount


def withdraw_consents(conn: Connection, values: Mapping[str, Any]) -> None:
    """Withdraw the consents that say something else than the records."""
    compared = [("channels", "i.channels"), ("topics", "i.topics"), ("basis", ":basis")]
    if values["wording"]:
        compared.append(("wording", ":wording"))
    other = _differ([(f"consent.{mine}", theirs) for mine, theirs in compared], _is_postgres(conn))
    sql = f"""UPDATE consent SET withdrawn_at = :now
        FROM subscriber s JOIN incoming i ON i.external_id = s.external_id
        WHERE consent.subscriber_id = s.id AND consent.withdrawn_at IS NULL
            AND s.erased_at IS NULL AND {other}"""  # noqa: S608 - our own column names
    conn.execute(_timed(sql), values)


def give_consents(conn: Connection, values: Mapping[str, Any]) -> None:
    """Write the consent of everybody who came and has none that holds."""
    sql = """INSERT INTO consent
            (subscriber_id, channels, topics, basis, source, wording, at)
        SELECT s.id, i.channels, i.topics, :basis, :source, :wording, :now
        FROM incoming i JOIN subscriber s ON s.external_id = i.external_id
        WHERE s.erased_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM consent c WHERE c.subscriber_id = s.id AND c.withdrawn_at IS NULL)
        ORDER BY s.id"""
    conn.execute(_timed(sql), values)


def there_already(conn: Connection) -> tuple[list[tuple[int, int]], list[int]]:
    """Return (number of the row, id) of everybody incoming who is registered and not erased, and
    the numbers of those who are erased.
    """
    rows = conn.execute(
        text(
            "SELECT i.no, s.id, s.erased_at IS NOT NULL FROM incoming i"
            " JOIN subscriber s ON s.external_id = i.external_id ORDER BY i.no"
        )
    ).all()
    there = [(no, person) for no, person, erased in rows if not erased]
    return there, [no for no, _, erased in rows if erased]


def _is_postgres(conn: Connection) -> bool:
    return bool(conn.dialect.name == "postgresql")


def _differ(pairs: Sequence[tuple[str, str]], postgres: bool) -> str:
    if postgres:
        return (
            f"({', '.join(a for a, _ in pairs)}) IS DISTINCT FROM"
            f" ({', '.join(b for _, b in pairs)})"
        )
    return f"NOT ({' AND '.join(f'{a} IS {b}' for a, b in pairs)})"


def _timed(sql: str) -> TextClause:
    clause = text(sql)
    return clause.bindparams(bindparam("now", type_=UtcDateTime()))
