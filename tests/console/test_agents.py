"""The agents and the worker around them: any record is harmless, and a Faust that dies or cannot
start is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mode.threads import ServiceThread, WorkerThread

from broadcast.events.kafka_topics import create_topics
from broadcast.problems import Rejected
from config.settings import Settings, load
from console.processes.agents import is_event, note
from console.processes.worker import Seldom, faust_threads_ended, keep_faust, require_cluster, run
from tests.services import Kafka


def settings_of(tmp_path: Path, bootstrap: str) -> Settings:
    return load(
        {
            "FASTTIME_KAFKA_BOOTSTRAP": bootstrap,
            "FASTTIME_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "FASTTIME_SECRET_KEY": "0123456789abcdef" * 4,
            "FASTTIME_CONTACT_KEYS": "0123456789abcdef" * 4,
            "FASTTIME_DATA": str(tmp_path),
            "FASTTIME_PARTITIONS": "2",
        }
    )


@pytest.mark.parametrize(
    ("key", "value", "is_one"),
    [
        (b"17", b'{"event":"batch.announced"}', True),
        (b"a" * 64, b"{}", True),
        (None, b"{}", False),
        (b"", b"{}", False),
        (b"a" * 65, b"{}", False),
        (b"\xff", b"{}", False),
        (b"a\nb", b"{}", False),
        (b"17", None, False),
        (b"17", b"", False),
        (b"17", b"[]", False),
        ("17", "{}", False),
    ],
)
def test_only_the_outside_of_an_event_is_looked_at(
    key: object, value: object, is_one: bool
) -> None:
    assert is_event(key, value) is is_one


@given(
    st.one_of(st.none(), st.binary(), st.text(), st.integers()),
    st.one_of(st.none(), st.binary(), st.text(), st.integers()),
)
def test_no_record_makes_an_agent_raise(key: object, value: object) -> None:
    seen = Counter[str]()
    woken: list[str] = []
    note("receipts", key, value, woken.append, seen)
    assert seen.total() == 1
    assert len(woken) == seen["receipts"]


def test_a_wake_that_fails_is_counted_and_not_raised() -> None:
    def wake(topic: str) -> None:
        raise RuntimeError(topic)

    seen = Counter[str]()
    note("alerts", b"1", b"{}", wake, seen)
    assert seen["failed:alerts"] == 1


def test_the_same_complaint_is_told_seldom() -> None:
    seldom = Seldom(seconds=60)

    def told(words: str, *args: object) -> bool:
        return seldom.filter(logging.LogRecord("aiokafka", logging.ERROR, "", 1, words, args, None))

    assert [told("no connection to %s", n) for n in range(3)] == [True, False, False]
    assert told("another") is True


def test_one_process_that_does_everything_is_no_worker(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="fasttime up") as refused:
        require_cluster(load({"FASTTIME_DATA": str(tmp_path)}))
    assert refused.value.exit_code == 2
    with pytest.raises(Rejected, match="match, urgent, routine, log"):
        run(settings_of(tmp_path, "127.0.0.1:1"), "sender")


async def test_the_loop_outlives_a_thread_of_faust_that_still_reports_to_it() -> None:
    """Stopped in its first second a worker closed it before, and the thread left a traceback."""
    loop, told = asyncio.get_running_loop(), list[str]()

    class Late(WorkerThread):
        def run(self) -> None:
            time.sleep(0.2)
            loop.call_soon_threadsafe(told.append, "shut down")

    thread = Late(ServiceThread(thread_loop=loop))
    thread.start()
    await asyncio.wait_for(faust_threads_ended(), 5)
    await asyncio.sleep(0)
    assert (told, thread.is_alive()) == (["shut down"], False)


async def put(bootstrap: str, topic: str) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"{}", key=b"1")
    finally:
        await producer.stop()


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.05)


async def keeping(settings: Settings, during: Callable[[list[str]], Awaitable[None]]) -> float:
    """Run `during(woken topics)` beside keep_faust; return how long it took to stop."""
    stopping, woken = asyncio.Event(), list[str]()
    task = asyncio.create_task(keep_faust(settings, "log", woken.append, stopping))
    try:
        await during(woken)
    finally:
        began = time.monotonic()
        stopping.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return time.monotonic() - began


@pytest.mark.kafka
async def test_faust_waits_for_a_kafka_that_is_away_at_first_and_serves_both_topics(
    tmp_path: Path,
) -> None:
    with Kafka() as kafka:
        settings = settings_of(tmp_path, kafka.bootstrap)
        await create_topics(settings)
        kafka.kill9()

        async def during(woken: list[str]) -> None:
            await asyncio.sleep(3)
            kafka.start()
            await put(kafka.bootstrap, "receipts")
            await put(kafka.bootstrap, "exercise.receipts")
            await until(lambda: {"receipts", "exercise.receipts"} <= set(woken))

        assert await keeping(settings, during) < 2


@pytest.mark.kafka
async def test_faust_stops_in_time_while_kafka_is_away(tmp_path: Path) -> None:
    async def during(woken: list[str]) -> None:
        await asyncio.sleep(2)

    assert await keeping(settings_of(tmp_path, "127.0.0.1:1"), during) < 2
