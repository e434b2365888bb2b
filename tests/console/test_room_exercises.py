"""Planned exercises in the control room: planned, approved by another person, taken down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import html

from broadcast.exercises import planned
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site
from tests.console.visitor import HERE, Seen, Visitor

LONDON = ZoneInfo("Europe/London")
DAY = (datetime.now(LONDON) + timedelta(days=3)).replace(hour=9, minute=0, second=0, microsecond=0)
TYPED = {
    "name": "Winter <Oak>",
    "area": "westminster",
    "from": f"{DAY:%Y-%m-%dT%H:%M}",
    "until": f"{DAY:%Y-%m-%dT}17:30",
}
PLANS = "/exercise/plans"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def as_(site: Site, role: str) -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in(role)
    return visitor


async def public(site: Site) -> str:
    page = html.fromstring((await site.get("/?lang=en", role=None)).body)
    return " ".join(" ".join(page.xpath("//section[@aria-labelledby='planned']//text()")).split())


def card(page: Seen, number: int) -> str:
    (found,) = page.tree.xpath(f"//section[@aria-label='Plan {number}']")
    return " ".join(" ".join(found.itertext()).split())


async def test_one_person_plans_another_tells_the_public_and_one_takes_it_down(
    site: Site,
) -> None:
    author, approver = await as_(site, "author"), await as_(site, "approver")
    page = await author.get("/exercise")
    assert page.h1.startswith("EXERCISE")
    done = await author.send(page, PLANS, TYPED)
    assert "Winter <Oak> , Westminster : from" in card(done, 1)
    assert "waits for another person Planned by author" in card(done, 1)
    (row,) = await site.db.read(planned.listed)
    assert (row.area, row.starts, row.ends - row.starts) == (
        WESTMINSTER,
        DAY.astimezone(UTC),
        timedelta(hours=8, minutes=30),
    )
    assert await public(site) == ""
    assert f"{PLANS}/1/approve" not in done.forms()
    page = await approver.get("/exercise")
    told = await approver.send(page, f"{PLANS}/1/approve")
    assert "on the public page Planned by author ; approved by approver" in card(told, 1)
    assert "Winter <Oak>" in await public(site)
    twice = await approver.send(page, f"{PLANS}/1/approve")  # the button pressed once more
    assert twice.status == 200
    gone = await author.send(await author.get("/exercise"), f"{PLANS}/1/cancel")
    assert "taken down by author" in card(gone, 1)
    assert await public(site) == ""
    audit = (await site.get("/api/v1/audit?subject=exercise%201", role="auditor")).json["links"]
    assert [link["action"] for link in audit] == [
        "exercise.plan",
        "exercise.approve",
        "exercise.cancel",
    ]


async def test_nobody_approves_their_own_plan_nor_acts_outside_their_area(site: Site) -> None:
    approver, camden = await as_(site, "approver"), await as_(site, "camden")
    done = await approver.send(await approver.get("/exercise"), PLANS, TYPED)
    assert f"{PLANS}/1/cancel" in done.forms()
    assert f"{PLANS}/1/approve" not in done.forms()
    other = await as_(site, "approver2")
    form = dict((await other.get("/exercise")).fields(f"{PLANS}/1/approve"))
    stolen = await approver.ask("POST", f"{PLANS}/1/approve", list(form.items()))
    assert stolen.status == 403
    page = await camden.get("/exercise")
    assert f"{PLANS}/1/cancel" not in page.forms()
    refused = await camden.send(page, PLANS, TYPED)
    assert (refused.status, "area_out_of_scope" in refused.words) == (403, True)
    assert dict(refused.fields(PLANS))["name"] == TYPED["name"]
    assert (await camden.send(refused, PLANS, TYPED | {"area": CAMDEN})).status == 200
    auditor = await as_(site, "auditor")
    assert not [form for form in (await auditor.get("/exercise")).forms() if PLANS in form]
    assert [each.state for each in await site.db.read(planned.listed)] == ["planned"] * 2


async def test_everything_that_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    site: Site,
) -> None:
    author = await as_(site, "author")
    page = await author.get("/exercise")
    wrong = await author.send(page, PLANS, TYPED | {"from": "", "until": "soon"})
    assert wrong.status == 422
    assert "time_missing, from" in wrong.words
    assert "time_invalid, until" in wrong.words
    assert wrong.tree.xpath("//a[@href='#from']")
    assert dict(wrong.fields(PLANS))["name"] == TYPED["name"]
    backwards = TYPED | {"from": TYPED["until"], "until": TYPED["from"]}
    order = await author.send(wrong, PLANS, backwards)
    assert "exercise_time, until" in order.words
    unknown = await author.send(order, PLANS, TYPED | {"area": "Atlantis"})
    assert "area_unknown" in unknown.words
    assert await site.db.read(planned.listed) == []


async def test_a_plan_taken_down_meanwhile_is_not_approved(site: Site) -> None:
    author, approver = await as_(site, "author"), await as_(site, "approver")
    await author.send(await author.get("/exercise"), PLANS, TYPED)
    looking = await approver.get("/exercise")
    await author.send(await author.get("/exercise"), f"{PLANS}/1/cancel")
    refused = await approver.send(looking, f"{PLANS}/1/approve")
    assert (refused.status, "state_conflict" in refused.words) == (409, True)
    assert await public(site) == ""
