"""An installation of before: its names and addresses are sealed by the migration, and are gone in
clear.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from broadcast.problems import Rejected
from broadcast.store.database import Database
from config.contact_keys import ContactKeys
from console.processes import migrate
from subscribers.contact.keys import OPTION, KeyRing
from subscribers.registry import reached, showing

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _before(conn: Connection) -> None:
    from alembic import command

    config = migrate._config()
    config.attributes["connection"] = conn
    command.upgrade(config, "0011")


def _insert(conn: Connection) -> None:
    sql = text(
        "INSERT INTO subscriber (id, external_id, name, kind, email, mobile, phone, channels,"
        " consented, created_at, updated_at, change) VALUES (:id, :ext, :name, 'resident', :email,"
        " :mobile, :phone, 'sms', 'sms', :now, :now, 1)"
    ).bindparams(now=NOON.replace(tzinfo=None) if conn.dialect.name == "sqlite" else NOON)
    people: list[dict[str, Any]] = [
        {
            "id": n,
            "ext": f"p{n}",
            "name": f"Ada Lovelace{n}" if n % 3 else "",
            "email": f"ada{n}@example.org" if n % 2 else None,
            "mobile": f"+4477009{n:05d}",
            "phone": "+442079460001" if n % 5 == 0 else None,
        }
        for n in range(1, 301)
    ]
    conn.execute(sql, people)
    conn.execute(
        text(
            "INSERT INTO consent (subscriber_id, channels, topics, basis, at)"
            " SELECT id, 'sms', '', 'consent', created_at FROM subscriber"
        )
    )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.db"
    return str(request.getfixturevalue("postgres_url"))


async def test_everybody_is_reached_as_before_and_nothing_is_left_in_clear(
    url: str, tmp_path: Path
) -> None:
    ring = KeyRing(ContactKeys("", tmp_path / "apart" / "contact.keys"))
    db = Database(url, options={OPTION: ring})
    try:
        await db.write(_before)
        await db.write(_insert)
        assert await migrate.upgrade(db)
        found = await db.read(reached.contacts, range(1, 301), "voice")
        assert found[5].address == "+442079460001"
        assert found[7].address == "+447700900007"
        shown = await db.read(showing.show, 7)
        assert shown is not None
        assert (shown["name"], shown["email"]) == ("Ada Lovelace7", "ada7@example.org")
        assert len(shown["consents"]) == 1
        kinds = await db.read(
            lambda conn: conn.execute(text("SELECT reached_by FROM subscriber WHERE id = 5")).one()
        )
        assert kinds[0] == "email;mobile;phone"
    finally:
        await db.close()
    for file in tmp_path.glob("old.db*"):
        held = file.read_bytes()
        for said in (b"Lovelace", b"@example.org", b"+4477009", b"+4420794"):
            assert said not in held, file.name


async def test_where_no_key_can_be_made_everything_stays_as_it_was(url: str) -> None:
    ring = KeyRing(ContactKeys("", Path("/dev/null/contact.keys")))
    db = Database(url, options={OPTION: ring})
    try:
        await db.write(_before)
        await db.write(_insert)
        with pytest.raises(Rejected) as refused:
            await migrate.upgrade(db)
        assert refused.value.problems[0].field == "FASTTIME_CONTACT_KEYS_FILE"
        names = await db.read(
            lambda conn: conn.execute(text("SELECT name FROM subscriber WHERE id = 7")).scalar_one()
        )
        assert names == "Ada Lovelace7"
    finally:
        await db.close()
