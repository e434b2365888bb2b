"""Records the outcomes of a slice, at once or in parts, also after its lease ran out (rule R8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from broadcast.events import outbox
from broadcast.ledger.claims import kept_marks, timing
from broadcast.ledger.claims.facts import TOTALS, counts, slice_fact
from broadcast.ledger.claims.outcomes import Outcome, merge_evidence, outcome_row, refusals
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import outcome, slice_


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
            slice_fact(
                s,
                "slice.done" if was_open else "slice.late",
                [*_skips(s), *outcomes] if was_open else outcomes,
            )
        )
    late = [s.attempt for s, _ in finished if s.attempt not in closed]
    if late:
        kept_marks.outcomes_change(conn, late)
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


_ADDED_TOTALS = ", ".join(f"{total} = slice.{total} + d.{total}" for total in TOTALS)
_POSTGRESQL_CLOSE = (
    f"UPDATE slice SET state = 'done', done_at = $1, {_ADDED_TOTALS} "  # noqa: S608 - our own words
    f"FROM unnest($2::text[], {', '.join(f'${n}::int[]' for n, _ in enumerate(TOTALS, 3))}) AS d"
    f" (attempt, {', '.join(TOTALS)}) "
    "WHERE slice.attempt = d.attempt AND slice.state = 'open' RETURNING slice.attempt"
)


def _close_postgresql(
    conn: Connection, finished: Sequence[tuple[Slice, Sequence[Outcome]]], at: datetime
) -> set[str]:
    """Do the same in one statement. It is SQLAlchemy's, not the driver's: the first of a
    transaction begins it.
    """
    counted = [counts(outcomes) for _, outcomes in finished]
    totals = [[count.get(total, 0) for count in counted] for total in TOTALS]
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
        outcome_row(
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


def _skips(s: Slice) -> list[Outcome]:
    return [
        Outcome(position=p, person_id=person, state="skipped", code=s.skipped[p])
        for p, person in s.people
        if p in s.skipped
    ]


def _more(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the slice's totals, raised by these outcomes."""
    return {column: slice_.c[column] + more for column, more in counts(outcomes).items()}


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
        kept_marks.outcomes_change(conn, [s.attempt])
    merge_evidence(conn, _rows(conn, s, outcomes, at))
    outbox.append_many(
        conn,
        [slice_fact(s, "slice.part" if was_open else "slice.late", outcomes)],
        at=at,
        wake=False,
    )
