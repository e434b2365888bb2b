"""Reading the file of people: every error named with its line, nothing half taken."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from broadcast.files.csv_files import open_table
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import Problem, Rejected
from subscribers.people_file.findings import Findings
from subscribers.people_file.record import (
    ALL_TOLD,
    COLUMNS,
    PLACE,
    SubscriberRecord,
    Untold,
    merge,
)
from subscribers.people_file.rows import RowReader

_TELL = 5_000  # lines between two reports of how far the reading is

Anywhere = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
"""Which of these places, degrees north and east, lie in an imported area."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What a file holds. With problems there are no records: all or nothing. `merged` are the
    external ids that stood there twice. `untold` is what it does not say of them.
    """

    records: list[SubscriberRecord]
    problems: list[Problem]
    warnings: list[Problem]
    merged: list[str]
    untold: Untold = ALL_TOLD


def read_subscribers(
    data: bytes,
    *,
    filename: str,
    allow_trial_numbers: bool,
    known_area: Callable[[str], bool],
    anywhere: Anywhere | None = None,
    fix: bool = False,
    read: Callable[[int], None] = lambda _: None,
) -> ImportResult:
    """Return the people of a file, or every error in it. Raises nothing for bad input.

    `known_area(code)` and `anywhere(lats, lons)` say what is imported (a person elsewhere is kept,
    with a warning). `allow_trial_numbers`: +999 and nine digits are taken. `fix`: numbers that lost
    their leading zero get it back, with a warning; otherwise they are errors.
    `read` is told the number of the line, now and then.
    """
    findings = Findings(filename)
    try:
        header, rows = open_table(data, filename, findings.problems, expected=COLUMNS)
        at = _columns(header, filename)
    except Rejected as exc:
        return ImportResult([], list(exc.problems), [], [])
    reader = RowReader(at, findings, allow_trial_numbers=allow_trial_numbers, fix=fix)
    records: dict[str, SubscriberRecord] = {}
    lines: dict[str, int] = {}
    again: dict[str, None] = {}
    open_channels: set[str] = set()
    tell = 0
    for line, cells in rows:
        if line >= tell:
            read(line)
            tell = line + _TELL
        record = reader.read(line, cells)
        if record is None:
            continue
        if not reader.leaves_channels_open(cells):
            open_channels.discard(record.external_id)
        elif record.external_id not in records:
            open_channels.add(record.external_id)
        if record.external_id in records:
            again[record.external_id] = None
            findings.warn(
                "merged",
                line,
                f"{record.external_id} stood at line {lines[record.external_id]} already; the two"
                " rows are one person",
            )
            record = merge(records[record.external_id], record, reader.given(cells))
        else:
            lines[record.external_id] = line
        records[record.external_id] = record
    if findings.problems:
        return ImportResult([], findings.all_problems(), findings.all_warnings(), [])
    if not records:
        return ImportResult([], [_nobody(filename)], [], [])
    found = list(records.values())
    _warn_of_places(
        found, lines, findings, known_area, anywhere, tells_places=bool(PLACE & set(at))
    )
    untold = Untold(frozenset(COLUMNS) - set(at), frozenset(open_channels))
    return ImportResult(found, [], findings.all_warnings(), list(again), untold)


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
    records: Sequence[SubscriberRecord],
    lines: dict[str, int],
    findings: Findings,
    known_area: Callable[[str], bool],
    anywhere: Anywhere | None,
    *,
    tells_places: bool,
) -> None:
    areas = {area: known_area(area) for area in {r.area for r in records} if area is not None}
    lats = np.array([np.nan if r.lat is None else r.lat for r in records], dtype=np.float64)
    lons = np.array([np.nan if r.lon is None else r.lon for r in records], dtype=np.float64)
    inside = np.isfinite(lats) if anywhere is None else anywhere(lats, lons)
    for n in np.flatnonzero(~inside).tolist():
        r = records[n]
        line = lines[r.external_id]
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
