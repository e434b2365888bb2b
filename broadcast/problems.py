"""What is said when something is refused: one shape for the command line, HTTP and files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and how to mend it.

    `code` is stable and lower_snake_case. `field` is a path such as "languages.en.headline";
    `where` is "file:line" or an XPath. `status` is the HTTP status (RFC 9110); the command line's
    exit code follows from it. `retry_after`: seconds, where it is known when the same may be asked
    again. Never holds personal data.
    """

    code: str
    detail: str
    fix: str = ""
    field: str = ""
    where: str = ""
    status: int = 422
    retry_after: int = 0

    def line(self) -> str:
        """Return "where: code: what, how to fix", the form of the command line."""
        place = self.where or self.field
        return (
            f"{place + ': ' if place else ''}{self.code}:"
            f" {self.detail}{', ' + self.fix if self.fix else ''}"
        )


class Rejected(Exception):
    """Refused, for one reason or several; nothing was changed."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("; ".join(p.line() for p in self.problems))

    @property
    def status(self) -> int:
        """The HTTP status: that of the first problem."""
        return self.problems[0].status

    @property
    def exit_code(self) -> int:
        """1 refused by a rule (403, 404, 409), 69 a service is unreachable (503), 2 everything
        else.
        """
        if self.status in (403, 404, 409):
            return 1
        return 69 if self.status == 503 else 2


def refuse(
    code: str, detail: str, fix: str = "", *, field: str = "", status: int = 422
) -> Rejected:
    """Return (to be raised) a refusal with one problem."""
    return Rejected(Problem(code=code, detail=detail, fix=fix, field=field, status=status))
