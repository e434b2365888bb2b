"""Replay: the facts alone give what the live store says, whatever happened; whatever was changed
behind them is found and named.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Connection, delete, func, insert, select, update

from broadcast.events.tables import outbox
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.tables import frozen_set, frozen_shard, receipt, response
from broadcast.levels.tables import level_fact
from broadcast.messages import authoring, publishing, versions
from broadcast.messages.tables import message, version
from broadcast.messages.versions import Resolved
from broadcast.problems import Rejected
from broadcast.replay import comparison, differences
from broadcast.store.database import Database
from tests import past_levels
from tests.ledger.history import History
from tests.ledger.world import World, house

CHECKOUT = Path(__file__).resolve().parents[2]


async def found(db: Database, **more: Any) -> list[str]:
    return [differences.text(d) for d in (await comparison.run(db, **more))["differences"]]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_after_any_history_the_facts_give_what_the_live_store_says(
    db: Database, seed: int
) -> None:
    history = await History.make(db, seed)
    for _ in range(4):
        await history.steps(45)
        assert await found(db) == []
    result = await comparison.run(db)
    events = await db.read(
        lambda conn: conn.execute(select(func.count()).select_from(outbox)).scalar_one()
    )
    assert result == {"events": events, "differences": []}
    json.dumps(result)
    assert {
        "claim",
        "record",
        "record_some",
        "sweep",
        "receipt",
        "fold",
        "make_due",
    } <= history.done.keys()
    if len(history.messages) > 1:
        one = await comparison.run(db, message_id=history.messages[0])
        assert one["differences"] == []
        assert 0 < one["events"] < events


@pytest.mark.parametrize("end", ["expire", "cancel"])
async def test_a_blocked_version_that_was_sent_back_and_then_ended_is_as_its_facts_tell(
    db: Database, end: str
) -> None:
    world = await World.make(db)
    now = datetime.now(UTC)
    v = await world.approved(count=5)
    await world.freeze(v, {("sms", "en"): range(1, 200)})
    assert await world.release(v) == "blocked"
    await db.write(
        authoring.submit,
        world.author,
        v.id,
        revision=v.revision,
        resolved=Resolved(targets=("E09000033",)),
        count=199,
        wording_revision="test",
        now=now,
    )
    await db.write(authoring.send_back, world.approver, v.message_id, "return", "so many?", now)
    if end == "expire":
        await db.write(publishing.expire_due, now + timedelta(days=1))
    else:
        await db.write(
            publishing.cancel, world.approver, v.message_id, why="over", house=house(), now=now
        )
    assert (await db.read(versions.get, v.id)).content_hash is None
    assert await found(db) == []
    await db.write(
        lambda conn: conn.execute(
            update(version).where(version.c.id == v.id).values(content_hash="0" * 64)
        )
    )
    assert any("content_hash" in line for line in await found(db))


async def test_with_a_time_only_what_was_touched_since_is_replayed_but_from_its_beginning(
    db: Database,
) -> None:
    world = await World.make(db)
    first = await world.live(range(1, 41))
    second = await world.live(range(1, 41), channels="email")
    moment = datetime.now(UTC)
    (s,) = await world.claim()
    await world.done(s)
    result = await comparison.run(db, since=moment)
    # approved, live, batch, slice of the first alone
    assert result == {
        "events": 4,
        "differences": [],
    }
    await db.write(
        lambda conn: conn.execute(
            update(version).where(version.c.id == second.id).values(state="cancelled")
        )
    )
    assert await found(db, since=moment) == []
    await db.write(
        lambda conn: conn.execute(
            update(version).where(version.c.id == first.id).values(state="cancelled")
        )
    )
    assert [line for line in await found(db, since=moment) if "state" in line] == [
        f"message {first.message_id} version 1 state: live cancelled, rebuilt live"
    ]
    assert (await comparison.run(db, since=datetime.now(UTC) + timedelta(hours=1))) == {
        "events": 0,
        "differences": [],
    }


async def test_an_unknown_message_is_refused_by_name(db: Database) -> None:
    with pytest.raises(Rejected) as refused:
        await comparison.run(db, message_id=99)
    assert refused.value.problems[0].code == "message_unknown"


# Whatever is changed behind the log is found


def _one(conn: Connection, table: Any, *where: Any) -> Any:
    return conn.execute(
        select(table).where(*where).order_by(*table.primary_key.columns).limit(1)
    ).one()


def _this_set(row: Any) -> tuple[Any, ...]:
    return (
        frozen_set.c.version_id == row.version_id,
        frozen_set.c.shard == row.shard,
        frozen_set.c.no == row.no,
    )


def an_outcome_row_is_deleted(conn: Connection) -> None:
    row = _one(conn, outcome, outcome.c.state == "accepted")
    conn.execute(
        delete(outcome).where(outcome.c.attempt == row.attempt, outcome.c.position == row.position)
    )


def an_outcome_is_changed(conn: Connection) -> None:
    row = _one(conn, outcome, outcome.c.state == "failed")
    conn.execute(
        update(outcome)
        .where(outcome.c.attempt == row.attempt, outcome.c.position == row.position)
        .values(state="delivered")
    )


def an_outcome_is_invented(conn: Connection) -> None:
    row = _one(conn, outcome, outcome.c.state == "accepted")
    free = {**row._mapping, "position": 31, "state": "delivered"}
    conn.execute(insert(outcome), [free])


def an_outcome_is_given_to_another_person(conn: Connection) -> None:
    row = _one(conn, outcome, outcome.c.state == "accepted")
    conn.execute(
        update(outcome)
        .where(outcome.c.attempt == row.attempt, outcome.c.position == row.position)
        .values(person_id=4000)
    )


def the_reason_of_a_skip_is_changed(conn: Connection) -> None:
    row = _one(conn, outcome, outcome.c.state == "skipped")
    conn.execute(
        update(outcome)
        .where(outcome.c.attempt == row.attempt, outcome.c.position == row.position)
        .values(code="erased")
    )


def a_slice_s_total_is_changed(conn: Connection) -> None:
    row = _one(conn, slice_, slice_.c.accepted > 0)
    conn.execute(
        update(slice_).where(slice_.c.attempt == row.attempt).values(accepted=row.accepted - 1)
    )


def a_slice_is_opened_again(conn: Connection) -> None:
    row = _one(conn, slice_, slice_.c.state == "done")
    conn.execute(update(slice_).where(slice_.c.attempt == row.attempt).values(state="open"))


def a_slice_is_deleted(conn: Connection) -> None:
    row = _one(conn, slice_, slice_.c.state == "done")
    conn.execute(delete(slice_).where(slice_.c.attempt == row.attempt))


def a_cursor_is_set_back(conn: Connection) -> None:
    row = _one(conn, batch, batch.c.next > 0)
    conn.execute(update(batch).where(batch.c.id == row.id).values(next=0))


def the_people_of_a_batch_are_changed(conn: Connection) -> None:
    row = _one(conn, batch)
    conn.execute(
        update(batch)
        .where(batch.c.id == row.id)
        .values(members=row.members[:-4] + (5000).to_bytes(4, "little"))
    )


def a_batch_is_slipped_in(conn: Connection) -> None:
    row = dict(_one(conn, batch)._mapping)
    del row["id"]
    conn.execute(insert(batch).values(**{**row, "no": 77}))


def a_batch_is_deleted(conn: Connection) -> None:
    conn.execute(delete(batch).where(batch.c.id == _one(conn, batch).id))


def a_level_is_slipped_in(conn: Connection) -> None:
    now = datetime.now(UTC)
    conn.execute(
        insert(level_fact).values(
            scope="UK", level="CRITICAL", at=now, source="approval", note="", recorded_at=now
        )
    )


def a_level_is_deleted(conn: Connection) -> None:
    conn.execute(delete(level_fact).where(level_fact.c.source == "approval"))


def the_past_is_changed(conn: Connection) -> None:
    conn.execute(update(level_fact).where(level_fact.c.source == "import").values(level="CRITICAL"))


def a_version_s_state_is_changed(conn: Connection) -> None:
    conn.execute(
        update(version)
        .where(version.c.id == _one(conn, version, version.c.state == "live").id)
        .values(state="cancelled")
    )


def a_version_is_made_live_without_approval(conn: Connection) -> None:
    row = dict(_one(conn, version, version.c.state == "live")._mapping)
    made = conn.execute(
        insert(message).values(code="XXXXXXXXX", created_at=datetime.now(UTC))
    ).inserted_primary_key
    assert made is not None
    del row["id"]
    conn.execute(
        insert(version).values(**{**row, "message_id": made[0], "identifier": "slipped-in"})
    )


def a_published_text_is_changed(conn: Connection) -> None:
    row = _one(conn, version, version.c.state == "live")
    conn.execute(
        update(version)
        .where(version.c.id == row.id)
        .values(content=row.content.replace("Road closed", "Bridge closed"))
    )


def an_expiry_is_put_off(conn: Connection) -> None:
    row = _one(conn, version, version.c.state == "live")
    conn.execute(
        update(version)
        .where(version.c.id == row.id)
        .values(expires_at=row.expires_at + timedelta(hours=1))
    )


def a_frozen_set_is_changed(conn: Connection) -> None:
    row = _one(conn, frozen_set, frozen_set.c.role == "send")
    ids = BitMap.deserialize(row.members) - BitMap([1]) | BitMap([3000])
    conn.execute(
        update(frozen_set).where(*_this_set(row)).values(members=ids.serialize(), size=len(ids))
    )


def a_frozen_set_is_changed_with_the_digest_beside_it(conn: Connection) -> None:
    import hashlib

    a_frozen_set_is_changed(conn)
    row = _one(conn, frozen_set, frozen_set.c.role == "send")
    header = _one(
        conn,
        frozen_shard,
        frozen_shard.c.version_id == row.version_id,
        frozen_shard.c.shard == row.shard,
    )
    digest = hashlib.sha256(header.addressed)
    for part in conn.execute(
        select(frozen_set)
        .where(frozen_set.c.version_id == row.version_id, frozen_set.c.shard == row.shard)
        .order_by(frozen_set.c.no)
    ):
        digest.update(
            f"{part.role}|{part.channels}|{part.language}|{part.reason}|".encode() + part.members
        )
    conn.execute(
        update(frozen_shard)
        .where(frozen_shard.c.version_id == row.version_id, frozen_shard.c.shard == row.shard)
        .values(digest=digest.hexdigest())
    )


def those_addressed_are_changed(conn: Connection) -> None:
    row = _one(conn, frozen_shard)
    conn.execute(
        update(frozen_shard)
        .where(frozen_shard.c.version_id == row.version_id, frozen_shard.c.shard == row.shard)
        .values(addressed=BitMap([1]).serialize())
    )


def frozen_bytes_are_garbage(conn: Connection) -> None:
    row = _one(conn, frozen_set, frozen_set.c.role == "suppressed")
    conn.execute(update(frozen_set).where(*_this_set(row)).values(members=b"garbage"))


def the_duplicates_are_changed(conn: Connection) -> None:
    row = _one(conn, frozen_set, frozen_set.c.role == "duplicate")
    conn.execute(
        update(frozen_set)
        .where(frozen_set.c.version_id == row.version_id, frozen_set.c.role == "duplicate")
        .values(members=BitMap([2]).serialize())
    )


def a_receipt_is_deleted(conn: Connection) -> None:
    conn.execute(delete(receipt).where(receipt.c.id == _one(conn, receipt).id))


def a_receipt_says_something_else(conn: Connection) -> None:
    conn.execute(
        update(receipt)
        .where(receipt.c.id == _one(conn, receipt).id)
        .values(state="failed", code="99")
    )


def an_answer_is_slipped_in(conn: Connection) -> None:
    conn.execute(
        insert(response).values(
            at=datetime.now(UTC), kind="keypress", channel="voice", value="1", digest="x"
        )
    )


def without(type_: str, *, every: bool = False) -> Callable[[Connection], None]:
    def an_event_is_deleted(conn: Connection) -> None:
        conn.execute(
            delete(outbox).where(
                outbox.c.type == type_
                if every
                else outbox.c.id == _one(conn, outbox, outbox.c.type == type_).id
            )
        )

    an_event_is_deleted.__name__ = f"{'every' if every else 'one'} event {type_} is deleted"
    return an_event_is_deleted


CHANGES: list[tuple[Callable[[Connection], None], str]] = [
    (an_outcome_row_is_deleted, "sms 1 people outcome: live nothing, rebuilt accepted"),
    (an_outcome_is_changed, "sms 1 people outcome: live delivered, rebuilt failed"),
    (an_outcome_is_invented, "outcome: live delivered, rebuilt"),
    (an_outcome_is_given_to_another_person, "outcome: live another person"),
    (the_reason_of_a_skip_is_changed, "outcome: live skipped erased, rebuilt skipped stopped"),
    (a_slice_s_total_is_changed, "sms accepted slice total: live 19, rebuilt 20"),
    (a_slice_is_opened_again, "sms slice: live open, rebuilt done"),
    (a_slice_is_deleted, "sms slice: live None, rebuilt done"),
    (a_cursor_is_set_back, "sms cursor: live 0, rebuilt"),
    (the_people_of_a_batch_are_changed, "sms batch members: live"),
    (a_batch_is_slipped_in, "no event tells of it"),
    (a_batch_is_deleted, "sms batch: live None, rebuilt"),
    (a_level_is_slipped_in, "UK level fact: live 1, rebuilt 0"),
    (a_level_is_deleted, "UK level fact: live 0, rebuilt 1"),
    (the_past_is_changed, "UK level fact: live 0, rebuilt 1 (LOW since 2020-01-01"),
    (a_version_s_state_is_changed, "message 1 version 1 state: live cancelled, rebuilt live"),
    (a_version_is_made_live_without_approval, "approval: live live, rebuilt None"),
    (a_published_text_is_changed, "message 1 version 1 content: live changed"),
    (an_expiry_is_put_off, "message 1 version 1 expires: live"),
    (a_frozen_set_is_changed, "message 1 version 1 frozen audience: live"),
    (
        a_frozen_set_is_changed_with_the_digest_beside_it,
        "message 1 version 1 frozen audience: live",
    ),
    (those_addressed_are_changed, "message 1 version 1 frozen audience: live"),
    (frozen_bytes_are_garbage, "message 1 version 1 frozen audience: live"),
    (the_duplicates_are_changed, "sms frozen audience: live"),
    (a_receipt_is_deleted, "receipt: live 0, rebuilt 1"),
    (a_receipt_says_something_else, "receipt: live 1, rebuilt 0"),
    (an_answer_is_slipped_in, "voice keypress response: live 1, rebuilt 0"),
    (without("message.approved"), "message.approved is missing for the shards [0]"),
    (without("message.live"), "message.live is missing for the shards [0]"),
    (without("message.hold", every=True), "message.resume follows on live"),
    (without("message.hold"), "message.hold is missing for the shards [0]"),
    (without("message.resume", every=True), "state: live live, rebuilt held"),
    (without("message.correct"), "state: live corrected, rebuilt live"),
    (without("batch.ready"), "no event tells of it"),
    (without("slice.done"), "sms slice: live done, rebuilt open"),
    (without("slice.swept"), "sms slice: live swept, rebuilt open"),
    (without("receipt.received"), "receipt: live 1, rebuilt 0"),
    (without("response.received"), "sms stop response: live 1, rebuilt 0"),
    (without("level.imported"), "UK level fact: live 1, rebuilt 0"),
]


async def a_history_that_is_whole(db: Database) -> None:
    """One live message with every kind of outcome, and one that was corrected; a level, a receipt,
    an answer.
    """
    from broadcast.ledger import receipts
    from broadcast.ledger.claims import leases, recording
    from broadcast.ledger.claims.outcomes import Outcome
    from broadcast.ledger.receipts import Receipt
    from broadcast.levels import history

    now = datetime.now(UTC)
    world = await World.make(db)
    v = await world.approved(count=100, shards=2)
    for shard in (0, 1):
        await world.freeze(
            v,
            {("sms", "en"): range(1 + shard, 101, 2)},
            shard=shard,
            suppressed={"stopped": [200 + shard]},
        )
    assert await world.release(v, shared=[[5, 6]]) == "released"
    (s,) = await world.claim(skip={4: "stopped"}, want=31)
    states = ["accepted"] * 20 + ["failed"] * 5 + ["in_doubt"] * 5
    outcomes = [
        Outcome(position=p, person_id=person, state=state)
        for (p, person), state in zip(
            [m for m in s.people if m[0] not in s.skipped], states, strict=True
        )
    ]
    await db.write(recording.record, [(s, outcomes)], at=now)
    await world.claim()
    await db.write(leases.expire_leases, dead_workers=["w1"], now=now)
    await world.claim(want=10, worker="w2")
    await db.write(
        receipts.store,
        Receipt(attempt=s.attempt, position=0, state="delivered", provider_id="SM0"),
        now,
    )
    await db.write(receipts.merge_waiting, now)
    await db.write(
        lambda conn: receipts.store_response(
            conn,
            kind="stop",
            channel="sms",
            now=now,
            digest="d",
            person_id=1,
            version_id=v.id,
            attempt=s.attempt,
        )
    )
    await db.write(publishing.hold, world.approver, v.message_id, now)
    await db.write(publishing.resume, world.approver, v.message_id, now)
    wrong = await world.live(range(1, 30), channels="email")
    right = await world.submitted(
        count=3, message_id=wrong.message_id, action="correct", kind="correction"
    )
    await db.write(
        publishing.approve,
        world.approver,
        wrong.message_id,
        content_hash=right.content_hash,
        house=house(),
        now=now,
    )
    await db.write(
        past_levels.import_facts,
        [
            history.Fact(
                scope="UK", level="LOW", at=datetime(2020, 1, 1, tzinfo=UTC), source="import"
            )
        ],
        now,
    )
    change = await world.submitted(
        count=5, kind="threat_level_change", scope="UK", level="SEVERE", areas=()
    )
    await db.write(
        publishing.approve,
        world.approver,
        change.message_id,
        content_hash=None,
        house=house(),
        now=datetime.now(UTC),
    )


class _Undo(Exception):
    pass


async def test_whatever_is_changed_behind_the_log_is_found_and_named(db: Database) -> None:
    await a_history_that_is_whole(db)
    assert await found(db) == []
    missed: list[str] = []
    for change, expected in CHANGES:
        lines: list[str] = []

        def try_it(
            conn: Connection,
            change: Callable[[Connection], None] = change,
            lines: list[str] = lines,
        ) -> None:
            change(conn)
            lines += [differences.text(d) for d in comparison.replay(conn).to_json()["differences"]]
            raise _Undo

        with pytest.raises(_Undo):
            await db.write(try_it)
        if not any(expected in line for line in lines):
            missed.append(f"{change.__name__}: expected {expected!r}, found {lines[:6]}")
    assert missed == []
    assert await found(db) == []


async def test_of_many_differences_alike_the_first_are_named_and_the_rest_counted(
    db: Database,
) -> None:
    world = await World.make(db)
    await world.live(range(1, 1000))
    while claimed := await world.claim():
        for s in claimed:
            await world.done(s)
    await db.write(lambda conn: conn.execute(delete(slice_)))
    lines = [line for line in await found(db) if " slice: live" in line]
    assert len(lines) == differences.ALIKE + 1
    assert "12 more of this kind" in lines[-1]


# It cannot send


_ALONE = """
import asyncio, json, sys
connected = []
def hook(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        connected.append(list(args[1][:2]) if isinstance(args[1], tuple) else str(args[1]))
sys.addaudithook(hook)
from broadcast.replay import comparison
from broadcast.store.database import Database
async def main():
    db = Database(sys.argv[1])
    try:
        return await comparison.run(db)
    finally:
        await db.close()
result = asyncio.run(main())
print(json.dumps({"result": result, "connected": connected, "modules": sorted(sys.modules)}))
"""


async def test_it_imports_no_adapter_and_connects_to_nothing_but_the_database(
    db: Database, database_url: str
) -> None:
    await a_history_that_is_whole(db)
    environment = {
        **os.environ,
        "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9",
        "FASTTIME_SMTP_URL": "smtp://127.0.0.1:9",
    }
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, database_url],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = json.loads(done.stdout)
    assert told["result"]["differences"] == []
    assert told["result"]["events"] > 10
    loaded = [
        name
        for name in told["modules"]
        if name.split(".")[0]
        in (
            "channels",
            "subscribers",
            "config",
            "console",
            "twilio",
            "aiosmtplib",
            "aiohttp",
            "faust",
            "aiokafka",
        )
    ]
    assert loaded == []
    if db.dialect == "sqlite":
        assert told["connected"] == []
    else:
        assert {tuple(address) for address in told["connected"]} == {(db.url.host, db.url.port)}
