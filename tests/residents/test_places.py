"""Registering for a postcode, on the pages and by a text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from broadcast.places.postcodes import look_up
from broadcast.places.postcodes.directory import Entry
from service.loops.leases import Leases
from service.loops.turns import Turns
from service.residents.by_text import BASIS
from subscribers.registry import acts, importing, reached, showing
from subscribers.registry.tables import subscriber
from tests.console.site import CAMDEN, WESTMINSTER, Answer, Site, person
from tests.console.visitor import Visitor
from tests.residents.journey import E164, MOBILE, Box, register
from tests.residents.test_api import WANTED, call

SID = "SM" + "7" * 32


@pytest.fixture
async def known(site: Site) -> Site:
    """The same installation, which knows where one postcode is."""
    entries = [Entry("SW1A2AA", 51.5034, -0.1276, 50, "E05013806", WESTMINSTER)]
    await site.db.write(look_up.put, entries, site.context.now())
    return site


async def texted(site: Site, body: str, number: str = E164, sid: str = SID) -> Answer:
    path = "/hooks/twilio/inbound"
    url = site.settings.public_url + path
    params = {"MessageSid": sid, "From": number, "Body": body}
    return await site.twilio(path, params, sign_url=url)


async def at(site: Site, number: str = E164) -> list[dict[str, Any]]:
    ids = await site.db.read(reached.persons_with_address, "sms", number)
    found = [await site.db.read(showing.show, who) for who in ids]
    return [each for each in found if each is not None]


async def test_a_postcode_is_found_chosen_and_reached(known: Site, box: Box) -> None:
    page = await Visitor(known).get("/join?place=sw1a+2aa")
    offered = [str(v) for v in page.tree.xpath("//input[@name='area']/@value")]
    assert offered[0] == "postcode:SW1A 2AA"
    assert WESTMINSTER in offered
    visitor, done = await register(known, box, area="postcode:SW1A 2AA")
    assert "Messages about SW1A 2AA reach you" in done.words
    [me] = await at(known)
    assert (me["postcode"], me["area"], round(me["lat"], 2)) == ("SW1A 2AA", None, 51.5)
    assert "SW1A 2AA" in (await visitor.get("/me")).words
    await known.live()
    claimed = await known.claimed()
    assert me["id"] in [who for _, who in claimed.people]
    page = await visitor.send(await visitor.get("/me/place?place=cam"), "/me/place", area=CAMDEN)
    [me] = await at(known)
    assert (me["postcode"], me["area"], me["lat"]) == ("", CAMDEN, None)


async def test_a_postcode_that_nobody_knows_is_said(known: Site) -> None:
    page = await Visitor(known).get("/join?place=ZZ99+9ZZ")
    assert "We do not know this postcode" in page.words
    sent = await Visitor(known).ask("POST", "/join", [("area", "postcode:ZZ99 9ZZ")])
    assert sent.status == 422


async def test_join_and_a_postcode_by_text_registers_once(known: Site) -> None:
    said = await texted(known, "Join sw1a2aa.")
    assert (said.status, b"you get messages about SW1A 2AA" in said.body) == (200, True)
    [me] = await at(known)
    assert (me["postcode"], me["channels"]) == ("SW1A 2AA", ["sms"])
    assert "exercise" not in me["topics"]
    assert me["consents"][0]["basis"] == BASIS
    again = await texted(known, "JOIN SW1A 2AA", sid=SID[:-1] + "8")
    assert b"you are registered already" in again.body
    assert len(await at(known)) == 1
    stopped = await texted(known, "STOP", sid=SID[:-1] + "9")
    assert stopped.status == 200
    assert (await at(known))[0]["stopped"] == ["sms"]


@pytest.mark.parametrize(
    "body,said",
    [
        ("JOIN", b"text JOIN and your postcode"),
        ("join nowhere at all", b"we do not know that place"),
        ("join ZZ99 9ZZ", b"we do not know that place"),
        ("joining was nice", b""),
    ],
)
async def test_what_a_text_that_names_a_place_leads_to(known: Site, body: str, said: bytes) -> None:
    answer = await texted(known, body)
    assert said in answer.body
    assert bool(await at(known)) == (b"you get messages" in said)


@pytest.mark.parametrize(
    "body,said",
    [
        ("YMUNO", "tecstiwch YMUNO a'ch cod post"),
        ("ymuno ZZ99 9ZZ", "nid ydym yn adnabod y lle hwnnw"),
        ("Ymuno Westminster", "byddwch yn cael negeseuon testun am Westminster"),
    ],
)
async def test_who_texts_in_welsh_is_answered_and_registered_in_welsh(
    known: Site, body: str, said: str
) -> None:
    answer = (await texted(known, body)).body.decode()
    assert said in answer.replace("&apos;", "'").replace("&#x27;", "'")
    assert "JOIN" not in answer
    assert "postcode" not in answer
    assert [each["language"] for each in await at(known)] == (["cy"] if "cael" in said else [])


async def test_help_and_join_do_not_name_us_on_a_telephone_that_must_give_nothing_away(
    known: Site,
) -> None:
    await texted(known, "JOIN Camden")
    named = known.settings.sender_name.encode()
    assert named in (await texted(known, "HELP", sid=SID[:-1] + "1")).body
    assert named in (await texted(known, "JOIN", sid=SID[:-1] + "2")).body
    [me] = await at(known)
    await known.db.write(
        lambda conn: conn.execute(
            update(subscriber).where(subscriber.c.id == me["id"]).values(discreet="yes")
        )
    )
    helped = (await texted(known, "HELP", sid=SID[:-1] + "3")).body
    assert b"In danger call 999." in helped
    assert named not in helped
    assert (await texted(known, "JOIN", sid=SID[:-1] + "4")).body.count(b"<Message>") == 0


async def test_who_texted_join_signs_in_by_a_code(known: Site, box: Box) -> None:
    await texted(known, "JOIN Camden")
    visitor = Visitor(known)
    page = await visitor.send(await visitor.get("/sign-in"), "/sign-in", address=MOBILE)
    page = await visitor.send(page, "/join/code", code=await box.code())
    assert (page.url, "Camden" in page.words) == ("/me", True)


async def test_texts_join_are_answered_within_the_budgets_and_forged_ones_never(
    known: Site,
) -> None:
    said = [(await texted(known, "JOIN", sid=f"SM{n:032d}")).body for n in range(5)]
    assert [b"<Message>" in body for body in said] == [True, True, True, False, False]
    forged = await known.twilio(
        "/hooks/twilio/inbound",
        {"MessageSid": SID, "From": "+447700900556", "Body": "JOIN Camden"},
        signature="forged",
    )
    assert forged.status == 403
    assert await at(known, "+447700900556") == []


async def test_a_visitor_registers_until_a_day_and_then_the_place_is_taken_out(
    known: Site, box: Box
) -> None:
    found = await Visitor(known).get("/join?place=cam")
    visitor = Visitor(known)
    for wrong, said in (("2020-01-01", "This day is over"), ("soon", "Write the last day")):
        page = await visitor.send(found, "/join", area=CAMDEN, until=wrong)
        assert (page.status, said in page.words) == (422, True)
    page = await visitor.send(found, "/join", area=CAMDEN, until="2099-12-24")
    page = await visitor.send(page, "/join/topics", topics="incident")
    page = await visitor.send(page, "/join/channel", channel="sms")
    page = await visitor.send(page, "/join/address", address=MOBILE, agree="yes")
    page = await visitor.send(page, "/join/code", code=await box.code())
    assert "Messages about Camden reach you" in page.words
    [me] = await at(known)
    assert (me["area"], me["places"]) == (None, [f"visiting {CAMDEN} until 2099-12-24T23:59Z"])
    await known.live(areas=[CAMDEN])
    assert me["id"] in [who for _, who in (await known.claimed()).people]
    before, after = (datetime(2099, 12, day, 23, 59, tzinfo=UTC) for day in (23, 24))
    assert await known.db.write(acts.end_visits, before, 9) == 0
    assert await known.db.write(acts.end_visits, after, 9) == 1
    assert (await at(known))[0]["places"] == []
    assert await known.db.write(acts.end_visits, after, 9) == 0


async def test_a_program_registers_a_visitor(known: Site, box: Box) -> None:
    visit = {**WANTED, "area": "postcode:SW1A 2AA", "visiting_until": "2099-12-24T18:00Z"}
    refused = await call(known, "POST", "/registrations", visit | {"visiting_until": "2020-01-01"})
    assert (refused.status, refused.code) == (422, "time_invalid")
    over = {"visiting_until": "2020-01-01T00:00Z"}
    refused = await call(known, "POST", "/registrations", visit | over)
    assert (refused.status, refused.code) == (422, "visit_over")
    begun = await call(known, "POST", "/registrations", visit)
    typed = {"registration": begun.json["registration"], "code": await box.code()}
    assert (await call(known, "POST", "/registrations/confirm", typed)).status == 200
    [me] = await at(known)
    assert (me["postcode"], me["places"]) == ("", ["visiting SW1A 2AA until 2099-12-24T18:00Z"])


async def test_the_loops_take_out_visits_that_have_ended(site: Site) -> None:
    over = "visiting E09000033 until 2020-01-01T00:00Z"
    told = [person(n, places=f"{over};work {CAMDEN}") for n in (70, 71)]
    await site.db.write(importing.import_records, told, "test", datetime.now(UTC))
    loop = Leases(site.db, site.context.channels_on, Turns())
    await loop.expire()

    def left(conn: Connection) -> list[str]:
        return list(
            conn.execute(select(subscriber.c.places).where(subscriber.c.places != "")).scalars()
        )

    assert await site.db.read(left) == [f"work {CAMDEN}"] * 2
