"""People brought in from a file: read, warned of, tried and stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import numpy as np

from broadcast.groups import registered
from broadcast.messages import small_counts
from broadcast.operators import audit, operators
from broadcast.places.areas import AreaTree
from broadcast.problems import Problem
from broadcast.store.database import Connection, taken_back
from service.setup.people import BY_THEMSELVES, check_reason
from service.setup.who import Who, allowed
from subscribers.people_file.people import People
from subscribers.people_file.reading import ImportResult, read_subscribers
from subscribers.registry import absent_columns, by_postcode, importing

_MOST_NEW: Final = 20
"""So many new communities and sectors are named one by one."""


def read_file(
    data: bytes, *, name: str, trial_numbers: bool, areas: frozenset[str], fix: bool
) -> ImportResult:
    """Return the people of a file, or every error in it; pure, for a worker process. `areas` are
    the codes imported here. That a place lies in none of them is `places_outside`'s to say.
    """
    return read_subscribers(
        data,
        filename=name,
        allow_trial_numbers=trial_numbers,
        known_area=lambda code: code in areas,
        fix=fix,
    )


def places_outside(tree: AreaTree, people: People, name: str) -> list[Problem]:
    """Return a warning where people's places lie in no imported area; it tells how many."""
    outside = 0
    for records in (piece.records for piece in people):
        lats, lons = (
            np.array([getattr(r, c) for r in records], dtype=np.float64) for c in ("lat", "lon")
        )
        known = np.array([r.area is not None and r.area in tree for r in records], dtype=bool)
        outside += int(np.count_nonzero(np.isfinite(lats) & ~tree.anywhere(lats, lons) & ~known))
    if not outside:
        return []
    return [
        Problem(
            code="place_in_no_area",
            detail=f"places of {small_counts.people(outside)} lie in no imported area",
            fix="only messages to everybody or drawn on a map reach them",
            where=name,
        )
    ]


def cautions(conn: Connection, found: ImportResult, name: str) -> list[Problem]:
    """Return what to say of a file that can be taken, before it is: which communities and sectors
    it registers, of how many people the postcode is not known here, and which columns it lacks.
    """
    people = found.people
    return [
        *_new_groups(conn, people),
        *by_postcode.told(conn, people, name),
        *absent_columns.warnings(conn, people, name),
    ]


def _new_groups(conn: Connection, people: People) -> list[Problem]:
    """Return what to say of the communities and sectors that a file registers: one by one, with the
    registered one that was perhaps meant.
    """
    known = registered.load(conn)
    new = [group for group in people.summary.groups() if group.scope not in known]
    said = [
        Problem(
            code="group_new",
            detail=f"{group.scope} is new: it is registered as this file writes it",
            fix=f"did you mean {near}?" if (near := known.nearest(group.scope)) else "",
        )
        for group in new[:_MOST_NEW]
    ]
    if more := len(new) - len(said):
        said.append(Problem(code="group_new", detail=f"and {more} more like it"))
    return said


def bring_in(
    conn: Connection,
    who: Who,
    found: ImportResult,
    *,
    basis: str,
    name: str,
    now: datetime,
    stored: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Insert or renew the people of a file, all or none; return {new, updated, unchanged, erased,
    own_choices_changed}: the last is of how many the file changes what they chose by themselves.
    `stored` is told of how many people are written, now and then. Raises Rejected.
    """
    basis = check_reason(basis, "basis")
    actor = allowed(conn, who, everywhere=True)
    chose = audit.subjects(conn, BY_THEMSELVES, ("subscribers.add", "subscribers.edit"))
    own = absent_columns.choices_changed(conn, found.people, {int(each) for each in chose})
    counts = importing.import_people(conn, found.people, basis, now, stored=stored)
    operators.log_admin(
        conn,
        actor=actor,
        action="subscribers.import",
        subject=name,
        detail=f"people={len(found.people)} basis={basis}",
        now=now,
    )
    return asdict(counts) | {"own_choices_changed": own}


class Tried(Exception):
    """What a file would have done; raised so that its transaction is undone."""

    def __init__(self, counts: dict[str, int]) -> None:
        super().__init__("nothing was stored")
        self.counts = counts


def try_alone(conn: Connection, who: Who, found: ImportResult, **more: Any) -> dict[str, int]:
    """Do what `bring_in` does, and raise Tried with what it returned: nothing of the transaction
    stays. For a file of any size. Raises Rejected.
    """
    raise Tried(bring_in(conn, who, found, **more))


def try_in(conn: Connection, who: Who, found: ImportResult, **more: Any) -> dict[str, int]:
    """Return what `bring_in` would; nothing of it stays, and the transaction goes on. For files of
    one request (`taken_back`). Raises Rejected.
    """
    with taken_back(conn):
        return bring_in(conn, who, found, **more)
