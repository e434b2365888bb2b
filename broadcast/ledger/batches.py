"""Whether the batches of a version are open, and how many of its people are being sent to."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from broadcast.ledger.tables import batch, slice_


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


def handing_over(conn: Connection, version_id: int) -> int:
    """Return how many people are in open slices of the version."""
    return sum(
        hi - lo
        for lo, hi in conn.execute(
            select(slice_.c.lo, slice_.c.hi).where(
                slice_.c.version_id == version_id, slice_.c.state == "open"
            )
        )
    )
