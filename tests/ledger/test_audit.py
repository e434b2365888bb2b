"""The audit chain: no two writers fork it, no change behind it goes unnoticed, and an upgrade
chains what was there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import delete, insert, select, text, update

from broadcast.events.tables import outbox
from broadcast.messages.tables import decision
from broadcast.operators import audit, operators
from broadcast.operators.audit import Broken, Head
from broadcast.operators.tables import audit as link
from broadcast.operators.tables import operator
from broadcast.replay import comparison
from broadcast.store.database import Connection, Database
from console.processes import migrate
from tests.keys import database as open_database
from tests.ledger.world import World

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def look(db: Database, n: int) -> None:
    await db.write(
        operators.log_admin, actor="machine:x", action="message.show", subject=str(n), now=NOW
    )


async def test_two_writers_at_a_time_never_fork_the_chain(database_url: str) -> None:
    one, other = open_database(database_url), open_database(database_url)
    try:
        await asyncio.gather(*(look(db, n) for n in range(30) for db in (one, other)))
        rows = await one.read(audit.listed, 0, 100)
        assert [r["number"] for r in rows] == list(range(1, 61))
        assert len({r["previous"] for r in rows}) == 60
        assert await one.read(audit.verify) is None
    finally:
        await one.close()
        await other.close()


async def test_a_transaction_that_fails_leaves_no_link_and_no_gap(db: Database) -> None:
    def fails(conn: Connection) -> None:
        operators.log_admin(conn, actor="machine:x", action="areas.import", subject="x", now=NOW)
        raise LookupError

    await look(db, 1)
    with pytest.raises(LookupError):
        await db.write(fails)
    await look(db, 2)
    assert [r["subject"] for r in await db.read(audit.listed)] == ["1", "2"]
    assert await db.read(audit.verify) is None


async def test_decisions_acts_exports_and_look_ups_are_links_and_each_head_is_an_event(
    db: Database,
) -> None:
    world = await World.make(db)
    v = await world.approved(count=3)
    for action in ("subscribers.export", "subscribers.import", "subscribers.show"):
        await db.write(operators.log_admin, actor="machine:x", action=action, subject="x", now=NOW)
    rows = await db.read(audit.listed)
    taken = [(r["kind"], r["action"]) for r in rows if r["kind"] == "decision"]
    assert taken == [("decision", "draft"), ("decision", "submit"), ("decision", "approve")]
    assert {r["subject"] for r in rows if r["kind"] == "decision"} == {
        f"message {v.message_id} version 1"
    }
    assert [r["kind"] for r in rows[-3:]] == ["export", "admin", "look_up"]
    head = await db.read(audit.head)
    assert head == Head(rows[-1]["number"], rows[-1]["hash"])
    events = await db.read(
        lambda conn: (
            conn.execute(select(outbox.c.payload).where(outbox.c.type == "audit.head"))
            .scalars()
            .all()
        )
    )
    assert len(events) == len(rows)
    assert head.hash in events[-1]


def inserted(conn: Connection) -> None:
    values = {"version_id": 1, "action": "approve", "operator_id": 2, "at": NOW, "revision": 1}
    conn.execute(insert(decision).values(**values))


def person(conn: Connection, **values: Any) -> None:
    conn.execute(update(operator).where(operator.c.id == 1).values(**values))


def another(conn: Connection) -> None:
    conn.execute(insert(operator).values(name="x", role="approver", token_hash="x", created_at=NOW))


Change = Callable[[Connection], Any]
CHANGES: dict[str, tuple[Change, int | None, str]] = {
    "the word of a link": (
        lambda c: c.execute(update(link).where(link.c.number == 2).values(actor="somebody")),
        2,
        "its hash",
    ),
    "a link removed": (lambda c: c.execute(delete(link).where(link.c.number == 2)), 2, "missing"),
    "the first link removed": (
        lambda c: c.execute(delete(link).where(link.c.number == 1)),
        1,
        "missing",
    ),
    "a link written anew by itself": (lambda c: anew(c, 2), 3, "does not follow"),
    "the text of a decision": (lambda c: change(c, content="{}"), 4, "not as it was taken"),
    "the hash of a decision": (
        lambda c: change(c, content_hash="0" * 64),
        4,
        "not as it was taken",
    ),
    "who decided": (lambda c: change(c, operator_id=2), 4, "not as it was taken"),
    "the count of a decision": (lambda c: change(c, count=9), 4, "not as it was taken"),
    "why it was decided": (lambda c: change(c, why="because"), 4, "not as it was taken"),
    "a decision removed": (
        lambda c: c.execute(delete(decision).where(decision.c.id == 1)),
        4,
        "is missing",
    ),
    "the role of an operator": (lambda c: person(c, role="approver"), 1, "not as they were added"),
    "the mailbox of an operator": (
        lambda c: person(c, email="x@example.org"),
        1,
        "not as they were added",
    ),
    "the token of an operator": (lambda c: person(c, token_hash="x"), 1, "not as they were added"),
    "an operator inserted": (another, None, "has no link"),
    "a decision inserted": (inserted, None, "has no link"),
}


def change(conn: Connection, **values: Any) -> None:
    conn.execute(update(decision).where(decision.c.id == 1).values(**values))


def anew(conn: Connection, number: int) -> None:
    """Change a link and give it the hash that fits."""
    row = {
        **conn.execute(select(link).where(link.c.number == number)).mappings().one(),
        "actor": "somebody",
    }
    conn.execute(
        update(link)
        .where(link.c.number == number)
        .values(actor="somebody", hash=audit.link_hash(row))
    )


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_behind_the_chain_is_named_and_replay_notices_it(
    db: Database, name: str
) -> None:
    what, number, words = CHANGES[name]
    world = await World.make(db)
    await world.approved(count=3)
    assert await db.read(audit.verify) is None
    assert (await comparison.run(db))["differences"] == []
    await db.write(what)
    found = await db.read(audit.verify)
    assert isinstance(found, Broken)
    assert (found.number, words in found.what) == (number, True), found
    assert "audit" in {d["what"] for d in (await comparison.run(db))["differences"]}


async def test_an_operator_who_was_disabled_and_made_active_by_hand_is_named(db: Database) -> None:
    await World.make(db)
    await db.write(operators.disable, "Bea", NOW)
    assert await db.read(audit.verify) is None
    await db.write(lambda conn: conn.execute(update(operator).values(disabled_at=None)))
    found = await db.read(audit.verify)
    assert (found and found.number, "active again" in str(found)) == (4, True)


async def test_a_whole_chain_written_anew_or_cut_off_differs_from_the_published_head(
    db: Database,
) -> None:
    for n in range(4):
        await look(db, n)
    head = await db.read(audit.head)
    assert head is not None
    assert await db.read(audit.verify, head) is None
    assert await db.read(audit.verify, Head(2, (await db.read(audit.listed))[1]["hash"])) is None

    await db.write(lambda conn: conn.execute(delete(link).where(link.c.number == 4)))
    assert await db.read(audit.verify) is None  # whole in itself: only what was published tells
    cut = await db.read(audit.verify, head)
    assert (cut and cut.number) == 4

    def write_anew(conn: Connection) -> None:
        rows = [dict(r) for r in conn.execute(select(link).order_by(link.c.number)).mappings()]
        rows.append({**rows[-1], "subject": "something else"})
        conn.execute(delete(link))
        conn.execute(insert(link), list(audit.chained(rows, None)))

    await db.write(write_anew)
    assert await db.read(audit.verify) is None
    other = await db.read(audit.verify, head)
    assert other is not None
    assert (other.number, "anew" in other.what) == (4, True)
    assert [d["what"] for d in (await comparison.run(db))["differences"]] == ["audit"]


async def test_an_upgrade_chains_decisions_and_acts_that_were_there_before(
    request: pytest.FixtureRequest, tmp_path: Any
) -> None:
    urls = [f"sqlite:///{tmp_path}/old.db", request.getfixturevalue("postgres_url")]
    for url in urls:
        db = open_database(url)
        try:
            await db.write(_old)
            await migrate.upgrade(db)
            rows = await db.read(audit.listed)
            assert [(r["kind"], r["action"]) for r in rows] == [
                ("admin", "audit.began"),
                ("admin", "operators.add"),
                ("decision", "draft"),
                ("export", "subscribers.export"),
                ("admin", "operators.found"),
            ]
            assert rows[2]["row_id"] == 1
            assert rows[3]["detail"] == "all"
            assert await db.read(audit.verify) is None
            await look(db, 1)
            await db.write(lambda conn: conn.execute(update(operator).values(role="approver")))
            found = await db.read(audit.verify)
            assert (found and found.number) == 5
            await db.write(lambda conn: conn.execute(update(decision).values(why="changed")))
            found = await db.read(audit.verify)
            assert (found and found.number) == 3
        finally:
            await db.close()


def _old(conn: Connection) -> None:
    config = migrate._config()
    config.attributes["connection"] = conn
    command.upgrade(config, "0001")
    at = {
        n: f"2026-01-01 00:00:0{n}.123456" + ("" if conn.dialect.name == "sqlite" else "+00")
        for n in range(4)
    }
    for n, action, detail in ((1, "operators.add", ""), (3, "subscribers.export", "all")):
        conn.execute(
            text(
                f"INSERT INTO admin_log (at, actor, action, subject, detail) VALUES ('{at[n]}',"
                f" 'machine:x', '{action}', 's', '{detail}')"
            )
        )
    conn.execute(
        text(
            "INSERT INTO operator (name, role, token_hash, created_at) VALUES ('Ada', 'author',"
            f" 'x', '{at[0]}')"
        )
    )
    conn.execute(text(f"INSERT INTO message (code, created_at) VALUES ('ABC', '{at[0]}')"))
    columns = (
        "message_id, number, action, kind, status, state, revision, content, editors, urgent,"
        " severity_rank, created_at"
    )
    conn.execute(
        text(
            f"INSERT INTO version ({columns}) VALUES (1, 1, 'new', 'incident', 'Actual', 'draft',"
            f" 1, '{{}}', '[]', false, 0, '{at[0]}')"
        )
    )
    conn.execute(
        text(
            "INSERT INTO decision (version_id, action, at, revision, content) VALUES (1, 'draft',"
            f" '{at[2]}', 1, '{{}}')"
        )
    )
