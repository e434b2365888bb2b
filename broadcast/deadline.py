"""A deadline for costly work on a thread. Nothing can end a thread from outside: the work asks
between its steps whether its time is up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from broadcast.problems import Rejected, refuse


class Deadline:
    """A moment by which work must have ended; `expire` calls it off at once."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return how many seconds are left, none below 0."""
        return max(0.0, self._end - time.monotonic())

    def expire(self) -> None:
        """Let the work end at its next step."""
        self._end = float("-inf")


_CURRENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def held_to(deadline: Deadline) -> Iterator[None]:
    """Hold what runs inside, on this thread, to a deadline."""
    before = _CURRENT.set(deadline)
    try:
        check_time()
        yield
    finally:
        _CURRENT.reset(before)


def check_time() -> None:
    """Raise Rejected (422 too_costly) where the work of this thread has taken its time; without a
    deadline do nothing.
    """
    deadline = _CURRENT.get()
    if deadline is not None and not deadline.left():
        raise too_costly()


def too_costly() -> Rejected:
    """Return the refusal of what takes too much time."""
    return refuse(
        "too_costly",
        "to count this took too much time",
        "address less at once: fewer areas, fewer and simpler shapes",
        status=422,
    )
