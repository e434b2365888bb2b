"""What was put aside is handed over again: once, on record, and whoever dies in between loses
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcast.events import dead_letters
from broadcast.events.tables import outbox
from broadcast.messages import publishing
from broadcast.operators import audit
from broadcast.operators.tables import audit as links
from broadcast.problems import Rejected
from broadcast.replay import comparison
from broadcast.store.database import Connection, Database
from broadcast.wording.rendered import Rendered
from channels.dispatch.choose_batch import Chooser
from channels.dispatch.clock import SYSTEM
from channels.memory import MemoryChannel
from service.setup import upkeep
from tests import schema
from tests.keys import database as open_database
from tests.ledger.world import World

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MACHINE = "machine:ada"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    db = open_database(schema.sqlite_at(tmp_path / "ledger.db"))
    yield await World.make(db)
    await db.close()


class Texts:
    """Renderings that fail until somebody mends them."""

    def __init__(self) -> None:
        self.mended, self.tried = False, 0

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool, roles: str = ""
    ) -> tuple[Rendered, datetime]:
        self.tried += 1
        if not self.mended:
            raise KeyError("a bug")
        return Rendered(channel=channel, language=language, body="B"), datetime.now(
            UTC
        ) + timedelta(hours=1)


class Process:
    """One process that sends: it chooses, and lays out what it chose."""

    def __init__(self, db: Database, texts: Texts) -> None:
        self.seconds = 1000.0  # they stand still between two turns
        clock = replace(SYSTEM, boot=lambda: self.seconds)
        self.chooser = Chooser(db, "routine", MemoryChannel("sms"), texts, clock)

    async def turn(self) -> str:
        """Return what one turn came to: nothing to do, failed, laid out."""
        self.seconds += 0.2  # its list of batches is old by then
        chosen = await self.chooser.choose()
        if chosen is None:
            return "nothing"
        return "failed" if await self.chooser.words(chosen) is None else "laid out"


async def letters(db: Database) -> list[tuple[int, str, bool]]:
    found = await db.read(dead_letters.listed)
    return sorted((each.id, each.key, each.closed_at is None) for each in found)


async def events(db: Database) -> list[tuple[str, str]]:
    query = select(outbox.c.topic, outbox.c.key).where(outbox.c.type == "batch.retry")
    return [tuple(row) for row in await db.read(lambda conn: conn.execute(query).all())]


async def retries(db: Database) -> list[str]:
    query = select(links.c.subject).where(links.c.action == "dead_letters.retry")
    return list(await db.read(lambda conn: conn.execute(query).scalars().all()))


def retry(conn: Connection, number: int) -> Any:
    return upkeep.retry_dead_letter(conn, MACHINE, number, now=datetime.now(UTC))


async def test_a_text_that_failed_is_laid_out_at_once_when_it_is_handed_over_again(
    world: World,
) -> None:
    v = await world.live([1, 2])
    texts = Texts()
    process = Process(world.db, texts)
    assert [await process.turn() for _ in range(3)] == ["failed", "nothing", "nothing"]
    key = f"{v.id}/sms/en"
    assert await letters(world.db) == [(1, key, True)]
    await world.db.write(retry, 1)
    assert [await process.turn() for _ in range(3)] == ["failed", "nothing", "nothing"]
    assert texts.tried == 2  # once for the retry, and then it is left alone again
    assert await letters(world.db) == [(1, key, False), (2, key, True)]
    texts.mended = True
    assert await process.turn() == "nothing"
    await world.db.write(retry, 2)
    assert await process.turn() == "laid out"
    assert await letters(world.db) == [(1, key, False), (2, key, False)]
    assert await retries(world.db) == ["1", "2"]
    assert await world.db.read(audit.verify) is None
    found = await world.db.read(comparison.replay)
    assert found.differences == []


async def test_the_retry_the_event_and_the_record_stand_together_or_not_at_all(
    world: World,
) -> None:
    v = await world.live([1, 2])
    process = Process(world.db, Texts())
    assert await process.turn() == "failed"

    class KilledError(Exception):
        """The process died before the commit."""

    def dies(conn: Connection) -> None:
        retry(conn, 1)
        raise KilledError

    with pytest.raises(KilledError):
        await world.db.write(dies)
    assert await letters(world.db) == [(1, f"{v.id}/sms/en", True)]
    assert (await events(world.db), await retries(world.db)) == ([], [])
    assert await process.turn() == "nothing"
    await world.db.write(retry, 1)
    ((topic, _),) = await events(world.db)
    assert topic == "deliveries.routine"
    assert await retries(world.db) == ["1"]


async def test_a_processor_that_dies_after_it_was_handed_over_is_followed_by_one_that_tries(
    world: World,
) -> None:
    await world.live([1, 2])
    texts = Texts()
    assert await Process(world.db, texts).turn() == "failed"
    await world.db.write(retry, 1)
    # the process that got the event is gone, and with it what it knew
    after = Process(world.db, texts)
    assert await after.turn() == "failed"
    assert [open_ for _, _, open_ in await letters(world.db)] == [False, True]
    # every other process that left it alone looks for itself
    texts.mended = True
    other = Process(world.db, texts)
    assert await other.turn() == "laid out"


async def test_what_was_handed_over_is_closed_and_no_second_press_hands_it_over_again(
    world: World,
) -> None:
    await world.live([1, 2])
    assert await Process(world.db, Texts()).turn() == "failed"
    await world.db.write(retry, 1)
    with pytest.raises(Rejected) as refused:
        await world.db.write(retry, 1)
    (problem,) = refused.value.problems
    assert (problem.code, problem.status) == ("dead_letter_closed", 409)
    assert "handed over again" in problem.detail
    with pytest.raises(Rejected) as refused:
        await world.db.write(retry, 99)
    assert refused.value.problems[0].code == "dead_letter_unknown"
    assert (len(await events(world.db)), await retries(world.db)) == (1, ["1"])


@pytest.mark.parametrize("end", ["hold", "claimed", "malformed"])
async def test_where_nobody_waits_any_more_nothing_is_handed_over(world: World, end: str) -> None:
    v = await world.live([1, 2])
    assert await Process(world.db, Texts()).turn() == "failed"
    number = 1
    if end == "hold":
        await world.db.write(publishing.hold, world.approver, v.message_id, now=datetime.now(UTC))
    elif end == "claimed":
        await world.claim(want=2)
    else:
        number = await world.db.write(
            dead_letters.park, dead_letters.RENDER_FAILED, "no version", "KeyError", NOW
        )
    with pytest.raises(Rejected) as refused:
        await world.db.write(retry, number)
    assert refused.value.problems[0].code == "dead_letter_over"
    assert all(open_ for _, _, open_ in await letters(world.db))
    assert (await events(world.db), await retries(world.db)) == ([], [])


async def test_a_notice_is_no_failure_and_is_only_closed(world: World) -> None:
    await world.db.write(dead_letters.park, dead_letters.LOOK_UPS, "operator 5", "20 shapes", NOW)
    with pytest.raises(Rejected) as refused:
        await world.db.write(retry, 1)
    assert refused.value.problems[0].code == "dead_letter_notice"
    (letter,) = await world.db.read(dead_letters.listed)
    assert (letter.closed_at, letter.can_be_retried) == (None, False)
    assert letter.what not in upkeep.PROCESSORS


async def test_of_two_administrators_at_once_one_hands_it_over(db: Database) -> None:
    world = await World.make(db)
    await world.live([1, 2])
    assert await Process(db, Texts()).turn() == "failed"
    both = await asyncio.gather(*(db.write(retry, 1) for _ in range(2)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["DeadLetter", "Rejected"]
    assert (len(await events(db)), await retries(db)) == (1, ["1"])
