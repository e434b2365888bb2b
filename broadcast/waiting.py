"""Waiting for an event, no longer than so many seconds."""

from __future__ import annotations

import asyncio
import contextlib


async def until_set(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds.

    Python 3.11's `asyncio.wait_for` loses a cancellation that comes in the moment in which the
    event is set: the task goes on, and whoever waits for its end waits for ever.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
