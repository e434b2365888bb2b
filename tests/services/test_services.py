"""The services behind the journeys: they start, serve our clients, die by kill -9 and come back
with what was committed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import asyncpg
import pytest
import redis.asyncio as redis_client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.services import Kafka, NotReady, PostgreSQL, Program, Redis, SmtpSink, free_port, tree_of
from tests.services.process import accepts, interruptible


async def _create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    finally:
        await admin.close()


async def _send(bootstrap: str, topic: str, words: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, words)
    finally:
        await producer.stop()


async def _read(bootstrap: str, topic: str, wanted: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        group_id="readers",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        records = [await asyncio.wait_for(consumer.getone(), 20) for _ in range(wanted)]
        await consumer.commit()
        return [record.value for record in records]
    finally:
        await consumer.stop()


async def test_kafka_keeps_what_it_acknowledged_when_it_is_killed(tmp_path: Path) -> None:
    with Kafka() as kafka:
        await _create_topic(kafka.bootstrap, "kept")
        await _send(kafka.bootstrap, "kept", b"before")
        kafka.kill9()
        assert not accepts(kafka.port)
        kafka.start()
        await _send(kafka.bootstrap, "kept", b"after")
        assert sorted(await _read(kafka.bootstrap, "kept", 2)) == [b"after", b"before"]


@pytest.mark.parametrize("run", [1, 2])
async def test_a_test_finds_kafka_without_the_topics_of_the_one_before(
    kafka_bootstrap: str, run: int
) -> None:
    await _create_topic(kafka_bootstrap, "same.name")  # would be refused if it were there
    await _send(kafka_bootstrap, "same.name", b"%d" % run)
    assert await _read(kafka_bootstrap, "same.name", 1) == [b"%d" % run]


async def test_postgresql_keeps_what_was_committed_when_all_of_it_is_killed() -> None:
    with PostgreSQL() as server:
        url = server.create_database()
        wire = await asyncpg.connect(url)
        await wire.execute("CREATE TABLE fact (id int); INSERT INTO fact VALUES (1)")
        below = tree_of(server.pid)
        server.kill9()
        assert not [pid for pid in below if pid in tree_of(pid)]
        server.start()
        wire = await asyncpg.connect(url)
        assert await wire.fetchval("SELECT count(*) FROM fact") == 1
        assert (await wire.fetchval("SHOW fsync"), await wire.fetchval("SHOW max_connections")) == (
            "on",
            "200",
        )
        await wire.close()


@pytest.mark.parametrize("run", [1, 2])
async def test_every_test_has_an_empty_database(postgres_url: str, run: int) -> None:
    wire = await asyncpg.connect(postgres_url)
    await wire.execute(f"CREATE TABLE run_{run} (id int)")
    assert await wire.fetchval("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'run%'") == 1
    await wire.close()


async def test_a_schema_is_made_once_and_copied(postgres: PostgreSQL) -> None:
    made = []

    def schema(url: str) -> None:
        made.append(url)
        postgres.databases.__class__(url).execute("CREATE TABLE ready (id int)")

    urls = [postgres.databases.prepared("tests.services", schema) for _ in range(2)]
    for url in urls:
        wire = await asyncpg.connect(url)
        assert await wire.fetchval("SELECT count(*) FROM ready") == 0
        await wire.close()
        postgres.drop_database(url)
    assert len(made) == 1


async def test_redis_forgets_everything_when_it_is_killed() -> None:
    with Redis() as server:
        async with redis_client.from_url(server.url) as client:
            await client.set("rate", 5)
        server.kill9()
        server.start()
        async with redis_client.from_url(server.url) as client:
            assert await client.get("rate") is None


@pytest.mark.parametrize("run", [1, 2])
async def test_every_test_has_an_empty_redis(redis_url: str, run: int) -> None:
    async with redis_client.from_url(redis_url) as client:
        assert await client.incr("count") == 1


async def test_the_smtp_sink_keeps_each_mail_with_its_envelope(smtp_sink: SmtpSink) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "alerts@example.org",
        "someone@example.org",
        "Stay inside",
    )
    mail.set_content("Stay inside.")
    await aiosmtplib.send(
        mail, sender="bounce+1@example.org", hostname=smtp_sink.host, port=smtp_sink.port
    )
    (kept,) = smtp_sink.mails()
    assert (kept["Subject"], kept["X-Mail-Args"]) == (
        "Stay inside",
        "<bounce+1@example.org> BODY=8BITMIME",
    )


async def test_the_smtp_sink_comes_back_on_its_port_and_counts() -> None:
    with SmtpSink(keep=False) as sink:
        sink.kill9()
        sink.start()
        for _ in range(3):
            await aiosmtplib.send(
                "Subject: x\n\nx",
                sender="a@example.org",
                recipients=["b@example.org"],
                hostname=sink.host,
                port=sink.port,
            )
        assert sink.taken() == 3


def _sleeper() -> Program:
    return Program(
        "sleeper",
        [
            sys.executable,
            "-c",
            (
                "import subprocess, time; subprocess.Popen(['sleep', '300'],"
                " start_new_session=True); time.sleep(300)"
            ),
        ],
    )


def test_a_kill_takes_what_the_program_started_too() -> None:
    with _sleeper() as program:
        while len(below := tree_of(program.pid)) < 2:
            time.sleep(0.01)
        program.kill9()
        assert not [pid for pid in below if pid in tree_of(pid)]
        assert not program.alive


def test_a_frozen_program_is_alive_and_does_nothing_until_it_is_thawed(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    with Program(
        "ticker",
        ["sh", "-c", f"while :; do echo >> '{ticks}'; sleep 0.01; done"],
        ready=ticks.exists,
    ) as program:
        program.freeze()
        time.sleep(0.05)
        before = ticks.stat().st_size
        time.sleep(0.2)
        assert (ticks.stat().st_size, program.alive) == (before, True)
        program.thaw()
        time.sleep(0.2)
        assert ticks.stat().st_size > before


def test_a_frozen_program_can_be_stopped() -> None:
    with _sleeper() as program:
        program.freeze()
        assert program.stop() == -signal.SIGTERM


def test_a_program_that_ends_while_it_starts_shows_the_end_of_its_log() -> None:
    with (
        pytest.raises(NotReady, match=r"(?s)ended with 3.*no such setting"),
        Program("bad", ["sh", "-c", "echo no such setting; exit 3"], ready=lambda: False),
    ):
        pass


def test_nothing_outlives_whoever_started_it() -> None:
    script = (
        "from tests.services import Redis; import time; r = Redis().start(); print(r.pid,"
        " flush=True); time.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    end = time.monotonic() + 5
    while pid in tree_of(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert pid not in tree_of(pid)


def test_what_a_suite_in_the_background_starts_can_be_interrupted() -> None:
    # as a shell does for what it starts in the background
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            started = subprocess.Popen(
                [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(300)"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        with started:
            assert started.stdout is not None
            assert started.stdout.readline()
            started.send_signal(signal.SIGINT)
            assert started.wait(20) == -signal.SIGINT
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_port_is_free_and_no_client_will_be_given_it() -> None:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    ports = {free_port() for _ in range(20)}
    assert all(not accepts(port) and port < low for port in ports)
