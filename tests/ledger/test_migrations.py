"""The migrations make exactly the schema that the code declares, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

import migrations
from broadcast.problems import Rejected
from console.processes import migrate
from tests.keys import database as open_database


async def test_an_empty_database_is_refused_with_the_command_that_mends_it(
    tmp_path: object,
) -> None:
    db = open_database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(Rejected) as refused:
        await migrate.check(db)
    await db.close()
    assert refused.value.exit_code == 2
    assert "fasttime migrate" in refused.value.problems[0].fix


def test_the_steps_of_the_schema_are_those_that_alembic_knows_by_name_and_order() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert migrate.known_revisions() == newest_first[::-1]
    assert scripts.get_current_head() == migrate.known_revisions()[-1]
