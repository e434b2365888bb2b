"""Whether the batches of a version are open: only people of open batches are claimed."""

from __future__ import annotations

from sqlalchemy import Connection, update

from broadcast.ledger.tables import batch


def close_batches(conn: Connection, version_id: int) -> None:
    """Close every batch: nobody more is claimed, and the cursors say who was left."""
    conn.execute(
        update(batch).where(batch.c.version_id == version_id, batch.c.open).values(open=False)
    )


def reopen_batches(conn: Connection, version_id: int) -> None:
    """Open every batch that has people left, from where its cursor stands."""
    conn.execute(
        update(batch)
        .where(batch.c.version_id == version_id, batch.c.next < batch.c.size)
        .values(open=True)
    )
