"""People by place: how many of a message's were reached there, now and at every moment of a replay.

Of a drawn shape nothing is told by place: it could tell of few people where they live.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from broadcast.messages import small_counts
from broadcast.messages.versions import Version
from broadcast.places.areas import AreaTree
from broadcast.replay.past import Look
from broadcast.replay.people import LINES, Ids, Marks
from console.room.figures import Figures
from console.room.frame import Room

LEAST = 5
"""Places with fewer people addressed are one row: a share of few tells of persons."""
PLACES_SHOWN = 800
PLACES_REPLAYED = 60
"""A replay holds them for every moment: a page of 100 kB has no room for every ward."""
DOUBTS_SHOWN = 10
SMALLEST = ("ward", "borough", "force", "region", "country")
_REACHED = [LINES.index(line) for line in ("delivered", "accepted")]
_IN_DOUBT = LINES.index("in_doubt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of a message: `rows` for a table, the least reached first; `shares` of the single
    places, by code, from 0 to 1.
    """

    rows: Sequence[Mapping[str, Any]] = ()
    shares: Mapping[str, float] = field(default_factory=dict)


async def reached(room: Room, figures: Figures, v: Version, most: int = PLACES_SHOWN) -> Places:
    """Return the places with how many were addressed and reached, as things stand: of the smallest
    level at which people are known to be in `most` places at most.
    """
    if small_counts.drawn(v.content):
        return Places()
    account = await figures.account(v)
    got = account.people["delivered"] | account.people["accepted"]
    context = room.web.context
    tree = await context.tree()
    index, _ = await context.matcher.index()
    addressed_by = await context.aside(index.by_area, tree, account.addressed)
    reached_by = await context.aside(index.by_area, tree, got)
    level = _level(tree, addressed_by, most)
    rows: list[dict[str, Any]] = []
    few = few_reached = 0
    for code, people in sorted(addressed_by.items()):
        if tree[code].level != level:
            continue
        there = reached_by.get(code, 0)
        if people < LEAST:
            few, few_reached = few + people, few_reached + there
            continue
        rows.append({"code": code, "name": tree[code].name, "people": people, "reached": there})
    shares = {r["code"]: r["reached"] / r["people"] for r in rows[:PLACES_SHOWN]}
    rows.sort(key=lambda r: (r["reached"] / r["people"], r["name"]))
    name = f"places with fewer than {LEAST} people, together"
    together = {"code": "", "name": name, "people": few, "reached": few_reached}
    return Places(rows=[*rows[:PLACES_SHOWN], *([together] if few >= LEAST else [])], shares=shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a replay shows of a moment beside its sums: the percentage reached of each place, and
    the first of those in doubt.
    """

    percent: Sequence[int]
    doubts: Sequence[int]


async def looks(room: Room, figures: Figures, v: Version, codes: Sequence[str]) -> Look:
    """Return what makes `Seen` of a moment, for places of one level."""
    context, account = room.web.context, await figures.account(v)
    index, _ = await context.matcher.index()
    addressed = np.asarray(account.addressed.to_array(), np.uint32)
    tree = await context.tree()
    where = await context.aside(index.which_area, tree, codes, addressed)
    size = len(codes)

    def look(everybody: Ids, line: Marks) -> Seen:
        there = where[np.searchsorted(addressed, everybody)] + 1  # nowhere is the first
        # who is not sent to is addressed as well: of everybody there, as in the table
        of = np.bincount(where + 1, minlength=size + 1)[1:]
        got = np.bincount(there[np.isin(line, _REACHED)], minlength=size + 1)[1:]
        doubts = everybody[line == _IN_DOUBT][:DOUBTS_SHOWN]
        percent = np.round(100 * got / np.maximum(of, 1)).astype(int)
        return Seen(percent=percent.tolist(), doubts=doubts.tolist())

    return look


def _level(tree: AreaTree, counts: dict[str, int], most: int) -> str:
    """Return the smallest level with so many places at most; without one the largest."""
    levels = Counter(tree[code].level for code in counts)
    there = [level for level in SMALLEST if level in levels] or [SMALLEST[0]]
    return next((level for level in there if levels[level] <= most), there[-1])
