"""Tests of text messages: what they hold, and where they are cut."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.content.model import KINDS, Text
from broadcast.content.segments import count
from broadcast.wording.languages import pack_for
from broadcast.wording.levels import LEVELS
from broadcast.wording.render import render
from tests.broadcast.wording.messages import FACTS, TAGS, WORDS, a_content


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
