"""What the index holds of the registry at one moment, and how the next is made of what changed."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from broadcast.levels.names import folded
from subscribers.index.choices import (
    Profiles,
)
from subscribers.index.columns import Columns
from subscribers.index.people import People
from subscribers.index.registry_rows import SEPARATOR, Rows


@dataclass(frozen=True, slots=True)
class State:
    """All of it at one moment; a match under way keeps the one that it began with."""

    people: People
    others: People
    """Other places of people, each a row of its own: its number stands in the place of an id, the
    id of its person in that of a profile. One that was given up lies nowhere.
    """
    visits: Mapping[int, int]
    """Of places that are visited, until when: seconds since 1970."""
    profiles: Profiles
    sectors: Mapping[str, BitMap]
    communities: Mapping[str, BitMap]
    providers_off: Mapping[str, BitMap]
    """By information provider: who wants nothing routine of it. Kept by person: in a profile,
    every set of providers would multiply the profiles.
    """
    acting: Mapping[str, BitMap]
    """By trade and size of organisation: the numbers of the places at which people act for one."""
    as_of: str


@dataclass(slots=True)
class Read:
    """What came from the registry. `count`, `others_count`: how many people and other places it
    has; -1 = it did not say.
    """

    people: list[Columns] = field(default_factory=list)
    others: list[Columns] = field(default_factory=list)
    visits: dict[int, int] = field(default_factory=dict)
    sectors: dict[str, list[int]] = field(default_factory=dict)
    communities: dict[str, list[int]] = field(default_factory=dict)
    providers_off: dict[str, list[int]] = field(default_factory=dict)
    acting: dict[str, list[int]] = field(default_factory=dict)
    mark: str = ""
    count: int = -1
    others_count: int = -1


def visited(
    before: Mapping[int, int], changed: Sequence[Columns], visits: Mapping[int, int]
) -> Mapping[int, int]:
    """Return until when places are visited, after some of them changed."""
    if not changed:
        return before
    numbers = {int(each) for chunk in changed for each in chunk.ids}
    return {n: until for n, until in before.items() if n not in numbers} | dict(visits)


def ids_of(chunks: Sequence[Columns]) -> BitMap:
    """Return the ids of all these rows."""
    found = BitMap()
    for chunk in chunks:
        found |= bitmap_of(chunk.ids)
    return found


def array_of(members: BitMap) -> NDArray[np.uint32]:
    """Return the ids of a bitmap as numpy has them, in their order."""
    return np.asarray(members.to_array(), dtype=np.uint32)


def bitmap_of(ids: NDArray[np.uint32]) -> BitMap:
    """Return these ids as a bitmap. Through an `array`, whose memory pyroaring takes as it is: of
    numpy's it makes a Python integer each, which takes eight times as long.
    """
    return BitMap(array("I", ids.astype(np.uint32, copy=False).tobytes()))


def gather(found: Sequence[dict[str, list[int]]], rows: Rows) -> None:
    """Add the ids of these rows to the dictionaries, by the lists of names that each row has: the
    first list to the first, and so on.
    """
    nothing = SEPARATOR * (len(found) - 1)
    if set(rows.names) <= {nothing}:
        return
    for number, names in zip(rows.ids.tolist(), rows.names, strict=True):
        if names != nothing:
            for held, joined in zip(found, names.split(SEPARATOR, len(found) - 1), strict=True):
                if joined:
                    held.setdefault(joined, []).append(number)


def renamed(
    before: Mapping[str, BitMap], lists: Mapping[str, list[int]], changed: BitMap
) -> Mapping[str, BitMap]:
    """Return who has which name, after the rows of `changed` were read anew: `lists` has theirs."""
    after = (
        {name: rest for name, members in before.items() if (rest := members - changed)}
        if before and changed
        else dict(before)
    )
    for joined, ids in lists.items():
        members = BitMap(ids)
        for name in {folded(part) for part in joined.split(";")}:
            if name:
                after[name] = after[name] | members if name in after else members
    return after
