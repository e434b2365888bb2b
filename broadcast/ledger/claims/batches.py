"""The batches of a version: stored, closed and opened again; how many people are being sent to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from broadcast.ledger.claims.tables import batch, slice_

if TYPE_CHECKING:
    # Whoever only reads who stands where, as most commands do, need not wait for numpy.
    import numpy as np


def members_of(data: bytes) -> np.ndarray:
    """Return a batch's members as a uint32 array."""
    import numpy as np  # see above

    return np.frombuffer(data, dtype="<u4")


def store_batches(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store the batches of a pass."""
    conn.execute(insert(batch), rows)


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
