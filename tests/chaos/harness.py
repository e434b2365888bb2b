"""The harness of the kill tests: real processes that are killed and started again. `storm.py` says
who is killed when, `verdict.py` holds the provider's ledger against our log.

A process is frozen (SIGSTOP) for the few milliseconds in which the database is asked which slices
of it are open, then killed (SIGKILL): so "killed while a slice was open" is what the database says,
not what we hope.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from broadcast.content.model import Content, Text
from broadcast.ledger import delivery_report
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.kept import folding
from broadcast.ledger.tables import receipt
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.places import stored_areas
from broadcast.store.database import TROUBLE, Database
from config import settings as settings_module
from config import wiring
from console.processes import migrate
from service.commands import deciding, drafting, submitting
from service.installation import make_context
from subscribers.demo_world import REGION, demo_areas
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry import importing
from tests.chaos.handsets import TOKEN
from tests.chaos.quiet import hours_until, write_zones
from tests.chaos.residents import Residents
from tests.services import Program, free_port

T = TypeVar("T")
Act = Callable[[], Awaitable[None]]

ROOT = Path(__file__).parents[2]
WESTMINSTER, CAMDEN, LAMBETH = "E09000033", "E09000007", "E09000022"
DOUBTS_SHOWN_WITHIN = 10.0
"""Seconds from a kill to the moment at which its people are shown in doubt, while one of our
programs and the database run.
"""
FASTTIME = ("-m", "console.cli")
CHANNEL_OF = {"sms": "sms", "calls": "voice", "mails": "email"}

# 5 % of calls are ambiguous; 1 % of all are surely refused and come back as a further generation.
AMBIGUOUS = {
    "lose_reply": 0.02,
    "error_after": 0.015,
    "slow": 0.01,
    "slow_seconds": 10.0,
    "error_before": 0.005,
}
QUICK = {
    "lose_reply": 0.02,
    "error_after": 0.02,
    "slow": 0.01,
    "slow_seconds": 10.0,
    "callback_twice": 0.03,
    "callback_swap": 0.05,
}
"""For the short forms: without refusals, because a mail refused for now is tried again after a
minute.
"""
PROVIDER = {
    **AMBIGUOUS,
    "throttle": 0.01,
    "retry_after": 0.5,
    "callback_twice": 0.03,
    "callback_swap": 0.05,
}


def base_env() -> dict[str, str]:
    """Return the environment without anybody's own settings."""
    return {k: v for k, v in os.environ.items() if not k.startswith("FASTTIME_")}


def people(n: int) -> list[SubscriberRecord]:
    """Return n invented people: 55 % text, 30 % e-mail, 15 % both; every fifth in Westminster,
    every tenth in Camden, the rest in Lambeth.
    """
    made = []
    for i in range(n):
        share = i % 20
        mobile = f"+999{i:09d}" if share < 14 else None
        email = f"p{i}@example.org" if share >= 11 else None
        channels = ";".join(c for c, there in (("sms", mobile), ("email", email)) if there)
        where = WESTMINSTER if i % 5 == 0 else CAMDEN if i % 10 == 1 else LAMBETH
        made.append(
            SubscriberRecord(
                f"p{i}",
                f"Person {i}",
                "resident",
                email,
                mobile,
                None,
                "en",
                "",
                None,
                None,
                where,
                "",
                "",
                "",
                channels,
                "",
                "",
            ),
        )
    return made


def content(
    kind: str = "advice",
    *,
    areas: tuple[str, ...] = (REGION,),
    severity: str = "Moderate",
    urgency: str = "Expected",
    headline: str = "Roads closed on Sunday",
) -> Content:
    """Return something to say."""
    return Content(
        kind=kind,
        status="Actual",
        urgency=urgency,
        severity=severity,
        certainty="Likely",
        languages={"en": Text(headline=headline, instruction="Plan your journey.")},
        expires=timedelta(hours=6),
        areas=areas,
        channels=("sms", "email"),
    )


def urgent(area: str = WESTMINSTER, headline: str = "Stay indoors") -> Content:
    """Return a warning of danger to life."""
    return content(
        "incident", areas=(area,), severity="Extreme", urgency="Immediate", headline=headline
    )


CONTROL = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


class Handsets:
    """The simulated provider, as a process of its own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.http, self.smtp = free_port(), free_port()
        self.ledger_path = folder / "provider.jsonl"
        command = [
            sys.executable,
            "-m",
            "tests.chaos.handsets",
            str(self.http),
            str(self.smtp),
            str(self.ledger_path),
            json.dumps(settings),
        ]
        self.program = Program(
            "handsets", command, env=base_env(), cwd=ROOT, ready=lambda: bool(self.get("/control"))
        )

    def get(self, path: str) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers=CONTROL)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def control(self, **changes: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}/control",
            data=json.dumps(changes).encode(),
            method="POST",
            headers=CONTROL,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def entries(self) -> Iterator[dict[str, Any]]:
        for line in self.ledger_path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "heard" not in row:
                yield row


@dataclass(slots=True)
class Kill:
    """One kill -9: of whom, and which slices it left open."""

    number: int
    name: str
    at: float
    attempts: tuple[str, ...] = ()
    people: int = 0
    shown_after: float | None = None
    # of that time, seconds without any program of ours: the embedded default has one only, and it
    # was dead
    nobody_ran: float = 0.0
    excused: bool = False  # the database itself was away meanwhile


class Kept:
    """A process that is started again whenever it ended, as a container is."""

    def __init__(self, name: str, program: Program) -> None:
        self.name, self.program = name, program
        self.wanted = True
        self.frozen = False
        self.kills = 0
        self._offset = 0
        self._worker: str | None = None
        self._rest = b""

    def launch(self) -> None:
        path = self.program.log_path
        self._offset, self._worker, self._rest = (
            (path.stat().st_size if path.exists() else 0),
            None,
            b"",
        )
        self.program.launch()

    @property
    def worker(self) -> str | None:
        """The id under which this life of the process claims; None until it has registered."""
        if self.program.log_path.exists():
            with self.program.log_path.open("rb") as log:
                log.seek(self._offset)
                data = self._rest + log.read()
                self._offset = log.tell()
            *lines, self._rest = data.split(b"\n")
            for line in lines:
                if b"worker.registered" in line:
                    with contextlib.suppress(ValueError):
                        said = json.loads(line)
                        if (
                            said["role"] != "web" or self._worker is None
                        ):  # of `up`: the engine, not its doors
                            self._worker = said["worker"]
        return self._worker


class System:
    """The processes under test, the database that they share, and two people who may send."""

    def __init__(
        self,
        folder: Path,
        handsets: Handsets,
        more_env: Mapping[str, str],
        commands: Mapping[str, Sequence[str]],
        *,
        rate: float,
    ) -> None:
        self.folder, self.handsets = folder, handsets
        self.web_port = free_port()
        self.env = {
            "FASTTIME_DATA": str(folder / "data"),
            "FASTTIME_TWILIO_API_BASE": f"http://127.0.0.1:{handsets.http}",
            "FASTTIME_TWILIO_ACCOUNT_SID": "AC" + "c" * 32,
            "FASTTIME_TWILIO_AUTH_TOKEN": "kept0between0us0and0the0handsets",
            "FASTTIME_TWILIO_FROM": "+447700900998",
            "FASTTIME_SMTP_URL": f"smtp://127.0.0.1:{handsets.smtp}",
            "FASTTIME_MAIL_FROM": "Police alerts <alerts@example.org>",
            "FASTTIME_PUBLIC_URL": f"http://127.0.0.1:{self.web_port}",
            "FASTTIME_SECRET_KEY": "a-key-for-the-tests-and-nothing-else",
            # so that each of those who register has a network of their own
            "FASTTIME_TRUSTED_PROXY": "127.0.0.1",
            "PYTHONTZPATH": write_zones(folder / "zones"),
            **more_env,
        }
        self.paced = {"FASTTIME_SMS_RATE": str(rate), "FASTTIME_MAIL_RATE": str(rate)}
        self.settings = settings_module.load(self.env)
        self.db: Database = wiring.database(self.settings, pool_size=3)
        self._adapters = wiring.adapters(self.settings)
        self.context = make_context(self.settings, self.db, self._adapters.on)
        self.kept: dict[str, Kept] = {}
        for name, words in commands.items():
            command = [sys.executable, *(word.format(port=self.web_port) for word in words)]
            program = Program(
                name, command, env={**base_env(), **self.env, **self.paced}, cwd=ROOT, folder=folder
            )
            self.kept[name] = Kept(name, program)
        self.kills: list[Kill] = []
        self.database_away: list[tuple[float, float]] = []
        self.published: list[int] = []
        self.approving: dict[int, datetime] = {}
        self.residents: Residents | None = None
        self.holds = False
        self._tasks: list[asyncio.Task[None]] = []
        self.events: list[str] = []
        self._looked_at = time.monotonic()
        self.seconds: dict[str, float] = {}

    # its life
    # ------------------------------------------------------------

    async def prepare(self, n: int) -> None:
        """Make the schema, the areas, two operators and n people."""
        now = datetime.now(UTC)
        await migrate.upgrade(self.db)
        await self.db.write(stored_areas.store_areas, demo_areas(), now, source="test")
        self.author, _ = await self.db.write(
            operators.add, name="Ada", role="author", area=None, email=None, now=now
        )
        self.approver, _ = await self.db.write(
            operators.add, name="Bea", role="approver", area=None, email=None, now=now
        )
        await self.db.write(importing.import_records, people(n), "test", now)

    async def start(self, within: float = 240) -> None:
        """Start everything and wait until every process has registered."""
        for kept in self.kept.values():
            kept.launch()
        end = time.monotonic() + within
        while missing := [kept for kept in self.kept.values() if not kept.worker]:
            for kept in missing:
                if not kept.program.alive:
                    raise AssertionError(
                        f"{kept.name} ended while it started\n{kept.program.log_tail()}"
                    )
            if time.monotonic() > end:
                raise AssertionError(
                    f"not ready: {[k.name for k in missing]}\n{missing[0].program.log_tail()}"
                )
            await asyncio.sleep(0.1)
        self._tasks = [asyncio.create_task(self._watch())]

    async def stop(self) -> dict[str, int | None]:
        """Stop everything with SIGTERM; return the exit codes."""
        await self._end_tasks()
        for kept in self.kept.values():
            kept.wanted = False
            if kept.program.alive:
                kept.program.thaw()
                kept.program.process.send_signal(kept.program.stop_signal)  # type: ignore[union-attr]
        return {name: kept.program.stop() for name, kept in self.kept.items()}

    async def close(self) -> None:
        if self.residents is not None:
            await self.residents.close()
        await self._end_tasks()
        for kept in self.kept.values():
            kept.program.kill9()
        await self._adapters.close()
        with contextlib.suppress(*TROUBLE):
            await self.db.close()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _watch(self) -> None:
        """Start again what ended, and see when the people of killed processes are shown in
        doubt.
        """
        while True:
            for kept in self.kept.values():
                if kept.wanted and not kept.program.alive:
                    kept.launch()
            await self._look_at_doubts()
            await asyncio.sleep(0.15)

    async def _look_at_doubts(self) -> None:
        pending = [kill for kill in self.kills if kill.attempts and kill.shown_after is None]
        since, self._looked_at = self._looked_at, time.monotonic()
        if not pending:
            return
        if not any(kept.worker for kept in self.kept.values()):
            for kill in pending:
                kill.nobody_ran += self._looked_at - max(since, kill.at)
        asked = [attempt for kill in pending for attempt in kill.attempts]
        try:
            still = set(await asyncio.wait_for(self.db.read(_still_open, asked), 5))
        except TROUBLE:
            return
        now = time.monotonic()
        for kill in pending:
            if not still & set(kill.attempts):
                kill.shown_after = now - kill.at
                kill.excused = any(
                    kill.at - 3 < until and since < now for since, until in self.database_away
                )

    # the database
    # ------------------------------------------------------------

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Read, waiting for a database that is away."""
        end = time.monotonic() + 120
        while True:
            try:
                return await self.db.read(fn, *args)
            except TROUBLE:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.25)

    # what people do
    # ------------------------------------------------------------

    async def publish(
        self, what: Content, *, follows: int | None = None, action: str = "new"
    ) -> Version:
        """Draft, submit and approve, as two people; return the version."""
        if action == "correct":
            what = replace(what, kind="correction", note="The street was wrong.")
        v = await (
            self.context.do(drafting.draft, self.author, what)
            if follows is None
            else self.context.do(drafting.follow, self.author, follows, action, what)
        )
        v, _ = await self.context.do(submitting.submit, self.author, v.message_id)
        self.approving[v.id] = datetime.now(UTC)
        v = await self.context.do(deciding.approve, self.approver, v.message_id, v.content_hash)
        self.published.append(v.id)
        return v

    async def live(self, lanes: int, seed: int) -> None:
        """Let people come to the registration, so many at a time, until `settle`."""
        self.residents = Residents(self, lanes=lanes, seed=seed, areas=(WESTMINSTER, LAMBETH))
        await self.residents.start()

    async def settle(self, within: float) -> None:
        """Let who is registering or leaving finish it."""
        began = time.monotonic()
        assert self.residents is not None
        await self.residents.end(within)
        self.seconds["until residents were done"] = time.monotonic() - began

    async def hold(self, n: int, seconds: float) -> None:
        """Give n people quiet hours that end about so many seconds from now, as a file would."""
        hours, _ = hours_until(datetime.now(UTC) + timedelta(seconds=seconds))
        quiet = [each._replace(quiet_hours=hours) for each in people(5 * n)[::5]]
        await self.db.write(importing.import_records, quiet, "test", datetime.now(UTC))
        self.holds = True

    async def account(self, version_id: int) -> Account:
        return await self.read(
            lambda conn: delivery_report.computed(conn, versions.get(conn, version_id))
        )

    async def claimed(self, version_id: int) -> int:
        """Return how many people of a version were claimed so far."""
        return await self.read(
            lambda conn: int(
                conn.execute(
                    select(func.coalesce(func.sum(batch.c.next), 0)).where(
                        batch.c.version_id == version_id
                    )
                ).scalar_one()
            )
        )

    async def until(
        self, what: Callable[[], Awaitable[bool]], within: float, *, every: float = 0.1
    ) -> None:
        """Wait until something is so; AssertionError with the ends of all logs if it is not in
        time.
        """
        end = time.monotonic() + within
        while not await what():
            if time.monotonic() > end:
                logs = "\n\n".join(
                    f"--- {k.name}\n{k.program.log_tail(12)}" for k in self.kept.values()
                )
                raise AssertionError(f"not within {within:g} s\n{logs}")
            await asyncio.sleep(every)

    # killing
    # ------------------------------------------------------------

    async def open_slices(self, name: str) -> tuple[tuple[str, ...], int]:
        """Return the open slices of a process, and how many of their people have no outcome yet."""
        worker = self.kept[name].worker
        return await self.read(_open_of, worker) if worker else ((), 0)

    async def kill(self, name: str) -> Kill:
        """Kill -9 one process; it is started again by the watch."""
        kept = self.kept[name]
        kept.program.freeze()
        found, unknown = await self.open_slices(name)
        kill = Kill(
            number=len(self.kills) + 1,
            name=name,
            at=time.monotonic(),
            attempts=found,
            people=unknown,
        )
        kept.program.kill9()
        kept.kills += 1
        self.kills.append(kill)
        return kill

    async def restart(self, names: Sequence[str], *, paced: bool) -> None:
        """Stop processes with SIGTERM and let them come back with or without the pace."""
        for name in names:
            program = self.kept[name].program
            program.env = {**base_env(), **self.env, **(self.paced if paced else {})}
            if program.alive and program.process is not None:
                program.process.send_signal(program.stop_signal)

    # the end
    # ------------------------------------------------------------

    async def finish(self, within: float) -> None:
        """Wait until nobody waits or is being handed over, what the provider had to say is folded,
        and all of it is kept.
        """
        began = time.monotonic()

        async def complete() -> bool:
            found = [await self.account(v) for v in self.published]
            # approved: not released yet, so nobody waits yet
            return all(a.complete and a.version.state != "approved" for a in found)

        await self.until(complete, within, every=0.5)

        async def settled() -> bool:
            return (
                self.handsets.get("/control")["callbacks"]["waiting"] == 0
                and await self.read(_unfolded) == 0
                and not await self.read(folding.waits)
            )

        await self.until(settled, within, every=0.5)
        await self.until(self._all_shown, within)
        self.seconds["until all was done and folded"] = time.monotonic() - began

    async def _all_shown(self) -> bool:
        return all(kill.shown_after is not None for kill in self.kills if kill.attempts)


def _still_open(conn: Connection, asked: Sequence[str]) -> list[str]:
    return list(
        conn.execute(
            select(slice_.c.attempt).where(slice_.c.attempt.in_(asked), slice_.c.state == "open")
        ).scalars()
    )


def _open_of(conn: Connection, worker: str) -> tuple[tuple[str, ...], int]:
    rows = conn.execute(
        select(slice_.c.attempt, slice_.c.lo, slice_.c.hi).where(
            slice_.c.worker == worker, slice_.c.state == "open"
        )
    ).all()
    found = tuple(row.attempt for row in rows)
    known = (
        conn.execute(
            select(func.count()).select_from(outcome).where(outcome.c.attempt.in_(found))
        ).scalar_one()
        if found
        else 0
    )
    return found, sum(row.hi - row.lo for row in rows) - int(known)


def _unfolded(conn: Connection) -> int:
    mine = select(slice_.c.attempt)
    return int(
        conn.execute(
            select(func.count())
            .select_from(receipt)
            .where(receipt.c.folded_at.is_(None), receipt.c.attempt.in_(mine))
        ).scalar_one()
    )


@contextlib.asynccontextmanager
async def running(system: System, n: int) -> AsyncIterator[System]:
    """Start provider and system; whatever happens, nothing of them is left."""
    try:
        system.handsets.program.start()
        await system.prepare(n)
        await system.start()
        yield system
    finally:
        await system.close()
        system.handsets.program.close()
