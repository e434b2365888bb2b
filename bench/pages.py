"""pages: how long the control room's pages take, how far a live page is behind the ledger while
10,000 people are recorded, and what pages weigh.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bench import places
from bench.child import Child
from bench.measure import FOREIGN, Result, against_goal, foreign_load, note, percentile
from bench.places import ControlRoom
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import open_batches, recording, taking
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import refuse
from broadcast.store.database import Database
from subscribers.matcher import Matcher

HOME_SECONDS = 0.3
BEHIND_SECONDS = 1.0
WEIGHT_BYTES = 100_000
LIVE, WAITING = 8, 10
"""So many messages are live, and wait for approval."""
RECORDED_IN_SECONDS = 20.0
AT_ONCE = 100  # people of one claim
WATCHERS = 20
"""Other browsers that show the first page meanwhile."""
_ASSET = re.compile(r'(?:href|src)="(/(?:room/)?static/[^"]+)"')


async def pages(quick: bool = False) -> tuple[Result, ...]:
    """Pages asked one after the other of a web process on PostgreSQL, and an event stream read
    while the ledger moves.
    """
    people = 1_000 if quick else places.number_of("PEOPLE", 10_000)
    asked = 20 if quick else places.number_of("PAIRS", 100)
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(
            places.a_database(places.service("POSTGRES", "pages"))
        )
        folder = stack.enter_context(places.a_folder())
        db = places.a_connection(url, 4)
        stack.push_async_callback(db.close)
        note(f"pages: {people:,} people, {LIVE} live messages to all of them")
        live = await _world(db, people)
        tokens = [await _somebody(db, n) for n in range(WATCHERS + 1)]
        base = await stack.enter_async_context(_web(url, folder))
        browser = await stack.enter_async_context(_signed_in(base, tokens[0]))
        foreign = await foreign_load()
        seconds = await _timed(browser, live, asked)
        weights = await _weights(browser, live)
        note(f"pages: {people:,} people are recorded while {WATCHERS + 1} browsers watch")
        behind = await _behind(stack, browser, db, live, people, base, tokens[1:])
        foreign = max(foreign, await foreign_load())
    quiet = foreign <= FOREIGN
    return (
        _home(seconds, quiet),
        _live(behind, people, quiet),
        _weight(weights),
    )


async def _world(db: Database, people: int) -> Version:
    """Fill the room; return the oldest live message, which is the first to be claimed and of which
    nobody is sent to yet.
    """
    await places.invent_people(db, people, "sms")
    room = await ControlRoom.open(db)
    matcher = Matcher(db, lambda _: frozenset({"sms"}))
    live = []
    for _ in range(LIVE):
        v = await room.approve(await room.submit(people, ("sms",), severity="Severe"))
        if await matcher.process(v.id) != "released":
            raise refuse("bench_failed", "a message was not released", "see above")
        live.append(v)
    for _ in range(WAITING):
        await room.submit(people, ("sms",))
    return live[0]


async def _somebody(db: Database, number: int) -> str:
    """Add an approver; return their token."""
    name, now = f"Watcher {number}", datetime.now(UTC)
    _, token = await db.write(
        operators.add, name=name, role="approver", area=None, email=None, now=now
    )
    return token


@contextlib.asynccontextmanager
async def _web(url: str, folder: Path) -> AsyncIterator[str]:
    """Run `fasttime web` until the block ends; yield its address. It speaks to no Kafka."""
    port = places.free_port()
    env = {
        "FASTTIME_DATABASE_URL": url,
        "FASTTIME_KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "FASTTIME_REDIS_URL": "redis://127.0.0.1:9",
        "FASTTIME_SECRET_KEY": places.KEY,
        "FASTTIME_CONTACT_KEYS": places.CONTACT_KEYS,
        "FASTTIME_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "FASTTIME_DATA": str(folder),
    }
    with (folder / "web.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "console.cli", "web", "--port", str(port)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env=Child.environment(env),
        )
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), 60)
        if not said:
            tail = (folder / "web.log").read_text(encoding="utf-8", errors="replace")[-800:]
            raise refuse("bench_failed", f"web ended: {tail}", "see its log", status=503)
        yield said.decode().strip()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@dataclass
class Browser:
    """A session, and the cookies that hold it."""

    base: str
    client: aiohttp.ClientSession
    who: str = ""

    async def get(self, path: str) -> str:
        """Return a page's HTML. Raises Rejected (bench_failed) for any other answer."""
        async with self.client.get(self.base + path, allow_redirects=False) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise refuse("bench_failed", f"{path}: {answer.status} {text[:300]}", "see above")
            return text

    async def events(self, path: str) -> AsyncIterator[str]:
        """Yield the part of a page whenever the stream tells of it."""
        address = f"{self.base}/room/events"
        async with self.client.get(address, params={"who": self.who, "of": path}) as answer:
            async for line in answer.content:
                if line.startswith(b'data: {"of"'):
                    yield str(json.loads(line[6:])["html"])


@contextlib.asynccontextmanager
async def _signed_in(base: str, token: str) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # an address has no name
    limits = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with aiohttp.ClientSession(
        cookie_jar=jar, timeout=limits, read_bufsize=1 << 22
    ) as client:
        form = {"token": token, "next": "/room"}
        async with client.post(
            f"{base}/room/sign-in", data=form, headers={"Origin": base}
        ) as answer:
            found = re.search(r'data-who="([^"]+)"', await answer.text())
        if found is None:
            raise refuse("bench_failed", "nobody was let in", "see the page of signing in")
        yield Browser(base, client, found[1])


def _looked_at(live: Version) -> dict[str, str]:
    path = f"/room/messages/{live.message_id}"
    return {
        "home": "/room",
        "message": path,
        "log": f"{path}/log",
        "approve": f"/room/messages/{live.message_id + LIVE}/approve",
        "replay": f"{path}/replay",
        "pictures": f"{path}/pictures",
        "health": "/room/health",
        "sessions": "/room/sessions",
        "front": "/",
    }


async def _timed(browser: Browser, live: Version, asked: int) -> dict[str, list[float]]:
    """Return the seconds that each page took, whole, one request after the other."""
    found: dict[str, list[float]] = {}
    for name, path in _looked_at(live).items():
        await browser.get(path)  # warm
        times = found[name] = []
        for _ in range(asked if name == "home" else max(5, asked // 10)):
            began = time.perf_counter()
            await browser.get(path)
            times.append(time.perf_counter() - began)
    return found


async def _weights(browser: Browser, live: Version) -> dict[str, int]:
    """Return what each page weighs with our own styles, scripts and pictures, uncompressed; without
    Leaflet.
    """
    kept: dict[str, int] = {}
    found = {}
    for name, path in _looked_at(live).items():
        text = await browser.get(path)
        size = len(text.encode())
        for asset in set(_ASSET.findall(text)):
            if "leaflet" in asset:
                continue
            if asset not in kept:
                kept[asset] = len((await browser.get(asset)).encode())
            size += kept[asset]
        found[name] = size
    return found


@dataclass
class Ledger:
    """How many people were recorded at which moment."""

    moments: list[tuple[float, int]] = field(default_factory=list)


async def _behind(
    stack: contextlib.AsyncExitStack,
    browser: Browser,
    db: Database,
    live: Version,
    people: int,
    base: str,
    tokens: list[str],
) -> list[float]:
    """Record everybody of a message; return how many seconds each commit was ahead of the first
    event that tells of it.
    """
    seen: list[tuple[float, int]] = []
    path = f"/room/messages/{live.message_id}"

    async def watch() -> None:
        async for part in browser.events(path):
            told = re.search(r'data-line="accepted"[^>]*>(?:<[^>]*>)*([\d,]+)', part)
            seen.append((time.monotonic(), int(told[1].replace(",", "")) if told else 0))
            if seen[-1][1] == people:
                return

    async def look_on(other: Browser) -> None:
        async for _ in other.events("/room"):
            pass

    others = []
    for token in tokens:  # people of their own: nobody has as many streams
        other = await stack.enter_async_context(_signed_in(base, token))
        others.append(asyncio.create_task(look_on(other)))
    watching = asyncio.create_task(watch())
    await asyncio.sleep(1)
    ledger = await _record(db, live, people)
    await asyncio.wait_for(watching, 60)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    if not seen or seen[-1][1] != people:
        raise refuse("bench_failed", "the stream ended before all were told", "see web.log")
    return [
        next(at for at, n in seen if n >= done) - committed for committed, done in ledger.moments
    ]


async def _record(db: Database, live: Version, people: int) -> Ledger:
    """Claim and record everybody, evenly over some seconds; return when each commit was there."""
    ledger, done = Ledger(), 0
    began, slices = time.monotonic(), -(-people // AT_ONCE)
    for number in range(slices):
        due = began + RECORDED_IN_SECONDS * number / slices
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        found = await db.read(
            open_batches.candidates, "urgent", "sms", ("Actual",), datetime.now(UTC)
        )
        candidate = next((c for c in found if c.version_id == live.id), None)
        if candidate is None:
            raise refuse("bench_failed", "another message would be claimed first", "see above")
        claimed = await db.write(
            taking.claim,
            candidate,
            want=AT_ONCE,
            worker="bench",
            attempts=new_slice_attempt,
            suppress=lambda *_: {},
        )
        if claimed is None:
            raise refuse("bench_failed", "nothing could be claimed", "see above")
        outcomes = [
            (s, [Outcome(position=p, person_id=n, state="accepted") for p, n in s.people])
            for s in claimed[0]
        ]
        await db.write(recording.record, outcomes, at=datetime.now(UTC))
        done += sum(len(of) for _, of in outcomes)
        ledger.moments.append((time.monotonic(), done))
    if done != people:
        raise refuse("bench_failed", f"{done} of {people} people were recorded", "see above")
    return ledger


def _home(seconds: dict[str, list[float]], quiet: bool) -> Result:
    p95 = percentile(seconds["home"], 0.95)
    facts: dict[str, Any] = {"asked": len(seconds["home"]), "live": LIVE, "waiting": WAITING}
    for name, times in seconds.items():
        facts[f"{name}_p50_ms"] = round(1000 * percentile(times, 0.5), 1)
        facts[f"{name}_p95_ms"] = round(1000 * percentile(times, 0.95), 1)
    return against_goal(
        name="pages",
        what="the first page, whole, p95 / 300 ms",
        share="p95",
        seconds=p95,
        goal_seconds=HOME_SECONDS,
        quiet=quiet,
        facts=facts,
    )


def _live(behind: list[float], people: int, quiet: bool) -> Result:
    p99 = percentile(behind, 0.99)
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    facts: dict[str, Any] = {"people": people, "commits": len(behind), "watchers": WATCHERS + 1}
    facts |= {f"{name}_ms": round(1000 * percentile(behind, at)) for name, at in shares.items()}
    facts["max_ms"] = round(1000 * max(behind))
    return against_goal(
        name="pages",
        what=f"a live page behind the ledger under {people:,} people, p99 / 1 s",
        share="p99",
        seconds=p99,
        goal_seconds=BEHIND_SECONDS,
        quiet=quiet,
        facts=facts,
    )


def _weight(weights: dict[str, int]) -> Result:
    heaviest = max(weights.values())
    return Result(
        name="pages",
        what="the heaviest page with its own styles and scripts / 100 kB",
        unit="bytes",
        ratios=(heaviest / WEIGHT_BYTES,),
        goal=1.0,
        at_most=True,
        ours=heaviest,
        theirs=WEIGHT_BYTES,
        facts={f"{name}_bytes": size for name, size in sorted(weights.items())},
    )
