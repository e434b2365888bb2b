"""Which batches have people left, in the order in which a sender should take them (rule R4); and
the word to the senders that a text they left alone is to be tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from broadcast.events import outbox
from broadcast.events.topics import deliveries_topic
from broadcast.ledger.claims.tables import batch
from broadcast.messages.tables import version


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A batch with people left, as a sender's loop sees it. What cannot change any more may be kept
    by the caller.
    """

    batch_id: int
    version_id: int
    generation: int
    status: str
    channel: str
    language: str
    cause: str
    room: str
    severity_rank: int
    correction: bool
    roles: str = ""
    size: int = 0
    not_before: datetime | None = None
    approved_at: datetime | None = None

    @property
    def waited(self) -> bool:
        """Whether its people have waited since they were queued, so that they are looked at
        again.
        """
        return self.not_before is not None


def candidates(
    conn: Connection,
    lane: str,
    channel: str,
    statuses: Sequence[str],
    now: datetime,
    without: Collection[tuple[int, str]] = (),
) -> list[Candidate]:
    """Return one batch per control room: the most severe first, corrections first, then the oldest
    (rule R4).

    The caller goes round the rooms, so that one room's million does not stand before another's
    hundred. `without` are (version, language) that cannot be rendered at present: they must not
    stand before the room's others.
    """
    broken = [
        and_(batch.c.version_id == v, batch.c.language == language) for v, language in without
    ]
    first = (
        select(func.min(batch.c.id).label("id"))
        .where(
            batch.c.open,
            batch.c.lane == lane,
            batch.c.channel == channel,
            batch.c.status.in_(statuses),
            (batch.c.not_before.is_(None)) | (batch.c.not_before <= now),
        )
        .where(*(~b for b in broken))
        .group_by(batch.c.severity_rank, batch.c.correction, batch.c.room)
        .subquery()
    )
    columns = (
        batch.c.id,
        batch.c.version_id,
        batch.c.generation,
        batch.c.status,
        batch.c.channel,
        batch.c.language,
        batch.c.cause,
        batch.c.room,
        batch.c.severity_rank,
        batch.c.correction,
        batch.c.roles,
        batch.c.size,
        batch.c.not_before,
        version.c.approved_at,
    )
    query = (
        select(*columns)
        .join(first, first.c.id == batch.c.id)
        .join(version, version.c.id == batch.c.version_id)
        .order_by(batch.c.severity_rank, batch.c.correction.desc(), batch.c.id)
    )
    return [
        Candidate(
            batch_id=r.id, **{k: getattr(r, k) for k in Candidate.__slots__ if k != "batch_id"}
        )
        for r in conn.execute(query)
    ]


def announce_again(
    conn: Connection, version_id: int, channel: str, language: str, letter: int, now: datetime
) -> bool:
    """Wake the senders for a text that one of them left alone as dead letter `letter`; return False
    where nobody waits for it now: its version ended or is held, or everybody was claimed.
    """
    query = (
        select(batch.c.id, batch.c.lane, batch.c.status)
        .join(version, version.c.id == batch.c.version_id)
        .where(
            batch.c.version_id == version_id,
            batch.c.channel == channel,
            batch.c.language == language,
            batch.c.open,
            version.c.state == "live",
            version.c.expires_at > now,
        )
        .order_by(batch.c.id)
    )
    first = conn.execute(query.limit(1)).one_or_none()
    if first is None:
        return False
    payload = {
        "batch": first.id,
        "version_id": version_id,
        "channel": channel,
        "language": language,
        "dead_letter": letter,
    }
    topic = deliveries_topic(first.lane, first.status)
    outbox.append(conn, topic, str(first.id), "batch.retry", payload, at=now)
    return True
