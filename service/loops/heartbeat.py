"""Showing the others that this process is alive."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import structlog
from sqlalchemy import text

from broadcast.ledger import liveness
from broadcast.store.database import TROUBLE, WORKER_LOCK_CLASS, Database
from channels.dispatch.sender import Identity

log = structlog.get_logger("engine")


class Heartbeat:
    """Keeps this process registered as a worker; `identity` tells the senders under which id.
    `rates` is what it may send a second, by "STATUS/CHANNEL".
    """

    def __init__(
        self,
        db: Database,
        roles: tuple[str, ...],
        identity: Identity,
        rates: Mapping[str, float],
    ) -> None:
        self._db, self._roles, self._identity, self._rates = db, roles, identity, rates

    async def run(self) -> None:
        """Register, hold the session lock, and send heartbeats, for ever; declared dead, begin
        again under a new id (rules R8, R16).
        """
        role = "+".join(self._roles) or liveness.WATCHING
        while True:
            worker, key = liveness.new_worker(role if len(self._roles) == 1 else "up")
            with contextlib.suppress(*TROUBLE):
                if self._db.dialect == "postgresql":
                    async with self._db.engine.connect() as conn:
                        await conn.execution_options(isolation_level="AUTOCOMMIT")
                        await conn.execute(
                            text("SELECT pg_advisory_lock(:class, :key)"),
                            {"class": WORKER_LOCK_CLASS, "key": key},
                        )
                        await self._beat(
                            worker,
                            role,
                            key,
                            lambda c=conn: c.execute(text("SELECT 1")),  # type: ignore[misc]
                        )
                else:
                    await self._beat(worker, role, key, None)
            self._identity.alive = False
            await asyncio.sleep(0.5)

    async def _beat(
        self, worker: str, role: str, key: int, ping: Callable[[], Awaitable[object]] | None
    ) -> None:
        await self._db.write(liveness.register, worker, role, key, self._rates)
        self._identity.worker, self._identity.alive = worker, True
        log.info("worker.registered", worker=worker, role=role)
        while True:
            await asyncio.sleep(liveness.HEARTBEAT_SECONDS)
            if ping is not None:
                await ping()
            if not await self._db.write(liveness.heartbeat, worker):
                log.warning("worker.declared_dead", worker=worker)
                return

    async def leave(self) -> None:
        """Take the worker off the list, if the database answers within a second."""
        with contextlib.suppress(*TROUBLE):
            await asyncio.wait_for(self._db.write(liveness.leave, self._identity.worker), 1.0)
