"""What a file's reading finds wrong, which refuses the file, and odd, which does not: each with its
line.
"""

from __future__ import annotations

from broadcast.problems import Problem, Rejected

_LISTED = 20
"""So many warnings of one kind are listed; the rest are counted."""
_ALWAYS_LISTED = ("merged", "leading_zero_restored")
"""Warnings of what was changed: each is listed."""


class Findings:
    """The problems of one file in the order found, and its warnings by kind."""

    def __init__(self, filename: str) -> None:
        self.problems: list[Problem] = []
        self._filename = filename
        self._kinds: dict[str, list[Problem]] = {}
        self._more: dict[str, int] = {}

    def wrong(self, line: int, refusal: Rejected, column: str = "") -> None:
        """Note a cell that is refused; `column` is named where the refusal names no field."""
        for p in refusal.problems:
            field = p.field or column
            self.problems.append(
                Problem(
                    code=p.code,
                    detail=f"{field}: {p.detail}",
                    fix=p.fix,
                    field=field,
                    where=f"{self._filename}:{line}",
                )
            )

    def warn(self, code: str, line: int, detail: str, fix: str = "") -> None:
        """Note something odd in a row: it is reported as a warning, and the row is taken."""
        listed = self._kinds.setdefault(code, [])
        if len(listed) < _LISTED or code in _ALWAYS_LISTED:
            listed.append(
                Problem(code=code, detail=detail, fix=fix, where=f"{self._filename}:{line}")
            )
        else:
            self._more[code] = self._more.get(code, 0) + 1

    def all_problems(self) -> list[Problem]:
        """Return the problems, by line."""
        return sorted(self.problems, key=_line_of)

    def all_warnings(self) -> list[Problem]:
        """Return the warnings, kind by kind: the first of each, then how many more there are."""
        return [p for listed in self._kinds.values() for p in listed] + [
            Problem(code=code, detail=f"and {count} more like it", where=self._filename)
            for code, count in self._more.items()
        ]


def _line_of(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2] or 0)
