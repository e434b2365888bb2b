"""Compares the stored receipts with those of the log in little memory: sums first, and receipt by
receipt only where the sums differ.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b, sha256
from typing import Any

from sqlalchemy import Connection, select

from broadcast.events.tables import outbox
from broadcast.ledger.tables import receipt
from broadcast.replay.differences import Difference, ReplayResult
from broadcast.replay.streaming import stream

TYPE = "receipt.received"
_FIELDS = ("attempt", "position", "source", "provider_id", "state", "code")
_BUCKETS = 1 << 12


class Told:
    """Sums over the receipts of one side, in 4,096 heaps.

    Heaps with equal sums hold the same receipts: each receipt is added as a hash under a key that
    is drawn anew for every replay, so nobody can prepare other receipts with the same sum.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self.key = key or secrets.token_bytes(32)
        self._sums = [0] * _BUCKETS

    def hashed(self, fact: Mapping[str, Any]) -> bytes:
        """Return the keyed hash of a receipt."""
        return blake2b(_text(fact), digest_size=24, key=self.key).digest()

    def add(self, hashed: bytes) -> None:
        """Count a receipt."""
        self._sums[_heap(hashed)] += int.from_bytes(hashed, "little")

    def differing(self, other: Told) -> set[int]:
        """Return the numbers of the heaps that differ."""
        pairs = zip(self._sums, other._sums, strict=True)
        return {n for n, (mine, theirs) in enumerate(pairs) if mine != theirs}


def stored(conn: Connection) -> Iterator[Any]:
    """Yield the stored receipts, each with `folded_at`."""
    columns = (*(receipt.c[name] for name in _FIELDS), receipt.c.folded_at)
    return stream(conn, select(*columns))


def said_by(row: Any) -> dict[str, Any]:
    """Return what a stored receipt says, as the log has it."""
    return {name: getattr(row, name) for name in _FIELDS}


def compare(conn: Connection, result: ReplayResult, log: Any, told: Told, found: Told) -> None:
    """Add to `result` each receipt of which the log (`told`) and the table (`found`) hold different
    numbers.
    """
    heaps = told.differing(found)
    if not heaps:
        return

    def asked(fact: Mapping[str, Any]) -> bool:
        return log.concerns(None, fact["attempt"]) and _heap(told.hashed(fact)) in heaps

    live = Counter(_digest(said_by(row)) for row in stored(conn) if asked(said_by(row)))
    events = select(outbox.c.payload).where(outbox.c.type == TYPE).order_by(outbox.c.id)
    rebuilt = Counter(
        _digest(fact)
        for row in stream(conn, events)
        if (fact := _read(row.payload)) is not None and asked(fact)
    )
    for digest in sorted(live.keys() | rebuilt.keys()):
        if live[digest] != rebuilt[digest]:
            result.add(
                Difference(
                    what="receipt",
                    live=live[digest],
                    rebuilt=rebuilt[digest],
                    detail=f"of digest {digest}",
                )
            )


def _read(payload: str) -> dict[str, Any] | None:
    """Return an event that can be read; of others the log has said so already."""
    try:
        fact = json.loads(payload)
        return fact if all(name in fact for name in _FIELDS) else None
    except (TypeError, ValueError):
        return None


def _text(fact: Mapping[str, Any]) -> bytes:
    return "|".join([str(fact[name]) for name in _FIELDS]).encode()


def _digest(fact: Mapping[str, Any]) -> str:
    """Return what tells one receipt from another: SHA-256 over what it says."""
    return sha256(_text(fact)).hexdigest()


def _heap(hashed: bytes) -> int:
    return int.from_bytes(hashed[:2], "little") % _BUCKETS
