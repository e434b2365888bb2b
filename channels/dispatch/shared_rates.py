"""How fast each sender may send, counted together by all processes through Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import Any, Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from channels.dispatch.rates import URGENT_SECONDS, MemoryLimiter, bucket_size

REDIS_SECONDS = 0.5  # a slower Redis is no help
REDIS_PAUSE = 2.0  # seconds on the local bucket before Redis is asked again
KEEP_SECONDS = 60  # an unused bucket is forgotten: it would be full anyway

# The same as MemoryLimiter.take_now, in one step on the server, by the server's clock: workers'
# clocks do not agree. KEYS 1 the bucket; ARGV want (negative: tokens given back), rate, size,
# urgent 0/1, urgent seconds, seconds to keep it
_SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local want, rate, size = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'urgent_at', 'urgent_want')
local tokens = tonumber(kept[1] or size)
tokens = math.min(size, tokens + math.max(0, now - tonumber(kept[2] or now)) * rate)
local urgent_at, urgent_want = tonumber(kept[3] or 0), tonumber(kept[4] or 0)
local granted = 0
if want < 0 then
  tokens = math.min(size, tokens - want)
else
  local reserve = 0
  if ARGV[4] == '1' then
    urgent_at, urgent_want = now, math.min(want, size)
  elseif now - urgent_at < tonumber(ARGV[5]) then
    reserve = urgent_want
  end
  granted = math.min(want, math.max(0, math.floor(tokens - reserve + 1e-9)))
  tokens = tokens - granted
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens),
  'at', string.format('%.6f', now), 'urgent_at', string.format('%.6f', urgent_at),
  'urgent_want', urgent_want)
redis.call('EXPIRE', KEYS[1], ARGV[6])
return granted
"""


class RedisLimiter:
    """Buckets shared by all processes. Where Redis fails or is slow, a bucket of this process takes
    over for two seconds at a time.

    Until Redis is back each of several processes then counts for itself, so together they may be
    faster than the rate: the provider's 429 is the limit that holds.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        clock: Callable[[], float] = time.monotonic,
        prefix: str = "fasttime:rate:",
    ) -> None:
        self._redis = redis
        self._script: Any = redis.register_script(_SCRIPT)
        self._clock = clock
        self._prefix = prefix
        self._local = MemoryLimiter(clock=clock)
        self._away_until = float("-inf")

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return a limiter on its own connections to `url`, which give up after half a second and
        never try twice.
        """
        return cls(
            Redis.from_url(
                url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=None
            )
        )

    @property
    def available(self) -> bool:
        """Whether the last question was answered by Redis; for health pages."""
        return self._clock() >= self._away_until

    async def take(self, key: str, want: int, rate: float, *, urgent: bool) -> int:
        """See Limiter."""
        if want <= 0:
            return 0
        if rate <= 0:
            return want
        granted = await self._ask(key, want, rate, urgent=urgent)
        return self._local.take_now(key, want, rate, urgent=urgent) if granted is None else granted

    async def give_back(self, key: str, count: int, rate: float) -> None:
        """See Limiter."""
        if rate > 0 and count > 0 and await self._ask(key, -count, rate, urgent=False) is None:
            await self._local.give_back(key, count, rate)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()

    async def _ask(self, key: str, want: int, rate: float, *, urgent: bool) -> int | None:
        now = self._clock()
        if now < self._away_until:
            return None
        size = bucket_size(rate)
        try:
            # keep it at least until it would be full again
            keep = max(KEEP_SECONDS, ceil(size / rate) + 1)
            return int(
                await self._script(
                    keys=[self._prefix + key],
                    args=[want, rate, size, int(urgent), URGENT_SECONDS, keep],
                )
            )
        except (
            RedisError,
            OSError,
            TimeoutError,
        ):  # no tokens from there: go on alone, and do not make every claim wait for it
            self._away_until = self._clock() + REDIS_PAUSE
            return None
