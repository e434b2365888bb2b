"""Times as a browser's field gives them: the clock on the wall, across both clock changes."""

from __future__ import annotations

import pytest

from broadcast.drafts.times import on_the_clock
from broadcast.problems import Rejected


@pytest.mark.parametrize(
    ("typed", "zone", "utc"),
    [
        ("2026-12-01T09:00", "Europe/London", "2026-12-01T09:00"),
        ("2026-06-25T09:00", "Europe/London", "2026-06-25T08:00"),
        ("2026-03-29T00:59", "Europe/London", "2026-03-29T00:59"),
        ("2026-03-29T02:00", "Europe/London", "2026-03-29T01:00"),
        ("2026-10-25T00:59", "Europe/London", "2026-10-24T23:59"),
        ("2026-10-25T02:00", "Europe/London", "2026-10-25T02:00"),
        ("2026-12-01T09:00", "Asia/Kathmandu", "2026-12-01T03:15"),
        (" 2026-10-25T01:30+01:00 ", "Europe/London", "2026-10-25T00:30"),
    ],
)
def test_a_time_of_the_clock_on_the_wall_is_that_moment(typed: str, zone: str, utc: str) -> None:
    assert on_the_clock(typed, zone=zone, field="from").isoformat() == f"{utc}:00+00:00"


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("", "time_missing", "missing"),
        ("tomorrow", "time_invalid", "no time"),
        ("0001-01-01T00:00", "time_invalid", "no time"),
        ("2026-03-29T01:30", "time_invalid", "there is no 01:30 that day"),
        ("2026-10-25T01:30", "time_ambiguous", "shown 01:30 twice"),
    ],
)
def test_what_is_no_single_moment_is_refused_and_never_guessed(
    typed: str, code: str, said: str
) -> None:
    zone = "Asia/Kathmandu" if typed.startswith("0001") else "Europe/London"
    with pytest.raises(Rejected) as refused:
        on_the_clock(typed, zone=zone, field="until")
    (problem,) = refused.value.problems
    assert (problem.code, problem.field) == (code, "until")
    assert said.replace("shown", "show") in problem.detail
