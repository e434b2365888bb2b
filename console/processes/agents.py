"""The Faust agents: an event wakes whoever acts on the row it names. They decide nothing, keep
nothing and never raise (rule R4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import faust

from config.private_folder import make_private

CHARS_OF_A_KEY = 64  # the longest we write: the digest of a reply


def make_app(group: str, bootstrap: str, *, data: Path) -> faust.App:
    """Return a fresh Faust application for one consumer group; nothing is connected before it is
    started.

    Truth is in the database, so there are no tables, no web server, no producer; a new group begins
    with the oldest event kept.
    """
    make_private(data)
    app = faust.App(
        group,
        broker=";".join(f"kafka://{host}" for host in bootstrap.split(",")),
        broker_client_id=group,
        autodiscover=False,
        store="memory://",
        datadir=data,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        key_serializer="raw",
        value_serializer="raw",
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        broker_request_timeout=10.0,
        broker_commit_interval=0.5,
        broker_max_poll_records=500,
        consumer_auto_offset_reset="earliest",
        producer_linger=0,
        stream_wait_empty=False,
    )
    app.boot_strategy.enable_kafka_producer = False
    app.boot_strategy.enable_web = False
    return app


def attach(
    app: faust.App, topics: Sequence[str], wake: Callable[[str], None], seen: Counter[str]
) -> None:
    """Give every topic its agent: it counts the event in `seen` (readable or not, by topic) and
    calls `wake(topic)`.
    """
    for topic in topics:
        _attach_one(app, topic, wake, seen)


def _attach_one(
    app: faust.App, topic: str, wake: Callable[[str], None], seen: Counter[str]
) -> None:
    # concurrency stays 1: more would commit past an event still in flight.
    @app.agent(
        app.topic(
            topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        ),
        name=topic,
        concurrency=1,
    )
    async def run(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            note(topic, event.key, event.value, wake, seen)


def note(
    topic: str, key: object, value: object, wake: Callable[[str], None], seen: Counter[str]
) -> None:
    """Wake whoever reads the topic. What is no event of ours is counted as unreadable and wakes
    nobody; nothing is raised.

    A forged event does no more than a true one: it makes us look into the database.
    """
    try:
        if is_event(key, value):
            seen[topic] += 1
            wake(topic)
        else:
            seen[f"unreadable:{topic}"] += 1
    except Exception:  # noqa: BLE001 - an exception here would acknowledge the event and end the agent; the engine looks by itself anyway
        seen[f"failed:{topic}"] += 1


def is_event(key: object, value: object) -> bool:
    """Return whether it has the outside of an event: a short key of plain characters, and a JSON
    object for a value.
    """
    if (
        not isinstance(key, bytes)
        or not 0 < len(key) <= CHARS_OF_A_KEY
        or not key.isascii()
        or not key.decode("ascii").isprintable()
    ):
        return False
    return isinstance(value, bytes) and value[:1] == b"{" and value[-1:] == b"}"
