"""What people look at beside an account: messages by page, one person's attempts, what moves at
this moment.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, or_, select

from broadcast.ledger import delivery_report
from broadcast.messages import small_counts, states, versions
from broadcast.messages.small_counts import Shown
from broadcast.messages.tables import decision, message, version
from broadcast.messages.versions import Version


def newest(conn: Connection, before: int | None, limit: int) -> list[list[Version]]:
    """Return all versions of up to `limit` messages with a lower id than `before`, the newest
    message first.
    """
    query = select(message.c.id).order_by(message.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(message.c.id < before)
    return list(versions.of_messages(conn, conn.execute(query).scalars().all()).values())


def newest_decisions(conn: Connection, version_ids: Collection[int]) -> dict[int, int]:
    """Return version id → the number of the newest act on it: another one after every act."""
    query = (
        select(decision.c.version_id, func.max(decision.c.id))
        .where(decision.c.version_id.in_(list(version_ids)))
        .group_by(decision.c.version_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def awaiting_approval(conn: Connection) -> list[Version]:
    """Return every version that waits for its approver, the oldest first."""
    query = select(version.c.id).where(version.c.state == "pending_approval").order_by(version.c.id)
    found = versions.of_ids(conn, conn.execute(query).scalars().all())
    return sorted(found, key=lambda v: v.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What can be seen moving of one version: its state, and per channel the totals of its slices
    (`accounts.progress`).
    """

    message: int
    version: int
    kind: str
    status: str
    state: str
    identifier: str | None
    channels: dict[str, dict[str, Shown]]
    revision: int


# A content is stored in canonical form: what is drawn is seen without reading it all.
_EMPTY = ('"circles":[]', '"polygons":[]')
_DRAWN = or_(*(version.c.content.not_like(f"%{empty}%") for empty in _EMPTY)).label("drawn")


def pulse(conn: Connection, ended_after: datetime, limit: int = 1000) -> dict[int, Pulse]:
    """Return version id → pulse of the newest `limit` versions that have not ended, or only after
    that moment.
    """
    return _pulses(
        conn, or_(version.c.state.not_in(states.ENDED), version.c.ended_at > ended_after), limit
    )


def pulse_of(conn: Connection, version_ids: Collection[int]) -> dict[int, Pulse]:
    """Return version id → pulse of these versions, whatever became of them."""
    return _pulses(conn, version.c.id.in_(list(version_ids)), len(version_ids))


def _pulses(conn: Connection, wanted: ColumnElement[bool], limit: int) -> dict[int, Pulse]:
    v = version.c
    columns = (
        v.id,
        v.message_id,
        v.number,
        v.kind,
        v.status,
        v.state,
        v.identifier,
        v.live_at,
        v.revision,
        _DRAWN,
    )
    found = {}
    for r in conn.execute(
        select(*columns).where(wanted).order_by(version.c.id.desc()).limit(limit)
    ).all():
        channels = (
            small_counts.progress(delivery_report.progress(conn, r.id), bool(r.drawn))
            if r.live_at is not None
            else {}
        )
        found[r.id] = Pulse(
            message=r.message_id,
            version=r.number,
            kind=r.kind,
            status=r.status,
            state=r.state,
            identifier=r.identifier,
            channels=channels,
            revision=r.revision,
        )
    return found
