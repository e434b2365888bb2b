"""The cluster as people get it: nobody lost, nobody twice, whatever becomes of the events on Kafka;
and Kafka knows nobody's number.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from broadcast.events.topics import ROLES, TOPICS, TOPICS_OF_ROLE
from broadcast.ledger.delivery_report import Account
from broadcast.store.database import Database
from subscribers import demo_world
from tests.journeys.cluster import Cluster, a_cluster
from tests.services import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]

INCIDENT = """
kind: incident
status: {status}
urgency: Immediate
severity: Severe
areas: [E12000007]
expires: 2h
languages: {{en: {{headline: "{words}", instruction: "Keep away."}}}}
"""
APPEAL = """
kind: appeal
status: {status}
severity: Moderate
areas: [E12000007]
languages: {{en: {{headline: "{words}", instruction: "Call 101."}}}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with a_cluster() as found:
        yield found


@pytest.fixture
async def db(cluster: Cluster) -> AsyncIterator[Database]:
    async with cluster.database() as found:
        yield found


@pytest.mark.parametrize(
    ("text", "status"),
    [(INCIDENT, "Actual"), (APPEAL, "Actual"), (INCIDENT, "Exercise"), (APPEAL, "Exercise")],
)
async def test_everybody_is_handed_over_exactly_once_on_each_channel(
    cluster: Cluster, db: Database, text: str, status: str
) -> None:
    version = await cluster.publish(
        db, text.format(status=status, words=f"Everybody {time.monotonic_ns()}")
    )
    account = await cluster.finished(db, version)
    await cluster.agrees(db, account)
    assert sum(len(account.people[line]) for line in ("accepted", "delivered")) > 10


async def test_each_topic_carried_its_events_and_nobodys_number_or_address(
    cluster: Cluster, db: Database
) -> None:
    for status in ("Actual", "Exercise"):
        for text in (INCIDENT, APPEAL):
            await cluster.finished(
                db,
                await cluster.publish(
                    db, text.format(status=status, words=f"Topics {time.monotonic_ns()}")
                ),
            )
    await asyncio.sleep(1)
    events = await cluster.events()
    assert set(TOPICS) == {e.topic for e in events}
    for role in ROLES:
        await saying(cluster, f"worker-{role}", *(f'"{topic}": ' for topic in TOPICS_OF_ROLE[role]))
    found = Counter[str]()
    everything = "\n".join(f"{e.key!r} {e.value!r} {e.headers!r}" for e in events)
    table = demo_world.demo_people(cluster.people, seed=7).decode("utf-8-sig").splitlines()
    columns = table[0].split(",")
    for line in table[1:]:
        person = dict(zip(columns, line.split(","), strict=False))
        for field in ("mobile", "phone", "email", "name", "postcode", "external_id"):
            words = person[field].strip('"')
            if len(words) > 5:
                found[field] += (
                    words in everything or words.lstrip("+0").replace(" ", "") in everything
                )
    assert len(found) > 3
    assert not +found


def handed_over(account: Account) -> dict[str, int]:
    """Return how many stand where, whatever receipts have told since: an accepted person may be
    delivered or failed a moment later.
    """
    people = account.to_json()["people"]
    later = ("accepted", "delivered", "failed", "in_doubt")
    return {
        "handed over": sum(people[line] for line in later),
        **{line: n for line, n in people.items() if line not in later},
    }


async def test_forged_and_garbage_records_on_every_topic_harm_nobody(
    cluster: Cluster, db: Database
) -> None:
    version = await cluster.publish(
        db, INCIDENT.format(status="Actual", words="Before the forgery")
    )
    before = await cluster.finished(db, version)
    handed = {kind: len(entries) for kind, entries in cluster.handsets().items()}
    forged = json.dumps(
        {
            "event": "message.approved",
            "version_id": version,
            "state": "approved",
            "shards": 2,
            "shard": 0,
        }
    ).encode()
    records: list[tuple[str, bytes | None, bytes | None]] = []
    for topic in TOPICS:
        records += [
            (topic, str(version).encode(), forged),
            (topic, b"999999999", forged),
            (topic, None, b"\xff\x00garbage"),
            (topic, b"k", None),
        ]
        records += [(topic, b"\xff\xfe", b"{"), (topic, b"x" * 5000, b"[]")]
        records += [(topic, b"1", b'{"event": ' + b"[" * 100_000), (topic, b"' OR 1=1 --", b"{}")]
    await cluster.produce(records)
    await asyncio.sleep(2)
    assert {kind: len(entries) for kind, entries in cluster.handsets().items()} == handed
    assert all(program.alive for program in cluster.programs.values())
    again = await cluster.finished(db, version)
    assert handed_over(again) == handed_over(before)
    await cluster.agrees(
        db,
        await cluster.finished(
            db,
            await cluster.publish(db, INCIDENT.format(status="Actual", words="After the forgery")),
        ),
    )
    for role in ROLES:
        await saying(
            cluster,
            f"worker-{role}",
            *(f'"unreadable:{topic}": ' for topic in TOPICS_OF_ROLE[role]),
        )
    for name, program in cluster.programs.items():
        assert not cluster.says(program, "Traceback"), f"{name}\n{program.log_tail()}"


async def test_if_every_event_is_lost_everybody_is_handed_over_all_the_same(
    cluster: Cluster, db: Database
) -> None:
    """Five in a hundred lost is a case of this."""
    cluster.programs["relay"].stop()
    loses = cluster.program("relay-that-loses", module="tests.journeys.relays", ready=None)
    loses.command.append("lose")
    try:
        loses.start()
        for text in (INCIDENT, APPEAL):
            version = await cluster.publish(
                db, text.format(status="Actual", words=f"Lost {time.monotonic_ns()}")
            )
            await cluster.agrees(db, await cluster.finished(db, version, 30))
        assert not [
            e for e in await cluster.events("alerts") if json_of(e).get("version_id") == version
        ]
    finally:
        loses.close()
        cluster.programs["relay"].start()


async def saying(cluster: Cluster, name: str, *words: str) -> None:
    end = time.monotonic() + 15
    while not cluster.says(cluster.programs[name], *words):
        assert time.monotonic() < end, (
            f"{name} did not say {words}\n{cluster.programs[name].log_tail()}"
        )
        await asyncio.sleep(0.1)


def json_of(event: object) -> dict[str, object]:
    try:
        found = json.loads(event.value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


async def test_a_relay_killed_between_produce_and_mark_repeats_events_and_harms_nobody(
    cluster: Cluster, db: Database
) -> None:
    cluster.programs["relay"].stop()
    dies = cluster.program("relay-that-dies", module="tests.journeys.relays")
    dies.command.append("die")
    try:
        dies.start()
        version = await cluster.publish(
            db, INCIDENT.format(status="Actual", words=f"Repeated {time.monotonic_ns()}")
        )
        end = time.monotonic() + 15
        while dies.alive and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert not dies.alive
        cluster.programs["relay"].start()
        await cluster.agrees(db, await cluster.finished(db, version))
        await asyncio.sleep(1)
        told = Counter(
            e.partition
            for e in await cluster.events("alerts")
            if json_of(e).get("version_id") == version
            and json_of(e).get("event") == "message.approved"
        )
        assert set(told.values()) == {2}
    finally:
        dies.close()
        cluster.programs["relay"].start()


async def test_a_kafka_killed_in_the_midst_stops_no_sends_and_its_return_is_noticed(
    cluster: Cluster, db: Database
) -> None:
    alive = {name: program.pid for name, program in cluster.programs.items()}
    version = await cluster.publish(
        db, INCIDENT.format(status="Actual", words=f"Kafka dies {time.monotonic_ns()}")
    )
    cluster.kafka.kill9()
    try:
        await cluster.agrees(db, await cluster.finished(db, version))
        without = await cluster.publish(
            db, APPEAL.format(status="Actual", words=f"Kafka is dead {time.monotonic_ns()}")
        )
        await cluster.agrees(db, await cluster.finished(db, without))
    finally:
        cluster.kafka.start()
    after = await cluster.publish(
        db, INCIDENT.format(status="Actual", words=f"Kafka is back {time.monotonic_ns()}")
    )
    await cluster.agrees(db, await cluster.finished(db, after))
    end = time.monotonic() + 20
    wanted = {version, without, after}
    while time.monotonic() < end and not wanted <= {
        json_of(e).get("version_id") for e in await cluster.events("alerts")
    }:
        await asyncio.sleep(0.5)
    assert wanted <= {json_of(e).get("version_id") for e in await cluster.events("alerts")}
    assert {name: program.pid for name, program in cluster.programs.items()} == alive
    assert all(program.alive for program in cluster.programs.values())


@pytest.mark.parametrize("name", ["relay", "worker-match", "worker-urgent", "worker-log", "web"])
def test_a_process_told_to_end_ends_with_0_within_ten_seconds(cluster: Cluster, name: str) -> None:
    cluster.web_port, kept = free_port(), cluster.web_port
    program = cluster.process(name)
    cluster.web_port = kept
    program._ready = lambda: cluster.says(program, "worker.registered")
    with program:
        # what hangs is ended by its own timer after 9.8 s; a busy machine gets two seconds more
        # before it is killed here, which is no 0
        assert program.stop() == 0, program.log_tail()


def test_a_process_frozen_in_its_threads_still_ends_in_time(cluster: Cluster) -> None:
    """While Kafka does not answer, the consumer's own thread may hang: the process ends all the
    same.
    """
    program = cluster.process("worker-urgent")
    with program:
        cluster.kafka.freeze()
        try:
            time.sleep(1)
            assert program.stop() == 0, program.log_tail()
        finally:
            cluster.kafka.thaw()


# what does not start
# ------------------------------------------------------------


def refusal(cluster: Cluster, *arguments: str, **env: str) -> tuple[int, str, float]:
    program = cluster.program("refused", *arguments, **env)
    with program:
        assert program.process is not None
        began = time.monotonic()
        code = program.process.wait(60)
        return code, program.log_tail(), time.monotonic() - began


@pytest.mark.parametrize(
    "arguments", [("web", "--port", "0"), ("relay",), ("worker", "--role", "match")]
)
def test_without_the_schema_nothing_starts_and_migrate_is_named(
    cluster: Cluster, arguments: tuple[str, ...]
) -> None:
    url = cluster.postgres.create_database()
    try:
        code, said, _ = refusal(cluster, *arguments, FASTTIME_DATABASE_URL=url)
    finally:
        cluster.postgres.drop_database(url)
    assert (code, "fasttime migrate" in said) == (2, True), said


def test_a_worker_whose_topics_have_other_partitions_does_not_start_and_migrate_is_named(
    cluster: Cluster,
) -> None:
    code, said, _ = refusal(cluster, "worker", "--role", "urgent", FASTTIME_PARTITIONS="12")
    assert code == 2
    assert "deliveries.urgent: topic_partitions: has 2 of 12 partitions" in said
    assert "fasttime migrate" in said


def test_a_kafka_that_is_away_is_exit_69_within_ten_seconds_and_named(cluster: Cluster) -> None:
    where = f"127.0.0.1:{free_port()}"
    code, said, took = refusal(cluster, "worker", "--role", "log", FASTTIME_KAFKA_BOOTSTRAP=where)
    assert (code, where in said) == (69, True), said
    assert took < 14  # ten seconds, and the time Python takes to start on a busy machine


def test_a_database_that_is_away_is_exit_69_and_named(cluster: Cluster) -> None:
    where = f"127.0.0.1:{free_port()}"
    code, said, _ = refusal(
        cluster, "relay", FASTTIME_DATABASE_URL=f"postgresql://nobody:hidden-word@{where}/none"
    )
    assert (code, where in said, "hidden-word" in said) == (69, True, False), said


def test_a_role_that_does_not_exist_is_a_usage_error(cluster: Cluster) -> None:
    code, said, _ = refusal(cluster, "worker", "--role", "sender")
    assert (code, "urgent" in said) == (2, True), said


def test_a_second_migrate_changes_nothing(cluster: Cluster) -> None:
    code, said, _ = refusal(cluster, "migrate")
    assert code == 0
    assert "was up to date" in said
    assert "were there" in said
