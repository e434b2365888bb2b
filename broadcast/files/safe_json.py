"""Strict JSON from strangers: what RFC 8259 leaves to the reader is refused here by name, never
guessed and never a traceback.
"""

from __future__ import annotations

import json
import re
from math import isfinite
from typing import Any, Final

from broadcast.files.nearest import shown
from broadcast.problems import Problem, Rejected, refuse

MAX_DEPTH: Final = 64  # nested arrays and objects
MAX_INTEGER: Final = 2**53  # RFC 8259 section 6: what every reader of JSON understands alike
MAX_PROBLEMS: Final = 50  # more would be a list nobody reads
# A string, closed or not: brackets inside it do not count. Possessive: linear on hostile input.
_STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS: Final = re.compile(r"[^\[\]{}]+")


class _OutOfRange:
    """Stands where a number was that cannot be kept exactly, until its path is known."""


class _Doubled(dict[str, Any]):
    """An object that named a field twice, until its path is known."""

    twice: tuple[str, ...] = ()


_OUT_OF_RANGE: Final = _OutOfRange()


def loads(data: bytes, *, limit: int) -> Any:
    """Return the plain Python value of one JSON document of at most `limit` bytes.

    A leading byte-order mark is tolerated. Raises Rejected, and nothing else: body_too_large (413),
    bad_encoding (400: not UTF-8, or a lone surrogate), json_too_deep (400, more than 64 levels),
    json_invalid (400, with line and column), json_duplicate_key (400), number_range (422: NaN,
    Infinity, a float beyond IEEE 754, an integer beyond 2**53). Every duplicate, surrogate and
    number is named in one pass.
    """
    text = decode(data, limit=limit)
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=lambda _: _OUT_OF_RANGE,
        )
    except json.JSONDecodeError as error:
        raise refuse(
            "json_invalid",
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            "send one JSON document",
            status=400,
        ) from None
    problems = _problems(value)
    if problems:
        # the unreadable before the unwanted: it decides the HTTP status
        raise Rejected(sorted(problems, key=lambda p: p.status))
    return value


def decode(data: bytes, *, limit: int) -> str:
    """Return the text of at most `limit` bytes of UTF-8, without a leading byte-order mark; raises
    Rejected (body_too_large, bad_encoding).
    """
    if len(data) > limit:
        raise refuse(
            "body_too_large",
            f"{len(data):,} bytes; at most {limit:,} are read",
            "send less",
            status=413,
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(
            "bad_encoding",
            f"byte {error.start} is not UTF-8",
            "save or send it as UTF-8",
            status=400,
        ) from None


def field_path(*parts: str | int) -> str:
    """Return a path as refusals print it: languages.en.headline, areas[2]."""
    out = ""
    for part in parts:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            name = shown(part)[1:-1]
            out += f".{name}" if out else name
    return out


def too_deep(code: str) -> Rejected:
    """Return (to be raised) the refusal of more than MAX_DEPTH levels."""
    return refuse(
        code,
        f"nested more than {MAX_DEPTH} levels deep",
        "a message needs no more than seven",
        status=400,
    )


def lone_surrogate(field: str) -> Problem:
    """Return the refusal of half a UTF-16 pair, which no UTF-8 can carry."""
    return Problem(
        code="bad_encoding",
        detail="half of a UTF-16 surrogate pair",
        fix="write the whole character",
        field=field,
        status=400,
    )


def is_encodable(text: str) -> bool:
    """Return whether it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def number_out_of_range(field: str) -> Problem:
    """Return the refusal of a number that cannot be kept exactly."""
    return Problem(
        code="number_range",
        detail="not a finite number, or an integer beyond 2^53",
        fix="send a finite number; write long digits such as telephone numbers in quotes",
        field=field,
    )


def _check_depth(text: str) -> None:
    """Refuse what is nested too deep, before the reader of JSON recurses into it.

    Each pass takes the innermost pairs away, so a document that is nested N deep is gone after N.
    What is left of a broken one is told by the reader of JSON.
    """
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    brackets = _NO_BRACKETS.sub("", _STRING.sub("", text)).replace("{", "[").replace("}", "]")
    for _ in range(MAX_DEPTH):
        if "[]" not in brackets:
            break
        brackets = brackets.replace("[]", "")
    if "[]" in brackets or brackets.count("[") > MAX_DEPTH:
        raise too_deep("json_too_deep")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    doubled = _Doubled(found)
    doubled.twice = tuple(dict.fromkeys(k for k, _ in pairs if k in seen or seen.add(k)))  # type: ignore[func-returns-value]
    return doubled


def _integer(digits: str) -> int | _OutOfRange:
    if len(digits) > 17:  # before int(), which refuses 4,300 digits with an exception of its own
        return _OUT_OF_RANGE
    number = int(digits)
    return number if abs(number) <= MAX_INTEGER else _OUT_OF_RANGE


def _float(digits: str) -> float | _OutOfRange:
    number = float(digits)
    return number if isfinite(number) else _OUT_OF_RANGE


def _problems(value: Any) -> list[Problem]:
    found: list[Problem] = []
    todo: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while todo and len(found) < MAX_PROBLEMS:
        path, item = todo.pop()
        if isinstance(item, dict):
            if isinstance(item, _Doubled):
                found += [
                    Problem(
                        code="json_duplicate_key",
                        detail=f"the key {shown(key)} stands there twice",
                        fix="keep one",
                        field=field_path(*path, key),
                        status=400,
                    )
                    for key in item.twice
                ]
            found += [
                lone_surrogate(field_path(*path, key)) for key in item if not is_encodable(key)
            ]
            todo += [((*path, key), inner) for key, inner in reversed(item.items())]
        elif isinstance(item, list):
            todo += [
                ((*path, i), inner)
                for i, inner in zip(range(len(item) - 1, -1, -1), reversed(item), strict=True)
            ]
        elif isinstance(item, str):
            if not is_encodable(item):
                found.append(lone_surrogate(field_path(*path)))
        elif item is _OUT_OF_RANGE:
            found.append(number_out_of_range(field_path(*path)))
    return found[:MAX_PROBLEMS]
