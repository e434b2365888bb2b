"""From the bytes of a draft to plain values with their places: YAML with its traps named, and
JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal

import yaml

from broadcast.files import safe_json
from broadcast.files.nearest import shown
from broadcast.problems import Problem, Rejected, refuse

Form = Literal["yaml", "json"]
Path = tuple[str | int, ...]

LIMIT: Final = 4 * 1024 * 1024
"""Bytes of one draft: 60,000 points of a polygon still fit, so that they are refused as such and
not as a large file.
"""
MAX_NODES: Final = 200_000  # values of one draft; each costs some microseconds

# YAML 1.2.2 section 5.1, printable characters, the other way round
_RAW_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
"""With the marks that YAML takes for ends of lines, and nobody sees."""
_TAG: Final = "tag:yaml.org,2002:"
_KINDS: Final = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
}
_DIGITS: Final = re.compile(r"[-+]?[0-9]+(?:_[0-9]+)*", re.ASCII)
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A YAML scalar without quotes that YAML does not take for text: `no` is false, 0700 octal,
    2026-11-21 a date. `text` is as written.
    """

    text: str
    looks_like: str

    def number(self) -> int | float | str:
        """Return the number it plainly is; its text where it is none, or written in one of YAML's
        odder ways (octal, base 60, underscores).
        """
        if len(self.text) <= 17 and _DECIMAL.fullmatch(self.text):
            return int(self.text)
        if _FLOAT.fullmatch(self.text):
            return float(self.text)
        return self.text

    def out_of_range(self) -> bool:
        """Return whether it is a number that cannot be kept exactly: .nan, .inf, 1.0e+999, an
        integer beyond 2**53.
        """
        if self.looks_like != "a number":
            return False
        if self.text.lstrip("+-").lower() in (".nan", ".inf"):
            return True
        if _DIGITS.fullmatch(self.text):
            digits = self.text.replace("_", "")
            return len(digits) > 17 or abs(int(digits)) > safe_json.MAX_INTEGER
        number = self.number()
        return isinstance(number, float) and not isfinite(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A draft as plain values, before anything is known of messages.

    `lines` says where each path stands (YAML only, counted from 1). `problems` are those that did
    not keep the rest from being read.
    """

    value: Any
    form: Form
    file: str = ""
    lines: Mapping[Path, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def problem(
        self, path: Path, code: str, detail: str, fix: str, *, status: int = 422
    ) -> Problem:
        """Return a problem of the value at `path`, with file and line where they are known."""
        return self.placed(
            Problem(
                code=code, detail=detail, fix=fix, field=safe_json.field_path(*path), status=status
            ),
            path,
        )

    def placed(self, problem: Problem, path: Path = ()) -> Problem:
        """Return the problem with "file:line: field" as its place; unchanged where no file was
        named.
        """
        if not self.file or problem.where:
            return problem
        at = next(
            (self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None
        )
        where = ": ".join(p for p in (f"{self.file}:{at}" if at else self.file, problem.field) if p)
        return Problem(
            code=problem.code,
            detail=problem.detail,
            fix=problem.fix,
            field=problem.field,
            where=where,
            status=problem.status,
        )


def read(data: bytes, form: Form, *, file: str = "") -> Source:
    """Return the values of a draft of at most LIMIT bytes; raises Rejected with everything that
    keeps it from being read.

    JSON as `safe_json.loads`. YAML: body_too_large (413), bad_encoding, control_character,
    yaml_invalid, yaml_too_deep, yaml_alias, yaml_tag, yaml_duplicate_key, yaml_several_documents
    (400). A key without the quotes that it needs (field_type) and a number that cannot be kept
    (number_range) do not stop the reading: they are in `problems`.
    """
    try:
        if form == "json":
            if data.count(b",") > MAX_NODES:
                raise refuse(
                    "body_too_large",
                    f"more than {MAX_NODES:,} values",
                    "simplify the shapes",
                    status=413,
                )
            return Source(value=safe_json.loads(data, limit=LIMIT), form=form, file=file)
        return _read_yaml(safe_json.decode(data, limit=LIMIT), file)
    except Rejected as exc:
        raise Rejected(
            Source(value=None, form=form, file=file).placed(p) for p in exc.problems
        ) from None


def _read_yaml(text: str, file: str) -> Source:
    odd = _RAW_CONTROL.search(text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        raise Rejected(
            Problem(
                code="control_character",
                detail=f"U+{ord(odd.group()):04X} in line {line}",
                fix="remove it",
                where=_where(file, line),
            )
        )
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = (error.problem or error.context or "not YAML").replace("\n", " ")
        where = _where(file, line)
        detail = f"not YAML: {what[:120]} at line {line}, column {column}"
        fix = "quote texts that hold a colon, and indent with spaces"
        raise Rejected(
            Problem(code="yaml_invalid", detail=detail, fix=fix, where=where, status=400)
        ) from None
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
    ):  # PyYAML: an escape that is no character raises ValueError or OverflowError
        raise refuse(
            "yaml_invalid",
            "not YAML: a character or an escape that does not exist",
            "save the file as UTF-8 text",
            status=400,
        ) from None
    if any(p.status == 400 for p in builder.problems):
        raise Rejected(sorted(builder.problems, key=lambda p: p.status))
    return Source(
        value=builder.root,
        form="yaml",
        file=file,
        lines=builder.lines,
        problems=tuple(builder.problems),
    )


# libyaml where PyYAML was built with it, twenty times faster; both tell the same events
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final = yaml.resolver.Resolver()


def _where(file: str, line: int) -> str:
    return f"{file}:{line}" if file else f"line {line}"


@dataclass(slots=True)
class _Open:
    """A mapping or sequence that is not closed yet."""

    path: Path
    container: dict[str, Any] | list[Any]
    key: str | None = None


class _Builder:
    """Builds plain values from YAML events without recursion, so that no depth can overflow."""

    def __init__(self, file: str) -> None:
        self.root: Any = None
        self.problems: list[Problem] = []
        self.lines: dict[Path, int] = {}
        self._file = file
        self._open: list[_Open] = []
        self._documents = 0
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refuse(
                line,
                "body_too_large",
                f"more than {MAX_NODES:,} values",
                "simplify the shapes, or send JSON",
            )
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._refuse(
                    line,
                    "yaml_several_documents",
                    "a second document begins",
                    "keep one message per file, without ---",
                )
        elif isinstance(event, yaml.AliasEvent):
            raise self._refuse(
                line, "yaml_alias", "an alias (*name) stands for something else", "write it out"
            )
        elif isinstance(event, yaml.ScalarEvent):
            self._no_tag(event.tag, line)
            self._scalar(event, line)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._no_tag(event.tag, line)
            self._start({} if isinstance(event, yaml.MappingStartEvent) else [], line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()

    def _start(self, container: dict[str, Any] | list[Any], line: int) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            raise self._refuse(
                line,
                "yaml_invalid",
                "a list or mapping where the name of a field belongs",
                "write `name: value`",
            )
        if len(self._open) >= safe_json.MAX_DEPTH:
            raise safe_json.too_deep("yaml_too_deep")
        self._open.append(_Open(self._put(container, line), container))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        value = _scalar(event)
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.container, dict) and top.key is None:
            self._take_key(top, top.container, event.value, value, line)
            return
        path = self._put(value, line)
        if isinstance(value, str) and not safe_json.is_encodable(value):
            self._add(line, safe_json.lone_surrogate(safe_json.field_path(*path)))
        elif isinstance(value, Unquoted) and value.out_of_range():
            self._add(line, safe_json.number_out_of_range(safe_json.field_path(*path)))

    def _take_key(
        self, top: _Open, container: dict[str, Any], name: str, value: Any, line: int
    ) -> None:
        path = (*top.path, name)
        if not safe_json.is_encodable(name):
            raise Rejected(safe_json.lone_surrogate(safe_json.field_path(*top.path)))
        if not isinstance(value, str):
            self._add(
                line,
                unquoted_problem(
                    safe_json.field_path(*path),
                    value if isinstance(value, Unquoted) else Unquoted(name, "nothing"),
                ),
            )
        if name in container:
            self._add(
                line,
                Problem(
                    code="yaml_duplicate_key",
                    detail=f"the key {shown(name)} stands there twice",
                    fix="keep one",
                    field=safe_json.field_path(*path),
                    status=400,
                ),
            )
        top.key = name

    def _put(self, value: Any, line: int) -> Path:
        if not self._open:
            self.root = value
            return ()
        top = self._open[-1]
        if isinstance(top.container, dict):
            assert top.key is not None
            path: Path = (*top.path, top.key)
            top.container[top.key] = value
            top.key = None
        else:
            path = (*top.path, len(top.container))
            top.container.append(value)
        if len(path) <= 3:  # deeper is geometry: its own errors name the point
            self.lines[path] = line
        return path

    def _no_tag(self, tag: str | None, line: int) -> None:
        if tag is not None and tag != "!":  # "!" is what the parser calls a quoted scalar
            raise self._refuse(
                line,
                "yaml_tag",
                f"the tag {shown(tag)} asks for more than text",
                "leave it out; quote what must be text",
            )

    def _add(self, line: int, problem: Problem) -> None:
        if len(self.problems) < safe_json.MAX_PROBLEMS:
            where = (
                ": ".join(p for p in (f"{self._file}:{line}", problem.field) if p)
                if self._file
                else ""
            )
            self.problems.append(
                Problem(
                    code=problem.code,
                    detail=f"{problem.detail} (line {line})",
                    fix=problem.fix,
                    field=problem.field,
                    where=where,
                    status=problem.status,
                )
            )

    def _refuse(self, line: int, code: str, detail: str, fix: str) -> Rejected:
        return Rejected(
            Problem(
                code=code,
                detail=f"{detail} in line {line}",
                fix=fix,
                where=_where(self._file, line),
                status=400,
            )
        )


def _scalar(event: yaml.ScalarEvent) -> str | Unquoted | None:
    text: str = event.value
    if not event.implicit[0]:  # in quotes, or a block: text
        return text
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    kind = str(tag).removeprefix(_TAG)
    if kind == "null":
        return None
    if kind in _KINDS:
        return Unquoted(text, _KINDS[kind])
    # YAML 1.1 and 1.2 disagree about 0900: text in one, nine hundred in the other. Quoted it is
    # text in both.
    return Unquoted(text, "a number") if _DIGITS.fullmatch(text) else text


def unquoted_problem(path: str, value: Unquoted) -> Problem:
    """Return the refusal of a scalar that needs quotes to be text."""
    return Problem(
        code="field_type",
        detail=f"YAML reads {shown(value.text)} as {value.looks_like}, not as text",
        fix=f"put it in quotes: '{shown(value.text)[1:-1]}'",
        field=path,
    )


def plain(value: Any) -> Any:
    """Return the value as JSON would have given it: numbers as numbers, everything else as it was
    written. For geometry.
    """
    if isinstance(value, Unquoted):
        return value.number()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every scalar with its path; the depth was bounded when it was read."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from walk(item, (*path, i))
    else:
        yield path, value
