"""Organisations as rows: written and removed, with the places of the people who act for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from broadcast.problems import Problem, Rejected
from subscribers.contact.keys import ring_of
from subscribers.organisations import sealing
from subscribers.organisations.record import OrganisationRecord
from subscribers.organisations.tables import organisation, organisation_person
from subscribers.places import rows as places
from subscribers.registry import mark
from subscribers.registry.mark import next_change
from subscribers.registry.tables import subscriber

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What became of the organisations that were given."""

    new: int
    updated: int
    unchanged: int


def hold(conn: Connection) -> None:
    """Keep others from writing organisations, or people from a file, until this transaction ends:
    what is read after it is what will be changed.
    """
    mark.take_turn(conn)


def save(
    conn: Connection,
    records: Sequence[OrganisationRecord],
    now: datetime,
    where: Mapping[str, str] | None = None,
) -> Saved:
    """Register organisations, or update those whose external id is known: all or nothing. `where`:
    "file:line" of each, for refusals.

    Raises Rejected (person_unknown) where somebody who acts for one is not registered, or was
    erased.
    """
    hold(conn)
    before = {record.external_id: (number, record) for number, record in _held(conn, records)}
    acted = {who for _, record in before.values() for who in record.people}
    people = _locked(conn, acted | {who for record in records for who in record.people})
    if problems := list(_unknown(records, people, where or {})):
        raise Rejected(problems)
    new = [record for record in records if record.external_id not in before]
    changed = [
        (before[record.external_id][0], record)
        for record in records
        if record.external_id in before and not _same(before[record.external_id][1], record)
    ]
    written = [*_add(conn, new, now), *changed]
    _change(conn, changed, now)
    touched = _link(conn, written, people)
    if touched:
        places.follow_people(conn, touched, next_change(conn))
    return Saved(
        new=len(new), updated=len(changed), unchanged=len(records) - len(new) - len(changed)
    )


def remove(conn: Connection, external_id: str) -> bool:
    """Remove an organisation; return whether there was one. Its people stay registered."""
    hold(conn)
    number = conn.execute(
        select(organisation.c.id).where(organisation.c.external_id == external_id)
    ).scalar_one_or_none()
    if number is None:
        return False
    link = organisation_person
    acting = find(conn, external_id)
    people = list(_locked(conn, acting.people if acting else ()).values())
    conn.execute(delete(link).where(link.c.organisation_id == number))
    conn.execute(delete(organisation).where(organisation.c.id == number))
    if people:
        places.follow_people(conn, people, next_change(conn))
    return True


def forget(conn: Connection, person: int) -> None:
    """Have somebody who is erased act for nobody; their places follow by whoever erases them."""
    conn.execute(delete(organisation_person).where(organisation_person.c.subscriber_id == person))


def find(conn: Connection, external_id: str) -> OrganisationRecord | None:
    """Return an organisation by its external id."""
    rows = conn.execute(select(organisation).where(organisation.c.external_id == external_id)).all()
    return next((record for _, record in _records(conn, rows)), None)


def page(conn: Connection, after: int, limit: int) -> list[tuple[int, OrganisationRecord]]:
    """Return up to `limit` organisations with a higher number than `after`, by number."""
    rows = conn.execute(
        select(organisation)
        .where(organisation.c.id > after)
        .order_by(organisation.c.id)
        .limit(limit)
    ).all()
    return list(_records(conn, rows))


def everyone(conn: Connection) -> Iterator[OrganisationRecord]:
    """Yield every organisation, by number."""
    after = 0
    while found := page(conn, after, _AT_ONCE):
        yield from (record for _, record in found)
        after = found[-1][0]


def _locked(conn: Connection, external_ids: Iterable[str]) -> dict[str, int]:
    """Return who is registered under these external ids, and keep others from changing or erasing
    them meanwhile. All at once and by their numbers: two who lock in another order wait for each
    other for ever.
    """
    wanted = sorted(external_ids)
    numbers: list[int] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = subscriber.c.external_id.in_(wanted[start : start + _AT_ONCE])
        numbers += conn.execute(select(subscriber.c.id).where(some)).scalars()
    numbers.sort()
    found: dict[str, int] = {}
    for start in range(0, len(numbers), _AT_ONCE):
        rows = conn.execute(
            select(subscriber.c.id, subscriber.c.external_id)
            .where(
                subscriber.c.id.in_(numbers[start : start + _AT_ONCE]),
                subscriber.c.erased_at.is_(None),
            )
            .order_by(subscriber.c.id)
            .with_for_update()
        )
        found |= {row.external_id: row.id for row in rows}
    return found


def _unknown(
    records: Sequence[OrganisationRecord], people: Mapping[str, int], where: Mapping[str, str]
) -> Iterator[Problem]:
    for record in records:
        missing = sum(who not in people for who in record.people)
        if missing:
            yield Problem(
                code="person_unknown",
                detail=f"{missing} of the people are not registered under such an external id",
                fix="register them first, by `fasttime subscribers add` or `import`",
                field="people",
                where=where.get(record.external_id, ""),
            )


def _held(
    conn: Connection, records: Sequence[OrganisationRecord]
) -> Iterator[tuple[int, OrganisationRecord]]:
    wanted = [record.external_id for record in records]
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        rows = conn.execute(select(organisation).where(organisation.c.external_id.in_(some))).all()
        yield from _records(conn, rows)


def _records(conn: Connection, rows: Sequence[Any]) -> Iterator[tuple[int, OrganisationRecord]]:
    link = organisation_person
    people: dict[int, list[Any]] = {}
    numbers = [row.id for row in rows]
    for start in range(0, len(numbers), _AT_ONCE):
        linked = conn.execute(
            select(link.c.organisation_id, link.c.contact_for, subscriber.c.external_id)
            .join(subscriber, subscriber.c.id == link.c.subscriber_id)
            .where(link.c.organisation_id.in_(numbers[start : start + _AT_ONCE]))
            .order_by(link.c.organisation_id, subscriber.c.id)
        )
        for each in linked:
            people.setdefault(each.organisation_id, []).append(each)
    for row in rows:
        theirs = people.get(row.id, [])
        contacts = sorted(
            (area, each.external_id)
            for each in theirs
            for area in filter(None, each.contact_for.split(";"))
        )
        yield (
            row.id,
            OrganisationRecord(
                external_id=row.external_id,
                name=sealing.opened(conn, row),
                trade=row.trade,
                size=row.size,
                sites=row.sites,
                people=tuple(each.external_id for each in theirs),
                contacts=tuple(contacts),
                passes_on=row.passes_on,
            ),
        )


def _same(one: OrganisationRecord, other: OrganisationRecord) -> bool:
    def told(record: OrganisationRecord) -> OrganisationRecord:
        return record._replace(
            people=tuple(sorted(record.people)), contacts=tuple(sorted(record.contacts))
        )

    return told(one) == told(other)


def _facts(record: OrganisationRecord) -> dict[str, Any]:
    return {
        "trade": record.trade,
        "size": record.size,
        "sites": record.sites,
        "passes_on": record.passes_on,
    }


def _add(
    conn: Connection, records: Sequence[OrganisationRecord], now: datetime
) -> list[tuple[int, OrganisationRecord]]:
    """Write new organisations. A name is sealed for the number of its row, so it comes second."""
    if not records:
        return []
    key_id = ring_of(conn).to_write(conn).newest.id
    rows = [
        {
            "external_id": record.external_id,
            "sealed": b"",
            "key_id": key_id,
            **_facts(record),
            "created_at": now,
            "updated_at": now,
        }
        for record in records
    ]
    conn.execute(insert(organisation), rows)
    numbers: dict[str, int] = {}
    for start in range(0, len(records), _AT_ONCE):
        some = [record.external_id for record in records[start : start + _AT_ONCE]]
        found = conn.execute(
            select(organisation.c.external_id, organisation.c.id).where(
                organisation.c.external_id.in_(some)
            )
        )
        numbers |= {row.external_id: row.id for row in found}
    added = [(numbers[record.external_id], record) for record in records]
    _change(conn, added, now)
    return added


def _change(
    conn: Connection, records: Sequence[tuple[int, OrganisationRecord]], now: datetime
) -> None:
    if not records:
        return
    columns = ("sealed", "key_id", "trade", "size", "sites", "passes_on")
    setting: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
    rows = []
    for number, record in records:
        values = {**sealing.sealed(conn, number, record.name), **_facts(record)}
        rows.append({"number": number, **{f"new_{name}": v for name, v in values.items()}})
    conn.execute(
        update(organisation)
        .where(organisation.c.id == bindparam("number"))
        .values(**setting, updated_at=now),
        rows,
    )


def _link(
    conn: Connection,
    records: Sequence[tuple[int, OrganisationRecord]],
    people: Mapping[str, int],
) -> set[int]:
    """Write who acts for these organisations; return who does now, or did before."""
    link = organisation_person
    touched: set[int] = set()
    numbers = [number for number, _ in records]
    for start in range(0, len(numbers), _AT_ONCE):
        some = link.c.organisation_id.in_(numbers[start : start + _AT_ONCE])
        touched.update(conn.execute(select(link.c.subscriber_id).where(some)).scalars())
        conn.execute(delete(link).where(some))
    rows = [
        {
            "organisation_id": number,
            "subscriber_id": people[who],
            "contact_for": ";".join(area for area, named in record.contacts if named == who),
        }
        for number, record in records
        for who in record.people
    ]
    if rows:
        conn.execute(insert(link), rows)
    return touched | {people[who] for _, record in records for who in record.people}
