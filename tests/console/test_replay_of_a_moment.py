"""The past at a moment: at each one the sums are those that the control room saw then."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcast.ledger import delivery_report
from broadcast.replay import past
from console.room.naming import word
from tests.console.cli import ENTRY
from tests.console.site import WESTMINSTER, Site, open_site
from tests.console.visitor import HERE, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def lived(site: Site) -> list[tuple[datetime, str, dict[str, Any]]]:
    """Let a message live; return what its account said after each step, and when."""
    seen: list[tuple[datetime, str, dict[str, Any]]] = []

    async def look() -> None:
        await asyncio.sleep(0.005)
        v = await site.version(1)
        told = (await site.db.read(delivery_report.account, v)).to_json()
        seen.append((datetime.now(UTC), v.state, told))
        await asyncio.sleep(0.005)

    await site.approved(severity="Severe")
    await look()
    await site.release(1)
    await look()
    sms = await site.claimed(lane="urgent")
    await look()
    await site.done(sms, "in_doubt")
    await look()
    voice = await site.claimed("voice", "urgent")
    await look()
    await site.post("/api/v1/messages/1/hold", role="approver")
    await look()
    await site.done(voice, "delivered")
    await look()
    await site.post("/api/v1/messages/1/resume", role="approver")
    await site.post("/api/v1/messages/1/cancel", {"why": "x", "reason": "over"}, role="approver")
    await look()
    return seen


async def test_at_every_moment_the_sums_are_those_that_were_seen_then(site: Site) -> None:
    seen = await lived(site)
    found = await site.db.read(past.at, 1, [at for at, _, _ in seen])
    for (_, state, told), (moment,) in zip(seen, found, strict=True):
        again = moment.to_json()
        for part in ("people", "channels", "addressed", "suppressed"):
            assert again[part] == told[part], (state, part)
        assert moment.state == state
    assert len({str(told["people"]) for _, _, told in seen}) >= 5
    before = await site.db.read(past.at, 1, [seen[0][0] - timedelta(hours=1)])
    assert before == [[]]


async def test_the_acts_of_the_control_room_are_marks(site: Site) -> None:
    await lived(site)
    found = await site.db.read(past.marks, 1)
    assert [mark.what for mark in found] == ["approved", "live", "hold", "resume", "cancel"]
    ends = await site.db.read(past.span, await site.version(1))
    assert ends is not None
    assert ends[0] == found[0].at < found[-1].at < ends[1]


async def test_the_command_tells_of_one_message_at_one_moment(site: Site) -> None:
    seen = await lived(site)
    at, state, told = seen[3]
    words = ("replay", "--message", "1", "--until", at.isoformat(), "--json")
    program = await asyncio.create_subprocess_exec(
        *(*ENTRY, *words),
        env=os.environ | {"FASTTIME_DATA": str(site.settings.data)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await program.communicate()
    (version,) = json.loads(said)["versions"]
    assert (version["state"], version["people"]) == (state, told["people"])
    refused = await asyncio.create_subprocess_exec(
        *(*ENTRY, "replay", "--until", at.isoformat(), "--json"),
        env=os.environ | {"FASTTIME_DATA": str(site.settings.data)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await refused.communicate()
    assert b"message_missing" in said


async def test_the_page_shows_every_moment_as_the_command_tells_it_and_can_send_nothing(
    site: Site,
) -> None:
    await lived(site)
    auditor = Visitor(site)
    await auditor.sign_in("auditor")
    page = await auditor.get("/room/messages/1/replay")
    assert "Nothing on this page can send" in page.words
    assert page.forms() == ["/room/sign-out", "/room/messages/1/replay"]
    frames = json.loads(page.tree.xpath("string(//*[@data-frames]/@data-frames)"))
    moments = [datetime.fromisoformat(frame["at"]) for frame in frames]
    found = await site.db.read(past.at, 1, moments)
    assert len(moments) >= 20
    for frame, (moment,) in zip(frames, found, strict=True):
        assert frame["people"] == moment.to_json()["people"]
        assert frame["state"] == word(moment.state)
        assert sum(frame["people"].values()) == frame["addressed"]
        lines, addressed = frame["people"], frame["addressed"]
        reached = lines["delivered"] + lines["accepted"]
        assert frame["places"] == [round(100 * reached / max(addressed, 1))]
        assert (frame["doubts"] == "nobody") is (lines["in_doubt"] == 0)
    assert page.tree.xpath("string(//*[@id='replay']/@data-places)") == WESTMINSTER
    assert 0 < frames[-1]["places"][0] < 100
    doubtful = next(frame for frame in frames if frame["people"]["in_doubt"])
    assert doubtful["doubts"].startswith("person 1, 2, 3, ")
    # without script a moment is chosen by its address, map and all
    early = await auditor.get("/room/messages/1/replay?version=1&moment=0")
    assert "Westminster: 0% reached" in early.text
    assert early.tree.xpath("string(//*[@data-of='clock'])") == frames[0]["clock"]
    author = Visitor(site)  # who may not see people
    await author.sign_in("author")
    assert "doubts" not in (await author.get("/room/messages/1/replay")).text
    rows = page.tree.xpath("//table[@id='moments']/tbody/tr")
    assert len(rows) == len(frames)
    for act in ("approved", "went out", "held", "resumed", "stopped"):
        assert act in page.words
    compared = await auditor.send(page, "/room/messages/1/replay")
    assert "0 differences" in compared.words
    assert (await site.version(1)).state == "cancelled"
