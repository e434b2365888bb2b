"""Looking at numbers and at single persons: by whom, in which area, how often, recorded, and with
an alarm for a search.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcast.events.tables import parked
from broadcast.operators import audit, look_ups, operators
from broadcast.store.database import Connection
from subscribers.registry.importing import import_records
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site, person

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


async def bound(site: Site, role: str, area: str) -> str:
    name = f"{role} of {area}"
    more: dict[str, Any] = {"email": None, "now": NOON}
    _, site.tokens[name] = await site.db.write(
        operators.add, name=name, role=role, area=area, **more
    )
    return name


def put_aside(conn: Connection) -> list[tuple[str, str]]:
    return [
        (row.what, row.error)
        for row in conn.execute(select(parked.c.what, parked.c.error).order_by(parked.c.id))
    ]


async def recorded(site: Site, action: str) -> list[dict[str, Any]]:
    return [link for link in await site.db.read(audit.listed, 0, 1000) if link["action"] == action]


async def test_a_preview_is_recorded_and_the_one_too_many_is_refused(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        message = await site.drafted()
        allowed = look_ups.A_MINUTE[look_ups.PREVIEW]
        for _ in range(allowed):
            assert (await site.post(f"/api/v1/messages/{message}/preview")).status == 200
        refused = await site.post(f"/api/v1/messages/{message}/preview", key="once more")
        assert (refused.status, refused.code) == (429, "look_ups_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert (
            await site.post(f"/api/v1/messages/{message}/preview", role="approver")
        ).status == 200
        links = await recorded(site, look_ups.PREVIEW)
        assert [(link["kind"], link["actor"]) for link in links] == [
            ("look_up", "author")
        ] * allowed + [("look_up", "approver")]
        # To act is not to look: what has to go out goes out.
        assert (await site.post(f"/api/v1/messages/{message}/submit")).status == 200
        assert (
            await site.post(f"/api/v1/messages/{message}/preview", key="once more")
        ).status == 429  # not kept as the answer to its key


async def test_many_shapes_are_an_alarm_by_preview_and_by_submission(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        for n in range(look_ups.SHAPES_AN_HOUR):
            message = await site.drafted(areas=None, circles=[f"51.5,-0.14 0.{n:03d}1"])
            assert await site.db.read(put_aside) == []
            act = "preview" if n % 2 else "submit"
            await site.post(f"/api/v1/messages/{message}/{act}")
            if n == 1:
                # the same shape again is none more
                await site.post(f"/api/v1/messages/{message}/{act}")
        (alarm,) = await site.db.read(put_aside)
        assert alarm[0] == "look_ups"
        assert "different shapes" in alarm[1]


@pytest.mark.parametrize("status", ["draft", "live"])
async def test_explain_is_for_who_may_see_people_and_inside_their_area(
    tmp_path: Path, status: str
) -> None:
    async with open_site(tmp_path) as site:
        westminster, camden = (
            await bound(site, "operator", WESTMINSTER),
            await bound(site, "operator", CAMDEN),
        )
        author = await bound(site, "author", CAMDEN)
        drafter = await bound(site, "author", WESTMINSTER)
        drafted = await site.post("/api/v1/messages", DRAFT, role=drafter)
        message = int(drafted.json["id"])
        if status == "live":
            agreed = (await site.post(f"/api/v1/messages/{message}/submit", role=drafter)).json[
                "content_hash"
            ]
            await site.approve(message, agreed)
            await site.release(message)
        path = f"/api/v1/messages/{message}/explain"
        assert (await site.get(f"{path}/p1", role=westminster)).json["subscriber"] == 1
        for who in (drafter, author, "author"):
            refused = [
                await site.get(f"{path}/{each}", role=who) for each in ("p1", "p31", "nobody")
            ]
            assert {(r.status, r.code) for r in refused} == {(403, "wrong_role")}
            assert (
                await site.get(f"/api/v1/messages/{message}/deliveries", role=who)
            ).code == "wrong_role"
        # Somebody of another area, and nobody: one answer.
        elsewhere, nobody = [
            await site.get(f"{path}/{each}", role=westminster) for each in ("p31", "nobody")
        ]
        assert (elsewhere.status, elsewhere.body) == (404, nobody.body)
        foreign = [await site.get(f"{path}/{each}", role=camden) for each in ("p1", "nobody")]
        assert {(r.status, r.code) for r in foreign} == {(403, "area_out_of_scope")}
        links = await recorded(site, look_ups.EXPLAIN)
        assert [link["detail"] for link in links] == ["person=1", "nobody", "nobody"]
        assert {link["actor"] for link in links} == {westminster}


async def test_explanations_are_limited_whether_the_person_is_there_or_not(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        message = await site.drafted()
        answers = [
            await site.get(f"/api/v1/messages/{message}/explain/{n}", role="auditor")
            for n in range(20, 21 + look_ups.A_MINUTE[look_ups.EXPLAIN])
        ]
        assert {a.status for a in answers[:-1]} == {200, 404}
        assert (answers[-1].status, answers[-1].code) == (429, "look_ups_limited")


async def test_the_list_of_subscribers_is_that_of_the_own_area(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        people = [
            person(400, kind="officer", lat=51.55),
            person(401, lat=None, lon=None, area=CAMDEN),
            person(402, lat=None, lon=None),
        ]
        await site.db.write(import_records, people, "test", NOON)
        camden = await bound(site, "administrator", CAMDEN)
        first = (await site.get("/api/v1/subscribers?limit=2", role=camden)).json
        rest = (
            await site.get(f"/api/v1/subscribers?limit=2&cursor={first['next']}", role=camden)
        ).json
        assert [p["external_id"] for p in first["subscribers"] + rest["subscribers"]] == [
            "p31",
            "p400",
            "p401",
        ]
        assert rest["next"] is None
        assert (
            len((await site.get("/api/v1/subscribers", role="auditor")).json["subscribers"]) == 36
        )
        assert [link["actor"] for link in await recorded(site, look_ups.LISTED)] == [
            camden,
            camden,
            "auditor",
        ]


async def test_who_got_it_is_read_by_who_may_see_people_and_recorded(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        message = await site.live()
        path = f"/api/v1/messages/{message}/deliveries"
        page = (await site.get(f"{path}?limit=2", role="operator")).json
        await site.get(f"{path}?limit=2&cursor={page['next']}", role="operator")
        await site.get(path, role="approver", headers={"Accept": "text/csv"})
        links = [
            (link["action"], link["kind"], link["actor"])
            for link in await site.db.read(audit.listed, 0, 1000)
            if link["action"].startswith("deliveries")
        ]
        assert links == [
            ("deliveries", "look_up", "operator"),
            ("deliveries.export", "export", "approver"),
        ]


DRAFT: dict[str, Any] = {
    "kind": "incident",
    "status": "Actual",
    "severity": "Moderate",
    "areas": [WESTMINSTER],
    "expires": "4h",
    "languages": {
        "en": {
            "headline": "Road closed",
            "description": "A long story.",
            "instruction": "Go round.",
        }
    },
}
