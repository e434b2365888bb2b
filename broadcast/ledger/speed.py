"""How fast a version was handed over, how much of the granted rate it used, and why it was tried
again: sums over slices and outcomes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from broadcast.ledger.claims.tables import outcome, slice_
from broadcast.ledger.tables import worker
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One stretch of time: people a second that the provider's rate granted (None: not on record,
    0: no limit) and that were let through to be sent to.
    """

    begins: datetime
    granted: float | None
    used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateUse:
    """What was granted to one channel and what a version used of it, interval by interval, each
    `seconds` long.
    """

    channel: str
    seconds: int
    intervals: tuple[Interval, ...]


LONGEST_PICTURE: Final = 40
"""So many intervals are told at most."""
_LENGTHS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 86_400)


def rates(conn: Connection, v: Version) -> list[RateUse]:
    """Return it for each channel, of the first attempts. A person counts when claimed, for that is
    when a token is taken; who was skipped took none.

    The rate is that of the process that claimed, as it registered; of several the highest, because
    they share one bucket. Where nothing was claimed, the rate before holds on.
    """
    query = (
        select(
            slice_.c.channel,
            slice_.c.claimed_at,
            slice_.c.hi - slice_.c.lo - slice_.c.skipped,
            worker.c.rates,
        )
        .outerjoin(worker, worker.c.id == slice_.c.worker)
        .where(slice_.c.version_id == v.id, slice_.c.generation == FIRST)
    )
    found: dict[str, list[tuple[datetime, int, float | None]]] = {}
    granted: dict[tuple[str, str | None], float | None] = {}
    for channel, at, people, told in conn.execute(query):
        if (channel, told) not in granted:
            granted[channel, told] = json.loads(told or "{}").get(f"{v.status}/{channel}")
        found.setdefault(channel, []).append((at, people, granted[channel, told]))
    return [_rate_use(channel, rows) for channel, rows in sorted(found.items())]


def _rate_use(channel: str, rows: Sequence[tuple[datetime, int, float | None]]) -> RateUse:
    begin, end = min(at for at, _, _ in rows), max(at for at, _, _ in rows)
    lasted = (end - begin).total_seconds()
    fitting = (n for n in _LENGTHS if lasted < n * LONGEST_PICTURE)
    length = next(fitting, int(lasted // LONGEST_PICTURE) + 1)
    people = [0] * (int(lasted // length) + 1)
    rate: list[float | None] = [None] * len(people)
    for at, n, granted in rows:
        place = int((at - begin).total_seconds() // length)
        people[place] += n
        if granted is not None:
            rate[place] = _higher(rate[place], granted)
    last, intervals = None, []
    for place, n in enumerate(people):
        claimed = n or rate[place] is not None
        last = rate[place] if claimed else last
        began = begin + timedelta(seconds=place * length)
        intervals.append(Interval(begins=began, granted=last, used=n / length))
    return RateUse(channel=channel, seconds=length, intervals=tuple(intervals))


def _higher(one: float | None, other: float) -> float:
    """Return the higher of two rates, of which 0 is no limit."""
    if one is None:
        return other
    return 0.0 if not (one and other) else max(one, other)


def retries(conn: Connection, v: Version) -> list[tuple[str, str, int]]:
    """Return (channel, provider's code, people) of all that was or is to be tried again."""
    query = (
        select(outcome.c.channel, outcome.c.code, func.count())
        .where(outcome.c.version_id == v.id, outcome.c.due_at.is_not(None))
        .group_by(outcome.c.channel, outcome.c.code)
        .order_by(func.count().desc(), outcome.c.channel, outcome.c.code)
    )
    return [(channel, code, people) for channel, code, people in conn.execute(query)]
