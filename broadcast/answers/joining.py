"""Which message an answer belongs to, where neither a link nor an attempt says it: the single open
appeal that reached that number lately, else none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, or_, select

from broadcast.ledger import audiences
from broadcast.ledger.tables import batch, outcome, slice_
from broadcast.messages.tables import version

WITHIN: Final = timedelta(hours=72)
REACHED: Final = ("accepted", "delivered", "in_doubt")
CHANNELS: Final = ("sms", "voice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The version that somebody got, who of them got it, and in which language."""

    message_id: int
    version_id: int
    status: str
    person: int
    language: str


def open_appeal(
    conn: Connection, people: Sequence[int], statuses: Collection[str], now: datetime
) -> Joined | None:
    """Return the appeal that these people of one number answer: the single one that is still live,
    was not followed by an all-clear, and reached one of them within 72 hours. None where there is
    none, or several.

    Messages of other kinds, and all-clears, take part in nothing: they cannot take an answer away
    from an appeal.
    """
    if not people:
        return None
    live = select(version.c.message_id).where(
        version.c.kind == "appeal",
        version.c.action != "all_clear",
        version.c.state.in_(("live", "held")),
        version.c.status.in_(statuses),
        or_(version.c.expires_at.is_(None), version.c.expires_at > now),
    )
    messages = sorted(set(conn.execute(live).scalars()))
    if not messages:
        return None
    found = [*_recorded(conn, people, messages, now), *_under_way(conn, people, messages)]
    if len({one.message_id for one in found}) != 1:
        return None
    return max(found, key=lambda one: (one.version_id, -one.person))


def _recorded(
    conn: Connection, people: Sequence[int], messages: Sequence[int], now: datetime
) -> list[Joined]:
    query = (
        select(
            version.c.message_id,
            version.c.status,
            outcome.c.version_id,
            outcome.c.person_id,
            batch.c.language,
        )
        .join(version, version.c.id == outcome.c.version_id)
        .join(slice_, slice_.c.attempt == outcome.c.attempt)
        .join(batch, batch.c.id == slice_.c.batch_id)
        .where(
            version.c.message_id.in_(messages),
            outcome.c.person_id.in_(people),
            outcome.c.channel.in_(CHANNELS),
            outcome.c.state.in_(REACHED),
            outcome.c.at > now - WITHIN,
        )
    )
    return [
        Joined(
            message_id=row.message_id,
            version_id=row.version_id,
            status=row.status,
            person=row.person_id,
            language=row.language,
        )
        for row in conn.execute(query)
    ]


def _under_way(conn: Connection, people: Sequence[int], messages: Sequence[int]) -> list[Joined]:
    """Return who of them is in a slice that is being handed over: a text may be answered before the
    slice that it went out with is recorded.
    """
    query = (
        select(
            version.c.message_id,
            version.c.status,
            slice_.c.version_id,
            slice_.c.lo,
            slice_.c.hi,
            batch.c.members,
            batch.c.language,
        )
        .join(version, version.c.id == slice_.c.version_id)
        .join(batch, batch.c.id == slice_.c.batch_id)
        .where(
            version.c.message_id.in_(messages),
            slice_.c.state == "open",
            slice_.c.channel.in_(CHANNELS),
        )
    )
    return [
        Joined(
            message_id=row.message_id,
            version_id=row.version_id,
            status=row.status,
            person=person,
            language=row.language,
        )
        for row in conn.execute(query)
        for person in sorted(
            {int(i) for i in audiences.members_of(row.members)[row.lo : row.hi]} & set(people)
        )
    ]


def world_of(
    conn: Connection, people: Sequence[int], statuses: Sequence[str], now: datetime
) -> str:
    """Return the CAP status that an unsorted answer counts under: that of what reached its number
    last within 72 hours; where nothing did, the first of those that it may be of.
    """
    if len(statuses) == 1 or not people:
        return statuses[0]
    query = (
        select(version.c.status)
        .join(outcome, outcome.c.version_id == version.c.id)
        .where(
            outcome.c.person_id.in_(people),
            outcome.c.channel.in_(CHANNELS),
            outcome.c.state.in_(REACHED),
            outcome.c.at > now - WITHIN,
            version.c.status.in_(statuses),
        )
        .order_by(outcome.c.at.desc())
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none() or statuses[0]
