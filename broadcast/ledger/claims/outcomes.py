"""What became of each person of a slice: written once, and raised by better evidence only (rule
R12).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.util import await_only

from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.tables import outcome
from broadcast.ledger.evidence import RANK, rank_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one position of a slice. `due_at`: when it asks for a further generation."""

    position: int
    person_id: int
    state: str
    code: str = ""
    provider_id: str = ""
    due_at: datetime | None = None


def outcome_row(s: Slice, o: Outcome, at: datetime) -> dict[str, Any]:
    """Return the row of one outcome."""
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


def merge_evidence(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write outcomes or add evidence: what is not there is written, what is there moves up or stays
    (rule R12).

    One statement for all rows on PostgreSQL, as fast as COPY for the few hundred of a group and
    never in the way of a callback that came first: a callback's row is simply already there. Of
    several rows for one person the highest is used. Of a slice that is closed it was said before
    that its outcomes change (`kept_marks.outcomes_change`).
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


def due_rows(conn: Connection, version_id: int, now: datetime) -> list[Any]:
    """Return the outcomes of a version that ask for a further generation now."""
    columns = (
        outcome.c.attempt,
        outcome.c.position,
        outcome.c.person_id,
        outcome.c.channel,
        outcome.c.generation,
        outcome.c.state,
        outcome.c.code,
    )
    return list(
        conn.execute(
            select(*columns).where(outcome.c.version_id == version_id, outcome.c.due_at <= now)
        )
    )


def settle_due(conn: Connection, rows: list[Any]) -> None:
    """Clear the requests of rows that a pass was made for. Receipts are merged without the
    version's lock: a row that rose since it was read asks anew, and stays due.
    """
    for row in rows:
        same = (
            outcome.c.attempt == row.attempt,
            outcome.c.position == row.position,
            outcome.c.state == row.state,
        )
        conn.execute(update(outcome).where(*same).values(due_at=None))


def give_up(conn: Connection, rows: Iterable[Any]) -> list[list[Any]]:
    """Write that these refused people are not tried again, unless better evidence came meanwhile;
    return the [attempt, position] of those written.
    """
    failed: list[list[Any]] = []
    for row in rows:
        still_refused = update(outcome).where(
            outcome.c.attempt == row.attempt,
            outcome.c.position == row.position,
            outcome.c.state == "refused",
        )
        if conn.execute(
            still_refused.values(state="failed", code="retries_exhausted", due_at=None)
        ).rowcount:
            failed.append([row.attempt, row.position])
    return failed
