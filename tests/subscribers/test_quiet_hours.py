from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.quiet_hours import known, once_a_day, parse

NIGHT = "22:00-07:00 Europe/London"

MOMENTS = [
    # winter: the clock in London is UTC
    (NIGHT, "2026-01-10T21:59:59", False),
    (NIGHT, "2026-01-10T22:00:00", True),
    (NIGHT, "2026-01-11T00:00:00", True),
    (NIGHT, "2026-01-11T06:59:59", True),
    (NIGHT, "2026-01-11T07:00:00", False),
    # summer: an hour ahead
    (NIGHT, "2026-07-10T20:59:59", False),
    (NIGHT, "2026-07-10T21:00:00", True),
    (NIGHT, "2026-07-11T05:59:59", True),
    (NIGHT, "2026-07-11T06:00:00", False),
    # the night of 29 March 2026, when 01:00 becomes 02:00
    (NIGHT, "2026-03-28T22:00:00", True),
    (NIGHT, "2026-03-29T00:59:59", True),
    (NIGHT, "2026-03-29T01:00:00", True),
    (NIGHT, "2026-03-29T05:59:59", True),
    (NIGHT, "2026-03-29T06:00:00", False),
    ("01:00-02:00 Europe/London", "2026-03-29T00:59:59", False),
    ("01:00-02:00 Europe/London", "2026-03-29T01:00:00", False),
    ("01:30-03:00 Europe/London", "2026-03-29T00:59:59", False),
    ("01:30-03:00 Europe/London", "2026-03-29T01:00:00", True),
    ("01:30-03:00 Europe/London", "2026-03-29T01:59:59", True),
    ("01:30-03:00 Europe/London", "2026-03-29T02:00:00", False),
    # the night of 25 October 2026, when 02:00 becomes 01:00: that hour comes twice
    (NIGHT, "2026-10-24T20:59:59", False),
    (NIGHT, "2026-10-24T21:00:00", True),
    (NIGHT, "2026-10-25T06:59:59", True),
    (NIGHT, "2026-10-25T07:00:00", False),
    ("01:30-01:45 Europe/London", "2026-10-25T00:29:59", False),
    ("01:30-01:45 Europe/London", "2026-10-25T00:30:00", True),
    ("01:30-01:45 Europe/London", "2026-10-25T00:45:00", False),
    ("01:30-01:45 Europe/London", "2026-10-25T01:30:00", True),
    ("01:30-01:45 Europe/London", "2026-10-25T01:45:00", False),
    # other walls, at the same moment
    ("22:00-07:00 America/New_York", "2026-07-11T01:59:59", False),
    ("22:00-07:00 America/New_York", "2026-07-11T02:00:00", True),
    ("22:00-07:00 Asia/Kolkata", "2026-07-10T16:30:00", True),
    ("22:00-07:00 Asia/Kolkata", "2026-07-11T01:30:00", False),
    # the edges of a day
    ("09:00-17:00 UTC", "2026-07-10T08:59:59", False),
    ("09:00-17:00 UTC", "2026-07-10T09:00:00", True),
    ("09:00-17:00 UTC", "2026-07-10T17:00:00", False),
    ("23:59-00:00 UTC", "2026-07-10T23:59:59", True),
    ("23:59-00:00 UTC", "2026-07-11T00:00:00", False),
    ("00:00-23:59 UTC", "2026-07-11T00:00:00", True),
    ("00:00-23:59 UTC", "2026-07-10T23:59:00", False),
]


@pytest.mark.parametrize("hours,moment,quiet", MOMENTS)
def test_the_wall_clock_of_the_persons_zone_decides_and_the_end_is_outside(
    hours: str, moment: str, quiet: bool
) -> None:
    assert parse(hours).hold(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is quiet


WRONG = [
    "",
    "22:00-07:00",
    "22:00-22:00 Europe/London",
    "24:00-07:00 Europe/London",
    "22:60-07:00 UTC",
    "22:00-07:00 Europe/Londinium",
    "22:00-07:00 Europe",
    "22:00-07:00 ../../etc",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_read_is_refused_without_repeating_it_and_counts_as_none_in_the_registry(
    text: str,
) -> None:
    with pytest.raises(
        ValueError, match=r"^(these are no hours|they begin and end|there is no such time zone)"
    ) as refused:
        parse(text)
    assert not text or text not in str(refused.value)
    assert known(text) is None


minutes = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02d}:{m % 60:02d}")
zones = st.sampled_from(
    [
        "Europe/London",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "UTC",
    ]
)
moments = st.integers(0, 365 * 24 * 60 * 4).map(
    lambda n: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
)


@given(minutes, minutes, zones, moments)
def test_hours_and_the_rest_of_the_day_are_never_both_or_neither(
    begin: str, end: str, zone: str, at: datetime
) -> None:
    if begin == end:
        return
    hours = parse(f"{begin}-{end} {zone}")
    assert str(hours) == f"{begin}-{end} {zone}"
    assert hours.hold(at) is not parse(f"{end}-{begin} {zone}").hold(at)
    wall = f"{at.astimezone(hours.zone):%H:%M}"
    assert hours.hold(at) is (begin <= wall < end if begin < end else not end <= wall < begin)


@given(minutes, minutes, zones, moments, st.integers(0, 59))
def test_they_end_at_the_first_minute_outside_on_every_night(
    begin: str, end: str, zone: str, at: datetime, seconds: int
) -> None:
    if begin == end:
        return
    hours, at = parse(f"{begin}-{end} {zone}"), at.replace(second=seconds)
    moment = at.replace(second=0)
    while hours.hold(moment):
        moment += timedelta(minutes=1)
    assert hours.until(at) == (moment if hours.hold(at) else None)


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        (NIGHT, "2026-03-28T23:00", "2026-03-29T06:00"),  # the clock goes forward
        (NIGHT, "2026-10-24T23:00", "2026-10-25T07:00"),  # and back
        ("00:30-01:30 Europe/London", "2026-03-29T00:45", "2026-03-29T01:00"),  # no such end
        ("00:30-01:30 Europe/London", "2026-10-25T00:10", "2026-10-25T00:30"),  # the first 01:30
        ("00:30-01:30 Europe/London", "2026-10-25T01:10", "2026-10-25T01:30"),  # the second
    ],
)
def test_they_end_by_the_wall_when_the_clock_is_changed(hours: str, at: str, until: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert parse(hours).until(moment) == datetime.fromisoformat(until).replace(tzinfo=UTC)


@pytest.mark.parametrize("hour", [0, 18, 23])
def test_once_a_day_leaves_one_hour(hour: int) -> None:
    hours = parse(once_a_day(hour, "Europe/London"))
    assert hours.daily == hour
    day = datetime(2026, 1, 5, tzinfo=UTC)
    free = [m for m in range(24 * 60) if not hours.hold(day + timedelta(minutes=m))]
    assert free == list(range(hour * 60, hour * 60 + 60))


@pytest.mark.parametrize("text", ["22:00-07:00", "19:30-18:30", "18:00-19:00", "20:00-18:00"])
def test_other_hours_are_not_once_a_day(text: str) -> None:
    assert parse(f"{text} Europe/London").daily is None
