"""Bad input through HTTP: each case is refused by name, and nothing is written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Connection, update
from starlette.requests import Request

from broadcast.drafts import read_draft
from broadcast.store import replies
from broadcast.store.tables import idempotency as table
from service import idempotency
from service.commands import drafting
from tests.console.site import CAMDEN, Site, a_draft, open_site

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with open_site(tmp_path_factory.mktemp("bad")) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


def words(**changes: str) -> dict[str, Any]:
    return a_draft(languages={"en": {"headline": "Road closed", **changes}})


def level(**changes: Any) -> dict[str, Any]:
    return a_draft(
        **{
            "kind": "threat_level_change",
            "level": "SEVERE",
            "scope": "UK",
            "areas": None,
            **changes,
        }
    )


def ring(points: int) -> list[list[float]]:
    around = [[-0.19 + 0.00000125 * n, 51.49 + 0.0000001 * (n % 7)] for n in range(points)]
    return [*around, [-0.15, 51.515], around[0]]


CROSSED = {
    "type": "Polygon",
    "coordinates": [
        [[-0.19, 51.49], [-0.12, 51.51], [-0.12, 51.49], [-0.19, 51.51], [-0.19, 51.49]]
    ],
}
SWAPPED = {
    "type": "Polygon",
    "coordinates": [[[51.49, -0.19], [51.51, -0.19], [51.51, -0.12], [51.49, -0.19]]],
}


@pytest.mark.parametrize(
    ("number", "draft", "status", "code", "field"),
    [
        (1, words(headline=""), 422, "text_empty", "languages.en.headline"),
        (2, words(headline=" \u200b "), 422, "text_blank", "languages.en.headline"),
        (3, words(sms="x" * 10_000), 422, "sms_too_long", "languages.en.sms"),
        (5, words(headline="P\u0430ddington closed"), 422, "mixed_script", "languages.en.headline"),
        (6, words(headline="Road \u202eclosed"), 422, "control_character", "languages.en.headline"),
        (7, words(headline="Road\x00 closed"), 422, "control_character", "languages.en.headline"),
        (
            9,
            words(description="See https://bit.ly/abc"),
            422,
            "link_not_allowed",
            "languages.en.description",
        ),
        (10, level(level="SEVER"), 422, "level_unknown", "level"),
        (11, level(level=None), 422, "level_missing", "level"),
        (13, a_draft(expires=(datetime.now(UTC) - HOUR).isoformat()), 422, "expired", "expires"),
        (14, level(level="CRITICAL", expires="25h"), 422, "expiry_too_long", "expires"),
        (15, a_draft(expires="2031-06-01T12:00:00"), 422, "time_zone_missing", "expires"),
        (16, a_draft(expires="2031-02-31T12:00:00Z"), 422, "time_invalid", "expires"),
        (17, a_draft(expires="2031-10-26T01:30:00"), 422, "time_ambiguous", "expires"),
        (18, a_draft(areas=["E99999999"]), 422, "area_unknown", "areas"),
        (19, a_draft(areas=[]), 422, "area_empty", "areas"),
        (21, a_draft(areas=None, polygons=[CROSSED]), 422, "polygon_crosses", "polygons"),
        (22, a_draft(areas=None, polygons=[SWAPPED]), 422, "polygon_outside_force", "polygons"),
        (
            23,
            a_draft(areas=None, polygons=[{"type": "Polygon", "coordinates": [ring(60_000)]}]),
            422,
            "polygon_too_complex",
            "polygons",
        ),
        (33, a_draft(audiance={}), 422, "field_unknown", "audiance"),
    ],
)
async def test_a_draft_is_refused_with_one_clear_error(
    site: Site, number: int, draft: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await site.post("/api/v1/messages", draft)
    assert (answer.status, answer.code, answer.json["status"]) == (
        status,
        code,
        status,
    ), answer.body[:500]
    assert answer.json["field"].startswith(field)
    assert answer.json["fix"]
    assert answer.headers["Content-Type"] == "application/problem+json"


_JSON = json.dumps(a_draft())


@pytest.mark.parametrize(
    ("number", "body", "media", "status", "code"),
    [
        (8, _JSON.replace("Road closed", "\\ud800"), "application/json", 400, "bad_encoding"),
        (
            34,
            _JSON.replace('"kind"', '"status": "Test", "kind"', 1),
            "application/json",
            400,
            "json_duplicate_key",
        ),
        (35, _JSON.replace('"4h"', "NaN"), "application/json", 422, "number_range"),
        (35, _JSON.replace('"4h"', "1e999"), "application/json", 422, "number_range"),
        (35, _JSON.replace('"4h"', str(2**63)), "application/json", 422, "number_range"),
        (36, "x" * (50 * 1024 * 1024), "application/json", 413, "body_too_large"),
        (37, "[" * 10_000, "application/json", 400, "json_too_deep"),
        (38, _JSON, "text/plain", 415, "media_type"),
        (39, _JSON.encode() + b"\xff", "application/json", 400, "bad_encoding"),
        (0, "", "application/json", 400, "json_invalid"),
        (0, "{", "application/json", 400, "json_invalid"),
        (0, "[]", "application/json", 422, "field_type"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_by_name(
    site: Site, number: int, body: str | bytes, media: str, status: int, code: str
) -> None:
    data = body if isinstance(body, bytes) else body.encode()
    answer = await site.call("POST", "/api/v1/messages", data=data, headers={"Content-Type": media})
    assert (answer.status, answer.code) == (status, code)


async def test_a_body_too_large_is_refused_although_it_does_not_say_its_length(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536

    answer = await site.call(
        "POST", "/api/v1/messages", data=pieces(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status, answer.code) == (413, "body_too_large")


async def test_4_an_emoji_that_costs_parts_is_a_warning_at_preview_and_submit(site: Site) -> None:
    message = await site.drafted(
        languages={
            "en": {
                "headline": "Road closed",
                "sms": "Road closed \U0001f6a7 " + "go round by the north " * 5,
            }
        }
    )
    for act in ("preview", "submit"):
        answer = await site.post(f"/api/v1/messages/{message}/{act}")
        assert answer.status == 200
        assert any(w["field"] == "languages.en.sms" for w in answer.json["warnings"]), answer.json[
            "warnings"
        ]


async def test_12_no_token_approves_alone(site: Site) -> None:
    answer = await site.post("/api/v1/messages", level(), role="approver")
    message = answer.json["id"]
    agreed = (await site.post(f"/api/v1/messages/{message}/submit", role="approver")).json[
        "content_hash"
    ]
    alone = await site.post(
        f"/api/v1/messages/{message}/approve", {"content_hash": agreed}, role="approver"
    )
    assert (alone.status, alone.code) == (403, "same_person")


async def test_20_an_area_of_another_borough_is_forbidden(site: Site) -> None:
    answer = await site.post("/api/v1/messages", a_draft(), role="camden")
    assert (answer.status, answer.code, answer.json["field"]) == (403, "area_out_of_scope", "areas")


async def test_24_nobody_to_send_to_is_a_conflict_at_submit(site: Site) -> None:
    message = await site.drafted(audience={"kinds": ["officer"]})
    answer = await site.post(f"/api/v1/messages/{message}/submit")
    assert (answer.status, answer.code) == (409, "audience_empty")


async def test_26_to_29_approvals_that_do_not_hold(site: Site) -> None:
    message, agreed = await site.submitted(areas=[CAMDEN])
    path = f"/api/v1/messages/{message}/approve"
    stale = await site.post(path, {"content_hash": "0" * 64}, role="approver")
    assert (stale.status, stale.code) == (409, "content_changed")
    first = await site.post(path, {"content_hash": agreed}, role="approver")
    second = await site.post(path, {"content_hash": agreed}, role="approver2")
    assert (first.status, second.status, first.json) == (200, 200, second.json)
    assert (
        await site.post(f"/api/v1/messages/{message}/cancel", {"why": "x"}, role="approver")
    ).status == 200
    late = await site.post(path, {"content_hash": agreed}, role="approver")
    assert (late.status, late.code) == (409, "state_conflict")


# Idempotency-Key


async def test_30_a_post_without_a_key_is_refused(site: Site) -> None:
    for headers in ({}, {"Idempotency-Key": "  "}):
        answer = await site.post("/api/v1/messages", a_draft(), key=None, headers=headers)
        assert (answer.status, answer.code, answer.json["field"]) == (
            400,
            "key_missing",
            "Idempotency-Key",
        )
    long = await site.post("/api/v1/messages", a_draft(), key="x" * 300)
    assert (long.status, long.code) == (400, "key_invalid")


async def test_31_the_same_key_and_body_get_the_first_answer_and_another_body_is_refused(
    site: Site,
) -> None:
    first = await site.post("/api/v1/messages", a_draft(), key="k31")
    again = await site.post("/api/v1/messages", a_draft(), key="k31")
    assert (again.status, again.body, again.headers["Content-Type"]) == (
        201,
        first.body,
        first.headers["Content-Type"],
    )
    other = await site.post("/api/v1/messages", a_draft(expires="5h"), key="k31")
    assert (other.status, other.code) == (422, "key_reused")
    elsewhere = await site.post(f"/api/v1/messages/{first.json['id']}/submit", key="k31")
    assert (elsewhere.status, elsewhere.code) == (422, "key_reused")
    somebody_else = await site.post(
        "/api/v1/messages", a_draft(expires="5h"), key="k31", role="approver"
    )
    assert somebody_else.status == 201


async def test_31_a_refusal_is_an_answer_too(site: Site) -> None:
    first = await site.post("/api/v1/messages", words(headline=""), key="k31b")
    again = await site.post("/api/v1/messages", words(headline=""), key="k31b")
    assert (first.status, again.status, again.body) == (422, 422, first.body)
    assert again.headers["Content-Type"] == "application/problem+json"


async def test_32_a_key_that_is_being_answered_is_a_conflict_and_the_act_is_done_once(
    site: Site,
) -> None:
    answers = await asyncio.gather(
        *(site.post("/api/v1/messages", a_draft(expires="7h"), key="k32") for _ in range(10))
    )
    done = [a for a in answers if a.status == 201]
    assert done
    assert {a.code for a in answers if a.status != 201} <= {"key_in_flight"}
    assert len({a.json["id"] for a in done}) == 1


async def _reservation_of_a_dead_process(
    site: Site, key: str, draft: dict[str, Any], age: timedelta
) -> None:
    """Leave what a process leaves that dies between its reservation and its act: found by watching
    what one request reserves.
    """
    await site.post("/api/v1/messages", draft, key=key)

    def forget(conn: Connection) -> None:
        conn.execute(
            update(table)
            .where(table.c.key == key)
            .values(status=None, body=None, at=datetime.now(UTC) - age)
        )

    await site.db.write(forget)


async def test_a_reservation_of_a_dead_process_is_in_flight_for_a_minute_and_then_taken_over(
    site: Site,
) -> None:
    await _reservation_of_a_dead_process(site, "dead", a_draft(), timedelta(seconds=50))
    young = await site.post("/api/v1/messages", a_draft(), key="dead")
    assert (young.status, young.code, young.headers["Retry-After"]) == (409, "key_in_flight", "2")
    await _reservation_of_a_dead_process(site, "dead2", a_draft(), timedelta(seconds=61))
    old = await site.post("/api/v1/messages", a_draft(), key="dead2")
    assert old.status == 201
    assert (await site.post("/api/v1/messages", a_draft(), key="dead2")).body == old.body


async def test_who_wakes_up_after_being_taken_over_has_its_act_rolled_back(site: Site) -> None:
    """The sleeper reserved, slept over a minute, another request took over and answered: the
    sleeper's act and answer go together, or not at all.
    """
    before = len((await site.get("/api/v1/messages?limit=1000")).json["messages"])
    reserved = await site.db.write(
        replies.reserve,
        operator_id=1,
        key="sleeper",
        digest="d",
        now=datetime.now(UTC) - timedelta(minutes=2),
    )
    assert isinstance(reserved, replies.Reservation)
    taken = await site.db.write(
        replies.reserve, operator_id=1, key="sleeper", digest="d", now=datetime.now(UTC)
    )
    assert isinstance(taken, replies.Reservation)
    actor = await site.context.actor(site.tokens["author"])
    content = read_draft(json.dumps(a_draft()).encode(), "json", now=datetime.now(UTC))
    act = idempotency.Answered(
        act=await drafting.draft(site.context, actor, content),
        answer=lambda _conn, v: {"id": v.message_id},
    )
    with pytest.raises(Exception, match="key_in_flight"):
        await idempotency._do(site.db, reserved, act)
    assert len((await site.get("/api/v1/messages?limit=1000")).json["messages"]) == before
    assert (await idempotency._do(site.db, taken, act)).status == 200
    assert len((await site.get("/api/v1/messages?limit=1000")).json["messages"]) == before + 1


async def test_a_fault_of_ours_gives_the_key_back(site: Site) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [(b"idempotency-key", b"fault"), (b"host", b"x")],
    }
    actor = await site.context.actor(site.tokens["author"])

    async def broken() -> idempotency.Answered[Any]:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await idempotency.once(Request(scope), b"", site.context, actor, broken)
