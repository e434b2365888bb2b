"""Batches and ordered resends as the log tells of them, held against those that are stored."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from broadcast.ledger.claims.tables import batch
from broadcast.ledger.tables import generation
from broadcast.messages.tables import resend
from broadcast.replay.differences import Differs
from broadcast.replay.recorded import Log, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch on record: its pass, how far it is claimed, and the ids of its people."""

    channel: str
    generation: int
    cause: str
    next: int
    members: Any


def compare_batches(
    conn: Connection, log: Log, version_id: int, differs: Differs
) -> dict[int, Batch]:
    """Return the batches on record, each held against its event: the bytes of its members too."""
    found: dict[int, Batch] = {}
    people: Counter[int] = Counter()
    for row in conn.execute(
        select(batch)
        .where(batch.c.version_id == version_id)
        .order_by(batch.c.generation, batch.c.id)
    ):
        told = log.batches.get(row.id)
        members = np.frombuffer(row.members[: len(row.members) // 4 * 4], "<u4")
        found[row.id] = Batch(
            channel=row.channel,
            generation=row.generation,
            cause=row.cause,
            next=row.next,
            members=members,
        )
        if told is None:
            differs("batch", row.id, None, channel=row.channel, detail="no event tells of it")
            continue
        people[told["generation"]] += told["people"]
        there = [row.channel, row.language, row.generation, row.cause, row.size, row.roles]
        facts = ("channel", "language", "generation", "cause", "people")
        differs(
            "batch",
            there,
            # facts of before one person could have several registrations name no roles
            [*(told[k] for k in facts), told.get("roles", "")],
            channel=row.channel,
            detail=f"batch {row.id}",
        )
        differs(
            "batch members",
            hashlib.sha256(row.members).hexdigest(),
            told["members"],
            channel=row.channel,
            detail=f"batch {row.id}",
        )
    for batch_id, told in log.batches.items():
        if told["version_id"] == version_id and batch_id not in found:
            differs("batch", None, batch_id, channel=told["channel"], detail="an event tells of it")
    for number, made in conn.execute(
        select(generation.c.number, generation.c.people).where(
            generation.c.version_id == version_id
        )
    ):
        differs("generation", made, people[number], detail=f"people of generation {number}")
    return found


def compare_resends(
    conn: Connection, version_id: int, told: Told, batches: dict[int, Batch], differs: Differs
) -> None:
    """Hold the ordered resends that were approved, and those made, against the log."""
    approved = (
        conn.execute(
            select(resend.c.id).where(
                resend.c.version_id == version_id, resend.c.state.in_(("approved", "made"))
            )
        )
        .scalars()
        .all()
    )
    differs("resends", len(approved), told.resends)
    made = len({b.generation for b in batches.values() if b.cause.startswith("resend")})
    if made > told.resends:
        differs("resends", made, told.resends, detail="more were made than approved")
