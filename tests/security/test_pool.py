"""Worker processes: what takes too long or too much is killed and refused by name, and the next
request is answered.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broadcast.problems import Rejected
from console.server.pool import QUEUE, Pool
from tests.console.site import a_draft, open_site
from tests.security import hostile


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    # the first question waits for the worker to load, which takes a moment on a busy machine
    made = Pool(1, deadline=30.0, memory=256 << 20)
    await made.run(hostile.echo, "ready")
    made._deadline = 1.5
    yield made
    made.close()


async def code_of(asked: Any) -> str:
    with pytest.raises(Rejected) as said:
        await asked
    return said.value.problems[0].code


async def test_work_is_done_in_another_process_and_its_refusals_come_back(pool: Pool) -> None:
    await pool.run(hostile.echo, "once")
    assert await pool.run(hostile.echo, "twice") == "twice"
    assert await pool.run(hostile.process_id) != os.getpid()
    assert await code_of(pool.run(hostile.say_no)) == "no"


async def test_what_takes_too_long_or_too_much_is_killed_and_the_next_is_answered(
    pool: Pool,
) -> None:
    for work in (hostile.never_end, hostile.eat_memory, hostile.die):
        pool._deadline = 30.0  # a new one takes a moment to start on a busy machine
        before = await pool.run(hostile.process_id)
        pool._deadline = 1.5
        assert await code_of(pool.run(work)) == "too_costly", work.__name__
        pool._deadline = 30.0
        assert await pool.run(hostile.process_id) != before


async def test_the_event_loop_turns_while_a_worker_is_busy_and_too_many_waiting_are_refused(
    pool: Pool,
) -> None:
    await pool.run(hostile.echo, "warm")
    busy: list[asyncio.Task[Any]] = [asyncio.create_task(pool.run(hostile.never_end))]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await asyncio.sleep(0.01)
    assert time.monotonic() - began < 0.5
    busy.extend([asyncio.create_task(pool.run(hostile.echo, "x")) for _ in range(QUEUE)])
    await asyncio.sleep(0.05)
    assert await code_of(pool.run(hostile.echo, "one too many")) == "busy"
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)


async def test_messages_are_read_submitted_and_refused_the_same_through_the_pool(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path) as site:
        site.context.pool = pool = Pool(1)
        try:
            message, agreed = await site.submitted()
            assert agreed
            edited = await site.call(
                "PUT", f"/api/v1/messages/{await site.drafted()}", json=a_draft(severity="Minor")
            )
            assert edited.status == 200
            wrong = await site.post("/api/v1/messages", a_draft(severity="Terrible"))
            assert (wrong.status, wrong.json["field"]) == (422, "severity")
            await site.approve(message, agreed)
        finally:
            pool.close()
