"""Somebody who must not be seen here, and somebody who wants no more than so many a week: what they
choose, what comes, and what their pages say.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from broadcast.replay import comparison
from subscribers.registry import importing, reached
from tests.console.site import Site, person
from tests.console.visitor import Visitor
from tests.residents.journey import E164, MOBILE, Box, choose, register
from tests.residents.test_api import WANTED, call
from tests.residents.test_choosing import me_of, told


async def lines(site: Site, message: int) -> dict[int, tuple[str, str]]:
    answer = await site.get(f"/api/v1/messages/{message}/deliveries?limit=200", role="auditor")
    return {row["person"]: (row["line"], row.get("reason")) for row in answer.json["deliveries"]}


async def explained(site: Site, message: int, who: int) -> dict[str, Any]:
    path = f"/api/v1/messages/{message}/explain/{who}"
    found: dict[str, Any] = (await site.get(path, role="auditor")).json
    return found


async def handed(site: Site) -> None:
    """Send everything that waits on the channel for texts."""
    try:
        while True:
            await site.done(await site.claimed("sms"))
    except IndexError:
        return


async def test_who_takes_one_a_week_gets_one_and_reads_under_my_messages_what_did_not_come(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    page = await visitor.get("/me")
    wrong = await visitor.send(page, "/me/budget", most_a_week="0")
    assert (wrong.status, "Write a number from 1 to 99" in wrong.words) == (422, True)
    page = await visitor.send(page, "/me/budget", most_a_week="1")
    assert "Saved. Your next message follows these choices." in page.words
    assert page.tree.xpath("//input[@name='most_a_week']/@value") == ["1"]
    me = (await me_of(site))["id"]
    await site.live()
    await handed(site)
    second = await site.live()
    assert (await lines(site, second))[me] == ("not_sent", "budget")
    data = json.loads((await visitor.get("/me/data.json")).text)
    [counted] = data["counted_this_week"]
    sent = {key: data["messages"][0][key] for key in ("message", "version")}
    assert {key: counted[key] for key in sent} == sent
    assert (await explained(site, second, me))["reason"] == "budget"
    assert (await site.db.read(comparison.replay)).differences == []
    page = await visitor.get("/me/messages")
    assert "Not sent to you: 1" in page.words
    assert "You had had as many messages that week" in page.words
    assert "more than you chose to get in a week: 1" in (await visitor.get("/me/last-month")).words
    assert await told(site, severity="Extreme")
    page = await visitor.send(await visitor.get("/me"), "/me/budget", most_a_week="")
    assert (await me_of(site))["most_a_week"] == ""
    assert await told(site)


async def test_48_who_is_discreet_sees_no_sender_in_title_or_header_and_leaves_by_one_press(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box, topics=["incident", "exercise"])
    me = (await me_of(site))["id"]
    other_people = [person(60, topics="exercise")]
    await site.db.write(importing.import_records, other_people, "test", datetime.now(UTC))
    page = await visitor.get("/me")
    sender = site.settings.sender_name
    assert sender in page.tree.xpath("//title")[0].text
    assert await told(site, status="Exercise", exercise="Winter", visibility="restricted")
    page = await visitor.send(page, "/me/discreet", discreet="yes")
    assert "Saved. Your next message follows these choices." in page.words
    for path in ("/me", "/me/messages", "/me/last-month", "/me/delete", "/me/places"):
        page = await visitor.get(path)
        assert sender not in page.tree.xpath("//title")[0].text, path
        assert not page.tree.xpath(f"//header//*[contains(., '{sender}')]")
        assert "Leave this page" in page.tree.xpath("string(//header)")
        assert page.tree.xpath("//header//a/@rel") == ["noreferrer nofollow"]
    message = await site.live(status="Exercise", exercise="Winter", visibility="restricted")
    assert (await lines(site, message))[me] == ("not_sent", "discreet")
    trace = await explained(site, message, me)
    step = next(step for step in trace["steps"] if not step["passed"])
    assert step["detail"] == "discreet: never part of an exercise"
    # what comes to them when they sign in, or ask for a sample, names nobody either
    page = await visitor.get("/me")
    await visitor.send(page, "/me/sample", channel="sms")
    await box.deliver()
    assert box.got()[-1].startswith("A message for you: this is a sample")
    other = Visitor(site)
    await other.send(await other.get("/sign-in"), "/sign-in", address=MOBILE)
    await box.deliver()
    assert sender not in box.got()[-1]
    assert "@" not in box.got()[-1], "no line that names our address"
    await visitor.send(await visitor.get("/me"), "/me/discreet", discreet=[])
    assert (await me_of(site))["discreet"] == "no"


async def test_who_registers_discreetly_gets_a_code_that_names_nobody(site: Site, box: Box) -> None:
    visitor = Visitor(site)
    page = await choose(visitor)
    assert not page.tree.xpath("//input[@type='checkbox']/@checked")
    agreed: dict[str, Any] = {"address": MOBILE, "agree": "yes", "discreet": "yes"}
    page = await visitor.send(page, "/join/address", **agreed)
    code = await box.code()
    assert box.got()[-1].startswith(f"A message for you: {code} is your code to register.")
    await visitor.send(page, "/join/code", code=code)
    assert (await me_of(site))["discreet"] == "yes"
    # a list of the administrator's that says nothing of it leaves it as it is
    known = await me_of(site)
    record = person(1)._replace(external_id=known["external_id"], mobile=E164, email=None)
    await site.db.write(importing.import_records, [record], "test", datetime.now(UTC))
    assert (await me_of(site))["discreet"] == "yes"


async def test_a_program_chooses_both(site: Site, box: Box) -> None:
    begun = await call(site, "POST", "/registrations", {**WANTED, "discreet": True})
    code = await box.code()
    assert box.got()[-1].startswith("A message for you:")
    typed = {"registration": begun.json["registration"], "code": code}
    session = (await call(site, "POST", "/registrations/confirm", typed)).json["session"]
    mine = (await call(site, "GET", "/me", session=session)).json
    assert (mine["discreet"], mine["most_a_week"]) == (True, None)
    change = {"discreet": False, "most_a_week": 5}
    mine = (await call(site, "PATCH", "/me", change, session)).json
    assert (mine["discreet"], mine["most_a_week"]) == (False, 5)
    mine = (await call(site, "PATCH", "/me", {"most_a_week": None}, session)).json
    assert mine["most_a_week"] is None
    for wrong, refusal in (
        ({"discreet": "yes"}, "field_type"),
        ({"most_a_week": "5"}, "field_type"),
        ({"most_a_week": True}, "field_type"),
        ({"most_a_week": 0}, "most_a_week_invalid"),
        ({"most_a_week": 100}, "most_a_week_invalid"),
    ):
        refused = await call(site, "PATCH", "/me", wrong, session)
        assert (refused.status, refused.code) == (422, refusal), wrong
    assert await site.db.read(reached.persons_with_address, "sms", E164)


async def test_a_crime_update_reaches_who_chose_them_and_nobody_else(site: Site, box: Box) -> None:
    visitor, _ = await register(site, box, topics="crime_update")
    assert await told(site, kind="crime_update")
    assert not await told(site, kind="incident")
    page = await visitor.send(await visitor.get("/me"), "/me/topics", topics=["incident"])
    assert page.status == 200
    assert not await told(site, kind="crime_update")
