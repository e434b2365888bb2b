"""Which slices are in what is kept beside the outcomes (broadcast.ledger.kept)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select, update

from broadcast.ledger.claims.tables import slice_


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
