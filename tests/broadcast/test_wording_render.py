"""Tests of what people read and hear."""

from __future__ import annotations

import hashlib
import re
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from broadcast.content.limits import TEXT_LENGTHS
from broadcast.content.model import CHANNELS, KINDS, Content, Text
from broadcast.content.segments import count
from broadcast.content.text_rules import check_not_a_drill
from broadcast.wording.languages import all_packs, pack_for
from broadcast.wording.levels import LEVELS
from broadcast.wording.pack import direction
from broadcast.wording.render import choose_language, render
from broadcast.wording.rendered import Facts
from broadcast.wording.revision import wording_revision
from broadcast.wording.speech import (
    SAY_LIMIT,
    speaks,
    spell,
    spell_numbers,
    twiml,
    twiml_after_key,
    voice_language,
)
from channels.twilio.settings import named_senders

TAGS = tuple(all_packs())
FACTS = Facts(
    sender_name="Metropolitan Police",
    code="K7QX-2M4R",
    public_url="https://alerts.example.org",
    sent=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
)
WORDS = Text(
    headline="Gas leak at Paddington",
    description="The leak was found at 08:40.",
    instruction="Stay indoors and close windows. Call 0800 789 321.",
)


SHAPE = (((0.0, 51.0), (1.0, 51.0), (1.0, 52.0), (0.0, 51.0)),)


def a_content(**change: Any) -> Content:
    basic: dict[str, Any] = {
        "kind": "incident",
        "status": "Actual",
        "urgency": "Expected",
        "severity": "Moderate",
        "certainty": "Observed",
        "languages": dict.fromkeys(TAGS, WORDS),
        "expires": timedelta(hours=4),
    }
    if change.get("kind") == "threat_level_change":
        basic |= {"level": "SEVERE", "scope": "UK"}
    if change.get("kind") == "correction":
        basic |= {"note": "The first message named the wrong station."}
    return Content(**(basic | change))


def visible(page):
    """Return what a reader of the HTML sees, in one line."""
    return " ".join(
        html.fromstring(page.encode(), parser=html.HTMLParser(encoding="utf-8"))
        .xpath("string(//body)")
        .split()
    )


def shown(rendered):
    """Return everything of a rendering that a person sees or hears, each by itself."""
    return [
        part
        for part in (
            rendered.body,
            rendered.subject,
            visible(rendered.html) if rendered.html else "",
        )
        if part
    ]


# The exercise mark


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_the_mark_is_first_and_last_in_every_kind_channel_and_language(kind, channel, status):
    for tag in TAGS:
        for repeat in (False, True):
            rendered = render(
                a_content(kind=kind, status=status), replace(FACTS, repeat=repeat), channel, tag
            )
            assert len(shown(rendered)) == {"sms": 1, "voice": 1, "email": 3, "web": 3}[channel]
            translation = pack_for(tag).opening(status).rpartition(" / ")[2]
            for text in shown(rendered):
                assert text.startswith(status.upper()), (tag, text)
                assert text.endswith(status.upper()), (tag, text)
                assert text.count(translation) >= 2, (tag, text)


@given(
    kind=st.sampled_from(KINDS),
    channel=st.sampled_from(CHANNELS),
    tag=st.sampled_from(TAGS),
    words=st.builds(
        Text,
        headline=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
        description=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80),
        instruction=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300),
        sms=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
        voice=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    ),
    repeat=st.booleans(),
    hotlines=st.lists(st.text(max_size=20), max_size=2),
)
def test_no_words_of_an_author_can_push_the_mark_aside(kind, channel, tag, words, repeat, hotlines):
    content = a_content(
        kind=kind,
        status="Exercise",
        languages={tag: words},
        hotlines=tuple(h for h in hotlines if h.isprintable()),
    )
    rendered = render(content, replace(FACTS, repeat=repeat), channel, tag)
    for text in [rendered.body, *([rendered.subject] if rendered.subject else [])]:
        assert text.startswith("EXERCISE")
        assert text.endswith("EXERCISE")
    if rendered.html:
        inside = (
            re.sub(r"<[^>]*>", "", rendered.html.partition("<body")[2] or rendered.html).partition(
                ">"
            )[2]
            if channel == "email"
            else re.sub(r"<[^>]*>", "", rendered.html)
        )
        assert inside.strip().startswith("EXERCISE")
        assert inside.strip().endswith("EXERCISE")
    assert rendered == render(content, replace(FACTS, repeat=repeat), channel, tag)


def test_an_actual_message_carries_no_mark():
    for tag in TAGS:
        for channel in CHANNELS:
            for text in shown(render(a_content(), FACTS, channel, tag)):
                assert not re.search("EXERCISE|TEST|REPEAT", text)


@pytest.mark.parametrize("own", [None, "Road closed. " * 30], ids=["by rule", "own text"])
@pytest.mark.parametrize("tag", TAGS)
def test_an_exercise_says_its_name_in_every_channel_and_within_the_parts_of_a_text(tag, own):
    name = "Winter Oak of the Western Boroughs 20260"
    assert len(name) == TEXT_LENGTHS["exercise"]
    long = replace(WORDS, headline="Gas leak " * 12, instruction="Stay indoors. " * 60, sms=own)
    content = a_content(status="Exercise", exercise=name, languages={tag: long})
    for channel in CHANNELS:
        made = render(content, FACTS, channel, tag)
        assert made.body.startswith("EXERCISE"), (channel, made.body)
        assert made.body.endswith("EXERCISE"), (channel, made.body)
        assert name in made.body
        if made.subject:
            assert made.subject.startswith(f"{pack_for(tag).exercise} {name}: ")
        if channel == "sms":
            assert made.segments == count(made.body).segments
            assert own is not None or made.segments <= 3
            nameless = render(replace(content, exercise=""), FACTS, channel, tag)
            assert made.segments >= nameless.segments
            assert name not in nameless.body


def test_only_an_exercise_says_the_name_of_one():
    for status in ("Actual", "Test"):
        made = render(a_content(status=status, exercise="Winter Oak"), FACTS, "sms", "en")
        assert "Winter Oak" not in made.body


@pytest.mark.parametrize("channel", CHANNELS)
def test_repeat_stands_behind_the_exercise_mark_and_before_the_words(channel):
    for tag in TAGS:
        for text in shown(
            render(a_content(status="Exercise"), replace(FACTS, repeat=True), channel, tag)
        ):
            assert text.index("EXERCISE") < text.index("REPEAT") < text.index("Gas leak"), (
                tag,
                text,
            )
        for text in shown(render(a_content(), replace(FACTS, repeat=True), channel, tag)):
            assert text.startswith("REPEAT"), (tag, text)


@pytest.mark.parametrize("status", ["System", "Draft"])
def test_what_goes_to_nobody_cannot_pass_for_real_either(status):
    for text in shown(render(a_content(status=status), FACTS, "email", "pl")):
        assert text.startswith(status.upper())
        assert text.endswith(status.upper())


def test_our_own_words_never_say_that_an_exercise_is_real():
    for kind in KINDS:
        for tag in TAGS:
            for channel in CHANNELS:
                assert not any(
                    check_not_a_drill(text)
                    for text in shown(
                        render(a_content(kind=kind, status="Exercise"), FACTS, channel, tag)
                    )
                ), (tag, channel)


# Until when


def test_a_mail_says_until_when_in_its_language_and_in_local_time():
    facts = replace(FACTS, expires=datetime(2026, 6, 25, 17, 0, tzinfo=UTC))
    assert "Until 18:00 BST, Thursday 25 June" in render(a_content(), facts, "email", "en").body
    polish = render(a_content(), facts, "email", "pl").body
    assert "Obowiązuje do: 18:00 BST, czwartek 25 czerwca" in polish
    assert "Until" not in render(a_content(), FACTS, "email", "en").body


@pytest.mark.parametrize("kind", ["threat_level_change", "all_clear"])
def test_a_level_stays_when_its_message_ends_and_an_all_clear_has_no_end(kind):
    facts = replace(FACTS, expires=datetime(2026, 6, 25, 17, 0, tzinfo=UTC))
    assert "18:00" not in render(a_content(kind=kind), facts, "email", "en").body


# Where, and until when


def test_every_channel_says_who_what_where_what_to_do_and_until_when():
    sent = datetime(2026, 6, 25, 9, 0, tzinfo=UTC)
    facts = replace(
        FACTS,
        names={"E09000033": "Westminster", "E09000007": "Camden"},
        sent=sent,
        expires=sent + timedelta(hours=8),
    )
    text = replace(WORDS, headline="Gas leak")
    content = a_content(areas=("E09000033", "E09000007"), languages=dict.fromkeys(TAGS, text))
    for tag in TAGS:
        for channel in ("sms", "voice", "email"):
            body = render(content, facts, channel, tag).body
            for said in ("Metropolitan Police", "Gas leak", "Westminster, Camden", "Stay indoors"):
                assert said in body, (tag, channel, body)
            assert "18:00 BST" in body, (tag, channel, body)
    english = render(content, facts, "sms", "en")
    assert "Where: Westminster, Camden. Until 18:00 BST. " in english.body
    assert english.segments <= 2
    over_night = replace(facts, expires=sent + timedelta(hours=20))
    assert "Until 06:00 BST, Friday. " in render(content, over_night, "sms", "en").body
    # a call is heard as it comes; a mail and a page are read later too
    assert "Until 18:00 BST today. " in render(content, facts, "voice", "en").body
    assert "Until 06:00 BST, Friday. " in render(content, over_night, "voice", "en").body
    assert "Until 18:00 BST, Thursday 25 June" in render(content, facts, "email", "en").body


def test_an_sms_says_no_place_twice_and_never_cuts_the_author_for_place_or_time():
    facts = replace(FACTS, names={"E09000033": "Westminster"}, expires=FACTS.sent)
    here = replace(WORDS, headline="Gas leak in WESTMINSTER")
    content = a_content(areas=("E09000033",), languages={"en": here})
    assert "Where:" not in render(content, facts, "sms", "en").body
    long = replace(WORDS, instruction="Stay indoors, close every window and wait. " * 9)
    full = a_content(areas=("E09000033",), languages={"en": long})
    body = render(full, facts, "sms", "en").body
    assert body == render(full, FACTS, "sms", "en").body
    own = a_content(areas=("E09000033",), languages={"en": replace(WORDS, sms="Gas leak here.")})
    assert "Where:" not in render(own, facts, "sms", "en").body  # the author's own SMS is whole


def test_a_drawn_shape_and_a_code_without_a_name_are_never_said():
    facts = replace(FACTS, names={"E09000033": "Westminster"})
    for change in (
        {"areas": ("E09000033", "E09000007")},
        {"areas": ("E09000033",), "polygons": (SHAPE,)},
    ):
        for channel in ("sms", "voice", "email"):
            body = render(a_content(**change), facts, channel, "en").body
            assert "Where:" not in body
            assert "E0900" not in body


# What each kind says


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_level_change_states_the_level_and_what_it_officially_means(level, channel):
    for tag in TAGS:
        rendered = render(a_content(kind="threat_level_change", level=level), FACTS, channel, tag)
        texts = [rendered.body] + ([visible(rendered.html)] if rendered.html else [])
        for text in texts:
            assert level in text
            assert " ".join(pack_for(tag).level_meaning(level).split()) in text
            said = pack_for(tag).level_uk.partition("{level}")[0]
            assert said in text


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("UK", "The UK threat level is now SEVERE: an attack is highly likely."),
        ("E09000033", "The threat level for Westminster is now SEVERE: an attack is highly likely"),
        ("community:Somali elders", "level for the Somali elders community is now SEVERE. Gas"),
        ("sector:Hotels", "The threat level for the Hotels sector is now SEVERE. Gas leak"),
    ],
)
def test_a_level_change_is_a_sentence_that_names_its_scope_and_shows_no_code(scope, said):
    facts = replace(FACTS, names={"E09000033": "Westminster"})
    for channel in CHANNELS:
        content = a_content(kind="threat_level_change", scope=scope)
        body = render(content, facts, channel, "en").body
        if channel == "sms":
            assert said in body
        assert "E09000033" not in body
        assert scope == "UK" or "Westminster" in body or scope.partition(":")[2] in body


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("scope", ["community:somali elders", "sector:hotels"])
def test_the_level_of_a_community_or_sector_never_borrows_the_national_scales_meaning(
    channel, scope
):
    for tag in TAGS:
        for level in LEVELS:
            content = a_content(kind="threat_level_change", level=level, scope=scope)
            for text in shown(render(content, FACTS, channel, tag)):
                assert pack_for(tag).level_meaning(level) not in text, (tag, text)
                if text != render(content, FACTS, channel, tag).subject:
                    assert level in text
                    assert scope.partition(":")[2] in text


def test_a_headline_that_is_our_own_sentence_is_not_said_twice():
    text = Text(headline="The UK threat level is now SEVERE", description="Be alert.")
    content = a_content(kind="threat_level_change", languages={"en": text})
    for channel in ("sms", "voice"):
        assert render(content, FACTS, channel, "en").body.count("threat level is now SEVERE") == 1
    sms = render(content, FACTS, "sms", "en").body
    assert sms.startswith(
        "Metropolitan Police: The UK threat level is now SEVERE: an attack is highly likely."
        " Message code:"
    )


def test_an_author_who_states_the_level_of_another_place_is_completed():
    text = replace(WORDS, sms="Level is SEVERE: an attack is highly likely.")
    content = a_content(kind="threat_level_change", scope="E09000033", languages={"en": text})
    facts = replace(FACTS, names={"E09000033": "Westminster"})
    assert "for Westminster is now SEVERE" in render(content, facts, "sms", "en").body


def test_an_author_who_states_level_and_meaning_is_not_repeated():
    text = replace(WORDS, sms="Level is SEVERE: an attack is highly likely. Be alert.")
    body = render(
        a_content(kind="threat_level_change", languages={"en": text}), FACTS, "sms", "en"
    ).body
    assert body.count("an attack is highly likely") == 1


@pytest.mark.parametrize("own", [None, "It was not Euston. It is Paddington."])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_correction_says_so_and_what_was_wrong(own, channel):
    for tag in TAGS:
        content = a_content(kind="correction", languages={tag: replace(WORDS, sms=own, voice=own)})
        for text in shown(render(content, FACTS, channel, tag)):
            assert pack_for(tag).correction in text
            assert (
                "wrong station" in text or text == render(content, FACTS, channel, tag).subject
            ), (tag, text)


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_all_clear_says_so(channel):
    for tag in TAGS:
        for text in shown(render(a_content(kind="all_clear"), FACTS, channel, tag)):
            assert text.startswith(pack_for(tag).all_clear)


# Languages


@pytest.mark.parametrize(
    ("tags", "wanted", "channel", "found"),
    [
        (("en", "pl"), "pl", "", "pl"),
        (("en", "pl"), "PL", "", "pl"),
        (("en", "pt-BR", "pt"), "pt-PT", "", "pt"),
        (("en", "pt-BR"), "pt", "", "pt-BR"),
        (("cy", "en"), "en-GB", "", "en"),
        (("cy", "en"), "bn", "", "cy"),
        (("en", "ur"), "ur", "sms", "ur"),
        (("en", "ur"), "ur", "voice", "en"),  # no engine reads Urdu aloud
        (("ur",), "ur", "voice", "ur"),
    ],
)
def test_a_person_gets_the_exact_tag_then_the_language_then_the_first(tags, wanted, channel, found):
    assert (
        choose_language(a_content(languages=dict.fromkeys(tags, WORDS)), wanted, channel) == found
    )


def test_what_cannot_be_rendered_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="choose_language"):
        render(a_content(languages={"en": WORDS}), FACTS, "sms", "pl")
    with pytest.raises(ValueError, match="pigeon"):
        render(a_content(), FACTS, "pigeon", "en")


# SMS


def test_an_sms_made_by_rule_holds_sender_words_hotline_and_code():
    rendered = render(
        a_content(
            languages={"en": replace(WORDS, instruction="Stay indoors.")},
            hotlines=("0800 789 321",),
        ),
        FACTS,
        "sms",
        "en",
    )
    assert (
        rendered.body
        == "Metropolitan Police: Gas leak at Paddington. Stay indoors. Call: 0800 789 321. Message"
        " code: K7QX-2M4R. To stop these messages reply STOP."
    )
    assert (rendered.encoding, rendered.segments) == ("GSM-7", 1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "threat_level_change"])
def test_an_sms_made_by_rule_is_cut_at_a_word_to_three_segments_and_keeps_what_we_add(kind):
    for tag in TAGS:
        long = replace(WORDS, instruction="Stay indoors, close every window and wait. " * 40)
        rendered = render(
            a_content(kind=kind, status="Exercise", languages={tag: long}), FACTS, "sms", tag
        )
        assert rendered.segments == 3
        assert "K7QX-2M4R" in rendered.body
        assert "Gas leak at Paddington" in rendered.body
        uncut = (
            "Gas leak at Paddington"
            + rendered.body.partition("Gas leak at Paddington")[2].partition("...")[0]
        )
        whole_words = {
            word.strip(".,")
            for word in (
                f"{WORDS.headline} {pack_for(tag).was_wrong} "
                f"The first message named the wrong station. {long.instruction}"
            ).split()
        }
        assert {
            word.strip(".,")
            for word in (
                uncut.replace("。", " ")
                .replace("：", " ")
                .replace("।", " ")
                .replace("۔", " ")
                .split()
            )
        } <= whole_words | {"错误之处"}
        assert rendered.segments == count(rendered.body).segments


def test_what_a_level_means_gives_way_before_the_authors_headline():
    names = {"E1": "Hammersmith and Fulham"}
    content = a_content(kind="threat_level_change", status="Exercise", level="CRITICAL", scope="E1")
    for tag in TAGS:
        rendered = render(content, replace(FACTS, names=names), "sms", tag)
        assert rendered.segments <= 3, (tag, rendered.body)
        for said in ("CRITICAL", "Hammersmith and Fulham", "Gas leak at Paddington"):
            assert said in rendered.body, (tag, rendered.body)


def test_a_level_change_fits_three_segments_in_every_language():
    for tag in TAGS:
        for level in LEVELS:
            rendered = render(
                a_content(kind="threat_level_change", status="Exercise", level=level),
                FACTS,
                "sms",
                tag,
            )
            assert rendered.segments <= 3, (tag, level)


@given(
    instruction=st.text(st.sampled_from("abcé €ж漢😜\u0301\u200d.,"), max_size=900),
    tag=st.sampled_from(["en", "zh", "ar"]),
)
def test_whatever_the_words_the_cut_fits_and_splits_no_word(instruction, tag):
    content = a_content(languages={tag: Text(headline="Gas leak", instruction=instruction)})
    rendered = render(content, FACTS, "sms", tag)
    assert rendered.segments <= 3
    assert "Gas leak" in rendered.body


def test_a_headline_without_a_space_is_cut_inside():
    for word in ("Z" * 900, "e\u0301" * 400, "漢" * 400):
        rendered = render(a_content(languages={"en": Text(headline=word)}), FACTS, "sms", "en")
        assert rendered.segments <= 3
        assert not re.search("(?<!\u0301)e\\.\\.\\.", rendered.body)


def test_an_authors_own_sms_is_never_cut_nor_changed():
    own = "Line one {name} {{7*7}} %n ${x} {0.__class__}\nLine two " + "word " * 200 + "end"
    body = render(a_content(languages={"en": replace(WORDS, sms=own)}), FACTS, "sms", "en").body
    assert own in body
    assert "Gas leak" not in body


def test_the_line_about_stop_costs_nothing_and_never_stands_in_an_urgent_message():
    assert "STOP" in render(a_content(), FACTS, "sms", "en").body
    assert "STOP" not in render(a_content(severity="Extreme"), FACTS, "sms", "en").body
    for length in range(1, 500, 7):
        content = a_content(languages={"en": Text(headline="x" * length)})
        body = render(content, FACTS, "sms", "en").body
        assert (
            count(body).segments
            == count(body.replace(" To stop these messages reply STOP.", "")).segments
        )


# Voice


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


# E-mail and page


def test_html_is_escaped_and_loads_nothing():
    nasty = (
        "<script>alert(1)</script><img src=https://example.org/x> \"'&amp; {{7*7}} {0.__class__}"
        " ${x} %n"
    )
    for channel in ("email", "web"):
        content = a_content(
            kind="correction",
            note=nasty,
            languages={"en": Text(headline=nasty, description=nasty, instruction=nasty)},
            hotlines=(nasty,),
            source=nasty,
        )
        rendered = render(content, replace(FACTS, sender_name=nasty), channel, "en")
        page = html.fromstring(rendered.html)
        assert not page.xpath("//script|//img|//link|//iframe|//@src|//*[contains(@style, 'url')]")
        links = ["https://alerts.example.org/v/K7QX-2M4R", rendered.unsubscribe]
        assert page.xpath("//a/@href") == [link for link in links if link]
        assert visible(rendered.html).count(nasty) == rendered.body.count(nasty) == 7


def test_the_page_says_its_language_and_direction():
    for tag in TAGS:
        page = html.document_fromstring(render(a_content(), FACTS, "email", tag).html)
        assert (page.get("lang"), page.get("dir")) == (tag, direction(tag))
    arabic = render(a_content(), FACTS, "web", "ar").html
    assert arabic.startswith('<div lang="ar" dir="rtl"')


def test_english_phrases_around_a_language_without_a_pack_are_marked_as_english():
    page = html.document_fromstring(
        render(a_content(languages={"he": WORDS}), FACTS, "email", "he").html
    )
    assert (page.get("lang"), page.get("dir")) == ("he", "rtl")
    [sender] = page.xpath("//p[starts-with(., 'Police message')]")
    assert (sender.get("lang"), sender.get("dir")) == ("en", "ltr")
    [headline] = page.xpath("//h1")
    assert headline.get("lang") is None


def test_a_subject_is_one_line():
    content = a_content(
        status="Exercise",
        languages={
            "en": Text(headline="One\r\nBcc: x@example.org\u2028two\x85three\x0bfour\x00five")
        },
    )
    subject = render(content, FACTS, "email", "en").subject
    assert subject == "EXERCISE: One Bcc: x@example.org two three fourfive - EXERCISE"
    assert len(subject.splitlines()) == 1


def test_without_a_public_page_there_is_only_the_code():
    rendered = render(a_content(), replace(FACTS, public_url=""), "email", "en")
    assert "/v/" not in rendered.body + rendered.html
    assert "K7QX-2M4R" in rendered.body
    assert (
        "<a "
        not in render(
            a_content(), replace(FACTS, public_url="javascript:alert(1)"), "email", "en"
        ).html
    )


def test_only_a_mail_says_how_to_stop_mails():
    polish, bare = pack_for("pl").unsubscribe.removesuffix("{url}"), replace(FACTS, public_url="")
    assert polish in render(a_content(), FACTS, "email", "pl").body
    for nowhere in (
        render(a_content(), FACTS, "web", "pl"),
        render(a_content(), bare, "email", "pl"),  # a link to nowhere helps nobody
    ):
        assert polish not in nowhere.body + nowhere.html
        assert nowhere.unsubscribe == ""


@pytest.mark.parametrize("tag", TAGS)
def test_a_mail_says_where_each_persons_own_link_stands(tag):
    mail = render(a_content(), FACTS, "email", tag)
    own = mail.unsubscribe
    assert own.startswith("https://alerts.example.org/u/")
    assert mail.body.count(own) == 1
    (anchor,) = html.fromstring(mail.html.encode()).xpath("//a[contains(@href, '/u/')]")
    assert (anchor.get("href"), anchor.text) == (own, own)


def test_an_authors_words_are_never_taken_for_the_link():
    theirs = "Open https://alerts.example.org/u/your-own-link now"
    content = a_content(languages={"en": Text(headline="Gas", description=theirs)})
    mail = render(content, FACTS, "email", "en")
    assert theirs in mail.body
    assert mail.unsubscribe not in theirs
    assert mail.body.count(mail.unsubscribe) == 1


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "literal", ["{{7*7}}", "{0.__class__}", "%n", "${x}", "{sender}", "{code}", "\\1"]
)
def test_what_looks_like_a_template_is_literal(channel, literal):
    rendered = render(a_content(languages={"en": Text(headline=literal)}), FACTS, channel, "en")
    assert all(literal in text for text in shown(rendered))
    rendered = render(a_content(), replace(FACTS, sender_name=literal), channel, "en")
    assert literal in rendered.body


# Determinism: what two people approved is what is sent


def test_golden_renderings():
    content = a_content(
        kind="correction",
        status="Exercise",
        hotlines=("0800 789 321",),
        note="The first message named Euston.",
    )
    facts = replace(FACTS, repeat=True)
    assert (
        render(content, facts, "sms", "cy").body
        == "EXERCISE / YMARFER. REPEAT / AILADRODD. CYWIRIAD. Metropolitan Police: Gas leak at"
        " Paddington. Beth oedd yn anghywir: The first message named Euston. Stay indoors and"
        " close windows. Call 0800 789 321. Cod y neges: K7QX-2M4R. YMARFER / EXERCISE"
    )
    assert (
        render(content, facts, "email", "en").subject
        == "EXERCISE: REPEAT: CORRECTION: Gas leak at Paddington - EXERCISE"
    )
    assert render(content, facts, "email", "en").body.split("\n\n") == [
        "EXERCISE",
        "REPEAT",
        "CORRECTION",
        "Police message from Metropolitan Police",
        "Gas leak at Paddington",
        "The leak was found at 08:40.",
        "Stay indoors and close windows. Call 0800 789 321.",
        "What was wrong: The first message named Euston.",
        "Call: 0800 789 321",
        "Sent: 09:00 GMT, Saturday 21 November 2026",
        "Message code: K7QX-2M4R",
        "Check this message at https://alerts.example.org/v/K7QX-2M4R",
        "If you no longer want these e-mails: https://alerts.example.org/u/your-own-link",
        "EXERCISE",
    ]
    level = a_content(kind="threat_level_change")
    assert (
        render(level, FACTS, "voice", "pl").body
        == "Komunikat policji: Metropolitan Police. Poziom zagrożenia w Zjednoczonym"
        " Królestwie to teraz SEVERE (poważny), atak jest bardzo prawdopodobny. Gas leak at"
        " Paddington. The leak was found at 08:40. Stay indoors and close windows. Call"
        " 0 8 0 0, 7 8 9, 3 2 1. Kod wiadomości: K 7 Q X, 2 M"
        " 4 R."
    )


def test_no_rendering_changes_unnoticed():
    digest = hashlib.sha256()
    for pack in all_packs().values():
        digest.update(repr(astuple(pack)).encode())
    for kind in KINDS:
        for status in ("Actual", "Exercise", "Test"):
            for tag in TAGS:
                for channel in CHANNELS:
                    rendered = render(
                        a_content(kind=kind, status=status, hotlines=("0800 1111",), source="MPS"),
                        FACTS,
                        channel,
                        tag,
                    )
                    digest.update(repr(astuple(rendered)).encode())
                    if channel == "voice":
                        digest.update(twiml(rendered, pack_for(tag), action_url="/a"))
    # Different? If the new words are meant, write down the new digest; the wording revision follows
    # by itself.
    assert digest.hexdigest()[:16] == "773ae80d7bf44518"


@pytest.mark.parametrize("tag", TAGS)
def test_a_sender_who_takes_no_replies_never_says_reply_stop_but_gives_the_address(
    tag: str,
) -> None:
    facts = replace(FACTS, sender_name="P", code="", public_url="https://a.uk")
    content = a_content(
        languages={tag: Text(headline="ж" * 72, description="B", instruction="")},
        expires=datetime(2026, 11, 21, 9, 0, tzinfo=UTC) + timedelta(hours=4),
    )
    name = render(content, replace(facts, replies=False), "sms", tag).body
    nowhere = render(content, replace(facts, replies=False, public_url=""), "sms", tag).body
    assert "STOP" not in name
    assert "STOP" not in nowhere
    assert "https://a.uk/me" in name
    assert "STOP" in render(content, facts, "sms", tag).body


def test_a_name_takes_no_replies_and_a_number_or_a_service_does() -> None:
    env = {"FASTTIME_TWILIO_FROM": "MetPolice", "FASTTIME_EXERCISE_TWILIO_FROM": "+447700900998"}
    assert named_senders(env) == {"Actual"}
    assert named_senders({"FASTTIME_EXERCISE_TWILIO_FROM": "DRILL"}) == {"Exercise"}
    assert named_senders({"FASTTIME_TWILIO_MESSAGING_SERVICE_SID": "MG1"}) == set()


def test_what_was_approved_with_reply_stop_is_void_once_the_sender_is_a_name() -> None:
    assert wording_revision("Police") != wording_revision(
        "Police", no_replies=frozenset({"Actual"})
    )
