"""Times as people read them: local, with the zone's name, in every language of the packs."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broadcast.wording.languages import all_packs
from broadcast.wording.revision import wording_revision
from broadcast.wording.times import local_time, table_time, until

THURSDAY = datetime(2026, 11, 26, 14, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-26T14:07", "14:07 GMT, Thursday 26 November 2026"),
        ("2026-06-25T13:07", "14:07 BST, Thursday 25 June 2026"),
        ("2026-06-25T23:30", "00:30 BST, Friday 26 June 2026"),
        # Clocks go forward on 29 March 2026, and back on 25 October.
        ("2026-03-29T00:59", "00:59 GMT, Sunday 29 March 2026"),
        ("2026-03-29T01:00", "02:00 BST, Sunday 29 March 2026"),
        ("2026-10-25T00:30", "01:30 BST, Sunday 25 October 2026"),
        ("2026-10-25T01:30", "01:30 GMT, Sunday 25 October 2026"),
    ],
)
def test_a_time_is_local_with_its_name_across_both_clock_changes(at: str, said: str) -> None:
    assert local_time(datetime.fromisoformat(f"{at}+00:00"), "en") == said


def test_until_is_short_and_the_zone_is_that_of_the_installation() -> None:
    assert until(THURSDAY, "en-GB") == "Until 14:07 GMT, Thursday 26 November"
    assert until(THURSDAY, "en", "Europe/Paris") == "Until 15:07 CET, Thursday 26 November"
    assert local_time(THURSDAY, "en", "Asia/Dubai").startswith("18:07 UTC+04, ")
    assert until(THURSDAY, "zh") == "有效期至：11月26日星期四 14:07 GMT"
    assert until(THURSDAY, "lt") == "Galioja iki: 14:07 GMT, lapkričio 26 d., ketvirtadienis"


def test_a_column_of_a_table_is_local_too() -> None:
    assert table_time(datetime(2026, 6, 25, 23, 30, tzinfo=UTC)) == "2026-06-26 00:30 BST"


def test_every_language_has_its_own_words_for_every_day_and_month() -> None:
    days = [THURSDAY + timedelta(days=n) for n in range(7)]
    months = [datetime(2026, month, 26, 14, 7, tzinfo=UTC) for month in range(1, 13)]
    english = {local_time(at, "en") for at in (*days, *months)}
    for tag in all_packs():
        assert len({local_time(at, tag) for at in days}) == 7
        assert len({local_time(at, tag) for at in months}) == 12
        assert "14:07 GMT" in until(THURSDAY, tag)
        assert "2026" in local_time(THURSDAY, tag)
        assert "2026" not in until(THURSDAY, tag)
        if tag != "en":
            assert not {local_time(at, tag) for at in (*days, *months)} & english, tag


def test_whoever_approved_has_approved_the_time_zone_too() -> None:
    assert wording_revision("Police", "Europe/London") == wording_revision("Police")
    assert wording_revision("Police", "Europe/Paris") != wording_revision("Police")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("sent", "expires", "said"),
    [
        ("2026-11-26T14:07", "2026-11-26T18:00", "Until 18:00 GMT today"),
        ("2026-06-25T22:59", "2026-06-25T22:59:30", "Until 23:59 BST today"),
        # the day is that of the clock on the wall, not of UTC
        ("2026-06-25T23:30", "2026-06-26T05:00", "Until 06:00 BST today"),
        ("2026-06-25T22:30", "2026-06-26T05:00", "Until 06:00 BST, Friday"),
        # both clock changes, and the hour that comes twice
        ("2026-03-29T00:30", "2026-03-29T01:00", "Until 02:00 BST today"),
        ("2026-03-28T23:30", "2026-03-29T23:30", "Until 00:30 BST, Monday"),
        ("2026-10-24T23:30", "2026-10-25T00:30", "Until 01:30 BST today"),
        ("2026-10-25T00:30", "2026-10-25T01:30", "Until 01:30 GMT today"),
        ("2026-10-24T22:30", "2026-10-25T23:59", "Until 23:59 GMT, Sunday"),
        # six days on the weekday is the only one of its name, a week on it is not
        ("2026-11-26T14:07", "2026-12-02T08:00", "Until 08:00 GMT, Wednesday"),
        ("2026-11-26T14:07", "2026-12-03T08:00", "Until 08:00 GMT, Thursday 3 December"),
        # approved too late: nobody is sent to any more, and nothing is made up
        ("2026-11-26T14:07", "2026-11-25T08:00", "Until 08:00 GMT, Wednesday 25 November"),
    ],
)
def test_until_is_said_as_shortly_as_is_right_when_it_is_heard(
    sent: str, expires: str, said: str
) -> None:
    assert until(at(expires), "en", sent=at(sent)) == said
    bare = said.removesuffix(" today")
    assert until(at(expires), "en", sent=at(sent), shows_day=True) == bare


@pytest.mark.parametrize("tag", sorted(all_packs()))
def test_every_language_says_today_in_its_own_word_and_shorter(tag: str) -> None:
    evening = THURSDAY + timedelta(hours=4)
    today, whole = until(evening, tag, sent=THURSDAY), until(evening, tag)
    bare = until(evening, tag, sent=THURSDAY, shows_day=True)
    assert "18:07 GMT" in bare
    assert len(bare) < len(today) < len(whole)
    assert tag == "en" or "today" not in today
    morning = until(THURSDAY + timedelta(hours=14), tag, sent=THURSDAY)
    assert len(morning) < len(until(THURSDAY + timedelta(hours=14), tag))
    assert morning not in {until(THURSDAY + timedelta(days=n, hours=14), tag) for n in range(7)}


def test_no_retry_before_or_after_midnight_is_told_a_wrong_day() -> None:
    """Whenever it is handed over until its time has come: "today" is that day, and a weekday names
    one day only.
    """
    chosen = random.Random(8)
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    said_today = 0
    for zone in ("Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"):
        here = ZoneInfo(zone)
        for _ in range(300):
            change = chosen.choice([at("2026-03-29T01:00"), at("2026-10-25T01:00"), THURSDAY])
            sent = change + timedelta(minutes=chosen.randrange(-2000, 2000))
            expires = sent + timedelta(minutes=chosen.randrange(1, 12_000))
            said = until(expires, "en", zone, sent=sent)
            end = expires.astimezone(here)
            for _ in range(20):
                retry = sent + (expires - sent) * chosen.random()
                day = retry.astimezone(here).date()
                if said.endswith(" today"):
                    said_today += 1
                    assert day == end.date(), (said, retry)
                elif said.endswith(names):
                    days = [day + timedelta(days=n) for n in range(7)]
                    assert [d for d in days if names[d.weekday()] == said.split(", ")[1]] == [
                        end.date()
                    ], (said, retry)
                else:
                    assert f"{end.day} {end:%B}" in said
    assert said_today > 1000
