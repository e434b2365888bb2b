"""The migrations make exactly the schema that the code declares, on both databases."""

from __future__ import annotations

import pytest

from broadcast.problems import Rejected
from broadcast.store.database import Database
from console.processes import migrate


async def test_an_empty_database_is_refused_with_the_command_that_mends_it(
    tmp_path: object,
) -> None:
    db = Database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(Rejected) as refused:
        await migrate.check(db)
    await db.close()
    assert refused.value.exit_code == 2
    assert "fasttime migrate" in refused.value.problems[0].fix
