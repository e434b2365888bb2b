"""The world of the demonstration: invented places and people, two operators, a level of before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from rich.console import Console

from broadcast.levels.scales import read_levels_csv
from broadcast.operators.operators import Operator
from service.installation import Service
from service.setup import operators, past_levels, people_by_file, places
from subscribers import demo_world

WHO = "demonstration"
"""Who set it up, as the audit chain tells it, and on which basis people are sent to."""


async def set_up(out: Console, service: Service, number: int) -> tuple[Operator, Operator]:
    """Bring in places, people and the level of thirty days ago; return an author and an
    approver.
    """
    now = datetime.now(UTC)
    records = demo_world.demo_areas()
    await service.db.write(places.bring_in, WHO, records, name=WHO, level="all", now=now)
    out.print(f"geography: {len(records)} areas; {demo_world.LABEL}")
    author, approver = [await _operator(service, role, now) for role in ("author", "approver")]
    tree = await service.context.tree()
    found = await asyncio.to_thread(
        people_by_file.read_file,
        demo_world.demo_people(number, seed=2026),
        name="demo.csv",
        trial_numbers=True,
        areas=frozenset(area.code for area in tree.all()),
        fix=False,
    )
    await service.db.write(people_by_file.bring_in, WHO, found, basis=WHO, name="demo.csv", now=now)
    out.print(f"registry: {len(found.people):,} people imported on the basis “{WHO}”")
    day = (now - timedelta(days=30)).date()
    before = f"date,scale,level,note\n{day},international,SUBSTANTIAL,{WHO}\n".encode()
    await service.db.write(
        past_levels.bring_in, WHO, read_levels_csv(before), name="demo-levels.csv", now=now
    )
    return author, approver


async def _operator(service: Service, role: str, now: datetime) -> Operator:
    made, _token, _warnings = await service.db.write(
        operators.add,
        WHO,
        f"Demo {role}",
        role,
        email=f"{role}@example.org",
        known_area=lambda _code: True,
        now=now,
    )
    return made
