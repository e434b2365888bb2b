"""An ordered resend: who would get a message again, the digest that stands for exactly that, and
what waits for approval.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from broadcast.content.model import Content
from broadcast.messages import small_counts, versions
from broadcast.messages.tables import resend, version
from broadcast.messages.versions import Version

MARK = "REPEAT"
"""What everything that goes out once more is marked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """One order. `only` says whom (failed, in_doubt), `people` how many; `digest` is what another
    person approves.
    """

    id: int
    version_id: int
    only: str
    state: str
    ordered_by: int
    ordered_at: datetime
    people: int
    digest: str | None
    approved_by: int | None = None

    def shown(self, content: Content) -> dict[str, Any]:
        """Return what an approver reads of it; `content` is that of its version."""
        return {
            "only": self.only.split(","),
            "people": small_counts.number(self.people, content),
            "mark": MARK,
            "state": self.state,
            "ordered_by": self.ordered_by,
            "ordered_at": self.ordered_at.isoformat(),
            "content_hash": self.digest,
        }


def digest_of(
    v: Version, *, only: str, members: bytes, people: int, ordered_by: int, now: datetime
) -> str:
    """Return the SHA-256, in hex, of an order: its version and text, exactly these people per
    channel, mark and reason.

    `members` names the people per channel, as `generations.pack` writes them. The time of the order
    is in it, so that no two orders have one digest.
    """
    parts = {
        "resend_of": v.id,
        "message": v.message_id,
        "version": v.number,
        "content_hash": v.content_hash,
        "members": hashlib.sha256(members).hexdigest(),
        "people": people,
        "only": only,
        "mark": MARK,
        "ordered_by": ordered_by,
        "ordered_at": now.isoformat(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def waiting(conn: Connection, message_id: int) -> Resend | None:
    """Return the order of this message that waits for approval; a newer order takes the place of an
    older one.
    """
    return _one(conn, message_id, resend.c.state == "pending_approval")


def by_digest(conn: Connection, message_id: int, digest: str) -> Resend | None:
    """Return the order of this message with this digest, whatever became of it."""
    return _one(conn, message_id, resend.c.digest == digest)


def members(conn: Connection, order_id: int) -> bytes:
    """Return the packed people of an order, for who checks its digest."""
    return bytes(conn.execute(select(resend.c.members).where(resend.c.id == order_id)).scalar_one())


def stands(conn: Connection, v: Version, order: Resend) -> bool:
    """Return whether the row holds exactly what its digest stands for."""
    packed = members(conn, order.id)
    now = digest_of(
        v,
        only=order.only,
        members=packed,
        people=order.people,
        ordered_by=order.ordered_by,
        now=order.ordered_at,
    )
    return now == order.digest


_COLUMNS = (
    resend.c.id,
    resend.c.version_id,
    resend.c.only,
    resend.c.state,
    resend.c.ordered_by,
    resend.c.ordered_at,
    resend.c.people,
    resend.c.digest,
    resend.c.approved_by,
)


def approved(conn: Connection, version_id: int) -> list[Resend]:
    """Return the orders of a version that were approved and not made yet, oldest first."""
    query = select(*_COLUMNS).where(resend.c.version_id == version_id, resend.c.state == "approved")
    return [_read(row) for row in conn.execute(query.order_by(resend.c.id))]


def all_shown(conn: Connection) -> list[tuple[int, dict[str, Any]]]:
    """Return (message, what an approver reads) of every order that waits for approval, oldest
    first.
    """
    query = select(version.c.message_id, *_COLUMNS).join(
        version, version.c.id == resend.c.version_id
    )
    rows = conn.execute(query.where(resend.c.state == "pending_approval").order_by(resend.c.id))
    return [
        (row.message_id, _read(row).shown(versions.get(conn, row.version_id).content))
        for row in rows.all()
    ]


def _one(conn: Connection, message_id: int, condition: Any) -> Resend | None:
    query = select(*_COLUMNS).join(version, version.c.id == resend.c.version_id)
    found = (
        query.where(version.c.message_id == message_id, condition)
        .order_by(resend.c.id.desc())
        .limit(1)
    )
    row = conn.execute(found).one_or_none()
    return None if row is None else _read(row)


def _read(row: Any) -> Resend:
    return Resend(**{column.name: getattr(row, column.name) for column in _COLUMNS})


def close(conn: Connection, order_id: int, state: str) -> None:
    """End an approved order: "made" once its people are queued, "rejected" where its approval does
    not stand.
    """
    conn.execute(update(resend).where(resend.c.id == order_id).values(state=state))
