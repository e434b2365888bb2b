"""What could not be handled and was put aside where an operator sees it: /metrics counts it and the
log names it. An administrator closes it, and says why; or hands it over again, which closes it too:
what fails again is put aside anew.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from broadcast.events.tables import parked
from broadcast.problems import refuse

RENDER_FAILED: Final = "render.failed"
"""A text that cannot be laid out; the key is VERSION/CHANNEL/LANGUAGE."""
LOOK_UPS: Final = "look_ups"
"""An operator who looked at the numbers of many shapes: a notice, nothing failed."""
HANDED_OVER: Final = "handed over again"
"""Why it was closed, where it was handed to its processor once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One thing put aside: what failed, of what, and how."""

    id: int
    at: datetime
    what: str
    key: str
    error: str
    closed_at: datetime | None
    closed_by: str
    why: str

    @property
    def can_be_retried(self) -> bool:
        """Whether it can be handed to its processor again: it is open, and one failed at it."""
        return self.closed_at is None and self.what == RENDER_FAILED

    def to_json(self) -> dict[str, Any]:
        """Return it as the command line and the API tell it."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "what": self.what,
            "key": self.key,
            "error": self.error,
            "retry": self.can_be_retried,
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
            "closed_by": self.closed_by,
            "why": self.why,
        }


def park(conn: Connection, what: str, key: str, error: str, now: datetime) -> int:
    """Put one thing aside and return its number. While the same `what` and `key` are open they are
    kept only the first time. `error` holds no personal data.
    """
    same = (parked.c.what == what) & (parked.c.key == key) & parked.c.closed_at.is_(None)
    known = conn.execute(select(parked.c.id).where(same).limit(1)).scalar_one_or_none()
    if known is not None:
        return int(known)
    made = insert(parked).values(at=now, what=what, key=key, error=error[:2000])
    return int(conn.execute(made.returning(parked.c.id)).scalar_one())


def closed_among(conn: Connection, numbers: Collection[int]) -> set[int]:
    """Return which of these were closed."""
    closed = parked.c.id.in_(numbers) & parked.c.closed_at.is_not(None)
    return set(conn.execute(select(parked.c.id).where(closed)).scalars())


def listed(conn: Connection, limit: int = 200) -> list[DeadLetter]:
    """Return the newest, those that are open first."""
    query = select(parked).order_by(parked.c.closed_at.is_not(None), parked.c.id.desc())
    return [DeadLetter(**row) for row in conn.execute(query.limit(limit)).mappings()]


def close(conn: Connection, number: int, *, by: str, why: str, now: datetime) -> DeadLetter:
    """Close one: it was seen to. What fails again is put aside again. Raises Rejected: 404
    dead_letter_unknown, 409 dead_letter_closed.
    """
    closed = conn.execute(
        update(parked)
        .where(parked.c.id == number, parked.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=by, why=why)
    )
    row = conn.execute(select(parked).where(parked.c.id == number)).mappings().one_or_none()
    if row is None:
        raise refuse(
            "dead_letter_unknown",
            "nothing of this number was put aside",
            "see the list",
            status=404,
        )
    if closed.rowcount != 1:
        raise refuse(
            "dead_letter_closed",
            f"somebody closed it already: {row['why']}",
            "see the list: what failed again stands there under a new number",
            status=409,
        )
    return DeadLetter(**row)
