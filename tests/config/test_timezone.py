"""The setting TIMEZONE."""

from __future__ import annotations

import pytest

from broadcast.problems import Rejected
from config import settings


def test_the_time_zone_is_londons_unless_another_one_is_set() -> None:
    assert settings.load({}).timezone == "Europe/London"
    assert settings.load({"FASTTIME_TIMEZONE": "Europe/Paris"}).timezone == "Europe/Paris"


@pytest.mark.parametrize("value", ["Europe/Londom", "../etc/passwd", "GMT+25"])
def test_a_time_zone_that_nobody_knows_is_refused_by_name(value: str) -> None:
    with pytest.raises(Rejected) as refused:
        settings.load({"FASTTIME_TIMEZONE": value})
    [problem] = refused.value.problems
    assert (problem.code, problem.field) == ("setting_invalid", "FASTTIME_TIMEZONE")
    if value == "Europe/Londom":
        assert "Europe/London" in problem.fix
