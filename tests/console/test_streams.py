"""Event streams: nobody has all of them, and what is done in a process is shown there at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.server.context import Streams
from console.server.limits import Limits
from tests.console.site import Site, open_site
from tests.console.visitor import HERE, Visitor

MOST = Limits().streams_of_one


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def test_who_waits_for_the_next_look_is_woken_by_what_is_done_meanwhile() -> None:
    streams = Streams()
    waiting = asyncio.create_task(streams.next_look(3600, streams.acts))
    await asyncio.sleep(0)
    streams.hurry()
    async with asyncio.timeout(30):
        await waiting
        await streams.next_look(3600, 0)  # done since the look began: it looks again
    assert streams.acts == 1


async def test_who_acts_often_hurries_the_streams_of_others_seldom() -> None:
    streams = Streams()
    streams.tell()
    for _ in range(100):
        streams.hurry()
    waiting = asyncio.create_task(streams.next_look(3600, streams.acts))
    async with asyncio.timeout(30):
        await waiting
    assert streams.acts == 2


async def test_one_person_has_a_few_streams_and_the_others_theirs(site: Site) -> None:
    token = {"Authorization": f"Bearer {site.tokens['operator']}"}
    operator, approver = Visitor(site), Visitor(site)
    await operator.sign_in("operator")
    await approver.sign_in("approver")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MOST):
            stream = await stack.enter_async_context(
                site.client.get(f"{site.url}/api/v1/events", headers=token)
            )
            assert stream.status == 200
            await stream.content.readline()
        refused = await site.get("/api/v1/events", role="operator")
        assert (refused.status, refused.code) == (429, "too_many_streams")
        # a page is told what it says; it is one person, by token or by session
        assert (await first_of(operator)) == "event: over\ndata: many\n\n"
        assert (await first_of(approver)).startswith("retry: 1000")
    async with asyncio.timeout(30):  # places come back with the connections
        while (await first_of(operator)).startswith("event: over"):
            await asyncio.sleep(0.1)


async def first_of(visitor: Visitor) -> str:
    """Return how the event stream of a profile's first page begins."""
    who = (await visitor.get("/room")).tree.xpath("string(//body/@data-who)")
    cookies = "; ".join(f"{k}={v}" for k, v in visitor.cookies.items())
    async with visitor.site.client.get(
        f"{visitor.site.url}/room/events?who={who}&of=/room", headers={"Cookie": cookies}
    ) as answer:
        return (await answer.content.readuntil(b"\n\n")).decode()


async def test_a_hold_by_page_or_api_hurries_the_live_pages(site: Site) -> None:
    message = await site.live()
    streams = site.app.state.web.streams
    visitor = Visitor(site)
    await visitor.sign_in("approver")
    for act in ("hold", "resume"):
        before = streams.acts
        page = await visitor.get(f"/room/messages/{message}")
        await visitor.send(page, f"/room/messages/{message}/{act}")
        await hurried(streams, before)
    before = streams.acts
    assert (await site.post(f"/api/v1/messages/{message}/hold", role="operator")).status == 200
    await hurried(streams, before)


async def hurried(streams: Streams, before: int) -> None:
    """Wait until the streams were told."""
    async with asyncio.timeout(10):
        while streams.acts == before:
            await asyncio.sleep(0.01)
