"""Receipts: what a provider or a person says afterwards, kept append-only, then merged into the
outcomes (rules R6, R12, R13).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    exists,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from broadcast import traces
from broadcast.events import outbox
from broadcast.events.topics import RECEIPTS, topic_for
from broadcast.ledger import attempt_look_up
from broadcast.ledger.claims import kept_marks
from broadcast.ledger.claims.outcomes import merge_evidence
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.tables import receipt, response
from broadcast.messages.tables import version
from broadcast.store.database import at_the_end

SIMULATOR = "simulator"
"""The source of what the simulator tells: evidence about tests and exercises, never about an
Actual message.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One piece of evidence about one person's attempt. No address, no words: attempt, provider
    id, state, code, time.
    """

    attempt: str
    position: int
    state: str
    code: str = ""
    provider_id: str = ""
    source: str = "callback"
    provider: str = ""


def store(conn: Connection, r: Receipt, now: datetime) -> bool:
    """Keep a receipt and its event; return False where the same one is there already. A receipt may
    come before its row.
    """
    digest = hashlib.sha256(
        f"{r.attempt}|{r.position}|{r.source}|{r.provider_id}|{r.state}|{r.code}".encode()
    ).hexdigest()
    into: Any = pg_insert(receipt) if conn.dialect.name == "postgresql" else sqlite_insert(receipt)
    values = {
        "attempt": r.attempt,
        "position": r.position,
        "source": r.source,
        "provider": r.provider,
        "provider_id": r.provider_id,
        "state": r.state,
        "code": r.code,
        "at": now,
        "digest": digest,
    }
    if conn.execute(into.values(**values).on_conflict_do_nothing()).rowcount != 1:
        return False
    status = conn.execute(
        select(version.c.status)
        .join(slice_, slice_.c.version_id == version.c.id)
        .where(slice_.c.attempt == r.attempt)
    ).scalar_one_or_none()
    outbox.append(
        conn,
        topic_for(RECEIPTS, status or "Actual"),
        r.attempt,
        "receipt.received",
        {
            "attempt": r.attempt,
            "position": r.position,
            "state": r.state,
            "code": r.code,
            "provider_id": r.provider_id,
            "source": r.source,
            "provider": r.provider,
        },
        at=now,
    )
    return True


def merge_waiting(
    conn: Connection, now: datetime, limit: int = 500, attempt: str | None = None
) -> int:
    """Merge receipts that were not merged yet, however old; return how many were.

    A receipt waits while no slice of its attempt is stored. It waits for good where the simulator
    tells of an Actual message, or where a provider tells of an attempt that another provider made.
    """
    fits = or_(receipt.c.source != SIMULATOR, version.c.status != "Actual")
    known_slice = exists().where(
        slice_.c.attempt == receipt.c.attempt,
        version.c.id == slice_.c.version_id,
        fits,
        _of_the_same(slice_.c.provider, receipt.c.provider),
    )
    query = (
        select(receipt)
        .where(receipt.c.folded_at.is_(None), known_slice)
        .order_by(receipt.c.id)
        .limit(limit)
    )
    if attempt is not None:
        query = query.where(receipt.c.attempt == attempt)
    rows = conn.execute(query.with_for_update(skip_locked=True)).all()
    attempts = {r.attempt for r in rows}
    # Of a slice that is just being closed, or put into what is kept, they wait for the next turn:
    # who waited here for one while holding another could wait for ever.
    of_attempts = slice_.c.attempt.in_(attempts)
    known = {s.attempt: s for s in attempt_look_up.slices(conn, of_attempts, locked=True)}
    evidence = [
        row
        for r in rows
        if r.attempt in known and (row := _evidence(r, known[r.attempt], now)) is not None
    ]
    if evidence:
        changed = {row["attempt"] for row in evidence}
        kept_marks.not_any_more(conn, [a for a in changed if known[a].kept_at is not None])
        merge_evidence(conn, evidence)
        if traces.on():
            at_the_end(conn, lambda _conn: _tell(evidence, now))
    folded = [r.id for r in rows if r.attempt in known]
    if folded:
        conn.execute(update(receipt).where(receipt.c.id.in_(folded)).values(folded_at=now))
    return len(folded)


def _tell(evidence: Collection[dict[str, Any]], now: datetime) -> None:
    for e in evidence:
        facts = {name: e[name] for name in ("channel", "state", "code")}
        traces.told("receipt", e["version_id"], e["at"], now, **facts)


def _of_the_same(one: ColumnElement[str], other: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether two names are of one provider. What was written before attempts named their provider
    holds nothing, or the adapter without its account.
    """
    return or_(
        one == other,
        one == "",
        other == "",
        other.like(one + ":%"),
        one.like(other + ":%"),
    )


def _evidence(r: Any, s: Any, now: datetime) -> dict[str, Any] | None:
    person = attempt_look_up.person_at(s, r.position)
    if person is None:
        return None
    return {
        "attempt": r.attempt,
        "position": r.position,
        "version_id": s.version_id,
        "channel": s.channel,
        "generation": s.generation,
        "person_id": person,
        "state": r.state,
        "code": r.code,
        "provider": s.provider,
        "provider_id": r.provider_id,
        "at": r.at,
        # routine: on to the person's next channel
        "due_at": (now if r.state == "failed" and not s.urgent else None),
    }


def store_response(
    conn: Connection,
    *,
    kind: str,
    channel: str,
    now: datetime,
    digest: str,
    person_id: int | None = None,
    version_id: int | None = None,
    attempt: str | None = None,
    value: str = "",
    simulated: bool = False,
) -> bool:
    """Keep what a person answered (never its words); return False where the same answer is there
    already.

    `simulated`: it came by the simulator. Its event goes to the topic of exercises, as that of
    every answer to a test or an exercise.
    """
    into: Any = (
        pg_insert(response) if conn.dialect.name == "postgresql" else sqlite_insert(response)
    )
    values = {
        "at": now,
        "kind": kind,
        "channel": channel,
        "person_id": person_id,
        "version_id": version_id,
        "attempt": attempt,
        "value": value,
        "digest": digest,
    }
    if conn.execute(into.values(**values).on_conflict_do_nothing()).rowcount != 1:
        return False
    event = {
        "kind": kind,
        "channel": channel,
        "person": person_id,
        "version_id": version_id,
        "attempt": attempt,
        "value": value,
    }
    status = (
        conn.execute(
            select(version.c.status).where(version.c.id == version_id)
        ).scalar_one_or_none()
        if version_id is not None
        else None
    )
    topic = topic_for(RECEIPTS, "Exercise" if simulated else status or "Actual")
    outbox.append(conn, topic, attempt or digest, "response.received", event, at=now)
    return True


def in_doubt_to_settle(
    conn: Connection,
    channel: str,
    statuses: Collection[str],
    now: datetime,
    quarantine: timedelta,
    after: tuple[str, int] = ("", -1),
    limit: int = 200,
    provider: str = "",
) -> list[Row[Any]]:
    """Return outcomes in doubt that are old enough to ask the provider's own list about, a page
    after (attempt, position) `after`.

    The caller goes through page by page: two hundred that no list knows of must not stand before
    all others for ever.
    """
    query = (
        select(
            outcome.c.attempt,
            outcome.c.position,
            outcome.c.person_id,
            outcome.c.version_id,
            outcome.c.at,
            slice_.c.claimed_at,
            slice_.c.deadline,
            batch.c.language,
            batch.c.roles,
        )
        .join(slice_, slice_.c.attempt == outcome.c.attempt)
        .join(batch, batch.c.id == slice_.c.batch_id)
        .where(
            outcome.c.state == "in_doubt",
            outcome.c.channel == channel,
            batch.c.status.in_(statuses),
            slice_.c.deadline < now - quarantine,
            _of_the_same(slice_.c.provider, literal(provider)),
        )
        .where(tuple_(outcome.c.attempt, outcome.c.position) > after)
        .order_by(outcome.c.attempt, outcome.c.position)
        .limit(limit)
    )
    return list(conn.execute(query))


def provider_id_held(conn: Connection, provider_id: str, provider: str = "") -> bool:
    """Return whether an attempt with this provider holds this id already: then it proves nothing
    for another one (rule R13).
    """
    return (
        conn.execute(
            select(outcome.c.attempt)
            .where(
                outcome.c.provider_id == provider_id,
                _of_the_same(outcome.c.provider, literal(provider)),
            )
            .limit(1)
        ).first()
        is not None
    )
