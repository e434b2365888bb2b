"""A sender as the ledger's tests run it: no rate, no links, nobody who stopped meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from broadcast.store.database import Database
from channels.dispatch.ports import Renderings
from channels.dispatch.rates import MemoryLimiter
from channels.dispatch.sender import Identity, Sender
from channels.memory import MemoryChannel
from subscribers.registry import reached


def no_link(person: int, channel: str) -> str:
    return ""


def nobody_stopped(person: int, channel: str, *, claimed: float) -> bool:
    return False


def sender_of(
    db: Database, channel: MemoryChannel, renderings: Renderings, **changes: Any
) -> Sender:
    """Return a sender of the routine lane; `changes` are its other arguments."""
    usual: dict[str, Any] = {
        "db": db,
        "lane": "routine",
        "channel": channel,
        "limiter": MemoryLimiter(),
        "rate": 0.0,
        "identity": Identity(worker="w1", alive=True),
        "key": b"k" * 32,
        "renderings": renderings,
        "contacts": reached.addresses_to_use,
        "no_longer_for": lambda *_: {},
        "opted_out": nobody_stopped,
        "links": no_link,
    }
    return Sender(**usual | changes)


async def run_for(sender: Sender, seconds: float) -> None:
    """Let it send for so long, then end it as a process ends it."""
    stopping = asyncio.Event()
    running = asyncio.create_task(sender.run(stopping))
    await asyncio.sleep(seconds)
    stopping.set()
    await running
