"""Which loops of an engine hang, as its health check tells."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from config.settings import load
from console.processes import migrate
from service.installation import build
from service.loops.turns import HUNG_AFTER, Turns


async def test_each_loop_is_watched_and_one_that_hangs_is_named(tmp_path: Path) -> None:
    service = build(load({"FASTTIME_DATA": str(tmp_path)}))
    engine, now = service.engine, datetime.now(UTC)
    try:
        assert engine.hung(now)[0].startswith("engine_not_started")
        await migrate.upgrade(service.db)
        running = asyncio.create_task(engine.run())
        loops = {"Leases.expire", "Engine.match", "Engine.merge_receipts", "Keeping.keep"}
        while not loops <= set(engine.turns.ended):
            await asyncio.sleep(0.01)
        assert engine.hung(datetime.now(UTC)) == []
        late = engine.hung(datetime.now(UTC) + HUNG_AFTER + timedelta(seconds=1))
        assert any(reason.startswith("loop_hung: Engine.match ") for reason in late)
        engine.stopping.set()
        await running
    finally:
        await service.close()


async def test_a_database_that_is_away_is_no_reason_to_restart(tmp_path: Path) -> None:
    service = build(load({"FASTTIME_DATA": str(tmp_path)}))  # no schema: every step is in trouble
    running = asyncio.create_task(service.engine.run())
    try:
        while "Leases.expire" not in service.engine.turns.ended:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert service.engine.turns.healthy_at is None
        assert service.engine.hung(datetime.now(UTC)) == []
    finally:
        service.engine.stopping.set()
        await running
        await service.close()


async def test_what_the_database_says_of_a_row_that_it_refused_is_not_logged() -> None:
    said = "null value in column\nDETAIL:  Failing row contains (7, +447700900613)."

    async def step() -> None:
        raise IntegrityError("INSERT", {"number": "+447700900613"}, ValueError(said))

    with capture_logs() as lines:
        await Turns().guarded(step)
    [line] = lines
    assert (line["event"], line["detail"]) == ("step.database_trouble", "null value in column")
    assert "7700900613" not in str(lines)


@pytest.mark.parametrize("later", range(5))
async def test_a_loop_that_is_woken_and_told_to_stop_in_one_moment_stops(later: int) -> None:
    """It went on, and whoever waited for its end waited for ever: until the process was killed."""
    event = asyncio.Event()

    async def step() -> None:
        pass

    loop = asyncio.create_task(Turns().woken(event, step))
    await asyncio.sleep(0.01)
    event.set()
    for _ in range(later):
        await asyncio.sleep(0)
    loop.cancel()
    await asyncio.wait({loop}, timeout=0.2)
    ended = loop.done()
    while not loop.done():
        loop.cancel()
        await asyncio.sleep(0.01)
    assert ended
