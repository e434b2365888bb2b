"""The small readers: times, lists, shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.cap.shape_text import (
    circle_text,
    decimal_text,
    polygon_text,
    read_circle,
    read_polygon,
)
from broadcast.cap.validation.lists import (
    Reference,
    join_quoted,
    join_references,
    split_quoted,
    split_references,
)
from broadcast.cap.validation.times import cap_time, parse_cap_time
from broadcast.content.model import Circle
from broadcast.problems import Rejected


def test_a_time_is_written_in_utc_with_minus_zero_and_whole_seconds():
    assert (
        cap_time(datetime(2026, 5, 1, 13, 0, 5, 999999, tzinfo=timezone(timedelta(hours=1))))
        == "2026-05-01T12:00:05-00:00"
    )
    assert cap_time(datetime(33, 5, 1, tzinfo=UTC)) == "0033-05-01T00:00:00-00:00"
    with pytest.raises(ValueError, match="aware"):
        cap_time(datetime(2026, 5, 1))


@pytest.mark.parametrize(
    "text,expected",
    [
        ("2026-05-01T12:00:00-00:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01T12:00:00+01:30", datetime(2026, 5, 1, 10, 30, tzinfo=UTC)),
        ("2026-12-31T24:00:00-00:00", datetime(2027, 1, 1, tzinfo=UTC)),
        (" 2028-02-29T00:00:00-05:00\n", datetime(2028, 2, 29, 5, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text, expected):
    at = parse_cap_time(text)
    assert (at, at.tzinfo) == (expected, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-05-01",
        "2026-05-01T12:00:00Z",
        "2026-02-31T12:00:00-00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T24:00:00-00:00",
    ],
)
def test_what_is_no_time_is_refused_by_name(text):
    with pytest.raises(Rejected) as refused:
        parse_cap_time(text)
    assert refused.value.problems[0].code == "cap_time"


@given(st.lists(st.text(alphabet="ab é\t-", max_size=5), max_size=4).map(tuple))
def test_incidents_are_joined_and_split_again(items):
    assert split_quoted(join_quoted(items)) == items


def test_lists_are_split_as_caps_text_says():
    assert split_quoted(None) == ()
    assert split_quoted(' one "two three"\nfour ""') == ("one", "two three", "four", "")
    assert split_quoted('one "two') == ("one", "two")
    assert split_references("a,b,c  d,e d,e,f\n") == (
        Reference("a", "b", "c"),
        Reference("d", "e", "f"),
    )
    assert join_references(split_references("a,b,c d,e,f")) == "a,b,c d,e,f"


@given(st.floats(-180, 180))
def test_a_number_is_written_without_exponent_and_reads_back_the_same(value):
    assert "e" not in decimal_text(value).lower()
    assert float(decimal_text(value)) == value


def test_latitude_comes_first_in_cap_and_second_in_ours():
    ring, hits = read_polygon("51,0 52,0 52,1 51,0")
    assert (ring, hits) == (((0.0, 51.0), (0.0, 52.0), (1.0, 52.0), (0.0, 51.0)), ())
    assert polygon_text(ring) == "51.0,0.0 52.0,0.0 52.0,1.0 51.0,0.0"
    circle = Circle(latitude=51.0, longitude=-1.0, radius_km=2.5)
    assert read_circle(circle_text(circle)) == (circle, ())
