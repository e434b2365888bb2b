"""A child of `fasttime up`: the doors, or the sending engine. It never outlives its parent."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import structlog

from broadcast.ledger import liveness
from broadcast.problems import Rejected, refuse
from broadcast.store.database import TROUBLE
from config import logging as logs
from config import tracing
from config.settings import Settings
from console.commands.session import load_settings
from console.processes.parent import end_with_parent
from console.processes.up import serve, stop_on_signals, watched
from console.server.pool import Pool
from service.commands.aside import DEADLINE_SECONDS, Aside
from service.garbage_collection import spare_the_collector
from service.installation import Service, build, database_trouble

log = structlog.get_logger("up")

ENGINE_LOCK = "engine.lock"
LOCK_SECONDS = 5.0
DOORS_NICE = 5
"""However busy strangers keep the doors, the engine gets the processor first."""


def die_with(parent: int, alive: int) -> None:
    """End this process when its parent is gone: by the kernel's signal, and by the end of the pipe
    `alive`.

    The pipe is for the moment before the signal is asked for, and for systems that have none.
    """
    end_with_parent(parent)

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(alive, 1)  # returns when the last write end is closed: the parent's
        os._exit(3)

    threading.Thread(target=watch, name="parent", daemon=True).start()


@contextlib.contextmanager
def only_engine(data: Path) -> Iterator[None]:
    """Be the one engine of a data folder: an earlier one, killed a moment ago, is waited for."""
    descriptor = os.open(data / ENGINE_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise refuse(
                        "engine_running",
                        f"another engine is running in {data}",
                        "end it first",
                        field="FASTTIME_DATA",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


async def _engine(settings: Settings) -> None:
    service = build(settings)
    try:
        try:
            await service.db.write(liveness.end_earlier_run)
        except TROUBLE as trouble:
            raise database_trouble(settings, trouble) from trouble
        spare_the_collector()
        stop_on_signals(service.engine.stopping, (signal.SIGTERM,))
        async with watched(service, beside=1):
            await service.engine.run()
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.close(), 1.0)


class EngineSeen:
    """When the engine last gave a sign of life, as the database has it: the doors cannot look into
    its process.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.at: datetime | None = None

    def __call__(self) -> datetime | None:
        """Return the last sign of life, None where there was none yet."""
        return self.at

    async def follow(self) -> None:
        """Look every second until cancelled."""
        while True:
            with contextlib.suppress(*TROUBLE):
                self.at = await self._service.db.read(liveness.engine_seen)
            await asyncio.sleep(1.0)


async def _doors(settings: Settings, sock: socket.socket) -> None:
    service = build(settings, roles=())
    service.context.pool = pool = Pool()
    service.context.costly = Aside(deadline=DEADLINE_SECONDS)
    seen = EngineSeen(service)
    warming = asyncio.create_task(pool.warm())
    following = asyncio.create_task(seen.follow())
    try:
        spare_the_collector()
        await serve(service, sock, ready=seen, signals=(signal.SIGTERM,))
    finally:
        following.cancel()
        warming.cancel()
        pool.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.close(), 0.5)


def main(arguments: list[str]) -> int:
    """Run one child: KIND PARENT ALIVE LISTENING, as the supervisor starts it; return the exit
    code.
    """
    kind, parent, alive, listening = arguments[0], *map(int, arguments[1:4])
    die_with(parent, alive)
    # Ctrl-C reaches the whole group; the parent says when to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = load_settings()
        logs.configure(settings.log_format, level=settings.log_level)
        tracing.start(settings)
        if kind == "engine":
            with only_engine(settings.data):
                asyncio.run(_engine(settings))
        else:
            os.nice(DOORS_NICE)
            asyncio.run(_doors(settings, socket.socket(fileno=listening)))
    except Rejected as rejected:
        log.error("up.child_failed", child=kind, problems=[p.line() for p in rejected.problems])  # noqa: TRY400 - said, not traced
        return 69 if rejected.status == 503 else 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
