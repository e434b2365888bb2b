"""Both databases for every test of the registry: the same functions run on each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import broadcast.tables
import subscribers.tables  # the tables register themselves in the metadata
from broadcast.store import Database, metadata


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with our tables and nothing in them."""
    url = (
        f"sqlite:///{tmp_path}/registry.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    database = Database(url)
    assert {broadcast.tables.meta.name, subscribers.tables.subscriber.name} <= set(metadata.tables)
    await database.write(metadata.create_all)
    yield database
    await database.close()
