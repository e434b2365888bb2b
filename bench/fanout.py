"""fanout: a million people frozen, released and stored, against writing as many ids raw."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

from bench import places
from bench.measure import Block, Result, note, of_pairs, side_by_side
from bench.places import ControlRoom
from broadcast.ledger import audiences, releasing
from broadcast.store.database import Database
from subscribers.matcher import Matcher, rule_for
from subscribers.registry.reached import shared_contacts


async def fanout(quick: bool = False) -> Result:
    """From an approved version to batches that can be claimed, for 1,000,000 people by text; the
    baseline is COPY of 1,000,000 ids into PostgreSQL.
    """
    people = 100_000 if quick else places.number_of("PEOPLE", 1_000_000)
    pairs = 2 if quick else places.number_of("PAIRS", 7)
    on = frozenset({"sms"})
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(
            places.a_database(places.service("POSTGRES", "fanout"))
        )
        db = places.a_connection(url, 4)
        stack.push_async_callback(db.close)
        note(f"fanout: {people:,} people into the registry by COPY")
        began = time.perf_counter()
        await places.invent_people(db, people)
        facts: dict[str, Any] = {
            "people": people,
            "registry_copy_seconds": round(time.perf_counter() - began, 2),
        }
        room = await ControlRoom.open(db)
        matcher = Matcher(db, lambda _: on)
        began = time.perf_counter()
        await matcher.index()
        facts["index_load_seconds"] = round(time.perf_counter() - began, 2)
        note(f"fanout: the index was loaded in {facts['index_load_seconds']} s")
        facts |= await _steps(db, room, matcher, people)
        await places.run_sql(db, "CREATE TABLE raw_id (id integer)")

        async def ours() -> Block:
            v = await room.approve(await room.submit(people, ("sms",)))
            began = time.perf_counter()
            result = await matcher.process(v.id)
            seconds = time.perf_counter() - began
            stored = await db.read(
                lambda conn: conn.exec_driver_sql(
                    f"SELECT sum(size) FROM batch WHERE version_id = {v.id:d}"  # noqa: S608
                ).scalar_one()
            )
            if result != "released" or stored != people:
                raise RuntimeError(f"{result}: {stored} people in batches, {people} wanted")
            return Block(value=people / seconds, facts={"seconds": round(seconds, 3)})

        async def theirs() -> Block:
            began = time.perf_counter()
            await places.copy_into(db, "raw_id", ("id",), ((n,) for n in range(1, people + 1)))
            seconds = time.perf_counter() - began
            await places.run_sql(db, "TRUNCATE raw_id")
            return Block(value=people / seconds, facts={"seconds": round(seconds, 3)})

        found = await side_by_side("fanout", ours, theirs, pairs=pairs)
    return of_pairs(
        "fanout",
        f"freeze, release and store {people:,} / COPY as many ids",
        "people/s",
        found,
        wanted=pairs,
        goal=None,
        facts=facts,
    )


async def _steps(db: Database, room: ControlRoom, matcher: Matcher, people: int) -> dict[str, Any]:
    """Return the seconds of each step, once."""
    v = await room.approve(await room.submit(people, ("sms",)))
    index, as_of = await matcher.index()
    rule = await db.read(rule_for, v, lambda _: frozenset({"sms"}))
    times = [time.perf_counter()]
    frozen = await asyncio.to_thread(index.match, rule, 0, 1)
    times.append(time.perf_counter())
    await db.write(audiences.freeze, v.id, 0, frozen, registry_as_of=as_of, now=datetime.now(UTC))
    times.append(time.perf_counter())
    await db.write(releasing.release, v.id, shared_contacts=shared_contacts)
    times.append(time.perf_counter())
    return {
        f"{step}_seconds": round(b - a, 3)
        for step, a, b in zip(("match", "freeze", "release"), times, times[1:], strict=False)
    }
