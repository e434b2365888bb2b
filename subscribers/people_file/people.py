"""Reads the people of a file in pieces of bounded size, in the order of its rows. The pieces can be
read several times, and never lie in memory all at once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from broadcast.files.sealed_shelf import Shelf
from broadcast.groups import registered
from broadcast.places.postcodes import code as postcodes
from subscribers.people_file.record import ALL_TOLD, SubscriberRecord, Untold

PIECE: Final = 5_000
"""How many people a piece holds at most."""
_QUICKLY: Final = 1  # what is put aside is read once or twice, and then gone
_LISTS: Final = 10_000


class Piece(NamedTuple):
    """Some people of a file, with the lines they stand on; `untold`: what the file does not say of
    them.
    """

    records: Sequence[SubscriberRecord]
    untold: Untold
    lines: Sequence[int] = ()


@dataclass(slots=True)
class Summary:
    """What must be known of a whole file before its first person is stored: the different lists of
    communities, sectors and providers that people name, and how many people gave a postcode and no
    place.
    """

    communities: set[str] = field(default_factory=set)
    sectors: set[str] = field(default_factory=set)
    providers_off: set[str] = field(default_factory=set)
    by_postcode: int = 0

    def add(self, records: Iterable[SubscriberRecord]) -> None:
        """Count these people too."""
        for record in records:
            self.communities.add(record.communities)
            self.sectors.add(record.sectors)
            self.providers_off.add(record.providers_off)
            if record.lat is None and record.postcode and postcodes.key(record.postcode):
                self.by_postcode += 1
        for lists in (self.communities, self.sectors, self.providers_off):
            if len(lists) > _LISTS:
                few = registered.telling(lists)
                lists.clear()
                lists |= few

    def groups(self) -> list[registered.Group]:
        """Return the communities and sectors that people name, each once."""
        return registered.in_people(self.sectors, self.communities)

    def providers(self) -> list[registered.Group]:
        """Return the information providers whose routine messages somebody switched off."""
        return registered.providers_in(self.providers_off)


class People(Protocol):
    """People who are imported together."""

    @property
    def lacks(self) -> frozenset[str]:
        """The columns that the file does not have."""

    @property
    def summary(self) -> Summary:
        """What must be known of all of them."""

    def __len__(self) -> int:
        """Return the number of people."""

    def __iter__(self) -> Iterator[Piece]:
        """Yield the people piece by piece, in their order."""


class Given:
    """People who are in memory already."""

    def __init__(self, records: Sequence[SubscriberRecord], untold: Untold = ALL_TOLD) -> None:
        self._records, self._untold = records, untold

    @property
    def lacks(self) -> frozenset[str]:
        """The columns that were not given."""
        return self._untold.columns

    @property
    def summary(self) -> Summary:
        """What must be known of all of them."""
        found = Summary()
        found.add(self._records)
        return found

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Piece]:
        for start in range(0, len(self._records), PIECE):
            yield Piece(self._records[start : start + PIECE], self._untold)


class Row(NamedTuple):
    """One row as it was read: its line, whether it leaves the channels open, the number of the set
    of columns that it fills in, and the person.
    """

    line: int
    is_open: bool
    given: int
    record: SubscriberRecord


class PutAside:
    """The people of a file, kept on a shelf on disk while the file is read. Rows that describe one
    person are merged at the end (`change`), once all rows are known.
    """

    def __init__(self, shelf: Shelf, lacks: frozenset[str]) -> None:
        self.lacks = lacks
        self.summary = Summary()
        self._shelf, self._size = shelf, PIECE
        self._rows: list[Row] = []
        self._count = 0
        self._changed: dict[int, dict[int, Row | None]] = {}

    def add(self, row: Row) -> None:
        """Append a row."""
        self._rows.append(row)
        if len(self._rows) == self._size:
            self.finish()

    def finish(self) -> None:
        """Put the rows that are still in memory on the shelf."""
        if self._rows:
            self._shelf.append(_packed(self._rows))
            self._count += len(self._rows)
            self._rows = []

    def change(self, rows: Mapping[int, Row | None]) -> None:
        """Replace rows, by their numbers from 0; None removes the row."""
        for number, row in rows.items():
            self._changed.setdefault(number // self._size, {})[number % self._size] = row
            self._count -= row is None

    def rows(self, numbers: Iterable[int]) -> Iterator[tuple[int, Row]]:
        """Yield the rows with these numbers, which ascend, as they were added."""
        at, rows = -1, list[Row]()
        for number in numbers:
            if number // self._size != at:
                at = number // self._size
                rows = _unpacked(self._shelf[at])
            yield number, rows[number % self._size]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Piece]:
        for at, packed in enumerate(self._shelf):
            rows = _unpacked(packed)
            if at in self._changed:
                changed = self._changed[at]
                rows = [now for n, row in enumerate(rows) if (now := changed.get(n, row))]
            if rows:
                yield piece_of(rows, self.lacks)


def piece_of(rows: Sequence[Row], lacks: frozenset[str]) -> Piece:
    """Return the people of some rows."""
    lines, opens, _, records = zip(*rows, strict=True)
    open_ = {r.external_id for r, is_open in zip(records, opens, strict=True) if is_open}
    return Piece(records, Untold(lacks, frozenset(open_)), lines)


def _packed(rows: Sequence[Row]) -> bytes:
    return zlib.compress(json.dumps(rows).encode(), _QUICKLY)


def _unpacked(packed: bytes) -> list[Row]:
    rows: list[Any] = json.loads(zlib.decompress(packed))
    made = SubscriberRecord._make
    return [Row(line, is_open, given, made(record)) for line, is_open, given, record in rows]
