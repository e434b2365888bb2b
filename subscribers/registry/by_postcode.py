"""Who gave a postcode and no place: the look-up of postcodes says where that is, and how far round
it they may be.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from broadcast.messages import small_counts
from broadcast.places.postcodes import code, look_up
from broadcast.problems import Problem
from broadcast.store.database import give_way
from subscribers.people_file.people import People
from subscribers.people_file.record import SubscriberRecord


def placed(conn: Connection, records: Sequence[SubscriberRecord]) -> Sequence[SubscriberRecord]:
    """Return the records with the place of the postcode where no place was given. A postcode that
    the look-up does not hold gives none.
    """
    at = _waiting(records)
    if not at:
        return records
    places = look_up.places(conn, (records[n].postcode for n in at))
    found = list(records)
    for n in at:
        place = places.get(records[n].postcode)
        if place is not None:
            found[n] = records[n]._replace(
                lat=place.lat, lon=place.lon, uncertainty_m=place.uncertainty_m
            )
    return found


def unknown(conn: Connection, people: People) -> int:
    """Return of how many people nothing tells where they are, because the look-up does not hold
    their postcode.
    """
    lost = 0
    for records in (piece.records for piece in (people if people.summary.by_postcode else ())):
        at = [n for n in _waiting(records) if records[n].area is None]
        places = look_up.places(conn, (records[n].postcode for n in at))
        lost += sum(records[n].postcode not in places for n in at)
        give_way(conn)
    return lost


def told(conn: Connection, people: People, name: str) -> list[Problem]:
    """Return a warning where people gave no more than a postcode, and nobody knows where that is;
    it tells how many.
    """
    lost = unknown(conn, people)
    if not lost:
        return []
    return [
        Problem(
            code="postcode_unknown",
            detail=f"postcodes of {small_counts.people(lost)} are not known here",
            fix="only messages to everybody reach them: see `fasttime areas postcodes`",
            where=name,
        )
    ]


def _waiting(records: Sequence[SubscriberRecord]) -> list[int]:
    return [
        n for n, r in enumerate(records) if r.lat is None and r.postcode and code.key(r.postcode)
    ]
