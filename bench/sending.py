"""email, sms and memory: the whole way from a released version to the last outcome kept, against
loops that only send.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import places
from bench.child import Child, cores, pin
from bench.measure import Block, Result, cpu_seconds, note, of_pairs, side_by_side
from bench.places import ControlRoom, SmtpSink
from broadcast.messages.versions import Version
from broadcast.problems import refuse
from broadcast.store.database import Connection, Database
from channels.contract import Delivery
from channels.mail import build_template, own_headers
from channels.smtp_settings import SmtpSettings
from service.rendering import StoredRenderings
from subscribers.matcher import Matcher

POLL_SECONDS = 0.02
MAIL_CONNECTIONS, SMS_CONNECTIONS = 32, 100
_KEPT_OUT = ("host", "content-length", "accept-encoding", "connection")


@dataclass(frozen=True, slots=True)
class Scene:
    """A database with people, a control room and a matcher."""

    db: Database
    url: str
    room: ControlRoom
    matcher: Matcher
    channel: str
    people: int

    async def released(self) -> Version:
        """Publish to everybody, freeze and release; nobody is claimed before the workers are let
        go.
        """
        v = await self.room.approve(await self.room.submit(self.people, (self.channel,)))
        if await self.matcher.process(v.id) != "released":
            raise refuse("bench_failed", "the version was not released", "see the log")
        return v


@contextlib.asynccontextmanager
async def a_scene(bench: str, channel: str, people: int) -> AsyncIterator[Scene]:
    """Make one on PostgreSQL."""
    async with places.a_database(places.service("POSTGRES", bench)) as url:
        db = places.a_connection(url, 4)
        try:
            note(f"{bench}: {people:,} people")
            await places.invent_people(db, people)
            on = frozenset({channel})
            yield Scene(
                db, url, await ControlRoom.open(db), Matcher(db, lambda _: on), channel, people
            )
        finally:
            await db.close()


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    """Return what a worker is told. It never talks to Kafka here: what woke it is not what is
    measured.
    """
    return {
        "FASTTIME_DATA": str(folder),
        "FASTTIME_DATABASE_URL": url,
        "FASTTIME_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "FASTTIME_SECRET_KEY": places.KEY,
        "FASTTIME_CONTACT_KEYS": places.CONTACT_KEYS,
        "FASTTIME_PUBLIC_URL": places.PUBLIC_URL,
        **more,
    }


async def handed_over(
    scene: Scene, workers: Sequence[Child], version_id: int, sink_pids: Sequence[int]
) -> Block:
    """Let the workers go; return the people a second, from the word to the last outcome
    committed.
    """
    backends = await scene.db.read(_backends)
    before = [cpu_seconds([w.pid for w in workers]), cpu_seconds(backends), cpu_seconds(sink_pids)]
    began = time.perf_counter()
    for worker in workers:
        worker.tell(do="go")
    while not await scene.db.read(_finished, version_id):
        await asyncio.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - began
    after = [cpu_seconds([w.pid for w in workers]), cpu_seconds(backends), cpu_seconds(sink_pids)]
    for worker in workers:
        await worker.answer()  # of `go`
        await worker.ask(do="wait")
    accepted, people, least, greatest = await scene.db.read(_kept, version_id)
    if (accepted, people) != (scene.people, scene.people):
        raise refuse(
            "bench_failed",
            f"{accepted} attempts to {people} people, {scene.people} wanted: nothing was measured",
            "see the worker's log",
        )
    facts = {
        "seconds": round(seconds, 3),
        "people": people,
        "ids": [least, greatest],
        **{
            f"{who}_cpu_us": round(1e6 * (b - a) / people, 1)
            for who, a, b in zip(("workers", "database", "sink"), before, after, strict=True)
        },
    }
    return Block(value=people / seconds, facts=facts)


def _finished(conn: Connection, version_id: int) -> bool:
    sql = (
        f"SELECT EXISTS (SELECT 1 FROM batch WHERE version_id = {version_id:d} AND open) OR "  # noqa: S608
        f"EXISTS (SELECT 1 FROM slice WHERE state = 'open' AND version_id = {version_id:d})"
    )
    return not conn.exec_driver_sql(sql).scalar_one()


def _kept(conn: Connection, version_id: int) -> tuple[int, int, int, int]:
    sql = (
        "SELECT count(*), count(DISTINCT person_id), min(person_id), max(person_id) "  # noqa: S608
        f"FROM outcome WHERE version_id = {version_id:d} AND state = 'accepted'"
    )
    a, b, c, d = conn.exec_driver_sql(sql).one()
    return int(a), int(b), int(c or 0), int(d or 0)


def _backends(conn: Connection) -> list[int]:
    return [
        int(pid)
        for pid in conn.exec_driver_sql(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        ).scalars()
    ]


async def email(quick: bool = False) -> Result:
    """Mails through claims, outcomes and outbox in PostgreSQL to Postfix's smtp-sink, against as
    many bare aiosmtplib loops.
    """
    people, pairs, loops = _sizes(quick, 20_000)
    measured, rest = cores()
    async with contextlib.AsyncExitStack() as stack:
        sink = stack.enter_context(SmtpSink("email"))
        folder = stack.enter_context(places.a_folder())
        scene = await stack.enter_async_context(a_scene("email", "email", people))
        pin(0, rest)
        pin(sink.pid, rest)
        env = environment(
            scene.url, folder, FASTTIME_SMTP_URL=sink.url, FASTTIME_MAIL_FROM=places.FROM
        )
        workers = [
            await stack.enter_async_context(
                Child(
                    "bench.worker",
                    "routine",
                    env=env,
                    log=folder / f"worker{n}.log",
                    core=measured,
                )
            )
            for n in range(loops)
        ]
        v = await scene.released()
        message = folder / "message"
        message.write_bytes(await _mail(scene, v, sink.url))
        bare = [
            await stack.enter_async_context(
                Child(
                    "bench.bare",
                    "email",
                    sink.url,
                    str(message),
                    str(MAIL_CONNECTIONS),
                    log=folder / f"bare{n}.log",
                    core=measured,
                )
            )
            for n in range(loops)
        ]
        facts: dict[str, Any] = {
            "bytes": len(message.read_bytes()),
            "connections": MAIL_CONNECTIONS,
            "processes": loops,
            "people": people,
            "people_in_a_slice": 32,
        }
        facts["smtp_source_per_second"] = await asyncio.to_thread(
            _smtp_source, sink, len(message.read_bytes()), people
        )
        note(f"email: Postfix's own client {facts['smtp_source_per_second']:,} a second")

        async def ours() -> Block:
            version = await scene.released()
            taken = sink.taken()
            block = await handed_over(scene, workers, version.id, [sink.pid])
            block.facts["sink_counted"] = await _counted(sink, taken, people)
            if block.facts["sink_counted"] != people:
                raise refuse(
                    "bench_failed",
                    f"the sink counted {block.facts['sink_counted']} mails, {people} were accepted",
                    "see the worker's log",
                )
            return block

        async def theirs() -> Block:
            return await _bare(bare, people, [sink.pid])

        await handed_over(scene, workers, v.id, [sink.pid])  # warm
        await theirs()
        found = await side_by_side("email", ours, theirs, pairs=pairs)
        _keep_logs(folder)
    return of_pairs(
        "email",
        "the whole pipeline to smtp-sink / bare aiosmtplib loops",
        "mails/s",
        found,
        wanted=pairs,
        goal=0.8,
        facts=facts,
    )


async def sms(quick: bool = False) -> Result:
    """Text messages the same way to a raw sink in Twilio's shape, against as many bare aiohttp
    loops that post the same bytes.
    """
    people, pairs, loops = _sizes(quick, 20_000)
    measured, rest = cores()
    port = places.free_port()
    base = f"http://127.0.0.1:{port}"
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(places.a_folder())
        scene = await stack.enter_async_context(a_scene("sms", "sms", people))
        pin(0, rest)
        sink = await stack.enter_async_context(
            Child("bench.sink", str(port), log=folder / "sink.log", core=rest)
        )
        env = environment(scene.url, folder, **provider(base))
        workers = [
            await stack.enter_async_context(
                Child(
                    "bench.worker",
                    "routine",
                    env=env,
                    log=folder / f"worker{n}.log",
                    core=measured,
                )
            )
            for n in range(loops)
        ]
        await handed_over(scene, workers, (await scene.released()).id, [sink.pid])
        seen = await sink.ask(do="tell")
        url, headers, body = _request(base, seen)
        (folder / "body").write_bytes(body)
        bare = [
            await stack.enter_async_context(
                Child(
                    "bench.bare",
                    "sms",
                    url,
                    str(folder / "body"),
                    str(SMS_CONNECTIONS),
                    log=folder / f"bare{n}.log",
                    core=measured,
                )
            )
            for n in range(loops)
        ]

        async def ours() -> Block:
            version = await scene.released()
            await sink.ask(do="tell")
            block = await handed_over(scene, workers, version.id, [sink.pid])
            told = await sink.ask(do="tell")
            if (told["requests"], told["people"], int(told["least"]), int(told["greatest"])) != (
                people,
                people,
                1,
                people,
            ):
                raise refuse(
                    "bench_failed",
                    f"the sink took {told['requests']} for {told['people']} numbers, {people}"
                    " wanted",
                    "see the worker's log",
                )
            block.facts["sink_counted"] = told["requests"]
            return block

        async def theirs() -> Block:
            return await _bare(bare, people, [sink.pid], headers=headers)

        await theirs()  # warm
        facts: dict[str, Any] = {
            "bytes": len(body),
            "connections": SMS_CONNECTIONS,
            "processes": loops,
            "people": people,
            "people_in_a_slice": 32,
        }
        facts |= await _proof(folder, base, body, people, sink.pid)
        found = await side_by_side("sms", ours, theirs, pairs=pairs)
        facts["sink_over_bare"] = round(
            facts["sink_raw_per_second"] / max(p.theirs.value for p in found), 1
        )
        _keep_logs(folder)
    return of_pairs(
        "sms",
        "the whole pipeline to a raw sink / bare aiohttp loops",
        "texts/s",
        found,
        wanted=pairs,
        goal=0.6,
        facts=facts,
    )


async def memory(quick: bool = False) -> Result:
    """The most memory that a worker process holds while it sends 200,000 mails to smtp-sink,
    against a fresh one that sends 10,000.
    """
    much, little = (20_000, 2_000) if quick else (places.number_of("PEOPLE", 200_000), 10_000)
    async with contextlib.AsyncExitStack() as stack:
        sink = stack.enter_context(SmtpSink("memory"))
        folder = stack.enter_context(places.a_folder())
        scenes = {
            n: await stack.enter_async_context(a_scene("memory", "email", n))
            for n in (little, much)
        }

        async def held(people: int) -> Block:
            scene = scenes[people]
            env = environment(
                scene.url, folder, FASTTIME_SMTP_URL=sink.url, FASTTIME_MAIL_FROM=places.FROM
            )
            async with Child(
                "bench.worker", "routine", env=env, log=folder / "worker.log"
            ) as worker:
                version = await scene.released()
                samples = [worker.memory()]
                watching = asyncio.create_task(_watch(worker, samples))
                block = await handed_over(scene, [worker], version.id, [sink.pid])
                watching.cancel()
                facts = {
                    **block.facts,
                    "at_start_mb": round(samples[0] / 2**20, 1),
                    "at_end_mb": round(worker.memory() / 2**20, 1),
                }
                return Block(value=max(samples) / 2**20, facts=facts)

        found = await side_by_side(
            "memory", lambda: held(much), lambda: held(little), pairs=1 if quick else 2, tries=2
        )
    facts = {"more": much, "fewer": little, "sent_to": "smtp-sink"}
    result = of_pairs(
        "memory",
        f"memory of a worker that sends {much:,} / {little:,}",
        "MB",
        found,
        wanted=1,
        goal=1.15,
        facts=facts,
    )
    # memory is no matter of load
    return Result(
        **{
            **{name: getattr(result, name) for name in Result.__slots__},
            "at_most": True,
            "quiet": True,
        }
    )


async def _watch(worker: Child, samples: list[int]) -> None:
    while True:
        await asyncio.sleep(0.05)
        samples.append(worker.memory())


def _sizes(quick: bool, people: int) -> tuple[int, int, int]:
    return (
        (3_000, 2, 1)
        if quick
        else (
            places.number_of("PEOPLE", people),
            places.number_of("PAIRS", 7),
            places.number_of("WORKERS", 1),
        )
    )


async def _bare(
    loops: Sequence[Child], count: int, sink_pids: Sequence[int], **words: Any
) -> Block:
    before = cpu_seconds([loop.pid for loop in loops]), cpu_seconds(sink_pids)
    each = count // len(loops)
    seconds = max(
        answer["seconds"]
        for answer in await asyncio.gather(*(loop.ask(count=each, **words) for loop in loops))
    )
    total = each * len(loops)
    facts = {
        "seconds": round(seconds, 3),
        "loops_cpu_us": round(
            1e6 * (cpu_seconds([loop.pid for loop in loops]) - before[0]) / total, 1
        ),
        "sink_cpu_us": round(1e6 * (cpu_seconds(sink_pids) - before[1]) / total, 1),
    }
    return Block(value=total / seconds, facts=facts)


async def _mail(scene: Scene, v: Version, url: str) -> bytes:
    """Return the bytes of the very mail that the worker sends, as `sendmail` wants them."""
    renderings = StoredRenderings(
        scene.db, sender_name="Police", public_url=places.PUBLIC_URL, key=b"as long as ours"
    )
    rendered, ends = await renderings.rendered(v.id, "email", "en", repeat=False)
    to, link = "person10000@example.org", f"{places.PUBLIC_URL}/u/{'0' * 40}"
    delivery = Delivery(
        attempt="0" * 50,
        to=to,
        rendered=rendered,
        status=v.status,
        expires_at=ends,
        unsubscribe_url=link,
    )
    own = f"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n{own_headers(delivery, to, 'example.org')}"
    settings = SmtpSettings.from_url(url, places.FROM)
    template = build_template(rendered, settings.mail_from, settings.display_name)
    return own.encode() + template.head + b"\r\n" + template.body_for(link)


def _smtp_source(sink: SmtpSink, length: int, count: int) -> int:
    """Return how many mails a second Postfix's own C client gets rid of: what the sink can take at
    least; 0 where it is not here.
    """
    if sink.source is None:
        return 0
    command = [
        sink.source,
        "-s",
        str(MAIL_CONNECTIONS),
        "-m",
        str(count),
        "-l",
        str(length),
        "-d",
        "-f",
        "a@example.org",
        "-t",
        "b@example.org",
        f"127.0.0.1:{sink.port}",
    ]
    began = time.perf_counter()
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120
    )
    return round(count / (time.perf_counter() - began)) if done.returncode == 0 else 0


async def _counted(sink: SmtpSink, before: int, wanted: int) -> int:
    for _ in range(50):
        if sink.taken() - before >= wanted:
            break
        await asyncio.sleep(0.02)
    return sink.taken() - before


def provider(base: str) -> dict[str, str]:
    """Return the settings of an account at the raw sink."""
    return {
        "FASTTIME_TWILIO_API_BASE": base,
        "FASTTIME_TWILIO_ACCOUNT_SID": places.ACCOUNT,
        "FASTTIME_TWILIO_AUTH_TOKEN": places.TOKEN,
        "FASTTIME_TWILIO_FROM": places.NUMBER,
    }


def _request(base: str, seen: Mapping[str, Any]) -> tuple[str, dict[str, str], bytes]:
    """Return address, headers and body of the worker's own request, for the loops to repeat."""
    first, *lines = seen["head"].split("\r\n")
    headers = {
        name: value.strip()
        for name, _, value in (line.partition(":") for line in lines)
        if name.lower() not in _KEPT_OUT
    }
    body = re.sub(rb"To=%2B999\d{9}", b"To=%2B999000000000", seen["body"].encode("latin-1"))
    return base + first.split(" ")[1], headers, body


async def _proof(folder: Path, base: str, body: bytes, count: int, sink_pid: int) -> dict[str, Any]:
    """Show what the sink can take: a raw client that writes ahead, and the sink's CPU per request
    while it does.
    """
    measured, _ = cores()
    async with Child(
        "bench.sink", str(places.free_port()), log=folder / "hammer.log", core=measured
    ) as client:
        before = cpu_seconds([sink_pid])
        rate = (
            await client.ask(
                do="hammer", url=base, body=body.decode("latin-1"), count=max(count, 32_000)
            )
        )["rate"]
        cpu = (cpu_seconds([sink_pid]) - before) / max(count, 32_000)
    note(
        f"sms: a raw client gets {rate:,.0f} answers a second out of the sink, at {1e6 * cpu:.0f}"
        " us of CPU each"
    )
    return {"sink_raw_per_second": round(rate), "sink_raw_cpu_us": round(1e6 * cpu, 1)}


def _keep_logs(folder: Path) -> None:
    """Say whether the workers complained; a bench that hides trouble measures nothing."""
    for log in folder.glob("worker*.log"):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        troubles = [
            line
            for line in lines
            if line.startswith("{") and json.loads(line).get("level") in ("warning", "error")
        ]
        if troubles:
            note(f"{log.name}: {len(troubles)} warnings, the last: {troubles[-1][:300]}")
