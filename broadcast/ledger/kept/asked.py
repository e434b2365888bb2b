"""Everybody of a pass, channel by channel: kept from the moment at which the pass is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pyroaring import BitMap
from sqlalchemy import Connection, insert, select

from broadcast.ledger.claims.tables import batch
from broadcast.ledger.kept import bitmaps
from broadcast.ledger.kept.tables import kept_pass
from broadcast.ledger.tables import generation

Asked = Mapping[tuple[int, str], BitMap]
"""(generation, channel) → everybody of its batches."""


def begin(conn: Connection, version_id: int, asked: Asked) -> None:
    """Keep whom passes ask, in the transaction that makes their batches."""
    rows = [
        {
            "version_id": version_id,
            "generation": number,
            "channel": channel,
            "asked": ids.serialize(),
            "size": len(ids),
        }
        for (number, channel), ids in asked.items()
        if ids
    ]
    if rows:
        conn.execute(insert(kept_pass), rows)


def not_begun(conn: Connection, version_id: int) -> list[int]:
    """Return the passes of which nothing is kept: made before anything was, or thrown away."""
    begun = select(kept_pass.c.generation).where(kept_pass.c.version_id == version_id)
    query = select(generation.c.number).where(
        generation.c.version_id == version_id, generation.c.number.not_in(begun)
    )
    return list(conn.execute(query).scalars())


def of_batches(conn: Connection, version_id: int, numbers: Collection[int]) -> Asked:
    """Return whom these passes ask, from their batches."""
    found: dict[tuple[int, str], BitMap] = {}
    if not numbers:
        return found
    query = select(batch.c.generation, batch.c.channel, batch.c.members).where(
        batch.c.version_id == version_id, batch.c.generation.in_(numbers)
    )
    for row in conn.execute(query.execution_options(yield_per=200)):
        ids = bitmaps.of_members(row.members)
        found.setdefault((row.generation, row.channel), BitMap()).update(ids)
    return found
