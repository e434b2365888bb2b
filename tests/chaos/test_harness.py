"""The harness itself: a person told twice, lost, or misreported in the least is named by the
verdict.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.chaos import registry_verdict
from tests.chaos.embedded import embedded
from tests.chaos.harness import LAMBETH, WESTMINSTER, System, content, running
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


SELF = "(SELECT id FROM subscriber WHERE external_id LIKE 'web-%' ORDER BY id LIMIT 1)"
GONE = "(SELECT id FROM subscriber WHERE erased_at IS NOT NULL ORDER BY id LIMIT 1)"
BY_HALF = (
    (f"DELETE FROM contact_point WHERE subscriber_id = {SELF}", "registered and nowhere reached"),
    (f"DELETE FROM consent WHERE subscriber_id = {SELF}", "has not one consent that holds"),
    (f"UPDATE consent SET channels = 'email' WHERE subscriber_id = {SELF}", "to other channels"),
    (f"UPDATE contact_point SET confirmed_how = 'basis' WHERE subscriber_id = {SELF}", "confirmed"),
    (f"DELETE FROM audit WHERE subject = CAST({SELF} AS TEXT)", "the audit does not say so"),
    (f"DELETE FROM audit WHERE subject = CAST({GONE} AS TEXT)", "erased, and the audit does not"),
    (f"UPDATE contact_point SET subscriber_id = {GONE} WHERE subscriber_id = {SELF}", "is still r"),
    (f"UPDATE consent SET withdrawn_at = NULL WHERE subscriber_id = {GONE}", "still consents"),
    (f"UPDATE session SET holder_id = {GONE}", "is still signed in"),
    (f"DELETE FROM erased_mark WHERE subscriber_id = {GONE}", "keeps them out of a later file"),
    (
        f"UPDATE contact_point SET subscriber_id = 999 WHERE subscriber_id = {SELF}",
        "not registered",
    ),
    ("UPDATE session SET holder_id = 999", "is signed in and not registered"),
    ("UPDATE registration SET done_at = NULL", "registrations were confirmed, and"),
    ("UPDATE registration SET code_hash = 'x'", "still says where its code went"),
    ("UPDATE frozen_set SET not_before = '2999-01-01'", "before their quiet hours ended"),
    (f"UPDATE subscriber SET erased_at = NULL WHERE id = {GONE}", "told that they are erased"),
)


class Undone(Exception):
    """Ends a transaction that was made to be looked at."""


@pytest.mark.timeout(400)
async def test_the_verdict_names_who_is_registered_by_half_or_heard_what_they_should_not(
    tmp_path: Path,
) -> None:
    system = embedded(tmp_path, rate=500)
    async with running(system, 60):
        await system.live(3, 1)
        await system.hold(6, 5)
        await system.publish(content())
        await system.settle(90)
        boroughs = (WESTMINSTER, LAMBETH)
        await system.publish(content(areas=boroughs, headline="Roads are open"))
        await system.finish(60)
        verdict = await verify(system)
        assert verdict.faults == []
        residents = system.residents
        assert residents is not None

        async def seen(change: str) -> str:
            found: list[str] = []

            def look(conn: Connection) -> None:
                conn.execute(text(change))
                found.extend(registry_verdict.of_registry(conn, residents.all))
                raise Undone

            with pytest.raises(Undone):
                await system.db.write(look)
            return "\n".join(found)

        assert await seen("SELECT 1") == ""
        for change, fault in BY_HALF:
            found = await seen(change)
            assert fault in found, f"{change}: {found or 'no fault was seen'}"
        for r in residents.all:  # as if nobody had ever been told that messages come
            r.silences, r.stays = [], [replace(stay, area="elsewhere") for stay in r.stays]
        found = "\n".join((await verify(system)).faults)
        assert "who had not confirmed, had stopped or was erased" in found
        assert "not of its areas, and was addressed" in found
        residents.all.clear()
        assert "who asked for none" in "\n".join((await verify(system)).faults)
