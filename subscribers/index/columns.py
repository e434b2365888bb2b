"""Where people are, as columns of equal length; what they chose is one number, their profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Columns:
    """26 bytes a person; never changed once made, so that a match sees one state of the registry.
    Who has no place has NaN.
    """

    ids: NDArray[np.uint32]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    area: NDArray[np.int32]  # ordinal, -1 = unknown
    profile: NDArray[np.uint32]  # ordinal of what the person chose
    spread: NDArray[np.uint16]  # metres round a place that a postcode stands for, else 0

    @classmethod
    def empty(cls) -> Self:
        """Return nobody."""
        kinds: tuple[Any, ...] = (np.uint32, np.float64, np.float64, np.int32, np.uint32, np.uint16)
        return cls(*(np.empty(0, dtype=kind) for kind in kinds))

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Self:
        """Return the people of several, one behind the other."""
        if not parts:
            return cls.empty()
        every = zip(*(part.arrays() for part in parts), strict=True)
        found: list[Any] = [np.concatenate(columns) for columns in every]
        return cls(*found)

    def __len__(self) -> int:
        return len(self.ids)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return the columns in their order."""
        return tuple(getattr(self, name) for name in self.__slots__)

    def at(self, where: NDArray[Any]) -> Columns:
        """Return the people at these positions, or where a mask is true."""
        return Columns(*(column[where] for column in self.arrays()))

    def latest(self) -> Columns:
        """Return of each id the last row, ordered by id."""
        if np.all(self.ids[1:] > self.ids[:-1]):
            return self
        order = np.argsort(self.ids, kind="stable")
        last = np.append(self.ids[order][1:] != self.ids[order][:-1], True)[: len(order)]
        return self.at(order[last])


def once(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return every position of these, each once. By sorting: np.unique hashes, which takes a
    hundred times as long for a hundred thousand.
    """
    full = [part for part in parts if len(part)]
    if len(full) < 2:
        return full[0] if full else np.empty(0, dtype=np.int64)
    return distinct(np.concatenate(full))


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Return every value once, in order."""
    found = np.sort(values)
    first: NDArray[Any] = found[np.append(True, found[1:] != found[:-1])[: len(found)]]
    return first


def grouped(
    values: NDArray[Any], of: NDArray[np.uint32]
) -> Iterator[tuple[int, NDArray[np.uint32]]]:
    """Yield each of these whole numbers from 0 that occurs, and what stands in `of` beside it, in
    the order in which it stands there.

    By one sort, which of small numbers is a counting: to look through all of them for each number
    takes most of a preview.
    """
    if not len(values):
        return
    if values.max() < 65536:
        values = values.astype(np.uint16, copy=False)
    order = np.argsort(values, kind="stable")
    values, of = values[order], of[order]
    starts = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()]
    for begin, end in zip(starts, [*starts[1:], len(values)], strict=True):
        yield int(values[begin]), of[begin:end]
