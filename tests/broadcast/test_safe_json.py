"""Strict JSON: every way to deceive a reader has its name, and nothing else comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broadcast.files.safe_json import MAX_DEPTH, MAX_PROBLEMS, loads
from broadcast.problems import Problem, Rejected

LIMIT = 1024 * 1024

REFUSED = [
    ("bad UTF-8", b'{"a": "\xff"}', "bad_encoding", 400, ""),
    ("UTF-16", '{"a": 1}'.encode("utf-16"), "bad_encoding", 400, ""),
    ("a surrogate as raw bytes", b'"\xed\xa0\x80"', "bad_encoding", 400, ""),
    ("an escaped lone surrogate", b'{"a": {"b": "x\\ud800"}}', "bad_encoding", 400, "a.b"),
    ("surrogates the wrong way round", b'["\\udc00\\ud800"]', "bad_encoding", 400, "[0]"),
    ("a lone surrogate in a key", b'{"\\ud800": 1}', "bad_encoding", 400, "?"),
    ("a duplicate key", b'{"a": [{"b": 1, "b": 1}]}', "json_duplicate_key", 400, "a[0].b"),
    ("a duplicate key in two spellings", b'{"a": 1, "\\u0061": 2}', "json_duplicate_key", 400, "a"),
    ("depth 10,000 of arrays", b"[" * 10_000 + b"]" * 10_000, "json_too_deep", 400, ""),
    ("depth 10,000 of objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "json_too_deep", 400, ""),
    ("depth never closed", b"[" * 500_000, "json_too_deep", 400, ""),
    (
        "depth 65, one deep among many flat",
        b"[" + b"[]," * 99 + b"[" * 64 + b"]" * 65,
        "json_too_deep",
        400,
        "",
    ),
    ("closed more often than opened", b"[]" * 99 + b"]" * 99, "json_invalid", 400, ""),
    ("NaN", b'{"a": NaN}', "number_range", 422, "a"),
    ("Infinity", b"[1, -Infinity]", "number_range", 422, "[1]"),
    ("1e999", b'{"a": 1e999}', "number_range", 422, "a"),
    ("2^63", b'{"a": 9223372036854775808}', "number_range", 422, "a"),
    ("one more than 2^53", b"9007199254740993", "number_range", 422, ""),
    ("more digits than int() takes", b"1" * 5_000, "number_range", 422, ""),
    ("too large", b'"' + b"a" * LIMIT + b'"', "body_too_large", 413, ""),
    ("nothing", b"", "json_invalid", 400, ""),
    ("two documents", b"{} {}", "json_invalid", 400, ""),
    ("a comma too many", b"[1,]", "json_invalid", 400, ""),
    ("a NUL inside a string", b'"a\x00b"', "json_invalid", 400, ""),
    ("an unclosed string", b'"' + b"\\" * 100_001, "json_invalid", 400, ""),
]


@pytest.mark.parametrize(
    ("data", "code", "status", "field"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_what_readers_understand_differently_is_refused_by_name(data, code, status, field):
    with pytest.raises(Rejected) as caught:
        loads(data, limit=LIMIT)
    first = caught.value.problems[0]
    assert (first.code, first.status, first.field) == (code, status, field)


def test_64_levels_are_read_with_any_number_of_brackets_beside_them_and_in_strings():
    assert loads(b'{"a":[' * 32 + b"]}" * 32, limit=LIMIT)
    flat = b"[" + b'["[[[[",{}],' * 9_000 + b"1]"
    assert len(loads(flat, limit=LIMIT)) == 9_001


def test_the_place_of_a_syntax_error_is_told():
    with pytest.raises(Rejected) as caught:
        loads(b'{"a": 1,\n "b" 2}', limit=LIMIT)
    assert "line 2, column 6" in caught.value.problems[0].detail


def test_all_faults_are_named_in_one_pass_and_the_unreadable_decides_the_status():
    with pytest.raises(Rejected) as caught:
        loads(b'{"n": [NaN, 1e999], "d": 1, "d": 2, "s": "\\ud800"}', limit=LIMIT)
    assert {(p.code, p.field) for p in caught.value.problems} == {
        ("number_range", "n[0]"),
        ("number_range", "n[1]"),
        ("json_duplicate_key", "d"),
        ("bad_encoding", "s"),
    }
    assert caught.value.status == 400


def test_a_hundred_thousand_faults_are_not_a_hundred_thousand_lines():
    with pytest.raises(Rejected) as caught:
        loads(b"[" + b"NaN," * 100_000 + b"1]", limit=LIMIT)
    assert len(caught.value.problems) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xef\xbb\xbf{}", {}),
        (b"9007199254740992", 2**53),
        (b"-0", 0),
        (b"1e-999", 0.0),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'{"a": "[[[[{{{{\\""}', {"a": '[[[[{{{{"'}),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
        (b'"' + b"[" * 1000 + b'"', "[" * 1000),
    ],
)
def test_what_is_only_unusual_is_read(data, value):
    found = loads(data, limit=LIMIT)
    assert value is None or found == value


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.text(alphabet='{}[]":,\\ud8c019eENaInfity-+. ', max_size=120).map(str.encode)
)
@example(b"[" * 100_000)
def test_any_bytes_give_a_value_or_a_refusal(data):
    problems: tuple[Problem, ...] = ()
    try:
        json.dumps(loads(data, limit=LIMIT), allow_nan=False).encode()
    except Rejected as refused:
        problems = refused.problems
    assert all(p.code and p.status in (400, 413, 422) for p in problems)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_what_json_can_carry_comes_back_unchanged(value):
    assert loads(json.dumps(value).encode(), limit=LIMIT) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode(), limit=LIMIT) == value
