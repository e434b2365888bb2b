"""A process that is measured: started, asked line by line, pinned to a core, its CPU and memory
read from outside.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from broadcast.problems import refuse

READY_SECONDS = 60.0
_ROOT = Path(__file__).parents[1]


def cores() -> tuple[set[int], set[int]]:
    """Return (the cores of what is measured, the cores of everything else); the same where there is
    only one.
    """
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    mine = sorted(os.sched_getaffinity(0))
    return ({mine[0]}, set(mine[1:])) if len(mine) > 1 else (set(mine), set(mine))


def pin(pid: int, to: set[int]) -> None:
    """Keep a process on these cores, where the system can."""
    if to and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, to)


class Child:
    """`python -m MODULE …` under our hands. It answers one JSON line for each line it is told; its
    log goes to a file.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        log: Path,
        core: set[int] | None = None,
    ) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._env = self.environment(env or {})
        self._log, self._core = log, core
        self._process: asyncio.subprocess.Process | None = None
        self._file: IO[bytes] | None = None

    @staticmethod
    def environment(env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a process of ours: none of the settings that happen to be set
        here.
        """
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("FASTTIME_")},
            "PYTHONPATH": str(_ROOT),
            **env,
        }

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        """Start it and wait until it says that it is ready."""
        self._file = self._log.open("ab")
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._file,
            env=self._env,
            limit=1 << 20,
        )
        if self._core:
            pin(self.pid, self._core)
        try:
            await asyncio.wait_for(self.answer(), READY_SECONDS)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def ask(self, **words: Any) -> dict[str, Any]:
        """Tell it something and return its answer. Raises Rejected with the end of its log where it
        is gone.
        """
        self.tell(**words)
        return await self.answer()

    def tell(self, **words: Any) -> None:
        """Tell it something."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words).encode() + b"\n")

    async def answer(self) -> dict[str, Any]:
        """Return its next answer."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            tail = " | ".join(
                self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            )[-1500:]
            raise refuse(
                "bench_failed",
                f"{self._command[2]} ended: {tail}",
                "see its log above; the bench was not finished",
            )
        found: dict[str, Any] = json.loads(line)
        return found

    def memory(self) -> int:
        """Return its resident memory in bytes (Linux)."""
        for line in (
            Path(f"/proc/{self.pid}/status")
            .read_text(encoding="ascii", errors="replace")
            .splitlines()
        ):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    async def __aexit__(self, *_: object) -> None:
        """Ask it to end, and end it."""
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 12)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._file is not None:
            self._file.close()


def say(**words: Any) -> None:
    """In the child: answer."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


async def told() -> asyncio.Queue[dict[str, Any] | None]:
    """In the child: return what it is told, line by line; None is the end."""
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def read() -> None:
        while line := await reader.readline():
            queue.put_nowait(json.loads(line))
        queue.put_nowait(None)

    task = asyncio.create_task(read())
    task.add_done_callback(lambda t: t.cancelled() or t.exception())
    queue._reading = task  # type: ignore[attr-defined]  # noqa: SLF001 - kept as long as the queue is
    return queue
