"""The relay and the topics on a real Kafka and a real PostgreSQL: nothing lost, order of no matter,
locks bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from broadcast.events import outbox
from broadcast.events.kafka_topics import (
    MAX_EVENT_BYTES,
    check_topics,
    compare,
    create_topics,
    partitions_of,
)
from broadcast.events.outbox import OutboxRow
from broadcast.events.relay import CarrierAway, KafkaCarrier, move, run_relay
from broadcast.events.topics import ALERTS, DELIVERIES_URGENT, RECEIPTS, TOPICS
from broadcast.problems import Rejected
from broadcast.store.database import TROUBLE, Database
from tests.keys import database as open_database
from tests.services import Kafka, free_port


class Wanted:
    """What settings say of Kafka."""

    def __init__(
        self, bootstrap: str, shards: int = 2, partitions: int = 3, replication: int = 1
    ) -> None:
        self.kafka_bootstrap, self.shards, self.partitions, self.replication = (
            bootstrap,
            shards,
            partitions,
            replication,
        )


@pytest.fixture
async def db(migrated_postgres_url: str) -> AsyncIterator[Database]:
    database = open_database(migrated_postgres_url)
    yield database
    await database.close()


@pytest.fixture
async def bootstrap(kafka_bootstrap: str) -> str:
    await create_topics(Wanted(kafka_bootstrap))
    return kafka_bootstrap


async def put(
    db: Database,
    *keys: str,
    topic: str = DELIVERIES_URGENT,
    partition: int | None = None,
    payload: dict[str, Any] | None = None,
) -> None:
    events = [
        {
            "topic": topic,
            "partition": partition,
            "key": key,
            "type": "batch.announced",
            "payload": payload or {"key": key},
        }
        for key in keys
    ]
    await db.write(lambda conn: outbox.append_many(conn, events, at=datetime.now(UTC)))


async def left(db: Database) -> int:
    return len(await db.write(lambda conn: outbox.take(conn, 10_000)))


async def until(condition: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


async def records(bootstrap: str, *topics: str) -> list[Any]:
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = []
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += batch
        return found
    finally:
        await consumer.stop()


@contextlib.asynccontextmanager
async def relaying(bootstrap: str, db: Database, **more: Any) -> AsyncIterator[asyncio.Event]:
    stopping = asyncio.Event()
    task = asyncio.create_task(run_relay(bootstrap, db, stopping, **more))
    try:
        yield stopping
    finally:
        stopping.set()
        await asyncio.wait_for(task, 10)


# topics
# ------------------------------------------------------------


async def test_topics_are_made_once_with_their_partitions_and_then_found_right(
    kafka_bootstrap: str,
) -> None:
    wanted = Wanted(kafka_bootstrap)
    assert {p.code for p in await check_topics(wanted)} == {"topic_missing"}
    assert sorted(await create_topics(wanted)) == sorted(TOPICS)
    assert await create_topics(wanted) == []
    assert await check_topics(wanted) == []


async def test_two_migrations_at_once_both_end_well(kafka_bootstrap: str) -> None:
    wanted = Wanted(kafka_bootstrap)
    await asyncio.gather(create_topics(wanted), create_topics(wanted))
    assert await check_topics(wanted) == []


async def test_a_topic_with_too_few_partitions_is_told_and_migrate_mends_it(
    kafka_bootstrap: str,
) -> None:
    await create_topics(Wanted(kafka_bootstrap, shards=1, partitions=1))
    wanted = Wanted(kafka_bootstrap, shards=4, partitions=1)
    problems = await check_topics(wanted)
    assert [(p.where, p.code, "fasttime migrate" in p.fix) for p in problems] == [
        (ALERTS, "topic_partitions", True),
        (f"exercise.{ALERTS}", "topic_partitions", True),
    ]
    assert Rejected(problems).exit_code == 2
    assert sorted(await create_topics(wanted)) == sorted([ALERTS, f"exercise.{ALERTS}"])
    assert await check_topics(wanted) == []


async def test_partitions_that_are_too_many_are_told_and_left(kafka_bootstrap: str) -> None:
    await create_topics(Wanted(kafka_bootstrap, partitions=4))
    with pytest.raises(Rejected, match="FASTTIME_PARTITIONS=4") as refused:
        await create_topics(Wanted(kafka_bootstrap, partitions=2))
    assert refused.value.exit_code == 2


async def test_a_replication_that_the_brokers_cannot_give_is_refused_with_kafkas_words(
    kafka_bootstrap: str,
) -> None:
    with pytest.raises(Rejected, match="FASTTIME_REPLICATION"):
        await create_topics(Wanted(kafka_bootstrap, replication=3))


async def test_a_broker_that_is_away_is_exit_69_within_ten_seconds_and_named() -> None:
    where = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(Rejected, match=where) as refused:
        await check_topics(Wanted(where))
    assert refused.value.exit_code == 69
    assert time.monotonic() - began < 10


async def test_a_broker_that_never_answers_is_exit_69_within_ten_seconds() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        with pytest.raises(Rejected) as refused:
            await check_topics(Wanted(f"127.0.0.1:{port}"))
        assert refused.value.exit_code == 69
        assert time.monotonic() - began < 10.5


def test_what_is_wrong_is_decided_from_numbers_alone() -> None:
    wanted = Wanted("", shards=2, partitions=3)
    right = {topic: partitions_of(topic, wanted) for topic in TOPICS}
    assert (right[ALERTS], right[f"exercise.{ALERTS}"], right[RECEIPTS]) == (2, 2, 3)
    assert compare(right, wanted) == []
    assert [p.where for p in compare({**right, RECEIPTS: 1}, wanted)] == [RECEIPTS]


# relay
# ------------------------------------------------------------


async def test_every_event_arrives_with_its_key_type_and_partition_and_is_marked(
    bootstrap: str, db: Database
) -> None:
    await put(db, "7", topic=ALERTS, partition=1)
    await put(db, "9", topic=RECEIPTS)
    async with relaying(bootstrap, db):
        await until(lambda: _none(db))
    (alert,) = await records(bootstrap, ALERTS)
    assert (
        alert.partition,
        alert.key,
        dict(alert.headers)["type"],
        json.loads(alert.value)["key"],
    ) == (1, b"7", b"batch.announced", "7")
    (receipt,) = await records(bootstrap, RECEIPTS)
    assert receipt.key == b"9"


async def _none(db: Database) -> bool:
    return not await db.read(outbox.waiting)


async def test_a_committed_event_is_on_kafka_within_milliseconds(
    bootstrap: str, db: Database
) -> None:
    consumer = AIOKafkaConsumer(
        DELIVERIES_URGENT, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    took = []
    try:
        async with relaying(bootstrap, db):
            await put(db, "first")
            await consumer.getone()
            for n in range(30):
                await asyncio.sleep(0.02)
                began = time.monotonic()
                await put(db, str(n))
                assert (await asyncio.wait_for(consumer.getone(), 5)).key == str(n).encode()
                took.append(time.monotonic() - began)
    finally:
        await consumer.stop()
    assert sorted(took)[len(took) // 2] < 0.1  # far below the poll: it is woken, it does not wait


async def test_several_relays_share_the_work_and_lose_nothing(bootstrap: str, db: Database) -> None:
    async with relaying(bootstrap, db), relaying(bootstrap, db), relaying(bootstrap, db):
        for n in range(40):
            await put(db, *(f"{n}.{i}" for i in range(25)))
        await until(lambda: _none(db))
    keys = [r.key.decode() for r in await records(bootstrap, DELIVERIES_URGENT)]
    assert sorted(keys) == sorted(f"{n}.{i}" for n in range(40) for i in range(25))


async def test_an_event_that_commits_after_a_later_one_is_not_passed_over(
    bootstrap: str, db: Database
) -> None:
    async with relaying(bootstrap, db):
        async with db.engine.begin() as slow:
            await slow.run_sync(
                lambda conn: outbox.append(
                    conn, RECEIPTS, "early id", "t", {}, at=datetime.now(UTC)
                )
            )
            await put(db, "later id", topic=RECEIPTS)
            await until(lambda: _none(db))
        await until(lambda: _none(db))
    assert [r.key for r in await records(bootstrap, RECEIPTS)].count(b"early id") == 1


class Killed(BaseException):
    """What nothing catches."""


class KilledAfterProduce(KafkaCarrier):
    """A relay that dies between the acknowledgement and its mark."""

    async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
        await super().send(rows)
        raise Killed


async def test_a_relay_killed_between_produce_and_mark_repeats_and_never_loses(
    bootstrap: str, db: Database
) -> None:
    await put(db, "a", "b")
    dying = KilledAfterProduce(bootstrap)
    with pytest.raises(Killed):
        await move(db, dying)
    await dying.close()
    assert await left(db) == 2
    async with relaying(bootstrap, db):
        await until(lambda: _none(db))
    assert sorted(r.key for r in await records(bootstrap, DELIVERIES_URGENT)) == [
        b"a",
        b"a",
        b"b",
        b"b",
    ]


async def test_while_kafka_is_away_the_lock_is_let_go_and_nothing_is_lost(db: Database) -> None:
    with Kafka() as kafka:
        await create_topics(Wanted(kafka.bootstrap))
        carrier = KafkaCarrier(kafka.bootstrap, ack_seconds=1.0)
        async with relaying(kafka.bootstrap, db, carrier=carrier):
            await put(db, "before")
            await until(lambda: _none(db))
            kafka.kill9()
            await put(db, "during")
            await asyncio.sleep(0.3)
            await until(lambda: _lock_is_free(db), 5)
            await asyncio.sleep(2)
            kafka.start()
            await until(lambda: _none(db), 30)
            await put(db, "after")
            await until(lambda: _none(db))
        assert {r.key for r in await records(kafka.bootstrap, DELIVERIES_URGENT)} == {
            b"before",
            b"during",
            b"after",
        }


async def _lock_is_free(db: Database) -> bool:
    return await left(db) == 1


async def test_without_kafka_a_relay_waits_and_stops_when_told(db: Database) -> None:
    await put(db, "x")
    began = time.monotonic()
    async with relaying(f"127.0.0.1:{free_port()}", db):
        await asyncio.sleep(0.5)
    assert time.monotonic() - began < 8
    assert await left(db) == 1


async def test_a_topic_that_is_missing_holds_up_only_its_own_events(
    kafka_bootstrap: str, db: Database
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(RECEIPTS, 1, 1)])
    await admin.close()
    await put(db, "stays", topic=DELIVERIES_URGENT)
    await put(db, "goes", topic=RECEIPTS)
    carrier = KafkaCarrier(kafka_bootstrap, ack_seconds=2.0)
    async with relaying(kafka_bootstrap, db, carrier=carrier):
        await until(lambda: _lock_is_free(db), 8)
    assert [r.key for r in await records(kafka_bootstrap, RECEIPTS)] == [b"goes"]


async def test_an_event_that_kafka_finds_too_long_becomes_a_wake_up_and_blocks_nobody(
    bootstrap: str, db: Database
) -> None:
    await put(db, "long", payload={"words": "x" * (MAX_EVENT_BYTES + 1)})
    await put(db, "short")
    async with relaying(bootstrap, db):
        await until(lambda: _none(db), 20)
    found = {r.key: json.loads(r.value) for r in await records(bootstrap, DELIVERIES_URGENT)}
    assert set(found) == {b"long", b"short"}
    assert found[b"long"]["cut"] is True


async def test_a_shard_without_a_partition_still_wakes_somebody(
    bootstrap: str, db: Database
) -> None:
    await put(db, "5", topic=ALERTS, partition=77)
    async with relaying(bootstrap, db):
        await until(lambda: _none(db))
    assert len(await records(bootstrap, ALERTS)) == 1


async def test_a_relay_that_hangs_with_the_rows_loses_them_to_another(
    bootstrap: str, db: Database
) -> None:
    await put(db, "x")
    taken = asyncio.Event()

    class Hangs(KafkaCarrier):
        async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
            taken.set()
            await asyncio.sleep(60)
            return []

    hanging = asyncio.create_task(move(db, Hangs(bootstrap), lock_seconds=1.0))
    await taken.wait()
    assert await left(db) == 0
    async with relaying(bootstrap, db):
        await until(lambda: _none(db))
    hanging.cancel()
    with contextlib.suppress(asyncio.CancelledError, *TROUBLE):
        await hanging
    assert [r.key for r in await records(bootstrap, DELIVERIES_URGENT)] == [b"x"]


async def test_a_carrier_that_is_away_leaves_everything_in_the_outbox(db: Database) -> None:
    await put(db, "x")

    class Away:
        async def ready(self) -> None:
            pass

        async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
            raise CarrierAway("away")

        async def close(self) -> None:
            pass

    with pytest.raises(CarrierAway):
        await move(db, Away())
    assert await left(db) == 1
