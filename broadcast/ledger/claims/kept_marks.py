"""Which slices are in what is kept beside the outcomes (broadcast.ledger.kept)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select, update

from broadcast.ledger.claims.tables import slice_


def outcomes_change(conn: Connection, attempts: Collection[str]) -> None:
    """Mark slices whose outcomes change in this transaction: until their kept bitmaps are made
    anew, their outcomes are read from the rows.

    Called before the outcomes are written. It locks the slices, so that whoever is adding them to
    the kept bitmaps cannot miss the change: either they finish first, and the slices are marked
    afterwards, or they leave these slices for their next turn.
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
