"""Which column or property of a file is the code, the name and the parent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broadcast.places.areas import LEVEL_ORDER, LEVELS
from broadcast.problems import Problem, Rejected

# ONS column names: WD25CD, LAD25NM
_STEMS: Final = {
    "ward": ("wd",),
    "borough": ("lad", "ltla"),
    "force": ("pfa",),
    "region": ("rgn",),
    "country": ("ctry",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFields:
    """The names of the columns or properties; None = to be found."""

    code: str | None = None
    name: str | None = None
    parent: str | None = None


def find_fields(
    columns: Sequence[str], filename: str, level: str, fields: AreaFields, warnings: list[Problem]
) -> tuple[str, str | None, str | None]:
    """Return the columns of code, name and parent: those named, else `code` or *CD, `name` or *NM,
    `parent`. Says in a warning what it guessed or did not find.
    """
    code = _named(columns, "code", fields.code, filename) or _code_column(columns, level)
    if code is None:
        raise Rejected(
            Problem(
                code="field_missing",
                detail=f"no column `code` or *CD; there are {', '.join(columns) or 'none'}",
                fix="name it with --code-field",
                where=filename,
            )
        )
    name = _named(columns, "name", fields.name, filename) or _name_column(columns, level, code)
    if name is None:
        warnings.append(
            Problem(
                code="name_missing",
                detail=f"no column `name` or *NM; there are {', '.join(columns)}",
                fix="the code serves as name; name a column with --name-field",
                where=filename,
            )
        )
    parent = _named(columns, "parent", fields.parent, filename) or _low(columns).get("parent")
    if parent is None:
        parent = _code_of_a_higher_level(columns, level, code)
        if parent is not None:
            warnings.append(
                Problem(
                    code="parent_found",
                    detail=f"the parent is taken from {parent}",
                    fix="name another with --parent-field",
                    where=filename,
                )
            )
    return code, name, parent


def _low(columns: Sequence[str]) -> dict[str, str]:
    return {column.casefold(): column for column in columns}


def _named(columns: Sequence[str], what: str, wanted: str | None, filename: str) -> str | None:
    """Return the column that the operator named, in any case; raises Rejected field_missing."""
    if wanted is None or wanted in columns:
        return wanted
    found = _low(columns).get(wanted.casefold())
    if found is None:
        raise Rejected(
            Problem(
                code="field_missing",
                detail=f"no column {wanted!r}; there are {', '.join(columns) or 'none'}",
                fix=f"name one of them with --{what}-field",
                where=filename,
            )
        )
    return found


def _ending(columns: Sequence[str], end: str) -> list[str]:
    return [c for c in columns if len(c) > len(end) and c.casefold().endswith(end)]


def _code_column(columns: Sequence[str], level: str) -> str | None:
    low, codes = _low(columns), _ending(columns, "cd")
    own = next((c for c in codes if c.casefold().startswith(_STEMS[level])), None)
    return (
        low.get("code")
        or own
        or low.get("gss_code")
        or low.get(f"{level}_code")
        or next(iter(codes), None)
    )


def _name_column(columns: Sequence[str], level: str, code: str) -> str | None:
    low = _low(columns)
    stem = code.casefold()[:-2] if code.casefold().endswith("cd") else ""
    return (
        low.get("name")
        or low.get(f"{stem}nm")
        or low.get(f"{level}_name")
        or next(iter(_ending(columns, "nm")), None)
    )


def _code_of_a_higher_level(columns: Sequence[str], level: str, code: str) -> str | None:
    return next(
        (
            c
            for higher in LEVELS[LEVEL_ORDER[level] + 1 :]
            for c in columns
            if c != code and _is_code_of(c.casefold(), higher)
        ),
        None,
    )


def _is_code_of(column: str, level: str) -> bool:
    """Return whether a column is called as the ONS calls the codes of a level (LAD25CD), or as a
    look-up table made by hand does (borough_code).
    """
    ons = column.endswith("cd") and column.startswith(_STEMS[level])
    return ons or column == f"{level}_code"
