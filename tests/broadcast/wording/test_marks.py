"""Tests of the mark of an exercise or a test: first and last, in every channel and language."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.content.limits import TEXT_LENGTHS
from broadcast.content.model import CHANNELS, KINDS, Text
from broadcast.content.segments import count
from broadcast.content.text_rules import check_not_a_drill
from broadcast.wording import discreet
from broadcast.wording.languages import pack_for
from broadcast.wording.render import SMS_SEGMENTS, render
from tests.broadcast.wording.messages import FACTS, TAGS, WORDS, a_content, shown


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


@pytest.mark.parametrize("tag", TAGS)
def test_an_update_says_so_before_who_sends_it_in_every_channel(tag):
    pack, updates = pack_for(tag), replace(FACTS, updates=True)
    for kind, behind in (("incident", ""), ("correction", pack.correction)):
        for channel in CHANNELS:
            first = shown(render(a_content(kind=kind), FACTS, channel, tag))
            for text, plain in zip(
                shown(render(a_content(kind=kind), updates, channel, tag)), first, strict=True
            ):
                assert text.startswith(pack.update), (channel, text)
                assert not plain.startswith(pack.update), (channel, plain)
                said = text.removeprefix(pack.update).lstrip(".:।。۔ \n")
                assert said.startswith(behind), (channel, text)
        named = render(a_content(kind=kind, status="Exercise"), updates, "email", tag)
        marks = [mark for mark in (pack.exercise, pack.update, behind) if mark]
        assert named.subject.startswith("".join(f"{mark}: " for mark in marks))
    hidden = render(a_content(), replace(updates, discreet=True), "sms", tag)
    assert hidden.body.index(discreet.subject(tag)) == 0
    assert pack.update in hidden.body


@pytest.mark.parametrize("tag", TAGS)
def test_the_mark_of_an_update_is_counted_and_never_makes_a_cheap_text_a_dear_one(tag):
    """A character outside GSM-7 in the mark alone would halve what fits into a part."""
    content = a_content(languages={tag: WORDS})
    first = render(content, FACTS, "sms", tag)
    update = render(content, replace(FACTS, updates=True), "sms", tag)
    assert update.segments == count(update.body).segments
    assert update.encoding == first.encoding
    full = replace(WORDS, headline="x" * 80, instruction="Stay indoors. " * 60)
    cut = render(a_content(languages={tag: full}), replace(FACTS, updates=True), "sms", tag)
    assert cut.segments == SMS_SEGMENTS
    assert cut.body.startswith(pack_for(tag).update)


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
