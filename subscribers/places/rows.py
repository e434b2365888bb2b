"""The rows of other places: they follow what people say of themselves, and the look-up of
postcodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from broadcast.places.postcodes import look_up
from subscribers.organisations import acting
from subscribers.organisations.acting import Acting
from subscribers.organisations.tables import organisation_person
from subscribers.people_file import other_places
from subscribers.people_file.other_places import OtherPlace
from subscribers.places.tables import subscriber_place
from subscribers.registry.tables import subscriber

_SAID: Final = ("postcode", "lat", "lon", "uncertainty_m", "area", "until", "acts_as")
_SITES_FROM: Final = 100
"""Above the numbers of places that people name themselves: sites of who they act for."""
_AT_ONCE: Final = 500
_NOTHING: Final[dict[str, Any]] = {
    "postcode": "",
    "lat": None,
    "lon": None,
    "uncertainty_m": None,
    "area": None,
    "until": 0,
    "acts_as": "",
}


def follow(conn: Connection, change: int) -> int:
    """Bring the rows of whoever was written with this mark up to what is said of them now; return
    how many rows changed.
    """
    has = exists().where(subscriber_place.c.subscriber_id == subscriber.c.id)
    # First who they are, then what they say, some at a time: an import may bring in a million.
    query = select(subscriber.c.id).where(
        subscriber.c.change == change, or_(subscriber.c.places != "", has)
    )
    ids, done = list(conn.execute(query.order_by(subscriber.c.id)).scalars()), 0
    for start in range(0, len(ids), _AT_ONCE):
        rows = conn.execute(
            select(subscriber.c.id, subscriber.c.places)
            .where(subscriber.c.id.in_(ids[start : start + _AT_ONCE]))
            .order_by(subscriber.c.id)
        ).all()
        done += _settle(conn, [(row.id, other_places.known(row.places)) for row in rows], change)
    return done


def follow_people(conn: Connection, people: Iterable[int], change: int) -> int:
    """Update the rows of places of these people from their own places and those of the
    organisations they act for; changed rows get the mark `change`. Return how many changed.
    """
    ids, done = sorted(set(people)), 0
    for start in range(0, len(ids), _AT_ONCE):
        rows = conn.execute(
            select(subscriber.c.id, subscriber.c.places)
            .where(subscriber.c.id.in_(ids[start : start + _AT_ONCE]))
            .order_by(subscriber.c.id)
            .with_for_update()
        ).all()
        done += _settle(conn, [(row.id, other_places.known(row.places)) for row in rows], change)
    return done


def ended(conn: Connection, now: datetime, most: int) -> list[int]:
    """Return people who have a visit that has ended, in ascending order, `most` at most."""
    query = (
        select(subscriber_place.c.subscriber_id)
        .where(subscriber_place.c.until > 0, subscriber_place.c.until <= int(now.timestamp()))
        .distinct()
        .order_by(subscriber_place.c.subscriber_id)
    )
    return list(conn.execute(query.limit(most)).scalars())


def renew(conn: Connection, after: int, most: int, change: int) -> tuple[int, int | None]:
    """Bring the rows that stand for a postcode up to where it lies now, the next `most` people
    after this id; return how many changed, and the id to go on after, None at the end. For who
    holds the lock of the import (`subscribers/registry/mark.py`).
    """
    some = conn.execute(
        select(subscriber.c.id, subscriber.c.places)
        .where(
            subscriber.c.id > after,
            or_(
                subscriber.c.places != "",
                exists().where(organisation_person.c.subscriber_id == subscriber.c.id),
            ),
        )
        .order_by(subscriber.c.id)
        .limit(most)
        .with_for_update()
    ).all()
    done = _settle(conn, [(row.id, other_places.known(row.places)) for row in some], change)
    return done, some[-1].id if len(some) == most else None


def _settle(
    conn: Connection, people: Sequence[tuple[int, Sequence[OtherPlace]]], change: int
) -> int:
    new: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        all_places = _with_sites(conn, some)
        codes = {each.place.postcode for _, places in all_places for _, each in places}
        where = look_up.places(conn, codes - {""})
        held = {
            (row.subscriber_id, row.no): row
            for row in conn.execute(
                select(subscriber_place).where(
                    subscriber_place.c.subscriber_id.in_([person for person, _ in some])
                )
            )
        }
        wanted = {
            (person, no): _values(each, where)
            for person, places in all_places
            for no, each in places
        }
        for key, values in wanted.items():
            if key not in held:
                new.append({"subscriber_id": key[0], "no": key[1], **values, "change": change})
        for key, row in held.items():
            values = wanted.get(key, _NOTHING)
            if any(getattr(row, name) != values[name] for name in _SAID):
                moved.append({"row": row.id, **{f"new_{n}": v for n, v in values.items()}})
    if new:
        conn.execute(insert(subscriber_place), new)
    if moved:
        setting: dict[str, Any] = {name: bindparam(f"new_{name}") for name in _SAID}
        conn.execute(
            update(subscriber_place)
            .where(subscriber_place.c.id == bindparam("row"))
            .values(**setting, change=change),
            moved,
        )
    return len(new) + len(moved)


def _with_sites(
    conn: Connection, people: Sequence[tuple[int, Sequence[OtherPlace]]]
) -> list[tuple[int, list[tuple[int, Acting]]]]:
    """Return each person with the numbers and places of their own and of whom they act for."""
    sites = acting.of_people(conn, [person for person, _ in people])
    return [
        (
            person,
            [
                *((no, Acting(each, "")) for no, each in enumerate(places)),
                *((_SITES_FROM + no, each) for no, each in enumerate(sites.get(person, ()))),
            ],
        )
        for person, places in people
    ]


def _values(each: Acting, where: dict[str, look_up.PostcodePlace]) -> dict[str, Any]:
    place = each.place
    values = _NOTHING | {
        "acts_as": each.acts_as,
        "postcode": place.postcode,
        "lat": place.lat,
        "lon": place.lon,
        "area": place.area or None,
        "until": int(place.until.timestamp()) if place.until else 0,
    }
    if place.postcode in where:
        found = where[place.postcode]
        values |= {"lat": found.lat, "lon": found.lon, "uncertainty_m": found.uncertainty_m}
    return values
