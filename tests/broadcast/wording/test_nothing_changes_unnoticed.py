"""Tests that what two people approved is what is sent, word by word."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import pytest

from broadcast.content.model import CHANNELS, KINDS, Text
from broadcast.wording.languages import all_packs, pack_for
from broadcast.wording.render import render
from broadcast.wording.revision import wording_revision
from broadcast.wording.speech import (
    twiml,
)
from channels.twilio.settings import named_senders
from tests.broadcast.wording.messages import FACTS, TAGS, a_content


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
    every = [(FACTS, kind, s) for kind in KINDS for s in ("Actual", "Exercise", "Test")]
    for facts, kind, status in (*every, (replace(FACTS, updates=True), "incident", "Actual")):
        content = a_content(kind=kind, status=status, hotlines=("0800 1111",), source="MPS")
        for tag in TAGS:
            for channel in CHANNELS:
                rendered = render(content, facts, channel, tag)
                digest.update(repr(astuple(rendered)).encode())
                if channel == "voice":
                    digest.update(twiml(rendered, pack_for(tag), action_url="/a"))
    # Different? If the new words are meant, write down the new digest; the wording revision follows
    # by itself.
    assert digest.hexdigest()[:16] == "c0c4716da7da05a6"


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
