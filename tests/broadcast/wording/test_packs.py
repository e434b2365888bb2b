"""Tests of the threat levels' official wording and of the language packs."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from datetime import date

import pytest

from broadcast.content.text_rules import check_not_a_drill
from broadcast.problems import Rejected
from broadcast.wording.languages import ENGLISH, all_packs, pack_for, read_pack
from broadcast.wording.levels import (
    LEVELS,
    OFFICIAL_MEANINGS,
    Level,
    meaning,
    official_revision,
    parse_level,
    rank,
)
from broadcast.wording.pack import AWAITING_CHECK, direction, fill, load_packs
from tests.sources import OWN

WELSH = pack_for("cy")

LANGUAGES = {
    "en",
    "cy",
    "pl",
    "ro",
    "es",
    "pt",
    "fr",
    "it",
    "bn",
    "gu",
    "pa",
    "tr",
    "ar",
    "ur",
    "ta",
    "fa",
    "so",
    "lt",
    "el",
    "ru",
    "zh",
    "bg",
    "sq",
}


def test_the_levels_mean_what_is_published_now_and_before_2019():
    with (OWN / "misc" / "threat_level_wording.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["level"], int(row["rank"])) for row in rows] == [
        (level, rank(level)) for level in LEVELS
    ]
    assert {row["level"]: row["since_2019"] for row in rows} == dict(OFFICIAL_MEANINGS["2019"])
    assert {row["level"]: row["before_2019"] for row in rows} == dict(OFFICIAL_MEANINGS["2006"])


@pytest.mark.parametrize(
    ("on", "revision"),
    [
        (date(2005, 7, 7), "2006"),
        (date(2019, 7, 22), "2006"),
        (date(2019, 7, 23), "2019"),
        (date(2026, 4, 30), "2019"),
    ],
)
def test_each_day_has_the_wording_in_use_then(on, revision):
    assert official_revision(on) == revision


def test_english_says_the_official_words():
    assert [ENGLISH.level_meaning(level) for level in LEVELS] == [
        meaning(level) for level in LEVELS
    ]


@pytest.mark.parametrize(
    ("text", "level"),
    [("SEVERE", Level.SEVERE), (" critical ", Level.CRITICAL), ("Low", Level.LOW)],
)
def test_a_level_is_read_in_any_case(text, level):
    assert parse_level(text) is level


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        (None, "level_missing", "SUBSTANTIAL"),
        ("  ", "level_missing", "SUBSTANTIAL"),
        ("SEVER", "level_unknown", "did you mean SEVERE?"),
        ("Purple", "level_unknown", "write one of"),
        (5, "level_unknown", "write one of"),
    ],
)
def test_what_is_no_level_is_refused_with_the_nearest(text, code, fix):
    with pytest.raises(Rejected) as refused:
        parse_level(text)
    [problem] = refused.value.problems
    assert problem.code == code
    assert fix in problem.fix


def test_there_is_a_pack_for_each_language_of_london_and_welsh():
    assert set(all_packs()) == LANGUAGES
    with (OWN / "misc" / "languages.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["iso639_1"] for row in rows} == LANGUAGES
    assert {row["iso639_1"] for row in rows if row["right_to_left"] == "y"} == {
        tag for tag in LANGUAGES if direction(tag) == "rtl"
    }
    assert "native speaker" in AWAITING_CHECK


def test_every_mark_is_the_english_word_first_then_its_translation():
    for tag, pack in all_packs().items():
        assert pack.opening("Exercise").startswith("EXERCISE"), tag
        assert pack.closing("Exercise").endswith("EXERCISE"), tag
        assert (pack.opening("Exercise") == "EXERCISE") == (tag == "en"), tag
        assert pack.opening("Test").startswith("TEST"), tag
        assert pack.repeat.startswith("REPEAT"), tag
        assert pack.opening("Actual") == pack.closing("Actual") == ""


def test_no_pack_claims_to_be_no_drill_in_its_own_words():
    for pack in all_packs().values():
        own = [
            pack.exercise,
            pack.repeat,
            pack.correction,
            pack.all_clear,
            pack.police_message,
            pack.stop,
            pack.press_1,
            pack.confirmed,
            pack.unsubscribe,
        ]
        assert not check_not_a_drill(". ".join([*own, *pack.level_names, *pack.level_meanings])), (
            pack.tag
        )


def test_every_pack_is_a_translation_and_not_a_copy():
    for tag, pack in all_packs().items():
        if tag != "en":
            same = [
                name
                for name in pack.__slots__
                if getattr(pack, name) == getattr(ENGLISH, name)
                and name not in ("test", "full_stop")
            ]
            assert same == [], tag


@pytest.mark.parametrize(
    "mark", ["", "YMARFER", "EXERCISE", "EXERCISE / ", "exercise / YMARFER", "YMARFER / EXERCISE"]
)
def test_a_pack_without_its_exercise_mark_fails_to_load(mark):
    with pytest.raises(ValueError, match=r"'cy'.*exercise"):
        replace(WELSH, exercise=mark)


@pytest.mark.parametrize(
    "change",
    [
        {"stop": " "},
        {"not_a_drill": ()},
        {"level_names": ("isel",)},
        {"code": "Cod y neges"},
        {"goodbye": "Hwyl {sender}"},
        {"goodbye": "Hwyl {"},
        {"check": "Gwiriwch {url.__class__} {url}"},
        {"goodbye": "Hwyl\x00"},
        {"repeat": "AILADRODD"},
        {"test": "PRAWF"},
    ],
)
def test_a_pack_with_a_gap_fails_to_load(change):
    with pytest.raises(ValueError, match="'cy'"):
        replace(WELSH, **change)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"stop": None}, "packs/cy.json.*'stop'"), ({"stopp": "STOP"}, "packs/cy.json.*'stopp'")],
)
def test_a_file_with_a_phrase_missing_or_unknown_is_named(change, said):
    phrases = {**asdict(WELSH), **change}
    del phrases["tag"]
    text = json.dumps({name: value for name, value in phrases.items() if value is not None})
    with pytest.raises(ValueError, match=said):
        read_pack("cy", text)


def test_packs_load_only_once_each_and_with_english():
    with pytest.raises(ValueError, match="same tag"):
        load_packs((ENGLISH, ENGLISH))
    with pytest.raises(ValueError, match="English"):
        load_packs((WELSH,))


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("pl", "pl"),
        ("PL", "pl"),
        ("pt-BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("en-GB", "en"),
        ("hi", "en"),
        ("", "en"),
        ("ar_EG", "ar"),
    ],
)
def test_a_pack_is_found_by_tag_then_by_language_then_in_english(tag, found):
    assert pack_for(tag).tag == found


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("ar", "rtl"),
        ("ur-PK", "rtl"),
        ("he", "rtl"),
        ("pa", "ltr"),
        ("pa-Arab-PK", "rtl"),
        ("az-Latn", "ltr"),
        ("ar-Latn", "ltr"),
        ("en", "ltr"),
    ],
)
def test_the_direction_is_that_of_the_script(tag, found):
    assert direction(tag) == found


def test_a_filled_in_value_is_literal():
    assert (
        fill("Message code: {code}", code="{code} {0.__class__} \\1 %s")
        == "Message code: {code} {0.__class__} \\1 %s"
    )
    with pytest.raises(KeyError):
        fill("{code}", other="x")
