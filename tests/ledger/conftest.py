"""Both databases, migrated, for what must hold on both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broadcast.store.database import Database
from console.processes import migrate
from tests.keys import database as open_database


async def migrate_to_present(url: str) -> None:
    """Give a database the present schema."""
    db = open_database(url)
    try:
        await migrate.upgrade(db)
    finally:
        await db.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the present schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
        asyncio.run(migrate_to_present(url))
        yield url
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.databases.prepared("schema", lambda made: asyncio.run(migrate_to_present(made)))
    yield url
    postgres.drop_database(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database with the present schema."""
    database = open_database(database_url)
    yield database
    await database.close()
