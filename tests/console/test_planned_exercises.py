"""Planned exercises: two persons let the public know of one, it stands below everything else, and
one person takes it down.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from broadcast.exercises import planned
from broadcast.messages import published
from console.pages.phrases import PHRASES
from console.pages.static_site import Stored, build
from tests.console.cli import Cli
from tests.console.site import CAMDEN, WESTMINSTER, Answer, Site, open_site

NOW = datetime.now(UTC).replace(microsecond=0)
PLAN = {
    "name": "Winter Oak",
    "area": WESTMINSTER,
    "from": (NOW + timedelta(days=2)).isoformat(),
    "until": (NOW + timedelta(days=2, hours=8)).isoformat(),
}
PATH = "/api/v1/exercises"


@pytest.fixture(params=["sqlite", "postgres"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    postgres = request.param == "postgres"
    env = (
        {"FASTTIME_DATABASE_URL": request.getfixturevalue("migrated_postgres_url")}
        if postgres
        else {}
    )
    async with open_site(tmp_path, **env) as running:
        yield running


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def plan(site: Site, *, role: str = "author", **changes: Any) -> Answer:
    return await site.post(PATH, {**PLAN, **changes}, role=role)


async def approved(site: Site, **changes: Any) -> int:
    number = int((await plan(site, **changes)).json["id"])
    answer = await site.post(f"{PATH}/{number}/approve", {}, role="approver")
    assert answer.status == 200, answer.json
    return number


async def front(site: Site, lang: str = "en") -> Any:
    return html.fromstring((await site.get(f"/?lang={lang}", role=None)).body)


async def on_the_page(site: Site) -> list[str]:
    found = (await front(site)).xpath("//section[@aria-labelledby='planned']//li")
    return [" ".join(each.text_content().split()) for each in found]


async def test_it_is_shown_when_another_person_approved_it_and_until_it_is_cancelled(
    site: Site,
) -> None:
    answer = await plan(site)
    assert (answer.status, answer.json["state"], answer.json["area_name"]) == (
        201,
        "planned",
        "Westminster",
    )
    number = answer.json["id"]
    assert await on_the_page(site) == []
    own = await plan(site, role="approver")
    refused = await site.post(f"{PATH}/{own.json['id']}/approve", {}, role="approver")
    assert (refused.status, refused.code) == (403, "same_person")
    refused = await site.post(f"{PATH}/{number}/approve", {}, role="author")
    assert (refused.status, refused.code) == (403, "wrong_role")
    for _ in range(2):  # the same approval once more changes nothing
        done = await site.post(f"{PATH}/{number}/approve", {}, role="approver")
        assert (done.status, done.json["state"]) == (200, "approved")
    (line,) = await on_the_page(site)
    assert line.startswith("Winter Oak, Westminster: from ")
    assert " until " in line
    listed = (await site.get(PATH, role="auditor")).json["exercises"]
    assert [(each["id"], each["state"]) for each in listed] == [
        (own.json["id"], "planned"),
        (number, "approved"),
    ]
    ended = await site.post(f"{PATH}/{number}/cancel", {}, role="approver2")
    assert (ended.status, ended.json["state"]) == (200, "cancelled")
    assert await on_the_page(site) == []
    again = await site.post(f"{PATH}/{number}/approve", {}, role="approver2")
    assert (again.status, again.code) == (409, "state_conflict")
    audit = (await site.get(f"/api/v1/audit?subject=exercise%20{number}", role="auditor")).json
    assert [link["action"] for link in audit["links"]] == [
        "exercise.plan",
        "exercise.approve",
        "exercise.cancel",
    ]


async def test_it_never_stands_above_a_live_message_and_goes_when_its_time_is_over(
    embedded: Site,
) -> None:
    site = embedded
    await approved(site)
    for number in range(3):
        await site.live(severity="Minor", languages={"en": {"headline": f"Minor thing {number}"}})
    await site.live(status="Exercise", languages={"en": {"headline": "Practice"}}, channels=["web"])
    ended = await site.live(languages={"en": {"headline": "Over"}})
    await site.post(f"/api/v1/messages/{ended}/cancel", {"why": "over"}, role="approver")
    sections = [s.get("aria-labelledby") for s in (await front(site)).xpath("//main//section")]
    assert sections[-1] == "planned"
    assert sections.index("now") < sections.index("ended") < sections.index("exercises")
    page = (await front(site)).text_content()
    last = max(page.index(f"Minor thing {number}") for number in range(3))
    assert last < page.index("Practice") < page.index("Winter Oak")

    state = await site.db.read(published.state_of_all, NOW)
    later = NOW + timedelta(days=2, hours=9)
    assert await site.db.read(planned.shown, later - timedelta(hours=2)) != []
    assert await site.db.read(planned.shown, later) == []
    assert await site.db.read(published.state_of_all, later) != state  # the files are made anew


async def test_the_page_says_it_in_every_language_and_so_do_the_files(
    embedded: Site, tmp_path: Path
) -> None:
    site = embedded
    await approved(site, name="Winter <Oak> & Elm")
    for lang, say in PHRASES.items():
        page = (await front(site, lang)).text_content()
        assert say["planned"] in page
        assert say["planned_says"] in page
        assert "Winter <Oak> & Elm" in page
    source = Stored(site.settings, site.db, site.context, lambda: datetime.now(UTC))
    await build(source, tmp_path / "site")
    assert "Winter &lt;Oak&gt; &amp; Elm" in (tmp_path / "site" / "index.html").read_text()


async def test_no_feed_tells_of_it_for_feeds_are_read_as_alerts(
    embedded: Site, tmp_path: Path
) -> None:
    """Aggregators, sirens and maps act on what a feed holds: a plan is an announcement."""
    site = embedded
    await approved(site)
    feeds = ["/feed.atom", *(f"/feed.atom?lang={lang}" for lang in PHRASES), "/messages.geojson"]
    for path in feeds:
        body = (await site.get(path, role=None)).body
        assert b"Winter Oak" not in body, path
        assert b"<entry" not in body, path
    source = Stored(site.settings, site.db, site.context, lambda: datetime.now(UTC))
    await build(source, tmp_path / "site")
    for file in [*tmp_path.rglob("*.atom"), *tmp_path.rglob("*.geojson"), *tmp_path.rglob("*.xml")]:
        assert "Winter Oak" not in file.read_text(), file
    assert [*tmp_path.rglob("*.atom")]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": " "}, 422, "name_missing"),
        ({"name": "Oak " * 11}, 422, "text_too_long"),
        ({"name": "This is not a drill"}, 422, "not_a_drill"),
        ({"area": "E09000099"}, 422, "area_unknown"),
        ({"from": "tomorrow"}, 422, "time_invalid"),
        ({"from": "2026-12-01T09:00"}, 422, "time_invalid"),
        ({"until": PLAN["from"]}, 422, "exercise_time"),
        ({"from": "2020-01-01T09:00Z", "until": "2020-01-01T10:00Z"}, 422, "exercise_time"),
        ({"until": (NOW + timedelta(days=40)).isoformat()}, 422, "exercise_time"),
        (
            {
                "from": (NOW + timedelta(days=800)).isoformat(),
                "until": (NOW + timedelta(days=801)).isoformat(),
            },
            422,
            "exercise_time",
        ),
        ({"until": 5}, 422, "field_type"),
    ],
)
async def test_what_is_wrong_is_refused(
    embedded: Site, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await plan(embedded, **changes)
    assert (answer.status, answer.code) == (status, code), answer.json


async def test_each_act_is_for_whose_area_it_is_in_and_for_their_role(embedded: Site) -> None:
    site = embedded
    refused = await plan(site, role="camden")
    assert (refused.status, refused.code) == (403, "area_out_of_scope")
    assert (await plan(site, role="camden", area=CAMDEN)).status == 201
    number = (await plan(site)).json["id"]
    for role, code in (("camden", "wrong_role"), ("operator", "wrong_role")):
        for act in ("approve", "cancel"):
            answer = await site.post(f"{PATH}/{number}/{act}", {}, role=role)
            assert (answer.status, answer.code) == (403, code), (role, act)
    assert (await site.post(f"{PATH}/{number}/cancel", {}, role="author")).status == 200
    unknown = await site.post(f"{PATH}/77/approve", {}, role="approver")
    assert (unknown.status, unknown.code) == (404, "exercise_unknown")
    assert (await site.get(PATH, role=None)).status == 401


def test_the_commands_plan_approve_list_and_cancel(cli: Cli) -> None:
    areas = cli.file("areas.csv", "code,name\nE09000033,Westminster\n")
    cli.ok("areas", "import", areas, "--level", "borough")
    author, approver = cli.operator("Ann", "author"), cli.operator("Ben", "approver")
    times = ("--from", PLAN["from"], "--until", PLAN["until"])
    made = cli("exercises", "plan", "Winter Oak", "--area", WESTMINSTER, *times, token=author)
    assert made.code == 0, made.err
    assert "next, by another person: fasttime exercises approve 1" in made.out
    done = cli.ok("exercises", "approve", 1, token=approver)
    assert (done["state"], done["name"], done["area"]) == ("approved", "Winter Oak", WESTMINSTER)
    assert [each["state"] for each in cli.ok("exercises", "list")] == ["approved"]
    assert "Winter Oak  Westminster (E09000033)" in cli("exercises", "list").out
    assert cli.ok("exercises", "cancel", 1, token=author)["state"] == "cancelled"
    missing = cli("exercises", "approve", 2, "--json", token=approver)
    assert (missing.code, missing.codes) == (1, ["exercise_unknown"])
