"""What administrators set up over HTTP: areas, people one by one and by file, past levels."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from broadcast.operators import audit, operators
from tests.console.site import CAMDEN, WESTMINSTER, Answer, Site, open_site
from tests.rows import rows

API = "/api/v1"
ADA = {
    "external_id": "r-100",
    "name": "Ada",
    "kind": "resident",
    "mobile": "07700 900901",
    "lat": 51.5,
    "lon": -0.13,
    "channels": ["sms"],
    "basis": "consent, form of 1 May 2026",
}
PEOPLE = b"external_id,mobile,lat,lon\nf-1,07700 900902,51.5,-0.13\nf-2,07700 900903,1.5,-0.13\n"
GROUPS = b"kind,name,cy\nsector,retail,Manwerthu\ncommunity,somali,\n"
LEVELS = b"date,scale,level,note\n2006-08-01,international,SEVERE,first published\n"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 51], [1, 51], [1, 52], [0, 52], [0, 51]]]}
AREAS = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": "E09000002", "name": "Barking"},
                "geometry": SQUARE,
            }
        ],
    }
).encode()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        _, running.tokens["camden admin"] = await running.db.write(
            operators.add,
            name="Camden Admin",
            role="administrator",
            area=CAMDEN,
            email="c@example.org",
            now=datetime.now(UTC),
        )
        yield running


async def send(site: Site, path: str, data: bytes, media: str, **more: Any) -> Answer:
    more.setdefault("role", "administrator")
    return await site.call("POST", API + path, data=data, headers={"Content-Type": media}, **more)


async def links(site: Site) -> list[dict[str, Any]]:
    return await site.db.read(audit.listed, 0, 1000)


def fits(site: Site, method: str, path: str, answer: Answer) -> None:
    """Check an answer against what the document says of it."""
    document = site.app.openapi()
    said = document["paths"][API + path][method]["responses"][str(answer.status)]["content"]
    schema = {**said["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json)


# people, one by one


async def test_a_person_is_added_shown_changed_stopped_and_started(site: Site) -> None:
    added = await site.post(f"{API}/subscribers", ADA, role="administrator")
    assert (added.status, added.json["mobile"]) == (201, "+447700900901")
    fits(site, "post", "/subscribers", added)
    person = added.json["id"]
    path = f"{API}/subscribers/{person}"
    shown = await site.get(f"{API}/subscribers/r-100", role="administrator")
    assert shown.json["consents"][0]["basis"] == ADA["basis"]
    fits(site, "get", "/subscribers/{subscriber}", shown)
    changed = await site.call("PATCH", path, json={"name": "Ada L"}, role="administrator")
    assert (changed.status, changed.json["name"]) == (200, "Ada L")
    assert changed.json["mobile"] == "+447700900901"
    fits(site, "patch", "/subscribers/{subscriber}", changed)
    stopped = await site.post(f"{path}/stop", {"channel": "sms"}, role="administrator")
    assert (stopped.json["stopped"], stopped.json["changed"]) == (["sms"], True)
    fits(site, "post", "/subscribers/{subscriber}/stop", stopped)
    started = await site.post(
        f"{path}/start", {"channel": "sms", "why": "by telephone"}, role="administrator"
    )
    assert (started.json["stopped"], started.json["stops"][0]["lifted_by"]) == ([], "operator")
    done = [(at["kind"], at["action"], at["subject"]) for at in await links(site)]
    for verb in ("add", "edit", "stop", "start"):
        assert ("admin", f"subscribers.{verb}", str(person)) in done
    assert ("look_up", "subscribers.show", str(person)) in done


async def test_other_channels_are_another_consent_and_want_a_basis_of_their_own(
    site: Site,
) -> None:
    await site.post(f"{API}/subscribers", ADA, role="administrator")
    path, change = f"{API}/subscribers/r-100", {"channels": ["voice"]}
    refused = await site.call("PATCH", path, json=change, role="administrator")
    assert (refused.status, refused.code) == (422, "basis_missing")
    change["basis"] = "by telephone, 2 May 2026"  # type: ignore[assignment]
    taken = await site.call("PATCH", path, json=change, role="administrator")
    assert taken.json["consented"] == ["voice"]
    first, second = taken.json["consents"]
    assert first["withdrawn_at"] is not None
    assert (second["channels"], second["basis"]) == (["voice"], "by telephone, 2 May 2026")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"mobile": "12"}, "number_not_allowed", "mobile"),
        ({"lat": 95}, "coordinate_range", "lat"),
        ({"colour": "red"}, "field_unknown", "colour"),
        ({"channels": "sms;fax"}, None, "channels"),
        ({"channels": ["sms;voice"]}, "field_type", "channels"),
        ({"name": "=HYPERLINK(1)"}, None, "name"),
        ({"basis": " "}, "basis_missing", "basis"),
        ({"basis": "x" * 501}, "text_too_long", "basis"),
        ({"external_id": "p1"}, "subscriber_exists", "external_id"),
    ],
)
async def test_what_is_wrong_with_one_person_is_told_by_field_and_nobody_is_added(
    site: Site, change: dict[str, Any], code: str | None, field: str
) -> None:
    before = await site.db.read(rows, "subscriber")
    answer = await site.post(f"{API}/subscribers", ADA | change, role="administrator")
    assert answer.status in (409, 422), answer.json
    assert answer.json["field"] == field
    if code is not None:
        assert answer.code == code
    assert await site.db.read(rows, "subscriber") == before


async def test_an_administrator_of_one_borough_knows_and_changes_people_there_only(
    site: Site,
) -> None:
    path = f"{API}/subscribers/1"  # in Westminster
    role = "camden admin"
    answers = [
        await site.get(path, role=role),
        await site.call("PATCH", path, json={"name": "x"}, role=role),
        await site.post(f"{path}/stop", {"channel": "sms"}, role=role),
        await site.get(f"{API}/subscribers/nobody-at-all", role=role),
    ]
    assert [(a.status, a.code) for a in answers] == [(404, "subscriber_unknown")] * 4
    assert len({json.dumps(a.json) for a in answers}) == 1  # which of the two is not told
    here = await site.call("PATCH", f"{API}/subscribers/p31", json={"name": "C"}, role=role)
    assert here.status == 200
    out = await site.call("PATCH", f"{API}/subscribers/p31", json={"lat": 51.5}, role=role)
    assert (out.status, out.code) == (403, "outside_area")
    new = await site.post(f"{API}/subscribers", ADA, role=role)
    assert (new.status, new.code) == (403, "outside_area")
    file = await send(site, "/subscribers/import?basis=x", PEOPLE, "text/csv", role=role)
    assert (file.status, file.code) == (403, "area_bound")


async def test_people_are_found_by_id_number_or_address_masked_and_on_record(site: Site) -> None:
    path, role = f"{API}/subscribers/find", "administrator"
    written = ["p1", " 07700 900002", "p1@example.org", "Person 1"]
    # nothing is done twice by it, and its answer is not kept: no Idempotency-Key
    found = await site.post(path, {"written": written}, key=None, role=role)
    assert found.status == 200, found.json
    fits(site, "post", "/subscribers/find", found)
    one = {"name": "P… 1…", "email": None, "mobile": "…001", "phone": None}
    assert found.json["found"][0] == {
        "written": "p1",
        "people": [{"id": 1, "external_id": "p1", **one}],
    }
    meant = {
        each["written"]: [person["external_id"] for person in each["people"]]
        for each in found.json["found"]
    }
    assert meant == {"p1": ["p1"], "07700 900002": ["p2"], "p1@example.org": [], "Person 1": []}
    looked = [
        (at["kind"], at["subject"], at["detail"])
        for at in await links(site)
        if at["action"] == "subscribers.find"
    ]
    assert looked == [("look_up", "2 people", "masked: 1, 2")]
    bound = await site.post(path, {"written": ["p31"]}, key=None, role="camden admin")
    assert (bound.status, bound.code) == (403, "area_bound")
    for wrong, code in (
        ({}, "written_missing"),
        ({"written": "p1"}, "field_type"),
        ({"written": ["p1", 1]}, "field_type"),
        ({"written": ["p1"] * 201}, "too_many"),
    ):
        refused = await site.post(path, wrong, key=None, role=role)
        assert (refused.status, refused.code) == (422, code)


async def test_an_auditor_reads_a_person_masked(site: Site) -> None:
    seen = await site.get(f"{API}/subscribers/p1", role="auditor")
    assert (seen.json["name"], seen.json["mobile"], seen.json["lat"]) == ("P… 1…", "…001", None)


# by file


async def test_a_file_of_people_is_taken_whole_and_its_warnings_told(site: Site) -> None:
    path = "/subscribers/import?basis=consent"
    taken = await send(site, path, PEOPLE, "text/csv", key="people")
    assert (taken.status, taken.json["new"], taken.json["people"]) == (200, 2, 2)
    assert [w["code"] for w in taken.json["warnings"]] == ["place_in_no_area"]
    fits(site, "post", "/subscribers/import", taken)
    again = await send(site, path, PEOPLE, "text/csv", key="people")
    assert (again.json, again.headers["Idempotency-Replayed"]) == (taken.json, "true")
    assert ("admin", "subscribers.import") in [
        (at["kind"], at["action"]) for at in await links(site)
    ]


async def test_a_file_of_people_is_tried_and_nothing_of_it_stays(site: Site) -> None:
    before = await site.db.read(rows, "subscriber"), await site.db.read(rows, "contact_point")
    path = "/subscribers/import?basis=consent"
    tried = await send(site, f"{path}&dry_run=true", PEOPLE, "text/csv")
    assert (tried.status, tried.json["dry_run"], tried.json["new"]) == (200, True, 2)
    fits(site, "post", "/subscribers/import", tried)
    after = await site.db.read(rows, "subscriber"), await site.db.read(rows, "contact_point")
    assert after == before
    assert "subscribers.import" not in [at["action"] for at in await links(site)]
    done = await send(site, path, PEOPLE, "text/csv")
    assert done.json == {k: v for k, v in tried.json.items() if k != "dry_run"}
    odd = await send(site, f"{path}&dry_run=perhaps", PEOPLE, "text/csv")
    assert (odd.status, odd.code) == (422, "field_type")


async def test_a_file_of_people_leaves_what_it_does_not_tell_and_says_so(site: Site) -> None:
    path = "/subscribers/import?basis=consent"
    hours = b"external_id,mobile,most_a_week\nq-1,+447700900001,3\n"
    await send(site, path, hours, "text/csv")
    again = await send(site, path, b"external_id,name\nq-1,Ann\n", "text/csv")
    assert [w["code"] for w in again.json["warnings"]] == ["columns_absent"]
    assert (again.json["updated"], again.json["own_choices_changed"]) == (1, 0)
    seen = await site.get(f"{API}/subscribers/q-1", role="administrator")
    kept = (seen.json["name"], seen.json["most_a_week"], seen.json["channels"])
    assert kept == ("Ann", "3", ["sms"])


async def test_a_file_of_people_with_faults_names_every_line_and_changes_nothing(
    site: Site,
) -> None:
    before = await site.db.read(rows, "subscriber")
    wrong = b"external_id,mobile,lat,lon\na,1,51.5,0\nb,2,51.5,0\n"
    answer = await send(site, "/subscribers/import?basis=x", wrong, "text/csv")
    assert answer.status == 422
    assert [p["where"] for p in answer.json["problems"]] == ["the body:2", "the body:3"]
    assert await site.db.read(rows, "subscriber") == before


async def test_areas_are_imported_shown_and_located(site: Site) -> None:
    taken = await send(site, "/areas/import?level=borough", AREAS, "application/geo+json")
    assert (taken.status, taken.json["new"]) == (200, 1), taken.json
    fits(site, "post", "/areas/import", taken)
    shown = await site.get(f"{API}/areas/{WESTMINSTER}")
    assert [a["name"] for a in shown.json["within"]] == ["London"]
    fits(site, "get", "/areas/{code}", shown)
    unknown = await site.get(f"{API}/areas/E09000034")
    assert (unknown.status, unknown.json["fix"]) == (404, f"did you mean {WESTMINSTER}?")
    one = await site.get(f"{API}/areas/locate?lat=51.5&lon=0.5")
    assert [a["code"] for a in one.json[0]["areas"]] == ["E09000002"]
    fits(site, "get", "/areas/locate", one)
    many = await site.post(
        f"{API}/areas/locate", {"points": [{"lat": 51.5, "lon": 0.5}, {"lat": 0, "lon": 0}]}
    )
    assert [len(p["areas"]) for p in many.json["places"]] == [1, 0]
    fits(site, "post", "/areas/locate", many)


@pytest.mark.parametrize(
    ("path", "data", "media", "code"),
    [
        ("/areas/import", AREAS, "application/geo+json", "level_missing"),
        ("/areas/import?level=planet", AREAS, "application/geo+json", "level_unknown"),
        ("/areas/import?level=borough", b"", "text/csv", "file_empty"),
        ("/areas/import?level=borough", AREAS, "text/plain", "media_type"),
        ("/subscribers/import", PEOPLE, "text/csv", "basis_missing"),
        ("/threat-levels/import", b"", "text/csv", "file_empty"),
        ("/groups/import", b"kind,name\nplanet,mars\n", "text/csv", "kind_unknown"),
        ("/threat-levels/import", b"date\n", "text/csv", "csv_header"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_by_name(
    site: Site, path: str, data: bytes, media: str, code: str
) -> None:
    answer = await send(site, path, data, media)
    assert (answer.status in (415, 422), answer.code) == (True, code)


async def test_a_file_has_a_limit_of_its_own(site: Site) -> None:
    more = b" " * (16 * 1024 * 1024 + 1)
    answer = await send(site, "/subscribers/import?basis=x", more, "text/csv")
    assert (answer.status, answer.code) == (413, "body_too_large")


async def test_levels_of_the_past_are_filled_in_and_read(site: Site) -> None:
    taken = await send(site, "/threat-levels/import", LEVELS, "text/csv")
    assert (taken.status, taken.json["recorded"]) == (200, 1), taken.json
    fits(site, "post", "/threat-levels/import", taken)
    told = await site.get(f"{API}/threat-levels/history?scope=UK")
    assert [(f["level"], f["source"], f["note"]) for f in told.json] == [
        ("SEVERE", "import", "first published")
    ]
    fits(site, "get", "/threat-levels/history", told)


async def test_a_change_of_level_is_a_draft_that_two_persons_make_hold(site: Site) -> None:
    body = {"level": "severe", "why": "An attack is highly likely.", "status": "Exercise"}
    drafted = await site.post(f"{API}/threat-levels", body)
    assert (drafted.status, drafted.json["kind"], drafted.json["state"]) == (
        201,
        "threat_level_change",
        "draft",
    )
    fits(site, "post", "/threat-levels", drafted)
    shown = await site.get(f"{API}/messages/{drafted.json['id']}")
    text = shown.json["content"]["languages"]["en"]
    assert (text["headline"], text["description"]) == (
        "The UK threat level is now SEVERE",
        body["why"],
    )
    for wrong, code in (
        ({"why": "x"}, "level_missing"),
        ({"level": "SEVERE"}, "why_missing"),
        ({"level": "RED", "why": "x"}, "level_unknown"),
        ({"level": "LOW", "why": "x", "scope": "sector:martian"}, "sector_unknown"),
        ({"level": "LOW", "why": "x", "scope": 7}, "field_type"),
    ):
        assert (await site.post(f"{API}/threat-levels", wrong)).code == code
    refused = await site.post(f"{API}/threat-levels", body, role="administrator")
    assert (refused.status, refused.code) == (403, "wrong_role")


async def test_the_audit_chain_is_read_by_kind_and_subject(site: Site) -> None:
    message = await site.approved()
    path = f"{API}/audit?kind=decision"
    told = await site.get(path, role="auditor")
    acts = [link["action"] for link in told.json["links"]]
    assert {"draft", "submit", "approve"} <= set(acts)
    subject = told.json["links"][-1]["subject"]
    about = await site.get(f"{path}&subject={subject}", role="auditor")
    assert {link["subject"] for link in about.json["links"]} == {subject}
    assert str(message) in subject
    wrong = await site.get(f"{API}/audit?kind=gossip", role="auditor")
    assert (wrong.status, wrong.code) == (422, "kind_unknown")


async def test_groups_are_registered_one_by_one_and_by_file(site: Site) -> None:
    role = "administrator"
    one = await site.post(
        f"{API}/groups", {"kind": "sector", "name": "Retail", "names": {"cy": "Siopau"}}, role=role
    )
    assert (one.status, one.json["new"], one.json["groups"][0]["scope"]) == (
        200,
        1,
        "sector:retail",
    )
    fits(site, "post", "/groups", one)
    file = await send(site, "/groups/import", GROUPS, "text/csv")
    assert (file.json["new"], file.json["updated"]) == (1, 1)
    fits(site, "post", "/groups/import", file)
    known = {g["scope"]: g["names"] for g in (await site.get(f"{API}/groups")).json}
    assert known["sector:retail"]["cy"] == "Manwerthu"
    bound = await send(site, "/groups/import", GROUPS, "text/csv", role="camden admin")
    assert (bound.status, bound.code) == (403, "area_bound")
    for wrong in ({"names": ["cy"]}, {"names": {"no tag": "x"}}, {"kind": "planet"}):
        refused = await site.post(
            f"{API}/groups", {"kind": "sector", "name": "x"} | wrong, role=role
        )
        assert refused.status == 422


async def test_operators_are_listed_and_documents_and_texts_are_judged(site: Site) -> None:
    told = await site.get(f"{API}/operators", role="auditor")
    assert {o["name"] for o in told.json} > {"author", "Camden Admin"}
    assert "ft_" not in told.body.decode()
    fits(site, "get", "/operators", told)
    judged = await send(site, "/cap/validate", b"<alert/>", "application/cap+xml", role="author")
    assert (judged.status, judged.json["verdict"]) == (200, "reject")
    fits(site, "post", "/cap/validate", judged)
    size = await site.post(f"{API}/sms/segments", {"text": "a" * 161})
    assert (size.json["encoding"], size.json["segments"]) == ("GSM-7", 2)
    fits(site, "post", "/sms/segments", size)
    for wrong, code in (({}, "field_type"), ({"text": "a" * 1601}, "text_too_long")):
        assert (await site.post(f"{API}/sms/segments", wrong)).code == code


# who may

BELL = b'{"external_id": "o-1", "name": "The Bell", "trade": "I", "size": 7, "people": ["p1"]}'
ORGANISATIONS = b"external_id,name,trade,size\no-1,The Bell,I,7\n"
CHANGES = [
    ("POST", "/groups", b'{"kind": "sector", "name": "retail"}', "application/json"),
    ("POST", "/groups/import", GROUPS, "text/csv"),
    ("POST", "/organisations", BELL, "application/json"),
    ("POST", "/organisations/import", ORGANISATIONS, "text/csv"),
    ("PATCH", "/organisations/o-1", b'{"size": "small"}', "application/json"),
    ("POST", "/organisations/o-1/remove", b'{"why": "x"}', "application/json"),
    ("POST", "/areas/import?level=borough", AREAS, "application/geo+json"),
    ("POST", "/subscribers/import?basis=x", PEOPLE, "text/csv"),
    ("POST", "/threat-levels/import", LEVELS, "text/csv"),
    ("POST", "/subscribers", json.dumps(ADA).encode(), "application/json"),
    ("PATCH", "/subscribers/p1", b'{"name": "x"}', "application/json"),
    ("POST", "/subscribers/find", b'{"written": ["p1"]}', "application/json"),
    ("POST", "/subscribers/p1/stop", b'{"channel": "sms"}', "application/json"),
    ("POST", "/subscribers/p1/start", b'{"channel": "sms", "why": "x"}', "application/json"),
    ("POST", "/subscribers/p1/join", b'{"with": ["p2"], "why": "x"}', "application/json"),
    ("POST", "/subscribers/p1/part", b'{"why": "x"}', "application/json"),
    ("POST", "/subscribers/p1/erase", b'{"why": "x"}', "application/json"),
    ("POST", "/subscribers/p1/join", b'{"with": ["p2"], "why": "x"}', "application/json"),
    ("POST", "/subscribers/p1/part", b'{"why": "x"}', "application/json"),
]
LOOKS = {
    "/areas": ("author", "approver", "operator", "administrator", "auditor"),
    f"/areas/{WESTMINSTER}": ("author", "approver", "operator", "administrator", "auditor"),
    "/areas/locate?lat=51.5&lon=0": ("author", "approver", "operator", "administrator", "auditor"),
    "/areas/replaced": ("administrator", "auditor"),
    "/threat-levels/history": ("author", "approver", "operator", "administrator", "auditor"),
    "/subscribers/p1": ("administrator", "auditor"),
    "/organisations": ("administrator", "auditor"),
    "/organisations/o-2": ("administrator", "auditor"),
    "/operators": ("administrator", "auditor"),
}


async def test_only_an_administrator_changes_anything_whatever_the_route(site: Site) -> None:
    swan = json.loads(BELL) | {"external_id": "o-2"}
    made = await site.post(f"{API}/organisations", swan, role="administrator")
    assert made.status == 201
    before = {
        table: await site.db.read(rows, table)
        for table in ("subscriber", "area", "stop", "community_or_sector", "organisation")
    }
    for method, path, data, media in CHANGES:
        for role in ("author", "approver", "operator", "auditor", None):
            answer = await site.call(
                method, API + path, data=data, headers={"Content-Type": media}, role=role
            )
            wanted = (401, "token_missing") if role is None else (403, "wrong_role")
            assert (answer.status, answer.code) == wanted, (method, path, role)
    for table, found in before.items():
        assert await site.db.read(rows, table) == found
    for path, roles in LOOKS.items():
        for role in ("author", "approver", "operator", "administrator", "auditor", None):
            answer = await site.get(API + path, role=role)
            wanted_status = 401 if role is None else 200 if role in roles else 403
            assert answer.status == wanted_status, (path, role)


async def test_every_route_that_changes_something_is_in_the_table_of_who_may(site: Site) -> None:
    named = {
        path.partition("?")[0].replace("/p1", "/{subscriber}").replace("/o-1", "/{organisation}")
        for _, path, _, _ in CHANGES
    }
    declared = {
        path.removeprefix(API)
        for path, methods in site.app.openapi()["paths"].items()
        for method, said in methods.items()
        if method in ("post", "patch", "put", "delete")
        and set(said.get("tags", ())) & {"areas", "groups", "organisations", "people", "levels"}
    }
    # what these two are for is not to change: places looked at, and a draft, which authors make
    assert declared - {"/areas/locate", "/threat-levels"} == named
