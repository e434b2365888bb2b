"""Threat levels as recorded facts: what held where and when, what a file of the past may add, and
the words of its day.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final, Literal

from broadcast.content.limits import NAME
from broadcast.files import safe_json
from broadcast.files.nearest import nearest, shown
from broadcast.levels.names import folded
from broadcast.problems import Problem, Rejected, refuse
from broadcast.wording.levels import (
    LEVELS,
    UK,
    Level,
    official_revision,
    official_since,
    parse_level,
)
from broadcast.wording.levels import meaning as wording

__all__ = [
    "LEVELS",
    "SCALES",
    "UK",
    "Fact",
    "History",
    "Level",
    "LevelFact",
    "Standing",
    "meaning",
    "name_key",
    "normalise_scope",
    "parse_level",
    "read_levels_csv",
    "select_import",
]

NORTHERN_IRELAND: Final = "N92000002"  # GSS
SCALES: Final = {"international": UK, "national": UK, "ni_in_ni": NORTHERN_IRELAND}
"""The published scales that are the level of a place; every other is kept as history only, under
the scope "scale:NAME".
"""

CSV_LIMIT: Final = 4 * 1024 * 1024  # bytes; the twenty years since 2006 are 2 kB
MAX_NAME: Final = NAME  # characters of a community or sector; subscribers are read with as many

# letters in use by the ONS register of geographic codes
_GSS: Final = re.compile(r"[EJKLMNSW][0-9]{8}", re.ASCII)
GSS_UNITED_KINGDOM: Final = "K02000001"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_COLUMNS: Final = ("date", "scale", "level", "note")


# Scopes


def normalise_scope(text: str, *, field: str = "scope") -> str:
    """Return the scope in its one spelling: "UK", a GSS code in capitals, "community:name" or
    "sector:name" (as `name_key`).

    Raises Rejected (scope_invalid).
    """
    word = text.strip()
    if word.upper() in (UK, GSS_UNITED_KINGDOM):
        return UK
    if _GSS.fullmatch(word.upper()):
        return word.upper()
    kind, colon, name = word.partition(":")
    if colon and kind.strip().lower() in ("community", "sector"):
        try:
            return f"{kind.strip().lower()}:{name_key(name, field=field)}"
        except Rejected:
            raise refuse(
                "scope_invalid",
                f"{shown(word)} names no {kind.strip().lower()}",
                "write community:NAME or sector:NAME",
                field=field,
            ) from None
    raise refuse(
        "scope_invalid",
        f"{shown(word)} is no scope",
        "write UK, a GSS code such as E12000007, community:NAME or sector:NAME",
        field=field,
    )


def name_key(text: str, *, field: str = "") -> str:
    """Return the one spelling of a community's or sector's name (`broadcast.levels.names.folded`).

    Raises Rejected (name_invalid) for an empty name, more than 100 characters, a semicolon (it
    separates lists) or anything unprintable.
    """
    name = folded(text[: 4 * MAX_NAME])
    if (
        not name
        or len(text) > 4 * MAX_NAME
        or len(name) > MAX_NAME
        or ";" in name
        or not name.isprintable()
    ):
        raise refuse(
            "name_invalid",
            f"{shown(text)} is no name of a community or sector",
            "write its name, without semicolons",
            field=field,
        )
    return name


def meaning(level: Level, at: datetime | date) -> str:
    """Return the official meaning in the words in use at that moment (UTC) or on that day: they
    changed on 23 July 2019, the levels did not.
    """
    day = at.astimezone(UTC).date() if isinstance(at, datetime) else at
    return wording(level, official_revision(day))


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialText:
    """What a level officially means, and which wording that is: its name, and since when it is in
    use.
    """

    meaning: str
    revision: str
    since: date


def official_text(level: Level, at: datetime) -> OfficialText:
    """Return what a level officially meant at that moment."""
    revision = official_revision(at.astimezone(UTC).date())
    return OfficialText(
        meaning=wording(level, revision), revision=revision, since=official_since(revision)
    )


# History


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """From `at` (aware) on, the level of `scope` was `level`; None is that it ended. `order` is
    that of recording: of two facts of one moment the later recorded holds.
    """

    scope: str
    at: datetime
    level: Level | None
    source: Literal["import", "approval"]
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The level of a scope at some moment, and since when it stood there unchanged."""

    scope: str
    level: Level
    since: datetime
    source: Literal["import", "approval"]


class History:
    """The levels of every scope over time, computed from all facts, whatever their order.

    A level set by an approval holds until the next approval: an imported fact counts only before
    the first approval of its scope.
    """

    def __init__(self, facts: Iterable[Fact]) -> None:
        by_scope: dict[str, list[Fact]] = {}
        for fact in facts:
            by_scope.setdefault(fact.scope, []).append(fact)
        self._lines = {scope: _line(found) for scope, found in by_scope.items()}

    def approved(self) -> History:
        """Return what two people approved, without what a file says of the past: the present comes
        from this alone.
        """
        return History(
            fact for line in self._lines.values() for fact, _ in line if fact.source == "approval"
        )

    def facts(self, scope: str) -> tuple[Fact, ...]:
        """Return the facts that count for a scope, oldest first, those that repeat the level
        included.
        """
        return tuple(fact for fact, _ in self._lines.get(scope, ()))

    def as_of(self, scope: str, at: datetime) -> Standing | None:
        """Return what held at an aware moment (a change holds from its own moment on); None where
        nothing was known yet, or the level had ended.
        """
        line = self._lines.get(scope, ())
        n = bisect_right(line, at, key=lambda entry: entry[0].at)
        if not n:
            return None
        fact, since = line[n - 1]
        if fact.level is None:
            return None
        return Standing(scope=scope, level=fact.level, since=since, source=fact.source)

    def present(self, now: datetime) -> dict[str, Standing]:
        """Return what holds at `now`, by scope; scales kept as history only are left out."""
        held = (
            (scope, self.as_of(scope, now))
            for scope in sorted(self._lines)
            if not scope.startswith("scale:")
        )
        return {scope: standing for scope, standing in held if standing is not None}

    def effective(
        self, scopes_of_place: Sequence[str], at: datetime
    ) -> tuple[Level, tuple[str, ...]] | None:
        """Return the highest level of a place and every scope that it comes from, in the order
        given; None where no scope has one.

        `scopes_of_place` are the codes of its ward up to its country and the communities and
        sectors in question; UK is asked first in any case.
        """
        held = [
            s
            for s in (self.as_of(scope, at) for scope in dict.fromkeys((UK, *scopes_of_place)))
            if s is not None
        ]
        if not held:
            return None
        highest = max((s.level for s in held), key=lambda level: level.rank)
        return highest, tuple(s.scope for s in held if s.level is highest)


def _line(facts: list[Fact]) -> list[tuple[Fact, datetime]]:
    """Return the facts that count, each with the moment since which its level stood."""
    ordered = sorted(facts, key=lambda f: (f.at, f.order))
    first_approval = min((f.at for f in ordered if f.source == "approval"), default=None)
    counting = [
        f
        for f in ordered
        if f.source == "approval" or first_approval is None or f.at < first_approval
    ]
    line: list[tuple[Fact, datetime]] = []
    for fact in counting:
        if (
            line and line[-1][0].at == fact.at
        ):  # the later recorded of one moment is the one that held
            line.pop()
        line.append((fact, line[-1][1] if line and line[-1][0].level is fact.level else fact.at))
    return line


# The past, from a file


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFact:
    """One row of a level CSV: on `date` the level of `scale`, which is our `scope`, became `level`.
    `line` is where it stands.
    """

    date: date
    scale: str
    scope: str
    level: Level
    note: str = ""
    line: int = 0

    @property
    def at(self) -> datetime:
        """The first moment of that day in UTC: the hour of a change is not published."""
        return datetime.combine(self.date, time(), tzinfo=UTC)


def read_levels_csv(
    data: bytes, *, file: str = "levels.csv", today: date | None = None
) -> list[LevelFact]:
    """Return the rows in the order of the file; columns `date, scale, level, note` in any order,
    `note` may be absent, others are ignored.

    A byte-order mark is tolerated; `today` refuses days to come. Raises Rejected with every fault
    of the file in one pass, each with "file:line": bad_encoding, body_too_large, csv_header,
    csv_quote, csv_columns, time_invalid, date_in_future, scale_invalid, level_missing,
    level_unknown, level_twice (one scope has two levels on one day), control_character.
    """
    text = _text(data, file)
    problems: list[Problem] = []
    rows = _rows(text, file, problems)
    if not rows:
        raise Rejected(
            problems
            or [
                Problem(
                    code="csv_header",
                    detail="the file is empty",
                    fix=f"begin with the line {', '.join(_COLUMNS)}",
                    where=f"{file}:1",
                )
            ]
        )
    columns = _columns(rows[0][1], f"{file}:{rows[0][0]}")
    found: list[LevelFact] = []
    seen: dict[tuple[str, date], LevelFact] = {}
    for line, cells in rows[1:]:
        try:
            fact = _fact(cells, columns, line, f"{file}:{line}", today)
        except Rejected as exc:
            problems += exc.problems
            continue
        before = seen.setdefault((fact.scope, fact.date), fact)
        if before.level is not fact.level:
            detail = (
                f"{fact.scope} has {fact.level} on {fact.date} and {before.level} in line"
                f" {before.line}"
            )
            problems.append(
                Problem(
                    code="level_twice",
                    detail=detail,
                    fix="keep the one that held at the end of the day",
                    where=f"{file}:{line}",
                )
            )
        found.append(fact)
    if problems:
        raise Rejected(problems)
    return found


def select_import(
    history: History, rows: Iterable[LevelFact]
) -> tuple[list[LevelFact], list[tuple[LevelFact, str]]]:
    """Return the rows that fill in the past, and those left out with the reason (known, present,
    approved, differs).

    An import never changes the present level of a scope that has one, nor a level set by an
    approval, nor a fact already recorded: a row counts only where it is older than what its scope
    has. A scope that has nothing yet takes all its rows.
    """
    taken: list[LevelFact] = []
    left: list[tuple[LevelFact, str]] = []
    chosen: set[tuple[str, date]] = set()
    known_of: dict[str, dict[datetime, Fact]] = {}  # oldest first
    approved_of: dict[str, datetime | None] = {}
    for row in rows:
        if row.scope not in known_of:
            known_of[row.scope] = {fact.at: fact for fact in history.facts(row.scope)}
            approved_of[row.scope] = next(
                (f.at for f in known_of[row.scope].values() if f.source == "approval"), None
            )
        known, approved = known_of[row.scope], approved_of[row.scope]
        same = known.get(row.at)
        if same is not None or (row.scope, row.date) in chosen:
            left.append((row, "known" if same is None or same.level is row.level else "differs"))
        elif approved is not None and row.at > approved:
            left.append((row, "approved"))
        elif known and row.at > next(reversed(known)):
            left.append((row, "present"))
        else:
            chosen.add((row.scope, row.date))
            taken.append(row)
    return taken, left


def _text(data: bytes, file: str) -> str:
    try:
        text = safe_json.decode(data, limit=CSV_LIMIT)
    except Rejected as exc:
        raise Rejected(
            Problem(code=p.code, detail=p.detail, fix=p.fix, where=file, status=p.status)
            for p in exc.problems
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Rejected(
            Problem(
                code="control_character",
                detail="a NUL byte",
                fix="save the file as UTF-8 CSV",
                where=f"{file}:{line}",
            )
        )
    return text


def _rows(text: str, file: str, problems: list[Problem]) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    start = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return rows
        except csv.Error:
            fix = 'double it ("") and quote the whole cell'
            problems.append(
                Problem(
                    code="csv_quote",
                    detail="a quotation mark is not closed, or stands inside a cell",
                    fix=fix,
                    where=f"{file}:{start}",
                )
            )
            return rows
        if any(cell.strip() for cell in cells):
            rows.append((start, cells))
        start = reader.line_num + 1


def _columns(header: list[str], where: str) -> dict[str, int]:
    names = [cell.strip().lower() for cell in header]
    problems = [
        Problem(
            code="csv_header",
            detail=f"the column {name} is missing",
            fix=f"name the columns {', '.join(_COLUMNS)}, separated by commas",
            where=where,
        )
        for name in _COLUMNS[:3]
        if name not in names
    ]
    problems += [
        Problem(
            code="csv_header", detail=f"there are two columns {name}", fix="keep one", where=where
        )
        for name in _COLUMNS
        if names.count(name) > 1
    ]
    if problems:
        raise Rejected(problems)
    return {name: names.index(name) for name in _COLUMNS if name in names}


def _fact(
    cells: list[str], columns: dict[str, int], line: int, where: str, today: date | None
) -> LevelFact:
    if len(cells) <= max(columns[name] for name in _COLUMNS[:3]):
        raise Rejected(
            Problem(
                code="csv_columns",
                detail=f"only {len(cells)} cells",
                fix="give a date, a scale and a level",
                where=where,
            )
        )
    cell = {name: cells[i].strip() if i < len(cells) else "" for name, i in columns.items()}
    problems: list[Problem] = []
    on = _day(cell["date"], where, today, problems)
    scale = _scale(cell["scale"], where, problems)
    level = None
    try:
        level = parse_level(cell["level"])
    except Rejected as exc:
        problems += [
            Problem(code=p.code, detail=p.detail, fix=p.fix, field=p.field, where=where)
            for p in exc.problems
        ]
    note = cell.get("note", "")
    if any(unicodedata.category(c) == "Cc" for c in note):
        problems.append(
            Problem(
                code="control_character",
                detail="the note holds a control character or a line break",
                fix="write it in one line",
                where=where,
            )
        )
    if on is None or scale is None or level is None or problems:
        raise Rejected(problems)
    return LevelFact(
        date=on,
        scale=scale,
        scope=SCALES.get(scale, f"scale:{scale}"),
        level=level,
        note=note,
        line=line,
    )


def _day(text: str, where: str, today: date | None, problems: list[Problem]) -> date | None:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        on = date.fromisoformat(text)
    except ValueError:
        problems.append(
            Problem(
                code="time_invalid",
                detail=f"{shown(text)} is no day",
                fix="write it as 2006-08-01",
                where=where,
            )
        )
        return None
    if today is not None and on > today:
        problems.append(
            Problem(
                code="date_in_future",
                detail=f"{on} is still to come",
                fix="an import fills in the past; set the level with `fasttime level set`",
                where=where,
            )
        )
    return on


def _scale(text: str, where: str, problems: list[Problem]) -> str | None:
    scale = text.lower()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,79}", scale):
        near = nearest(scale, SCALES)
        fix = (
            f"did you mean {near}?"
            if near
            else f"write {', '.join(SCALES)}, or the name of another scale in letters, digits and _"
        )
        problems.append(
            Problem(
                code="scale_invalid",
                detail=f"{shown(text)} is no name of a scale",
                fix=fix,
                where=where,
            )
        )
        return None
    return scale
