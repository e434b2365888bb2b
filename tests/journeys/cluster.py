"""A whole cluster on this machine for journeys: Kafka, PostgreSQL, Redis, handsets, and our seven
processes; 300 people of the demonstration world.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from broadcast.drafts import read_draft
from broadcast.events.topics import ROLES, TOPICS
from broadcast.ledger import delivery_report
from broadcast.ledger.claims.slices import attempts_made
from broadcast.ledger.delivery_report import Account
from broadcast.messages import versions
from broadcast.operators import operators
from broadcast.places.areas import AreaTree
from broadcast.places.stored_areas import store_areas
from broadcast.store.database import Database
from config import settings as settings_module
from config import wiring
from config.contact_keys import default_file
from service.commands import deciding, drafting, submitting
from service.installation import make_context
from subscribers import demo_world
from subscribers.people_file.reading import read_subscribers
from subscribers.registry import importing
from tests.keys import database as open_database
from tests.services import Kafka, PostgreSQL, Program, Redis, free_port
from tests.services.apart import run_apart
from tests.services.outside import OutsideKafka, OutsidePostgreSQL, OutsideRedis
from tests.services.process import accepts

ROOT = Path(__file__).parents[2]
PEOPLE = 300
PROCESSES = ("web", "relay", *(f"worker-{role}" for role in ROLES))


class Cluster:
    """`programs` by name: web, relay, worker-match, worker-urgent, worker-routine, worker-log;
    `settings` for each of them. A context manager.
    """

    def __init__(
        self,
        kafka: Kafka | OutsideKafka,
        postgres: PostgreSQL | OutsidePostgreSQL,
        redis: Redis | OutsideRedis,
        *,
        people: int = PEOPLE,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.kafka, self.postgres, self.redis = kafka, postgres, redis
        self.people, self.more = people, dict(settings or {})
        self.tokens: dict[str, str] = {}
        self.programs: dict[str, Program] = {}
        self.database_url = postgres.create_database()
        self.web_port, self.sim_http, self.sim_smtp = free_port(), free_port(), free_port()
        self.simulator = self.program(
            "simulator",
            "simulator",
            "--http",
            str(self.sim_http),
            "--smtp",
            str(self.sim_smtp),
            ready=lambda: accepts(self.sim_http),
        )

    def env(self, **more: str) -> dict[str, str]:
        """Return what every process is told."""
        return {
            "FASTTIME_DATABASE_URL": self.database_url,
            "FASTTIME_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "FASTTIME_REDIS_URL": self.redis.url,
            "FASTTIME_SECRET_KEY": "0123456789abcdef" * 4,
            "FASTTIME_CONTACT_KEYS_FILE": str(default_file()),
            "FASTTIME_SHARDS": "2",
            "FASTTIME_PARTITIONS": "2",
            "FASTTIME_PUBLIC_URL": f"http://127.0.0.1:{self.web_port}",
            "FASTTIME_TWILIO_API_BASE": f"http://127.0.0.1:{self.sim_http}",
            "FASTTIME_TWILIO_ACCOUNT_SID": "ACc1057e20000000000000000000000000",
            "FASTTIME_TWILIO_AUTH_TOKEN": "cluster0000000000000000000000000",
            "FASTTIME_TWILIO_FROM": "+447700900998",
            "FASTTIME_TWILIO_VOICE_FROM": "+442079460998",
            "FASTTIME_EXERCISE_TWILIO_FROM": "EXERCISE",
            "FASTTIME_EXERCISE_TWILIO_VOICE_FROM": "+442079460997",
            "FASTTIME_SMTP_URL": f"smtp://127.0.0.1:{self.sim_smtp}",
            "FASTTIME_MAIL_FROM": "Police alerts <alerts@example.org>",
            "FASTTIME_EXERCISE_MAIL_FROM": "EXERCISE <exercise@example.org>",
            "FASTTIME_METRICS_LISTEN": "127.0.0.1:0",
            **self.more,
            **more,
        }

    @property
    def settings(self) -> settings_module.Settings:
        """The settings of a process of this cluster."""
        return settings_module.load(self.env(FASTTIME_DATA=str(self.simulator.folder)))

    def program(
        self,
        name: str,
        *arguments: str,
        module: str = "console.cli",
        ready: Any = None,
        **more: str,
    ) -> Program:
        """Return one of our commands as a program, not yet started, with a data folder of its
        own.
        """
        program = Program(
            name,
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            ready=ready,
            ready_within=60,
            stop_within=12,
        )
        program.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("FASTTIME_")},
            **self.env(FASTTIME_DATA=str(program.folder / "data"), **more),
        }
        return program

    def says(self, program: Program, *words: str) -> bool:
        """Return whether a program's log holds all these words; of its present life only, once it
        was started again.
        """
        said = (
            program.log_path.read_text(encoding="utf-8", errors="replace")
            if program.log_path.exists()
            else ""
        )
        said = said.rpartition('"event": "process.stopping"')[2] if program.starts > 1 else said
        return all(word in said for word in words)

    def process(self, name: str) -> Program:
        """Return web, relay or worker-ROLE, not yet started; ready once it is registered and gets
        its events.
        """
        role = name.removeprefix("worker-")
        arguments = (
            ["web", "--port", str(self.web_port)]
            if name == "web"
            else ["relay"]
            if name == "relay"
            else ["worker", "--role", role]
        )
        program = self.program(name, *arguments)
        words = {"web": ("worker.registered",), "relay": ("relay.started",)}.get(
            name, ("worker.registered", "faust.assigned")
        )
        program._ready = lambda: (
            self.says(program, *words) and (name != "web" or accepts(self.web_port))
        )
        return program

    def __enter__(self) -> Self:
        """Migrate, import areas and people, start everything."""
        try:
            self.simulator.launch()
            done = self.program("migrate", "migrate")
            with done:
                assert done.process is not None
                assert done.process.wait(60) == 0, done.log_tail()
            run_apart(self._set_up)
            self.programs = {name: self.process(name) for name in PROCESSES}
            for program in self.programs.values():
                program.launch()
            for program in (self.simulator, *self.programs.values()):
                program.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything of ours."""
        for program in [*self.programs.values(), self.simulator]:
            program.kill9()
            program.close()
        self.postgres.drop_database(self.database_url)

    async def _set_up(self) -> None:
        now = datetime.now(UTC)
        async with self.database() as db:
            await db.write(store_areas, demo_world.demo_areas(), now, source="demonstration")
            for name in ("Author", "Approver"):
                _, self.tokens[name.lower()] = await db.write(
                    operators.add,
                    name=name,
                    role=name.lower(),
                    area=None,
                    email=f"{name.lower()}@example.org",
                    now=now,
                )
            tree = await db.read(AreaTree.load)
            found = read_subscribers(
                demo_world.demo_people(self.people, seed=7),
                filename="demo.csv",
                allow_trial_numbers=True,
                known_area=lambda code: code in tree,
            )
            # Nobody has quiet hours: a run must not depend on the hour of the day.
            awake = [record._replace(quiet_hours="") for record in found.records]
            await db.write(importing.import_records, awake, "demonstration", now)

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Give the cluster's database for a while."""
        db = open_database(self.database_url, pool_size=4)
        try:
            yield db
        finally:
            await db.close()

    # what people do
    # ------------------------------------------------------------

    async def publish(self, db: Database, text: str) -> int:
        """Draft, submit and approve a message; return the version's id."""
        settings = self.settings
        context = make_context(settings, db, wiring.adapters(settings).on)
        author, approver = [await db.read(operators.by_id, n) for n in (1, 2)]
        assert author is not None
        assert approver is not None
        v = await context.do(
            drafting.draft, author, read_draft(text.encode(), "yaml", now=datetime.now(UTC))
        )
        v, seen = await context.do(submitting.submit, author, v.message_id)
        assert seen.people > 0
        return (await context.do(deciding.approve, approver, v.message_id, v.content_hash)).id

    async def cancel(self, db: Database, message_id: int) -> None:
        """Cancel a message, as the approver."""
        context = make_context(self.settings, db, lambda _status: frozenset())
        approver = await db.read(operators.by_id, 2)
        assert approver is not None
        await context.do(deciding.cancel, approver, message_id, "it is over", "over")

    async def account(self, db: Database, version_id: int) -> Account:
        """Return the account as of one moment: read over several, somebody may stand between two
        lines.
        """
        async with db.engine.connect() as conn:
            await conn.execution_options(isolation_level="REPEATABLE READ")
            return await conn.run_sync(
                lambda c: delivery_report.account(c, versions.get(c, version_id))
            )

    async def finished(self, db: Database, version_id: int, seconds: float = 30) -> Account:
        """Wait until nobody waits or is being handed over, on no channel; return the account."""
        end = time.monotonic() + seconds
        while True:
            account = await self.account(db, version_id)
            v = account.version
            under_way = any(
                lines[line]
                for lines in account.channels.values()
                for line in ("waiting", "handing_over")
            )
            if v.live_at is not None and account.complete and not under_way:
                return account
            if time.monotonic() > end:
                told = "\n".join(
                    f"--- {name}\n{program.log_tail(15)}" for name, program in self.programs.items()
                )
                raise AssertionError(
                    f"not finished in {seconds} s: {v.state}"
                    f" {account.to_json()['channels']}\n{told}"
                )
            await asyncio.sleep(0.1)

    # what is seen
    # ------------------------------------------------------------

    def handsets(self) -> dict[str, list[dict[str, Any]]]:
        """Return the simulator's ledger."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.sim_http}/ledger", timeout=10
        ) as answer:
            found: dict[str, list[dict[str, Any]]] = json.load(answer)
        return found

    async def agrees(self, db: Database, account: Account) -> None:
        """Hold our log against the handsets: whoever we say has it has it, exactly once per
        channel, and the account adds up.
        """
        assert account.adds_up
        ours = set(await db.read(attempts_made, account.version.id))
        theirs = self.handsets()
        for channel, kind in (("sms", "sms"), ("voice", "calls"), ("email", "mails")):
            taken = [
                entry["to"]
                for entry in theirs[kind]
                if entry["taken"] and entry["attempt"][:32] in ours
            ]
            lines = account.channels[channel]
            assert len(taken) == len(set(taken)), f"{channel}: somebody was handed the same twice"
            sure = sum(len(lines[line]) for line in ("accepted", "delivered", "failed"))
            assert len(taken) == sure, (
                f"{channel}: {len(taken)} handed over, {account.to_json()['channels'][channel]}"
            )
            assert not lines["in_doubt"]

    async def events(self, *topics: str) -> list[Any]:
        """Return every record on these topics (all of ours where none is named)."""
        consumer = AIOKafkaConsumer(
            *(topics or TOPICS),
            bootstrap_servers=self.kafka.bootstrap,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            found: list[Any] = []
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(tp) < end for tp, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found += batch
            return found
        finally:
            await consumer.stop()

    async def produce(self, records: Sequence[tuple[str, bytes | None, bytes | None]]) -> None:
        """Put records (topic, key, value) on Kafka, as somebody who should not."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap, acks="all")
        await producer.start()
        try:
            for topic, key, value in records:
                await producer.send_and_wait(topic, value, key=key)
        finally:
            await producer.stop()


@contextlib.contextmanager
def a_cluster(people: int = PEOPLE) -> Iterator[Cluster]:
    """Start services of its own and the cluster on them."""
    with (
        Kafka() as kafka,
        PostgreSQL() as postgres,
        Redis() as redis,
        Cluster(kafka, postgres, redis, people=people) as cluster,
    ):
        yield cluster
