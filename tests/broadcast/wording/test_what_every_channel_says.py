"""Tests of who, what, where, what to do and until when, in every channel and kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broadcast.content.model import CHANNELS, Circle, Text
from broadcast.wording.languages import pack_for
from broadcast.wording.levels import LEVELS
from broadcast.wording.pack import fill
from broadcast.wording.render import choose_language, render
from tests.broadcast.wording.messages import FACTS, SHAPE, TAGS, WORDS, a_content, shown, visible


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


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ("Gas leak here.", ["Where: Westminster.", "Until 09:00 GMT."]),
        ("Gas leak in Westminster.", ["Until 09:00 GMT."]),
        ("Gas leak here until 9 am.", ["Where: Westminster."]),
        ("Gas leak in Westminster until 09.00.", []),
        ("Gas leak here." + " Stay in." * 8, ["Until 09:00 GMT."]),  # both would cost a part
        ("Gas leak here." + " Stay in." * 10, []),
    ],
)
def test_to_an_authors_own_sms_place_and_time_are_added_where_it_costs_no_part(own, added):
    facts = replace(FACTS, names={"E09000033": "Westminster"}, expires=FACTS.sent)
    text = {"en": replace(WORDS, sms=own)}
    made = render(a_content(areas=("E09000033",), languages=text), facts, "sms", "en")
    assert own in made.body
    said = made.body.partition(own)[2].partition("Message code")[0]
    assert said.strip() == " ".join(added)
    assert made.segments == 1


CIRCLE = Circle(latitude=51.5, longitude=-0.1, radius_km=1)


@pytest.mark.parametrize("shape", [{"polygons": (SHAPE,)}, {"circles": (CIRCLE,)}])
def test_where_something_is_drawn_every_channel_names_the_areas_that_it_touches(shape):
    facts = replace(FACTS, names={"E09000030": "Tower Hamlets"}, near=("Camden", "Westminster"))
    for tag in TAGS:
        drawn = fill(pack_for(tag).in_part, place="Camden, Westminster")
        for channel in ("sms", "voice", "email"):
            assert drawn in render(a_content(**shape), facts, channel, tag).body
    assert (
        "Where: part of Camden, Westminster. "
        in render(a_content(**shape), facts, "sms", "en").body
    )
    both = render(a_content(areas=("E09000030",), **shape), facts, "voice", "en").body
    assert "Where: Tower Hamlets, part of Camden, Westminster." in both
    named = a_content(languages={"en": replace(WORDS, headline="Gas leak in Camden")}, **shape)
    assert "Where:" not in render(named, facts, "sms", "en").body


def test_a_shape_that_touches_no_known_area_and_a_code_without_a_name_are_never_said():
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
