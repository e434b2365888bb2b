"""Registered communities and sectors as rows, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.store.database import Database
from console.processes import migrate
from subscribers.registry.importing import import_records
from tests.console.site import person

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


async def scopes(db: Database) -> dict[str, str]:
    return {group.scope: group.name for group in await db.read(registered.load)}


async def test_a_second_import_adds_languages_and_takes_none_away(db: Database) -> None:
    for names in ({"cy": "Manwerthu"}, {"pl": "Handel"}, {"pl": "Handel"}):
        done = await db.write(registered.register, [named("sector", "Retail", names)], NOW)
    assert (done.new, done.updated, done.unchanged) == (0, 0, 1)
    (group,) = await db.read(registered.load)
    assert group.names == {"cy": "Manwerthu", "pl": "Handel"}


async def test_people_register_what_they_name_and_rename_nothing(db: Database) -> None:
    await db.write(registered.register, [named("sector", "Retail", {"cy": "Manwerthu"})], NOW)
    people = [
        person(1, kind="business", sectors="RETAIL;Night time"),
        person(2, communities="Jewish"),
        person(3, communities="jewish"),
    ]
    await db.write(import_records, people, "test", NOW)
    found = await scopes(db)
    assert found == {
        "community:jewish": "Jewish",
        "sector:night time": "Night time",
        "sector:retail": "Retail",
    }


async def test_a_grant_names_a_registered_group_or_is_refused(db: Database) -> None:
    who: dict[str, Any] = {"role": "author", "area": None, "email": None, "now": NOW}
    with pytest.raises(Rejected) as refused:
        await db.write(operators.add, name="a", may_set=("community:jewsh",), **who)
    assert [p.code for p in refused.value.problems] == ["community_unknown"]
    await db.write(registered.register, [named("community", "Jewish", {})], NOW)
    with pytest.raises(Rejected) as refused:
        await db.write(operators.add, name="a", may_set=("community:jewsh",), **who)
    assert "did you mean community:jewish?" in refused.value.problems[0].fix
    made, _ = await db.write(operators.add, name="a", may_set=("community:jewish",), **who)
    assert made.may_set == ("community:jewish",)


async def test_an_upgrade_registers_whatever_was_named_before(db: Database) -> None:
    """What people, messages, levels and grants named stays understood."""
    await db.write(import_records, [person(1, sectors="Food  Supply;Retail")], "test", NOW)

    def before(conn: Connection) -> None:
        conn.execute(
            text(
                "INSERT INTO level_fact (scope, level, at, source, recorded_at) VALUES"
                " ('community:griffin', 'SEVERE', '2023-01-01', 'import', '2023-01-01')"
            )
        )
        conn.execute(
            text(
                "INSERT INTO operator (name, role, may_set, token_hash, created_at) VALUES"
                " ('x', 'author', '[\"UK\", \"sector:rail\"]', 'h', '2023-01-01')"
            )
        )
        conn.execute(text("DROP TABLE community_or_sector"))
        conn.execute(text("UPDATE alembic_version SET version_num = '0007'"))
        config: Config = migrate._config()
        config.attributes["connection"] = conn
        command.upgrade(config, "0008")

    await db.write(before)
    assert await scopes(db) == {
        "community:griffin": "griffin",
        "sector:food supply": "Food  Supply",
        "sector:rail": "rail",
        "sector:retail": "Retail",
    }
