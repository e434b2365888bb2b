"""The claim: the cursor of a batch moves and its slices are stored before anything touches the wire
(rules R3, R9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, and_, exists, insert, select, update

from broadcast.ledger.claims import timing
from broadcast.ledger.claims.batch_causes import repeats_doubts
from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome, outcome_row
from broadcast.ledger.claims.slices import SLICE_SIZE, Slice, open_members
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.evidence import MAY_HAVE_REACHED, REACHED
from broadcast.ledger.tables import worker as worker_table
from broadcast.messages.tables import version
from broadcast.store.database import database_now, lock_version


def claim(
    conn: Connection,
    c: Candidate,
    *,
    want: int,
    worker: str,
    attempts: Callable[[], str],
    suppress: Callable[[Connection, list[int], str], dict[int, str]],
    no_longer_for: Callable[[Connection, list[int]], dict[int, str]] | None = None,
    now: datetime | None = None,
    provider: str = "",
) -> tuple[list[Slice], datetime] | None:
    """Move the batch's cursor by up to `want` people and store the slices, before anything touches
    the wire (rule R3, R9).

    `suppress(conn, ids, channel)` says whom not to send to and why, read in the same
    transaction; `no_longer_for(conn, ids)` the same of people who have waited since the release.
    `attempts()` gives new slice attempt ids. `provider` names the adapter and account
    that will send. Returns None where there is nothing to
    send; else the slices and their deadline on the database's clock. The version's shared lock is
    taken first: whoever cancels, holds or corrects takes it exclusively, so after their commit
    nothing is claimed.
    """
    lock_version(conn, c.version_id, shared=True)
    taken = (_move_cursor_postgresql if conn.dialect.name == "postgresql" else _move_cursor)(
        conn, c, want, worker, now
    )
    if taken is None:
        return None
    lo, hi, members, now = taken
    skipped = suppress(conn, members, c.channel)
    if c.waited and no_longer_for is not None:
        # This reason stands before "stopped", which would owe them their next channel.
        skipped = {**skipped, **no_longer_for(conn, members)}
    if c.generation > 1:
        skipped = {**_reached_since(conn, c, members), **skipped}
    slices = [
        _slice(
            c, attempts(), start, members[start - lo : start - lo + SLICE_SIZE], skipped, provider
        )
        for start in range(lo, hi, SLICE_SIZE)
    ]
    skips = [row for s in slices for row in _skipped_rows(s, now)]
    if skips:
        conn.execute(insert(outcome), skips)
    deadline = now + timedelta(seconds=timing.HAND_OVER_SECONDS)
    conn.execute(insert(slice_), [_slice_row(s, worker, now, deadline) for s in slices])
    return slices, deadline


def _slice(
    c: Candidate,
    attempt: str,
    start: int,
    ids: list[int],
    skipped: dict[int, str],
    provider: str,
) -> Slice:
    return Slice(
        attempt=attempt,
        batch_id=c.batch_id,
        version_id=c.version_id,
        status=c.status,
        generation=c.generation,
        channel=c.channel,
        lo=start,
        hi=start + len(ids),
        people=tuple(enumerate(ids)),
        skipped={at: skipped[person] for at, person in enumerate(ids) if person in skipped},
        provider=provider,
    )


def _skipped_rows(s: Slice, now: datetime) -> Iterable[dict[str, Any]]:
    """Yield the outcomes of the people whom a claim skips.

    A routine person who opted out of this channel, or took back their consent to it, is still owed
    their next one.
    """
    people = dict(s.people)
    for position, reason in s.skipped.items():
        due = now if reason in ("stopped", "no_consent", "no_channel") else None
        skip = Outcome(
            position=position,
            person_id=people[position],
            state="skipped",
            code=reason,
            due_at=due,
        )
        yield outcome_row(s, skip, now)


def _slice_row(s: Slice, worker: str, now: datetime, deadline: datetime) -> dict[str, Any]:
    return {
        "attempt": s.attempt,
        "batch_id": s.batch_id,
        "version_id": s.version_id,
        "generation": s.generation,
        "channel": s.channel,
        "lo": s.lo,
        "hi": s.hi,
        "worker": worker,
        "provider": s.provider,
        "state": "open",
        "claimed_at": now,
        "deadline": deadline,
        "skipped": len(s.skipped),
    }


def _move_cursor(
    conn: Connection, c: Candidate, want: int, worker: str, now: datetime | None
) -> tuple[int, int, list[int], datetime] | None:
    """Return [lo, hi), those members and the moment; None where nobody is left, or the version is
    not alive any more.
    """
    now = now or database_now(conn)
    # A worker that was declared dead registers anew before it claims: its leases would run out
    # while it sends (rule R8).
    buried = exists().where(worker_table.c.id == worker, worker_table.c.dead_at.is_not(None))
    alive = and_(
        exists().where(
            version.c.id == c.version_id, version.c.state == "live", version.c.expires_at > now
        ),
        ~buried,
    )
    old = select(batch.c.next, batch.c.size, batch.c.members).where(
        batch.c.id == c.batch_id, batch.c.next < batch.c.size, batch.c.open, alive
    )
    row = conn.execute(old).one_or_none()
    if row is None:
        return None
    hi = min(row.next + want, row.size)
    conn.execute(update(batch).where(batch.c.id == c.batch_id).values(next=hi, open=hi < row.size))
    return row.next, hi, members_of(row.members)[row.next : hi].tolist(), now


# The version's lock was taken by the statement before: this one's snapshot sees what a cancel
# committed (rule R3, R9).
_POSTGRESQL_MOVE = """
WITH o AS (
  SELECT b.id, b.next AS lo, least(b.next + $3, b.size) AS hi, b.size, b.members, t.now
  FROM (SELECT coalesce($4::timestamptz, clock_timestamp()) AS now) t, batch b
  WHERE b.id = $1 AND b.next < b.size AND b.open AND EXISTS (
    SELECT 1 FROM version v WHERE v.id = $2 AND v.state = 'live' AND v.expires_at > t.now)
    AND NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = $5 AND w.dead_at IS NOT NULL)
  FOR UPDATE OF b
)
UPDATE batch SET next = o.hi, open = o.hi < o.size FROM o WHERE batch.id = o.id
RETURNING o.lo, o.hi, substring(o.members FROM 4 * o.lo + 1 FOR 4 * (o.hi - o.lo)), o.now
"""


def _move_cursor_postgresql(
    conn: Connection, c: Candidate, want: int, worker: str, now: datetime | None
) -> tuple[int, int, list[int], datetime] | None:
    """Do the same in one statement, which brings the members of this range only."""
    row = conn.exec_driver_sql(
        _POSTGRESQL_MOVE, (c.batch_id, c.version_id, want, now, worker)
    ).one_or_none()
    return None if row is None else (row[0], row[1], members_of(row[2]).tolist(), row[3])


def _reached_since(conn: Connection, c: Candidate, members: list[int]) -> dict[int, str]:
    """Return whom an earlier generation reached on this channel since the batch was made, or is
    reaching now (rule R2).
    """
    earlier = outcome.c.generation < c.generation
    states = REACHED if repeats_doubts(c.cause) else MAY_HAVE_REACHED
    reached = conn.execute(
        select(outcome.c.person_id).where(
            outcome.c.version_id == c.version_id,
            outcome.c.channel == c.channel,
            outcome.c.person_id.in_(members),
            outcome.c.state.in_(states),
            earlier,
        )
    ).scalars()
    busy = open_members(conn, c.version_id).get(c.channel, BitMap())
    return {int(person): "reached" for person in (*reached, *(busy & BitMap(members)))}
