"""Tests of calls: what is said, how numbers are read, and how a key is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from broadcast.content.model import Text
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import direction
from broadcast.wording.render import render
from broadcast.wording.speech import (
    SAY_LIMIT,
    speaks,
    spell,
    spell_numbers,
    twiml,
    twiml_after_key,
    voice_language,
)
from tests.broadcast.wording.messages import FACTS, TAGS, WORDS, a_content


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0800 789-12", "0 8 0 0, 7 8 9, 1 2"),
        ("101", "1 0 1"),
        ("+44 20 7946 0000", "+4 4, 2 0, 7 9 4 6, 0 0 0 0"),
        ("Crimestoppers 0800", "Crimestoppers 0 8 0 0"),
    ],
)
def test_numbers_are_read_digit_by_digit(text, said):
    assert spell_numbers(text) == said


def test_codes_are_read_sign_by_sign():
    assert spell("K7QX-2M4R") == "K 7 Q X, 2 M 4 R"


def test_a_voice_text_spells_hotlines_and_telephone_numbers_but_no_times_or_amounts():
    text = Text(
        headline="Call 101 or 0800 789 321 or +44 20 7946 0000",
        instruction="From 08:40 on 01.02.2026 at 12000 houses, £1000000000 and 1234567890 more.",
    )
    said = render(a_content(languages={"en": text}, hotlines=("101",)), FACTS, "voice", "en").body
    assert (
        said
        == "Police message from Metropolitan Police. Call 1 0 1 or 0 8 0 0, 7 8 9, 3 2 1 or +4 4, 2"
        " 0, 7 9 4 6, 0 0 0 0. From 08:40 on 01.02.2026 at 12000 houses, £1000000000 and"
        " 1234567890 more. Call: 1 0 1. Message code: K 7 Q X, 2 M 4 R."
    )


def test_an_authors_own_voice_text_takes_the_place_of_the_others():
    said = render(
        a_content(languages={"en": replace(WORDS, voice="Leave Paddington now")}),
        FACTS,
        "voice",
        "en",
    ).body
    assert "Leave Paddington now." in said
    assert "Gas leak" not in said


SAY = {
    *(
        "arb",
        "bg-BG",
        "bn-IN",
        "cy-GB",
        "el-GR",
        "en-GB",
        "es-ES",
        "fr-CA",
        "fr-FR",
        "gu-IN",
        "hi-IN",
        "it-IT",
        "lt-LT",
    ),
    *("pa-IN", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "ta-IN", "tr-TR", "zh-CN"),
}


@pytest.mark.parametrize(
    ("tag", "voice"),
    [
        ("en", "en-GB"),
        ("cy", "cy-GB"),
        ("pl", "pl-PL"),
        ("pt-BR", "pt-BR"),
        ("pt-AO", "pt-PT"),
        ("FR-ca", "fr-CA"),
        ("ur", "en-GB"),
        ("xx", "en-GB"),
        ("ar-EG", "arb"),
        ("hi", "hi-IN"),
    ],
)
def test_a_voice_is_one_that_the_provider_has(tag, voice):
    assert voice_language(tag) == voice
    assert voice in SAY


def test_every_pack_has_a_voice_or_is_known_to_have_none():
    assert {tag for tag in TAGS if not speaks(tag)} == {"ur", "fa", "so", "sq"}
    assert {voice_language(tag) for tag in TAGS} <= SAY


def calls(document):
    root = etree.fromstring(document)
    assert root.tag == "Response"
    return root


def test_a_call_reads_the_message_twice_asks_for_a_key_and_says_thanks_in_the_persons_language():
    for tag in TAGS:
        rendered, pack = render(a_content(), FACTS, "voice", tag), pack_for(tag)
        root = calls(
            twiml(
                rendered, pack, action_url="https://example.org/hooks/twilio/voice/a?key=1&again=2"
            )
        )
        assert [child.tag for child in root] == ["Gather", "Say", "Hangup"]
        gather = root[0]
        assert (gather.get("numDigits"), gather.get("action"), gather.get("method")) == (
            "1",
            "https://example.org/hooks/twilio/voice/a?key=1&again=2",
            "POST",
        )
        said = [say.text for say in gather.iter("Say")]
        heard = pack if speaks(tag) or direction(tag) == "ltr" else pack_for("en")
        prompt = f"{heard.press_1} {heard.press_2}"
        assert said == [rendered.body, prompt, rendered.body, prompt]
        assert root[1].text == heard.goodbye
        assert {say.get("language") for say in root.iter("Say")} == {voice_language(tag)}


def test_a_call_that_cannot_be_answered_asks_for_no_key():
    rendered = render(a_content(), FACTS, "voice", "pl")
    root = calls(twiml(rendered, pack_for("pl"), action_url=""))
    assert [child.tag for child in root] == ["Say", "Pause", "Say", "Say", "Hangup"]
    assert [say.text for say in root.iter("Say")] == [
        rendered.body,
        rendered.body,
        pack_for("pl").goodbye,
    ]


@pytest.mark.parametrize(
    ("digit", "phrase"),
    [("1", "confirmed"), ("2", "goodbye"), ("9", "goodbye"), ("", "goodbye"), ("*", "goodbye")],
)
def test_a_key_is_answered(digit, phrase):
    for tag in TAGS:
        pack = pack_for(tag if speaks(tag) or direction(tag) == "ltr" else "en")
        root = calls(twiml_after_key(digit, pack_for(tag)))
        assert [child.tag for child in root] == ["Say", "Hangup"]
        assert root[0].text == getattr(pack, phrase)


def test_two_goes_back_to_the_message():
    root = calls(twiml_after_key("2", pack_for("pl"), again_url="/again?a&b"))
    assert [(child.tag, child.text) for child in root] == [("Redirect", "/again?a&b")]


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_a_call_that_is_no_real_one_begins_and_ends_with_its_mark(status):
    for tag in TAGS:
        rendered = render(a_content(status=status), FACTS, "voice", tag)
        for document in (
            twiml(rendered, pack_for(tag), action_url="/a"),
            twiml_after_key("1", pack_for(tag), status=status),
        ):
            said = [say.text for say in calls(document).iter("Say")]
            assert said[-1].endswith(status.upper())
        assert next(
            calls(twiml(rendered, pack_for(tag), action_url="/a")).iter("Say")
        ).text.startswith(status.upper())


@given(st.text(st.characters(), max_size=300))
def test_whatever_is_said_the_twiml_can_be_parsed(words):
    rendered = replace(render(a_content(), FACTS, "voice", "en"), body=words)
    calls(twiml(rendered, pack_for("en"), action_url=words))
    calls(twiml_after_key(words, pack_for("en"), again_url=words))


def test_markup_in_a_message_is_read_and_not_obeyed():
    rendered = render(
        a_content(languages={"en": Text(headline="</Say><Dial>0900</Dial> & <Hangup/>")}),
        FACTS,
        "voice",
        "en",
    )
    root = calls(twiml(rendered, pack_for("en"), action_url="/a"))
    assert not list(root.iter("Dial"))
    assert "</Say><Dial>0900</Dial> & <Hangup/>" in root[0][0].text


def test_a_long_message_is_said_in_pieces_that_the_provider_takes():
    body = "A sentence of the message. " * 700
    root = calls(
        twiml(
            replace(render(a_content(), FACTS, "voice", "en"), body=body),
            pack_for("en"),
            action_url="/a",
        )
    )
    said = [say.text for say in root.iter("Say")]
    assert max(map(len, said)) <= SAY_LIMIT
    assert " ".join(said).count("A sentence of the message.") == 1400
    assert (
        calls(
            twiml(
                replace(render(a_content(), FACTS, "voice", "en"), body="x" * 9000),
                pack_for("en"),
                action_url="/a",
            )
        )
        is not None
    )
