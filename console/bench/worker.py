"""The worker that is measured: the real engine in one role, as `fasttime worker` runs it, but started and held back by the bench."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from config import logging as logs
from config.settings import load
from console.bench.child import say, told
from console.up import build


async def main(role: str) -> None:
    """Be ready, claim nothing until told `go`, nothing more after `wait`; end with stdin."""
    settings = load(os.environ)
    logs.configure("json")
    service = build(settings, roles=(role,))
    engine = service.engine
    running = asyncio.create_task(engine.run())
    while not engine.identity.alive:
        await asyncio.sleep(0.02)
    engine.identity.alive = False  # registered, and idle: nothing is claimed before the clock runs
    commands = await told()
    say(ready=True)
    while (words := await commands.get()) is not None:
        engine.identity.alive = words["do"] == "go"
        for _, sender in engine.senders:
            sender.wake()
        say(done=True)
    engine.stopping.set()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(running, 10)
    await service.close()


if __name__ == "__main__":
    profile = os.environ.get("BENCH_PROFILE")
    if profile:
        import cProfile

        with cProfile.Profile() as found:
            asyncio.run(main(sys.argv[1]))
        found.dump_stats(profile)
    else:
        asyncio.run(main(sys.argv[1]))
