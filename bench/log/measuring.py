"""What `fasttime bench log` measures: each way of looking against the plainest statement over the
same rows, and handing over with what is kept against without.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench import places
from bench.child import Child
from bench.log import looking, million
from bench.measure import Block, Result, note, of_pairs, percentile, side_by_side
from broadcast.ledger.kept import folding
from broadcast.messages.versions import Version
from broadcast.problems import refuse
from broadcast.store.database import Database
from console.processes import migrate

LOOK_SECONDS, LOOK_MB = 0.050, 32
"""What looking may take at a million people: p95, and memory beside what the process holds."""
REPLAY_SECONDS, REPLAY_MB = 10.0, 200
_QUICK_LOOKS = ("counts", "page", "filtered", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A database whose first message went to very many people; `engine` is its name in reports."""

    engine: str
    db: Database
    url: str
    v: Version
    people: int
    quick: bool

    def named(self, what: str) -> str:
        return f"log_{what}_{self.engine}"


async def log(quick: bool = False) -> tuple[Result, ...]:
    """Looking at what became of 1,000,000 people, p95 and memory; the CSV, the curve and the replay
    of them; what handing over costs with what is kept for looking. On SQLite and on PostgreSQL.
    """
    people = places.number_of("PEOPLE", 30_000 if quick else 1_000_000)
    server = places.service("POSTGRES", "log")
    results: list[Result] = []
    with places.a_folder() as folder:
        results += await _on("sqlite", f"sqlite:///{folder / 'log.db'}", people, quick)
    async with places.a_database(server) as url:
        results += await _on("postgresql", url, people, quick)
    return tuple(results)


async def _on(engine: str, url: str, people: int, quick: bool) -> list[Result]:
    async with contextlib.AsyncExitStack() as stack:
        db = places.a_connection(url, 4)
        stack.push_async_callback(db.close)
        if engine == "sqlite":
            await migrate.upgrade(db)
        note(f"log: {people:,} people on {engine}, and what became of each")
        await million.register(db, people)
        v = await million.publish(db, people)
        await million.hand_over(db, v)
        await _keep(db)
        if engine == "postgresql":
            await places.run_sql(db, "ANALYZE")
        scene = _Scene(engine=engine, db=db, url=url, v=v, people=people, quick=quick)
        found = [await _looks(scene, what) for what in _QUICK_LOOKS]
        found += [
            await _against(scene, "counts", "account of everybody / one GROUP BY", _counted),
            await _against(scene, "export", "CSV of everybody / the rows as CSV", _copied),
            await _against(scene, "export_named", "CSV by outside name / the same", _copied),
            await _once(scene, "curve", None, None),
            await _against(scene, "replay", "replay / reading the same rows", _read),
            await _once(scene, "replay", REPLAY_SECONDS, REPLAY_MB),
            await _sending(scene),
        ]
        return found


async def _keep(db: Database) -> float:
    """Put every closed slice into what is kept; return the processor's seconds."""
    began = time.process_time()
    while await db.write(folding.fold, datetime.now(UTC)):
        pass
    return time.process_time() - began


async def _apart(scene: _Scene, what: str, times: int) -> dict[str, Any]:
    """Look in a process of its own; return what it tells."""
    command = (sys.executable, "-m", "bench.log.looking", scene.url, what, str(times))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=Child.environment(os.environ)
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise refuse("bench_failed", f"looking at {what} failed", "see above", status=503)
    found: dict[str, Any] = json.loads(told)
    return found


def _facts(scene: _Scene, told: dict[str, Any]) -> dict[str, Any]:
    return {
        "people": scene.people,
        "median_ms": round(1000 * percentile(told["seconds"], 0.5), 1),
        "processor_ms": round(1000 * percentile(told["processor"], 0.5), 1),
        "processor_p95_ms": round(1000 * percentile(told["processor"], 0.95), 1),
        "mb": round(told["kb"] / 1024, 1),
        "seen": told["seen"],
    }


async def _looks(scene: _Scene, what: str) -> Result:
    """Return the p95 of a way of looking by what is wanted; too much memory is a missed goal."""
    told = await _apart(scene, what, 10 if scene.quick else 40)
    p95, facts = percentile(told["seconds"], 0.95), _facts(scene, told)
    note(f"{scene.named(what)}: p95 {1000 * p95:.1f} ms, {facts['mb']} MB")
    enough = facts["mb"] <= LOOK_MB
    return Result(
        name=scene.named(what),
        what=f"p95 of {what} / {LOOK_SECONDS:.3f} s, {LOOK_MB} MB at most",
        unit="ms",
        ratios=(p95 / LOOK_SECONDS,),
        goal=1 if enough else 0,
        at_most=True,
        ours=1000 * p95,
        theirs=1000 * LOOK_SECONDS,
        facts=facts,
    )


async def _once(scene: _Scene, what: str, seconds: float | None, most_mb: float | None) -> Result:
    """Return how long one look takes by what is wanted, or by a second, and how much memory."""
    told = await _apart(scene, what, 1)
    took, facts = told["seconds"][0], _facts(scene, told)
    note(f"{scene.named(what)}: {took:.2f} s, {facts['mb']} MB")
    wanted = seconds or 1.0
    goal = None if seconds is None else 1 if facts["mb"] <= (most_mb or facts["mb"]) else 0
    limit = f", {most_mb} MB at most" if most_mb else ""
    return Result(
        name=scene.named(f"{what}_once"),
        what=f"one {what} / {wanted:g} s{limit}",
        unit="s",
        ratios=(took / wanted,),
        goal=goal,
        at_most=True,
        ours=took,
        theirs=wanted,
        facts=facts,
    )


Bare = Callable[[_Scene], Awaitable[int]]


async def _counted(scene: _Scene) -> int:
    return await scene.db.read(looking.count_rows, scene.v)


async def _copied(scene: _Scene) -> int:
    if scene.engine == "postgresql":
        return await looking.copy_rows(scene.db, scene.v)
    return await scene.db.read(looking.write_rows, scene.v)


async def _read(scene: _Scene) -> int:
    return await scene.db.read(looking.read_rows, scene.v)


async def _against(scene: _Scene, what: str, words: str, bare: Bare) -> Result:
    """Return how quick a way of looking is against the plainest statement over the same rows."""

    async def timed(work: Awaitable[int]) -> Block:
        began = time.perf_counter()
        seen = await work
        took = time.perf_counter() - began
        return Block(value=scene.people / took, facts={"seconds": round(took, 4), "seen": seen})

    pairs = places.number_of("PAIRS", 1 if scene.quick or what == "replay" else 5)
    found = await side_by_side(
        scene.named(what),
        lambda: timed(looking.LOOKS[what](scene.db, scene.v)),
        lambda: timed(bare(scene)),
        pairs=pairs,
        tries=pairs,
    )
    return of_pairs(
        scene.named(f"{what}_bare"),
        words,
        "people/s",
        found,
        wanted=pairs,
        goal=None,
        facts={"people": scene.people},
    )


async def _sending(scene: _Scene) -> Result:
    """Return what claiming and recording costs with keeping, against without: each on a message of
    its own. What was not kept is put in off the clock.
    """
    people = min(scene.people, 10_000 if scene.quick else 100_000)
    kept: list[float] = []

    async def handed_over(keep: bool) -> Block:
        await _keep(scene.db)
        v = await million.publish(scene.db, people)
        began, worked = time.perf_counter(), time.process_time()
        await million.hand_over(scene.db, v, quiet=True)
        if keep:
            kept.append(await _keep(scene.db))
        took, worked = time.perf_counter() - began, time.process_time() - worked
        return Block(value=people / took, facts={"us_a_person": round(1e6 * worked / people, 1)})

    pairs = places.number_of("PAIRS", 1 if scene.quick else 5)
    found = await side_by_side(
        scene.named("sending"),
        lambda: handed_over(True),
        lambda: handed_over(False),
        pairs=pairs,
        tries=pairs,
    )
    cpu = percentile([p.theirs.facts["us_a_person"] for p in found], 0.5)
    return of_pairs(
        scene.named("sending"),
        "claimed, recorded and kept / claimed and recorded",
        "people/s",
        found,
        wanted=pairs,
        goal=None,
        facts={
            "people": people,
            "kept_us_a_person": round(1e6 * percentile(kept, 0.5) / people, 2),
            "us_a_person_without": cpu,
        },
    )
