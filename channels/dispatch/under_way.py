"""What one sender has claimed and not yet recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from broadcast.ledger.claims.timing import SETTLING
from broadcast.wording.rendered import Rendered
from channels.dispatch.clock import Clock

STOPPED = "stopped_meanwhile"
"""The code of a doubt that this process made by stopping."""


@dataclass(slots=True)
class OpenSlice:
    """A slice between its claim and its record.

    `discreet`: to whom the words go that give nothing away. `claimed` and `claimed_wall` are the
    clocks before the claim was sent. `kept` counts the
    outcomes that are committed already, `left` the people without an outcome.
    """

    slice: Slice
    candidate: Candidate
    rendered: Rendered
    expires_at: datetime
    addresses: dict[int, str]
    claimed: float
    claimed_wall: float
    discreet: AbstractSet[int] = frozenset()
    outcomes: list[Outcome] = field(default_factory=list)
    kept: int = 0
    left: int = 0

    def words_for(self, person: int) -> Rendered | None:
        """Return what is sent to somebody; None where there are no words that they asked for."""
        return self.rendered.discreetly if person in self.discreet else self.rendered

    def wanted(self) -> list[tuple[int, int]]:
        """Return (position, person) of everybody whom the claim did not skip."""
        return [(at, person) for at, person in self.slice.people if at not in self.slice.skipped]


def not_started(position: int, person: int, now: datetime) -> Outcome:
    """Return the outcome of a person to whom nothing was sent: they wait again."""
    return Outcome(position=position, person_id=person, state="not_started", due_at=now)


def in_doubt(position: int, person: int, code: str, now: datetime) -> Outcome:
    """Return the outcome of a person who may have the message or not."""
    return Outcome(
        position=position, person_id=person, state="in_doubt", code=code, due_at=now + SETTLING
    )


class UnderWay:
    """The slices of one sender, the queue of people to send to, and the slices to record.

    `freed` is set when no more than `low_water` people wait for an outcome: a claim pays again.
    """

    def __init__(self, clock: Clock) -> None:
        self.queue: asyncio.Queue[tuple[OpenSlice, int, int]] = asyncio.Queue()
        self.outstanding = 0
        self.outcomes = 0
        self.low_water = 0
        self.freed = asyncio.Event()
        self.to_record = asyncio.Event()
        self._clock = clock
        self._open: dict[int, OpenSlice] = {}
        self._finished: list[OpenSlice] = []

    def add(self, opened: OpenSlice) -> None:
        """Queue the people of a slice that was just claimed."""
        people = opened.wanted()
        opened.left = len(people)
        self.outstanding += len(people)
        self._open[id(opened)] = opened
        for position, person in people:
            self.queue.put_nowait((opened, position, person))
        if not people:
            self._finish(opened)

    def note(self, opened: OpenSlice, outcome: Outcome) -> None:
        """Take the outcome of one person; the last one of a slice makes it ready to record."""
        opened.outcomes.append(outcome)
        opened.left -= 1
        self.outstanding -= 1
        self.outcomes += 1
        if self.outstanding <= self.low_water:
            self.freed.set()
        if not opened.left:
            self._finish(opened)

    def open_slices(self) -> Sequence[OpenSlice]:
        """Return the slices that still wait for an outcome."""
        return list(self._open.values())

    def take_finished(self) -> list[OpenSlice]:
        """Return the slices to record, once."""
        finished, self._finished = self._finished, []
        return finished

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for an outcome or for its record."""
        return not self._open and not self._finished

    def return_queued(self) -> None:
        """Give everybody back whose attempt never began."""
        while not self.queue.empty():
            opened, position, person = self.queue.get_nowait()
            self.note(opened, not_started(position, person, self._clock.now()))

    def doubt_the_rest(self) -> list[tuple[OpenSlice, Outcome]]:
        """Put everybody in doubt whose attempt was cut off; return them."""
        cut_off = []
        for opened in self.open_slices():
            known = {outcome.position for outcome in opened.outcomes}
            for position, person in opened.wanted():
                if position not in known:
                    outcome = in_doubt(position, person, STOPPED, self._clock.now())
                    opened.outcomes.append(outcome)
                    cut_off.append((opened, outcome))
            self._finish(opened)
        return cut_off

    async def drained(self) -> None:
        """Wait until everybody who was claimed has an outcome."""
        while self.outstanding:
            self.freed.clear()
            await self.freed.wait()

    def _finish(self, opened: OpenSlice) -> None:
        self._open.pop(id(opened), None)
        self._finished.append(opened)
        self.to_record.set()
