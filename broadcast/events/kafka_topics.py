"""The topics on Kafka itself: made by `migrate`, checked before a worker starts (a topic missing
then would be ignored in silence).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import KafkaError

from broadcast.events.topics import ALERTS, EXERCISE_PREFIX, TOPICS
from broadcast.problems import Problem, refuse

REACH_SECONDS = 9.0
"""An unreachable broker is named within ten seconds."""

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""The longest event: a content with many shapes and languages, under the 1 MiB of its document
several times over.
"""

_ALREADY_EXISTS = 36  # https://kafka.apache.org/protocol#protocol_error_codes


class Cluster(Protocol):
    """What the settings say of Kafka; config.settings.Settings is one."""

    @property
    def kafka_bootstrap(self) -> str:
        """host:port[,host:port]."""

    @property
    def shards(self) -> int:
        """Partitions of `alerts` and its twin: one for each shard."""

    @property
    def partitions(self) -> int:
        """Partitions of every other topic."""

    @property
    def replication(self) -> int:
        """On how many brokers each is kept."""


def partitions_of(topic: str, cluster: Cluster) -> int:
    """Return how many partitions a topic shall have."""
    return cluster.shards if topic.removeprefix(EXERCISE_PREFIX) == ALERTS else cluster.partitions


@contextlib.asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect within `REACH_SECONDS` in all; raises Rejected (exit 69, kafka_unreachable) that
    names the host.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap,
        client_id="fasttime.admin",
        request_timeout_ms=int(REACH_SECONDS * 1000),
    )
    try:
        async with asyncio.timeout(REACH_SECONDS):
            await admin.start()
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        detail = f"Kafka at {bootstrap} cannot be reached: {type(error).__name__}"
        raise refuse(
            "kafka_unreachable",
            detail,
            "start it, or mend FASTTIME_KAFKA_BOOTSTRAP",
            field="FASTTIME_KAFKA_BOOTSTRAP",
            status=503,
        ) from error
    finally:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(admin.close(), 1.0)


async def _present(admin: AIOKafkaAdminClient) -> dict[str, int]:
    return {found["topic"]: len(found["partitions"]) for found in await admin.describe_topics()}


def compare(
    present: dict[str, int], cluster: Cluster, topics: Sequence[str] = TOPICS
) -> list[Problem]:
    """Return what is wrong: topics that are missing or have another number of partitions than the
    settings say.
    """
    problems = []
    for topic in topics:
        wanted, found = partitions_of(topic, cluster), present.get(topic)
        setting = (
            "FASTTIME_SHARDS"
            if topic.removeprefix(EXERCISE_PREFIX) == ALERTS
            else "FASTTIME_PARTITIONS"
        )
        if found is None:
            problems.append(
                Problem(
                    code="topic_missing",
                    where=topic,
                    detail="there is no such topic",
                    fix="run `fasttime migrate`",
                )
            )
        elif found < wanted:
            problems.append(
                Problem(
                    code="topic_partitions",
                    where=topic,
                    detail=f"has {found} of {wanted} partitions",
                    fix=f"run `fasttime migrate`, or set {setting}={found}",
                )
            )
        elif found > wanted:
            fix = (
                f"set {setting}={found}: neither Kafka nor `fasttime migrate` takes partitions away"
            )
            problems.append(
                Problem(
                    code="topic_partitions",
                    where=topic,
                    detail=f"has {found} partitions, the settings say {wanted}",
                    fix=fix,
                )
            )
    return problems


async def check_topics(cluster: Cluster, topics: Sequence[str] = TOPICS) -> list[Problem]:
    """Return what is wrong with the topics. Raises Rejected (exit 69) where no broker answers."""
    async with _admin(cluster.kafka_bootstrap) as admin:
        return compare(await _present(admin), cluster, topics)


async def create_topics(cluster: Cluster) -> list[str]:
    """Make what is missing and add partitions where there are too few; return the topics that were
    changed.

    Raises Rejected: exit 69 where no broker answers, 2 where Kafka refuses (a replication higher
    than its brokers) or a topic has too many partitions. Several may run at once.
    """
    async with _admin(cluster.kafka_bootstrap) as admin:
        present = await _present(admin)
        missing = [topic for topic in TOPICS if topic not in present]
        short = {
            topic: partitions_of(topic, cluster)
            for topic in TOPICS
            if 0 < present.get(topic, 0) < partitions_of(topic, cluster)
        }
        if missing:
            made = [
                NewTopic(
                    topic,
                    partitions_of(topic, cluster),
                    cluster.replication,
                    topic_configs={"max.message.bytes": str(MAX_EVENT_BYTES)},
                )
                for topic in missing
            ]
            _refused([tuple(e) for e in (await admin.create_topics(made)).topic_errors])
        if short:
            answer = await admin.create_partitions(
                {topic: NewPartitions(total_count=wanted) for topic, wanted in short.items()}
            )
            _refused([tuple(e) for e in answer.topic_errors])
        problems = compare(await _settled(admin, cluster), cluster)
    too_many = [p for p in problems if p.code == "topic_partitions"]
    if too_many:
        raise refuse(too_many[0].code, f"{too_many[0].where} {too_many[0].detail}", too_many[0].fix)
    return [*missing, *short]


async def _settled(admin: AIOKafkaAdminClient, cluster: Cluster) -> dict[str, int]:
    """Wait until the broker shows what it said it made; the time limit is that of the
    connection.
    """
    while True:
        present = await _present(admin)
        if all(present.get(topic, 0) >= partitions_of(topic, cluster) for topic in TOPICS):
            return present
        await asyncio.sleep(0.05)


def _refused(errors: Sequence[tuple[object, ...]]) -> None:
    """Raise Rejected for the first (topic, code, words) that is an error; a topic that somebody
    else just made is none.
    """
    for topic, code, *words in errors:
        if code not in (0, _ALREADY_EXISTS):
            said = str(words[0]) if words and words[0] else f"error {code}"
            raise refuse(
                "topic_refused",
                f"Kafka does not make {topic}: {said}",
                "FASTTIME_REPLICATION may not exceed the number of brokers",
                field="FASTTIME_REPLICATION",
            )
