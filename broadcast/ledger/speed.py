"""How fast a version was handed over, and why it was tried again: sums over slices and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from broadcast.ledger.claims.tables import outcome, slice_
from broadcast.messages.versions import Version

FIRST = 1
"""The generation of the first attempts; retries and other channels follow."""
SHARES = (0.0, 0.5, 0.95, 0.99)
"""The first person, the middle one, 95 and 99 of a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds from the approval until so many of a channel's people were handed over: the first,
    half of them, 95 % and 99 %.
    """

    channel: str
    people: int
    seconds: tuple[float, ...]


def latencies(conn: Connection, v: Version) -> list[Latency]:
    """Return it for each channel on which anybody was handed over."""
    if v.approved_at is None:
        return []
    query = select(slice_.c.channel, slice_.c.done_at, slice_.c.accepted).where(
        slice_.c.version_id == v.id,
        slice_.c.generation == FIRST,
        slice_.c.done_at.is_not(None),
        slice_.c.accepted > 0,
    )
    found: dict[str, list[tuple[float, int]]] = {}
    for channel, done_at, accepted in conn.execute(query):
        took = max((done_at - v.approved_at).total_seconds(), 0.0)
        found.setdefault(channel, []).append((took, accepted))
    return [
        Latency(
            channel=channel,
            people=sum(n for _, n in rows),
            seconds=tuple(_share(sorted(rows), share) for share in SHARES),
        )
        for channel, rows in sorted(found.items())
    ]


def _share(rows: Sequence[tuple[float, int]], share: float) -> float:
    """Return after how long this share of all people was reached; rows are (seconds, people)."""
    wanted, reached = share * sum(n for _, n in rows), 0
    for took, people in rows:
        reached += people
        if reached >= wanted:
            return took
    return rows[-1][0]


def retries(conn: Connection, v: Version) -> list[tuple[str, str, int]]:
    """Return (channel, provider's code, people) of all that was or is to be tried again."""
    query = (
        select(outcome.c.channel, outcome.c.code, func.count())
        .where(outcome.c.version_id == v.id, outcome.c.due_at.is_not(None))
        .group_by(outcome.c.channel, outcome.c.code)
        .order_by(func.count().desc(), outcome.c.channel, outcome.c.code)
    )
    return [(channel, code, people) for channel, code, people in conn.execute(query)]
