"""People as they are read: one with everything known, everybody as the subscribers CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from pyroaring import BitMap
from sqlalchemy import Connection, case, select, text

from broadcast.store.database import give_way
from subscribers.contact import kinds, order, points
from subscribers.contact.points import Known
from subscribers.organisations import acting
from subscribers.people_file import writing
from subscribers.people_file.record import COLUMNS, LISTS, SubscriberRecord
from subscribers.registry.tables import OPEN, consent, subscriber
from subscribers.registry.tables import stop as stop_table
from subscribers.same_person import joined

_PLACE: Final = ("lat", "lon")
_PAGE = 1_000
_AT_ONCE = 10_000


def show(conn: Connection, person: int | str) -> dict[str, Any] | None:
    """Return everything known of one person, by id or, given text that is no number, by external
    id; None if there is nobody.
    """
    number = (
        person
        if isinstance(person, int)
        else int(person)
        if person.isascii() and person.isdigit() and len(person) < 10
        else None
    )
    row = (
        conn.execute(select(subscriber).where(subscriber.c.id == number)).first()
        if number is not None
        else None
    )
    if row is None:
        row = conn.execute(
            select(subscriber).where(subscriber.c.external_id == str(person))
        ).first()
    if row is None:
        return None
    known = points.known(conn, [row.id]).get(row.id, points.NOTHING)
    found: dict[str, Any] = {"id": row.id, **_whole(row, known, SubscriberRecord._fields)}
    for column in (*LISTS, "stopped", "consented"):
        found[column] = [part for part in getattr(row, column).split(";") if part]
    found |= {
        c: None if (at := getattr(row, c)) is None else at.isoformat()
        for c in ("created_at", "updated_at", "erased_at")
    }
    found["same_person"] = [each for each in joined.joined_with(conn, row.id) if each != row.id]
    found["acts_for"] = acting.told_of(conn, row.id)
    found["contact_points"] = order.told(conn, row.id)
    found["consents"] = [
        {
            "channels": c.channels.split(";") if c.channels else [],
            "topics": c.topics.split(";") if c.topics else [],
            "basis": c.basis,
            "source": c.source or None,
            "wording": c.wording or None,
            "at": c.at.isoformat(),
            "withdrawn_at": _iso(c.withdrawn_at),
        }
        for c in conn.execute(
            select(consent).where(consent.c.subscriber_id == row.id).order_by(consent.c.id)
        )
    ]
    found["stops"] = [
        {
            "channel": s.channel,
            "source": s.source,
            "at": s.at.isoformat(),
            "lifted_at": _iso(s.lifted_at),
            "lifted_by": s.lifted_by,
        }
        for s in conn.execute(
            select(stop_table).where(stop_table.c.subscriber_id == row.id).order_by(stop_table.c.id)
        )
    ]
    return found


def export(conn: Connection) -> Iterator[list[str]]:
    """Yield everybody not erased as the cells of the subscribers CSV, by id.

    A cell that a spreadsheet would run gets an apostrophe in front, which the import takes off
    again; numbers in E.164 and coordinates stay plain.
    """
    after = 0
    query = (
        select(subscriber.c.id, *_columns())
        .where(subscriber.c.erased_at.is_(None))
        .order_by(subscriber.c.id)
        .limit(_PAGE)
    )
    while rows := conn.execute(query.where(subscriber.c.id > after)).all():
        after = rows[-1].id
        known = points.known(conn, [row.id for row in rows])
        for row in rows:
            whole = _whole(row, known.get(row.id, points.NOTHING))
            yield [writing.cell(column, value) for column, value in whole.items()]


def id_of(conn: Connection, external_id: str) -> int | None:
    """Return the number of who has this external id, or None."""
    return conn.execute(
        select(subscriber.c.id).where(subscriber.c.external_id == external_id)
    ).scalar_one_or_none()


def language_of(conn: Connection, person: int) -> str:
    """Return the tag of the language that somebody is registered with; "" where nobody is."""
    found = conn.execute(
        select(subscriber.c.language).where(
            subscriber.c.id == person, subscriber.c.erased_at.is_(None)
        )
    ).scalar_one_or_none()
    return str(found or "")


def languages_of(conn: Connection, ids: BitMap) -> dict[str, int]:
    """Return how many of these people are registered with which language."""
    postgres = conn.dialect.name == "postgresql"
    some = "= ANY(:ids)" if postgres else "IN (SELECT value FROM json_each(:ids))"
    sql = f"SELECT language, count(*) FROM subscriber WHERE id {some} GROUP BY language"  # noqa: S608 - constants
    found = conn.execute(text(sql), {"ids": list(ids) if postgres else json.dumps(list(ids))})
    return {str(language): int(people) for language, people in found}


def external_ids(conn: Connection, people: Sequence[int]) -> dict[int, str]:
    """Return the external id of each of these people, by which other books know them."""
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


def cells_of(conn: Connection, person: int) -> dict[str, str]:
    """Return one person as the cells of the subscribers CSV, by column: what the import takes."""
    row = conn.execute(select(*_columns()).where(subscriber.c.id == person)).one()
    known = points.known(conn, [person]).get(person, points.NOTHING)
    return {column: writing.cell(column, value) for column, value in _whole(row, known).items()}


def _columns() -> list[Any]:
    """Return the columns of the file that are not sealed. A place that a postcode stands for is not
    the person's own, and is left out: whoever reads the file finds it anew.
    """
    own = subscriber.c.uncertainty_m.is_(None)
    return [case((own, subscriber.c[c])).label(c) if c in _PLACE else subscriber.c[c] for c in OPEN]


def export_csv(conn: Connection) -> Iterator[str]:
    """Yield the subscribers CSV in pieces; what it says is what `read_subscribers` takes. Between
    them others have their turn.
    """
    for piece in writing.lines(export(conn)):
        give_way(conn)
        yield piece


def _whole(row: Any, known: Known, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """Return one person by the columns of the subscribers CSV, in their order."""
    sealed = {"name": known.name, **{kind: known.addresses.get(kind) for kind in kinds.NAMES}}
    return {c: sealed[c] if c in sealed else getattr(row, c) for c in columns}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
