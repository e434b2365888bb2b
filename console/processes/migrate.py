"""The schema: brought up to date by Alembic, or checked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from broadcast.problems import refuse
from broadcast.store import checkup
from broadcast.store.database import Connection, Database

if TYPE_CHECKING:
    from alembic.config import Config


def _folder() -> Path:
    import migrations

    return Path(migrations.__file__).parent


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_folder()))
    return config


def known_revisions() -> list[str]:
    """Return the steps of the schema in their order. A file is named by its number, which is its
    revision; every command asks, and Alembic, which would know too, takes a tenth of a second to
    load.
    """
    return sorted(f.name.partition("_")[0] for f in _folder().glob("versions/[0-9]*_*.py"))


def _head() -> str:
    return known_revisions()[-1]


async def upgrade(db: Database) -> bool:
    """Create or upgrade the schema; return whether anything was done. Raises Rejected where the
    database is newer than this code.
    """
    if await db.read(checkup.schema_revision) == _head():
        return False
    await _not_newer(db)
    await db.write(_upgrade)
    from subscribers.registry import placing

    await db.write(placing.settle, datetime.now(UTC))
    return True


def _upgrade(conn: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")


async def check_keys(db: Database) -> None:
    """Raise Rejected contact_key_missing (exit 2) unless every key is at hand that names and
    contact points are sealed with: whoever sends finds out before it starts.
    """
    from subscribers.contact import keys

    await db.read(keys.check)


async def check(db: Database) -> None:
    """Raise Rejected (exit 2, naming `fasttime migrate`) unless the schema is exactly the one of
    this code.
    """
    current = await db.read(checkup.schema_revision)
    if current == _head():
        return
    await _not_newer(db)
    raise refuse(
        "schema_old",
        f"the database's schema is {current or 'missing'}, this version needs {_head()}",
        "run `fasttime migrate`",
    )


async def _not_newer(db: Database) -> None:
    current = await db.read(checkup.schema_revision)
    if current is not None and current not in known_revisions():
        raise refuse(
            "schema_newer",
            f"the database's schema {current} is newer than this version of fasttime",
            "install the version that wrote it; never go back on a live database",
        )
