"""Reading the file of people: every error named with its line, nothing half taken."""

from __future__ import annotations

import difflib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from broadcast.files.csv_files import open_table
from broadcast.files.sealed_shelf import Shelf
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import Problem, Rejected
from subscribers.people_file.findings import Findings
from subscribers.people_file.people import Given, People, Piece, PutAside, Row
from subscribers.people_file.record import COLUMNS, PLACE, SubscriberRecord, Untold, merge
from subscribers.people_file.rows import RowReader

_TELL = 5_000  # lines between two reports of how far the reading is

Anywhere = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
"""Which of these places, degrees north and east, lie in an imported area."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file holds. With problems there are no people: all or nothing. `merged` are the
    external ids that stood there twice.
    """

    people: People
    problems: list[Problem]
    warnings: list[Problem]
    merged: list[str]

    @property
    def records(self) -> list[SubscriberRecord]:
        """All people at once, of a small file."""
        return [record for piece in self.people for record in piece.records]

    @property
    def untold(self) -> Untold:
        """What a small file does not say of its people."""
        open_ = (piece.untold.channels_of for piece in self.people)
        return Untold(self.people.lacks, frozenset().union(*open_))


def read_subscribers(
    data: bytes | BinaryIO,
    *,
    filename: str,
    allow_trial_numbers: bool,
    known_area: Callable[[str], bool],
    anywhere: Anywhere | None = None,
    fix: bool = False,
    read: Callable[[int], None] = lambda _: None,
    shelf: Shelf | None = None,
) -> ImportResult:
    """Return the people of a file, or every error in it. Raises nothing for bad input.

    `known_area(code)` and `anywhere(lats, lons)` say what is imported (a person elsewhere is kept,
    with a warning). `allow_trial_numbers`: +999 and nine digits are taken. `fix`: numbers that lost
    their leading zero get it back, with a warning; otherwise they are errors.
    `read` is told the number of the line, now and then.

    The people lie on the `shelf` as long as it is there; without one they stay in memory, pressed.
    Of an open file no more is held at once than a piece of it, and of each person some bytes.
    """
    findings = Findings(filename)
    try:
        header, rows = open_table(data, filename, findings.problems, expected=COLUMNS)
        at = _columns(header, filename)
    except Rejected as exc:
        return _refused(list(exc.problems))
    reader = RowReader(at, findings, allow_trial_numbers=allow_trial_numbers, fix=fix)
    tells_places = bool(PLACE & set(at))
    aside = PutAside([] if shelf is None else shelf, frozenset(COLUMNS) - set(at))
    hashes = array("q")
    tell = 0
    for line, cells in rows:
        if line >= tell:
            read(line)
            tell = line + _TELL
        row = reader.read(line, cells)
        if row is None or findings.problems:
            continue
        hashes.append(hash(row.record.external_id))
        aside.add(row)
    aside.finish()
    if findings.problems:
        return _refused(findings.all_problems(), findings.all_warnings())
    if not len(aside):
        return _refused([_nobody(filename)])
    # Which rows are one person is known now; where people are is warned of as they are then.
    merged = _merge(aside, _perhaps_twice(hashes), reader.sets, findings)
    for piece in aside:
        aside.summary.add(piece.records)
        _warn_of_places(piece, findings, known_area, anywhere, tells_places=tells_places)
    return ImportResult(aside, [], findings.all_warnings(), merged)


def _refused(problems: list[Problem], warnings: Sequence[Problem] = ()) -> ImportResult:
    return ImportResult(Given([]), problems, list(warnings), [])


def _perhaps_twice(hashes: array[int]) -> list[int]:
    """Return the numbers of the rows whose external ids have a hash that another has, too."""
    every = np.frombuffer(hashes, dtype=np.int64)
    in_order = np.sort(every)
    twice = in_order[1:][in_order[1:] == in_order[:-1]]
    return [int(n) for n in np.flatnonzero(np.isin(every, twice))] if len(twice) else []


def _merge(
    aside: PutAside, numbers: Sequence[int], sets: Sequence[frozenset[str]], findings: Findings
) -> list[str]:
    """Make one person of the rows with the same external id among these; return the ids. `sets`:
    the sets of columns that rows fill in.
    """
    first: dict[str, tuple[int, Row]] = {}
    changed: dict[int, Row | None] = {}
    again: dict[str, None] = {}
    for number, row in aside.rows(numbers):
        external_id = row.record.external_id
        if external_id not in first:
            first[external_id] = number, row
            continue
        again[external_id] = None
        at, before = first[external_id]
        findings.warn(
            "merged",
            row.line,
            f"{external_id} stood at line {before.line} already; the two rows are one person",
        )
        both = before._replace(
            record=merge(before.record, row.record, sets[row.given]),
            is_open=before.is_open and row.is_open,
        )
        first[external_id] = at, both
        changed |= {at: both, number: None}
    aside.change(changed)
    return list(again)


def _nobody(filename: str) -> Problem:
    return Problem(
        code="file_empty",
        detail="nobody in it",
        fix="give at least one row below the header",
        where=filename,
    )


def _columns(header: Sequence[str], filename: str) -> dict[str, int]:
    """Return where each column stands. Raises Rejected for one that there is not, and where the
    ids are missing.
    """
    at = {name.casefold(): n for n, name in enumerate(header)}
    unknown = [name for name in at if name not in COLUMNS]
    if unknown:
        hints = {name: difflib.get_close_matches(name, COLUMNS, 1) for name in unknown}
        raise Rejected(
            Problem(
                code="column_unknown",
                detail=f"there is no column {name[:40]!r}",
                fix=f"did you mean {hint[0]}" if hint else f"use {', '.join(COLUMNS)}",
                where=f"{filename}:1",
            )
            for name, hint in hints.items()
        )
    if "external_id" not in at:
        raise Rejected(
            Problem(
                code="header_missing",
                detail="no column external_id",
                fix=f"the columns are {', '.join(COLUMNS)}",
                where=f"{filename}:1",
            )
        )
    return at


def _warn_of_places(
    piece: Piece,
    findings: Findings,
    known_area: Callable[[str], bool],
    anywhere: Anywhere | None,
    *,
    tells_places: bool,
) -> None:
    records = piece.records
    areas = {area: known_area(area) for area in {r.area for r in records} if area is not None}
    lats = np.array([np.nan if r.lat is None else r.lat for r in records], dtype=np.float64)
    lons = np.array([np.nan if r.lon is None else r.lon for r in records], dtype=np.float64)
    inside = np.isfinite(lats) if anywhere is None else anywhere(lats, lons)
    for n in np.flatnonzero(~inside).tolist():
        r = records[n]
        line = piece.lines[n]
        if r.area is not None and not areas[r.area]:
            findings.warn(
                "area_unknown",
                line,
                f"the area {r.area} is not imported",
                "import it, or correct the code",
            )
        elif r.area is None and r.lat is not None:
            findings.warn(
                "place_in_no_area",
                line,
                "the place lies in no imported area",
                "only messages to everybody or drawn on a map reach them",
            )
        elif tells_places and r.area is None and not postcodes.key(r.postcode):
            findings.warn(
                "place_missing",
                line,
                "neither lat and lon nor area nor postcode",
                "only messages to everybody reach them",
            )
