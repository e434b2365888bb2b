"""What a message would cost and when the first and the last person would be told: the same in the
preview of the page, before the submission, for the approver and from the API.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.expected import sentences
from service.expecting import Expected, OnChannel
from service.rendering import as_it_arrives
from subscribers.registry.importing import import_records
from tests.console.site import ACCOUNT, TOKEN, WESTMINSTER, Site, open_site, person
from tests.console.visitor import HERE, Visitor

SENDING = {
    "FASTTIME_PUBLIC_URL": HERE,
    "FASTTIME_TWILIO_ACCOUNT_SID": ACCOUNT[:-4] + "1a2b",
    "FASTTIME_TWILIO_AUTH_TOKEN": TOKEN[:-4] + "1a2b",
    "FASTTIME_TWILIO_FROM": "+447700900500",
    "FASTTIME_TWILIO_VOICE_FROM": "+447700900501",
    "FASTTIME_SMS_RATE": "10",
    "FASTTIME_VOICE_RATE": "1",
    "FASTTIME_SMS_PRICE": "3.5",
    "FASTTIME_VOICE_PRICE": "6",
}
WORDS = {"headline-0": "Gas leak", "instruction-0": "Close doors and windows. " * 9}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, **SENDING) as running:
        calls = [
            person(n, channels="voice", mobile=None, phone=f"+4420794600{n}") for n in range(41, 44)
        ]
        await running.db.write(import_records, calls, "test", datetime.now(UTC))
        yield running


async def test_the_preview_says_cost_and_when_the_last_is_told_as_the_api_does(
    site: Site,
) -> None:
    author, approver = Visitor(site), Visitor(site)
    await author.sign_in("author")
    page = await author.get("/room/new")
    fields = {**WORDS, "areas": [WESTMINSTER], "channels": ["sms", "voice"]}
    seen = await author.send(page, "/room/new", fields, do="preview")
    typed = await author.send(page, "/room/new", fields, do="keep")
    await author.send(page, "/room/new", fields, do="save")
    told = (await site.call("POST", "/api/v1/messages/1/preview")).json
    check = await author.get("/room/messages/1/check")
    await author.send(check, "/room/messages/1/submit", accept=["overlap", "sms_incomplete"])
    await approver.sign_in("approver")
    approval = await approver.get("/room/messages/1/approve")
    v = await site.version(1)
    sizes = {
        channel: made.segments
        for _, channel, made in as_it_arrives(v, site.settings, datetime.now(UTC))
    }
    texts = told["counts"]["channels"]["sms"]
    parts = texts * sizes["sms"]
    # 30 texts at 10 a second, of which the first ten go at once; four calls, one a second
    assert (texts, told["counts"]["channels"]["voice"]) == (30, 4)
    assert sizes["sms"] > 1
    pounds = f"{(parts * 3.5 + 4 * 6) / 100:.2f}"
    assert told["expected"] == {
        "channels": {
            "sms": {
                "people": 30,
                "rate": 10.0,
                "last_seconds": 2.0,
                "segments": parts,
                "pounds": f"{parts * 3.5 / 100:.2f}",
            },
            "voice": {
                "people": 4,
                "rate": 1.0,
                "last_seconds": 3.0,
                "segments": None,
                "pounds": "0.24",
            },
        },
        "at_most": False,
        "pounds": pounds,
        "last_seconds": 3.0,
        "first_not_before": None,
        "last_not_before": None,
    }
    says = (
        f"Text messages: {parts} parts for 30 texts, £{parts * 3.5 / 100:.2f}.",
        "Calls: 4 calls, £0.24.",
        f"In all £{pounds}.",
        "The first person is told at once after the approval, the last 3 seconds later, if",
        "Rates a second: 10 texts, 1 call.",
    )
    by_script = json.loads(typed.text)["preview"]
    for sentence in says:
        assert sentence in by_script
        for where in (seen, check, approval):
            assert sentence in where.words


async def test_without_a_price_or_a_rate_the_preview_says_that_it_cannot_know(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as site:
        author = Visitor(site)
        await author.sign_in("author")
        page = await author.get("/room/new")
        seen = await author.send(page, "/room/new", WORDS, areas=[WESTMINSTER], do="preview")
    assert "at a cost that is not known: FASTTIME_SMS_PRICE is not set" in seen.words
    assert "No rate is set for texts and calls: they go as fast as they are taken." in seen.words
    assert "£" not in seen.words


async def test_cost_and_time_of_a_drawn_shape_tell_no_more_than_its_counts(site: Site) -> None:
    # in one ward 30 texts in English and 3 in Arabic, whose parts would tell the 3
    arabic = [person(n, language="ar") for n in range(51, 54)]
    await site.db.write(import_records, arabic, "test", datetime.now(UTC))
    author = Visitor(site)
    await author.sign_in("author")
    page = await author.get("/room/new")
    fields = {
        **WORDS,
        "instruction-0": "Go.",
        "tag-1": "ar",
        "headline-1": "تسرب غاز",
        "instruction-1": "ابق في الداخل. " * 20,
        "channels": ["sms"],
        "circles": "51.5,-0.14 1",
    }
    await author.send(page, "/room/new", fields, do="save")
    told = (await site.call("POST", "/api/v1/messages/1/preview")).json
    check = await author.get("/room/messages/1/check")
    codes = {box.get("value") for box in check.tree.xpath("//input[@name='accept']")}
    await author.send(check, "/room/messages/1/submit", accept=sorted(codes))
    v = await site.version(1)
    sizes = Counter(
        {
            language: made.segments
            for language, channel, made in as_it_arrives(v, site.settings, datetime.now(UTC))
            if channel == "sms"
        }
    )
    shown = told["counts"]["channels"]["sms"]
    assert sizes["ar"] > sizes["en"]
    assert isinstance(shown, int)
    assert told["expected"]["at_most"]
    assert told["expected"]["channels"]["sms"]["segments"] == shown * sizes["ar"]


def test_hidden_people_have_no_cost_and_who_waits_is_told_when_quiet_hours_end() -> None:
    def clock(at: datetime) -> str:
        return f"at {at.hour}"

    few = Expected(channels=(OnChannel(channel="sms", people="fewer than 10"),))
    assert sentences(few, clock) == [
        "Cost and time are not shown: of a drawn shape they would tell where few people are."
    ]
    at = [datetime(2026, 11, 28, hour, tzinfo=UTC) for hour in (6, 8)]
    mails = OnChannel(channel="email", people=7200, rate=1, seconds=7199)
    waiting = Expected(channels=(mails,), first=at[0], last=at[1])
    assert sentences(waiting, clock) == [
        "The first person is told when their quiet hours end, at 6, if nothing else is being sent.",
        "Rates a second: 1 e-mail.",
        "Who is in quiet hours is told when these end, the last at 8.",
    ]
    some = Expected(channels=(mails,), last=at[1])
    assert sentences(some, clock)[0].endswith(
        "the last 2 hours later, if nothing else is being sent."
    )
    assert sentences(Expected(), clock) == []
