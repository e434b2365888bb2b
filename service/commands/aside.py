"""Costly work on threads of its own: unions, checks of places, counting, explaining."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import structlog

from broadcast.deadline import Deadline, held_to, too_costly
from broadcast.problems import refuse

T = TypeVar("T")

THREADS = 2
DEADLINE_SECONDS = 10.0
"""From the asking to the answer, the waiting for a thread included."""
QUEUE = 32
"""Requests that may wait for a thread; one more is 503 busy."""

log = structlog.get_logger("aside")


class Aside:
    """Two threads: numpy and GEOS let go of the interpreter's lock, and the work never takes the
    threads that hold, cancel and webhooks use. Without a deadline the work takes what it takes.
    """

    def __init__(
        self,
        *,
        threads: int = THREADS,
        deadline: float | None = None,
        queue: int = QUEUE,
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="costly")
        self._most, self._seconds = threads + queue, deadline
        self._under_way = 0

    async def run(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """Return what the work returns.

        Raises Rejected: what the work refused; 422 too_costly where the deadline passed; 503 busy
        where too many wait. Work that was given up, or that nobody waits for any more, ends at its
        next step (`broadcast.deadline.check_time`) and keeps its thread until then.
        """
        if self._under_way >= self._most:
            raise refuse(
                "busy",
                "too many counts and checks of places wait for each other",
                "try again in a moment",
                status=503,
            )
        deadline = Deadline(float("inf") if self._seconds is None else self._seconds)

        def held() -> T:
            with held_to(deadline):
                return work(*args, **more)

        self._under_way += 1
        asked = asyncio.get_running_loop().run_in_executor(self._threads, held)
        asked.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(asked), self._seconds)
        except TimeoutError:
            log.warning("aside.too_costly", work=work.__name__)
            raise too_costly() from None
        finally:
            deadline.expire()

    def _done(self, asked: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        if not asked.cancelled():
            asked.exception()  # of work given up nobody else asks for it
