"""The count is the truth: what a preview counts, an approver approves and the account ends with are
the same numbers line by line, people who share a number or an address included.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.ledger.claims import open_batches
from broadcast.messages.versions import of_message
from subscribers.registry.importing import import_records
from tests.console.site import CAMDEN, Site, a_draft, open_site, person

URGENT = {"severity": "Severe", "urgency": "Immediate"}


def shared() -> list[Any]:
    """Of Camden: four of one mobile, three of one mailbox, two of both; and four who want less, or
    other channels, of incidents.
    """
    home, box, there = "+447700901999", "office@example.org", {"lat": 51.55}
    one = {"channels": "sms", "mobile": home, **there}
    mine = {"mobile": "+447700901111", "email": "mine@example.org"}
    many = {"channels": "sms;email", "mobile": home, "email": box, **there}
    return [
        person(101, **one),
        person(102, **one),
        person(103, channels="email", email=box, mobile=None, **there),
        person(104, channels="email", email=box.upper(), mobile=None, **there),
        person(105, **many),
        person(106, **many),
        person(107, channels="voice;sms", mobile=home, **there),
        person(108, channels="voice", mobile=None, phone=home, **there),
        person(109, mobile="+447700901109", minimum_severity="Extreme", **there),
        person(110, mobile="+447700901110", by_topic="incident Extreme", **there),
        person(111, **mine, channels="email;sms", by_topic="incident sms", **there),
        person(112, mobile=None, channels="sms;voice", by_topic="incident voice", **there),
    ]


@pytest.fixture(params=["sqlite", "postgres"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    postgres = request.param == "postgres"
    env = (
        {"FASTTIME_DATABASE_URL": request.getfixturevalue("migrated_postgres_url")}
        if postgres
        else {}
    )
    async with open_site(tmp_path, **env) as running:
        await running.db.write(import_records, shared(), "test", datetime.now(UTC))
        yield running


async def sent_to_all(site: Site, lane: str) -> None:
    """Hand the message to everybody who waits, on every channel."""
    for channel in ("sms", "voice", "email"):
        while await site.db.read(
            open_batches.candidates, lane, channel, ("Actual",), datetime.now(UTC)
        ):
            await site.done(await site.claimed(channel, lane))


@pytest.mark.parametrize("more", [{}, URGENT], ids=["routine", "urgent"])
async def test_what_was_previewed_and_approved_is_what_the_account_ends_with(
    site: Site, more: dict[str, Any]
) -> None:
    message = await site.drafted(areas=[CAMDEN], **more)
    previewed = (await site.post(f"/api/v1/messages/{message}/preview", {})).json
    submitted = (await site.post(f"/api/v1/messages/{message}/submit", {})).json
    assert (submitted["counts"], submitted["people"]) == (previewed["counts"], previewed["people"])
    await site.approve(message, submitted["content_hash"])
    await site.release(message)
    await sent_to_all(site, "urgent" if more else "routine")

    counts = previewed["counts"]
    account = (await site.get(f"/api/v1/messages/{message}/counts")).json
    (v,) = await site.db.read(of_message, message)
    sent = account["addressed"] - account["people"]["not_sent"]
    assert previewed["people"] == counts["send"] == v.seen_count == sent
    assert account["people"]["accepted"] == sent
    assert counts["addressed"] == account["addressed"] == 13
    assert counts["suppressed"] == {r: n for r, n in account["suppressed"].items() if n}
    assert counts["suppressed"]["duplicate_person"] > 0
    for channel, people in counts["channels"].items():
        lines = account["channels"][channel]
        assert people == sum(lines.values()) - lines["not_sent"] == lines["accepted"], channel
    assert sum(counts["kinds"].values()) == sum(counts["languages"].values()) == sent
    (listed,) = (await site.get("/api/v1/messages", role="approver")).json["messages"]
    assert listed["counts"] == {"people": sent, "addressed": 13}


async def test_an_all_clear_counts_every_channel_that_reached_somebody(site: Site) -> None:
    message = await site.live(areas=[CAMDEN], **URGENT)
    await sent_to_all(site, "urgent")
    alarm = (await site.get(f"/api/v1/messages/{message}/counts")).json["channels"]
    over = a_draft(kind=None, areas=[CAMDEN], severity="Minor", urgency="Past")
    assert (await site.post(f"/api/v1/messages/{message}/all-clear", over)).status == 201
    submitted = (await site.post(f"/api/v1/messages/{message}/submit", {})).json
    counted = submitted["counts"]["channels"]
    assert {c: alarm[c]["accepted"] for c in counted} == counted
    assert counted["sms"] > 0 < counted["email"]
    await site.approve(message, submitted["content_hash"])
    await site.release(message)
    await sent_to_all(site, "routine")
    account = (await site.get(f"/api/v1/messages/{message}/counts")).json
    assert {c: account["channels"][c]["accepted"] for c in counted} == counted
    assert account["people"]["accepted"] == submitted["people"]


async def test_the_numbers_are_these(site: Site) -> None:
    """One mobile, one mailbox and one telephone are used once each; two want less."""
    message = await site.drafted(areas=[CAMDEN])
    counts = (await site.post(f"/api/v1/messages/{message}/preview", {})).json["counts"]
    # by text: person 31 of Camden, the first of the shared mobile and who wants incidents so; by
    # mail: the first of the mailbox; by call: the first of the telephone
    assert counts["channels"] == {"sms": 3, "voice": 1, "email": 1}
    assert counts["send"] == 5
    assert counts["suppressed"] == {"below_severity": 2, "duplicate_person": 5, "no_channel": 1}


async def test_a_message_whose_people_are_all_duplicates_of_one_goes_to_that_one(
    site: Site,
) -> None:
    message = await site.drafted(areas=[CAMDEN], channels=["email", "web"])
    answer = (await site.post(f"/api/v1/messages/{message}/submit", {})).json
    assert (answer["people"], answer["counts"]["suppressed"]["duplicate_person"]) == (1, 3)
