"""Signing in, choosing, stopping and starting again: saved at once, and the next message obeys."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service.setup import people_by_file
from subscribers.registration.tables import registration
from subscribers.registry import importing, reached, showing
from tests.console.site import CAMDEN, Site, person
from tests.console.visitor import Visitor
from tests.residents.journey import E164, MOBILE, Box, register


async def me_of(site: Site) -> dict[str, Any]:
    [who] = await site.db.read(reached.persons_with_address, "sms", E164)
    found = await site.db.read(showing.show, who)
    assert found is not None
    return found


async def told(site: Site, **changes: Any) -> bool:
    """Return whether the next message is sent to who registered."""
    me = (await me_of(site))["id"]
    message = await site.live(**changes)
    answer = await site.get(f"/api/v1/messages/{message}/deliveries?limit=200", role="auditor")
    line = {row["person"]: row["line"] for row in answer.json["deliveries"]}.get(me)
    await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "in_error"}, role="approver"
    )
    return line == "waiting"


async def test_what_is_chosen_is_what_the_next_message_follows(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    assert await told(site)
    page = await visitor.get("/me")
    page = await visitor.send(page, "/me/topics", topics=["advice"])
    assert "Saved. Your next message follows these choices." in page.words
    assert not await told(site)
    page = await visitor.send(page, "/me/topics", topics=["advice", "incident"])
    page = await visitor.send(page, "/me/severity", severity="Severe")
    assert not await told(site)
    assert await told(site, severity="Extreme")
    page = await visitor.send(page, "/me/severity", severity="")
    assert await told(site)
    found = await visitor.get("/me/place?place=cam")
    page = await visitor.send(found, "/me/place", area=CAMDEN)
    assert "Camden" in page.words
    assert not await told(site)
    assert await told(site, areas=[CAMDEN])
    page = await visitor.send(page, "/me/language", language="pl", then=["ar", "pl"])
    assert (await me_of(site))["other_languages"] == ["ar"]
    wrong = await visitor.send(page, "/me/language", language="pl", then=["xx"])
    assert (wrong.status, "Choose a language" in wrong.words) == (422, True)
    page = await visitor.send(
        page, "/me/quiet-hours", begin="22:00", end="07:00", zone="Europe/Warsaw"
    )
    known = await me_of(site)
    assert known["language"] == "pl"
    assert known["quiet_hours"] == "22:00-07:00 Europe/Warsaw"
    given = [c["basis"] for c in known["consents"]]
    assert given[-1].startswith("consent, changed on the page")
    wrong = await visitor.send(page, "/me/quiet-hours", begin="25:00", end="", zone="Europe/London")
    assert (wrong.status, "Write the hours as" in wrong.words) == (422, True)


async def test_each_topic_has_its_own_severity_and_way_and_the_next_message_follows(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.send(await visitor.get("/me/add"), "/me/add", channel="email")
    page = await visitor.send(page, "/join/address", address="ada@example.org", agree="yes")
    await visitor.send(page, "/join/code", code=await box.code("email"))
    page = await visitor.get("/me")
    await visitor.send(page, "/me/topics", topics=["incident", "appeal", "advice"])
    page = await visitor.get("/me/by-topic")
    ways = page.tree.xpath("//select[@id='channels-appeal']/option/@value")
    assert ways == ["", "sms", "email", "sms>email", "email>sms"]
    choices = {"severity-incident": "Extreme", "channels-incident": "email"}
    page = await visitor.send(page, "/me/by-topic", **choices, **{"severity-appeal": "Unknown"})
    assert "Saved. Your next message follows these choices." in page.words
    assert "Tell me of danger to many lives only – by e-mail" in page.words
    assert (await me_of(site))["by_topic"] == ["incident Extreme email", "appeal Unknown"]
    assert not await told(site)
    assert await told(site, severity="Extreme")
    assert not await told(site, severity="Extreme", channels=["sms", "web"])
    assert await told(site, kind="advice", channels=["sms", "web"])
    # who gives up a way gives it up for every topic
    page = await visitor.send(page, "/me/channels", channels=["sms"], first="sms")
    assert (await me_of(site))["by_topic"] == ["incident Extreme", "appeal Unknown"]
    page = await visitor.get("/me/by-topic")
    wrong = await visitor.send(page, "/me/by-topic", **{"channels-advice": "email"})
    assert (wrong.status, "Choose among the ways that you use" in wrong.words) == (422, True)
    # what is chosen for a topic stays while the topic is left out
    page = await visitor.send(await visitor.get("/me"), "/me/topics", topics=["advice"])
    await visitor.send(await visitor.get("/me/by-topic"), "/me/by-topic")
    assert (await me_of(site))["by_topic"] == ["incident Extreme", "appeal Unknown"]


async def test_other_places_bring_their_messages_and_a_visit_ends(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    assert not await told(site, areas=[CAMDEN])
    found = await visitor.get("/me/places?place=cam")
    wrong = await visitor.send(found, "/me/places", area=CAMDEN, kind="visiting", until="")
    assert (wrong.status, "Write the last day of your visit" in wrong.words) == (422, True)
    visit = {"area": CAMDEN, "kind": "visiting"}
    wrong = await visitor.send(found, "/me/places", **visit, until="2020-01-01")
    assert (wrong.status, "This day is over" in wrong.words) == (422, True)
    page = await visitor.send(found, "/me/places", **visit, until="2099-12-24")
    assert "Saved. Your next message follows these choices." in page.words
    assert "Visiting Camden" in page.words
    assert "Visiting Camden" in (await visitor.get("/me")).words
    assert await told(site, areas=[CAMDEN])
    assert await told(site, areas=[CAMDEN, "E09000033"])
    data = json.loads((await visitor.get("/me/data.json")).text)
    assert data["person"]["places"] == [f"visiting {CAMDEN} until 2099-12-24T23:59Z"]
    page = await visitor.send(page, "/me/places/remove", which=data["person"]["places"][0])
    assert "Visiting Camden" not in page.words
    assert not await told(site, areas=[CAMDEN])
    assert await told(site)


async def test_a_file_that_changes_what_somebody_chose_by_themselves_is_counted(
    site: Site, box: Box
) -> None:
    await register(site, box)
    me = (await site.db.read(reached.persons_with_address, "sms", E164))[-1]
    mine = await site.db.read(showing.cells_of, me)

    async def bring(**cells: str) -> dict[str, int]:
        cells = {"external_id": mine["external_id"], **cells}
        text = f"{','.join(cells)}\n{','.join(cells.values())}\n"
        found = people_by_file.read_file(
            text.encode(), name="f", trial_numbers=False, areas=frozenset(), fix=False
        )
        who, now = "the test", site.context.now()
        return await site.db.write(
            people_by_file.bring_in, who, found, basis="list", name="f", now=now
        )

    again = await bring(name="Ann", channels=mine["channels"], topics=mine["topics"])
    assert (again["updated"], again["own_choices_changed"]) == (1, 0)
    assert (await bring(quiet_hours=""))["own_choices_changed"] == 0
    changed = await bring(quiet_hours="22:00-07:00 Europe/London")
    assert (changed["updated"], changed["own_choices_changed"]) == (1, 1)
    assert (await bring(quiet_hours=""))["own_choices_changed"] == 1


async def test_44_stop_is_one_press_and_holds_for_who_shares_the_number(
    site: Site, box: Box
) -> None:
    imported = [person(77, mobile=E164)]
    await site.db.write(importing.import_records, imported, "test", site.context.now())
    visitor, _ = await register(site, box)
    people = await site.db.read(reached.persons_with_address, "sms", E164)
    page = await visitor.get("/me")
    page = await visitor.send(page, "/me/stop", channel="all")
    assert "You have stopped all messages" in page.words
    contacts = await site.db.read(reached.contacts, people, "sms")
    assert [contacts[p].stopped for p in people] == [True, True]
    await site.live()
    claimed = await site.claimed()
    assert not set(people) & {p for _, p in claimed.people}
    page = await visitor.send(page, "/me/start", channel="all")
    assert "Started again" in page.words
    contacts = await site.db.read(reached.contacts, people, "sms")
    assert sorted(contacts[p].stopped for p in people) == [False, True]


async def test_signing_in_by_a_code_and_ending_every_session_by_one_press(
    site: Site, box: Box
) -> None:
    first, _ = await register(site, box)
    other = Visitor(site)
    page = await other.send(await other.get("/sign-in"), "/sign-in", address=MOBILE)
    assert page.url == "/join/code"
    page = await other.send(page, "/join/code", code=await box.code())
    assert page.url == "/me"
    assert "on this many devices: 2" in page.words
    await other.send(page, "/me/sign-out-everywhere")
    for visitor in (first, other):
        assert (await visitor.get("/me")).url == "/sign-in"


async def test_who_is_unknown_and_signs_in_sees_the_same_and_is_sent_nothing(
    site: Site, box: Box
) -> None:
    stranger = Visitor(site)
    page = await stranger.send(await stranger.get("/sign-in"), "/sign-in", address="07700900777")
    assert page.url == "/join/code"
    await box.deliver()
    assert box.got() == []
    assert (await stranger.send(page, "/join/code", code="123456")).status == 422


async def test_a_session_of_an_operator_opens_no_resident_s_page_and_none_the_other_way(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    operator = Visitor(site)
    await operator.sign_in("author")
    stolen = operator.cookies["fasttime_room"]
    for cookies in ({"fasttime_own": stolen}, {"fasttime_own": visitor.cookies["fasttime_form"]}):
        assert (await Visitor(site, cookies=dict(cookies)).get("/me")).url == "/sign-in"
    room = Visitor(site, cookies={"fasttime_room": visitor.cookies["fasttime_own"]})
    assert "/room/sign-in" in (await room.get("/room")).url


async def test_a_form_of_another_session_changes_nothing(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.get("/me")
    other, _ = await register(site, box, "07700 900556")
    fields = [*page.fields("/me/topics"), ("topics", "advice")]
    assert (await other.ask("POST", "/me/topics", fields)).status == 403


@pytest.mark.parametrize("path", ["/me", "/me/place"])
async def test_own_pages_are_kept_by_nobody(site: Site, box: Box, path: str) -> None:
    visitor, _ = await register(site, box)
    seen = await visitor.get(path)
    assert seen.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in seen.headers["Content-Security-Policy"]
    assert E164[3:] not in seen.text


async def test_another_way_is_used_once_its_own_code_was_typed_in(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.send(await visitor.get("/me"), "/me/stop", channel="all")
    await visitor.send(page, "/me/start", channel="all")
    page = await visitor.send(await visitor.get("/me/add"), "/me/add", channel="email")
    assert page.url == "/join/address"
    mail = "ada@example.org"
    page = await visitor.send(page, "/join/address", address=mail, agree="yes")
    assert (await me_of(site))["channels"] == ["sms"]
    code = await box.code("email")
    stranger = Visitor(site, cookies={"fasttime_form": visitor.cookies["fasttime_form"]})
    assert (await stranger.send(page, "/join/code", code="1")).status == 422
    done = await visitor.send(page, "/join/code", code=code)
    assert "a•••@example.org" in done.words
    known = await me_of(site)
    assert (known["channels"], known["consented"]) == (["sms", "email"], ["sms", "email"])
    assert known["stopped"] == ["voice"]
    page = await visitor.send(done, "/me/channels", channels=["sms", "email"], first="email")
    assert (await me_of(site))["channels"] == ["email", "sms"]
    page = await visitor.send(page, "/me/stop", channel="sms")
    assert (await me_of(site))["stopped"] == ["sms", "voice"]
    other = Visitor(site)
    page = await other.send(await other.get("/sign-in"), "/sign-in", address=mail)
    page = await other.send(page, "/join/code", code=await box.code("email"))
    assert page.url == "/me"


async def test_my_messages_show_a_correction_with_what_it_corrects(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    assert "no message from us yet" in (await visitor.get("/me/messages")).words
    first = await site.live(languages={"en": {"headline": "Gas in Fleet Street"}})
    await site.done(await site.claimed(), "delivered")
    await site.live(languages={"en": {"headline": "Road closed elsewhere"}})
    await site.done(await site.claimed())
    await site.follow(first, "correct", languages={"en": {"headline": "Gas in Bow Street"}})
    await site.done(await site.claimed(lane="urgent"))
    page = await visitor.get("/me/messages")
    shown = [" ".join(each.itertext()) for each in page.tree.xpath("//article")]
    heads = ["Gas in Bow Street", "Gas in Fleet Street", "Road closed elsewhere"]
    assert [next(h for h in heads if h in text) for text in shown] == heads
    assert "THIS MESSAGE WAS WRONG" in shown[1]
    assert "Delivered by text message" in shown[1]
    assert page.tree.xpath("//article[2]//del")


async def test_45_my_data_is_taken_along_as_json_and_as_csv(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    await site.live(languages={"en": {"headline": "Gas"}})
    await site.done(await site.claimed(), "delivered")
    page = await visitor.get("/me")
    links = [str(h) for h in page.tree.xpath("//a[@download]/@href")]
    assert links == ["/me/data.json", "/me/data.csv"]
    taken = await visitor.get("/me/data.json")
    data = json.loads(taken.text)
    assert data["person"]["mobile"] == E164
    assert data["person"]["consents"][0]["basis"]
    assert [m["headline"] for m in data["messages"]] == ["Gas"]
    assert taken.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert [s["ended_at"] for s in data["sessions"]] == [None]
    await visitor.send(page, "/me/sign-out")
    page = await visitor.send(await visitor.get("/sign-in"), "/sign-in", address=MOBILE)
    await visitor.send(page, "/join/code", code=await box.code())
    data = json.loads((await visitor.get("/me/data.json")).text)
    assert [bool(s["ended_at"]) for s in data["sessions"]] == [False, True]
    rows = dict(csv.reader(io.StringIO((await visitor.get("/me/data.csv")).text)))
    assert rows["person.mobile"].lstrip("'") == E164
    assert rows["messages.1.headline"] == "Gas"
    assert rows["person.topics"] == "incident"
    assert (await Visitor(site).get("/me/data.json")).url == "/sign-in"


async def test_a_sample_comes_at_once_holds_no_code_and_is_in_the_budgets(
    site: Site, box: Box
) -> None:
    visitor, done = await register(site, box)
    page = await visitor.send(done, "/me/sample")
    assert "A sample is on its way" in page.words
    await box.deliver()
    assert "this is a sample of the messages" in box.got()[-1]
    assert not re.search(r"\d{6}", box.got()[-1])
    page = await visitor.send(page, "/me/sample")
    refused = await visitor.send(page, "/me/sample")
    assert (refused.status, "Too many codes" in refused.words) == (429, True)
    page = await visitor.send(await visitor.get("/me"), "/me/stop", channel="sms")
    assert "/me/sample" not in page.forms()


@pytest.mark.parametrize("leaving", ["stop", "delete"])
async def test_who_stops_or_leaves_while_a_sample_waits_is_sent_none(
    site: Site, box: Box, leaving: str
) -> None:
    visitor, done = await register(site, box)
    await visitor.send(done, "/me/sample")
    # a code to sign in elsewhere that nobody typed in lies here too
    other = Visitor(site)
    asked = await other.send(await other.get("/sign-in"), "/sign-in", address=MOBILE)
    sent = len(box.got())
    if leaving == "stop":
        await visitor.send(await visitor.get("/me"), "/me/stop", channel="all")
    else:
        await visitor.send(await visitor.get("/me/delete"), "/me/delete")
    await box.deliver()
    told = box.got()[sent:]
    assert not [words for words in told if "sample" in words]
    assert len(told) == (leaving == "stop")  # who stopped may sign in, to start again
    if leaving == "delete":
        left = select(registration.c.address).where(registration.c.address.is_not(None))
        assert not await site.db.read(lambda conn: conn.execute(left).all())
        page = await other.send(asked, "/join/code", code="123456")
        assert (page.status, "have a new one sent" in page.words) == (410, True)


async def test_what_this_would_have_meant_last_month_follows_the_choices(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box, topics=["incident", "advice"])
    await site.live(kind="incident")
    await site.live(kind="incident", severity="Minor")
    await site.live(kind="advice")
    await site.live(kind="incident", areas=[CAMDEN])
    page = await visitor.get("/me/last-month")
    assert "this many messages went out here: 4" in page.words
    assert "Messages: 3." in page.words
    rows = {
        str(row.xpath("string(th)")): [int(cell.text) for cell in row.xpath("td")]
        for row in page.tree.xpath("//tbody/tr")
    }
    assert [cells[0] for cells in rows.values()] == [1, 2]
    incident = "Incidents: what happens now, and what to do"
    assert f"{incident} – for other places: 1" in page.words
    await visitor.send(await visitor.get("/me"), "/me/severity", severity="Moderate")
    page = await visitor.get("/me/last-month")
    assert "Messages: 2." in page.words
    assert f"{incident} – less serious than you asked for: 1 – for other places: 1" in page.words
    await visitor.send(await visitor.get("/me"), "/me/topics", topics=["advice"])
    assert "Messages: 1." in (await visitor.get("/me/last-month")).words


@pytest.mark.parametrize(
    ("begin", "end", "stored"),
    [
        ("٢٢:٣٠", "٠٧:٠٠", "22:30-07:00"),
        ("২২:৩০", "০৭:০০", "22:30-07:00"),
        ("22.30", "7:00", "22:30-07:00"),
        ("22", "7", "22:00-07:00"),
    ],
)
async def test_hours_are_taken_as_people_type_them(
    site: Site, box: Box, begin: str, end: str, stored: str
) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.send(
        await visitor.get("/me"), "/me/quiet-hours", begin=begin, end=end, zone="Europe/London"
    )
    assert "Saved." in page.words
    assert (await me_of(site))["quiet_hours"] == f"{stored} Europe/London"
    page = await visitor.send(page, "/me/quiet-hours", begin="late", end="7", zone="Europe/London")
    assert (page.status, "Write the hours as 22:00" in page.words) == (422, True)


async def test_46_quiet_hours_say_what_still_comes_through_and_it_does(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.get("/me")
    assert "Warnings of danger to life come through at any hour" in page.words
    hour = site.context.now().hour
    begin, end = f"{(hour - 1) % 24:02d}:00", f"{(hour + 2) % 24:02d}:00"
    await visitor.send(page, "/me/quiet-hours", begin=begin, end=end, zone="UTC")
    me = (await me_of(site))["id"]
    await site.live(expires="12h")
    assert me not in [who for _, who in (await site.claimed()).people]
    await site.live(severity="Extreme", expires="12h")
    assert me in [who for _, who in (await site.claimed(lane="urgent")).people]


async def test_once_a_day_what_can_wait_comes_in_one_hour_and_danger_at_once(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.get("/me")
    assert "comes in this hour of the day and at no other" in page.words
    hour = (site.context.now() + timedelta(hours=2)).hour
    page = await visitor.send(page, "/me/quiet-hours", daily=str(hour), zone="UTC")
    known = await me_of(site)
    assert known["quiet_hours"] == f"{(hour + 1) % 24:02d}:00-{hour:02d}:00 UTC"
    assert page.tree.xpath("//select[@id='daily']/option[@selected]/text()") == [f"{hour:02d}:00"]
    assert page.tree.xpath("string(//input[@id='begin']/@value)") == ""
    me = known["id"]
    await site.live(expires="12h")
    assert me not in [who for _, who in (await site.claimed()).people]
    await site.live(severity="Extreme", expires="12h")
    assert me in [who for _, who in (await site.claimed(lane="urgent")).people]
    wrong = await visitor.send(page, "/me/quiet-hours", daily="3", zone="Mars/North")
    assert wrong.status == 422
    await visitor.send(page, "/me/quiet-hours", daily="", zone="UTC")
    assert (await me_of(site))["quiet_hours"] == ""


async def test_43_a_scanner_that_looks_at_every_link_changes_nothing(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box)
    before = await me_of(site)
    for path in (
        *("/me/stop", "/me/start", "/me/topics", "/me/sign-out", "/me/sign-out-everywhere"),
        *("/join/code", "/join/code/again", "/me/add", "/me/sample", "/me/data.json"),
    ):
        for method in ("GET", "HEAD"):
            await visitor.ask(method, path)
    assert await me_of(site) == before
    assert (await visitor.get("/me")).url == "/me"


async def test_a_number_that_an_administrator_wrote_in_opens_nothing_until_it_is_confirmed(
    site: Site, box: Box
) -> None:
    await register(site, box)
    me = (await me_of(site))["id"]
    other = "07700 900999"
    change = {"mobile": other}
    edited = await site.call(
        "PATCH", f"/api/v1/subscribers/{me}", json=change, role="administrator"
    )
    assert edited.status == 200, edited.body
    sent = len(box.got())
    visitor = Visitor(site)
    for number in (other, MOBILE):
        page = await visitor.send(await visitor.get("/sign-in"), "/sign-in", address=number)
        assert page.url == "/join/code"
    await box.deliver()
    assert len(box.got()) == sent


async def test_45_who_deletes_themselves_is_gone_and_may_register_again(
    site: Site, box: Box
) -> None:
    imported = [person(77, mobile=E164)]
    await site.db.write(importing.import_records, imported, "test", site.context.now())
    visitor, _ = await register(site, box)
    page = await visitor.get("/me")
    me = (await site.db.read(reached.persons_with_address, "sms", E164))[-1]
    assert "/me/delete" in [str(h) for h in page.tree.xpath("//a/@href")]
    page = await visitor.get("/me/delete")
    assert len(await site.db.read(reached.persons_with_address, "sms", E164)) == 2
    gone = await visitor.send(page, "/me/delete")
    assert (gone.status, gone.h1) == (200, "You are deleted")
    assert (await visitor.get("/me")).url == "/sign-in"
    [other] = await site.db.read(reached.persons_with_address, "sms", E164)
    assert other != me
    contacts = await site.db.read(reached.contacts, [me, other], "sms")
    assert contacts[other].stopped  # who holds the number wants nothing more there
    assert me not in contacts or contacts[me].erased
    await site.live()
    assert not {me, other} & {who for _, who in (await site.claimed()).people}
    _, done = await register(site, box)
    assert done.h1 == "You are registered"
    assert (await site.db.read(reached.persons_with_address, "sms", E164))[-1] > other
