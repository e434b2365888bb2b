"""Where everybody stood at earlier moments: rebuilt from the facts that were recorded by then.

The same second computation as a replay's, stopped at a moment. It reads the outbox rows, the frozen
audience, the batches and the claimed ranges, and writes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from broadcast.content.model import CHANNELS
from broadcast.events.tables import outbox
from broadcast.ledger import audiences
from broadcast.ledger.claims import batch_causes
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.replay.frozen import Frozen
from broadcast.replay.people import LINES, REASONS, Counted, Ids, Marks, Placed, SliceOf, in_order
from broadcast.replay.recorded import NONE, STATES, Log, Told
from broadcast.replay.streaming import stream

_NOT_SENT = ("superseded", "corrected", "cancelled", "stood_down")
_EVENTS = "message."

Look = Callable[[Ids, Marks], Any]
"""What is asked of a moment beside its sums: from everybody who is to be sent to, in the order of
their numbers, and the line of each as its place in `people.LINES`.
"""

_Pass = tuple[int, str, bool]
"""Generation, channel, whether a person ordered it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How one version stood at a moment: its state, and people and channels by line."""

    at: datetime
    version: int
    state: str
    counted: Counted
    seen: Any = None
    """What `Look` returned."""

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


def at(
    conn: Connection, message_id: int, moments: Sequence[datetime], look: Look | None = None
) -> list[list[Moment]]:
    """Return, for each of these moments in their order, how every published version stood, with
    what `look` makes of it.

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
        for book in books.values():
            book.turn_to(log, moment)
        log.touched.clear()
        found.append(
            [books[i].at(log, told, moment, look) for i, told in sorted(log.versions.items())]
        )
    return found


def _rows(conn: Connection) -> Iterator[Any]:
    query = select(outbox.c.type, outbox.c.payload, outbox.c.at).order_by(outbox.c.at, outbox.c.id)
    return stream(conn, query)


class _Book:
    """What a version's rows hold beside the facts: the frozen bytes, batches, claimed ranges.

    The pages are turned one after the other: between two moments only the slices are looked at of
    which something was claimed or told.
    """

    def __init__(self, conn: Connection, v: Version) -> None:
        self._v = v
        self._frozen_at = audiences.frozen_at(conn, v.id)
        self._frozen = Frozen.read(conn, v.id)
        self._everybody = in_order(self._frozen.send)
        self._passes, self._begins = self._read_batches(conn)
        self._untold = set(self._begins)
        s, o = slice_.c, outcome.c
        columns = (s.attempt, s.batch_id, s.lo, s.hi, s.claimed_at)
        claimed = select(*columns).where(s.version_id == v.id).order_by(s.claimed_at)
        self._slices = deque(stream(conn, claimed))
        skipped = (o.version_id == v.id) & (o.state == "skipped")
        columns_of_skips = (o.attempt, o.position, o.code, o.at)
        self._skipped = deque(stream(conn, select(*columns_of_skips).where(skipped).order_by(o.at)))
        self._claimed: dict[str, Any] = {}
        self._skips: dict[str, dict[int, str]] = {}

    def _read_batches(
        self, conn: Connection
    ) -> tuple[dict[_Pass, Placed], dict[int, tuple[Placed, int, int]]]:
        """Return the passes, and batch → its pass, where its members begin there and how many they
        are. Nobody stands in a pass before their batch was told of.
        """
        query = select(batch.c.id, batch.c.generation, batch.c.channel, batch.c.cause)
        members: dict[_Pass, bytearray] = {}
        place: dict[int, tuple[_Pass, int, int]] = {}
        of_version = batch.c.version_id == self._v.id
        for row in stream(conn, query.add_columns(batch.c.members).where(of_version)):
            key = (row.generation, row.channel, batch_causes.repeats(row.cause))
            data, mine = members.setdefault(key, bytearray()), row.members
            place[row.id] = (key, len(data) // 4, len(mine) // 4)
            data += mine[: len(mine) // 4 * 4]
        passes = {}
        for key in sorted(members):
            generation, channel, ordered = key
            ids = np.frombuffer(members.pop(key), "<u4")
            passes[key] = Placed.of(channel, generation, ids, self._everybody, ordered=ordered)
            passes[key].here[:] = False
        return passes, {n: (passes[key], start, size) for n, (key, start, size) in place.items()}

    def turn_to(self, log: Log, moment: datetime) -> None:
        """Take in what was claimed, and what the log was told, since the moment before."""
        changed = set()
        while self._slices and self._slices[0].claimed_at <= moment:
            row = self._slices.popleft()
            self._claimed[row.attempt] = row
            changed.add(row.attempt)
        while self._skipped and self._skipped[0].at <= moment:
            row = self._skipped.popleft()  # of an open slice the claim's own rows are the record
            self._skips.setdefault(row.attempt, {})[row.position] = row.code
            changed.add(row.attempt)
        new = self._untold & log.batches.keys()
        self._untold -= new
        for number in new:
            placed, start, size = self._begins[number]
            placed.here[start : start + size] = True
        if new:  # what was claimed of them says who stands elsewhere
            changed.update(a for a, row in self._claimed.items() if row.batch_id in new)
        for attempt in changed | log.touched:
            row = self._claimed.get(attempt)
            if row is None or row.batch_id in self._untold or row.batch_id not in self._begins:
                continue
            placed, start, _ = self._begins[row.batch_id]
            told = log.slices.get(attempt)
            closed = bool(told and told.closed)
            mine = _slice(row, log, closed=closed, skips=self._skips.get(attempt, {}))
            placed.put(mine, start)

    def at(self, log: Log, told: Told, moment: datetime, look: Look | None = None) -> Moment:
        """Return how it stood when the log had told so much."""
        counted = Counted()
        if told.live is not None or (self._frozen_at is not None and self._frozen_at <= moment):
            counted = self._frozen.sum_up(
                self._everybody,
                [p for p in self._passes.values() if p.here.any()],
                ended=_ended(told.state),
                released=told.live is not None,
            )
        best, counted.best = counted.best, None  # a byte a person, at every moment
        seen = look(self._everybody, best) if look is not None and best is not None else None
        return Moment(
            at=moment, version=self._v.number, state=told.state, counted=counted, seen=seen
        )


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
