"""Every limiter keeps the contract: the same cases in memory and on a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from channels.dispatch.rates import Limiter, MemoryLimiter
from channels.dispatch.shared_rates import RedisLimiter


@pytest.fixture(params=["memory", "redis"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Limiter]:
    if request.param == "memory":
        yield MemoryLimiter()
        return
    shared = RedisLimiter.from_url(request.getfixturevalue("redis_url"))
    yield shared
    assert shared.available, (
        "the cases were answered by Redis, not by the bucket that stands in for it"
    )
    await shared.close()


async def test_without_a_rate_everything_is_granted(limiter: Limiter) -> None:
    assert await limiter.take("a", 10_000, 0, urgent=False) == 10_000


@pytest.mark.parametrize("want", [0, -5])
async def test_who_wants_nothing_gets_nothing(limiter: Limiter, want: int) -> None:
    assert await limiter.take("a", want, 10, urgent=False) == 0
    assert await limiter.take("a", want, 0, urgent=False) == 0


async def test_a_full_bucket_holds_one_second_of_the_rate(limiter: Limiter) -> None:
    assert await limiter.take("a", 32, 20, urgent=False) == 20
    assert await limiter.take("a", 32, 20, urgent=False) == 0


async def test_a_slow_rate_still_grants_one(limiter: Limiter) -> None:
    assert await limiter.take("a", 32, 0.5, urgent=False) == 1
    assert await limiter.take("a", 32, 0.5, urgent=False) == 0


async def test_tokens_grow_with_time(limiter: Limiter) -> None:
    assert await limiter.take("a", 1000, 200, urgent=False) == 200
    await asyncio.sleep(0.1)
    assert 15 <= await limiter.take("a", 1000, 200, urgent=False) <= 60


async def test_over_a_while_the_rate_is_kept(limiter: Limiter) -> None:
    began, granted = time.monotonic(), 0
    while time.monotonic() - began < 0.6:
        granted += await limiter.take("a", 5, 100, urgent=False)
        await asyncio.sleep(0.01)
    took = time.monotonic() - began
    assert granted <= 100 + 100 * took + 1
    assert granted >= 100 + 60 * took * 0.5


async def test_senders_do_not_share(limiter: Limiter) -> None:
    assert await limiter.take("twilio:one", 10, 10, urgent=False) == 10
    assert await limiter.take("twilio:two", 10, 10, urgent=False) == 10


async def test_while_urgent_waits_routine_gets_nothing(limiter: Limiter) -> None:
    assert await limiter.take("a", 10, 10, urgent=True) == 10
    assert await limiter.take("a", 10, 10, urgent=True) == 0
    await asyncio.sleep(0.25)  # two tokens grew
    assert await limiter.take("a", 10, 10, urgent=False) == 0
    assert await limiter.take("a", 10, 10, urgent=True) >= 1


async def test_routine_leaves_urgent_as_much_as_it_wanted(limiter: Limiter) -> None:
    assert await limiter.take("a", 8, 20, urgent=True) == 8
    # 12 are left, 8 of them for urgent; one may have grown
    assert await limiter.take("a", 20, 20, urgent=False) in (
        4,
        5,
    )
    assert await limiter.take("a", 8, 20, urgent=True) == 8


async def test_a_second_after_urgent_asked_routine_has_everything_again(limiter: Limiter) -> None:
    await limiter.take("a", 10, 10, urgent=True)
    await asyncio.sleep(1.15)
    assert await limiter.take("a", 20, 10, urgent=False) >= 9


async def test_what_is_given_back_can_be_taken_again_but_never_more_than_the_bucket_holds(
    limiter: Limiter,
) -> None:
    assert await limiter.take("a", 10, 10, urgent=False) == 10
    await limiter.give_back("a", 4, 10)
    assert await limiter.take("a", 10, 10, urgent=False) in (4, 5)
    await limiter.give_back("a", 500, 10)
    assert await limiter.take("a", 500, 10, urgent=False) == 10


async def test_many_at_once_share_one_bucket(limiter: Limiter) -> None:
    grants = await asyncio.gather(*(limiter.take("a", 7, 100, urgent=False) for _ in range(50)))
    assert 100 <= sum(grants) <= 105
