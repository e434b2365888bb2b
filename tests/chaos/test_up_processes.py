"""`up` is a parent, its doors and its engine: each may be killed alone, and none outlives the
parent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import urllib.request
from pathlib import Path

import pytest

from tests.chaos.embedded import embedded
from tests.chaos.harness import System, content, running
from tests.chaos.verdict import verify
from tests.services.process import tree_of


def child(system: System, kind: str) -> int | None:
    """Return the process id of the doors or of the engine of `up`."""
    process = system.kept["up"].program.process
    assert process is not None
    for pid in tree_of(process.pid):
        try:
            words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
        except FileNotFoundError:  # it has ended since
            continue
        if b"console.processes.child" in words and kind.encode() in words:
            return pid
    return None


def answers(url: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url + "/healthz", timeout=seconds) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.05)
    return False


def url_of(system: System) -> str:
    return str(system.env["FASTTIME_PUBLIC_URL"])


@pytest.mark.timeout(240)
async def test_doors_and_engine_killed_by_turns_lose_nobody_and_tell_nobody_twice(
    tmp_path: Path,
) -> None:
    # So slow that on a busy machine, where a process takes ten seconds to come back,
    # somebody is still under way at the fourth kill. Without the pace the rest takes no time.
    system = embedded(tmp_path, rate=2, latency=0.3, seed=7)
    async with running(system, 400):
        await system.publish(content())

        async def under_way() -> bool:
            return (await system.open_slices("up"))[1] > 0 and None not in (
                child(system, "engine"),
                child(system, "doors"),
            )

        for kind in ("engine", "doors", "engine", "doors"):
            await system.until(under_way, 60)
            before, other = (
                child(system, kind),
                child(system, "doors" if kind == "engine" else "engine"),
            )
            assert before is not None
            os.kill(before, signal.SIGKILL)

            async def replaced(kind: str = kind, before: int = before) -> bool:
                return child(system, kind) not in (None, before)

            await system.until(replaced, 60)
            assert await asyncio.to_thread(answers, url_of(system), 60)
            # The other one goes on.
            assert child(system, "doors" if kind == "engine" else "engine") == other
        system.handsets.control(latency=0.0)
        await system.restart(["up"], paced=False)
        await system.finish(90)
        assert (await verify(system)).faults == []


async def test_a_killed_parent_takes_its_children_along_and_the_next_up_starts_at_once(
    tmp_path: Path,
) -> None:
    system = embedded(tmp_path, rate=40, latency=0.3, seed=8)
    async with running(system, 200):
        await system.publish(content())
        process = system.kept["up"].program.process
        assert process is not None

        async def under_way() -> bool:
            return (await system.open_slices("up"))[1] > 0

        await system.until(under_way, 60)
        children = [pid for pid in tree_of(process.pid) if pid != process.pid]
        assert len(children) >= 2
        os.kill(process.pid, signal.SIGKILL)  # the parent alone; the harness starts it again
        began = time.monotonic()
        while any(tree_of(pid) for pid in children):
            assert time.monotonic() - began < 1.0, "a child outlived its parent"
            await asyncio.sleep(0.01)
        assert await asyncio.to_thread(answers, url_of(system), 60)
        system.handsets.control(latency=0.0)
        await system.restart(["up"], paced=False)
        await system.finish(90)
        assert (await verify(system)).faults == []


@pytest.mark.timeout(120)
async def test_doors_that_stand_still_are_in_nobodys_way(tmp_path: Path) -> None:
    system = embedded(tmp_path, rate=0, seed=9)
    async with running(system, 200):
        doors = child(system, "doors")
        assert doors is not None
        os.kill(doors, signal.SIGSTOP)
        v = await system.publish(content())

        async def all_claimed() -> bool:
            return await system.claimed(v.id) >= 200

        await system.until(all_claimed, 30)
        os.kill(doors, signal.SIGCONT)
        await system.finish(60)
        assert (await verify(system)).faults == []
