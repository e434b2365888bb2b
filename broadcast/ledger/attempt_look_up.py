"""What stands behind an attempt, and which attempts reached somebody: which version, in which
language, for whom. The only place that looks it up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from broadcast.ledger.claims import batch_causes
from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.evidence import MAY_HAVE_REACHED
from broadcast.messages.tables import version


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One attempt to one person. `repeat`: a person ordered it although the first may have
    arrived. `roles`: the kinds of the several registrations that they get it for, else "".
    """

    person: int
    message_id: int
    version_id: int
    channel: str
    language: str
    status: str
    repeat: bool
    roles: str = ""


def slices(
    conn: Connection, *where: ColumnElement[bool], locked: bool = False
) -> Sequence[Row[Any]]:
    """Return the slices for which this holds, each with the members, language and cause of its
    batch, and with message, status and urgency of its version. `locked`: for the rest of the
    transaction, and without those that another one holds.
    """
    query: Select[Any] = (
        select(
            slice_.c.attempt,
            slice_.c.version_id,
            slice_.c.generation,
            slice_.c.channel,
            slice_.c.provider,
            slice_.c.lo,
            slice_.c.hi,
            slice_.c.kept_at,
            batch.c.members,
            batch.c.language,
            batch.c.cause,
            batch.c.roles,
            version.c.message_id,
            version.c.status,
            version.c.urgent,
        )
        .join(batch, batch.c.id == slice_.c.batch_id)
        .join(version, version.c.id == slice_.c.version_id)
    )
    query = query.where(*where)
    if locked:
        query = query.with_for_update(of=slice_, skip_locked=True)
    return conn.execute(query).all()


def person_at(row: Row[Any], position: int) -> int | None:
    """Return who stands at a position of a slice; None where it has no such position."""
    ids = members_of(row.members)[row.lo : row.hi]
    return int(ids[position]) if 0 <= position < len(ids) else None


def handed(conn: Connection, attempt: str, position: int) -> Handed | None:
    """Return the attempt at a position of a slice; None where no slice has it."""
    for row in slices(conn, slice_.c.attempt == attempt):
        person = person_at(row, position)
        return None if person is None else _handed(row, person)
    return None


def _handed(row: Row[Any], person: int) -> Handed:
    return Handed(
        person=person,
        message_id=row.message_id,
        version_id=row.version_id,
        channel=row.channel,
        language=row.language,
        status=row.status,
        repeat=batch_causes.repeats(row.cause),
        roles=row.roles,
    )


def handed_over(
    conn: Connection,
    people: Sequence[int],
    channels: Collection[str],
    messages: Collection[int],
    since: datetime,
) -> list[Handed]:
    """Return what of these messages reached one of these people, or may have, since then; and what
    is on its way to them: a text may be answered before the slice that it went out with is
    recorded.
    """
    recorded = (
        _reached(
            people,
            channels,
            outcome.c.person_id,
            outcome.c.version_id,
            outcome.c.channel,
            version.c.message_id,
            version.c.status,
            batch.c.language,
            batch.c.cause,
            batch.c.roles,
        )
        .join(slice_, slice_.c.attempt == outcome.c.attempt)
        .join(batch, batch.c.id == slice_.c.batch_id)
        .where(version.c.message_id.in_(messages), outcome.c.at > since)
    )
    under_way = slices(
        conn,
        version.c.message_id.in_(messages),
        slice_.c.state == "open",
        slice_.c.channel.in_(channels),
    )
    return [
        *(_handed(row, row.person_id) for row in conn.execute(recorded)),
        *(
            _handed(row, person)
            for row in under_way
            for person in sorted(
                {int(i) for i in members_of(row.members)[row.lo : row.hi]} & set(people)
            )
        ),
    ]


def last_reached(
    conn: Connection,
    people: Sequence[int],
    channels: Collection[str],
    statuses: Collection[str],
    since: datetime | None = None,
) -> tuple[int, str] | None:
    """Return the version of these statuses that reached one of these people last, or may have, and
    its status: what made them stop, or ask for help. An answer is joined by
    `broadcast.answers.joining` instead.
    """
    query = _reached(people, channels, outcome.c.version_id, version.c.status)
    query = query.where(version.c.status.in_(statuses)).order_by(outcome.c.at.desc()).limit(1)
    if since is not None:
        query = query.where(outcome.c.at > since)
    row = conn.execute(query).one_or_none()
    return None if row is None else (row.version_id, row.status)


def _reached(
    people: Sequence[int], channels: Collection[str], *columns: ColumnElement[Any]
) -> Select[Any]:
    return (
        select(*columns)
        .select_from(outcome)
        .join(version, version.c.id == outcome.c.version_id)
        .where(
            outcome.c.person_id.in_(people),
            outcome.c.channel.in_(channels),
            outcome.c.state.in_(MAY_HAVE_REACHED),
        )
    )


def failed_since(
    conn: Connection,
    channel: str,
    codes: Collection[str],
    statuses: Collection[str],
    since: datetime,
) -> list[tuple[int, str, datetime]]:
    """Return whose attempts on a channel failed since then with one of these codes: (person, code,
    when they were claimed), the oldest first.
    """
    query = (
        select(outcome.c.person_id, outcome.c.code, slice_.c.claimed_at)
        .join(slice_, slice_.c.attempt == outcome.c.attempt)
        .join(version, version.c.id == outcome.c.version_id)
        .where(
            outcome.c.state == "failed",
            outcome.c.at >= since,
            outcome.c.channel == channel,
            outcome.c.code.in_(sorted(codes)),
            version.c.status.in_(sorted(statuses)),
        )
        .order_by(outcome.c.at)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


def sent_to(conn: Connection, person_id: int, limit: int) -> list[tuple[int, str, str, datetime]]:
    """Return the newest versions that somebody got or may have got: of each the version, the
    channel, the line and when, the newest first. A version by two channels stands there once, by
    the one that it came by first.
    """
    query = (
        select(outcome.c.version_id, outcome.c.channel, outcome.c.state, outcome.c.at)
        .where(outcome.c.person_id == person_id, outcome.c.state.in_(MAY_HAVE_REACHED))
        .order_by(outcome.c.version_id.desc(), outcome.c.at)
        .limit(4 * limit)
    )
    found: dict[int, tuple[int, str, str, datetime]] = {}
    for row in conn.execute(query):
        line = "accepted" if row.state == "sent" else row.state
        found.setdefault(row.version_id, (row.version_id, row.channel, line, row.at))
    return list(found.values())[:limit]
