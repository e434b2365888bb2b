"""Tests of the SMS segment counter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.content.segments import GSM_BASIC, GSM_EXTENSION, count
from tests.sms_vectors import sms_vectors
from tests.sources import EITHER

ANY_TEXT = st.text(st.characters(), max_size=400)  # lone surrogates too


@pytest.mark.parametrize("source", EITHER)
def test_every_vector_is_counted_as_the_standard_and_twilios_calculator_count_it(source):
    vectors = sms_vectors(source)
    assert len(vectors) > 12
    for vector in vectors:
        size = count(vector["body"])
        bits = size.units * (7 if size.encoding == "GSM-7" else 16)
        assert (vector["name"], size.encoding, size.segments, bits) == (
            vector["name"],
            vector["encoding"],
            vector["segments"],
            vector["messageSizeBits"],
        )


def test_the_gsm_alphabet_is_complete():
    assert (len(GSM_BASIC), len(GSM_EXTENSION)) == (127, 10)  # 128 less the escape itself


@pytest.mark.parametrize(
    ("text", "encoding", "segments", "units", "costly"),
    [
        ("", "GSM-7", 1, 0, []),
        ("£é", "GSM-7", 1, 2, []),
        ("a€b", "GSM-7", 1, 4, [("€", 1)]),
        ("\f", "GSM-7", 1, 2, [("\f", 0)]),
        ("ç", "UCS-2", 1, 1, [("ç", 0)]),
        ("a`b", "UCS-2", 1, 3, [("`", 1)]),
        ("€ŵ", "UCS-2", 1, 2, [("ŵ", 1)]),  # the euro costs one unit like everything else
        ("ŵ" + "a" * 159, "UCS-2", 3, 160, [("ŵ", 0)]),
        ("x😜", "UCS-2", 1, 3, [("😜", 1)]),
        ("\ud83d", "UCS-2", 1, 1, [("\ud83d", 0)]),
        ("\udc00\ud800", "UCS-2", 1, 2, [("\udc00", 0), ("\ud800", 1)]),
        ("a" * 153 + "€" * 4, "GSM-7", 2, 161, [("€", i) for i in range(153, 157)]),
        # the escape may not stand last: a septet is lost, 306 do not fit two
        (
            "a" * 152 + "€" + "a" * 152,
            "GSM-7",
            3,
            306,
            [("€", 152)],
        ),
        # the pair moves on whole
        (
            "é" * 66 + "ŵ" * 0 + "€" * 0 + "😜" + "ж" * 66,
            "UCS-2",
            3,
            134,
            None,
        ),
        # a pair held as two halves is one, too
        (
            "ж" * 66 + "\ud83d\ude1c" + "ж" * 66,
            "UCS-2",
            3,
            134,
            None,
        ),
        ("ж" * 134, "UCS-2", 2, 134, None),
    ],
)
def test_sizes_and_costs(text, encoding, segments, units, costly):
    size = count(text)
    assert (size.encoding, size.segments, size.units) == (encoding, segments, units)
    if costly is not None:
        assert list(size.costly) == costly


@given(ANY_TEXT)
def test_any_text_is_counted_and_the_figures_agree_with_each_other(text):
    size = count(text)
    alone, each = (160, 153) if size.encoding == "GSM-7" else (70, 67)
    assert size.segments >= 1
    assert (size.segments == 1) == (size.units <= alone)
    assert (
        size.units <= alone or (size.segments - 1) * (each - 1) < size.units <= size.segments * each
    )
    if size.encoding == "UCS-2":
        assert size.units == len(text.encode("utf-16-le", "surrogatepass")) // 2
        assert all(char not in GSM_BASIC | GSM_EXTENSION for char, _ in size.costly)
    else:
        assert size.units == len(text) + len(size.costly)
    assert all(text[position] == char for char, position in size.costly)


@given(ANY_TEXT, ANY_TEXT)
def test_a_longer_text_never_takes_fewer_segments(text, more):
    assert count(text + more).segments >= count(text).segments


@given(ANY_TEXT)
def test_the_json_can_be_written_as_utf_8(text):
    found = count(text).to_json()
    assert set(found) == {"encoding", "segments", "units", "costly"}
    json.dumps(found, ensure_ascii=False).encode("utf-8")


def test_the_json_is_that_of_the_interfaces():
    assert count("5€").to_json() == {
        "encoding": "GSM-7",
        "segments": 1,
        "units": 3,
        "costly": [{"char": "€", "position": 1}],
    }
