"""Threat levels as recorded facts: the present level of a scope, its history, and the check of a change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from broadcast.problems import refuse
from broadcast.store import lock_name
from broadcast.tables import level_fact

if TYPE_CHECKING:
    from broadcast.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """At `at` the level of `scope` became `level`. `source` is import or approval."""

    scope: str
    level: str
    at: datetime
    source: str
    note: str = ""
    version_id: int | None = None


def facts(conn: Connection, scope: str | None = None, until: datetime | None = None) -> list[Fact]:
    """Return the recorded facts, oldest first; of one scope, and up to `until`, where given."""
    query = select(level_fact).order_by(level_fact.c.at, level_fact.c.id)
    if scope is not None:
        query = query.where(level_fact.c.scope == scope)
    if until is not None:
        query = query.where(level_fact.c.at <= until)
    return [Fact(scope=r.scope, level=r.level, at=r.at, source=r.source, note=r.note, version_id=r.version_id) for r in conn.execute(query)]


def present(conn: Connection, scope: str, as_of: datetime | None = None) -> Fact | None:
    """Return the fact that holds for the scope now, or held at `as_of`."""
    found = facts(conn, scope, as_of)
    return found[-1] if found else None


def check_change(conn: Connection, v: Version) -> str | None:
    """Return the level a change starts from (None = the scope has none yet); raises Rejected where nothing would change."""
    scope = v.content.scope
    assert scope is not None
    held = present(conn, scope)
    if held is not None and held.level == v.content.level:
        raise refuse("level_unchanged", f"the level of {scope} is {held.level} already", "an unchanged level sends nothing; write advice instead", field="level", status=409)
    return held.level if held else None


def apply_change(conn: Connection, v: Version, at: datetime) -> None:
    """Record an approved change; the scope is locked, and the level must still be the one the change started from (R11)."""
    scope, level = v.content.scope, v.content.level
    assert scope is not None
    assert level is not None
    lock_name(conn, f"level:{scope}")
    held = present(conn, scope)
    if (held.level if held else None) != v.level_from:
        raise refuse(
            "level_changed",
            f"the level of {scope} is now {held.level if held else 'not set'}, the change was written from {v.level_from or 'not set'}",
            "return the draft, look at it again and submit it anew",
            field="level",
            status=409,
        )
    if v.status == "Actual":  # an exercise never moves the public level
        conn.execute(insert(level_fact).values(scope=scope, level=level, at=at, source="approval", version_id=v.id, note="", recorded_at=at))


def import_facts(conn: Connection, new: list[Fact], recorded_at: datetime) -> tuple[int, list[Fact]]:
    """Fill in the past; return how many were recorded, and those left out.

    Never changes a level set by an approval nor the present level of a scope that has one (INTERFACES, level CSV): a fact not
    older than what the scope has is left out, and so is one that is recorded already.
    """
    taken, left = 0, []
    before = {scope: present(conn, scope) for scope in {f.scope for f in new}}
    known = {(f.scope, f.at, f.level) for f in facts(conn)}
    for fact in sorted(new, key=lambda f: f.at):
        held = before[fact.scope]
        if (fact.scope, fact.at, fact.level) in known:
            continue
        if held is not None and fact.at >= held.at:
            left.append(fact)
            continue
        conn.execute(insert(level_fact).values(scope=fact.scope, level=fact.level, at=fact.at, source="import", note=fact.note, recorded_at=recorded_at))
        taken += 1
    return taken, left
