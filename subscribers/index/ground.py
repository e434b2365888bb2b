"""People sorted by where they live: in rows from south to north, each row from west to east. A
shape then covers a few stretches of this order, and only people near its border are tested one by
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from shapely import Geometry

from broadcast.places.geometry import inside_shape
from subscribers.index.columns import Columns
from subscribers.index.strips import Stretches, box_of, cut, rows_of

_NOWHERE = np.uint64(2**64 - 1)
_FINE = 2.0**36  # steps of a degree of longitude in a key: 0.002 millimetres


def keys_of(people: Columns) -> NDArray[np.uint64]:
    """Return the sort key of each person: row, then longitude; people without a place come last."""
    keys = np.full(len(people), _NOWHERE, dtype=np.uint64)
    known = np.flatnonzero(np.isfinite(people.lat))
    row = rows_of(people.lat[known]) + (1 << 18)  # from 90 south: 184,320 rows, and none negative
    across = ((people.lon[known] + 180.0) * _FINE).astype(np.uint64)
    keys[known] = (row.astype(np.uint64) << np.uint64(45)) | across
    return keys


@dataclass(frozen=True, slots=True)
class Ground:
    """People in that order; immutable. It takes 8 bytes a person beside the columns."""

    people: Columns
    first_row: int
    starts: NDArray[np.int64]
    """Where each row begins, from `first_row`; the last is where those without a place begin."""
    sorted_ids: NDArray[np.uint32]
    by_id: NDArray[np.uint32]
    """The positions of the people in the order of their ids."""

    @classmethod
    def of(cls, people: Columns, *, parts: bool = False) -> Self:
        """Sort people; faster with `parts`: they are two sorted parts, one behind the other."""
        people = people.at(np.argsort(keys_of(people), kind="stable" if parts else None))
        count = int(np.count_nonzero(np.isfinite(people.lat)))
        rows = rows_of(people.lat[:count])
        first, last = (int(rows[0]), int(rows[-1])) if count else (0, -1)
        by_id = np.argsort(people.ids).astype(np.uint32)
        return cls(
            people,
            first,
            np.searchsorted(rows, np.arange(first, last + 2)),
            people.ids[by_id],
            by_id,
        )

    def __len__(self) -> int:
        return len(self.people)

    @property
    def nowhere(self) -> int:
        """The position of the first person without a place."""
        return int(self.starts[-1])

    def positions(self, ids: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the positions of people by their ids; unknown ids are left out."""
        at = np.searchsorted(self.sorted_ids, ids)
        at[at == len(self.sorted_ids)] = 0
        known = self.sorted_ids[at] == ids if len(self.sorted_ids) else at < 0
        found: NDArray[np.int64] = self.by_id[at[known]].astype(np.int64)
        return found

    def inside(self, shape: Geometry | None) -> NDArray[np.int64]:
        """Return the positions of the people inside a shape or on its border."""
        if shape is None or shape.is_empty or not self.nowhere:
            return np.empty(0, dtype=np.int64)
        stretches = cut(shape)
        begin, end = self._where(stretches)
        sure, asked = ~stretches.asked, stretches.asked
        unsure = _spread_out(begin[asked], end[asked])
        lat, lon = self.people.lat[unsure], self.people.lon[unsure]
        whole = _spread_out(begin[sure], end[sure])
        return np.concatenate((whole, unsure[inside_shape(shape, lat, lon)]))

    def box(self, west: float, south: float, east: float, north: float) -> NDArray[np.int64]:
        """Return the positions of everybody in a box, and perhaps of some people beside it."""
        return _spread_out(*self._where(box_of(west, south, east, north, asked=True)))

    def _where(self, stretches: Stretches) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return from and to which position each stretch goes. Where two meet, the one ends where
        the other begins, so nobody is in both or in neither.
        """
        row = stretches.row - self.first_row
        there = (row >= 0) & (row < len(self.starts) - 1)
        at = np.where(there, row, 0)
        low = np.where(there, self.starts[at], 0)
        high = np.where(there, self.starts[np.minimum(at + 1, len(self.starts) - 1)], 0)
        begin = self._bisect(low, high, stretches.west)
        end = np.append(begin[1:], 0)
        same = (stretches.row[1:] == stretches.row[:-1]) & (
            stretches.east[:-1] == stretches.west[1:]
        )
        last = np.flatnonzero(~np.append(same, False))
        end[last] = self._bisect(low[last], high[last], stretches.east[last])
        return begin, np.maximum(begin, end)

    def _bisect(
        self, low: NDArray[np.int64], high: NDArray[np.int64], lon: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Return for each of many pieces of the order where a longitude would go in."""
        found: NDArray[np.int64] = low.copy()
        high = high.copy()
        last = len(self.people) - 1
        while np.any(open_ := found < high):
            middle = (found + high) >> 1
            before = open_ & (self.people.lon[np.minimum(middle, last)] < lon)
            found = np.where(before, middle + 1, found)
            high = np.where(open_ & ~before, middle, high)
        return found


def _spread_out(begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return every number from each begin up to its end."""
    sizes = end - begin
    full = np.flatnonzero(sizes > 0)
    begin, sizes = begin[full], sizes[full]
    offsets = np.cumsum(sizes) - sizes
    found: NDArray[np.int64] = np.arange(int(sizes.sum())) + np.repeat(begin - offsets, sizes)
    return found
