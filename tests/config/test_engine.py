from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Connection, insert, select

from broadcast.answers import links
from broadcast.ledger import receipts
from broadcast.ledger.claims import open_batches
from broadcast.ledger.claims.outcomes import attempts_of
from broadcast.problems import Rejected
from broadcast.sessions import store as sessions
from broadcast.sessions.tables import session
from broadcast.store import replies
from broadcast.store.database import Database, metadata
from broadcast.store.tables import idempotency
from channels.contract import ProviderRecord
from channels.dispatch.rates import MemoryLimiter
from channels.memory import LOST_REPLY, MemoryChannel
from config import settings
from config.wiring import Adapters
from service.engine import Engine
from service.loops.leases import FORGET_EVERY
from service.loops.opt_outs import other_contacts
from subscribers.registry import importing
from tests.chaos.harness import people
from tests.keys import database as open_database
from tests.ledger.world import World


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with our tables and nothing in them."""
    database = open_database(
        f"sqlite:///{tmp_path}/engine.db"
        if request.param == "sqlite"
        else request.getfixturevalue("migrated_postgres_url")
    )
    await database.write(metadata.create_all)
    yield database
    await database.close()


def answered(conn: Connection, key: str, ago: timedelta, status: int | None = 200) -> None:
    conn.execute(
        insert(idempotency).values(
            operator_id=1, key=key, digest="d", status=status, body="{}", at=datetime.now(UTC) - ago
        )
    )


def signed_in(conn: Connection, kind: str) -> None:
    """Begin a session, and make a link, of long ago."""
    long_ago = datetime.now(UTC) - timedelta(days=90)
    whose: dict[str, Any] = {"kind": kind, "holder_id": 1, "now": long_ago}
    sessions.begin(conn, proof="token", lasts=timedelta(days=1), **whose)
    sessions.make_link(conn, lasts=timedelta(minutes=15), **whose)


def keys(conn: Connection) -> set[str]:
    return set(conn.execute(select(idempotency.c.key)).scalars())


async def test_answers_are_kept_a_day_and_swept_at_most_once_a_minute(
    db: Database, tmp_path: Path
) -> None:
    engine = Engine(
        settings=settings.load({"FASTTIME_DATA": str(tmp_path)}),
        db=db,
        adapters={},
        limiter=MemoryLimiter(),
        roles=("match",),
        channels_on=lambda _: frozenset(),
    )
    for key, ago in (
        ("young", timedelta(hours=23, minutes=59)),
        ("old", timedelta(hours=24, seconds=1)),
    ):
        await db.write(answered, key, ago)
    await db.write(answered, "never finished", timedelta(days=2), None)
    for kind in ("operator", "operator", "resident"):
        await db.write(signed_in, kind)
    await engine.leases.expire()
    assert await db.read(keys) == {"young"}
    left = select(session.c.id, session.c.kind)
    assert await db.read(lambda conn: conn.execute(left).all()) == [(1, "operator")]
    await db.write(answered, "old again", timedelta(hours=25))
    await engine.leases.expire()
    assert await db.read(keys) == {"young", "old again"}
    assert timedelta(seconds=2) < FORGET_EVERY <= timedelta(minutes=1)


async def test_a_key_that_was_forgotten_is_as_good_as_new_and_who_held_it_does_nothing(
    db: Database,
) -> None:
    now = datetime.now(UTC)
    long_ago = now - timedelta(hours=25)
    held = await db.write(replies.reserve, operator_id=1, key="k", digest="one", now=long_ago)
    assert isinstance(held, replies.Reservation)
    assert await db.write(replies.forget, now - replies.KEPT) == 1
    assert isinstance(
        await db.write(replies.reserve, operator_id=1, key="k", digest="another", now=now),
        replies.Reservation,
    )
    with pytest.raises(Rejected) as refused:
        await db.write(replies.finish, held, replies.Reply(200, "{}"))
    assert refused.value.problems[0].code == "key_in_flight"


class OneCannotBeMatched:
    """A matcher for which one version is too much."""

    def __init__(self, version_id: int) -> None:
        self._version_id = version_id
        self.matched: list[int] = []

    async def process(self, version_id: int) -> str:
        if version_id == self._version_id:
            raise RuntimeError("a shape that nobody thought of")
        self.matched.append(version_id)
        return "released"


async def test_a_version_that_cannot_be_matched_holds_up_no_other(
    db: Database, tmp_path: Path
) -> None:
    engine = Engine(
        settings=settings.load({"FASTTIME_DATA": str(tmp_path)}),
        db=db,
        adapters={},
        limiter=MemoryLimiter(),
        roles=("match",),
        channels_on=lambda _: frozenset(),
    )
    world = await World.make(db)
    first, second = await world.approved(count=1), await world.approved(count=1)
    engine._matcher = matcher = OneCannotBeMatched(first.id)  # type: ignore[assignment]
    await engine.match()
    assert matcher.matched == [second.id]


class Lists(MemoryChannel):
    """A provider that lists one hand-over to everybody, begun at `created`."""

    def __init__(self, status: str, created: datetime) -> None:
        super().__init__("voice", serves=frozenset({status}))
        self._created, self.asked = created, 0

    async def look_up(self, to: str, since: datetime) -> list[ProviderRecord] | None:
        self.asked += 1
        return [
            ProviderRecord(
                provider_id=f"CA{self.asked}",
                to=to,
                body="",
                created=self._created,
                state="delivered",
                code="",
            )
        ]


@pytest.mark.parametrize(
    ("begun", "state"), [(timedelta(seconds=3), "delivered"), (timedelta(minutes=4), "in_doubt")]
)
async def test_an_exercise_in_doubt_is_asked_about_too_and_a_later_call_proves_nothing(
    db: Database, tmp_path: Path, begun: timedelta, state: str
) -> None:
    """The call of another message, whose own reply is still awaited, is held by no attempt yet: its
    time tells that it is not this one.
    """
    world = await World.make(db)
    await db.write(
        importing.import_records,
        [r._replace(mobile="+447700900001", channels="voice") for r in people(1)],
        "test",
        datetime.now(UTC),
    )
    v = await world.live([1], channels="voice", status="Exercise")
    (found,) = await db.read(
        open_batches.candidates, "routine", "voice", ("Exercise",), datetime.now(UTC)
    )
    (s,) = await world.claim(candidate=found)
    await world.done(s, "in_doubt")
    live, drill = Lists("Actual", datetime.now(UTC)), Lists("Exercise", datetime.now(UTC) + begun)
    adapters = {"routine": Adapters({"Actual": {"voice": live}, "Exercise": {"voice": drill}})}
    engine = Engine(
        settings=settings.load({"FASTTIME_DATA": str(tmp_path)}),
        db=db,
        adapters=adapters,
        limiter=MemoryLimiter(),
        roles=("routine",),
        channels_on=lambda _: frozenset({"voice"}),
        ask_after=-timedelta(minutes=1),
    )
    await engine.doubts.reconcile()
    await db.write(receipts.merge_waiting, datetime.now(UTC))
    assert (live.asked, drill.asked) == (0, 1)
    assert [a["state"] for a in await db.read(attempts_of, v.id, 1)] == [state]


async def test_a_text_with_a_link_of_ones_own_is_found_in_the_providers_list_by_its_words(
    db: Database, tmp_path: Path
) -> None:
    world = await World.make(db)
    some = [r._replace(mobile="+447700900001", channels="sms") for r in people(1)]
    await db.write(importing.import_records, some, "test", datetime.now(UTC))
    v = await world.live([1], channels="sms", kind="appeal")
    sms = MemoryChannel("sms", by_call={0: LOST_REPLY})
    engine = Engine(
        settings=settings.load(
            {"FASTTIME_DATA": str(tmp_path), "FASTTIME_PUBLIC_URL": "https://alerts.example"}
        ),
        db=db,
        adapters={"routine": Adapters({"Actual": {"sms": sms}})},
        limiter=MemoryLimiter(),
        roles=("routine",),
        channels_on=lambda _: frozenset({"sms"}),
        ask_after=-timedelta(minutes=1),
    )
    (_, sender), *_ = engine.senders
    engine.identity.worker, engine.identity.alive = "w1", True
    stopping = asyncio.Event()
    running = asyncio.create_task(sender.run(stopping))
    async with asyncio.timeout(10):
        while [a["state"] for a in await db.read(attempts_of, v.id, 1)] != ["in_doubt"]:
            await asyncio.sleep(0.05)
    stopping.set()
    await running
    (sent,) = sms.ledger
    [token] = re.findall(r"https://alerts\.example/a/(\S+)", sent.body)
    assert links.read(token, engine._settings.key()) == links.Link(1, v.id, False)
    await engine.doubts.reconcile()
    await db.write(receipts.merge_waiting, datetime.now(UTC))
    assert [a["state"] for a in await db.read(attempts_of, v.id, 1)] != ["in_doubt"]


async def test_another_contact_point_is_looked_for_only_where_a_channel_is_on(db: Database) -> None:
    await db.write(
        importing.import_records,
        [
            r._replace(mobile="+447700900001", email="p@example.org", channels="sms")
            for r in people(1)
        ],
        "test",
        datetime.now(UTC),
    )
    found = await db.read(lambda conn: other_contacts(conn, BitMap([1]), on={"sms", "email"}))
    assert found == {"sms": BitMap([1]), "email": BitMap([1])}
