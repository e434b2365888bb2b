"""Threat levels as recorded facts: what holds where, its history, the check of a change, and the
past that a file may fill in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select

from broadcast.events import outbox
from broadcast.events.topics import RECEIPTS
from broadcast.levels import scales
from broadcast.levels.scales import (
    UK,
    History,
    Level,
    LevelFact,
    meaning,
    normalise_scope,
    select_import,
)
from broadcast.levels.tables import level_fact
from broadcast.problems import refuse
from broadcast.store.database import lock_name
from broadcast.wording.levels import ENDED, is_official

if TYPE_CHECKING:
    from broadcast.messages.versions import Version
    from broadcast.places.areas import AreaTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """At `at` the level of `scope` became `level`, or ended (`ENDED`). `source` is import or
    approval.
    """

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
    return [
        Fact(
            scope=r.scope,
            level=r.level,
            at=r.at,
            source=r.source,
            note=r.note,
            version_id=r.version_id,
        )
        for r in conn.execute(query)
    ]


def history(conn: Connection, scope: str | None = None) -> History:
    """Return the levels over time, of every scope or of one: what counts of the recorded facts."""
    return History(_counting(facts(conn, scope)))


def _counting(found: Iterable[Fact]) -> list[scales.Fact]:
    # Oldest first and then in the order of recording: the number is the order.
    return [
        scales.Fact(
            scope=f.scope,
            at=f.at,
            level=None if f.level == ENDED else Level(f.level),
            source="approval" if f.source == "approval" else "import",
            order=n,
        )
        for n, f in enumerate(found)
    ]


def present(conn: Connection, scope: str, as_of: datetime | None = None) -> Fact | None:
    """Return the approval that holds for the scope now, or the fact that held at `as_of`, an
    imported one too.

    None where nothing does, or it has ended. An import fills in the past: it never is the present
    level of a scope.
    """
    found = facts(conn, scope)
    known = History(_counting(found))
    known = known.approved() if as_of is None else known
    counting = [n.order for n in known.facts(scope) if as_of is None or n.at <= as_of]
    held = found[counting[-1]] if counting else None
    return None if held is None or held.level == ENDED else held


def check_change(conn: Connection, v: Version) -> str | None:
    """Return the level a change starts from (None = the scope has none); raises Rejected where
    nothing would change.
    """
    scope = v.content.scope
    assert scope is not None
    held = present(conn, scope)
    if held is None and v.content.level == ENDED:
        raise refuse(
            "level_unchanged",
            f"{scope} has no level of its own",
            "there is nothing to end; see `fasttime level show`",
            field="level",
            status=409,
        )
    if held is not None and held.level == v.content.level:
        raise refuse(
            "level_unchanged",
            f"the level of {scope} is {held.level} already",
            "an unchanged level sends nothing; write advice instead",
            field="level",
            status=409,
        )
    return held.level if held else None


def apply_change(conn: Connection, v: Version, at: datetime) -> None:
    """Record an approved change; the scope is locked, and the level must still be the one the
    change started from (R11).
    """
    scope, level = v.content.scope, v.content.level
    assert scope is not None
    assert level is not None
    lock_name(conn, f"level:{scope}")
    held = present(conn, scope)
    if (held.level if held else None) != v.level_from:
        raise refuse(
            "level_changed",
            f"the level of {scope} is now {held.level if held else 'not set'}, the change was"
            f" written from {v.level_from or 'not set'}",
            "return the draft, look at it again and submit it anew",
            field="level",
            status=409,
        )
    if v.status == "Actual":  # an exercise never moves the public level
        conn.execute(
            insert(level_fact).values(
                scope=scope,
                level=level,
                at=at,
                source="approval",
                version_id=v.id,
                note="",
                recorded_at=at,
            )
        )


def import_rows(
    conn: Connection, rows: Sequence[LevelFact], recorded_at: datetime
) -> tuple[int, list[tuple[LevelFact, str]]]:
    """Fill in the past from the rows of a level CSV; return how many were recorded, and those left
    out with the reason of `select_import`.

    Sends nothing. The scopes are locked, so that no approval comes between the look and the
    writing.
    """
    for scope in sorted({row.scope for row in rows}):
        lock_name(conn, f"level:{scope}")
    taken, left = select_import(history(conn), rows)
    if taken:
        conn.execute(
            insert(level_fact),
            [
                {
                    "scope": r.scope,
                    "level": str(r.level),
                    "at": r.at,
                    "source": "import",
                    "note": r.note,
                    "recorded_at": recorded_at,
                }
                for r in taken
            ],
        )
        payloads = [
            {"scope": r.scope, "level": str(r.level), "since": r.at.isoformat(), "note": r.note}
            for r in taken
        ]
        events = [
            {"topic": RECEIPTS, "key": p["scope"], "type": "level.imported", "payload": p}
            for p in payloads
        ]
        outbox.append_many(conn, events, at=recorded_at, wake=False)
    return len(taken), left


# What is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The level of a scope or of a place at `at`, and every scope that it comes from; level and
    since are None where none is set.
    """

    scope: str
    at: datetime
    level: Level | None = None
    since: datetime | None = None
    came_from: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the contract's `level show`: the meaning in the official words of
        that day, None where the level is a sector's or community's own: those have other words.
        """
        official = any(is_official(s) for s in self.came_from or (self.scope,))
        return {
            "scope": self.scope,
            "level": str(self.level) if self.level else None,
            "rank": self.level.rank if self.level else None,
            "meaning": meaning(self.level, self.at) if self.level and official else None,
            "since": self.since.isoformat() if self.since else None,
            "from": list(self.came_from),
        }


def show(
    conn: Connection,
    at: datetime,
    scope: str | None = None,
    *,
    confidential: bool = False,
    past: bool = False,
) -> list[Shown]:
    """Return what holds at `at`: of every scope that has a level, UK first (it always exists), or
    of one scope.

    The present comes from approvals alone; with `past`, for a moment that somebody asked for, what
    a file says counts too. The level of a community may be confidential to it: it is in the answer
    only where it was asked for, by its name or by `confidential`.
    """
    if scope is not None:
        wanted = normalise_scope(scope)
        return [_shown(_known(conn, wanted, past=past), wanted, at)]
    found = _known(conn, past=past)
    named = [
        s for s in found.present(at) if s != UK and (confidential or not s.startswith("community:"))
    ]
    return [_shown(found, s, at) for s in (UK, *named)]


def _known(conn: Connection, scope: str | None = None, *, past: bool) -> History:
    found = history(conn, scope)
    return found if past else found.approved()


def only_imported(conn: Connection, at: datetime, scope: str | None = None) -> list[Shown]:
    """Return what a file says last of every scope, or of one, of which nothing was ever
    approved.
    """
    found = history(conn, scope)
    approved = found.approved().present(at)
    return [_shown(found, s, at) for s in found.present(at) if s not in approved]


def _shown(found: History, scope: str, at: datetime) -> Shown:
    held = found.as_of(scope, at)
    return (
        Shown(scope=scope, at=at)
        if held is None
        else Shown(scope=scope, at=at, level=held.level, since=held.since, came_from=(scope,))
    )


def effective(
    conn: Connection,
    tree: AreaTree,
    code: str,
    at: datetime,
    *,
    sectors: Sequence[str] = (),
    communities: Sequence[str] = (),
    past: bool = False,
) -> Shown:
    """Return the level in effect at an area: the highest of its own, of all it lies in, of UK, and
    of the sectors and communities named.

    `since` is when the highest of them last became what it is. A community's level counts only
    where it is named: it may be confidential. `past` as in `show`. Raises Rejected (404
    area_unknown).
    """
    if code not in tree:
        raise refuse(
            "area_unknown",
            f"{code[:40]!r} was never imported",
            "see `fasttime areas list`",
            field="area",
            status=404,
        )
    groups = (
        *(f"sector:{scales.name_key(s)}" for s in sectors),
        *(f"community:{scales.name_key(c)}" for c in communities),
    )
    scopes = (code, *(a.code for a in tree.ancestors(code)), *groups)
    found = _known(conn, past=past)
    now = found.effective(scopes, at)
    if now is None:
        return Shown(scope=code, at=at)
    level, came_from = now
    since = at
    for moment in sorted(
        {f.at for s in (UK, *scopes) for f in found.facts(s) if f.at <= at}, reverse=True
    ):
        before = found.effective(scopes, moment)
        if before is None or before[0] is not level:
            break
        since = moment
    return Shown(scope=code, at=at, level=level, since=since, came_from=came_from)


def changes(
    conn: Connection, scope: str | None = None, *, confidential: bool = False
) -> list[dict[str, Any]]:
    """Return what `told` says of every fact that counts, oldest first; of communities only where
    one was asked for, by its name or by `confidential`.
    """
    return [
        told(f)
        for f in counting(conn, scope)
        if scope is not None or confidential or not f.scope.startswith("community:")
    ]


def counting(conn: Connection, scope: str | None = None) -> list[Fact]:
    """Return every fact on record that counts, oldest first."""
    recorded = facts(
        conn, scope if scope is None or scope.startswith("scale:") else normalise_scope(scope)
    )
    found = History(_counting(recorded))
    orders = sorted(f.order for s in {f.scope for f in recorded} for f in found.facts(s))
    return [recorded[n] for n in orders]


def told(f: Fact) -> dict[str, Any]:
    """Return a fact as `level show` tells a level (its meaning in the words of its day), with
    source and note; of one that ended a level the level is None.
    """
    level = None if f.level == ENDED else Level(f.level)
    shown = Shown(scope=f.scope, at=f.at, level=level, since=f.at, came_from=(f.scope,))
    return {**shown.to_json(), "source": f.source, "note": f.note}
