"""Whether the batches of a version are open, how many of its people are being sent to, and which
of its slices are in what is kept (broadcast.ledger.kept).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

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


def outcomes_change(conn: Connection, attempts: Collection[str]) -> None:
    """Say that outcomes of these slices change in this transaction: what is kept of them is read
    from their rows until it is made anew.

    Called before the outcomes are written. It locks the slices, so that nobody who is putting them
    into what is kept misses the change: either they end first and are told, or they leave the slice
    for their next turn.
    """
    wanted = sorted(set(attempts))
    kept = conn.execute(
        select(slice_.c.attempt, slice_.c.kept_at)
        .where(slice_.c.attempt.in_(wanted))
        .order_by(slice_.c.attempt)
        .with_for_update()
    ).all()
    not_any_more(conn, [row.attempt for row in kept if row.kept_at is not None])


def not_any_more(conn: Connection, attempts: Collection[str]) -> None:
    """Take these slices, which this transaction has locked, out of what is kept."""
    if attempts:
        conn.execute(update(slice_).where(slice_.c.attempt.in_(attempts)).values(kept_at=None))


def are_kept(conn: Connection, attempts: Collection[str], at: datetime) -> None:
    """Say that the outcomes of these closed slices, which this transaction has locked, are in what
    is kept.
    """
    if attempts:
        conn.execute(
            update(slice_).where(slice_.c.attempt.in_(attempts)).values(kept_at=at, counted=True)
        )


def nothing_is_kept(conn: Connection, version_id: int) -> None:
    """Say of every slice of a version that nothing is kept of it."""
    conn.execute(
        update(slice_).where(slice_.c.version_id == version_id).values(kept_at=None, counted=False)
    )
