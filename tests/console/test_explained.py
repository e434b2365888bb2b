"""Why somebody did or did not get a message, in a desk officer's words, reason by reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from broadcast.content.model import CHANNELS, SUBSCRIBER_KINDS
from broadcast.groups.registered import Group, Groups
from broadcast.ledger.evidence import LINES, RANK
from broadcast.places.areas import Area, AreaTree
from channels.twilio.errors import ERROR_CODES
from console import explained, provider_words
from console.explained import SAID, Names
from console.room import naming
from subscribers.index import REASONS
from subscribers.people_file.choices import TOPICS
from subscribers.trace import Why

ROOT = Path(__file__).parents[2]
NAMES = Names(
    AreaTree([(Area("E09000033", "Westminster", "borough", None), None)]),
    Groups(
        [
            Group(kind="sector", key="licensed_trade", name="Pubs and bars"),
            Group(kind="provider", key="met", name="Metropolitan Police"),
        ]
    ),
)
HERE = ["E09000033"]
HOURS = {"begin": "22:00", "end": "07:00", "at": "23:15"}

TOLD: dict[Why, tuple[dict[str, Any], str]] = {
    "registered": ({}, "They are in the registry."),
    "not_registered": ({}, "Nobody is registered under this number."),
    "erased": ({}, "They were deleted on their wish."),
    "not_erased": ({}, "They did not ask to be deleted."),
    "everywhere": ({}, "The message is for every place."),
    "no_site_there": ({}, "No site of an organisation they act for is where it is for."),
    "borderless_area": (
        {"areas": HERE},
        (
            "They live in Westminster (E09000033), which the message names and whose border is not"
            " known here."
        ),
    ),
    "nowhere_known": ({}, "Nobody knows where they live."),
    "too_little_of_area": (
        {"areas": HERE},
        (
            "They live in Westminster (E09000033), and no closer place is known. The drawn shape"
            " reaches into it, and covers too little of it to say that they are inside."
        ),
    ),
    "known_area_addressed": (
        {"areas": HERE},
        (
            "They live in Westminster (E09000033), and no closer place is known; the message is for"
            " there."
        ),
    ),
    "known_area_not_addressed": (
        {"areas": HERE, "at": "elsewhere"},
        (
            "Another place of theirs is in Westminster (E09000033), and no closer place is known;"
            " the message is for other places."
        ),
    ),
    "postcode_reached": (
        {"metres": 150},
        (
            "Of where they live only the postcode is known, to within 150 metres, and the message"
            " reaches into that."
        ),
    ),
    "postcode_middle_outside": (
        {"metres": 150},
        (
            "Of where they live only the postcode is known, to within 150 metres. The message"
            " reaches into that, but not to its middle."
        ),
    ),
    "outside": (
        {"areas": []},
        "They live in a place that has no name here, outside what the message is for.",
    ),
    "in_touched_area": (
        {"areas": HERE},
        "They live in Westminster (E09000033), which the message names or its shape touches.",
    ),
    "inside": (
        {"areas": HERE, "shapes": ["circle 2", "polygon 1"], "at": "site"},
        (
            "A site of an organisation they act for is in Westminster (E09000033), the drawn circle"
            " 2 and the drawn shape 1."
        ),
    ),
    "kind_meant": ({"kind": "officer", "kinds": ["officer"]}, "They are registered as an officer."),
    "kind_not_meant": (
        {"kind": "resident", "kinds": ["business", "partner"]},
        "They are registered as a resident; it is only for businesses or partners.",
    ),
    "sector_meant": ({"groups": ["sector:licensed_trade"]}, "They belong to Pubs and bars."),
    "sector_not_meant": (
        {"groups": ["sector:licensed_trade", "sector:fuel"]},
        "They do not belong to Pubs and bars or fuel.",
    ),
    "community_meant": ({"groups": ["community:boaters"]}, "They belong to boaters."),
    "community_not_meant": ({"groups": ["community:boaters"]}, "They do not belong to boaters."),
    "acts_for_meant": (
        {"acts_as": ["i/small"]},
        "They act for a small organisation in accommodation and food service.",
    ),
    "acts_for_nobody": ({}, "They act for no organisation."),
    "acts_for_others": (
        {"acts_as": ["i/small"]},
        "They act only for a small organisation in accommodation and food service.",
    ),
    "reached_before": (
        {"channels": ["sms", "voice"]},
        "They got an earlier version by text and call.",
    ),
    "not_reached_before": ({}, "They got none of the earlier versions."),
    "stopped": ({"channels": []}, "They stopped nothing."),
    "agreed_to": (
        {"channels": ["email", "sms", "voice"]},
        "They agreed to e-mails, texts and calls.",
    ),
    "never_in_exercises": ({}, "They asked to be told discreetly: exercises never go there."),
    "takes_part": ({}, "Nothing speaks against it."),
    "topic_chosen": (
        {"topic": "crime_update", "had_before": False},
        "They asked for messages about crime in their area.",
    ),
    "topic_not_chosen": (
        {"topic": "threat_level", "had_before": True},
        (
            "They did not ask for messages about changes of the threat level. They got it before,"
            " so what they chose does not count."
        ),
    ),
    "severity_asked": (
        {"severity": "Minor", "from": "Severe", "topic": "appeal", "had_before": False},
        (
            "They ask for messages about appeals of severe danger or worse; this one is graded"
            " minor danger."
        ),
    ),
    "no_quiet_hours": ({}, "They set no quiet hours."),
    "quiet_hours_urgent": (
        HOURS,
        "Their quiet hours are from 22:00 to 07:00; an urgent message comes all the same.",
    ),
    "quiet_hours_not_judged": (
        HOURS,
        "Their quiet hours are from 22:00 to 07:00; the hour is not judged yet.",
    ),
    "quiet_hours_wait": (
        HOURS,
        "Their quiet hours are from 22:00 to 07:00; it waits for them until 23:15.",
    ),
    "quiet_hours_past_expiry": (
        HOURS,
        (
            "Their quiet hours are from 22:00 to 07:00. It was 23:15, and the message ends before"
            " they do."
        ),
    ),
    "quiet_hours_outside": (HOURS, "Their quiet hours are from 22:00 to 07:00; it was 23:15."),
    "provider_wanted": ({"provider": "met"}, "They switched off nobody whose message this is."),
    "provider_off_urgent": (
        {"provider": "met"},
        (
            "They switched off the routine messages of Metropolitan Police; an urgent message comes"
            " all the same."
        ),
    ),
    "provider_off_follows": (
        {"provider": "met"},
        (
            "They switched off the routine messages of Metropolitan Police; what follows an earlier"
            " message comes all the same."
        ),
    ),
    "provider_off": (
        {"provider": "met"},
        "They switched off the routine messages of Metropolitan Police.",
    ),
    "weekly_urgent": (
        {"most_a_week": 1},
        "They take 1 routine message a week at most; an urgent message comes all the same.",
    ),
    "weekly_follows": (
        {"most_a_week": 3},
        (
            "They take 3 routine messages a week at most; what follows an earlier message comes all"
            " the same."
        ),
    ),
    "weekly_full": (
        {"most_a_week": 3},
        "They take 3 routine messages a week at most, and got as many in the last 7 days.",
    ),
    "weekly_room": (
        {"most_a_week": 3},
        "They take 3 routine messages a week at most, and got fewer in the last 7 days.",
    ),
    "channels_usable": ({"channels": ["sms"]}, "They can be reached by text."),
    "no_channel_chosen": ({}, "They chose no way to be told."),
    "other_channels_chosen": (
        {"channels": ["voice"], "message_channels": ["sms", "web"], "topic": "incident"},
        "They chose calls for messages about incidents; this one goes by text and the web page.",
    ),
    "channels_unusable": (
        {"off": ["voice"], "lacking": ["sms", "email"]},
        (
            "This control room does not send calls; no number or address of theirs is known for"
            " texts or e-mails."
        ),
    ),
    "language_given": (
        {"speaks": ["cy", "en"], "gets": "en"},
        "They read Welsh [cy] then English [en], and get it in English [en].",
    ),
    "same_person_elsewhere": (
        {"others": [7], "kinds": ["resident", "officer"], "comes_to": 7},
        (
            "They are also registered as person 7: one message goes to them as a resident and an"
            " officer, and it comes to person 7."
        ),
    ),
    "same_person_here": (
        {"others": [7, 9], "kinds": ["resident"], "comes_to": 5},
        (
            "They are also registered as person 7 and 9: one message goes to them as a resident,"
            " and it comes to person 5."
        ),
    ),
    "same_person_follows": (
        {"others": [7], "kinds": ["resident"], "comes_to": 5},
        "They are also registered as person 7: what follows goes where the message before it went.",
    ),
}

CODE_WORDS = re.compile(
    r"\b(sms|voice|web(?! page)|consent\w*|polygon|addressed\w*|suppressed|generation|sector:\w*"
    r"|community:\w*|\w+_\w+)\b|(?<!\()[EWSN]\d{8}"
)
"""What no desk officer says: codes of channels, groups and reasons, and an area without a name."""


def test_the_table_has_every_reason_and_so_have_the_words() -> None:
    assert set(TOLD) == set(get_args(Why)) == set(SAID)


@pytest.mark.parametrize("why", get_args(Why))
def test_every_reason_is_told_in_words_and_without_a_code(why: Why) -> None:
    of, said = TOLD[why]
    assert SAID[why](of, NAMES) == said
    assert not CODE_WORDS.search(said), said


def test_whatever_a_reason_names_has_words() -> None:
    assert set(naming.WAYS) == set(CHANNELS)
    assert set(naming.LINES) == set(LINES)
    assert set(naming.TOPICS) == set(TOPICS)
    for code in (*REASONS, *SUBSCRIBER_KINDS, "out_of_area", "out_of_audience", "unknown"):
        assert "_" not in naming.word(code)


@pytest.mark.parametrize(
    ("channel", "code", "said"),
    [
        ("sms", "30003", "the handset is off or out of reach (30003)"),
        ("sms", "99999", "the provider says no more than a code (99999)"),
        ("sms", "http_503", "the provider's answer does not say whether it took it (HTTP 503)"),
        ("voice", "busy", "the line was busy"),
        ("voice", "no-answer", "nobody picked up"),
        ("email", "busy", "all our connections to the mail server were in use"),
        ("email", "450", "the mail server takes it later, or not yet (450)"),
        ("email", "550", "the mail server refuses it (550)"),
        ("email", "550 5.1.1", "the mail server knows no such address (550 5.1.1)"),
        ("email", "worker_lost", "the process that sent it was lost"),
        ("sms", "stopped", "stopped these messages"),
        ("sms", "", ""),
    ],
)
def test_what_a_provider_or_we_call_by_a_code_is_said_in_words(
    channel: str, code: str, said: str
) -> None:
    assert provider_words.why(channel, code) == said


def test_every_state_line_and_code_of_an_attempt_has_words() -> None:
    assert set(provider_words.STATES) == set(RANK)
    assert set(explained.STANDS) == set(LINES)
    source = "".join(path.read_text() for path in (ROOT / "channels").rglob("*.py"))
    ours = set(re.findall(r'(?:Refused|Unavailable|InDoubt)\(\s*"([a-z_]+)"', source))
    assert {"no_answer", "number_not_reachable"} <= ours
    for code in (*ours, *ERROR_CODES, "worker_lost", "retries_exhausted", "stopped_meanwhile"):
        said = provider_words.attempt("sms", "failed", code)
        assert not re.search(r"\w_\w", said), said
        assert said != f"it failed: {naming.word(code)}"


def test_attempts_and_the_end_are_sentences_too() -> None:
    attempt = {"generation": 2, "channel": "voice", "state": "in_doubt", "code": "", "at": "12:00"}
    told: dict[str, Any] = {
        "steps": [{"name": "consent", "passed": True, "why": "agreed_to", "of": {"channels": []}}],
        "attempts": [attempt],
        "line": "in_doubt",
        "reason": "",
    }
    assert explained.sentences(told, NAMES) == [
        "Did they agree to a way that it goes by? Yes. They agreed to nothing.",
        "Try 2, by call, 12:00: nobody knows whether it arrived.",
        (
            "So they are on the line “in doubt”: nobody knows whether it arrived, so it is not"
            " sent again by itself."
        ),
    ]
    told |= {"line": None, "reason": "out_of_area", "steps": [], "attempts": []}
    assert explained.sentences(told, NAMES) == ["It is not for them: not where the message is for."]
