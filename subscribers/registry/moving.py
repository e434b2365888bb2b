"""The whole registry as lines of JSON, to be moved into an empty installation: numbers, choices,
consents, stops, contact points with their history, and the marks of who was erased.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, select, text

from broadcast.groups import registered
from broadcast.problems import Rejected, refuse
from broadcast.store import plain_rows
from subscribers.contact import moving as contacts
from subscribers.organisations import moving as organisations
from subscribers.places import moving as places
from subscribers.places.tables import subscriber_place
from subscribers.registry import mark
from subscribers.registry.tables import consent, stop, subscriber
from subscribers.same_person import moving as joined
from subscribers.same_person.tables import same_person

_PAGE: Final = 5_000
_END: Final = "end"

Rows = Iterator[dict[str, Any]]


def _all_but(table: Table, *left_out: str) -> tuple[str, ...]:
    return tuple(c.name for c in table.c if c.name not in left_out)


# `change` says what the matching index of one database has seen. Consents and stops are numbered
# anew, in the same order: nothing refers to their numbers.
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "subscriber": _all_but(subscriber, "change"),
    "subscriber_place": _all_but(subscriber_place, "id", "change"),
    "consent": _all_but(consent, "id"),
    "stop": _all_but(stop, "id"),
    "sealed_name": contacts.CALLED,
    "contact_point": contacts.POINT,
    "same_person": _all_but(same_person),
    "erased_mark": contacts.ERASED,
    "organisation": organisations.ORGANISATION,
    "organisation_person": organisations.PERSON,
}
MOVED: Final = frozenset(_COLUMNS)
"""The tables that are moved, by their names."""
_TABLES: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        subscriber,
        subscriber_place,
        consent,
        stop,
        same_person,
        *contacts.TABLES,
        *organisations.TABLES,
    )
}


def out(conn: Connection, counts: dict[str, int]) -> Iterator[str]:
    """Yield the lines of the registry as this snapshot has it; `counts` gets the rows of each
    table. Addresses and names stand in them in clear: they go into a sealed file and nowhere else.
    Raises Rejected: contact_key_missing, contact_unreadable.
    """
    yield json.dumps({"columns": _COLUMNS})
    for name, rows in _parts(conn):
        columns = _COLUMNS[name]
        for row in rows:
            counts[name] = counts.get(name, 0) + 1
            yield json.dumps([name, *(plain_rows.to_json(row[c]) for c in columns)])
    yield json.dumps({_END: counts})


def _parts(conn: Connection) -> Iterator[tuple[str, Rows]]:
    last = conn.execute(select(func.max(subscriber.c.id))).scalar() or 0
    for first in range(1, last + 1, _PAGE):
        until = first + _PAGE - 1
        yield "subscriber", _between(conn, subscriber, subscriber.c.id, first, until)
        yield "subscriber_place", places.out(conn, first, until)
        yield "consent", _between(conn, consent, consent.c.subscriber_id, first, until)
        yield "stop", _between(conn, stop, stop.c.subscriber_id, first, until)
        yield "sealed_name", contacts.names(conn, first, until)
        yield "contact_point", contacts.points(conn, first, until)
    yield "same_person", joined.out(conn)
    yield "erased_mark", contacts.erased(conn)
    yield "organisation", organisations.out(conn)
    yield "organisation_person", organisations.people(conn)


def _between(conn: Connection, table: Table, person: Any, first: int, last: int) -> Rows:
    query = select(table).where(person.between(first, last)).order_by(table.c.id)
    for row in conn.execute(query).mappings():
        yield dict(row)


def bring(conn: Connection, lines: Iterable[str], now: datetime) -> dict[str, int]:
    """Bring a registry into this empty installation; return the rows of each table. In one
    transaction: what goes wrong anywhere leaves nothing.

    Raises Rejected: 409 registry_not_empty; 422 registry_other_version, registry_file_wrong, and
    what reading the lines raises; contact_key_missing where somebody was erased under a key that is
    not here.
    """
    mark.take_turn(conn)
    check_empty(conn)
    change = mark.next_change(conn)
    counts: dict[str, int] = {}
    groups: tuple[set[str], set[str]] = (set(), set())
    off = set[str]()
    ended: list[dict[str, int]] = []
    for name, rows in _batches(_read(lines, ended)):
        if name == "subscriber":
            groups[0].update(row["sectors"] for row in rows)
            groups[1].update(row["communities"] for row in rows)
            off.update(row["providers_off"] for row in rows)
        if "change" in _TABLES[name].c:
            rows = [row | {"change": change} for row in rows]
        _BRING[name](conn, rows)
        counts[name] = counts.get(name, 0) + len(rows)
    if ended != [counts]:
        raise _wrong("it does not hold as many rows as its end says")
    named = [*registered.in_people(*groups), *registered.providers_in(off)]
    registered.register_missing(conn, named, now)
    _go_on_numbering(conn)
    return counts


def more_than(conn: Connection, people: int) -> bool:
    """Whether more than so many people are, or were, registered; counts no further than that."""
    query = select(subscriber.c.id).order_by(subscriber.c.id).offset(people).limit(1)
    return conn.execute(query).first() is not None


def check_empty(conn: Connection) -> None:
    """Raise Rejected (409 registry_not_empty) where anybody is, or was, registered."""
    for table in _TABLES.values():
        if conn.execute(select(table.c[table.primary_key.columns.keys()[0]]).limit(1)).first():
            raise refuse(
                "registry_not_empty",
                f"this installation has people already: {table.name} is not empty",
                "move a registry into a new installation, before anybody is imported there",
                status=409,
            )


def _read(
    lines: Iterable[str], ended: list[dict[str, int]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (table, row); put what the end says into `ended`."""
    columns: Mapping[str, list[str]] | None = None
    for line in lines:
        try:
            said = json.loads(line)
            if columns is None:
                columns = dict(said["columns"])
                _check_columns(columns)
            elif ended:
                raise _wrong("it goes on after its end")
            elif isinstance(said, dict):
                ended.append(dict(said[_END]))
            else:
                name, *values = said
                yield name, plain_rows.from_json(_TABLES[name], columns[name], values)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise _wrong("a line of it is not as `registry export` writes it") from None


def _check_columns(columns: Mapping[str, Sequence[str]]) -> None:
    ours = {name: sorted(held) for name, held in _COLUMNS.items()}
    if {name: sorted(held) for name, held in columns.items()} != ours:
        raise refuse(
            "registry_other_version",
            "the file was written by another version of fasttime, which keeps other things",
            "have both installations run the same version, then export again",
            field="FILE",
        )


def _batches(
    rows: Iterable[tuple[str, dict[str, Any]]],
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield rows of one table together, in their order."""
    name, held = "", list[dict[str, Any]]()
    for table, row in rows:
        if held and (table != name or len(held) == _PAGE):
            yield name, held
            held = []
        name = table
        held.append(row)
    if held:
        yield name, held


def _bring_people(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    conn.execute(insert(subscriber), list(rows))


def _bring_consents(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    conn.execute(insert(consent), list(rows))


def _bring_stops(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    conn.execute(insert(stop), list(rows))


_BRING: Final[Mapping[str, Callable[[Connection, Sequence[dict[str, Any]]], None]]] = {
    "subscriber": _bring_people,
    "subscriber_place": places.bring,
    "consent": _bring_consents,
    "stop": _bring_stops,
    "sealed_name": contacts.bring_names,
    "contact_point": contacts.bring_points,
    "same_person": joined.bring,
    "erased_mark": contacts.bring_erased,
    "organisation": organisations.bring,
    "organisation_person": organisations.bring_people,
}


def _go_on_numbering(conn: Connection) -> None:
    """Have the next person get a number that nobody ever had. SQLite sees to it by itself."""
    if conn.dialect.name == "postgresql":
        highest = conn.execute(select(func.max(subscriber.c.id))).scalar()
        if highest is not None:
            conn.execute(
                text("SELECT setval(pg_get_serial_sequence('subscriber', 'id'), :highest)"),
                {"highest": highest},
            )


def _wrong(what: str) -> Rejected:
    return refuse(
        "registry_file_wrong",
        f"the file opens, but {what}",
        "export it anew",
        field="FILE",
    )
