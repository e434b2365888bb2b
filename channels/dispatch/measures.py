"""What a sender counts and times, for whoever watches: attempts by outcome, errors by code, how
long a provider takes, and how long after approval the first and last person of a batch are tried.

Nothing is decided by it, and nothing of a person is in it. It counts since the process began.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from broadcast.ledger.claims.outcomes import Outcome
from channels.contract import Channel
from channels.dispatch.under_way import OpenSlice

PROVIDER_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
APPROVAL_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
OUTCOMES = ("accepted", "failed", "refused", "in_doubt")
CODES = 100
"""So many codes of one provider are told apart; more are counted as `other`."""
_CODE = re.compile(r"[\w.:-]{1,40}", re.ASCII)


@dataclass(slots=True)
class Times:
    """A histogram: how many took at most so long, for each bound, and all seconds together."""

    bounds: tuple[float, ...]
    counts: list[int] = field(init=False)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return (bound, how many took at most that long), the last one without a bound."""
        total, found = 0, []
        bounds = [*(str(bound) for bound in self.bounds), "+Inf"]
        for bound, count in zip(bounds, self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Measures:
    """The counts of one process; its senders share them."""

    def __init__(self) -> None:
        self.attempts: Counter[tuple[str, str, str, str]] = Counter()
        """By channel, provider, CAP status and the outcome as the ledger has it."""
        self.errors: Counter[tuple[str, str, str]] = Counter()
        """By channel, provider and code."""
        self.provider: dict[tuple[str, str], Times] = {}
        self.to_first: dict[tuple[str, str], Times] = {}
        """By channel and CAP status."""
        self.to_last: dict[tuple[str, str], Times] = {}
        self._codes: dict[str, set[str]] = {}

    def expects(self, channel: Channel) -> None:
        """Tell zeros of a channel before its first attempt: a counter that begins with 1 has no
        rate.
        """
        for status in channel.serves:
            for outcome in OUTCOMES:
                self.attempts[channel.name, channel.provider, status, outcome] += 0
            for times in (self.to_first, self.to_last):
                times.setdefault((channel.name, status), Times(APPROVAL_SECONDS))
        self.provider.setdefault((channel.name, channel.provider), Times(PROVIDER_SECONDS))

    def begins(self, opened: OpenSlice, position: int, now: datetime) -> None:
        """Time the first and the last attempt of a batch's first pass from its approval."""
        chosen, s = opened.candidate, opened.slice
        if chosen.generation != 1 or chosen.approved_at is None:
            return
        is_first, is_last = s.lo == 0, s.hi == chosen.size
        if not (is_first or is_last):
            return
        wanted = opened.wanted()
        waited = max(0.0, (now - chosen.approved_at).total_seconds())
        key = (chosen.channel, chosen.status)
        if is_first and position == wanted[0][0]:
            self.to_first[key].add(waited)
        if is_last and position == wanted[-1][0]:
            self.to_last[key].add(waited)

    def ended(self, channel: Channel, status: str, outcome: Outcome, seconds: float) -> None:
        """Count one attempt that touched the wire."""
        name, provider = channel.name, channel.provider
        self.attempts[name, provider, status, outcome.state] += 1
        if outcome.state != "accepted":
            self.errors[name, provider, self._code(provider, outcome.code)] += 1
        self.provider[name, provider].add(seconds)

    def _code(self, provider: str, code: str) -> str:
        known = self._codes.setdefault(provider, set())
        if code not in known:
            if len(known) >= CODES or not _CODE.fullmatch(code):
                return "other"
            known.add(code)
        return code
