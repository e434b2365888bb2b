"""Planned exercises as rows: planned by one person, shown to the public when another approved it,
until its time has passed or somebody cancels it. A plan never changes: another one takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from broadcast.content.limits import TEXT_LENGTHS, too_long
from broadcast.content.text_rules import check_not_a_drill, check_text
from broadcast.exercises.tables import planned_exercise
from broadcast.operators import audit, operators
from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected, refuse

LONGEST: Final = timedelta(days=31)
FURTHEST: Final = timedelta(days=731)
MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One planned exercise. `starts` and `ends` are aware UTC."""

    id: int
    name: str
    area: str
    area_name: str
    starts: datetime
    ends: datetime
    planned_by: int
    approved_by: int | None
    cancelled_by: int | None
    approved_at: datetime | None
    cancelled_at: datetime | None

    @property
    def state(self) -> str:
        """Return planned (nobody approved it yet), approved (the public sees it) or cancelled."""
        if self.cancelled_at is not None:
            return "cancelled"
        return "planned" if self.approved_at is None else "approved"

    def to_json(self) -> dict[str, Any]:
        """Return the contract's JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "area": self.area,
            "area_name": self.area_name,
            "from": self.starts.isoformat(),
            "until": self.ends.isoformat(),
            "state": self.state,
        }


def read_name(text: str) -> str:
    """Return the name of an exercise in one line. Raises Rejected: what `check_text` refuses,
    text_too_long, not_a_drill.
    """
    problems = check_text("name", text, required=True)
    name = " ".join(text.split())
    if len(name) > TEXT_LENGTHS["exercise"]:
        problems.append(too_long("name", len(name), TEXT_LENGTHS["exercise"]))
    if not problems and check_not_a_drill(name):
        problems.append(
            Problem(
                code="not_a_drill",
                detail="an exercise may not claim to be real",
                fix="take the claim out of the name",
                field="name",
            )
        )
    if problems:
        raise Rejected(problems)
    return name


def read_time(field: str, text: str) -> datetime:
    """Return a moment. Raises Rejected (time_invalid) for what has no offset."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.utcoffset() is None:
        raise refuse(
            "time_invalid",
            "this is no time with its offset",
            "write it as 2026-12-01T09:00+00:00",
            field=field,
        )
    return at


def check_times(starts: datetime, ends: datetime, now: datetime) -> None:
    """Raise Rejected (422 exercise_time) unless it ends after it starts, and is still to come."""
    wrong = (
        "it ends before it starts"
        if ends <= starts
        else "it is over already"
        if ends <= now
        else f"it takes more than {LONGEST.days} days"
        if ends - starts > LONGEST
        else "it is more than two years away"
        if starts - now > FURTHEST
        else ""
    )
    if wrong:
        raise refuse(
            "exercise_time", wrong, "look at both times, with their offsets", field="until"
        )


def plan(
    conn: Connection,
    actor: Operator,
    *,
    name: str,
    area: str,
    area_name: str,
    starts: datetime,
    ends: datetime,
    now: datetime,
) -> Planned:
    """Keep a plan; the public sees nothing of it until another person approves it."""
    key = conn.execute(
        insert(planned_exercise).values(
            name=name,
            area=area,
            area_name=area_name,
            starts_at=starts,
            ends_at=ends,
            planned_by=actor.id,
            planned_at=now,
        )
    ).inserted_primary_key
    assert key is not None
    _record(conn, actor, "exercise.plan", int(key[0]), now)
    return get(conn, int(key[0]))


def approve(
    conn: Connection, actor: Operator, number: int, *, one_is_enough: bool, now: datetime
) -> Planned:
    """Show a plan to the public. Raises Rejected: 403 same_person, 409 state_conflict, and
    exercise_time where it is over meanwhile.
    """
    found = get(conn, number)
    if found.state == "approved":
        return found
    if found.state == "cancelled":
        raise _conflict(found)
    if not one_is_enough and any(
        actor.same_person_as(other) for other in operators.people(conn, {found.planned_by})
    ):
        raise refuse(
            "same_person",
            "you planned it yourself",
            "ask another approver: two people stand behind what the public reads",
            status=403,
        )
    check_times(found.starts, found.ends, now)
    _change(conn, found, "approved_at", approved_by=actor.id, approved_at=now)
    _record(conn, actor, "exercise.approve", number, now)
    return get(conn, number)


def cancel(conn: Connection, actor: Operator, number: int, *, now: datetime) -> Planned:
    """Take a plan from the public page, whether it was approved or not; one person's act."""
    found = get(conn, number)
    if found.state != "cancelled":
        _change(conn, found, "cancelled_at", cancelled_by=actor.id, cancelled_at=now)
        _record(conn, actor, "exercise.cancel", number, now)
    return get(conn, number)


def get(conn: Connection, number: int) -> Planned:
    """Return one plan; raises Rejected (404 exercise_unknown)."""
    row = conn.execute(
        select(planned_exercise).where(planned_exercise.c.id == number)
    ).one_or_none()
    if row is None:
        raise refuse(
            "exercise_unknown",
            f"there is no planned exercise {number}",
            "see `fasttime exercises list`",
            field="id",
            status=404,
        )
    return _planned(row)


def listed(conn: Connection, limit: int = 1000) -> list[Planned]:
    """Return every plan, the newest first."""
    query = select(planned_exercise).order_by(planned_exercise.c.id.desc()).limit(limit)
    return [_planned(row) for row in conn.execute(query)]


def shown(conn: Connection, now: datetime) -> list[Planned]:
    """Return what the public sees: approved, not cancelled, not over; the next one first."""
    table = planned_exercise.c
    query = (
        select(planned_exercise)
        .where(table.approved_at.is_not(None), table.cancelled_at.is_(None), table.ends_at > now)
        .order_by(table.starts_at, table.id)
        .limit(MOST_SHOWN)
    )
    return [_planned(row) for row in conn.execute(query)]


def _planned(row: Row[Any]) -> Planned:
    return Planned(
        id=row.id,
        name=row.name,
        area=row.area,
        area_name=row.area_name,
        starts=row.starts_at,
        ends=row.ends_at,
        planned_by=row.planned_by,
        approved_by=row.approved_by,
        cancelled_by=row.cancelled_by,
        approved_at=row.approved_at,
        cancelled_at=row.cancelled_at,
    )


def _change(conn: Connection, found: Planned, column: str, **values: Any) -> None:
    """Change a row that nobody approved or cancelled since it was read."""
    table = planned_exercise.c
    unchanged = (table.id == found.id, table[column].is_(None), table.cancelled_at.is_(None))
    if conn.execute(update(planned_exercise).where(*unchanged).values(**values)).rowcount != 1:
        raise _conflict(found)


def _conflict(found: Planned) -> Rejected:
    return refuse(
        "state_conflict",
        f"the exercise was {'cancelled' if found.state == 'cancelled' else 'changed meanwhile'}",
        "see `fasttime exercises list`; a cancelled one is planned anew",
        field="state",
        status=409,
    )


def _record(conn: Connection, actor: Operator, action: str, number: int, now: datetime) -> None:
    audit.append(
        conn,
        kind="admin",
        actor=f"operator {actor.id}",
        action=action,
        subject=f"exercise {number}",
        now=now,
    )
