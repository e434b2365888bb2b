"""The schema: brought up to date by Alembic, or checked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from broadcast.problems import refuse
from broadcast.store.database import Connection, Database
from subscribers import registry


def _config() -> Config:
    import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def _head() -> str:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _current(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


async def upgrade(db: Database) -> bool:
    """Create or upgrade the schema; return whether anything was done. Raises Rejected where the
    database is newer than this code.
    """
    if await db.read(_current) == _head():
        return False
    await _not_newer(db)
    await db.write(_upgrade)
    await db.write(registry.settle, datetime.now(UTC))
    return True


def _upgrade(conn: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


async def check(db: Database) -> None:
    """Raise Rejected (exit 2, naming `fasttime migrate`) unless the schema is exactly the one of
    this code.
    """
    current = await db.read(_current)
    if current == _head():
        return
    await _not_newer(db)
    raise refuse(
        "schema_old",
        f"the database's schema is {current or 'missing'}, this version needs {_head()}",
        "run `fasttime migrate`",
    )


async def _not_newer(db: Database) -> None:
    current = await db.read(_current)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise refuse(
            "schema_newer",
            f"the database's schema {current} is newer than this version of fasttime",
            "install the version that wrote it; never go back on a live database",
        )
