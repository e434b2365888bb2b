from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcast.operators import operators
from tests.console.site import CAMDEN, Site, a_draft, open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def test_a_message_goes_from_draft_to_live_by_two_people_and_each_answer_is_its_json(
    site: Site,
) -> None:
    drafted = await site.post("/api/v1/messages", a_draft())
    assert drafted.status == 201
    message = drafted.json["id"]
    assert set(drafted.json) == {
        "id",
        "version",
        "kind",
        "status",
        "state",
        "content_hash",
        "identifier",
        "sent",
        "expires",
        "counts",
    }
    assert (drafted.json["version"], drafted.json["state"], drafted.json["content_hash"]) == (
        1,
        "draft",
        None,
    )
    previewed = await site.post(f"/api/v1/messages/{message}/preview")
    assert (previewed.status, previewed.json.get("people")) == (200, 31), previewed.body
    assert previewed.json["counts"]["addressed"] == 32
    submitted = await site.post(f"/api/v1/messages/{message}/submit")
    assert (submitted.status, submitted.json["state"], submitted.json["people"]) == (
        200,
        "pending_approval",
        31,
    )
    agreed = submitted.json["content_hash"]
    approved = await site.post(
        f"/api/v1/messages/{message}/approve", {"content_hash": agreed}, role="approver"
    )
    assert (approved.status, approved.json["state"]) == (200, "approved")
    assert approved.json["identifier"].startswith("fasttime.local-")
    assert approved.json["expires"].endswith("+00:00")
    again = await site.post(
        f"/api/v1/messages/{message}/approve", {"content_hash": agreed}, role="approver"
    )
    assert (again.status, again.json) == (200, approved.json)
    await site.release(message)
    shown = (await site.get(f"/api/v1/messages/{message}", role="auditor")).json
    assert shown["state"] == "live"
    assert shown["counts"]["people"]["waiting"] == 31
    assert shown["counts"]["suppressed"]["duplicate_person"] == 1
    assert shown["content"]["languages"]["en"]["headline"] == "Road closed"
    listed = (await site.get("/api/v1/messages")).json
    assert [m["id"] for m in listed["messages"]] == [message]


async def test_a_program_that_approves_can_show_every_text_as_it_will_arrive(site: Site) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    message = await site.drafted(expires=ends)
    path = f"/api/v1/messages/{message}"
    assert "texts" not in (await site.get(path, role="approver")).json
    agreed = (await site.post(f"{path}/submit")).json["content_hash"]
    before = (await site.get(path, role="approver")).json["texts"]
    (sms,) = [each for each in before if each["channel"] == "sms"]
    assert (sms["language"], sms["encoding"], sms["segments"]) == ("en", "GSM-7", 1)
    assert sms["body"].startswith("Met Police: Road closed. Go round. Where: Westminster. Until ")
    await site.approve(message, agreed)
    after = (await site.get(path, role="approver")).json["texts"]
    for was, becomes in zip(before, after, strict=True):
        if was["channel"] in ("sms", "voice"):  # a mail says when it was sent
            assert becomes == was


async def test_what_get_shows_as_content_is_what_put_takes(site: Site) -> None:
    message = await site.drafted(circles=["51.5,-0.14 0.5"], audience={"kinds": ["resident"]})
    content = (await site.get(f"/api/v1/messages/{message}")).json["content"]
    content["languages"]["en"]["headline"] = "Road open"
    put = await site.call("PUT", f"/api/v1/messages/{message}", json=content)
    assert (put.status, put.json["state"]) == (200, "draft")
    after = (await site.get(f"/api/v1/messages/{message}")).json["content"]
    assert after == content


async def test_hold_resume_cancel_return_and_reject_do_what_they_say(site: Site) -> None:
    message = await site.live()
    assert (await site.post(f"/api/v1/messages/{message}/hold", role="operator")).json[
        "state"
    ] == "held"
    assert (await site.post(f"/api/v1/messages/{message}/resume", role="approver")).json[
        "state"
    ] == "live"
    cancelled = await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "mistake"}, role="approver"
    )
    assert (cancelled.json["state"], cancelled.json["handing_over"]) == ("cancelled", 0)
    other, agreed = await site.submitted()
    returned = await site.post(
        f"/api/v1/messages/{other}/return", {"why": "spelling"}, role="approver"
    )
    assert returned.json["state"] == "returned"
    assert (await site.get(f"/api/v1/messages/{other}")).json["why"] == "spelling"
    assert (
        await site.post(f"/api/v1/messages/{other}/reject", {"why": "no"}, role="approver")
    ).json["state"] == "rejected"
    late = await site.post(
        f"/api/v1/messages/{other}/approve", {"content_hash": agreed}, role="approver"
    )
    assert (late.status, late.code) == (409, "state_conflict")


async def test_an_update_a_correction_and_an_all_clear_are_drafted_over_http(site: Site) -> None:
    message = await site.live()
    for path, kind in (
        ("update", "incident"),
        ("correct", "correction"),
        ("all-clear", "all_clear"),
    ):
        text = {
            "status": "Actual",
            "languages": {"en": {"headline": f"Now {kind}"}},
            "note": "the street was wrong" if kind == "correction" else None,
        }
        answer = await site.post(
            f"/api/v1/messages/{message}/{path}", {k: v for k, v in text.items() if v}
        )
        assert (answer.status, answer.json["kind"], answer.json["state"]) == (201, kind, "draft")
        edited = await site.call(
            "PUT", f"/api/v1/messages/{message}", json={k: v for k, v in text.items() if v}
        )
        assert edited.status == 200, edited.body
        assert (
            await site.post(
                f"/api/v1/messages/{message}/reject", {"why": "enough"}, role="approver"
            )
        ).status == 200


async def test_a_resend_is_ordered_listed_and_approved_by_its_own_digest_only(site: Site) -> None:
    message = await site.live()
    await site.done(await site.claimed(), "failed")
    ordered = await site.post(
        f"/api/v1/messages/{message}/resend", {"only": ["failed"]}, role="operator"
    )
    assert ordered.status == 200, ordered.body
    order = ordered.json["resend"]
    assert (order["only"], order["people"], order["mark"], order["state"]) == (
        ["failed"],
        30,
        "REPEAT",
        "pending_approval",
    )
    shown = (await site.get(f"/api/v1/messages/{message}", role="approver")).json["resend"]
    assert shown == order
    assert (await site.get("/api/v1/resends", role="approver")).json["resends"] == [
        {"message": message, **order}
    ]
    again = await site.post(
        f"/api/v1/messages/{message}/approve",
        {"content_hash": ordered.json["content_hash"]},
        role="approver",
    )
    assert again.status == 200  # the first approval, repeated: it approves nothing
    assert (await site.get(f"/api/v1/messages/{message}", role="approver")).json["resend"] == order
    approved = await site.post(
        f"/api/v1/messages/{message}/approve",
        {"content_hash": order["content_hash"]},
        role="approver",
    )
    assert approved.status == 200
    assert "resend" not in (await site.get(f"/api/v1/messages/{message}", role="approver")).json
    refused = await site.post(
        f"/api/v1/messages/{message}/resend", {"only": "delivered"}, role="operator"
    )
    assert (refused.status, refused.code) == (422, "only_unknown")


async def test_a_cap_document_becomes_a_draft_with_an_identifier_of_ours(site: Site) -> None:
    document = """<?xml version="1.0"?>
    <alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>their-1</identifier>
    <sender>them@example.org</sender>
    <sent>2026-11-21T12:00:00-00:00</sent><status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><category>Safety</category><event>Flood</event>
    <urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
    <headline>River high</headline><area><areaDesc>here</areaDesc>
    <circle>51.5,-0.14 0.5</circle></area></info></alert>"""
    answer = await site.call(
        "POST",
        "/api/v1/messages",
        data=document.encode(),
        headers={"Content-Type": "application/cap+xml"},
    )
    assert (answer.status, answer.json["kind"]) == (201, "incident")
    content = (await site.get(f"/api/v1/messages/{answer.json['id']}")).json["content"]
    assert content["incidents"] == ["their-1"]
    broken = await site.call(
        "POST",
        "/api/v1/messages",
        data=document.replace("<status>Actual", "<status>Real").encode(),
        headers={"Content-Type": "application/cap+xml"},
    )
    assert broken.status == 422
    bomb = b'<!DOCTYPE x [<!ENTITY a "b">]><alert/>'
    refused = await site.call(
        "POST", "/api/v1/messages", data=bomb, headers={"Content-Type": "application/cap+xml"}
    )
    assert (refused.status, refused.code) == (400, "doctype_forbidden")


@pytest.mark.parametrize(
    ("role", "path", "body", "status", "code"),
    [
        (None, "submit", None, 401, "token_missing"),
        ("author", "approve", {"content_hash": "x"}, 403, "wrong_role"),
        ("administrator", "approve", {"content_hash": "x"}, 403, "wrong_role"),
        ("operator", "submit", None, 403, "wrong_role"),
        ("auditor", "cancel", {"why": "x"}, 403, "wrong_role"),
        ("author", "resend", {"only": ["failed"]}, 403, "wrong_role"),
        ("approver", "approve", None, 422, "content_hash_missing"),
        ("approver", "approve", {"content_hash": 7}, 422, "field_type"),
        ("approver", "approve", {"content_hash": "x", "yes": True}, 422, "field_unknown"),
        ("approver", "cancel", {"why": " "}, 422, "why_missing"),
        ("approver", "approve", [], 422, "field_type"),
        ("camden", "submit", None, 403, "area_out_of_scope"),
    ],
)
async def test_an_act_is_refused_by_name(
    site: Site, role: str | None, path: str, body: object, status: int, code: str
) -> None:
    message, _ = await site.submitted()
    answer = await site.post(f"/api/v1/messages/{message}/{path}", body, role=role)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "field", "detail", "fix", "problems"} <= set(
        answer.json
    )


async def test_without_a_right_token_there_is_401_and_how_to_authenticate(site: Site) -> None:
    none = await site.get("/api/v1/messages", role=None)
    assert (none.status, none.code, none.headers["WWW-Authenticate"]) == (
        401,
        "token_missing",
        "Bearer",
    )
    wrong = await site.get(
        "/api/v1/messages", role=None, headers={"Authorization": "Bearer nonsense"}
    )
    assert (wrong.status, wrong.code, wrong.headers["WWW-Authenticate"]) == (
        401,
        "token_invalid",
        'Bearer error="invalid_token"',
    )
    basic = await site.get("/api/v1/messages", role=None, headers={"Authorization": "Basic eDp5"})
    assert basic.code == "token_missing"


async def test_messages_come_by_page_and_a_forged_cursor_is_refused(site: Site) -> None:
    made = [await site.drafted() for _ in range(5)]
    first = (await site.get("/api/v1/messages?limit=2")).json
    second = (await site.get(f"/api/v1/messages?limit=2&cursor={first['next']}")).json
    third = (await site.get(f"/api/v1/messages?limit=2&cursor={second['next']}")).json
    assert [m["id"] for page in (first, second, third) for m in page["messages"]] == made[::-1]
    assert third["next"] is None
    for query in (
        "limit=-1",
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=abc",
        f"cursor={first['next'][:-2]}AA",
        "cursor=%C3%A9",
    ):
        answer = await site.get(f"/api/v1/messages?{query}")
        assert (answer.status, answer.code) == (400, "cursor_invalid"), query


async def test_whatever_is_not_there_is_a_problem_and_never_a_trace(site: Site) -> None:
    for path in (
        "/api/v1/messages/99",
        "/api/v1/messages/x",
        "/api/v1/messages/99999999999999999999",
        "/api/v1/nothing",
        "/nothing",
    ):
        answer = await site.get(path)
        assert answer.status == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"
    wrong = await site.call("DELETE", "/api/v1/messages")
    assert (wrong.status, wrong.code) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["Allow"]


async def test_the_openapi_document_is_there_and_names_every_route(site: Site) -> None:
    document = (await site.get("/openapi.json", role=None)).json
    assert document["openapi"].startswith("3.1")
    assert {
        "/api/v1/messages/{id}/approve",
        "/api/v1/messages/{id}/all-clear",
        "/api/v1/events",
        "/hooks/twilio/inbound",
        "/v/{code}",
        "/readyz",
    } <= set(document["paths"])


async def test_an_operator_of_one_area_does_not_see_who_another_room_told(site: Site) -> None:
    message = await site.live()
    more: dict[str, Any] = {"email": None, "now": datetime.now(UTC)}
    _, site.tokens["camden approver"] = await site.db.write(
        operators.add, name="camden approver", role="approver", area=CAMDEN, **more
    )
    assert (
        await site.get(f"/api/v1/messages/{message}/deliveries", role="camden approver")
    ).code == "area_out_of_scope"
    assert (
        await site.get(f"/api/v1/messages/{message}/deliveries", role="camden")
    ).code == "wrong_role"
    drafted = await site.post("/api/v1/messages", a_draft(areas=[CAMDEN]), role="camden")
    assert drafted.status == 201
