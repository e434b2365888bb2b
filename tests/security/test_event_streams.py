"""Five hundred event streams at once, of forty people: as many are served as a process serves, the
others are refused in words, and whoever asks for a page still gets it. The long form, printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from broadcast.operators import operators
from console.server.limits import Limits
from tests.console.up import Up, running_up
from tests.console.visitor import Visitor
from tests.services.process import tree_of

STREAMS = 500
OPERATORS = 40
PEOPLE = 2_000
ADDRESSES = 4
"""Of the loopback network: one address alone may not have so many connections."""
MEMORY_MIB = 100
SLOWER = 5.0
"""So many times as long as on the idle process a page may take while all streams are watched."""
ANSWER_SECONDS = 5.0
ASKED = 40


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("streams"), PEOPLE, rate=20) as running:
        yield running


@dataclass
class Opened:
    """What became of the streams: how many by outcome, the words of a refusal, parts told."""

    outcomes: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)
    parts: int = 0
    slowest: float = 0.0


@dataclass
class Watcher:
    """Somebody signed in, as `/room/events` wants to know them."""

    url: str
    who: str
    cookie: str


async def _watcher(visitor: Visitor) -> Watcher:
    page = await visitor.get("/room")
    (who,) = page.tree.xpath("//body/@data-who")
    cookie = "; ".join(f"{k}={v}" for k, v in visitor.cookies.items())
    return Watcher(visitor.site.url, who, cookie)


async def _stream(w: Watcher, client: aiohttp.ClientSession, path: str, o: Opened) -> None:
    began = time.monotonic()
    async with client.get(
        f"{w.url}/room/events",
        params={"who": w.who, "of": path},
        headers={"Cookie": w.cookie},
    ) as answer:
        o.slowest = max(o.slowest, time.monotonic() - began)
        if answer.status != 200:
            told = await answer.json()
            o.outcomes[f"{answer.status} {told['code']}"] += 1
            o.words[told["code"]] = f"{told['detail']}: {told['fix']}"
            return
        first = True
        async for line in answer.content:
            if line.startswith(b"event: over"):
                o.outcomes["one person's limit"] += 1
                return
            if line.startswith((b"event: part", b"event: beat")):
                o.parts += 1
                o.outcomes["watched"] += first
                first = False


def _memory(up: Up) -> int:
    """Return the resident memory of `up` and all below it, in MiB."""
    assert up.program.process is not None
    pages = 0
    for pid in tree_of(up.program.process.pid):
        with contextlib.suppress(FileNotFoundError):
            pages += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() >> 20


async def _seconds(visitor: Visitor, path: str, n: int) -> list[float]:
    """Return how long each of so many looks at the first page and at a message took."""
    found = []
    for turn in range(n):
        began = time.monotonic()
        seen = await visitor.get(path if turn % 2 else "/room")
        assert seen.status == 200, seen.words
        found.append(time.monotonic() - began)
    return found


@contextlib.asynccontextmanager
async def _watchers(up: Up) -> AsyncIterator[list[Watcher]]:
    """Sign forty people in."""
    now = datetime.now(UTC)
    async with up.database() as db, contextlib.AsyncExitStack() as stack:
        for n in range(OPERATORS):
            name = f"watcher{n}"
            _, up.tokens[name] = await db.write(
                operators.add, name=name, role="operator", area=None, email=None, now=now
            )
        yield [
            await _watcher(await stack.enter_async_context(up.visitor(f"watcher{n}")))
            for n in range(OPERATORS)
        ]


@pytest.mark.security
async def test_five_hundred_event_streams_leave_the_pages_of_others_alone(up: Up) -> None:
    path = await up.live()
    opened = Opened()
    async with contextlib.AsyncExitStack() as stack:
        watchers = await stack.enter_async_context(_watchers(up))
        other = await stack.enter_async_context(up.visitor("auditor"))
        quiet_memory, quiet = _memory(up), await _seconds(other, path, ASKED)
        clients = []
        for n in range(ADDRESSES):
            connector = aiohttp.TCPConnector(limit=0, local_addr=(f"127.0.0.{n + 2}", 0))
            timeout = aiohttp.ClientTimeout(total=None)
            session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, read_bufsize=1 << 20
            )
            clients.append(await stack.enter_async_context(session))
        watching = []
        began = time.monotonic()
        for n in range(STREAMS):
            client, watcher = clients[n % ADDRESSES], watchers[n % OPERATORS]
            watching.append(asyncio.create_task(_stream(watcher, client, path, opened)))
        async with asyncio.timeout(120):
            while opened.outcomes.total() < STREAMS:
                assert not [t for t in watching if t.done() and t.exception()]
                await asyncio.sleep(0.1)
        settled = time.monotonic() - began
        crowded = await _seconds(other, path, ASKED)
        memory = _memory(up)
        # what the other does is done at once all the same, and every stream hears of it
        before = opened.parts
        actor = await stack.enter_async_context(up.visitor("operator"))
        page = await actor.get(path)
        began = time.monotonic()
        await actor.send(page, f"{path}/hold")
        held_seconds = time.monotonic() - began
        held = (await up.version(path)).state
        await asyncio.sleep(3)
        heard = opened.parts - before
        for task in watching:
            task.cancel()
        ended = await asyncio.gather(*watching, return_exceptions=True)
    failed = [e for e in ended if isinstance(e, Exception)]
    slower = statistics.median(crowded) / statistics.median(quiet)
    told = {
        "streams": STREAMS,
        "outcomes": dict(opened.outcomes),
        "refusals": opened.words,
        "settled_seconds": round(settled, 1),
        "page_median_ms": [round(1000 * statistics.median(each)) for each in (quiet, crowded)],
        "page_slowest_ms": [round(1000 * max(each)) for each in (quiet, crowded)],
        "slower": round(slower, 1),
        "slowest_answer_to_a_stream_seconds": round(opened.slowest, 1),
        "memory_mib": [quiet_memory, memory],
        "hold_seconds": round(held_seconds, 2),
        "parts_heard_within_3_s_of_the_hold": heard,
    }
    print(json.dumps(told), file=sys.stderr)
    most = Limits().streams
    assert not failed, failed[:3]
    assert opened.outcomes["watched"] == most
    assert opened.outcomes["503 busy"] == STREAMS - most
    wanted = "too many event streams are open: close pages that nobody reads, and try again"
    assert opened.words["busy"] == wanted
    assert held == "held"
    assert heard >= most
    assert memory - quiet_memory < MEMORY_MIB
    assert max(crowded) < ANSWER_SECONDS
    assert held_seconds < ANSWER_SECONDS
    assert slower < SLOWER


@pytest.mark.security
async def test_a_hundred_tabs_of_one_person_get_a_few_streams_and_words(up: Up) -> None:
    path = await up.live()
    opened = Opened()
    async with up.visitor("operator") as visitor, up.visitor("auditor") as other:
        connector = aiohttp.TCPConnector(limit=0)
        watcher = await _watcher(visitor)
        async with aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=None), read_bufsize=1 << 20
        ) as client:
            tabs = [asyncio.create_task(_stream(watcher, client, path, opened)) for _ in range(100)]
            async with asyncio.timeout(60):
                while opened.outcomes.total() < 100:
                    await asyncio.sleep(0.1)
            seconds = await _seconds(other, path, ASKED)
            for tab in tabs:
                tab.cancel()
            ended = await asyncio.gather(*tabs, return_exceptions=True)
    print(json.dumps({"tabs": dict(opened.outcomes), "slowest": max(seconds)}), file=sys.stderr)
    assert not [e for e in ended if isinstance(e, Exception)]
    most = Limits().streams_of_one
    assert opened.outcomes == {"watched": most, "one person's limit": 100 - most}
    assert max(seconds) < ANSWER_SECONDS
