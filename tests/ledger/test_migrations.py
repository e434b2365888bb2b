"""The migrations make exactly the schema that the code declares, on both databases."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import broadcast.tables
import subscribers.tables
from broadcast.problems import Rejected
from broadcast.store import Connection, Database, metadata
from console import migrate

DECLARED = (broadcast.tables.version, subscribers.tables.subscriber)  # importing them declares them


async def test_the_migrated_schema_is_the_declared_one(db: Database) -> None:
    def differences(conn: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(conn), metadata))

    assert all(table.metadata is metadata for table in DECLARED)
    assert await db.read(differences) == []


async def test_a_second_upgrade_does_nothing_and_a_newer_schema_is_refused(db: Database) -> None:
    assert await migrate.upgrade(db) is False
    await migrate.check(db)
    await db.write(
        lambda conn: conn.execute(
            text("UPDATE alembic_version SET version_num = 'from-the-future'")
        )
    )
    for step in (migrate.upgrade, migrate.check):
        with pytest.raises(Rejected) as refused:
            await step(db)
        assert refused.value.problems[0].code == "schema_newer"


async def test_an_empty_database_is_refused_with_the_command_that_mends_it(
    tmp_path: object,
) -> None:
    db = Database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(Rejected) as refused:
        await migrate.check(db)
    await db.close()
    assert refused.value.exit_code == 2
    assert "fasttime migrate" in refused.value.problems[0].fix
