"""Every regular expression of the shipped code is linear: on 100 kB of hostile input it needs some
milliseconds.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("broadcast", "channels", "subscribers", "config", "service", "console", "migrations")
LENGTH = 100_000
SLACK = 2  # for a machine that others use too
BAR = 0.010  # seconds of processor time, the best of several runs
CALLS = ("sub", "match", "search", "findall", "split", "fullmatch", "finditer", "subn")

REPEATED = [
    *"a1xX -_.,:;/@<>[]{}()%$&#?!+*=~^|\\'\"\n\r\t\0é٣字\u3000«»é",
    *(
        "1.",
        ".1",
        "1e",
        "a.",
        "a-",
        "-a",
        "a@",
        "@a",
        "a:",
        "://",
        "a:/",
        "%41",
        "%4",
        "//",
        "/a",
        "{a",
        "{{",
        "<%",
        "{%",
        "%(",
        "${",
        "[ ",
        "< ",
        "[x",
        "XX ",
        "XX:",
        "1X",
        "1 ",
        "1-",
    ),
    *(
        "{}",
        "<a",
        "</a",
        "&a",
        "&#",
        "[add ",
        "[name of ",
        "name/of ",
        "<insert ",
        "\r\n",
        "\r\n ",
        "to:<",
        "from: ",
        "message-id: ",
        "bounce+a",
        "+1",
        "a,b",
        "é́",
        "1h",
        "1_",
        "rc=",
        "&rp=",
        "a~1",
        "en-",
        "-x-",
        "xn--.",
        '\\"',
        '"\\',
    ),
]
STARTS = (
    "",
    "http://",
    "http:",
    "a",
    "1",
    '"',
    "[",
    "<",
    "{",
    "[insert ",
    "[name ",
    "to:<",
    "message-id:",
    "/hooks/twilio/status/",
    "+999",
    "en-x-",
    "a@",
)
ENDS = ("", "x", "!", "\n", "\0", ">", "@", "\u20ac")

APPLIED: dict[tuple[str, str], int] = {
    ("broadcast.cap.validation.lexical", "_URI"): 10_000,
    ("broadcast.cap.validation.lexical", "_NEEDS_ESCAPE"): 10_000,
    ("broadcast.content.text_rules", "_HOST"): 20_000,  # a description
    ("broadcast.content.text_rules", "_PLACEHOLDERS"): 20_000,
    ("broadcast.messages.advice", "_KNOWN_ALWAYS"): 200,  # a hotline
    ("broadcast.wording.render.text_message", "_PIECE"): 20_000,
    # a hundred characters, of which NFKC makes up to eighteen each
    ("subscribers.people_file.texts", "SPACES"): 1_800,
}
"""Where the code asks the length first: no more characters than these ever reach the pattern."""


def inputs(length: int) -> Iterator[str]:
    for unit in REPEATED:
        body = (unit * (length // len(unit) + 1))[:length]
        yield body
        for n in range(3):
            start = STARTS[(ord(unit[0]) + n * 6) % len(STARTS)]
            yield (start + body)[: length - 1] + ENDS[(ord(unit[-1]) + n) % len(ENDS)]


def modules() -> list[Path]:
    return [
        file
        for package in PACKAGES
        for file in sorted((ROOT / package).rglob("*.py"))
        if "bench" not in file.parts
    ]


def _is_re(node: ast.Call, names: tuple[str, ...]) -> bool:
    f = node.func
    return (
        isinstance(f, ast.Attribute)
        and f.attr in names
        and isinstance(f.value, ast.Name)
        and f.value.id == "re"
    )


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def patterns() -> dict[tuple[str, str], re.Pattern[Any]]:
    """Return every pattern by (module, name): compiled ones by their variable, written ones by
    their text.
    """
    found: dict[tuple[str, str], re.Pattern[Any]] = {}
    for file in modules():
        calls = [
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)
        ]
        compiled = [node for node in calls if _is_re(node, ("compile",))]
        written = [node for node in calls if _is_re(node, CALLS)]
        if not compiled and not written:
            continue
        module = importlib.import_module(_name(file))
        named = {
            name: value for name, value in vars(module).items() if isinstance(value, re.Pattern)
        }
        assert len(named) >= len(compiled), (
            f"{file}: a pattern that is no variable of its module is covered by no test"
        )
        found |= {(_name(file), name): value for name, value in named.items()}
        for node in written:
            text = eval(
                compile(ast.Expression(node.args[0]), str(file), "eval"), vars(module) | LOCALS
            )
            before = 3 if getattr(node.func, "attr", "") in ("sub", "subn") else 2
            flags = next((k.value for k in node.keywords if k.arg == "flags"), None) or next(
                iter(node.args[before:]), None
            )
            value = (
                eval(compile(ast.Expression(flags), str(file), "eval"), vars(module))
                if flags is not None
                else 0
            )
            found[(_name(file), repr(text))] = re.compile(text, value)
    return found


LOCALS: dict[str, Any] = {
    "mark": re.escape("part-of-a-mail"),
    "known": [re.escape(word) for word in ("999", "0800 789 321")],
}
"""What a pattern that is put together in a function takes from there."""


def used(module: str, name: str) -> tuple[str, ...]:
    """Return by which methods the module asks a pattern."""
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    found = sorted(set(re.findall(rf"\b{re.escape(name)}\.([a-z]+)\(", source)) & set(CALLS))
    return tuple(found) or ("search", "fullmatch")


def seconds(pattern: re.Pattern[Any], methods: tuple[str, ...], text: str, length: int) -> float:
    given: Any = text.encode()[:length] if isinstance(pattern.pattern, bytes) else text
    started = time.process_time()
    for method in methods:
        if method in ("search", "match", "fullmatch"):
            getattr(pattern, method)(given)
        else:
            for _ in pattern.finditer(given):
                pass
    return time.process_time() - started


ALL = patterns()


def test_every_pattern_is_found() -> None:
    assert ("broadcast.places.drawn_shapes", "_NUMBER") in ALL
    assert len(ALL) > 60


def worst_inputs(key: tuple[str, str]) -> tuple[tuple[str, ...], int, list[int]]:
    """Return by which methods the pattern is asked, at which length, and its three slowest inputs
    by their number.
    """
    pattern, length = ALL[key], APPLIED.get(key, LENGTH)
    methods = used(*key) if not key[1].startswith(("'", '"', "b'")) else ("search", "fullmatch")
    short = length // 20
    slowest = sorted(
        ((seconds(pattern, methods, text, short), n) for n, text in enumerate(inputs(short))),
        reverse=True,
    )
    return methods, length, [n for _, n in slowest[:3]]


def best(pattern: re.Pattern[Any], methods: tuple[str, ...], number: int, length: int) -> float:
    text = next(text for n, text in enumerate(inputs(length)) if n == number)
    return min(seconds(pattern, methods, text, length) for _ in range(3))


@pytest.mark.parametrize("key", ALL, ids=lambda key: f"{key[0]}:{key[1][:30]}")
def test_a_pattern_is_linear_on_its_worst_input(key: tuple[str, str]) -> None:
    """A busy machine takes longer than the bar: there eight times the length must not take more
    than 24 times as long. A quadratic pattern takes 64 times.
    """
    methods, length, slowest = worst_inputs(key)
    for number in slowest:
        took = best(ALL[key], methods, number, length)
        if took > BAR * SLACK:
            eighth = best(ALL[key], methods, number, length // 8)
            assert took <= 24 * eighth, f"{took * 1000:.0f} ms, an eighth {eighth * 1000:.0f} ms"


@pytest.mark.security
@pytest.mark.parametrize("key", ALL, ids=lambda key: f"{key[0]}:{key[1][:30]}")
def test_a_pattern_keeps_the_bar_on_an_idle_machine(key: tuple[str, str]) -> None:
    methods, length, slowest = worst_inputs(key)
    took = max(best(ALL[key], methods, number, length) for number in slowest)
    assert took <= BAR, f"{took * 1000:.0f} ms"


def test_a_quadratic_pattern_would_be_noticed() -> None:
    bad = re.compile(r"[0-9]*[0-9]*x")
    quarter, whole = (
        max(seconds(bad, ("fullmatch",), text, length) for text in inputs(length))
        for length in (1250, 5000)
    )
    assert whole > BAR
    assert whole > 8 * quarter
