"""The file of organisations: every error named with its line, nothing half taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broadcast.files.csv_files import escape, open_table
from broadcast.files.nearest import did_you_mean, shown
from broadcast.problems import Problem, Rejected
from subscribers.organisations.record import COLUMNS, OrganisationRecord, read
from subscribers.people_file.findings import Findings

REQUIRED = ("external_id", "name", "trade", "size")


@dataclass(frozen=True, slots=True)
class OrganisationFile:
    """What a file holds, and at which line each stands; with problems it holds nothing."""

    records: list[OrganisationRecord]
    lines: dict[str, int]
    problems: list[Problem]


def read_organisations(data: bytes, filename: str) -> OrganisationFile:
    """Return the organisations of a CSV, or every error in it. Raises nothing for bad input."""
    findings = Findings(filename)
    try:
        header, rows = open_table(data, filename, findings.problems, expected=COLUMNS)
        columns = [name.casefold() for name in header]
        _check_header(columns, filename)
    except Rejected as refused:
        return OrganisationFile([], {}, list(refused.problems))
    records: dict[str, OrganisationRecord] = {}
    lines: dict[str, int] = {}
    for line, cells in rows:
        found = read(
            dict(zip(columns, cells, strict=False)),
            lambda column, refused, line=line: findings.wrong(line, refused, column),  # type: ignore[misc]
        )
        if found is None:
            continue
        if found.external_id in records:
            findings.wrong(line, _twice(lines[found.external_id]), "external_id")
            continue
        records[found.external_id], lines[found.external_id] = found, line
    if not findings.problems and not records:
        findings.problems.append(
            Problem(
                code="file_empty",
                detail="no organisation in it",
                fix="give at least one row below the header",
                where=filename,
            )
        )
    if findings.problems:
        return OrganisationFile([], {}, findings.all_problems())
    return OrganisationFile(list(records.values()), lines, [])


def rows_of(records: Sequence[OrganisationRecord]) -> list[list[str]]:
    """Return the rows of the file that `read_organisations` takes again, below `COLUMNS`."""
    return [[escape(cell) for cell in record.cells().values()] for record in records]


def _twice(line: int) -> Rejected:
    return Rejected(
        [
            Problem(
                code="organisation_twice",
                detail=f"this external id stood at line {line} already",
                fix="keep one row for each organisation",
            )
        ]
    )


def _check_header(columns: Sequence[str], filename: str) -> None:
    problems = [
        Problem(
            code="column_unknown",
            detail=f"there is no column {shown(name)}",
            fix=did_you_mean(name, COLUMNS),
            where=f"{filename}:1",
        )
        for name in columns
        if name not in COLUMNS
    ]
    problems += [
        Problem(
            code="header_missing",
            detail=f"no column {name}",
            fix=f"the columns are {', '.join(COLUMNS)}",
            where=f"{filename}:1",
        )
        for name in REQUIRED
        if name not in columns
    ]
    if problems:
        raise Rejected(problems)
