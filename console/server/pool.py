"""Worker processes for what strangers send: reading and rendering it, with a deadline and a limit
of memory, so that it slows down nothing else.

Such work is pure: bytes or a content in, a content or problems out. A worker that takes too long or
too much is killed and replaced, and its request refused by name; the process that serves the doors
never waits for it on its event loop.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import structlog

from broadcast.problems import Problem, Rejected
from console.processes.parent import start_module

log = structlog.get_logger("web")

T = TypeVar("T")

WORKERS = 2
DEADLINE_SECONDS = 10.0
MEMORY_BYTES = 512 * 1024 * 1024
"""Beyond what a worker has when it is ready."""
QUEUE = 32
"""Requests that may wait for a worker; one more is 503 busy."""


class Pool:
    """A few workers, started when they are first wanted or by `warm`. `run` may be called from one
    event loop.
    """

    def __init__(
        self,
        workers: int = WORKERS,
        *,
        deadline: float = DEADLINE_SECONDS,
        memory: int = MEMORY_BYTES,
    ) -> None:
        self._deadline, self._memory = deadline, memory
        self._free: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        self._all = [_Worker(memory) for _ in range(workers)]
        for worker in self._all:
            self._free.put_nowait(worker)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="pool")
        self._waiting = 0

    async def warm(self) -> None:
        """Start every worker: the first request then finds one ready."""
        for worker in self._all:
            await asyncio.get_running_loop().run_in_executor(self._threads, worker.start)

    async def run(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Return what a module's function returns, from a worker.

        Raises Rejected: what the function refused, 503 busy, or 422 too_costly where it took too
        long or too much memory.
        """
        if self._waiting >= QUEUE:
            raise Rejected(
                Problem(
                    code="busy",
                    detail="too many texts wait to be read",
                    fix="try again in a moment",
                    status=503,
                )
            )
        self._waiting += 1
        try:
            worker = await self._free.get()
        finally:
            self._waiting -= 1
        asked = asyncio.get_running_loop().run_in_executor(
            self._threads, worker.ask, (work, args, more), self._deadline
        )
        # also where nobody waits for the answer any more
        asked.add_done_callback(lambda _: self._free.put_nowait(worker))
        kind, value = await asyncio.shield(asked)
        if kind == "done":
            return value  # type: ignore[no-any-return]
        if kind == "refused":
            raise Rejected(value)
        if kind == "failed":
            raise RuntimeError(f"a worker failed: {value}")
        log.warning("pool.too_costly", work=work.__name__, why=kind)
        fix = "send less at once: fewer and simpler shapes, shorter texts"
        raise Rejected(
            Problem(
                code="too_costly", detail=f"to read this took too much {kind}", fix=fix, status=422
            )
        )

    def close(self) -> None:
        """Kill every worker."""
        for worker in self._all:
            worker.kill()
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Worker:
    """One process and the connection to it; used by one thread at a time."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.kill()
        ours, theirs = socket.socketpair()
        self._process = start_module(
            "console.server.pool",
            theirs.fileno(),
            self._memory,
            os.getpid(),
            inherited=(theirs.fileno(),),
            OPENBLAS_NUM_THREADS="1",
        )
        theirs.close()
        self._connection = Connection(ours.detach())

    def ask(self, question: Any, deadline: float) -> tuple[str, Any]:
        """Return what became of one piece of work: done, refused, failed, or what it took too much
        of (time, memory).
        """
        self.start()
        assert self._connection is not None
        try:
            self._connection.send(question)
            if not self._connection.poll(deadline):
                self.kill()
                return "time", None
            answer: tuple[str, Any] = self._connection.recv()
        except (EOFError, OSError):
            self.kill()
            return "memory", None
        if answer[0] == "memory":
            self.kill()  # what it still holds is given back with the process
        return answer

    def kill(self) -> None:
        """End it at once."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is not None:
            process.kill()
            process.wait()
        if connection is not None:
            connection.close()


def work_for(connection: Connection, memory: int) -> None:
    """Answer one piece of work after the other, until the other end is closed."""
    # what is asked for is imported before memory is limited
    import service.reading
    import service.setup.people  # noqa: F401

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    while True:
        try:
            work, args, more = connection.recv()
        except EOFError:
            return
        try:
            connection.send(("done", work(*args, **more)))
        except Rejected as rejected:
            connection.send(("refused", rejected.problems))
        except MemoryError:
            connection.send(("memory", None))
        except Exception as error:  # noqa: BLE001 - told to who asked, which logs it
            connection.send(("failed", type(error).__name__))


if __name__ == "__main__":
    from console.processes.parent import end_with_parent

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(int(sys.argv[3]))
    work_for(Connection(int(sys.argv[1])), int(sys.argv[2]))
