"""The rows of other places: they follow what people say of themselves, and the look-up of
postcodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from broadcast.places.postcodes import look_up
from subscribers.people_file import other_places
from subscribers.people_file.other_places import OtherPlace
from subscribers.places.tables import subscriber_place
from subscribers.registry.tables import subscriber

_SAID: Final = ("postcode", "lat", "lon", "uncertainty_m", "area", "until")
_NOTHING: Final[dict[str, Any]] = {
    "postcode": "",
    "lat": None,
    "lon": None,
    "uncertainty_m": None,
    "area": None,
    "until": 0,
}


def follow(conn: Connection, change: int) -> int:
    """Bring the rows of whoever was written with this mark up to what is said of them now; return
    how many rows changed.
    """
    has = exists().where(subscriber_place.c.subscriber_id == subscriber.c.id)
    rows = conn.execute(
        select(subscriber.c.id, subscriber.c.places)
        .where(subscriber.c.change == change, or_(subscriber.c.places != "", has))
        .order_by(subscriber.c.id)
    ).all()
    return _settle(conn, [(row.id, other_places.known(row.places)) for row in rows], change)


def ended(conn: Connection, now: datetime, most: int) -> list[int]:
    """Return who has a visit that has ended, the lowest first."""
    query = (
        select(subscriber_place.c.subscriber_id)
        .where(subscriber_place.c.until > 0, subscriber_place.c.until <= int(now.timestamp()))
        .distinct()
        .order_by(subscriber_place.c.subscriber_id)
    )
    return list(conn.execute(query.limit(most)).scalars())


def renew(conn: Connection, after: int, most: int, change: int) -> tuple[int, int | None]:
    """Bring the rows that stand for a postcode up to where it lies now, the next `most` people
    after this id; return how many changed, and the id to go on after, None at the end.
    """
    some = conn.execute(
        select(subscriber.c.id, subscriber.c.places)
        .where(subscriber.c.id > after, subscriber.c.places != "")
        .order_by(subscriber.c.id)
        .limit(most)
        .with_for_update()
    ).all()
    done = _settle(conn, [(row.id, other_places.known(row.places)) for row in some], change)
    return done, some[-1].id if len(some) == most else None


def _settle(
    conn: Connection, people: Sequence[tuple[int, Sequence[OtherPlace]]], change: int
) -> int:
    if not people:
        return 0
    where = look_up.places(conn, {p.postcode for _, places in people for p in places if p.postcode})
    new, moved = [], []
    for start in range(0, len(people), 500):
        some = people[start : start + 500]
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
            for person, places in some
            for no, each in enumerate(places)
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


def _values(place: OtherPlace, where: dict[str, look_up.PostcodePlace]) -> dict[str, Any]:
    values = _NOTHING | {
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
