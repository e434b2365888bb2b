"""Registering, signing in and choosing by programs: the same acts, the same answers for all."""

from __future__ import annotations

from typing import Any

import jsonschema

from console.residents.api import ANSWERS, PREFIX
from subscribers.registry import importing, reached
from tests.console.site import CAMDEN, WESTMINSTER, Answer, Site, person
from tests.residents.journey import E164, MOBILE, Box

WANTED = {
    "area": WESTMINSTER,
    "topics": ["incident"],
    "channel": "sms",
    "address": MOBILE,
    "agree": True,
}


async def call(site: Site, method: str, path: str, json: Any = None, session: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    answer = await site.call(method, PREFIX + path, role=None, json=json, headers=headers)
    document = (await site.get("/openapi.json", role=None)).json
    said = document["paths"][PREFIX + path][method.lower()]
    assert said["security"] == []
    assert str(answer.status) in said["responses"], (path, answer.status)
    if answer.status < 300:
        schema = {**ANSWERS[method.lower(), PREFIX + path], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer


async def test_a_program_is_told_what_is_kept_and_for_how_long(site: Site) -> None:
    told = (await call(site, "GET", "/kept")).json["kept"]
    assert {"you", "answers", "sessions", "copies"} <= {each["kind"] for each in told}
    form = next(each for each in told if each["kind"] == "form")
    assert (form["seconds"], form["words"][-7:]) == (3600, "1 hour.")
    assert next(each for each in told if each["kind"] == "you")["seconds"] is None


async def test_a_program_registers_somebody_who_chooses_and_stops(site: Site, box: Box) -> None:
    begun = await call(site, "POST", "/registrations", WANTED)
    assert begun.status == 202
    form = begun.json["registration"]
    wrong = await call(site, "POST", "/registrations/confirm", {"registration": form, "code": "1"})
    assert (wrong.status, wrong.code) == (422, "code_wrong")
    assert (await call(site, "POST", "/registrations/again", {"registration": form})).status == 202
    typed = {"registration": form, "code": await box.code()}
    done = await call(site, "POST", "/registrations/confirm", typed)
    assert (done.status, done.json["outcome"]) == (200, "registered")
    used = await call(site, "POST", "/registrations/confirm", typed)
    assert (used.status, used.code) == (410, "code_expired")
    session = done.json["session"]
    mine = (await call(site, "GET", "/me", session=session)).json
    assert mine["contacts"][0] == {
        "channel": "sms",
        "address": "••• 555",
        "used": True,
        "stopped": False,
        "bounced_at": None,
    }
    change = {"area": CAMDEN, "topics": ["advice"], "quiet_hours": "22:00-07:00 Europe/London"}
    mine = (await call(site, "PATCH", "/me", change, session)).json
    assert (mine["area"], mine["topics"]) == (CAMDEN, ["advice"])
    single = [{"topic": "advice", "minimum_severity": "Minor", "channels": ["sms"]}]
    mine = (await call(site, "PATCH", "/me", {"by_topic": single}, session)).json
    assert (mine["by_topic"], mine["topics"]) == (single, ["advice"])
    mine = (await call(site, "PATCH", "/me", {"other_languages": ["pl", "ar"]}, session)).json
    assert (mine["language"], mine["other_languages"]) == ("en", ["pl", "ar"])
    places: list[dict[str, Any]] = [
        {"kind": "work", "area": WESTMINSTER, "until": None},
        {"kind": "visiting", "area": CAMDEN, "until": "2199-12-24T18:00:00+00:00"},
    ]
    mine = (await call(site, "PATCH", "/me", {"places": places}, session)).json
    assert mine["places"] == places
    for wrong_change, code in (
        ({"channels": ["email"]}, "channel_unknown"),
        ({"channels": []}, "channel_unknown"),
        ({"topics": []}, "topic_missing"),
        ({"area": "nowhere"}, "area_unknown"),
        ({"language": "xx"}, "language_unknown"),
        ({"other_languages": ["xx"]}, "language_unknown"),
        ({"minimum_severity": "bad"}, "severity_unknown"),
        ({"by_topic": "incident sms"}, "field_type"),
        ({"places": [{"kind": "office", "area": CAMDEN}]}, "place_kind_unknown"),
        ({"places": [{"kind": "work", "area": "nowhere"}]}, "area_unknown"),
        ({"places": [{"kind": "work", "area": "postcode:AA1 1AA"}]}, "postcode_unknown"),
        ({"places": [{"kind": "visiting", "area": CAMDEN}]}, "visit_until"),
        ({"places": [places[1] | {"until": "2020-01-01T00:00Z"}]}, "visit_over"),
        ({"places": [places[0]] * 6}, "too_many_places"),
        ({"by_topic": [{"topic": "x"}]}, "topic_unknown"),
        ({"by_topic": [{"topic": "advice", "way": "sms"}]}, "field_unknown"),
        ({"by_topic": [{"topic": "advice", "minimum_severity": "a;b"}]}, "severity_unknown"),
        ({"by_topic": [{"topic": "advice", "channels": ["sms>fax"]}]}, "channel_unknown"),
        ({"by_topic": [{"topic": "advice", "channels": ["email"]}]}, "topic_channel"),
        ({"by_topic": [{"topic": "advice"}, {"topic": "advice"}]}, "topic_twice"),
        ({"mobile": "+447700900001"}, "field_unknown"),
        ({"topics": "advice"}, "field_type"),
    ):
        refused = await call(site, "PATCH", "/me", wrong_change, session)
        assert (refused.status, refused.code) == (422, code), wrong_change
    stopped = await call(site, "POST", "/me/stop", {"channel": "all"}, session)
    assert stopped.json["contacts"][0]["stopped"]
    started = await call(site, "POST", "/me/start", {"channel": "sms"}, session)
    assert not started.json["contacts"][0]["stopped"]
    assert (await call(site, "POST", "/me/sign-out-everywhere", {}, session)).json == {"ended": 1}
    begun = await call(site, "POST", "/sign-in", {"address": MOBILE})
    typed = {"registration": begun.json["registration"], "code": await box.code()}
    session = (await call(site, "POST", "/registrations/confirm", typed)).json["session"]
    assert (await call(site, "POST", "/me/delete", {}, session)).json == {"deleted": True}
    assert await site.db.read(reached.persons_with_address, "sms", E164) == []
    assert (await call(site, "GET", "/me", session=session)).status == 401


async def test_a_known_and_an_unknown_address_get_the_same_answer(site: Site, box: Box) -> None:
    begun = await call(site, "POST", "/registrations", WANTED)
    typed = {"registration": begun.json["registration"], "code": await box.code()}
    assert (await call(site, "POST", "/registrations/confirm", typed)).status == 200
    for path, body in (("/registrations", WANTED), ("/sign-in", {"address": MOBILE})):
        known = await call(site, "POST", path, body)
        other = await call(site, "POST", path, {**body, "address": "07700 900777"})
        assert known.status == other.status == 202
        assert known.json.keys() == other.json.keys()
        assert len(known.json["registration"]) == len(other.json["registration"])
    assert len(await site.db.read(reached.persons_with_address, "sms", E164)) == 1


async def test_what_is_missing_or_wrong_is_named(site: Site) -> None:
    for change, code in (
        ({"agree": False}, "consent_missing"),
        ({"agree": None}, "consent_missing"),
        ({"area": ""}, "area_unknown"),
        ({"topics": []}, "topic_missing"),
        ({"topics": ["x"]}, "topic_unknown"),
        ({"channel": "pager"}, "channel_unknown"),
        ({"address": "0900 1234567"}, "number_not_allowed"),
        ({"address": ""}, "address_missing"),
        ({"language": "xx"}, "language_unknown"),
        ({"name": "Ada"}, "field_unknown"),
    ):
        answer = await call(site, "POST", "/registrations", {**WANTED, **change})
        assert (answer.status, answer.code) == (422, code), change
    assert (await call(site, "POST", "/sign-in", {})).code == "address_missing"


async def test_no_operator_s_token_opens_a_resident_s_door_and_none_the_other_way(
    site: Site, box: Box
) -> None:
    assert (await call(site, "GET", "/me", session=site.tokens["administrator"])).status == 401
    begun = await call(site, "POST", "/registrations", WANTED)
    typed = {"registration": begun.json["registration"], "code": await box.code()}
    session = (await call(site, "POST", "/registrations/confirm", typed)).json["session"]
    answer = await site.get(
        "/api/v1/messages", role=None, headers={"Authorization": f"Bearer {session}"}
    )
    assert answer.status == 401
    form = begun.json["registration"]
    assert (await call(site, "GET", "/me", session=form)).status == 401


async def test_a_program_joins_two_registrations_of_its_holder(site: Site, box: Box) -> None:
    kiosk = person(77, kind="business", email="kiosk@example.org", mobile=None, channels="email")
    await site.db.write(importing.import_records, [kiosk], "test", site.context.now())
    begun = await call(site, "POST", "/registrations", WANTED)
    typed = {"registration": begun.json["registration"], "code": await box.code()}
    session = (await call(site, "POST", "/registrations/confirm", typed)).json["session"]
    body = {"channel": "email", "address": "kiosk@example.org"}
    assert (await call(site, "POST", "/me/registrations", body)).status == 401
    begun = await call(site, "POST", "/me/registrations", body, session)
    typed = {"registration": begun.json["registration"], "code": await box.code("email")}
    done = await call(site, "POST", "/registrations/confirm", typed, session)
    assert (done.status, done.json) == (200, {"outcome": "joined"})
    mine = (await call(site, "GET", "/me", session=session)).json
    assert mine["registrations"] == [
        {"kind": "business", "contacts": [{"channel": "email", "address": "k•••@example.org"}]}
    ]
    mine = (await call(site, "POST", "/me/registrations/part", {}, session)).json
    assert mine["registrations"] == []
