"""A slice: people who are claimed together, read back as it was stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, Row, select

from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.tables import batch, outcome, slice_

SLICE_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """People claimed together: nobody else will ever be given them for this version, channel and
    generation.

    `people` are (position, subscriber id); `skipped` maps a position to the reason why it is not
    sent to. `provider` is the adapter and account that sends to them.
    """

    attempt: str
    batch_id: int
    version_id: int
    status: str
    generation: int
    channel: str
    lo: int
    hi: int
    people: tuple[tuple[int, int], ...]
    skipped: dict[int, str]
    provider: str = ""


WITH_MEMBERS = select(
    slice_, batch.c.members.label("members"), batch.c.status.label("status")
).join(batch, batch.c.id == slice_.c.batch_id)
"""The query of slices that `slice_of` can read."""


def read_slice(conn: Connection, attempt: str) -> Slice | None:
    """Return a stored slice: after a lost commit reply, to see whether the claim is there
    (rule R3).
    """
    row = conn.execute(WITH_MEMBERS.where(slice_.c.attempt == attempt)).one_or_none()
    return None if row is None else slice_of(conn, row)


def attempts_made(conn: Connection, version_id: int) -> list[str]:
    """Return the slice attempts of a version."""
    return list(
        conn.execute(select(slice_.c.attempt).where(slice_.c.version_id == version_id)).scalars()
    )


def slice_of(conn: Connection, row: Row[Any]) -> Slice:
    """Return the Slice of a row that carries its batch's `members` and `status`."""
    ids = [int(i) for i in members_of(row.members)[row.lo : row.hi]]
    skipped = conn.execute(
        select(outcome.c.position, outcome.c.code).where(
            outcome.c.attempt == row.attempt, outcome.c.state == "skipped"
        )
    )
    return Slice(
        attempt=row.attempt,
        batch_id=row.batch_id,
        version_id=row.version_id,
        status=row.status,
        generation=row.generation,
        channel=row.channel,
        lo=row.lo,
        hi=row.hi,
        people=tuple(enumerate(ids)),
        skipped={row[0]: row[1] for row in skipped},
        provider=row.provider,
    )


def open_members(conn: Connection, version_id: int) -> dict[str, BitMap]:
    """Return per channel the members of the version's open slices without a recorded outcome."""
    found: dict[str, BitMap] = {}
    query = (
        select(slice_.c.attempt, slice_.c.channel, slice_.c.lo, slice_.c.hi, batch.c.members)
        .join(batch, batch.c.id == slice_.c.batch_id)
        .where(slice_.c.version_id == version_id, slice_.c.state == "open")
    )
    for row in conn.execute(query).all():
        ids = BitMap(members_of(row.members)[row.lo : row.hi])
        ids -= BitMap(
            conn.execute(select(outcome.c.person_id).where(outcome.c.attempt == row.attempt))
            .scalars()
            .all()
        )
        found[row.channel] = found.get(row.channel, BitMap()) | ids
    return found
