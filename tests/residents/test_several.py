"""Several registrations of one person: joined by who is signed in with one and proves another."""

from __future__ import annotations

from typing import Any

import pytest

from subscribers.registry import importing, reached
from subscribers.same_person import joined
from tests.console.site import CAMDEN, Site, person
from tests.console.visitor import Seen, Visitor
from tests.residents.journey import E164, Box, register

KIOSK = "kiosk@example.org"


async def imported(site: Site, *records: Any) -> None:
    await site.db.write(importing.import_records, records, "test", site.context.now())


def a_kiosk(n: int = 77, **more: Any) -> Any:
    given = {
        "kind": "business",
        "mobile": None,
        "email": KIOSK,
        "channels": "email",
        "area": CAMDEN,
    }
    return person(n, **given | {"lat": None, "lon": None} | more)


async def joining(visitor: Visitor, box: Box, channel: str = "email", address: str = KIOSK) -> Seen:
    page = await visitor.get("/me/registrations")
    page = await visitor.send(page, "/me/registrations", channel=channel)
    assert "agree" not in page.text  # it gets them already
    page = await visitor.send(page, "/join/address", address=address)
    return await visitor.send(page, "/join/code", code=await box.code(channel))


async def who(site: Site, channel: str, address: str) -> int:
    [found] = await site.db.read(reached.persons_with_address, channel, address)
    return found


async def test_who_proves_a_contact_of_another_registration_gets_a_routine_message_once(
    site: Site, box: Box
) -> None:
    await imported(site, a_kiosk())
    visitor, _ = await register(site, box)
    me, kiosk = await who(site, "sms", E164), await who(site, "email", KIOSK)
    page = await joining(visitor, box)
    assert "Joined. What is not urgent comes once" in page.words
    assert "Joined with this registration Business k" in page.words
    assert await site.db.read(joined.joined_with, me) == sorted([me, kiosk])
    message = await site.live(areas=[CAMDEN, "E09000033"])
    lines = await site.get(f"/api/v1/messages/{message}/deliveries?limit=200", role="auditor")
    line = {row["person"]: row["line"] for row in lines.json["deliveries"]}
    first, second = sorted([me, kiosk])
    assert (line[first], line[second]) == ("waiting", "not_sent")
    reasons = {row["person"]: row["reason"] for row in lines.json["deliveries"]}
    assert (reasons[first], reasons[second]) == (None, "duplicate_person")
    told = await site.get(f"/api/v1/messages/{message}/explain/{second}", role="approver")
    assert (told.json["verdict_now"], told.json["reason"]) == ("duplicate_person",) * 2
    assert told.json["steps"][-1]["name"] == "same person"
    assert f"comes to {first}" in told.json["steps"][-1]["detail"]
    told = await site.get(f"/api/v1/messages/{message}/explain/{first}", role="approver")
    assert told.json["steps"][-1]["passed"]
    assert told.json["verdict_now"] == "send"


async def test_who_stops_everything_stops_their_other_registrations_too(
    site: Site, box: Box
) -> None:
    await imported(site, a_kiosk())
    visitor, _ = await register(site, box)
    kiosk = await who(site, "email", KIOSK)
    await joining(visitor, box)
    page = await visitor.get("/me")
    page = await visitor.send(page, "/me/stop", channel="all")

    async def is_stopped() -> bool:
        return (await site.db.read(reached.contacts, [kiosk], "email"))[kiosk].stopped

    assert await is_stopped()
    page = await visitor.send(page, "/me/start", channel="all")
    assert not await is_stopped()
    page = await visitor.send(page, "/me/stop", channel="sms")
    assert not await is_stopped()  # one channel is one registration's


async def test_who_deletes_themselves_reads_what_becomes_of_their_other_registrations(
    site: Site, box: Box
) -> None:
    await imported(site, a_kiosk())
    visitor, _ = await register(site, box)
    kiosk = await who(site, "email", KIOSK)
    assert "stopped too" not in (await visitor.get("/me/delete")).words
    await joining(visitor, box)
    page = await visitor.get("/me/delete")
    assert "joined with this one are stopped too, but not deleted" in page.words
    gone = await visitor.send(page, "/me/delete")
    assert "joined with this one are stopped too, but not deleted" in gone.words
    assert "We keep nothing of you" not in gone.words
    assert (await site.db.read(reached.contacts, [kiosk], "email"))[kiosk].stopped


async def test_they_stand_apart_again_at_one_press(site: Site, box: Box) -> None:
    await imported(site, a_kiosk())
    visitor, _ = await register(site, box)
    me = await who(site, "sms", E164)
    page = await joining(visitor, box)
    page = await visitor.send(page, "/me/registrations/part")
    assert "stands by itself again" in page.words
    assert await site.db.read(joined.joined_with, me) == [me]


async def test_of_several_at_one_telephone_nobody_is_joined_by_guessing(
    site: Site, box: Box
) -> None:
    await imported(site, a_kiosk(77), a_kiosk(78))
    visitor, _ = await register(site, box)
    me = await who(site, "sms", E164)
    page = await joining(visitor, box)
    assert "we cannot know which one is yours" in page.words
    assert await site.db.read(joined.joined_with, me) == [me]


async def test_a_contact_where_nobody_is_reached_gets_no_code_and_the_same_page(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    before = len(box.got("email"))
    page = await visitor.get("/me/registrations")
    page = await visitor.send(page, "/me/registrations", channel="email")
    page = await visitor.send(page, "/join/address", address="nobody@example.org")
    assert page.url == "/join/code"
    await box.deliver()
    assert len(box.got("email")) == before
    page = await visitor.send(page, "/join/code", code="123456")
    assert "This is not the code" in page.words


async def test_one_cannot_join_without_the_code_or_signed_out(site: Site, box: Box) -> None:
    await imported(site, a_kiosk())
    visitor, _ = await register(site, box)
    me = await who(site, "sms", E164)
    page = await visitor.get("/me/registrations")
    page = await visitor.send(page, "/me/registrations", channel="email")
    page = await visitor.send(page, "/join/address", address=KIOSK)
    code = await box.code("email")
    own = next(name for name in visitor.cookies if "own" in name)
    del visitor.cookies[own]
    page = await visitor.send(page, "/join/code", code=code)
    assert "too old" in page.words
    assert await site.db.read(joined.joined_with, me) == [me]
    assert (await Visitor(site).get("/me/registrations")).url == "/sign-in"


@pytest.mark.parametrize("role", ["author", "approver", "operator", "auditor"])
async def test_only_administrators_join_and_part_others(site: Site, role: str) -> None:
    refused = await site.post(
        "/api/v1/subscribers/p1/join", {"with": ["p2"], "why": "x"}, role=role
    )
    assert refused.status == 403
    refused = await site.post("/api/v1/subscribers/p1/part", {"why": "x"}, role=role)
    assert refused.status == 403


async def test_an_administrator_joins_and_parts_on_record(site: Site) -> None:
    path = "/api/v1/subscribers/p1"
    body = {"with": ["p2", 3], "why": "told by telephone"}
    done = await site.post(f"{path}/join", body, role="administrator")
    assert (done.status, done.json["changed"], done.json["same_person"]) == (200, True, [2, 3])
    again = await site.post(f"{path}/join", body, role="administrator")
    assert again.json["changed"] is False
    for wrong in (
        {"with": [], "why": "x"},
        {"with": ["p1"], "why": "x"},
        {"with": "p2", "why": "x"},
    ):
        assert (await site.post(f"{path}/join", wrong, role="administrator")).status == 422
    unknown = await site.post(
        f"{path}/join", {"with": ["nobody"], "why": "x"}, role="administrator"
    )
    assert unknown.status == 404
    done = await site.post(f"{path}/part", {"why": "father and son"}, role="administrator")
    assert (done.json["changed"], done.json["same_person"]) == (True, [])
    found = await site.get("/api/v1/audit?limit=1000", role="auditor")
    acts = [row["action"] for row in found.json["links"]]
    assert {"subscribers.join", "subscribers.part"} <= set(acts)
