"""latency: from the publication to the first byte at the provider, on an idle cluster of real
processes on real services.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bench import places
from bench.child import Child
from bench.measure import FOREIGN, Result, against_goal, foreign_load, note, percentile
from bench.places import ControlRoom
from bench.sending import provider
from bench.sink import MARK
from broadcast.events.topics import ROLES
from broadcast.messages.versions import Version
from broadcast.problems import refuse
from broadcast.store.database import Connection
from config import settings as settings_module
from console.processes.cluster import migrated

GOAL_SECONDS = 0.25
EVERY_SECONDS = 0.4
PEOPLE = 20


async def latency(quick: bool = False) -> Result:
    """Publish at fixed moments, whatever became of the one before (open loop); timed from the
    moment intended to the first byte at a raw provider.
    """
    count = 20 if quick else places.number_of("PUBLISHES", 300)
    async with contextlib.AsyncExitStack() as stack:
        kafka, redis = places.service("KAFKA", "latency"), places.service("REDIS", "latency")
        foreign = await foreign_load()
        url = await stack.enter_async_context(
            places.a_database(places.service("POSTGRES", "latency"))
        )
        folder = stack.enter_context(places.a_folder())
        port = places.free_port()
        sink = await stack.enter_async_context(
            Child("bench.sink", str(port), log=folder / "sink.log")
        )
        env = _environment(url, kafka, redis, f"http://127.0.0.1:{port}")
        for line in await migrated(settings_module.load({**env, "FASTTIME_DATA": str(folder)})):
            note(f"latency: {line}")
        db = places.a_connection(url, 4)
        stack.push_async_callback(db.close)
        await places.invent_people(db, PEOPLE)
        room = await ControlRoom.open(db)
        drafts = [await _submitted(room, n) for n in range(count + 5)]
        cluster = await stack.enter_async_context(_cluster(env, folder))
        note(f"latency: {count} publications, one each {EVERY_SECONDS} s")
        for v in drafts[count:]:  # warm
            await room.approve(v)
            await asyncio.sleep(0.5)
        await asyncio.sleep(3)
        await sink.ask(do="tell")
        began = time.monotonic() + 0.5
        committed: dict[int, float] = {}

        async def publish(n: int) -> None:
            await asyncio.sleep(max(0.0, began + n * EVERY_SECONDS - time.monotonic()))
            await room.approve(drafts[n])
            committed[n] = time.monotonic()

        await asyncio.gather(*(publish(n) for n in range(count)))
        for _ in range(100):  # until nobody waits any more
            if not await db.read(_under_way):
                break
            await asyncio.sleep(0.1)
        told = await sink.ask(do="tell")
        _check(told, count, cluster)
    foreign = max(foreign, await foreign_load())
    first = [told["first"][_mark(n)] for n in range(count)]
    whole = [first[n] - began - n * EVERY_SECONDS for n in range(count)]
    after = [first[n] - committed[n] for n in range(count)]
    facts: dict[str, Any] = {
        "publications": count,
        "people_each": PEOPLE,
        "every_seconds": EVERY_SECONDS,
    }
    for name, values in (("publish_to_first_byte", whole), ("commit_to_first_byte", after)):
        facts |= {
            f"{name}_p{int(share * 100)}_ms": round(1000 * percentile(values, share), 1)
            for share in (0.5, 0.9, 0.99)
        } | {f"{name}_max_ms": round(1000 * max(values), 1)}
    facts["samples_ms"] = [round(1000 * value, 1) for value in whole]
    p99 = percentile(whole, 0.99)
    return against_goal(
        name="latency",
        what="publish to first byte, p99 / 250 ms",
        share="p99",
        seconds=p99,
        goal_seconds=GOAL_SECONDS,
        quiet=foreign <= FOREIGN,
        facts=facts,
    )


def _environment(url: str, kafka: str, redis: str, base: str) -> dict[str, str]:
    return {
        "FASTTIME_DATABASE_URL": url,
        "FASTTIME_KAFKA_BOOTSTRAP": kafka,
        "FASTTIME_REDIS_URL": redis,
        "FASTTIME_SECRET_KEY": places.KEY,
        "FASTTIME_CONTACT_KEYS": places.CONTACT_KEYS,
        "FASTTIME_PUBLIC_URL": places.PUBLIC_URL,
        **provider(base),
    }


def _under_way(conn: Connection) -> bool:
    parts = ("version WHERE state = 'approved'", "batch WHERE open", "slice WHERE state = 'open'")
    return any(
        conn.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {part})").scalar_one()  # noqa: S608
        for part in parts
    )


def _mark(n: int) -> str:
    return f"{MARK.decode()}{n:06d}"


async def _submitted(room: ControlRoom, n: int) -> Version:
    words = dataclasses.replace(
        places.WORDS, sms=f"Gas leak in Station Road {_mark(n)}. Leave the area now."
    )
    return await room.submit(PEOPLE, ("sms",), severity="Severe", words=words)


def _check(told: Mapping[str, Any], count: int, cluster: Mapping[str, Path]) -> None:
    """Raise unless everybody got every message exactly once."""
    missing = [n for n in range(count) if _mark(n) not in told["first"]]
    if missing or told["requests"] != count * PEOPLE or told["people"] != PEOPLE:
        tails = " | ".join(
            f"{name}: {log.read_text(encoding='utf-8', errors='replace')[-300:]}"
            for name, log in cluster.items()
        )
        raise refuse(
            "bench_failed",
            f"{told['requests']} texts of {count * PEOPLE}, {len(missing)} publications never seen:"
            f" {tails[-2000:]}",
            "see the processes' logs",
        )


@contextlib.asynccontextmanager
async def _cluster(env: Mapping[str, str], folder: Path) -> AsyncIterator[dict[str, Path]]:
    """Run web, relay and a worker of each role as the operator does, until they are ready."""
    commands = {
        "web": ("web", "--port", "0"),
        "relay": ("relay",),
        **{role: ("worker", "--role", role) for role in ROLES},
    }
    ready = {"web": "worker.registered", "relay": "relay.started"}
    logs = {name: folder / f"{name}.log" for name in commands}
    running: list[asyncio.subprocess.Process] = []
    try:
        for name, words in commands.items():
            mine = Child.environment({**env, "FASTTIME_DATA": str(folder / name)})
            with logs[name].open("wb") as out:
                command = (sys.executable, "-m", "console.cli", *words)
                running.append(
                    await asyncio.create_subprocess_exec(
                        *command, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, env=mine
                    )
                )
        end = time.monotonic() + 60
        for name, log in logs.items():
            while not re.search(
                ready.get(name, "faust.assigned"), log.read_text(encoding="utf-8", errors="replace")
            ):
                if time.monotonic() > end:
                    raise refuse(
                        "bench_failed",
                        f"{name} was not ready in 60 s:"
                        f" {log.read_text(encoding='utf-8', errors='replace')[-800:]}",
                        "see its log",
                        status=503,
                    )
                await asyncio.sleep(0.1)
        yield logs
    finally:
        for process in running:
            if process.returncode is None:
                process.terminate()
        for process in running:
            try:
                await asyncio.wait_for(process.wait(), 12)
            except TimeoutError:
                process.kill()
                await process.wait()
