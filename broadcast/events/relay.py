"""The relay: moves the outbox to Kafka. Several may run; there is no leader, and nobody follows a
sequence (rule R7).

An event is marked in the transaction that took it, after Kafka acknowledged it: a crash in between
repeats it, nothing loses it. The rows are locked meanwhile, so the wait for Kafka is bounded, here
and (for a relay that hangs) in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from sqlalchemy import Connection, text

from broadcast.events import outbox
from broadcast.events.kafka_topics import MAX_EVENT_BYTES
from broadcast.events.outbox import OutboxRow
from broadcast.store.database import TROUBLE, Database
from broadcast.waiting import until_set

log = structlog.get_logger("relay")

BATCH = 500
ACK_SECONDS = 10.0
LOCK_SECONDS = 2 * ACK_SECONDS
POLL_SECONDS = 0.5
"""How often the outbox is looked at without being asked: a notification may be lost with its
connection.
"""
LISTEN_CHECK_SECONDS = 5.0
STOP_SECONDS = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_MANY_PENDING = 10 * BATCH


class CarrierAway(Exception):
    """Kafka did not take the events; they stay in the outbox."""


class Carrier(Protocol):
    """What hands events on. Tests hand in one that loses some."""

    async def ready(self) -> None:
        """Connect, before anything is locked; raises CarrierAway."""

    async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Hand the events on; return the ids of those that are surely kept there."""

    async def close(self) -> None:
        """Let go of the connection."""


class KafkaCarrier:
    """One idempotent producer. What it once took it keeps trying to write: a row still on its way
    is waited for, not sent again.
    """

    def __init__(self, bootstrap: str, *, ack_seconds: float = ACK_SECONDS) -> None:
        self._bootstrap, self._ack_seconds = bootstrap, ack_seconds
        self._producer: AIOKafkaProducer | None = None
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._too_long: set[int] = set()

    async def ready(self) -> None:
        """Start the producer; raises CarrierAway within `ack_seconds`."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id="fasttime.relay",
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            request_timeout_ms=int(self._ack_seconds * 800),
            max_request_size=MAX_EVENT_BYTES,
        )
        try:
            await asyncio.wait_for(producer.start(), self._ack_seconds)
        except (KafkaError, OSError, TimeoutError) as error:
            await _stop(producer)
            raise CarrierAway(f"{self._bootstrap}: {type(error).__name__}") from error
        except BaseException:
            await _stop(producer)
            raise
        self._producer = producer

    async def send(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Send each row not yet on its way, wait at most `ack_seconds`; return the acknowledged
        ids.
        """
        await self.ready()
        for id_ in [
            id_
            for id_, future in self._pending.items()
            if future.done() and id_ not in {row.id for row in rows}
        ]:
            del self._pending[id_]
        by_topic: dict[str, list[OutboxRow]] = defaultdict(list)
        if len(self._pending) < _MANY_PENDING:
            for row in rows:
                if row.id not in self._pending:
                    by_topic[row.topic].append(row)
        # A topic that is gone holds up its own events only.
        work = [
            asyncio.create_task(self._send_topic(topic, some)) for topic, some in by_topic.items()
        ]
        try:
            ended = asyncio.get_running_loop().time() + self._ack_seconds
            if work:
                await asyncio.wait(work, timeout=self._ack_seconds)
            waited = [self._pending[row.id] for row in rows if row.id in self._pending]
            if waited:
                await asyncio.wait(
                    waited, timeout=max(0.0, ended - asyncio.get_running_loop().time())
                )
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        return await self._acknowledged(rows)

    async def _send_topic(self, topic: str, rows: list[OutboxRow]) -> None:
        assert self._producer is not None
        known = await self._producer.partitions_for(topic)
        for row in rows:
            # Fewer partitions than the version has shards: any of them wakes the matcher, which
            # reads the row.
            partition = row.partition if row.partition is None or row.partition in known else None
            try:
                self._pending[row.id] = await self._put(topic, row, partition)
            except MessageSizeTooLargeError:
                self._too_long.add(row.id)
                self._pending[row.id] = await self._put(topic, row, partition)

    async def _put(self, topic: str, row: OutboxRow, partition: int | None) -> asyncio.Future[Any]:
        """Hand one event to the producer; return what ends when Kafka has it."""
        assert self._producer is not None
        sent: asyncio.Future[Any] = await self._producer.send(
            topic,
            self._value(row),
            key=row.key.encode(),
            partition=partition,
            headers=[("type", row.type.encode()), ("id", str(row.id).encode())],
        )
        return sent

    def _value(self, row: OutboxRow) -> bytes:
        """Return the event; one that Kafka does not take is sent as a wake-up that names its row,
        so that it blocks nobody.
        """
        if row.id in self._too_long:
            return json.dumps(
                {"event": row.type, "outbox": row.id, "cut": True}, separators=(",", ":")
            ).encode()
        return row.payload.encode()

    async def _acknowledged(self, rows: Sequence[OutboxRow]) -> list[int]:
        acknowledged: list[int] = []
        failures: set[str] = set()
        for row in rows:
            future = self._pending.get(row.id)
            if future is None or not future.done():
                continue
            del self._pending[row.id]
            error = future.exception() if not future.cancelled() else asyncio.CancelledError()
            if error is None:
                acknowledged.append(row.id)
                self._too_long.discard(row.id)
            elif isinstance(error, MessageSizeTooLargeError):
                self._too_long.add(row.id)
                log.warning("relay.event_cut", topic=row.topic, type=row.type, outbox=row.id)
            else:
                failures.add(type(error).__name__)
        if failures - {KafkaTimeoutError.__name__}:
            # After such an error an idempotent producer may refuse everything for ever: begin anew.
            await self.close()
        if not acknowledged and rows:
            raise CarrierAway(
                f"{self._bootstrap}: {', '.join(sorted(failures)) or 'no acknowledgement in time'}"
            )
        return acknowledged

    async def close(self) -> None:
        """Stop the producer; what it still held is in the outbox."""
        producer, self._producer = self._producer, None
        for future in self._pending.values():
            # Nobody waits for it any more; its error is known.
            future.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._pending.clear()
        if producer is not None:
            await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError, AssertionError):
        await asyncio.wait_for(producer.stop(), 2.0)


async def run_relay(
    bootstrap: str, db: Database, stopping: asyncio.Event, *, carrier: Carrier | None = None
) -> None:
    """Move events until `stopping`: woken by the database within milliseconds, and looking by
    itself as well.

    A Kafka or a database that is away is waited for; nothing else ends this but `stopping`.
    """
    carrier = carrier or KafkaCarrier(bootstrap)
    wake = asyncio.Event()
    listener = asyncio.create_task(_listen(db, wake))
    mover = asyncio.create_task(_move_for_ever(db, carrier, wake, stopping))
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({mover, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not mover.done():
            wake.set()
            await asyncio.wait({mover}, timeout=STOP_SECONDS)
    finally:
        for task in (mover, listener, stopped):
            task.cancel()
        results = await asyncio.gather(mover, listener, stopped, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(carrier.close(), STOP_SECONDS)
    if isinstance(results[0], Exception):
        raise results[0]


async def _move_for_ever(
    db: Database, carrier: Carrier, wake: asyncio.Event, stopping: asyncio.Event
) -> None:
    pause, told = _FIRST_PAUSE, ""
    while not stopping.is_set():
        wake.clear()
        try:
            await carrier.ready()
            taken, moved = await move(db, carrier)
        except (CarrierAway, KafkaError, *TROUBLE) as trouble:
            what = str(trouble) if isinstance(trouble, CarrierAway) else type(trouble).__name__
            if what != told:  # the same trouble is told once
                told = what
                log.warning(
                    "relay.waiting",
                    trouble=what,
                    hint=(
                        "events stay in the outbox; people are sent to from the database meanwhile"
                    ),
                )
            await until_set(stopping, pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            continue
        if told and taken == moved:
            told = ""
            log.info("relay.resumed", moved=moved)
        if taken and moved < taken:  # some topic does not take its events
            await until_set(stopping, pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            continue
        pause = _FIRST_PAUSE
        if taken < BATCH:
            await until_set(wake, POLL_SECONDS)


async def move(
    db: Database, carrier: Carrier, limit: int = BATCH, lock_seconds: float = LOCK_SECONDS
) -> tuple[int, int]:
    """Hand up to `limit` events on, in one transaction; return how many were taken and how many of
    them handed on.

    Whoever has not marked them after `lock_seconds` loses them to another relay, by the database's
    own clock.
    """
    async with db.engine.begin() as conn:
        rows = await conn.run_sync(_take, limit, lock_seconds)
        if not rows:
            return 0, 0
        moved = await carrier.send(rows)
        await conn.run_sync(outbox.mark, moved, datetime.now(UTC))
    return len(rows), len(moved)


def _take(conn: Connection, limit: int, lock_seconds: float) -> list[OutboxRow]:
    # A relay that is frozen here must not keep these rows from the others: the database ends its
    # transaction.
    conn.execute(
        text(f"SET LOCAL idle_in_transaction_session_timeout = '{int(lock_seconds * 1000)}ms'")
    )
    return outbox.take(conn, limit)


async def _listen(db: Database, wake: asyncio.Event) -> None:
    """Wake the mover whenever somebody commits an event; on a connection of its own, made again
    when it is lost.
    """
    dsn = db.url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            conn = await asyncpg.connect(
                dsn, timeout=10, server_settings={"application_name": "fasttime relay listen"}
            )
        except TROUBLE:
            await asyncio.sleep(0.5)
            continue
        try:
            await conn.add_listener("fasttime_outbox", lambda *_: wake.set())
            wake.set()  # what came while nobody listened
            while True:
                await asyncio.sleep(LISTEN_CHECK_SECONDS)
                await conn.execute("SELECT 1", timeout=LISTEN_CHECK_SECONDS)
        except TROUBLE:
            pass
        finally:
            conn.terminate()
        await asyncio.sleep(0.2)
