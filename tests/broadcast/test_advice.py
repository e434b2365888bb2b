"""What an author is warned of before submitting: each case, and texts that deserve no warning."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from broadcast.content.model import Content, Text
from broadcast.messages import advice
from broadcast.problems import Rejected

QUIET = Content(
    kind="incident",
    status="Actual",
    urgency="Immediate",
    severity="Severe",
    certainty="Observed",
    languages={"en": Text(headline="Road closed in Strand", instruction="Go round by Aldwych.")},
    expires=timedelta(hours=4),
    areas=("E09000033",),
)


def text(**changes: Any) -> Content:
    return replace(QUIET, languages={"en": replace(QUIET.languages["en"], **changes)})


def codes(content: Content, people: int = 5) -> list[str]:
    return [problem.code for problem in advice.of_text(content, people)]


@pytest.mark.parametrize(
    "content",
    [
        QUIET,
        text(headline="Threat level for London: CRITICAL"),  # the level's name alone
        text(headline="A1 M25"),  # too short to judge
        text(headline="警察正在斯特兰德附近处理可疑车辆请绕行"),  # a script without capitals
        replace(QUIET, hotlines=("999", "020 7946 0123, 8 am to 8 pm", "0800 789 321")),
        replace(QUIET, hotlines=("020 7946 0123 (always)",)),
        text(sms="Road closed in Strand. Go round by Aldwych."),
        replace(text(instruction=""), kind="appeal"),
        replace(text(instruction=""), severity="Minor"),
    ],
    ids=lambda content: f"{content.kind}: {content.languages['en'].headline[:30]}",
)
def test_what_deserves_no_warning_gives_none(content: Content) -> None:
    assert codes(content) == []


@pytest.mark.parametrize(
    ("content", "people", "code"),
    [
        (text(headline="ROAD CLOSED IN STRAND"), 5, "shouting"),
        (text(instruction="GO ROUND BY ALDWYCH NOW"), 5, "shouting"),
        (text(instruction=" "), 5, "instruction_missing"),
        (replace(QUIET, hotlines=("020 7946 0123",)), 5, "hotline_without_hours"),
        (QUIET, 0, "nobody_there"),
        (text(sms="Road closed. " * 60), 5, "sms_many_parts"),
    ],
)
def test_a_warning_says_where_and_how_to_mend_it(content: Content, people: int, code: str) -> None:
    (found,) = advice.of_text(content, people)
    assert (found.code, found.status) == (code, 200)
    assert code in advice.CODES
    assert found.detail
    assert found.fix
    assert found.field


def test_what_is_accepted_is_kept_in_words() -> None:
    found = [*advice.of_text(text(headline="ROAD CLOSED IN STRAND"), 0)]
    said = advice.in_words(found, advice.check_accepted(["shouting"]))
    assert said == "warnings: shouting (accepted), nobody_there"
    assert advice.in_words([], ()) is None


def test_only_a_warning_can_be_accepted() -> None:
    with pytest.raises(Rejected) as refused:
        advice.check_accepted(["shoutin"])
    (problem,) = refused.value.problems
    assert (problem.code, problem.fix) == ("warning_unknown", "did you mean shouting?")
