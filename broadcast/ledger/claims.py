"""The ledger of attempts: claims before the wire, outcomes after it, and leases that run out
between the two (rules R3, R8, R9, R12).

Every function is one part of a transaction; what calls it decides what else belongs into the same
one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, Row, and_, case, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.util import await_only

from broadcast.events import outbox
from broadcast.events.topics import RECEIPTS, topic_for
from broadcast.ledger import audiences, batches, timing
from broadcast.ledger.evidence import MAY_HAVE_REACHED, RANK, REACHED, rank_of
from broadcast.ledger.tables import batch, outcome, slice_
from broadcast.ledger.tables import worker as worker_table
from broadcast.messages.tables import version
from broadcast.store.database import database_now, lock_version

SLICE_SIZE = 32


def retry_of(cause: str) -> str:
    """Return the cause of a further try of a batch: what was allowed to the first by a person's
    order, or by danger to life, is to the second.
    """
    plain = cause.removeprefix("retry_")
    return f"retry_{plain}" if plain in ("resend", "resend_in_doubt", "other_contact") else "retry"


def repeats(cause: str) -> bool:
    """Return whether a person ordered this attempt although there was one before: it is marked
    REPEAT.
    """
    return "resend" in cause


def repeats_doubts(cause: str) -> bool:
    """Return whether it was ordered for those in doubt, so that only a sure arrival stops it."""
    return cause.endswith("resend_in_doubt")


def any_contact(cause: str) -> bool:
    """Return whether a contact point counts although it was not chosen."""
    return cause.endswith("other_contact")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """People claimed together: nobody else will ever be given them for this version, channel and
    generation.

    `people` are (position, subscriber id); `skipped` maps a position to the reason why it is not
    sent to. `provider` is the adapter and account that sends to them.
    """

    attempt: str
    batch_id: int
    version_id: int
    status: str
    generation: int
    channel: str
    lo: int
    hi: int
    people: tuple[tuple[int, int], ...]
    skipped: dict[int, str]
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one position of a slice. `due_at`: when it asks for a further generation."""

    position: int
    person_id: int
    state: str
    code: str = ""
    provider_id: str = ""
    due_at: datetime | None = None


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
        yield _row(s, skip, now)


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
    return row.next, hi, audiences.members_of(row.members)[row.next : hi].tolist(), now


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
    return None if row is None else (row[0], row[1], audiences.members_of(row[2]).tolist(), row[3])


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
    busy = audiences.open_members(conn, c.version_id).get(c.channel, BitMap())
    return {int(person): "reached" for person in (*reached, *(busy & BitMap(members)))}


def _row(s: Slice, o: Outcome, at: datetime) -> dict[str, Any]:
    return {
        "attempt": s.attempt,
        "position": o.position,
        "version_id": s.version_id,
        "channel": s.channel,
        "generation": s.generation,
        "person_id": o.person_id,
        "state": o.state,
        "code": o.code,
        "provider": s.provider,
        "provider_id": o.provider_id,
        "at": at,
        "due_at": o.due_at,
    }


_COLUMNS = (
    "attempt",
    "position",
    "version_id",
    "channel",
    "generation",
    "person_id",
    "state",
    "code",
    "provider",
    "provider_id",
    "at",
    "due_at",
)


def record(
    conn: Connection, finished: Sequence[tuple[Slice, Sequence[Outcome]]], *, at: datetime
) -> int:
    """Close slices with their outcomes; return how many leases of them had run out in the meantime
    (rule R8).

    An open slice is closed by one conditional update; outcomes of one whose lease ran
    out (state `swept`) are late evidence. Both are merged alike, so a doubt written meanwhile, or a
    callback that came first, does not keep the other 31 from being recorded.
    """
    rows: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    closed = (_close_postgresql if conn.dialect.name == "postgresql" else _close)(
        conn, finished, at
    )
    for s, outcomes in finished:
        rows += _rows(conn, s, outcomes, at)
        was_open = s.attempt in closed
        events.append(
            _event(
                s,
                "slice.done" if was_open else "slice.late",
                [*_skips(s), *outcomes] if was_open else outcomes,
            )
        )
    late = [s.attempt for s, _ in finished if s.attempt not in closed]
    if late:
        batches.outcomes_change(conn, late)
    merge_evidence(conn, rows)
    outbox.append_many(conn, events, at=at, wake=False)
    return len(late)


def _close(
    conn: Connection, finished: Sequence[tuple[Slice, Sequence[Outcome]]], at: datetime
) -> set[str]:
    """Close those slices that are still open, raise their totals; return which."""
    return {
        s.attempt
        for s, outcomes in finished
        if conn.execute(
            update(slice_)
            .where(slice_.c.attempt == s.attempt, slice_.c.state == "open")
            .values(state="done", done_at=at, **_more(outcomes))
        ).rowcount
    }


_TOTALS = ("accepted", "failed", "in_doubt", "skipped", "waiting")
_ADDED_TOTALS = ", ".join(f"{total} = slice.{total} + d.{total}" for total in _TOTALS)
_POSTGRESQL_CLOSE = (
    f"UPDATE slice SET state = 'done', done_at = $1, {_ADDED_TOTALS} "  # noqa: S608 - our own words
    f"FROM unnest($2::text[], {', '.join(f'${n}::int[]' for n, _ in enumerate(_TOTALS, 3))}) AS d"
    f" (attempt, {', '.join(_TOTALS)}) "
    "WHERE slice.attempt = d.attempt AND slice.state = 'open' RETURNING slice.attempt"
)


def _close_postgresql(
    conn: Connection, finished: Sequence[tuple[Slice, Sequence[Outcome]]], at: datetime
) -> set[str]:
    """Do the same in one statement. It is SQLAlchemy's, not the driver's: the first of a
    transaction begins it.
    """
    counts = [_counts(outcomes) for _, outcomes in finished]
    totals = [[count.get(total, 0) for count in counts] for total in _TOTALS]
    return set(
        conn.exec_driver_sql(
            _POSTGRESQL_CLOSE, (at, [s.attempt for s, _ in finished], *totals)
        ).scalars()
    )


def _rows(
    conn: Connection, s: Slice, outcomes: Sequence[Outcome], at: datetime
) -> list[dict[str, Any]]:
    """Return the rows of outcomes; who was refused before on this channel waits longer each time,
    whatever others' retries the version had.
    """
    again = [o.person_id for o in outcomes if o.state == "refused"] if s.generation > 1 else []
    later = (
        {
            person: at + timing.backoff(n)
            for person, n in refusals(conn, s.version_id, s.channel, again).items()
        }
        if again
        else {}
    )
    return [
        _row(
            s,
            (
                replace(o, due_at=max(o.due_at, later[o.person_id]))
                if o.due_at and o.person_id in later
                else o
            ),
            at,
        )
        for o in outcomes
    ]


def refusals(
    conn: Connection, version_id: int, channel: str, people: Iterable[int]
) -> dict[int, int]:
    """Return how often each was surely refused on this channel already; who never was is
    missing.
    """
    query = (
        select(outcome.c.person_id, func.count())
        .where(
            outcome.c.version_id == version_id,
            outcome.c.channel == channel,
            outcome.c.person_id.in_(list(people)),
            outcome.c.state == "refused",
        )
        .group_by(outcome.c.person_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def _event(s: Slice, type_: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the fact of one slice for the outbox: [position, state, code] of each outcome, ids
    only (rule R18).

    slice.done and slice.swept close the slice; slice.part comes before, and slice.late after
    its lease ran out. slice.done holds those skipped at the claim as well, slice.swept everybody:
    so the totals of a slice can be computed from its events alone.
    """
    place = {
        "attempt": s.attempt,
        "version_id": s.version_id,
        "batch": s.batch_id,
        "generation": s.generation,
        "channel": s.channel,
        "lo": s.lo,
        "hi": s.hi,
        "provider": s.provider,
    }
    payload = {
        **place,
        "counts": _counts(outcomes),
        "outcomes": [[o.position, o.state, o.code] for o in outcomes],
    }
    return {
        "topic": topic_for(RECEIPTS, s.status),
        "key": s.attempt,
        "type": type_,
        "payload": payload,
    }


def _skips(s: Slice) -> list[Outcome]:
    return [
        Outcome(position=p, person_id=person, state="skipped", code=s.skipped[p])
        for p, person in s.people
        if p in s.skipped
    ]


_TOTAL_OF = {
    "sent": "accepted",
    "delivered": "accepted",
    "refused": "waiting",
    "not_started": "waiting",
}
"""Which of a slice's totals an outcome counts to, where it is not its own name."""


def _counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    return dict(Counter(_TOTAL_OF.get(o.state, o.state) for o in outcomes))


def _more(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the slice's totals, raised by these outcomes."""
    return {column: slice_.c[column] + more for column, more in _counts(outcomes).items()}


def record_some(conn: Connection, s: Slice, outcomes: Sequence[Outcome], *, at: datetime) -> None:
    """Commit what is known of a slice that is still being sent (rule R8: after one
    second); the slice stays open.

    Where its lease ran out in the meantime its totals stand already, and this is late evidence.
    """
    if not outcomes:
        return
    mine = (
        outcome.c.attempt == s.attempt,
        outcome.c.position.in_([o.position for o in outcomes]),
        outcome.c.at == at,
    )
    if conn.execute(select(outcome.c.position).where(*mine).limit(1)).first() is not None:
        return  # the same call, committed before: only its reply was lost
    was_open = conn.execute(
        update(slice_)
        .where(slice_.c.attempt == s.attempt, slice_.c.state == "open")
        .values(_more(outcomes))
    ).rowcount
    if not was_open:
        batches.outcomes_change(conn, [s.attempt])
    merge_evidence(conn, _rows(conn, s, outcomes, at))
    outbox.append_many(
        conn, [_event(s, "slice.part" if was_open else "slice.late", outcomes)], at=at, wake=False
    )


def merge_evidence(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write outcomes or add evidence: what is not there is written, what is there moves up or stays
    (rule R12).

    One statement for all rows on PostgreSQL, as fast as COPY for the few hundred of a group and
    never in the way of a callback that came first: a callback's row is simply already there. Of
    several rows for one person the highest is used. Of a slice that is closed it was said before
    that its outcomes change (`batches.outcomes_change`).
    """
    best: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        key = (row["attempt"], row["position"])
        if key not in best or RANK[row["state"]] > RANK[best[key]["state"]]:
            best[key] = row
    if not best:
        return
    if conn.dialect.name == "postgresql":
        raw: Any = conn.connection.driver_connection
        await_only(
            raw.execute(_POSTGRESQL_FOLD, *([row[c] for row in best.values()] for c in _COLUMNS))
        )
        return
    into = sqlite_insert(outcome)
    new = into.excluded
    conn.execute(
        into.on_conflict_do_update(
            index_elements=["attempt", "position"],
            set_={
                "state": new.state,
                "code": new.code,
                "provider_id": case(
                    (new.provider_id == "", outcome.c.provider_id), else_=new.provider_id
                ),
                "at": new.at,
                "due_at": new.due_at,
            },
            where=rank_of(new.state) > rank_of(outcome.c.state),
        ),
        list(best.values()),
    )


_TYPES = (
    "text",
    "int",
    "int",
    "text",
    "int",
    "int",
    "text",
    "text",
    "text",
    "text",
    "timestamptz",
    "timestamptz",
)


def _rank_sql(column: str) -> str:
    return (
        f"CASE {column} "
        + " ".join(f"WHEN '{state}' THEN {rank}" for state, rank in RANK.items())
        + " END"
    )


_POSTGRESQL_FOLD = (
    f"INSERT INTO outcome ({', '.join(_COLUMNS)}) "  # noqa: S608 - every part is a constant of ours
    f"SELECT * FROM unnest({', '.join(f'${i}::{t}[]' for i, t in enumerate(_TYPES, 1))}) "
    "ON CONFLICT (attempt, position) DO UPDATE SET state = excluded.state, code = excluded.code, at"
    " = excluded.at, due_at = excluded.due_at, "
    "provider_id = CASE excluded.provider_id WHEN '' THEN outcome.provider_id ELSE"
    " excluded.provider_id END "
    f"WHERE {_rank_sql('excluded.state')} > {_rank_sql('outcome.state')}"
)


_WITH_MEMBERS = select(
    slice_, batch.c.members.label("members"), batch.c.status.label("status")
).join(batch, batch.c.id == slice_.c.batch_id)


def read_slice(conn: Connection, attempt: str) -> Slice | None:
    """Return a stored slice: after a lost commit reply, to see whether the claim is there
    (rule R3).
    """
    row = conn.execute(_WITH_MEMBERS.where(slice_.c.attempt == attempt)).one_or_none()
    return None if row is None else slice_of(conn, row)


def attempts_made(conn: Connection, version_id: int) -> list[str]:
    """Return the slice attempts of a version."""
    return list(
        conn.execute(select(slice_.c.attempt).where(slice_.c.version_id == version_id)).scalars()
    )


def attempts_of(conn: Connection, version_id: int, person_id: int) -> list[dict[str, Any]]:
    """Return every recorded attempt to hand a version to a person, first to last."""
    columns = (
        outcome.c.channel,
        outcome.c.generation,
        outcome.c.state,
        outcome.c.code,
        outcome.c.provider,
        outcome.c.provider_id,
        outcome.c.attempt,
        outcome.c.at,
    )
    rows = conn.execute(
        select(*columns)
        .where(outcome.c.person_id == person_id, outcome.c.version_id == version_id)
        .order_by(outcome.c.generation, outcome.c.at)
    )
    return [
        {
            "channel": r.channel,
            "generation": r.generation,
            "state": r.state,
            "code": r.code,
            "provider": r.provider,
            "provider_id": r.provider_id,
            "attempt": r.attempt,
            "at": r.at.isoformat(),
        }
        for r in rows
    ]


def slice_of(conn: Connection, row: Row[Any]) -> Slice:
    """Return the Slice of a row that carries its batch's `members` and `status`."""
    ids = [int(i) for i in audiences.members_of(row.members)[row.lo : row.hi]]
    skipped = conn.execute(
        select(outcome.c.position, outcome.c.code).where(
            outcome.c.attempt == row.attempt, outcome.c.state == "skipped"
        )
    )
    return Slice(
        attempt=row.attempt,
        batch_id=row.batch_id,
        version_id=row.version_id,
        status=row.status,
        generation=row.generation,
        channel=row.channel,
        lo=row.lo,
        hi=row.hi,
        people=tuple(enumerate(ids)),
        skipped={row[0]: row[1] for row in skipped},
        provider=row.provider,
    )


def expire_leases(
    conn: Connection,
    *,
    dead_workers: Iterable[str],
    now: datetime,
    grace: timedelta = timedelta(seconds=10),
) -> list[str]:
    """Put the unrecorded people of lost slices in doubt: their worker is dead, or their deadline is
    long past.

    Returns the attempts of these slices. In doubt = members - recorded (those skipped at the claim
    are recorded).
    """
    dead = list(dead_workers)
    lost = slice_.c.deadline < now - grace
    if dead:
        lost = lost | slice_.c.worker.in_(dead)
    rows = conn.execute(_WITH_MEMBERS.where(slice_.c.state == "open", lost)).all()
    swept: list[str] = []
    events: list[dict[str, Any]] = []
    for row in rows:
        # Those skipped at the claim, what the worker still recorded, callbacks that came first.
        found = conn.execute(
            select(outcome.c.position, outcome.c.person_id, outcome.c.state, outcome.c.code).where(
                outcome.c.attempt == row.attempt
            )
        )
        known = {
            r.position: Outcome(
                position=r.position, person_id=r.person_id, state=r.state, code=r.code
            )
            for r in found
        }
        s = slice_of(conn, row)
        unknown = [
            Outcome(
                position=p,
                person_id=person,
                state="in_doubt",
                code="worker_lost",
                due_at=now + timing.SETTLING,
            )
            for p, person in s.people
            if p not in known
        ]
        everybody = [*known.values(), *unknown]
        totals = {
            **dict.fromkeys(("accepted", "failed", "in_doubt", "skipped", "waiting"), 0),
            **_counts(everybody),
        }
        was_open = conn.execute(
            update(slice_)
            .where(slice_.c.attempt == row.attempt, slice_.c.state == "open")
            .values(state="swept", done_at=now, **totals)
        ).rowcount
        if was_open:
            merge_evidence(conn, [_row(s, o, now) for o in unknown])
            swept.append(row.attempt)
            events.append(_event(s, "slice.swept", everybody))
    outbox.append_many(conn, events, at=now, wake=False)
    return swept
