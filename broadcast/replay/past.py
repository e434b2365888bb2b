"""Where everybody stood at earlier moments: rebuilt from the facts that were recorded by then.

The same second computation as a replay's, stopped at a moment. It reads the outbox rows, the frozen
audience, the batches and the claimed ranges, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from broadcast.content.model import CHANNELS
from broadcast.events.tables import outbox
from broadcast.ledger import audiences, claims
from broadcast.ledger.tables import batch, outcome, slice_
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.replay.frozen import Frozen
from broadcast.replay.people import LINES, REASONS, BatchOf, Counted, SliceOf
from broadcast.replay.recorded import NONE, STATES, Log, Told
from broadcast.replay.streaming import stream

_NOT_SENT = ("superseded", "corrected", "cancelled", "stood_down")
_EVENTS = "message."


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How one version stood at a moment: its state, and people and channels by line."""

    at: datetime
    version: int
    state: str
    counted: Counted

    def to_json(self) -> dict[str, Any]:
        """Return it in the fields of the contract's account."""
        c = self.counted
        return {
            "at": self.at.isoformat(),
            "version": self.version,
            "state": self.state,
            "addressed": c.addressed,
            "people": {line: c.people[line] for line in LINES},
            "channels": {
                channel: {
                    line: c.channels[channel][line] if channel in c.channels else 0
                    for line in LINES
                }
                for channel in CHANNELS
            },
            "suppressed": {reason: c.suppressed[reason] for reason in REASONS},
        }


@dataclass(frozen=True, slots=True)
class Mark:
    """An act of the control room, or of the machine: when, and what became of which version."""

    at: datetime
    version_id: int
    what: str


def marks(conn: Connection, message_id: int) -> list[Mark]:
    """Return what happened to a message's versions, in order; each act once."""
    wanted = {v.id for v in versions.of_message(conn, message_id)}
    query = (
        select(outbox.c.type, outbox.c.at, outbox.c.payload)
        .where(outbox.c.type.like(f"{_EVENTS}%"))
        .order_by(outbox.c.id)
    )
    log, found = Log(wanted=frozenset(wanted)), list[Mark]()
    for row in conn.execute(query):
        before = {version_id: told.state for version_id, told in log.versions.items()}
        log.read([(row.type, row.payload)])
        found += [
            Mark(row.at, version_id, row.type.removeprefix(_EVENTS))
            for version_id, told in log.versions.items()
            if before.get(version_id) != told.state
        ]
    return found


def span(conn: Connection, v: Version) -> tuple[datetime, datetime] | None:
    """Return when the first and the last fact of a version was recorded; None where none was."""
    said = [mark.at for mark in marks(conn, v.message_id) if mark.version_id == v.id]
    query = select(outcome.c.at).where(outcome.c.version_id == v.id).order_by(outcome.c.at.desc())
    last = conn.execute(query.limit(1)).scalar_one_or_none()
    times = [*said, *([last] if last else [])]
    return (min(times), max(times) + timedelta(seconds=1)) if times else None


def at(conn: Connection, message_id: int, moments: Sequence[datetime]) -> list[list[Moment]]:
    """Return, for each of these moments in their order, how every published version stood.

    The facts are read once. Raises Rejected (404 message_unknown).
    """
    known = {v.id: v for v in versions.of_message(conn, message_id)}
    attempts = select(slice_.c.attempt).where(slice_.c.version_id.in_(known))
    log = Log(
        wanted=frozenset(known),
        attempts=frozenset(conn.execute(attempts).scalars()),
        imports=False,
    )
    books = {version_id: _Book(conn, v) for version_id, v in known.items()}
    rows, found = _rows(conn), []
    waiting: Any = next(rows, None)
    for moment in sorted(moments):
        due = []
        while waiting is not None and waiting.at <= moment:
            due.append((waiting.type, waiting.payload))
            waiting = next(rows, None)
        log.read(due)
        found.append([books[i].at(log, told, moment) for i, told in sorted(log.versions.items())])
    return found


def _rows(conn: Connection) -> Iterator[Any]:
    query = select(outbox.c.type, outbox.c.payload, outbox.c.at).order_by(outbox.c.at, outbox.c.id)
    return stream(conn, query)


class _Book:
    """What a version's rows hold beside the facts: the frozen bytes, batches, claimed ranges."""

    def __init__(self, conn: Connection, v: Version) -> None:
        self._v = v
        self._frozen_at = audiences.frozen_at(conn, v.id)
        self._frozen = Frozen.read(conn, v.id)
        of_version = batch.c.version_id == v.id
        self._batches = conn.execute(select(batch).where(of_version).order_by(batch.c.id)).all()
        self._slices = conn.execute(select(slice_).where(slice_.c.version_id == v.id)).all()
        skipped = (outcome.c.version_id == v.id) & (outcome.c.state == "skipped")
        columns = (outcome.c.attempt, outcome.c.position, outcome.c.code, outcome.c.at)
        self._skipped = conn.execute(select(*columns).where(skipped)).all()

    def at(self, log: Log, told: Told, moment: datetime) -> Moment:
        """Return how it stood when the log had told so much."""
        counted = Counted()
        if told.live is not None or (self._frozen_at is not None and self._frozen_at <= moment):
            counted = self._frozen.put(
                self._made(log, moment),
                ended=_ended(told.state),
                released=told.live is not None,
            )
        return Moment(at=moment, version=self._v.number, state=told.state, counted=counted)

    def _made(self, log: Log, moment: datetime) -> list[BatchOf]:
        skips: dict[str, dict[int, str]] = {}
        for row in self._skipped:  # of an open slice the claim's own rows are the record
            if row.at <= moment:
                skips.setdefault(row.attempt, {})[row.position] = row.code
        claimed: dict[int, list[SliceOf]] = {}
        for row in self._slices:
            if row.claimed_at <= moment:
                told = log.slices.get(row.attempt)
                closed = bool(told and told.closed)
                claimed.setdefault(row.batch_id, []).append(
                    _slice(row, log, closed=closed, skips=skips.get(row.attempt, {}))
                )
        return [
            BatchOf(
                channel=row.channel,
                generation=row.generation,
                members=np.frombuffer(row.members[: len(row.members) // 4 * 4], "<u4"),
                ordered=claims.repeats(row.cause),
                slices=tuple(claimed.get(row.id, ())),
            )
            for row in self._batches
            if row.id in log.batches
        ]


def _slice(row: Any, log: Log, *, closed: bool, skips: dict[int, str]) -> SliceOf:
    states = bytearray(log.states.get(row.attempt, b"").ljust(row.hi - row.lo, bytes([NONE])))
    told = log.reasons.get(row.attempt, {})
    reasons = {position: why for position, why in told.items() if position < row.hi - row.lo}
    for position, code in skips.items():
        if states[position] == NONE:
            states[position], reasons[position] = STATES.index("skipped"), code
    return SliceOf(lo=row.lo, hi=row.hi, open=not closed, states=bytes(states), reasons=reasons)


def _ended(state: str) -> str:
    return "expired" if state == "expired" else "not_sent" if state in _NOT_SENT else ""
