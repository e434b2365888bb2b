"""Leases that run out: nobody knows whether people whose worker was lost got the message."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from broadcast.events import outbox
from broadcast.ledger.claims import timing
from broadcast.ledger.claims.facts import TOTALS, counts, slice_fact
from broadcast.ledger.claims.outcomes import Outcome, merge_evidence, outcome_row
from broadcast.ledger.claims.slices import WITH_MEMBERS, slice_of
from broadcast.ledger.claims.tables import outcome, slice_


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
    rows = conn.execute(WITH_MEMBERS.where(slice_.c.state == "open", lost)).all()
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
            **dict.fromkeys(TOTALS, 0),
            **counts(everybody),
        }
        was_open = conn.execute(
            update(slice_)
            .where(slice_.c.attempt == row.attempt, slice_.c.state == "open")
            .values(state="swept", done_at=now, **totals)
        ).rowcount
        if was_open:
            merge_evidence(conn, [outcome_row(s, o, now) for o in unknown])
            swept.append(row.attempt)
            events.append(slice_fact(s, "slice.swept", everybody))
    outbox.append_many(conn, events, at=now, wake=False)
    return swept
