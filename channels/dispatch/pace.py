"""How many people one sender claims ahead of the wire, and when it pauses."""

from __future__ import annotations

from broadcast.ledger.claims.slices import SLICE_SIZE
from channels.contract import Unavailable
from channels.dispatch.clock import Clock
from channels.dispatch.under_way import UnderWay

CLAIM_PEOPLE = 4 * SLICE_SIZE
"""How many people are claimed ahead of a slow wire. The next claim waits until half of them are
gone, because a claim costs the same for 32 people as for 128.
"""
AHEAD_SECONDS = 0.05
"""A fast wire has as many people claimed ahead as it takes in this time, at most four times
CLAIM_PEOPLE: a claim is several round trips of a busy loop.
"""
MEASURE_SECONDS = 0.1
LONGEST_PAUSE = 60.0


class Pace:
    """Watches how fast the wire takes people, and what the provider refuses for now."""

    def __init__(self, under_way: UnderWay, concurrency: int, clock: Clock) -> None:
        self._under_way, self._concurrency, self._clock = under_way, concurrency, clock
        self._ahead = CLAIM_PEOPLE
        under_way.low_water = self._low_water()
        self._seen, self._since = 0, clock.boot()
        self._pause_until = 0.0
        self._refused_in_a_row = 0

    def measure(self) -> None:
        """Set how many people are claimed ahead.

        Whoever is claimed and not yet sent to is in doubt after a kill, so it is no more than the
        wire takes in a moment.
        """
        now = self._clock.boot()
        if now - self._since >= MEASURE_SECONDS:
            pace = (self._under_way.outcomes - self._seen) / (now - self._since)
            self._seen, self._since = self._under_way.outcomes, now
            self._ahead = min(4 * CLAIM_PEOPLE, max(CLAIM_PEOPLE, int(pace * AHEAD_SECONDS)))
            self._under_way.low_water = self._low_water()

    @property
    def capacity(self) -> int:
        """How many more people may be claimed."""
        return self._concurrency + self._ahead - self._under_way.outstanding

    @property
    def is_full(self) -> bool:
        """Whether a claim is not worth its cost yet."""
        return self._under_way.outstanding > self._low_water()

    def _low_water(self) -> int:
        return self._concurrency + self._ahead - self._ahead // 2

    @property
    def pause(self) -> float:
        """How many seconds to wait before the next claim."""
        return max(0.0, self._pause_until - self._clock.boot())

    def people_to_claim(self, rate: float) -> int:
        """Return for how many people to ask the limiter: never more than a second of the rate.

        While the provider refuses everything, one person at a time feels for its return.
        """
        if self._refused_in_a_row >= SLICE_SIZE:
            return 1
        return min(self.capacity, self._ahead, max(1, int(rate)) if rate else self._ahead)

    def answered(self) -> None:
        """The provider took a message, or refused a person for good: it works."""
        self._refused_in_a_row = 0

    def unavailable(self, refusal: Unavailable) -> float:
        """The provider refused for now. Return how many seconds the person waits.

        Claims pause as long as the provider asked for, and longer the more it refuses. A refusal
        that concerns one inbox pauses nobody else.
        """
        self._refused_in_a_row += 1
        wait = refusal.retry_after
        if self._refused_in_a_row >= SLICE_SIZE:
            wait = max(wait, min(30.0, 0.5 * 2 ** min(6, self._refused_in_a_row - SLICE_SIZE)))
        elif refusal.only_this:
            return wait
        if wait:
            until = self._clock.boot() + min(wait, LONGEST_PAUSE)
            self._pause_until = max(self._pause_until, until)
        return wait
