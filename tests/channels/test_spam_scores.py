"""A spam filter that judges by a mail's own words and headers lets every kind of mail of ours pass:
SpamAssassin with Debian's rules, asking no network.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import pytest_asyncio

from broadcast.content.model import KINDS, Content, Text
from broadcast.wording.languages import all_packs
from broadcast.wording.render import render
from broadcast.wording.rendered import Facts, Rendered
from channels.contract import Accepted, Delivery
from channels.dkim import Signer
from channels.email import EmailChannel
from channels.smtp_settings import SmtpSettings
from service.residents import texts
from service.residents.code_words import CODE_WORDS
from tests.channels.mail_server import FROM, a_mail_server
from tests.channels.test_dkim import keys  # noqa: F401 - a fixture

MOST = 1.0
"""Of the 5.0 that make spam."""
NAMED = 0.05
"""A rule that scores less tells only what it saw: that there is HTML."""
KNOWN = {
    "in ru": "MIXED_ES",  # Cyrillic beside Latin: a letter that looks like an e
    "in bg": "MIXED_ES",
    "repeat ar": "SUBJ_ALL_CAPS",  # the only Latin letters of the subject are those of REPEAT
}
"""What is scored of the script that a mail is written in, whatever it says."""
PUBLIC_URL = "https://alerts.police.example.org"
OWN_LINK = f"{PUBLIC_URL}/u/aebagbafaydqqcikbmga2dq6"
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FACTS = Facts(
    sender_name="Metropolitan Police",
    code="K7QX2M4RD",
    public_url=PUBLIC_URL,
    sent=NOW,
    names={"E09000033": "Westminster"},
    expires=NOW + timedelta(hours=4),
)
RECEIVED = (
    "Received: from mail.police.example.org (mail.police.example.org [IPv6:2001:db8::7])\r\n"
    "\tby mx.example.net with ESMTPS id 4bX9; Sat, 21 Nov 2026 09:00:05 +0000\r\n"
)
"""What the mailbox's own server writes: with it the filter judges it as a mail from outside."""
TEXTS = {
    "en": Text(
        headline="Gas leak in Strutton Ground",
        description="Gas is escaping from a main in Strutton Ground. The fire brigade is there.",
        instruction="Stay indoors. Close windows and doors. Do not smoke.",
    ),
    "cy": Text(
        headline="Nwy'n gollwng yn Strutton Ground",
        description="Mae nwy'n dianc o bibell yn Strutton Ground. Mae'r gwasanaeth tân yno.",
        instruction="Arhoswch dan do. Caewch y ffenestri a'r drysau. Peidiwch ag ysmygu.",
    ),
    "ar": Text(
        headline="تسرب غاز في ستراتون غراوند",
        description="يتسرب الغاز من أنبوب في ستراتون غراوند. فرقة الإطفاء في المكان.",
        instruction="ابقوا في الداخل. أغلقوا النوافذ والأبواب. لا تدخنوا.",
    ),
}


@dataclass(frozen=True)
class Score:
    """What the filter said of one mail."""

    points: float
    rules: Mapping[str, float]


def a_message(tag: str, facts: Facts = FACTS, **change: object) -> Rendered:
    kind = str(change.get("kind", "incident"))
    basic: dict[str, object] = {
        "kind": kind,
        "status": "Actual",
        "urgency": "Immediate",
        "severity": "Severe",
        "certainty": "Observed",
        "areas": ("E09000033",),
        "languages": {tag: TEXTS.get(tag, TEXTS["en"])},
        "hotlines": ("0800 789 321",),
        "source": "London Fire Brigade",
        "expires": timedelta(hours=4),
    }
    if kind == "threat_level_change":
        basic |= {"level": "SEVERE", "scope": "UK", "areas": ()}
    if kind == "correction":
        basic |= {"note": "The first message named Euston."}
    return render(Content(**(basic | change)), facts, "email", tag)  # type: ignore[arg-type]


def messages() -> dict[str, Rendered]:
    """Return a mail of each kind and status, and one in each language, by what it is."""
    found = {f"{kind} {tag}": a_message(tag, kind=kind) for tag in TEXTS for kind in KINDS}
    for tag in TEXTS:
        found[f"update {tag}"] = a_message(tag, replace(FACTS, updates=True))
        found[f"repeat {tag}"] = a_message(tag, replace(FACTS, repeat=True))
        found[f"discreet {tag}"] = a_message(tag, replace(FACTS, discreet=True))
        found[f"exercise {tag}"] = a_message(tag, status="Exercise", exercise="Winter Oak")
    return found | {f"in {tag}": a_message(tag) for tag in all_packs() if tag not in TEXTS}


def codes() -> dict[str, Rendered]:
    """Return the mails by which people register and sign in, and learn of a number that fails."""
    whats = ("join", "known", "sign_in", "add", "same_person", texts.SAMPLE, "bounced_sms")
    return {
        f"{what}{' discreetly' if discreetly else ''} {tag}": texts.rendered(
            "email",
            what,
            tag,
            code="471108",
            sender=FACTS.sender_name,
            public_url=PUBLIC_URL,
            discreet=discreetly,
        )
        for tag in CODE_WORDS
        for what, discreetly in (*((each, False) for each in whats), ("join", True))
        if tag in TEXTS or what == "sign_in"
    }


async def on_the_wire(mails: Mapping[str, Rendered], signing: str) -> list[bytes]:
    """Return each mail as our channel hands it over, signed."""
    signer = Signer.from_env({"FASTTIME_DKIM_KEYS": signing}, "alerts@police.example.org")
    async with a_mail_server() as server:
        known = SmtpSettings.from_url(server.url, FROM)
        channel = EmailChannel(replace(known, reserved_too=True, signer=signer), now=lambda: NOW)
        for number, (what, rendered) in enumerate(mails.items()):
            delivery = Delivery(
                attempt="" if not rendered.unsubscribe else f"{number:032x}00{'a' * 16}",
                to="ada@example.net",
                rendered=rendered,
                status="Actual",  # the channel's: what is written in the mail says its own
                expires_at=NOW + timedelta(hours=4),
                unsubscribe_url=OWN_LINK if rendered.unsubscribe else "",
            )
            assert type(await channel.send(delivery, timeout=5)) is Accepted, what
        await channel.close()
    return [body.replace(b"\r\n..", b"\r\n.") for body in server.bodies]


async def scored(mails: list[bytes], home: Path) -> list[Score]:
    """Return what SpamAssassin says of each, from one start of it: that takes longer than all of
    them.
    """
    program = shutil.which("spamassassin")
    assert program, "spamassassin is missing: make services"
    box = home / "box"
    box.write_bytes(
        b"".join(
            b"From - Sat Nov 21 09:00:05 2026\n"
            + (b"X-Number: %d\r\n" % number + RECEIVED.encode() + mail)
            .replace(b"\r\n", b"\n")
            .replace(b"\nFrom ", b"\n>From ")
            + b"\n"
            for number, mail in enumerate(mails)
        )
    )
    process = await asyncio.create_subprocess_exec(
        program,
        "--local",  # asks no name server
        "--nocreate-prefs",
        "--cf=use_bayes 0",
        "--cf=use_txrep 0",
        "--cf=report_safe 0",
        "--cf=add_header all Scores _TESTSSCORES(,)_",
        "--mbox",
        str(box),
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said.decode()
    found = {}
    for one in re.split(rb"(?m)^From - .*\n", out)[1:]:  # not in the order in which they were asked
        answer = message_from_bytes(one, policy=policy.default)
        told = re.sub(r"\s", "", str(answer["X-Spam-Scores"]))
        rules = dict(rule.split("=") for rule in told.split(",") if "=" in rule)
        points = re.search(r"score=(\S+)", str(answer["X-Spam-Status"]))
        assert points, answer["X-Spam-Status"]
        found[int(answer["X-Number"])] = Score(
            points=float(points[1]), rules={name: float(by) for name, by in rules.items()}
        )
    return [found[number] for number in range(len(mails))]


SPAM = (
    b"From: Winner <a@b.example>\r\nSubject: YOU WON!!! CLICK HERE\r\n\r\n"
    b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
)
"""GTUBE, which every SpamAssassin takes for spam: it shows that the filter judges at all."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scores(
    keys: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Score]:
    """The score of each of our mails, and of one that a filter must not let pass, by what it is."""
    mails = messages() | codes()
    sent = await on_the_wire(mails, keys)
    found = await scored([*sent, SPAM], tmp_path_factory.mktemp("spam"))
    return dict(zip([*mails, "spam"], found, strict=True))


def test_a_spam_filter_takes_no_mail_of_ours_for_spam(scores: dict[str, Score]) -> None:
    assert scores["spam"].points > 100
    ours = {what: score for what, score in scores.items() if what != "spam"}
    assert len(ours) > 80
    for what, score in sorted(ours.items()):
        most = score.rules.get(KNOWN.get(what, ""), 0.0)
        assert score.points < MOST or score.points == most == MOST, (what, score)


def test_no_rule_of_a_spam_filter_speaks_of_our_words_or_of_a_header_that_is_missing(
    scores: dict[str, Score],
) -> None:
    ours = {what: score for what, score in scores.items() if what != "spam"}
    found = {
        what: named
        for what, score in ours.items()
        if (named := {r for r, by in score.rules.items() if by >= NAMED} - {KNOWN.get(what)})
    }
    assert found == {}
    header = re.compile("MISSING|INVALID|MSGID|SUBJECT|DATE_IN|MIME_|UNSUB|EXCUSE|REMOVE")
    assert not {what: s for what, s in ours.items() if any(map(header.search, s.rules))}
