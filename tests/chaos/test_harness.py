"""The harness itself: a person told twice, lost, or misreported in the least is named by the
verdict.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.chaos.embedded import embedded
from tests.chaos.harness import System, content, running
from tests.chaos.verdict import verify


async def test_the_verdict_names_who_was_told_twice_or_lost_or_said_to_be_what_they_are_not(
    tmp_path: Path,
) -> None:
    system = embedded(tmp_path, rate=500)
    async with running(system, 60):
        await system.publish(content())
        await system.finish(60)
        assert (await verify(system)).faults == []
        ledger = system.handsets.ledger_path
        before = ledger.read_text(encoding="utf-8").splitlines()
        one: dict[str, Any] = json.loads(before[0])

        async def faults(lines: list[str]) -> str:
            ledger.write_text("\n".join(lines) + "\n", encoding="utf-8")
            found = "\n".join((await verify(system)).faults)
            ledger.write_text("\n".join(before) + "\n", encoding="utf-8")
            return found

        assert "got it 2 times" in await faults([*before, before[0]])
        assert "the provider never took them" in await faults(before[1:])
        assert "without a claim" in await faults(
            [*before, json.dumps({**one, "attempt": "0" * 50})]
        )
        assert "not the person's" in await faults(
            [json.dumps({**one, "to": "+999000000999"}), *before[1:]]
        )
        for change, fault in (
            (
                "UPDATE outcome SET state = 'failed'",
                "are on the line failed, and the provider took them",
            ),
            ("UPDATE outcome SET state = 'refused'", "wait, 0 are being handed over"),
            ("DELETE FROM outcome", "who are on no line"),
            ("UPDATE batch SET next = next - 1, open = 1", "somebody is on two lines"),
        ):
            await _tampered(system, change, fault)


async def _tampered(system: System, change: str, fault: str) -> None:
    """Change the log behind everybody's back, see that the verdict names it, and put it back."""
    await system.stop()
    copies = ("outcome", "batch")

    def tamper(conn: Connection) -> None:
        for table in copies:
            conn.execute(text(f"CREATE TABLE copy_of_{table} AS SELECT * FROM {table}"))
        conn.execute(text(change))

    def mend(conn: Connection) -> None:
        for table in copies:
            conn.execute(text(f"DELETE FROM {table}"))
            conn.execute(text(f"INSERT INTO {table} SELECT * FROM copy_of_{table}"))
            conn.execute(text(f"DROP TABLE copy_of_{table}"))

    await system.db.write(tamper)
    try:
        found = "\n".join((await verify(system)).faults)
        assert fault in found, f"{change}: {found or 'no fault was seen'}"
    finally:
        await system.db.write(mend)
        assert (await verify(system)).faults == [], pytest.fail("the log was not put back")
