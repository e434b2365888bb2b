"""What the command line prints: one answer on stdout (a table, or exactly one JSON document),
everything else on stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from broadcast.problems import Problem, refuse

if TYPE_CHECKING:
    from rich.progress import TaskID

_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"

LINE_SECONDS = 1.0
"""Off a terminal a bar prints at most one line in this time."""


def plain(text: object) -> str:
    """Return text as it may be shown on a terminal: control characters, which could move its cursor
    or change its title, become "?".
    """
    return "".join(
        c if c.isprintable() or c == "\n" else " " if c == "\t" else "?" for c in str(text)
    )


def on_terminal() -> bool:
    """Return whether a person sits there: whoever is asked must be able to read the question and to
    answer.
    """
    return sys.stdin.isatty() and sys.stderr.isatty()


def in_colour() -> bool:
    """Return whether stderr shows colours: a terminal that has some, and nobody who asked for none
    (https://no-color.org).
    """
    return (
        sys.stderr.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def prepare() -> None:
    """Let no character that the terminal's encoding lacks end in an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def in_words(value: Any) -> str:
    """Return a value of a JSON document as one line for people: lists with ; between, objects as
    names and values, "-" for nothing.
    """
    if isinstance(value, list):
        return "; ".join(in_words(v) for v in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{k} {in_words(v)}" for k, v in value.items() if v not in (None, []))
    return "-" if value in (None, "") else str(value)


def problem_json(problem: Problem) -> dict[str, str]:
    """Return one problem as it stands in the JSON of the command line."""
    return {
        "code": problem.code,
        "field": problem.field,
        "where": problem.where,
        "detail": problem.detail,
        "fix": problem.fix,
    }


class Output:
    """Where one command's answer goes. `json` as the user asked; with it stdout gets exactly one
    document, also where it ends in an error.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self.answered = False

    def answer(self, document: Any, *lines: str) -> None:
        """Print the answer: the document with --json, else the lines."""
        self.answered = True
        if self.json:
            sys.stdout.write(json.dumps(document, default=str) + "\n")
        else:
            for line in lines:
                sys.stdout.write(plain(line) + "\n")
        sys.stdout.flush()

    def table(
        self, document: Any, header: Sequence[str], rows: Iterable[Sequence[object]], *after: str
    ) -> None:
        """Print the answer as a table, with lines below it."""
        if self.json:
            self.answer(document)
            return
        self.answer(
            None,
            *_aligned(
                header,
                [
                    [plain("" if cell is None else cell).replace("\n", " ") for cell in row]
                    for row in rows
                ],
            ),
            *after,
        )

    def refused(self, problems: Iterable[Problem]) -> None:
        """Print why nothing was done: a line each on stderr and, with --json, {problems: […]} on
        stdout.
        """
        listed = list(problems)
        for problem in listed:
            self.note(problem.line(), _RED)
        if self.json and not self.answered:
            self.answer({"problems": [problem_json(p) for p in listed]})

    def warn(self, problems: Iterable[Problem]) -> None:
        """Print what a person should know, on stderr."""
        for problem in problems:
            self.note(f"warning: {problem.line()}", _YELLOW)

    def note(self, line: str, colour: str = "") -> None:
        """Print one line on stderr; in a colour only where a person looks at it."""
        said = plain(line)
        if colour and in_colour():
            said = f"{colour}{said}{_PLAIN}"
        sys.stderr.write(said + "\n")
        sys.stderr.flush()

    def confirm(self, question: str, *, yes: bool, expected: str = "yes") -> None:
        """On a terminal ask before what cannot be undone; raises Rejected (exit 1) unless the
        answer is `expected`. Off one, nothing asks.
        """
        if yes or not on_terminal():
            return
        sys.stderr.write(f"{plain(question)}\nType {expected} to go on: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().casefold() != expected.casefold():
            raise refuse(
                "not_confirmed", "nothing was done", f"type {expected}, or use --yes", status=409
            )

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give progress bars on stderr, or plain lines off a terminal."""
        bars = Progress(self, bars=sys.stderr.isatty())
        try:
            yield bars
        finally:
            bars.close()


class Progress:
    """How far something is, by name: bars on a terminal, else a line where something moved, at most
    one a second and name.
    """

    def __init__(self, out: Output, *, bars: bool) -> None:
        self._out = out
        self._said: dict[str, tuple[float, str]] = {}
        self._last: dict[str, str] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars: Any = None
        if bars:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            columns = (
                TextColumn("{task.description:>8}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[words]}"),
                TimeElapsedColumn(),
            )
            self._bars = Bars(*columns, console=Console(stderr=True), transient=False)
            self._bars.start()

    def show(self, name: str, done: int, total: int | None, words: str = "") -> None:
        """Say that `done` of `total` are done, None where nobody knows; `words` say more."""
        if self._bars is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(plain(name), total=total, words="")
            self._bars.update(self._tasks[name], completed=done, total=total, words=plain(words))
            return
        of = "" if total is None else f" of {total}"
        line = f"{name}: {done}{of}{' ' + words if words else ''}"
        now = time.monotonic()
        at, before = self._said.get(name, (-LINE_SECONDS, ""))
        self._last[name] = line
        if line != before and (now - at >= LINE_SECONDS or (total is not None and done >= total)):
            self._said[name] = (now, line)
            self._out.note(line)

    def close(self) -> None:
        """Finish the bars; off a terminal say what was not said yet."""
        if self._bars is not None:
            self._bars.stop()
            return
        for name, line in self._last.items():
            if self._said.get(name, (0.0, ""))[1] != line:
                self._out.note(line)


def is_stdout(path: Path) -> bool:
    """Return whether what is written there goes to stdout, so that it is the answer itself."""
    return str(path) == "-"


def stdout_for_bytes() -> BinaryIO:
    """Return stdout for bytes that are no text. Raises Rejected where it is a terminal, which they
    would only confuse.
    """
    if sys.stdout.isatty():
        raise refuse(
            "stdout_is_a_terminal",
            "these bytes are no text for a terminal",
            "send them on: > FILE, or | COMMAND",
            field="FILE",
        )
    return sys.stdout.buffer


def write_file(path: Path, pieces: Iterable[str]) -> None:
    """Write a file that appears whole or not at all, readable by its owner only: it holds people.
    `-` is stdout. Raises Rejected.
    """
    if is_stdout(path):
        sys.stdout.writelines(pieces)
        sys.stdout.flush()
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with os.fdopen(
                os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
                "w",
                encoding="utf-8",
                newline="",
            ) as file:
                file.writelines(pieces)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise refuse(
            "file_not_written",
            f"{path}: {error.strerror or type(error).__name__}",
            "choose a folder that this user may write to",
            field="file",
        ) from None


def sums(lines: Mapping[str, int | str]) -> str:
    """Return "3 failed, 2 in doubt" of the lines that are not zero."""
    return ", ".join(f"{n} {line.replace('_', ' ')}" for line, n in lines.items() if n) or "nobody"


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["nothing to show"]
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    numeric = [
        all(row[n].lstrip("-").isdigit() or not row[n] for row in rows) for n in range(len(header))
    ]
    return [
        "  ".join(
            cell.rjust(w) if number else cell.ljust(w)
            for cell, w, number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [header, *rows]
    ]
