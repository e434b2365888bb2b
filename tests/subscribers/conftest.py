"""Both databases for every test of the registry: the same functions run on each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broadcast.store.database import Database
from migrations.tables import metadata
from tests.keys import database as open_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with our tables and nothing in them."""
    url = (
        f"sqlite:///{tmp_path}/registry.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    database = open_database(url)
    await database.write(metadata.create_all)
    yield database
    await database.close()
