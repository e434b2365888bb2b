"""The outbox: every fact is committed together with its event; what drains it marks what it handed
on (rule R4, R7, R18).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from broadcast.events.tables import outbox


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One event on its way: `key` names the row it wakes, `payload` is the complete fact as JSON
    text.
    """

    id: int
    topic: str
    partition: int | None
    key: str
    type: str
    payload: str


def append(
    conn: Connection,
    topic: str,
    key: str,
    type_: str,
    payload: dict[str, Any],
    *,
    at: datetime,
    partition: int | None = None,
) -> None:
    """Write one event in the transaction of its fact."""
    append_many(
        conn,
        [{"topic": topic, "partition": partition, "key": key, "type": type_, "payload": payload}],
        at=at,
    )


def append_many(
    conn: Connection, events: Sequence[dict[str, Any]], *, at: datetime, wake: bool = True
) -> None:
    """Write several events: each a dict of topic, partition, key, type and payload (ids and words
    only, never an address).

    `wake=False` is for facts that nobody waits for: on PostgreSQL every NOTIFY makes commits stand
    in one line.
    """
    if events:
        conn.execute(
            insert(outbox),
            [
                {
                    **e,
                    "partition": e.get("partition"),
                    "payload": json.dumps(
                        {"event": e["type"], "at": at.isoformat(), **e["payload"]},
                        separators=(",", ":"),
                    ),
                    "at": at,
                }
                for e in events
            ],
        )
        if wake and conn.dialect.name == "postgresql":
            conn.exec_driver_sql("NOTIFY fasttime_outbox")


def take(conn: Connection, limit: int) -> list[OutboxRow]:
    """Return up to `limit` events not yet handed on, locked against other relays: no leader, and
    nobody follows a sequence (R7).
    """
    wanted = (
        select(
            outbox.c.id,
            outbox.c.topic,
            outbox.c.partition,
            outbox.c.key,
            outbox.c.type,
            outbox.c.payload,
        )
        .where(outbox.c.relayed_at.is_(None))
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [OutboxRow(*row) for row in conn.execute(wanted.with_for_update(skip_locked=True))]


def waiting(conn: Connection) -> bool:
    """Return whether any event was not handed on yet."""
    return (
        conn.execute(select(outbox.c.id).where(outbox.c.relayed_at.is_(None)).limit(1)).first()
        is not None
    )


def mark(conn: Connection, ids: Sequence[int], at: datetime) -> None:
    """Note that these events were handed on."""
    if ids:
        conn.execute(update(outbox).where(outbox.c.id.in_(ids)).values(relayed_at=at))


def newest(conn: Connection) -> int:
    """Return the number of the newest event that this snapshot holds; 0 before the first. On
    PostgreSQL one with a smaller number may still be under way in another transaction.
    """
    return int(conn.execute(select(func.max(outbox.c.id))).scalar() or 0)
