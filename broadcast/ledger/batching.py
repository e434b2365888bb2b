"""A pass cut into batches: at most 500 people of one channel and language, stored and announced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, insert, select

from broadcast.events import outbox
from broadcast.events.topics import deliveries_topic
from broadcast.ledger.claims.batches import members_of, store_batches
from broadcast.ledger.claims.tables import batch
from broadcast.ledger.kept import asked
from broadcast.ledger.planning.plan import Part
from broadcast.ledger.tables import generation
from broadcast.messages import publishing, versions
from broadcast.messages.versions import Version

BATCH_SIZE = 500


def insert_pass(
    conn: Connection,
    v: Version,
    number: int,
    cause: str,
    parts: Iterable[Part],
    now: datetime,
    ordered_by: int | None = None,
    *,
    roles: Mapping[str, BitMap] | None = None,
) -> int:
    """Cut parts into batches of at most 500 people of one channel and language, announce them;
    return how many people. `roles`: who gets it for several registrations; None = who did so in the
    passes before.
    """
    import numpy as np  # slow to load, and most commands cut no batches

    if roles is None:
        roles = roles_of(conn, v.id)
    rows: list[dict[str, Any]] = []
    everybody: dict[tuple[int, str], BitMap] = {}
    for part, as_what, mine in _by_roles(parts, roles):
        everybody.setdefault((number, part.channel), BitMap()).update(mine)
        ids = np.asarray(mine.to_array(), dtype="<u4")
        for start in range(0, len(ids), BATCH_SIZE):
            members = ids[start : start + BATCH_SIZE]
            rows.append(
                {
                    "version_id": v.id,
                    "generation": number,
                    "no": len(rows),
                    "status": v.status,
                    "lane": "urgent" if v.urgent else "routine",
                    "channel": part.channel,
                    "language": part.language,
                    "roles": as_what,
                    "members": members.tobytes(),
                    "size": len(members),
                    "next": 0,
                    "cause": cause,
                    "not_before": part.not_before,
                    "severity_rank": v.severity_rank,
                    "correction": v.action == "correct",
                    "room": v.room or "",
                    "open": True,
                    "announced_at": now,
                    "announcements": 1,
                }
            )
    people = sum(int(row["size"]) for row in rows)
    conn.execute(
        insert(generation).values(
            version_id=v.id,
            number=number,
            cause=cause,
            made_at=now,
            ordered_by=ordered_by,
            people=people,
        )
    )
    if rows:
        store_batches(conn, rows)
        asked.begin(conn, v.id, everybody)
        _announce_batches(conn, v, number, now)
    if number > 1:
        versions.note_pass(conn, v.id, number)
    return people


def roles_of(conn: Connection, version_id: int) -> dict[str, BitMap]:
    """Return who got, or gets, this version for several registrations, by their kinds."""
    found: dict[str, BitMap] = {}
    query = select(batch.c.roles, batch.c.members)
    for roles, members in conn.execute(
        query.where(batch.c.version_id == version_id, batch.c.roles != "")
    ):
        found[roles] = found.get(roles, BitMap()) | BitMap(members_of(members))
    return found


def _by_roles(
    parts: Iterable[Part], roles: Mapping[str, BitMap]
) -> Iterable[tuple[Part, str, BitMap]]:
    """Cut parts so that all people of one get it as the same: their words are the same."""
    for part in parts:
        rest = part.ids
        for kinds, ids in sorted(roles.items()):
            if rest & ids:
                yield part, kinds, rest & ids
                rest = rest - ids
        if rest:
            yield part, "", rest


def _announce_batches(conn: Connection, v: Version, number: int, now: datetime) -> None:
    made = conn.execute(
        select(
            batch.c.id,
            batch.c.channel,
            batch.c.language,
            batch.c.size,
            batch.c.lane,
            batch.c.cause,
            batch.c.roles,
            batch.c.members,
        ).where(batch.c.version_id == v.id, batch.c.generation == number)
    ).all()
    facts = publishing.describe(v)
    outbox.append_many(
        conn,
        [
            {
                "topic": deliveries_topic(row.lane, v.status),
                "key": str(row.id),
                "type": "batch.ready",
                "payload": {
                    "batch": row.id,
                    "generation": number,
                    "channel": row.channel,
                    "language": row.language,
                    "people": row.size,
                    "cause": row.cause,
                    "roles": row.roles,
                    # the bytes stay in the database (R18)
                    "members": (hashlib.sha256(row.members).hexdigest()),
                    **{
                        k: facts[k]
                        for k in ("message", "version", "version_id", "status", "expires")
                    },
                },
            }
            for row in made
        ],
        at=now,
    )
