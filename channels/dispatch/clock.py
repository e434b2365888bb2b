"""The clocks of the sender, handed in so that a test can move them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def boot_time() -> float:
    """Return seconds on a clock that also counts while a suspended machine sleeps."""
    return (
        time.clock_gettime(time.CLOCK_BOOTTIME)
        if hasattr(time, "CLOCK_BOOTTIME")
        else time.monotonic()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What the time is, in three senses, and how to wait.

    `now` gives aware UTC, for what is stored. `boot` gives seconds that no change of the machine's
    time moves. `wall` gives seconds that such a change does move: a slice is too old when either
    says so.
    """

    now: Callable[[], datetime]
    boot: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


SYSTEM = Clock(now=lambda: datetime.now(UTC), boot=boot_time, wall=time.time, sleep=asyncio.sleep)
