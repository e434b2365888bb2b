"""Writing the file of people: what `reading.py` takes, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from broadcast.files.csv_files import escape, write_rows
from subscribers.people_file.record import ADDED_UP, COLUMNS

_NUMBERS = frozenset({"mobile", "phone", "lat", "lon"})
"""Columns whose + and - stay plain: numbers in E.164, degrees."""
_NAMES = ADDED_UP | {"providers_off"}
"""Columns that hold names, each of which a spreadsheet might run."""


def lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the file in pieces; each row is the cells of one person, in the order of `COLUMNS`."""
    return write_rows(COLUMNS, rows)


def cell(column: str, value: Any) -> str:
    """Return a stored value as its cell. One that a spreadsheet would run gets an apostrophe in
    front, which the reading takes off again.
    """
    if value is None:
        return ""
    if column in _NUMBERS:
        return (
            f"{value:.9f}".rstrip("0").rstrip(".")
            if isinstance(value, float) and abs(value) < 1e-4
            else str(value)
        )
    if column in _NAMES:
        return ";".join(escape(part) for part in value.split(";"))
    return escape(value)
