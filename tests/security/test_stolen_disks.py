"""Whoever steals the disks of a cluster learns of nobody: after whole lives on it nobody's name,
number or address lies in clear in anything that it wrote. PostgreSQL's files, WAL and dump, Kafka's
segments, Redis, logs and metrics are searched, for a word that must be there too. The short form,
on SQLite, is `test_nothing_in_clear.py`.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis as redis_client

from broadcast.ledger import delivery_report
from broadcast.messages import versions
from broadcast.operators import operators
from broadcast.store.database import Database
from config import wiring
from service.installation import make_context
from tests.console.site import Site
from tests.in_clear import Search
from tests.journeys.cluster import PROCESSES, Cluster
from tests.residents.whole_lives import SEARCH, Lives, Sent
from tests.services import Kafka, PostgreSQL, Redis

pytestmark = [pytest.mark.security, pytest.mark.kafka, pytest.mark.postgres, pytest.mark.redis]
KINDS = {"sms": "sms", "voice": "calls", "email": "mails"}
APPEAL = """
kind: appeal
status: Actual
severity: Moderate
areas: [E09000033]
languages: {en: {headline: "Zeppelin over Soho", instruction: "Call 101."}}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    rates = {f"FASTTIME_{channel}_RATE": "100" for channel in ("SMS", "VOICE")}  # kept in Redis
    with (
        Kafka() as kafka,
        PostgreSQL() as postgres,
        Redis() as redis,
        Cluster(kafka, postgres, redis, people=40, settings=rates) as found,
    ):
        yield found


async def test_whole_lives_leave_nothing_in_clear_on_a_cluster(cluster: Cluster) -> None:
    async with cluster.database() as db, aiohttp.ClientSession() as client:
        version = await lived(cluster, db, client)
        await asyncio.sleep(2)  # what is told last is merged, kept and moved to Kafka
        account = await db.read(
            lambda conn: delivery_report.account(conn, versions.get(conn, version))
        )
        assert account.adds_up
        metrics = b"".join(await asyncio.to_thread(metrics_of, cluster))
        assert b"fasttime_" in metrics
        found = {
            "metrics": SEARCH.found_in(metrics),
            "logs": SEARCH.found_in_files(
                each.log_path for each in (*cluster.programs.values(), server_of(cluster))
            ),
            "folders": SEARCH.found_in_files(
                file for each in cluster.programs.values() for file in each.folder.rglob("*")
            ),
            "PostgreSQL": await asyncio.to_thread(in_postgres, cluster),
            "Kafka": await asyncio.to_thread(in_kafka, cluster),
            "Redis": await asyncio.to_thread(in_redis, cluster),
        }
    assert {where: what for where, what in found.items() if what} == {}


async def lived(cluster: Cluster, db: Database, client: aiohttp.ClientSession) -> int:
    """Have people live on the cluster; return the version that they were sent."""
    settings, env = cluster.settings, cluster.env()
    url, now = env["FASTTIME_PUBLIC_URL"], datetime.now(UTC)
    site = Site(
        settings=settings,
        db=db,
        context=make_context(settings, db, wiring.adapters(settings).on),
        app=None,
        url=url,
        client=client,
        server=None,  # type: ignore[arg-type]
    )
    _, site.tokens["administrator"] = await db.write(
        operators.add, name="Admin", role="administrator", area=None, email="a@b.example", now=now
    )
    published: list[int] = []

    async def inbox(channel: str) -> list[Sent]:
        entries = (await asyncio.to_thread(cluster.handsets))[KINDS[channel]]
        return [Sent(e["to"], e["body"], e["attempt"]) for e in entries]

    async def publish() -> int:
        published.append(await cluster.publish(db, APPEAL))
        await cluster.finished(db, published[-1])
        return published[-1]

    account, token = (env[f"FASTTIME_TWILIO_{name}"] for name in ("ACCOUNT_SID", "AUTH_TOKEN"))
    await Lives(site, inbox, publish, account, token, url).leave_traces_everywhere()
    return published[0]


def metrics_of(cluster: Cluster) -> Iterator[bytes]:
    """Read what each process tells whoever watches."""
    for name in PROCESSES:
        log = cluster.programs[name].log_path.read_text()
        port = re.findall(r'"port": (\d+), "event": "metrics.listening"', log)
        assert port, (name, cluster.programs[name].log_tail())
        with urllib.request.urlopen(f"http://127.0.0.1:{port[-1]}/metrics", timeout=10) as answer:
            yield answer.read()


def server_of(cluster: Cluster) -> PostgreSQL:
    """Return the server, whose files are at hand."""
    assert isinstance(cluster.postgres, PostgreSQL)
    return cluster.postgres


def in_postgres(cluster: Cluster) -> list[str]:
    """Search the files of our database, the whole WAL, the server's statistics, and a dump."""
    server = server_of(cluster)
    server.databases.execute("CHECKPOINT")
    name = cluster.database_url.rpartition("/")[2]
    dump = subprocess.run(
        [server.binaries / "pg_dump", "--dbname", cluster.database_url],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    assert b"COPY public.contact_point" in dump, name
    parts = ("base", "pg_wal", "pg_stat", "pg_subtrans", "global")
    files = [file for part in parts for file in (server.data / part).rglob("*")]
    headline = Search(words=["Zeppelin"]).found_in_files(files)  # it is no secret
    assert {"base", "pg_wal"} <= {part for part in parts for each in headline if part in each}
    return SEARCH.found_in(dump) + SEARCH.found_in_files(files)


def in_kafka(cluster: Cluster) -> list[str]:
    """Search the segments of every topic; indexes hold places in them and nothing else."""
    folder = cluster.kafka.folder  # type: ignore[union-attr]
    segments = [file for file in Path(folder, "data").rglob("*.log") if file.stat().st_size]
    assert any(b"message.approved" in file.read_bytes() for file in segments)  # not compressed
    return SEARCH.found_in_files(segments)


def in_redis(cluster: Cluster) -> list[str]:
    """Search every key, what is stored under it, and the commands that Redis noted as slow."""
    with redis_client.Redis.from_url(cluster.redis.url) as wire:
        keys = list(wire.scan_iter())
        assert keys
        held: list[Any] = [*keys, *(wire.dump(key) or b"" for key in keys)]
        return SEARCH.found_in(b"\n".join(held) + repr(wire.slowlog_get(1000)).encode())
