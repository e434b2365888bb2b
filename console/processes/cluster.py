"""The cluster's other processes: web, relay, and the one that migrates. Each checks what it stands
on before it starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import structlog

from broadcast.events.kafka_topics import create_topics
from broadcast.events.relay import Carrier, run_relay
from broadcast.store.database import TROUBLE
from config import logging as logs
from config import tracing, wiring
from config.settings import Settings
from console.processes import migrate as schema
from console.processes.up import listen, serve, stop_on_signals, watched
from console.processes.worker import (
    quieten,
    ready_database,
    require_cluster,
    run_engine,
    unreachable,
)
from console.processes.worker import run as worker
from console.server.pool import Pool
from service.commands.aside import DEADLINE_SECONDS, Aside
from service.installation import build

__all__ = ["migrate", "migrated", "relay", "web", "worker"]

log = structlog.get_logger("process")

MIGRATE_SECONDS = 300.0


def web(settings: Settings, host: str, port: int) -> int:
    """Run `fasttime web` until SIGTERM: API, webhooks, pages, and expiring leases; no Kafka is
    needed. Its address is printed first.
    """
    logs.configure(settings.log_format, level=settings.log_level)
    require_cluster(settings)
    tracing.start(settings)
    return asyncio.run(_web(settings, host, port))


async def _web(settings: Settings, host: str, port: int) -> int:
    service = build(settings, roles=())
    service.context.pool = pool = Pool()
    service.context.costly = Aside(deadline=DEADLINE_SECONDS)
    try:
        await ready_database(service.db)
        sock = listen(host, port)
        sys.stdout.write(
            f"http://{host if ':' not in host else f'[{host}]'}:{sock.getsockname()[1]}\n"
        )
        sys.stdout.flush()
        if not settings.public_url:
            log.warning(
                "web.no_public_url",
                hint="set FASTTIME_PUBLIC_URL: without it no receipts and no unsubscribe links",
            )
        await serve(service, sock)
    finally:
        pool.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.close(), 1.0)
    return 0


def relay(settings: Settings, *, carrier: Carrier | None = None) -> int:
    """Run `fasttime relay` until SIGTERM: from the outbox to Kafka, and expiring leases. While
    Kafka is away it waits.

    `carrier` stands in for Kafka's producer in tests.
    """
    logs.configure(settings.log_format, level=settings.log_level)
    quieten()
    require_cluster(settings)
    tracing.start(settings)
    return asyncio.run(_relay(settings, carrier))


async def _relay(settings: Settings, carrier: Carrier | None) -> int:
    service = build(settings, roles=())
    try:
        stop_on_signals(service.engine.stopping)
        await ready_database(service.db)
        log.info("relay.started", kafka=settings.kafka_bootstrap)
        carrying = run_relay(
            settings.kafka_bootstrap, service.db, service.engine.stopping, carrier=carrier
        )
        async with watched(service):
            await run_engine(service, carrying)
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.close(), 0.5)
    return 0


def migrate(settings: Settings) -> int:
    """Run `fasttime migrate`: bring the schema up to date and, in a cluster, make the topics; print
    what was done.

    Raises Rejected: exit 69 where the database or Kafka is unreachable, 2 where one of them
    refuses.
    """
    logs.configure(settings.log_format, level=settings.log_level)
    quieten()
    sys.stdout.write("".join(f"{line}\n" for line in asyncio.run(migrated(settings))))
    sys.stdout.flush()
    return 0


async def migrated(settings: Settings) -> list[str]:
    """Do what `migrate` does; return what was done, a line each."""
    db = wiring.database(settings)
    try:
        changed = await asyncio.wait_for(schema.upgrade(db), MIGRATE_SECONDS)
    except TROUBLE as trouble:
        where = f"at {db.url.host}:{db.url.port or 5432}" if db.url.host else db.url.database
        raise unreachable(f"the database {where}", trouble) from trouble
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(db.close(), 1.0)
    done = ["schema: brought up to date" if changed else "schema: was up to date"]
    if not settings.embedded:
        topics = await create_topics(settings)
        done.append(f"topics: made {', '.join(topics)}" if topics else "topics: were there")
    return done
