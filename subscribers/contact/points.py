"""Contact points and names as rows: written sealed, read opened, found by their mark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.util import await_only

from broadcast.store.database import UtcDateTime
from subscribers.contact.keys import opener, ring_of
from subscribers.contact.kinds import NAMES, of_channel

NAME: Final = "name"
BASIS: Final = "basis"
"""How a contact point was confirmed that a file or an administrator brought, on a legal basis."""
PROVEN: Final = ("code", "text")
"""How its owner proved that it is theirs: by typing in a code sent there, or by a text from it."""
_AT_ONCE = 10_000
_POINT = (
    "subscriber_id",
    "kind",
    "place_in_order",
    "sealed",
    "key_id",
    "mark_0",
    "mark_1",
    "confirmed_at",
    "confirmed_how",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """How one person is called and, by kind of contact point, reached; kinds that they do not have
    are missing.
    """

    name: str = field(default="", repr=False)
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)


NOTHING: Final = Known()


def reached_by(known: Known) -> str:
    """Return the kinds of contact point that somebody has, joined by ";": all that the matching
    index knows of them.
    """
    return ";".join(kind for kind in NAMES if known.addresses.get(kind))


def some(conn: Connection, ids: Iterable[int]) -> tuple[str, Any]:
    """Return the condition "is one of :ids" for a column, and what to bind to it."""
    if conn.dialect.name == "postgresql":
        return "= ANY(:ids)", list(ids)
    return "IN (SELECT value FROM json_each(:ids))", json.dumps(list(ids))


def known(conn: Connection, ids: Iterable[int]) -> dict[int, Known]:
    """Return what is known of these people, opened; whoever has nothing is missing. Raises Rejected
    contact_key_missing, contact_unreadable.
    """
    ids = list(ids)
    opened = opener(conn)
    one_of, bound = some(conn, ids)
    called = names(conn, ids)
    addresses: dict[int, dict[str, str]] = {}
    sql = f"""SELECT subscriber_id, kind, sealed, key_id FROM contact_point
        WHERE place_in_order = 0 AND subscriber_id {one_of}"""  # noqa: S608 - constants
    for person, kind, sealed, key_id in conn.execute(text(sql), {"ids": bound}):
        addresses.setdefault(person, {})[kind] = opened(person, kind, sealed, key_id)
    return {
        person: Known(name=called.get(person, ""), addresses=addresses.get(person, {}))
        for person in called.keys() | addresses.keys()
    }


def differing(conn: Connection, wanted: Sequence[tuple[int, Known]]) -> list[int]:
    """Return at which places of `wanted` stands somebody of whom something else is known. An
    address that is among a person's others is no other.
    """
    found = []
    for start in range(0, len(wanted), _AT_ONCE):
        page = wanted[start : start + _AT_ONCE]
        held = known(conn, [person for person, _ in page])
        others = [n for n, (person, told) in enumerate(page) if held.get(person, NOTHING) != told]
        meant = _meant(conn, [page[n] for n in others], held)
        found += [
            start + n
            for n, told in zip(others, meant, strict=True)
            if held.get(page[n][0], NOTHING) != told
        ]
    return found


def _meant(
    conn: Connection, people: Sequence[tuple[int, Known]], held: Mapping[int, Known]
) -> list[Known]:
    """Return what is told of each person, with their first address in the place of one that is
    among their others: a file that names it says nothing new, and puts it before none.
    """
    if not people:
        return []
    opened = opener(conn)
    one_of, bound = some(conn, [person for person, _ in people])
    others: dict[tuple[int, str], set[str]] = {}
    sql = f"""SELECT subscriber_id, kind, sealed, key_id FROM contact_point
        WHERE place_in_order > 0 AND subscriber_id {one_of}"""  # noqa: S608 - constants
    for person, kind, sealed, key_id in conn.execute(text(sql), {"ids": bound}):
        others.setdefault((person, kind), set()).add(opened(person, kind, sealed, key_id))
    found = []
    for person, told in people:
        first = held.get(person, NOTHING).addresses
        meant = {
            kind: first.get(kind, address) if address in others.get((person, kind), ()) else address
            for kind, address in told.addresses.items()
        }
        found.append(Known(name=told.name, addresses=meant))
    return found


def add(conn: Connection, people: Iterable[tuple[int, Known]], how: str, now: datetime) -> None:
    """Write names and contact points of people who have none yet. `how` says why a contact point
    counts as confirmed: BASIS, or one of PROVEN.
    """
    keys = ring_of(conn).to_write(conn)
    key = keys.newest
    at: Any = now
    if conn.dialect.name == "sqlite":  # as UtcDateTime stores it
        at = now.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    rest = iter(people)
    while page := list(islice(rest, _AT_ONCE)):
        names = [
            (person, key.seal(person, NAME, told.name), key.id)
            for person, told in page
            if told.name
        ]
        points = [
            (
                person,
                kind,
                0,
                key.seal(person, kind, address),
                key.id,
                *keys.marks(kind, address),
                at,
                how,
            )
            for person, told in page
            for kind, address in told.addresses.items()
        ]
        _bulk(conn, "sealed_name", ("subscriber_id", "sealed", "key_id"), names)
        _bulk(conn, "contact_point", _POINT, points)


def change(conn: Connection, people: Sequence[tuple[int, Known]], how: str, now: datetime) -> None:
    """Put what is known now in the place of what was; a contact point that stays keeps how and when
    it was confirmed.
    """
    for start in range(0, len(people), _AT_ONCE):
        page = people[start : start + _AT_ONCE]
        held = known(conn, [person for person, _ in page])
        renamed: list[int] = []
        gone: list[dict[str, Any]] = []
        fresh: list[tuple[int, Known]] = []
        meant = _meant(conn, page, held)
        for (person, _), told in zip(page, meant, strict=True):
            before = held.get(person, NOTHING)
            if before.name != told.name:
                renamed.append(person)
            moved = {
                kind: address
                for kind, address in told.addresses.items()
                if before.addresses.get(kind) != address
            }
            gone += [
                {"person": person, "kind": kind}
                for kind, address in before.addresses.items()
                if told.addresses.get(kind) != address
            ]
            name = told.name if before.name != told.name else ""
            fresh.append((person, Known(name=name, addresses=moved)))
        one_of, bound = some(conn, renamed)
        sql = f"DELETE FROM sealed_name WHERE subscriber_id {one_of}"  # noqa: S608 - constants
        conn.execute(text(sql), {"ids": bound})
        if gone:
            conn.execute(
                text(
                    "DELETE FROM contact_point WHERE subscriber_id = :person AND kind = :kind"
                    " AND place_in_order = 0"
                ),
                gone,
            )
        add(conn, fresh, how, now)


def forget(conn: Connection, ids: Iterable[int]) -> None:
    """Take away names and contact points of these people."""
    one_of, bound = some(conn, ids)
    for table in ("sealed_name", "contact_point"):
        sql = f"DELETE FROM {table} WHERE subscriber_id {one_of}"  # noqa: S608 - constants
        conn.execute(text(sql), {"ids": bound})


def used(channel: str, p: str = "p") -> str:
    """Return the condition that the contact point `p` is the one that a channel uses. One that
    bounced is used by none.
    """
    said = []
    before: list[str] = []
    for kind in of_channel(channel):
        first = f"{p}.kind = '{kind}'"
        if before:
            others = ", ".join(f"'{b}'" for b in before)
            first += (
                " AND NOT EXISTS (SELECT 1 FROM contact_point b"  # noqa: S608 - constants
                f" WHERE b.subscriber_id = {p}.subscriber_id AND b.place_in_order = 0"
                f" AND b.bounced_at IS NULL AND b.kind IN ({others}))"
            )
        said.append(f"({first})")
        before.append(kind)
    return f"{p}.place_in_order = 0 AND {p}.bounced_at IS NULL AND ({' OR '.join(said)})"


def prove(
    conn: Connection, person: int, channel: str, address: str, how: str, now: datetime
) -> None:
    """Keep that this contact point of a person was proven to be theirs. `how`: one of PROVEN."""
    keys = ring_of(conn).to_write(conn)
    sql = f"""UPDATE contact_point SET confirmed_how = :how, confirmed_at = :now
        WHERE subscriber_id = :person AND {keys.column} = :mark"""  # noqa: S608 - constants
    mark = keys.active[1].mark(of_channel(channel)[0], address)
    conn.execute(
        text(sql).bindparams(bindparam("now", type_=UtcDateTime())),
        {"how": how, "now": now, "person": person, "mark": mark},
    )


def who_proved(conn: Connection, channel: str, address: str) -> list[int]:
    """Return who proved this contact point, the lowest id first; though it bounced meanwhile, or
    stands behind another of theirs. A number that was proven by a text counts for calls too, and
    the other way round.
    """
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return []
    mark = keys.active[1].mark(of_channel(channel)[0], address)
    proven = ", ".join(f"'{how}'" for how in PROVEN)
    sql = f"""SELECT DISTINCT subscriber_id FROM contact_point WHERE {keys.column} = :mark
        AND confirmed_how IN ({proven}) ORDER BY 1"""  # noqa: S608 - constants
    return list(conn.execute(text(sql), {"mark": mark}).scalars())


def persons_at(conn: Connection, channel: str, address: str) -> list[int]:
    """Return who is reached at this address on a channel, or would be if others of their addresses
    were not there, or if it had not bounced; the lowest id first.
    """
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return []
    mark = keys.active[1].mark(of_channel(channel)[0], address)
    kinds = ", ".join(f"'{kind}'" for kind in of_channel(channel))
    sql = f"""SELECT DISTINCT p.subscriber_id FROM contact_point p
        WHERE p.{keys.column} = :mark AND (({used(channel)}) OR (p.kind IN ({kinds})
            AND (p.place_in_order > 0 OR p.bounced_at IS NOT NULL))) ORDER BY 1"""  # noqa: S608 - constants
    return list(conn.execute(text(sql), {"mark": mark}).scalars())


def discreet_at(conn: Connection, address: str, channel: str) -> bool:
    """Return whether somebody who has this address asked that what is sent there gives nothing
    away.
    """
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return False
    mark = keys.active[1].mark(of_channel(channel)[0], address)
    sql = f"""SELECT 1 FROM contact_point p JOIN subscriber s ON s.id = p.subscriber_id
        WHERE p.{keys.column} = :mark AND s.discreet = 'yes' LIMIT 1"""  # noqa: S608 - a column of ours
    return conn.execute(text(sql), {"mark": mark}).first() is not None


def mark_column(conn: Connection) -> str:
    """Return the column whose marks are in force; "" where nobody has a contact point yet."""
    keys = ring_of(conn).in_force(conn)
    return "" if keys is None else keys.column


def anybody_has(conn: Connection, kind: str, address: str) -> bool:
    """Return whether an address of this kind's family is a contact point of anybody."""
    return bool(who_has(conn, kind, address, 1))


def who_has(conn: Connection, kind: str, address: str, most: int) -> list[int]:
    """Return who has an address of this kind's family as a contact point, whatever it is used for:
    the lowest ids first, `most` of them at most.
    """
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return []
    mark = keys.active[1].mark(kind, address)
    sql = f"""SELECT DISTINCT subscriber_id FROM contact_point WHERE {keys.column} = :mark
        ORDER BY 1 LIMIT :most"""  # noqa: S608 - a column of ours
    return list(conn.execute(text(sql), {"mark": mark, "most": most}).scalars())


def sharing(
    conn: Connection,
    channel: str,
    *,
    among: Iterable[int] | None = None,
    reached_with: Iterable[int] | None = None,
) -> Iterator[list[int]]:
    """Yield the groups of two or more who are reached at one contact point on a channel.

    `among`: of these people alone. `reached_with`: only groups in which one of these people is.
    """
    return _sharing(
        conn, lambda row: used(channel, row), "count(*) > 1", among=among, reached_with=reached_with
    )


def sharing_any(
    conn: Connection,
    *,
    among: Iterable[int] | None = None,
    reached_with: Iterable[int] | None = None,
) -> Iterator[list[int]]:
    """Yield the groups of two or more who have one contact point, whatever it is used for: the
    mobile of one may be the phone of another. `among`, `reached_with`: as for `sharing`.
    """
    # one person's mobile and phone may be the same number: that is not two people
    two = "min(p.subscriber_id) <> max(p.subscriber_id)"
    return _sharing(
        conn, lambda row: f"{row}.place_in_order = 0", two, among=among, reached_with=reached_with
    )


def _sharing(
    conn: Connection,
    counts: Callable[[str], str],
    several: str,
    *,
    among: Iterable[int] | None,
    reached_with: Iterable[int] | None,
) -> Iterator[list[int]]:
    """Yield the people of each contact point that several have. `counts`: the SQL that says of a
    row, by its name, whether it counts; `several`: the SQL by which a group has two people.
    """
    keys = ring_of(conn).in_force(conn)
    if keys is None:
        return
    mark, postgres = f"p.{keys.column}", conn.dialect.name == "postgresql"
    many = "array_agg(p.subscriber_id)" if postgres else "json_group_array(p.subscriber_id)"
    which, binds = "", dict[str, Any]()
    if among is not None:
        one_of, bound = some(conn, among)
        which, binds = f" AND p.subscriber_id {one_of}", {"ids": bound}
    elif reached_with is not None:
        one_of, bound = some(conn, reached_with)
        which = f""" AND {mark} IN (SELECT o.{keys.column} FROM contact_point o
            WHERE o.subscriber_id {one_of} AND {counts("o")})"""  # noqa: S608 - constants
        binds = {"ids": bound}
    elif postgres:
        # Of everybody first which marks several have, then who these are: people collected for
        # every mark, most of them alone, take four times as long.
        marks = f"""SELECT {mark} FROM contact_point p WHERE {counts("p")}
            GROUP BY {mark} HAVING {several}"""  # noqa: S608 - constants
        which = f" AND {mark} = ANY(:marks)"
        binds = {"marks": list(conn.execute(text(marks)).scalars())}
    sql = f"""SELECT {many} FROM contact_point p WHERE {counts("p")}{which}
        GROUP BY {mark} HAVING {several}"""  # noqa: S608 - constants
    for group in conn.execute(text(sql), binds).scalars():
        yield json.loads(group) if isinstance(group, str) else group


def names(conn: Connection, ids: Iterable[int]) -> dict[int, str]:
    """Return how these people are called, opened; who has no name is missing. Raises as `known`."""
    opened = opener(conn)
    one_of, bound = some(conn, ids)
    sql = f"SELECT subscriber_id, sealed, key_id FROM sealed_name WHERE subscriber_id {one_of}"  # noqa: S608 - constants
    return {
        person: opened(person, NAME, sealed, key_id)
        for person, sealed, key_id in conn.execute(text(sql), {"ids": bound})
    }


def _bulk(
    conn: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    driver: Any = conn.connection.driver_connection
    if conn.dialect.name == "postgresql":
        await_only(driver.copy_records_to_table(table, records=rows, columns=columns))
        return
    marks = ", ".join("?" * len(columns))
    driver.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - constants
        rows,
    )
