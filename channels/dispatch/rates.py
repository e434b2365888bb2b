"""How fast each sender may send: a token bucket for each (provider, sender), in the memory of
one process here; counted together by all of them in shared_rates.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

BURST_SECONDS = 1.0  # the bucket holds one second of the rate, and at least one token
URGENT_SECONDS = 1.0  # for so long after urgent asked, routine leaves it what it wanted


class Limiter(Protocol):
    """Hands out tokens, one for each attempt. Decides only *when* something is sent, never
    *whether*: losing it costs time.
    """

    async def take(self, key: str, want: int, rate: float, *, urgent: bool) -> int:
        """Return how many of `want` tokens are granted now, 0..want; all of them where `rate` (a
        second) is 0.

        `key` names provider and sender, for example "twilio:+44…". Urgent takes before routine:
        routine gets nothing of what urgent wanted within the last second and leaves it that much in
        the bucket.
        """
        ...

    async def give_back(self, key: str, count: int, rate: float) -> None:
        """Return tokens that were taken and not used, because the claim found fewer people."""
        ...


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    urgent_at: float = float("-inf")
    urgent_want: float = 0.0


class MemoryLimiter:
    """The buckets of one process. `clock` returns seconds that only grow."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take_now(self, key: str, want: int, rate: float, *, urgent: bool) -> int:
        """Do what `take` promises, without a loop."""
        if want <= 0:
            return 0
        if rate <= 0:
            return want
        bucket, now = self._filled(key, rate)
        reserve = 0.0
        if urgent:
            bucket.urgent_at, bucket.urgent_want = now, min(float(want), bucket_size(rate))
        elif now - bucket.urgent_at < URGENT_SECONDS:
            reserve = bucket.urgent_want
        granted = min(want, max(0, int(bucket.tokens - reserve + 1e-9)))
        bucket.tokens -= granted
        return granted

    async def take(self, key: str, want: int, rate: float, *, urgent: bool) -> int:
        """See Limiter."""
        return self.take_now(key, want, rate, urgent=urgent)

    async def give_back(self, key: str, count: int, rate: float) -> None:
        """See Limiter."""
        if rate > 0 and count > 0:
            bucket, _ = self._filled(key, rate)
            bucket.tokens = min(bucket_size(rate), bucket.tokens + count)

    def _filled(self, key: str, rate: float) -> tuple[_Bucket, float]:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(tokens=bucket_size(rate), at=now)
        bucket.tokens = min(bucket_size(rate), bucket.tokens + max(0.0, now - bucket.at) * rate)
        bucket.at = now
        return bucket, now


def bucket_size(rate: float) -> float:
    """Return how many tokens a bucket of this rate holds."""
    return max(1.0, rate * BURST_SECONDS)
