"""The web alone is a channel: what stands on the public page goes out though nobody is sent to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.site import LONDON, Site, a_draft, open_site
from tests.console.test_room_thin_path import submitted, two
from tests.console.visitor import HERE


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


@pytest.mark.parametrize(
    "more",
    [{"channels": ["web"]}, {"audience": {"kinds": ["business"]}}],
    ids=["by the web only", "nobody of them is registered"],
)
async def test_a_message_to_nobody_stands_on_the_page_and_in_the_feeds(
    site: Site, more: dict[str, object]
) -> None:
    message, agreed = await site.submitted(**more)
    shown = (await site.get(f"/api/v1/messages/{message}", role="approver")).json
    assert shown["warned"] == [{"code": "nobody_there", "accepted": False}]
    assert shown["counts"]["people"] == 0
    assert shown["margin"] == (0 if more.get("channels") == ["web"] else 20)
    await site.approve(message, agreed)
    await site.release(message)
    for path in ("/", "/feed.atom"):
        assert b"Road closed" in (await site.get(path, role=None)).body, path
    account = (await site.get(f"/api/v1/messages/{message}/counts")).json
    assert account["people"] == dict.fromkeys(account["people"], 0) | {
        "not_sent": account["addressed"]
    }
    # and an all-clear of it goes the same way
    await site.follow(message, "all-clear")
    assert (await site.version(message)).state == "live"


@pytest.mark.parametrize(
    "more",
    [
        {"channels": ["web"], "visibility": "restricted"},
        {"channels": ["sms"], "audience": {"kinds": ["business"]}},
        {"channels": ["web"], "status": "Test"},
    ],
    ids=["not public", "not on the web", "a test"],
)
async def test_what_would_reach_nobody_at_all_is_refused(
    site: Site, more: dict[str, object]
) -> None:
    drafted = await site.post("/api/v1/messages", a_draft(**more))
    refused = await site.post(f"/api/v1/messages/{drafted.json['id']}/submit", {})
    assert (refused.status, refused.code) == (409, "audience_empty")


async def test_the_approver_in_the_browser_reads_that_it_is_the_page_and_the_feeds(
    site: Site,
) -> None:
    author, approver = await two(site)
    path = await submitted(author, areas=[LONDON], channels=["web"])
    page = await approver.get(f"{path}/approve")
    assert "0 people by text, call or mail; page and feeds" in page.words
    assert "Publish on the page and in the feeds now" in page.words
    assert "SEND" not in page.words
    wrong = await approver.send(page, f"{path}/approve", phrase="")
    assert (wrong.status, "type PUBLISH" in wrong.words) == (422, True)
    done = await approver.send(wrong, f"{path}/approve", phrase="publish")
    assert done.url == path
    await site.release(1)
    assert "Gas leak in Strutton Ground" in (await author.get("/")).words
