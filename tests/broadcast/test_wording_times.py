"""Times as people read them: local, with the zone's name, in every language of the packs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
