"""What an author is warned of before submitting: each case, and texts that deserve no warning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broadcast.content.model import Circle, Content, Text
from broadcast.messages import advice
from broadcast.problems import Problem, Rejected
from broadcast.wording.rendered import Facts

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
        (replace(text(instruction=""), kind="correction"), 5, "instruction_missing"),
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


FACTS = Facts(
    sender_name="Met Police",
    code="K7QX2M4RX",
    public_url="https://alerts.example",
    sent=datetime(2026, 11, 21, 9, tzinfo=UTC),
    expires=datetime(2026, 11, 21, 13, tzinfo=UTC),
    names={"E09000033": "Westminster"},
)
LONG = "Stay indoors, close every window and wait. " * 9
SHAPE = (((0.0, 51.0), (1.0, 51.0), (1.0, 52.0), (0.0, 51.0)),)


@pytest.mark.parametrize(
    ("content", "lacking"),
    [
        (QUIET, []),  # we add both
        (text(instruction=LONG), ["where and until when"]),
        (text(headline="Gas in Westminster", instruction=LONG), ["until when"]),
        (text(instruction=f"Until 6 pm. {LONG}"), ["where"]),
        (text(instruction=LONG * 2), ["all of what to do, where and until when"]),
        (text(headline="In Westminster until 6 pm", instruction=LONG * 2), ["all of what to do"]),
        (text(sms="Gas leak in Westminster until 18:00. Stay in.", instruction=LONG * 2), []),
        (
            text(description=LONG * 2),
            [],
        ),  # no text message needs the story
        (text(sms="Gas leak. Stay in."), []),  # we add both here too
        (text(sms=f"Gas leak. {LONG}"[:118]), ["where and until when"]),  # they would cost a part
        (text(sms="Gas leak in WESTMINSTER until 18:00. Stay in."), []),
        (replace(QUIET, areas=(), polygons=(SHAPE,)), ["where"]),
        (replace(text(headline="Gas in Camden"), areas=(), polygons=(SHAPE,)), []),
        (replace(QUIET, areas=()), []),  # for everybody: there is no place to name
        (replace(text(instruction=LONG), channels=("email",)), []),
        (replace(text(instruction=LONG), kind="all_clear"), ["where"]),
    ],
)
def test_a_text_message_that_lacks_what_to_do_or_place_or_time_is_named(
    content: Content, lacking: list[str]
) -> None:
    found = advice.sms_incomplete(content, FACTS, ["Camden"])
    assert [problem.detail.partition("does not say ")[2] for problem in found] == lacking
    for problem in found:
        assert (problem.code, problem.field) == ("sms_incomplete", "languages.en.sms")
        assert problem.code in advice.CODES


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


DRAWN = replace(QUIET, areas=(), circles=(Circle(latitude=51.5, longitude=-0.14, radius_km=1),))


def said(found: list[Problem]) -> str:
    (problem,) = found
    assert problem.code in advice.CODES
    assert problem.fix
    assert problem.field
    return problem.detail


@pytest.mark.parametrize(
    ("reads", "named"),
    [
        ({"en": 80, "pl": 20}, "Polish [pl] (20 people)"),
        ({"en-GB": 80, "pl-PL": 12, "pl": 8}, "Polish [pl] (20 people)"),
        ({"en": 70, "so": 10, "pl": 20}, "Polish [pl] (20 people), Somali [so] (10 people)"),
        ({"en": 99_000, "ur": 1_000}, "Urdu [ur] (1,000 people)"),  # one in a hundred, and many
        ({"en": 19, "xho": 1}, "xho (1 person)"),
    ],
)
def test_a_language_that_many_read_and_the_message_lacks_is_said(
    reads: dict[str, int], named: str
) -> None:
    found = said(advice.languages_missing(QUIET, reads, "new"))
    assert found == (f"people who read a language that it lacks get English [en] instead: {named}")


@pytest.mark.parametrize(
    "reads", [{"en": 100}, {"en": 96, "pl": 4}, {"en": 99_001, "ur": 999}, {"en-GB": 5}, {}]
)
def test_a_language_that_few_read_is_no_warning(reads: dict[str, int]) -> None:
    assert advice.languages_missing(QUIET, reads, "new") == []


@pytest.mark.parametrize("action", ["correct", "all_clear"])
def test_a_correction_and_an_all_clear_name_every_language(action: str) -> None:
    found = said(advice.languages_missing(QUIET, {"en": 999, "pl": 1}, action))
    assert found.endswith("get English [en] instead: Polish [pl] (1 person)")


@pytest.mark.parametrize("action", ["new", "correct"])
def test_in_a_drawn_shape_no_language_of_few_people_is_named(action: str) -> None:
    few = advice.languages_missing(DRAWN, {"en": 30, "ti": 9}, action)
    if action == "new":
        assert few == []
    else:
        assert said(few).endswith("instead: other languages (few people)")
    # 35 of 40: beside the 40, the number would tell that five read English
    hidden = said(advice.languages_missing(DRAWN, {"en": 5, "pl": 35}, "new"))
    assert hidden.endswith("Polish [pl] (number not shown)")
    shown = said(advice.languages_missing(DRAWN, {"en": 20, "pl": 20}, "new"))
    assert shown.endswith("Polish [pl] (20 people)")


def a_met(message: int, both: int, people: int = 500, content: Content = QUIET) -> advice.Met:
    return advice.Met(message=message, state="is out", content=content, people=people, both=both)


def test_messages_of_others_to_the_same_people_are_named_the_largest_first() -> None:
    others = [a_met(n, both=n * 10) for n in range(8)]
    found = said(advice.overlap(QUIET, 100, others))
    assert found == (
        "some of these people also get, from another control room: message 7, which is out (70"
        " people), message 6, which is out (60 people), message 5, which is out (50 people),"
        " message 4, which is out (40 people), message 3, which is out (30 people), and 2 more"
    )
    assert advice.overlap(QUIET, 100, [a_met(1, both=0)]) == []


@pytest.mark.parametrize(
    ("mine", "theirs"), [(DRAWN, QUIET), (QUIET, DRAWN)], ids=["mine drawn", "theirs drawn"]
)
@pytest.mark.parametrize(
    ("people", "both", "their_people", "number"),
    [
        (100, 9, 500, "fewer than 10 people"),
        (100, 50, 500, "50 people"),
        (57, 50, 500, "number not shown"),  # 7 of mine are not among theirs
        (100, 50, 53, "number not shown"),  # 3 of theirs are not among mine
        (50, 50, 50, "50 people"),
    ],
)
def test_where_a_shape_was_drawn_an_overlap_tells_of_no_few_people(
    mine: Content, theirs: Content, people: int, both: int, their_people: int, number: str
) -> None:
    other = a_met(7, both=both, people=their_people, content=theirs)
    assert said(advice.overlap(mine, people, [other])).endswith(f"which is out ({number})")
