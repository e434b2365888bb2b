"""The newest messages, as the control room's first page asks for them again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event

from broadcast.messages import listing, versions
from broadcast.messages.versions import Version
from broadcast.store.database import Database
from tests.ledger.world import World


async def test_however_many_messages_there_are_two_statements_read_them(db: Database) -> None:
    world = await World.make(db)
    ids = [(await world.live(range(1, 4))).message_id for _ in range(5)]
    said: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    def look(conn: Connection) -> list[list[Version]]:
        event.listen(conn, "before_cursor_execute", note)
        return listing.newest(conn, ids[-1], 3)

    found = await db.read(look)
    assert [each[0].message_id for each in found] == ids[-2:-5:-1]
    assert len(said) == 2
    for each in found:
        assert each == await db.read(versions.of_message, each[0].message_id)
