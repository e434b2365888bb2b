from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.dispatch.rates import MemoryLimiter
from channels.dispatch.shared_rates import RedisLimiter
from tests.services import Redis
from tests.services.process import free_port


@given(
    rate=st.floats(0.1, 500),
    steps=st.lists(st.tuples(st.floats(0, 3), st.integers(0, 64), st.booleans()), max_size=60),
)
def test_no_order_of_questions_gets_more_than_a_full_bucket_and_the_rate(
    rate: float, steps: list[tuple[float, int, bool]]
) -> None:
    now = [0.0]
    limiter = MemoryLimiter(clock=lambda: now[0])
    granted = 0
    for pause, want, urgent in steps:
        now[0] += pause
        got = limiter.take_now("a", want, rate, urgent=urgent)
        assert 0 <= got <= want
        granted += got
    assert granted <= max(1.0, rate) + rate * now[0] + 1e-6


@given(rate=st.floats(0.1, 100), want=st.integers(1, 32))
def test_urgent_always_comes_through_beside_a_greedy_routine(rate: float, want: int) -> None:
    now = [0.0]
    limiter = MemoryLimiter(clock=lambda: now[0])
    limiter.take_now("a", 1, rate, urgent=True)
    urgent = routine = 0
    for _ in range(200):
        now[0] += 0.05
        routine += limiter.take_now("a", 1000, rate, urgent=False)
        urgent += limiter.take_now("a", want, rate, urgent=True)
    assert urgent >= min(want * 200, int(rate * 10) - 1) * 0.9 - 2


def test_a_clock_that_jumps_back_gives_nothing_away() -> None:
    now = [100.0]
    limiter = MemoryLimiter(clock=lambda: now[0])
    assert limiter.take_now("a", 10, 10, urgent=False) == 10
    now[0] = 50.0
    assert limiter.take_now("a", 10, 10, urgent=False) == 0


def test_what_urgent_wanted_is_kept_for_it_for_less_than_a_second() -> None:
    now = [0.0]
    limiter = MemoryLimiter(clock=lambda: now[0])
    assert limiter.take_now("a", 10, 10, urgent=True) == 10
    now[0] = 0.999
    assert limiter.take_now("a", 10, 10, urgent=False) == 0
    now[0] = 1.0
    assert limiter.take_now("a", 10, 10, urgent=False) == 10


@pytest.mark.parametrize(("rate", "given_back"), [(10.0, 1), (1.0, 1), (10.0, 3)])
async def test_one_token_given_back_is_there_again(rate: float, given_back: int) -> None:
    limiter = MemoryLimiter(clock=lambda: 0.0)
    assert limiter.take_now("a", 10, rate, urgent=False) == rate
    await limiter.give_back("a", given_back, rate)
    assert limiter.take_now("a", 10, rate, urgent=False) == given_back


async def test_without_redis_the_rate_is_kept_by_each_process_itself() -> None:
    limiter = RedisLimiter.from_url(f"redis://127.0.0.1:{free_port()}/0")
    assert await limiter.take("a", 50, 20, urgent=False) == 20
    assert await limiter.take("a", 50, 20, urgent=False) in (0, 1)
    await limiter.give_back("a", 3, 20)
    assert not limiter.available
    began = time.monotonic()
    for _ in range(100):  # a dead Redis is not asked each time
        await limiter.take("a", 1, 20, urgent=False)
    assert time.monotonic() - began < 0.3
    await limiter.close()


@pytest.mark.redis
async def test_killing_flushing_and_freezing_redis_changes_only_time() -> None:
    with Redis() as server:
        limiter = RedisLimiter.from_url(server.url)
        assert await limiter.take("a", 10, 10, urgent=False) == 10
        server.flush()
        # forgotten: one burst more, never an error
        assert await limiter.take("a", 10, 10, urgent=False) == 10
        server.kill9()
        assert await limiter.take("a", 10, 10, urgent=False) == 10
        answered = [limiter.available]
        server.start()
        limiter._away_until = 0.0
        assert await limiter.take("b", 4, 10, urgent=False) == 4
        answered.append(limiter.available)
        server.freeze()
        began = time.monotonic()
        assert await limiter.take("a", 10, 10, urgent=True) >= 0
        assert time.monotonic() - began < 1.5
        answered.append(limiter.available)
        assert answered == [False, True, False]
        server.thaw()
        await limiter.close()
