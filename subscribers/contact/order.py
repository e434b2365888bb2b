"""Several contact points of one kind, in a person's order, and those that nobody is at any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, text, update

from subscribers.contact.keys import opener
from subscribers.contact.kinds import BY_NAME, NAMES, of_channel
from subscribers.contact.points import some
from subscribers.contact.tables import contact_point

MOST_OF_A_KIND: Final = 3
"""So many addresses of one kind are kept of a person; of more the last is let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One contact point. `place` 0 is used, unless it bounced; the others stand in for it."""

    kind: str
    place: int
    address: str = field(repr=False)
    confirmed_at: datetime
    confirmed_how: str
    opted_out_at: datetime | None
    bounced_at: datetime | None
    bounced_code: str


def of_person(conn: Connection, person: int) -> list[Point]:
    """Return somebody's contact points, by kind and in their order; opened."""
    opened = opener(conn)
    found = [
        Point(
            kind=r.kind,
            place=r.place_in_order,
            address=opened(person, r.kind, r.sealed, r.key_id),
            confirmed_at=r.confirmed_at,
            confirmed_how=r.confirmed_how,
            opted_out_at=r.opted_out_at,
            bounced_at=r.bounced_at,
            bounced_code=r.bounced_code,
        )
        for r in _rows(conn, person)
    ]
    return sorted(found, key=lambda p: (NAMES.index(p.kind), p.place))


def told(conn: Connection, person: int) -> list[dict[str, Any]]:
    """Return what is known of somebody's contact points, without the addresses; as JSON has it."""
    rows = sorted(_rows(conn, person), key=lambda r: (NAMES.index(r.kind), r.place_in_order))
    return [
        {"kind": r.kind, "order": r.place_in_order}
        | {"confirmed_at": r.confirmed_at.isoformat(), "confirmed_how": r.confirmed_how}
        | {
            name: None if (at := getattr(r, name)) is None else at.isoformat()
            for name in ("opted_out_at", "bounced_at")
        }
        | {"bounced_code": r.bounced_code or None}
        for r in rows
    ]


def make_room(conn: Connection, person: int, kind: str, address: str) -> None:
    """Move somebody's points of a kind one place down, so that this address can be the first; where
    it is among them already it is taken out.
    """
    normal = BY_NAME[kind].normal
    opened = opener(conn)
    kept = [
        r
        for r in _rows(conn, person, kind)
        if normal(opened(person, kind, r.sealed, r.key_id)) != normal(address)
    ]
    _put(conn, person, kind, kept[: MOST_OF_A_KIND - 1], first=1)


def put_first(conn: Connection, person: int, kind: str, place: int, now: datetime) -> bool:
    """Make the point at a place the one that is used; return whether there is one."""
    rows = _rows(conn, person, kind)
    chosen = [r for r in rows if r.place_in_order == place]
    _put(conn, person, kind, chosen + [r for r in rows if r not in chosen])
    if chosen:
        _use(conn, person, [kind], now)
    return bool(chosen)


def remove(conn: Connection, person: int, kind: str, place: int) -> bool:
    """Take away a point that is not the first; return whether there was one."""
    rows = _rows(conn, person, kind)
    rest = [r for r in rows if r.place_in_order != place]
    if place == 0 or len(rest) == len(rows):
        return False
    _put(conn, person, kind, rest)
    return True


def bounce(
    conn: Connection, person: int, channel: str, claimed_at: datetime, code: str, now: datetime
) -> str | None:
    """Mark the point that a channel uses, as nobody is there any more; return its kind, None where
    what was claimed then says nothing against it. What stands in for it is used from now on.
    """
    kinds = of_channel(channel)
    used = next(
        (
            row
            for kind in kinds
            for row in _rows(conn, person, kind)
            if row.place_in_order == 0 and row.bounced_at is None
        ),
        None,
    )
    if used is None or (used.used_since or used.confirmed_at) > claimed_at:
        return None
    marked = _at(person, used.kind, 0)
    conn.execute(marked.values(bounced_at=now, bounced_code=code[:40], bounce_told_at=None))
    rows = _rows(conn, person, used.kind)
    rows.sort(key=lambda r: (r.bounced_at is not None, r.place_in_order))
    _put(conn, person, used.kind, rows)
    _use(conn, person, kinds, now)
    return str(used.kind)


def trust(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Use again what a channel reaches, though it bounced; return whether any had."""
    mine = update(contact_point).where(
        contact_point.c.subscriber_id == person,
        contact_point.c.kind.in_(of_channel(channel)),
        contact_point.c.bounced_at.is_not(None),
    )
    again: dict[str, Any] = {"bounced_at": None, "bounced_code": "", "bounce_told_at": None}
    return conn.execute(mine.values(**again, used_since=now)).rowcount > 0


def to_tell(conn: Connection, most: int) -> list[tuple[int, str, datetime]]:
    """Return (person, kind, since when) of points that bounced and whose people were not told of
    it, the newest first: who waits for the morning must not stand before all others.
    """
    waiting = (
        select(contact_point.c.subscriber_id, contact_point.c.kind, contact_point.c.bounced_at)
        .where(contact_point.c.bounced_at.is_not(None), contact_point.c.bounce_told_at.is_(None))
        .order_by(contact_point.c.bounced_at.desc(), contact_point.c.subscriber_id)
        .limit(most)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(waiting)]


def settle_telling(conn: Connection, person: int, kind: str, now: datetime) -> bool:
    """Keep that somebody was told, of every point of a kind; return whether this call did."""
    waiting = update(contact_point).where(
        contact_point.c.subscriber_id == person,
        contact_point.c.kind == kind,
        contact_point.c.bounced_at.is_not(None),
        contact_point.c.bounce_told_at.is_(None),
    )
    return conn.execute(waiting.values(bounce_told_at=now)).rowcount > 0


def note_opt_outs(
    conn: Connection, people: Mapping[int, tuple[frozenset[str], frozenset[str]]], now: datetime
) -> None:
    """Keep since when a point is of no use because everything that would use it is stopped.
    `people`: by id the channels that they chose, and those that they stopped.
    """
    rows: dict[int, list[Any]] = {}
    first = (contact_point.c.subscriber_id.in_(people), contact_point.c.place_in_order == 0)
    for row in conn.execute(select(contact_point).where(*first)):
        rows.setdefault(row.subscriber_id, []).append(row)
    for person, mine in rows.items():
        chosen, stopped = people[person]
        live = {r.kind for r in mine if r.bounced_at is None}
        for row in mine:
            using = {
                c
                for c in chosen & BY_NAME[row.kind].channels.keys()
                if next((k for k in of_channel(c) if k in live), row.kind) == row.kind
            }
            out = bool(using) and using <= stopped
            if out != (row.opted_out_at is not None):
                conn.execute(_at(person, row.kind, 0).values(opted_out_at=now if out else None))


def bounced(conn: Connection, people: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return the addresses, by kind, of those of these people whose first point bounced."""
    opened = opener(conn)
    one_of, bound = some(conn, people)
    found: dict[int, dict[str, str]] = {}
    dead = f"""SELECT subscriber_id, kind, sealed, key_id FROM contact_point
        WHERE bounced_at IS NOT NULL AND place_in_order = 0 AND subscriber_id {one_of}"""  # noqa: S608 - constants
    for person, kind, sealed, key_id in conn.execute(text(dead), {"ids": bound}):
        found.setdefault(person, {})[kind] = opened(person, kind, sealed, key_id)
    return found


def kinds_used(conn: Connection, person: int) -> str:
    """Return the kinds by which somebody is reached, joined by ";" as the index knows them."""
    there = {r.kind for r in _rows(conn, person) if r.place_in_order == 0 and r.bounced_at is None}
    return ";".join(kind for kind in NAMES if kind in there)


def _rows(conn: Connection, person: int, kind: str | None = None) -> list[Any]:
    query = select(contact_point).where(contact_point.c.subscriber_id == person)
    if kind is not None:
        query = query.where(contact_point.c.kind == kind)
    return list(conn.execute(query.order_by(contact_point.c.kind, contact_point.c.place_in_order)))


def _at(person: int, kind: str, place: int) -> Any:
    return update(contact_point).where(
        contact_point.c.subscriber_id == person,
        contact_point.c.kind == kind,
        contact_point.c.place_in_order == place,
    )


def _put(conn: Connection, person: int, kind: str, rows: list[Any], first: int = 0) -> None:
    """Write the points of a kind in this order, the first of them at the place `first`."""
    conn.execute(
        delete(contact_point).where(
            contact_point.c.subscriber_id == person, contact_point.c.kind == kind
        )
    )
    if rows:
        conn.execute(
            insert(contact_point),
            [r._asdict() | {"place_in_order": n} for n, r in enumerate(rows, first)],
        )


def _use(conn: Connection, person: int, kinds: Iterable[str], now: datetime) -> None:
    """Keep that the first points of these kinds are in use from now on: what was sent before went
    elsewhere.
    """
    for kind in kinds:
        conn.execute(
            _at(person, kind, 0).where(contact_point.c.bounced_at.is_(None)).values(used_since=now)
        )
