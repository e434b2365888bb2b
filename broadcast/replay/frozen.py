"""The frozen audience of a version: its bytes, held against the digests that were recorded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, select

from broadcast.ledger.claims import batch_causes
from broadcast.ledger.tables import frozen_set, frozen_shard
from broadcast.replay import people
from broadcast.replay.batches import Batch
from broadcast.replay.differences import Differs
from broadcast.replay.people import BatchOf, Counted, Placed
from broadcast.replay.recorded import Told
from broadcast.replay.slices import Slices


@dataclass
class Frozen:
    """The frozen bytes of a version, with the digests computed from them."""

    addressed: BitMap = field(default_factory=BitMap)
    send: list[BitMap] = field(default_factory=list)
    suppressed: dict[str, BitMap] = field(default_factory=dict)
    duplicates: dict[str, BitMap] = field(default_factory=dict)
    shards: dict[str, tuple[str, str]] = field(default_factory=dict)
    duplicate_digests: dict[str, str] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def read(cls, conn: Connection, version_id: int) -> Frozen:
        """Read the stored bytes, each shard's digest beside the one stored with it."""
        found = cls()
        digests: dict[int, Any] = {}
        stored: dict[int, str] = {}
        for row in conn.execute(
            select(frozen_shard)
            .where(frozen_shard.c.version_id == version_id)
            .order_by(frozen_shard.c.shard)
        ):
            digests[row.shard], stored[row.shard] = hashlib.sha256(row.addressed), row.digest
            found.addressed |= _bitmap(row.addressed)
        for row in conn.execute(
            select(frozen_set)
            .where(frozen_set.c.version_id == version_id)
            .order_by(frozen_set.c.shard, frozen_set.c.no)
        ):
            ids = _bitmap(row.members)
            found.sizes.append((row.size, len(ids)))
            if row.role == "duplicate":
                found.duplicates[row.channels] = ids
                found.duplicate_digests[row.channels] = hashlib.sha256(row.members).hexdigest()
                continue
            if row.shard in digests:
                digests[row.shard].update(_named(row).encode() + row.members)
            if row.role == "send":
                found.send.append(ids)
            elif row.role == "suppressed":  # who is held is among those to be sent to
                found.suppressed[row.reason] = found.suppressed.get(row.reason, BitMap()) | ids
        found.shards = {
            str(shard): (digest.hexdigest(), stored[shard]) for shard, digest in digests.items()
        }
        return found

    def compare(self, differs: Differs, told: Told) -> None:
        """Compare the bytes with the digests that the event of the release carries, or, before it,
        with those stored beside them.
        """
        if told.live is not None:
            for shard in sorted({*self.shards, *told.live["audience"]}):
                differs(
                    "frozen audience",
                    self.shards.get(shard, (None,))[0],
                    told.live["audience"].get(shard),
                    detail=f"shard {shard}: not the bytes that were released",
                )
            for channel in sorted({*self.duplicate_digests, *told.live["duplicates"]}):
                differs(
                    "frozen audience",
                    self.duplicate_digests.get(channel),
                    told.live["duplicates"].get(channel),
                    channel=channel,
                    detail="duplicates",
                )
        for shard, (computed, stored) in self.shards.items():
            differs("frozen digest", stored, computed, detail=f"shard {shard}")
        for stored_size, size in self.sizes:
            differs("frozen size", stored_size, size)

    def count(
        self, batches: dict[int, Batch], slices: Slices, *, ended: str, released: bool
    ) -> Counted:
        """Put everybody on a line."""
        made = [
            BatchOf(
                channel=b.channel,
                generation=b.generation,
                members=b.members,
                ordered=batch_causes.repeats(b.cause),
                slices=tuple(s for _, s in slices.get(batch_id, ())),
            )
            for batch_id, b in batches.items()
        ]
        return people.count(
            addressed=self.addressed,
            send=self.send,
            suppressed=self.suppressed,
            duplicates=self.duplicates,
            batches=made,
            ended=ended,
            released=released,
        )

    def sum_up(
        self, everybody: people.Ids, passes: list[Placed], *, ended: str, released: bool
    ) -> Counted:
        """Put everybody on a line by what became of them in these passes, the earliest first."""
        return people.sum_up(
            addressed=len(self.addressed),
            everybody=everybody,
            suppressed=self.suppressed,
            duplicates=self.duplicates,
            passes=passes,
            ended=ended,
            released=released,
        )


def _named(row: Any) -> str:
    """Return what stands before the members of a set in the digest of its shard."""
    if row.role == "held":
        return f"held|{row.not_before.isoformat()}|"
    return f"{row.role}|{row.channels}|{row.language}|{row.reason}|"


def _bitmap(data: bytes) -> BitMap:
    try:
        return BitMap.deserialize(data)
    except ValueError:
        return BitMap()  # the digest says that these bytes are not what was frozen
