"""What somebody reads who asked that sender, subject and first words give nothing away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broadcast.content.segments import count
from broadcast.wording import discreet
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import fill
from broadcast.wording.render import SMS_SEGMENTS, render
from tests.broadcast.wording.messages import FACTS, TAGS, a_content

HIDDEN = replace(FACTS, discreet=True)
SENDER = FACTS.sender_name


@pytest.mark.parametrize("tag", TAGS)
def test_nobody_reads_from_whom_it_is_before_they_open_it_and_the_author_s_words_all_stand_there(
    tag: str,
) -> None:
    assert discreet.languages() == set(TAGS)
    content = a_content()
    text = content.languages[tag]
    said = {c: render(content, HIDDEN, c, tag) for c in ("sms", "voice", "email")}
    for channel, mine in said.items():
        assert mine.discreet
        assert SENDER not in mine.body
        assert SENDER not in mine.subject
        assert text.headline.rstrip(".") in mine.body, channel
    mail = said["email"]
    assert mail.subject == discreet.subject(tag)
    assert mail.body.startswith(discreet.first_words(tag))
    assert f"<title>{discreet.subject(tag)}</title>" in mail.html.replace("&#x27;", "'")
    assert SENDER not in mail.html
    assert said["sms"].body.startswith(f"{discreet.subject(tag)}:")
    assert said["voice"].body.startswith(discreet.subject(tag))
    usual = render(content, FACTS, "email", tag)
    assert usual.body.replace(
        fill(pack_for(tag).police_message, sender=SENDER), discreet.first_words(tag)
    ) == (mail.body)
    assert not usual.discreet


@pytest.mark.parametrize("tag", TAGS)
def test_a_mail_hides_its_words_behind_its_first_ones_in_a_list_of_mails(tag: str) -> None:
    least = 30 if tag == "zh" else 70
    assert len(discreet.first_words(tag)) >= least


def test_a_correction_says_so_behind_the_first_words_and_a_test_in_front_of_them() -> None:
    note = "The road is open."
    correction = render(a_content(kind="correction", note=note), HIDDEN, "sms", "en")
    assert correction.body.startswith("A message for you: CORRECTION.")
    assert render(a_content(kind="correction", note=note), HIDDEN, "email", "en").subject == (
        "A message for you"
    )
    trial = render(a_content(status="Test"), HIDDEN, "email", "en")
    assert trial.subject == "TEST: A message for you - TEST"
    spoken = render(a_content(status="Test"), HIDDEN, "voice", "en").body
    assert spoken.startswith("TEST. A message for you.")


def test_a_text_is_cut_and_counted_as_every_other() -> None:
    content = a_content()
    text = replace(content.languages["en"], instruction="Go round by the bridge. " * 60, sms=None)
    long = replace(content, languages={"en": text})
    made = render(long, HIDDEN, "sms", "en")
    assert made.segments == count(made.body).segments <= SMS_SEGMENTS
    assert HIDDEN.code in made.body
