"""The worker that is measured: the real engine in one role, as `fasttime worker` runs it, but
started and held back by the bench.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from bench.child import say, told
from config import logging as logs
from config.settings import load
from service.garbage_collection import spare_the_collector
from service.installation import build


async def main(role: str) -> None:
    """Be ready, claim nothing until told `go`, nothing more after `wait`; end with stdin."""
    settings = load(os.environ)
    logs.configure("json")
    service = build(settings, roles=(role,))
    engine = service.engine
    spare_the_collector()
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


def sample(into: str) -> None:
    """Write where the CPU time goes, by function, to a file at the end: a sampling profiler, for
    cProfile loses its way between greenlets.
    """
    import atexit
    import signal
    from collections import Counter
    from pathlib import Path
    from types import FrameType

    inside: Counter[str] = Counter()
    at: Counter[str] = Counter()

    def take(_: int, frame: FrameType | None) -> None:
        seen: set[str] = set()
        while frame is not None:
            name = (
                f"{frame.f_code.co_filename.rpartition('site-packages/')[2]}:{frame.f_code.co_name}"
            )
            at[name] += not seen
            inside[name] += name not in seen
            seen.add(name)
            frame = frame.f_back

    def write() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        total = max(1, at.total())
        Path(into).write_text(
            "".join(
                f"{n / total:6.1%} inside {at[name] / total:6.1%} at {name}\n"
                for name, n in inside.most_common(150)
            ),
            encoding="utf-8",
        )

    atexit.register(write)
    signal.signal(signal.SIGPROF, take)
    signal.setitimer(signal.ITIMER_PROF, 0.002, 0.002)


if __name__ == "__main__":
    if os.environ.get("BENCH_PROFILE"):
        sample(os.environ["BENCH_PROFILE"])
    asyncio.run(main(sys.argv[1]))
