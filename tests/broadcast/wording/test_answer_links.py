"""The link by which an appeal is answered, in a text and in a mail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadcast.answers.links import LENGTH, PATH, Links
from broadcast.content.model import Text
from broadcast.content.segments import count
from broadcast.wording.answering import answer_at
from broadcast.wording.render import SMS_SEGMENTS, render
from tests.broadcast.wording.messages import FACTS, TAGS, WORDS, a_content, visible

OWN = Links(public_url=FACTS.public_url, key=b"k" * 32, simulated=False)(4_000_000_000, 77)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("replies", [True, False])
def test_a_text_and_a_mail_of_an_appeal_hold_it_and_are_as_long_for_everybody(
    tag: str, replies: bool
) -> None:
    facts = replace(FACTS, replies=replies)
    content = a_content(kind="appeal")
    text = render(content, facts, "sms", tag)
    assert answer_at(tag, text.answer) in text.body
    mine = text.words_for(OWN)
    assert OWN in mine
    assert text.answer not in mine
    assert count(mine).segments == text.segments == count(text.body).segments <= SMS_SEGMENTS
    mail = render(content, facts, "email", tag)
    assert mail.answer == text.answer
    assert answer_at(tag, mail.answer) in visible(mail.html)
    assert f'href="{mail.answer}"' in mail.html


@pytest.mark.parametrize("channel", ["web", "voice"])
def test_what_everybody_sees_or_hears_has_none(channel: str) -> None:
    made = render(a_content(kind="appeal"), FACTS, channel, "en")
    assert made.answer == ""
    assert PATH not in made.body + made.html


@pytest.mark.parametrize(
    "kind", ["incident", "advice", "threat_level_change", "correction", "all_clear"]
)
def test_where_nothing_is_asked_there_is_none(kind: str) -> None:
    for channel in ("sms", "email"):
        made = render(a_content(kind=kind), FACTS, channel, "en")
        assert made.answer == ""
        assert PATH not in made.body + made.html


def test_without_a_public_address_there_is_none() -> None:
    made = render(a_content(kind="appeal"), replace(FACTS, public_url=""), "sms", "en")
    assert made.answer == ""
    assert Links(public_url="", key=b"k", simulated=False)(1, 1) == ""


def test_nothing_of_an_authors_is_taken_for_the_link() -> None:
    usual = render(a_content(kind="appeal"), FACTS, "sms", "en").answer
    written = replace(WORDS, headline=f"See {usual}")
    for words in (written, Text(headline="x", instruction="y", sms=f"See {usual}")):
        content = a_content(kind="appeal", languages={"en": words})
        for channel in ("sms", "email"):
            made = render(content, FACTS, channel, "en")
            assert made.answer != usual
            assert len(made.answer) == len(usual) == len(FACTS.public_url) + len(PATH) + LENGTH
            if channel == "sms":
                assert f"See {usual}" in made.words_for(OWN)


def test_the_mark_of_an_exercise_is_still_the_last_word() -> None:
    content = a_content(kind="appeal", status="Exercise", exercise="Winter")
    for channel in ("sms", "email"):
        assert render(content, FACTS, channel, "cy").body.rstrip().endswith("EXERCISE")
