"""What stands behind an attempt id when a provider asks for it: which version, in which language,
for whom.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from broadcast.ledger import audiences, claims
from broadcast.ledger.tables import batch, outcome, slice_
from broadcast.messages.tables import version


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One attempt to one person. `repeat`: a person ordered it although the first may have
    arrived.
    """

    person: int
    version_id: int
    channel: str
    language: str
    status: str
    repeat: bool


def handed(conn: Connection, attempt: str, position: int) -> Handed | None:
    """Return the attempt at a position of a slice; None where no slice has it."""
    query = (
        select(
            slice_.c.version_id,
            slice_.c.channel,
            slice_.c.lo,
            slice_.c.hi,
            batch.c.members,
            batch.c.language,
            batch.c.cause,
            version.c.status,
        )
        .join(batch, batch.c.id == slice_.c.batch_id)
        .join(version, version.c.id == slice_.c.version_id)
        .where(slice_.c.attempt == attempt)
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    ids = audiences.members_of(row.members)[row.lo : row.hi]
    if not 0 <= position < len(ids):
        return None
    return Handed(
        person=int(ids[position]),
        version_id=row.version_id,
        channel=row.channel,
        language=row.language,
        status=row.status,
        repeat=claims.repeats(row.cause),
    )


def last_version_of(
    conn: Connection, person_id: int, channel: str, statuses: Collection[str]
) -> int | None:
    """Return the version of these statuses that reached somebody last on a channel: what made them
    stop, or ask for help. An answer is joined by `broadcast.answers.joining` instead.
    """
    mine = select(outcome.c.version_id).join(version, version.c.id == outcome.c.version_id)
    query = (
        mine.where(
            outcome.c.person_id == person_id,
            outcome.c.channel == channel,
            outcome.c.state.in_(("accepted", "delivered", "in_doubt")),
            version.c.status.in_(statuses),
        )
        .order_by(outcome.c.at.desc())
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none()


def sent_to(conn: Connection, person_id: int, limit: int) -> list[tuple[int, str, str, datetime]]:
    """Return the newest versions that somebody got or may have got: of each the version, the
    channel, the state and when, the newest first. A version by two channels stands there once, by
    the one that it came by first.
    """
    query = (
        select(outcome.c.version_id, outcome.c.channel, outcome.c.state, outcome.c.at)
        .where(
            outcome.c.person_id == person_id,
            outcome.c.state.in_(("accepted", "delivered", "in_doubt")),
        )
        .order_by(outcome.c.version_id.desc(), outcome.c.at)
        .limit(4 * limit)
    )
    found: dict[int, tuple[int, str, str, datetime]] = {}
    for row in conn.execute(query):
        found.setdefault(row.version_id, (row.version_id, row.channel, row.state, row.at))
    return list(found.values())[:limit]
