"""Questions about contact points over many people: who shares one, who stopped one of late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, func, select

from subscribers.tables import stop, subscriber


def address_of(channel: str) -> ColumnElement[str]:
    """Return the column a channel's address comes from: a call goes to the phone, else to the mobile."""
    if channel == "email":
        return subscriber.c.email  # type: ignore[return-value]
    if channel == "voice":
        return func.coalesce(subscriber.c.phone, subscriber.c.mobile)
    return subscriber.c.mobile  # type: ignore[return-value]


def shared_contacts(conn: Connection, channel: str, ids: BitMap) -> Iterator[BitMap]:
    """Return groups of people among `ids` with one contact point on the channel, each of two or more."""
    address = address_of(channel)
    shared = select(address).where(address.is_not(None), subscriber.c.erased_at.is_(None)).group_by(address).having(func.count() > 1)
    groups: dict[str, BitMap] = {}
    for person, at in conn.execute(select(subscriber.c.id, address).where(address.in_(shared), subscriber.c.erased_at.is_(None))):
        if person in ids:
            groups.setdefault(at, BitMap()).add(person)
    return (group for group in groups.values() if len(group) > 1)


def recent_stops(conn: Connection, since: datetime) -> list[tuple[int, str]]:
    """Return (person, channel) of what was stopped since then and not taken up again. By time, not by id: no reader follows a sequence (R7)."""
    query = select(stop.c.subscriber_id, stop.c.channel).where(stop.c.at >= since, stop.c.lifted_at.is_(None))
    return [(person, channel) for person, channel in conn.execute(query)]
