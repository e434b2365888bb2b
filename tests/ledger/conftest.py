"""Both databases, migrated, for what must hold on both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broadcast.store.database import Database
from tests import schema
from tests.keys import database as open_database
from tests.ledger.world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with the present schema."""
    if request.param == "sqlite":
        yield schema.sqlite_at(tmp_path / "ledger.db")
        return
    yield request.getfixturevalue("migrated_postgres_url")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database with the present schema."""
    database = open_database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def world(db: Database) -> World:
    """The ledger's world, empty, on that database."""
    return await World.make(db)
