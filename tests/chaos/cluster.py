"""The cluster under the harness: web, relay, match, urgent, routine and log as processes, on Kafka,
PostgreSQL and Redis of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from config.contact_keys import default_file
from tests.chaos.harness import FASTTIME, ROOT, Handsets, System, base_env
from tests.services import Kafka, PostgreSQL, Program, Redis

SENDERS = ("urgent", "routine")
KINDS = ("web", "relay", "match", "urgent", "routine", "log")


class Cluster(System):
    """A System whose services can be killed too."""

    def __init__(
        self,
        folder: Path,
        kafka: Kafka,
        postgres: PostgreSQL,
        redis: Redis,
        *,
        rate: float,
        provider: Mapping[str, Any],
        dropped: float = 0.0,
        seed: int = 1,
    ) -> None:
        self.kafka, self.postgres, self.redis = kafka, postgres, redis
        (folder / "data").mkdir(parents=True)
        workers = {
            role: [*FASTTIME, "worker", "--role", role]
            for role in ("match", "urgent", "routine", "log")
        }
        relay = (
            ["-m", "tests.chaos.lossy_relay", str(dropped), str(seed)]
            if dropped
            else [*FASTTIME, "relay"]
        )
        commands = {"web": [*FASTTIME, "web", "--port", "{port}"], "relay": relay, **workers}
        env = {
            "FASTTIME_DATABASE_URL": postgres.create_database(),
            "FASTTIME_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "FASTTIME_REDIS_URL": redis.url,
            "FASTTIME_CONTACT_KEYS_FILE": str(default_file()),
            "FASTTIME_SHARDS": "2",
            "FASTTIME_PARTITIONS": "4",
        }
        super().__init__(folder, Handsets(folder, seed=seed, **provider), env, commands, rate=rate)

    async def prepare(self, n: int) -> None:
        """`fasttime migrate` first, as an operator would."""
        command = [sys.executable, *FASTTIME, "migrate"]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env={**base_env(), **self.env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        await super().prepare(n)

    async def kill_broker(self) -> None:
        """Kill -9 the broker, leave it away for two seconds, start it again on its data."""
        self.events.append("kill -9 of the broker")
        await self._kill_service(self.kafka)

    async def kill_database(self) -> None:
        """Kill -9 PostgreSQL, leave it away for two seconds, start it again on its data."""
        self.events.append("kill -9 of PostgreSQL")
        since = time.monotonic()
        await self._kill_service(self.postgres)
        # Heartbeats are not judged until the database has been up ten seconds (rule R16).
        self.database_away.append((since, time.monotonic() + 10.0))

    async def flush_redis(self) -> None:
        """Make Redis forget everything."""
        self.events.append("FLUSHALL of Redis")
        self.redis.flush()

    async def _kill_service(
        self, service: Program, ready: Callable[[], bool] | None = None
    ) -> None:
        service.kill9()
        await asyncio.sleep(2)
        service.launch()
        while True:
            with contextlib.suppress(OSError):
                if await asyncio.to_thread(ready or service.is_ready):
                    return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def services() -> AsyncIterator[tuple[Kafka, PostgreSQL, Redis]]:
    """Start Kafka, PostgreSQL and Redis that a test may kill."""
    with Kafka(heap="384m") as kafka, PostgreSQL() as postgres, Redis() as redis:
        yield kafka, postgres, redis
