"""Sets of people as they are stored: batches' members, and bitmaps cut by id into parts.

A part is as long as a bitmap may be without its every change costing much: 32 kB.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator

from pyroaring import BitMap

PART = 1 << 18
"""So many ids, one after the other, are one part."""


def of_members(data: bytes) -> BitMap:
    """Return the people of a batch, or of a piece of one: little-endian numbers of 32 bits."""
    ids = array("I")
    ids.frombytes(data)
    if sys.byteorder == "big":
        ids.byteswap()
    return BitMap(ids)


def parts_of(ids: BitMap) -> set[int]:
    """Return the numbers of the parts in which these people are."""
    found, at = set(), 0
    while (person := _at_least(ids, at)) is not None:
        found.add(person // PART)
        at = (person // PART + 1) * PART
    return found


def in_part(ids: BitMap, part: int) -> BitMap:
    """Return those of these people who are in a part."""
    return ids & BitMap(range(part * PART, (part + 1) * PART))


def cut(ids: BitMap) -> Iterator[tuple[int, BitMap]]:
    """Yield the parts of a set that are not empty."""
    for part in sorted(parts_of(ids)):
        yield part, in_part(ids, part)


def _at_least(ids: BitMap, person: int) -> int | None:
    return next(iter(ids.iter_equal_or_larger(person)), None)
