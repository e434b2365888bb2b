"""Unions, checks of places, counting and explaining: a deadline, and a bound on how many wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from shapely.geometry import box

from broadcast.content.model import Circle
from broadcast.deadline import Deadline, check_time, held_to
from broadcast.messages import rooms
from broadcast.operators.operators import Operator
from broadcast.places import geometry
from broadcast.places.areas import Area, AreaTree
from broadcast.problems import Rejected
from service.commands.aside import Aside
from tests.console.site import open_site
from tests.ledger.world import content

HERE, THERE = box(0, 0, 1, 1), box(2, 0, 3, 1)
TREE = AreaTree(
    [
        (Area(code="E1", name="Here", level="ward", parent=None), HERE),
        (Area(code="E2", name="There", level="ward", parent=None), THERE),
    ]
)
ZEROS = np.zeros(3)
NEAR = Circle(latitude=0, longitude=0, radius_km=1)
BOUND = Operator(id=1, name="Ada", role="author", area="E1", email=None, may_set=())


async def refused(asked: Any) -> str:
    with pytest.raises(Rejected) as said:
        await asked
    return f"{said.value.status} {said.value.problems[0].code}"


def endless(began: Event, ended: Event) -> None:
    """Work in small steps, for ever."""
    began.set()
    try:
        while True:
            check_time()
            time.sleep(0.001)
    finally:
        ended.set()


async def test_work_past_its_deadline_is_refused_and_gives_its_thread_back() -> None:
    aside, began, ended = Aside(threads=1, deadline=0.2, queue=1), Event(), Event()
    assert await refused(aside.run(endless, began, ended)) == "422 too_costly"
    await asyncio.to_thread(ended.wait, 5)
    assert await aside.run(lambda: "served") == "served"


async def test_work_that_nobody_waits_for_any_more_ends() -> None:
    aside, began, ended = Aside(threads=1, queue=1), Event(), Event()
    asked = asyncio.create_task(aside.run(endless, began, ended))
    await asyncio.to_thread(began.wait, 5)
    asked.cancel()
    assert await asyncio.to_thread(ended.wait, 5)


async def test_who_waits_behind_a_step_that_cannot_be_stopped_is_refused_in_time() -> None:
    aside, go = Aside(threads=1, deadline=0.2, queue=1), Event()
    stuck = asyncio.create_task(aside.run(go.wait, 30))
    await asyncio.sleep(0)
    behind = asyncio.create_task(aside.run(lambda: "never"))
    await asyncio.sleep(0)
    assert await refused(aside.run(lambda: "one too many")) == "503 busy"
    assert await refused(stuck) == await refused(behind) == "422 too_costly"
    go.set()
    while aside._under_way:
        await asyncio.sleep(0.001)
    assert await aside.run(lambda: "served") == "served"


STEPS: dict[str, Callable[[], object]] = {
    "union": lambda: geometry.union([HERE, THERE]),
    "places": lambda: TREE.places(["E1"]),
    "circles": lambda: geometry.inside_circles(
        [Circle(latitude=0, longitude=0, radius_km=1)], ZEROS, ZEROS
    ),
    "shape": lambda: geometry.inside_shape(HERE, ZEROS, ZEROS),
    "rooms": lambda: rooms.require_all(TREE, BOUND, content(areas=("E1",)), "E1"),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_costly_step_asks_whether_its_time_is_up(step: str) -> None:
    STEPS[step]()
    deadline = Deadline(60)
    with held_to(deadline):
        deadline.expire()
        with pytest.raises(Rejected, match="too_costly"):
            STEPS[step]()


async def test_a_preview_that_takes_too_long_is_a_named_refusal(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        message = await site.drafted()
        site.context.costly = Aside(deadline=0.0)
        answer = await site.post(f"/api/v1/messages/{message}/preview")
        assert (answer.status, answer.code) == (422, "too_costly")
        site.context.costly = Aside(queue=-2)
        answer = await site.post(f"/api/v1/messages/{message}/preview")
        assert (answer.status, answer.code) == (503, "busy")
