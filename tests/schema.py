"""Databases with the present schema: the migrations run once in a process, and every test gets a
copy of what they made.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from console.processes import migrate
from tests.keys import database as open_database
from tests.services import PostgreSQL
from tests.services.apart import run_apart
from tests.services.outside import OutsidePostgreSQL


async def _migrate(url: str) -> None:
    db = open_database(url)
    try:
        await migrate.upgrade(db)
    finally:
        await db.close()


@lru_cache(maxsize=1)
def _file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fasttime-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "schema.db"
    run_apart(lambda: _migrate(f"sqlite:///{path}"))
    return path


def sqlite_at(path: Path) -> str:
    """Put a database file at a path, where there is none yet; return its URL."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_file().read_bytes())
    return f"sqlite:///{path}"


def on(postgres: PostgreSQL | OutsidePostgreSQL) -> str:
    """Return the URL of a new database of a server."""
    return postgres.databases.prepared("schema", lambda url: run_apart(lambda: _migrate(url)))
