"""Every refusal and warning says what is wrong, where, and how to mend it: read off the places of
the source that make one, and off what the readers of files really say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from broadcast.cap.validation.validate import judge
from broadcast.drafts import read_draft
from broadcast.groups.files import read_groups
from broadcast.levels.scales import read_levels_csv
from broadcast.places.files.reading import parse_area_file
from broadcast.problems import Problem, Rejected
from subscribers.people_file.reading import read_subscribers
from tests.clock import NOON
from tests.test_house import PACKAGES, ROOT

LONGEST = 160
"""Characters of a detail or a fix: one line of a terminal, or two."""
INPUT = (400, 415, 422)
"""Statuses of what was sent: the place in it is named. Others refuse an act, whose place is the
address that was called.
"""

NOTHING_TO_MEND = {
    "outside_uk": "a warning about a place that may be meant",
    "ring_closed": "a warning that tells what was mended",
    "group_new": "the last of many alike",
    "code": "the last of many alike, in subscribers/people_file/findings.py",
    "and_more": "the last of many alike",
}
PLACE_ADDED = {
    "broadcast/cap/validation/times.py": "the rule adds the element",
    "broadcast/places/files/": "the reader adds file and feature",
    "broadcast/places/postcodes/": "the reader adds file and line",
    "subscribers/people_file/": "the reader adds file, line and column",
    "subscribers/organisations/": "the reader adds file, line and column",
    "console/api/bodies.py": "the body itself",
    "console/server/problem_json.py": "what FastAPI names",
}
"""Files and folders whose problems get their place from whoever called."""
WHOLE = {
    "areas_missing": "the installation",
    "bad_encoding": "the body; the byte is in the text",
    "body_too_large": "the body",
    "cap_text": "the document",
    "channel_off": "the installation",
    "clock_off": "the machine",
    "dkim_key_open": "a file, in the text",
    "file_empty": "the body",
    "form_invalid": "the body",
    "group_new": "the group is in the text",
    "hash_missing": "the command, in the text",
    "json_invalid": "the body; line and column are in the text",
    "not_embedded": "the installation",
    "number_range": "the simulator's rates, in the text",
    "package_overwritten": "the installation",
    "package_shared": "the installation",
    "passkey_late": "the sign-in",
    "python_optimised": "the program",
    "schema_newer": "the database",
    "schema_old": "the database",
    "secret_key": "a file, in the text",
    "secret_key_open": "a file, in the text",
    "skeletons_many": "what one has",
    "too_costly": "the request",
    "yaml_invalid": "the body",
}
"""Codes that are about the whole of something."""
CODE_NAMES = re.compile(r"\b(fold(s|ed)?|sweeps?|swept|generations?|desk|outbox|worthless)\b")
"""Names of the code, and turns of phrase, that nobody who reads an error need know."""


@dataclass(frozen=True)
class Said:
    """One place of the source that makes a problem: its arguments as they stand there."""

    at: str
    said: dict[str, ast.expr]

    def text(self, name: str) -> str:
        """Return an argument's words; what is filled in when it is said is left out."""
        node = self.said.get(name)
        return "" if node is None else " ".join(_words(node))

    def plain(self, name: str) -> str | None:
        """Return an argument that is one literal text."""
        node = self.said.get(name)
        return (
            node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
        )

    @property
    def code(self) -> str:
        node = self.said["code"]
        return self.plain("code") or ast.unparse(node)

    @property
    def status(self) -> int:
        node = self.said.get("status")
        if node is None:
            return 422
        return node.value if isinstance(node, ast.Constant) and type(node.value) is int else 0


def _words(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def said_in(path: Path) -> Iterator[Said]:
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        if call.func.id not in ("refuse", "Problem"):
            continue
        given = {k.arg: k.value for k in call.keywords if k.arg is not None}
        if len(given) < len(call.keywords):
            continue  # made of another problem
        if ast.unparse(given.get("detail", ast.Constant(None))) == "''":
            continue  # only its code is used: the page says it in the reader's language
        if call.func.id == "refuse":
            given |= dict(zip(("code", "detail", "fix"), call.args, strict=False))
        yield Said(f"{path.relative_to(ROOT).as_posix()}:{call.lineno}", given)


SAID = [
    s for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py")) for s in said_in(p)
]


def test_there_is_something_to_read() -> None:
    assert len(SAID) > 400


def test_what_is_wrong_is_said_in_one_plain_clause() -> None:
    wrong = [
        f"{s.at}: {detail!r}"
        for s in SAID
        if (detail := s.plain("detail")) is not None
        and (len(detail) > LONGEST or not detail.strip() or detail.endswith((".", "!", "?")))
    ]
    assert wrong == []


def test_how_to_mend_it_is_said() -> None:
    missing = [
        f"{s.at}: {s.code}"
        for s in SAID
        if s.plain("fix") == "" or ("fix" not in s.said and s.code not in NOTHING_TO_MEND)
    ]
    assert missing == []


def test_where_it_is_wrong_is_said_of_all_that_was_sent() -> None:
    missing = [
        f"{s.at}: {s.code}"
        for s in SAID
        if s.status in INPUT
        and s.plain("code") is not None  # else it is made of another problem
        and not {"field", "where"} & s.said.keys()
        and not s.at.startswith(tuple(PLACE_ADDED))
        and s.code not in WHOLE
    ]
    assert missing == []


def test_a_code_is_a_word_for_programs() -> None:
    codes = {s.code for s in SAID if s.plain("code") is not None}
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", code)] == []


def test_no_error_speaks_in_names_of_the_code() -> None:
    found = [
        f"{s.at}: {words}"
        for s in SAID
        for words in (s.text("detail"), s.text("fix"))
        if CODE_NAMES.search(words)
    ]
    assert found == []


def test_every_exception_is_still_needed() -> None:
    codes, files = {s.code for s in SAID}, {s.at.partition(":")[0] for s in SAID}
    assert {*NOTHING_TO_MEND} <= codes
    assert {*WHOLE} <= codes
    assert [path for path in PLACE_ADDED if not any(f.startswith(path) for f in files)] == []


# What the readers say


HEAD = "external_id,name,kind,email,mobile,language,lat,lon,area,channels,quiet_hours"


def subscribers(row: str, head: str = HEAD) -> Callable[[], Any]:
    def read() -> Any:
        found = read_subscribers(
            f"{head}\n{row}\n".encode(),
            filename="people.csv",
            allow_trial_numbers=False,
            known_area=lambda _code: False,
        )
        raise Rejected(found.problems)

    return read


def cap(document: bytes) -> Callable[[], Any]:
    def read() -> Any:
        raise Rejected(judge(document)[0].problems())

    return read


def draft(body: bytes, form: Any = "json") -> Callable[[], Any]:
    return lambda: read_draft(body, form, now=NOON)


def areas(body: bytes, level: str = "borough") -> Callable[[], Any]:
    return lambda: parse_area_file(body, "places.geojson", level)


POLYGON = (
    b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":%s,"geometry":%s}]}'
)
NAMED = b'{"code":"E09000033","name":"Westminster"}'
READ: list[tuple[str, Callable[[], Any]]] = [
    ("no such kind of person", subscribers("r-1,Ada,robot,,07700 900001,en,51.5,-0.1,,sms,")),
    ("a number cut short", subscribers("r-1,Ada,resident,,0770,en,51.5,-0.1,,sms,")),
    ("an address that is none", subscribers("r-1,Ada,resident,ada@,,en,51.5,-0.1,,email,")),
    ("a language that is none", subscribers("r-1,Ada,resident,,07700 900001,e!,51.5,-0.1,,sms,")),
    ("north of the pole", subscribers("r-1,Ada,resident,,07700 900001,en,151.5,-0.1,,sms,")),
    ("no such channel", subscribers("r-1,Ada,resident,,07700 900001,en,51.5,-0.1,,fax,")),
    ("hours that are none", subscribers("r-1,Ada,resident,,07700 900001,en,51.5,-0.1,,sms,late")),
    ("a row too short", subscribers("r-1,Ada")),
    ("no such column", subscribers("1,Ada", "id,nam")),
    ("a place without a code", areas(POLYGON % (b"{}", b"null"))),
    ("a place without a shape", areas(POLYGON % (NAMED, b"null"))),
    ("a point for a place", areas(POLYGON % (NAMED, b'{"type":"Point","coordinates":[0,51]}'))),
    ("no GeoJSON", areas(b"{}")),
    ("no such level of places", areas(POLYGON % (NAMED, b"null"), "hamlet")),
    (
        "a level of the past that is none",
        lambda: read_levels_csv(b"date,scale,level\n2006-08-01,international,RED\n"),
    ),
    (
        "a day of the past that is none",
        lambda: read_levels_csv(b"date,scale,level\n2006-02-31,international,SEVERE\n"),
    ),
    ("a sort of group that is none", lambda: read_groups(b"kind,name\nclub,chess\n", "groups.csv")),
    ("no CAP", cap(b"<alert/>")),
    ("no XML", cap(b"alert")),
    ("no JSON", draft(b"{")),
    ("no YAML", draft(b"a: [", "yaml")),
    ("a draft without anything", draft(b"{}")),
    ("a draft of lists", draft(b'{"kind": [], "areas": {}, "languages": [], "expires": []}')),
]


def problems_of(read: Callable[[], Any]) -> tuple[Problem, ...]:
    with pytest.raises(Rejected) as caught:
        read()
    return caught.value.problems


@pytest.mark.parametrize("read", [r for _, r in READ], ids=[label for label, _ in READ])
def test_what_a_reader_refuses_names_place_and_remedy(read: Callable[[], Any]) -> None:
    found = problems_of(read)
    assert found
    for problem in found:
        assert problem.detail
        assert problem.fix, problem.line()
        in_the_text = re.search(r"\bline \d+|\bbyte \d+", problem.detail)
        assert problem.where or problem.field or in_the_text, problem.line()
        assert len(problem.line()) < 400
        assert "900001" not in problem.line()
        assert "Ada" not in problem.line()
