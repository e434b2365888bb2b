"""An address that takes no messages any more: marked, told of another way, and mended on one's own
page.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice
from service.loops.bounces import Bounces
from subscribers.registration.budgets import Limits
from tests.console.site import Site
from tests.console.visitor import Visitor
from tests.residents.journey import Box, register
from tests.residents.test_api import call
from tests.residents.test_choosing import me_of

MAIL = "ada@example.org"


def bounces(site: Site, box: Box, *, after: timedelta = timedelta(0), pounds: int = 100) -> Bounces:
    return Bounces(
        site.db,
        ("Actual", dict(box.channels)),
        limits=Limits(day_money=pounds),
        now=lambda: datetime.now(UTC) + after,
    )


async def with_mail(site: Site, box: Box) -> Visitor:
    """Register somebody by text, who then adds mail and wants that first."""
    visitor, _ = await register(site, box)
    page = await visitor.send(await visitor.get("/me/add"), "/me/add", channel="email")
    page = await visitor.send(page, "/join/address", address=MAIL, agree="yes")
    page = await visitor.send(page, "/join/code", code=await box.code("email"))
    await visitor.send(page, "/me/channels", channels=["sms", "email"], first="email")
    return visitor


async def fails(site: Site, s: Slice, code: str) -> None:
    failed = [
        Outcome(position=p, person_id=person, state="failed", code=code) for p, person in s.people
    ]
    await site.db.write(recording.record, [(s, failed)], at=datetime.now(UTC))


async def points(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await me_of(site))["contact_points"]
    return found


async def test_who_bounced_is_told_another_way_once_and_starts_again_on_their_page(
    site: Site, box: Box
) -> None:
    visitor = await with_mail(site, box)
    await site.live()
    await fails(site, await site.claimed("email"), "gone")
    before = len(box.got("sms"))
    looking = bounces(site, box)
    await looking.look()
    await looking.look()
    await bounces(site, box).look()  # a process that begins reads the same evidence
    await box.deliver()
    [told] = box.got("sms")[before:]
    assert "your e-mail address takes no messages from us any more" in told
    assert "/me" in told
    assert [p["kind"] for p in await points(site) if p["bounced_at"]] == ["email"]
    page = await visitor.get("/me")
    assert "Nothing can be delivered here since" in page.words
    await site.live()
    assert (await site.claimed("sms")).people
    page = await visitor.send(page, "/me/start", channel="email")
    assert "Nothing can be delivered" not in page.words
    await looking.look()
    assert not any(p["bounced_at"] for p in await points(site))


async def test_what_is_no_sure_end_of_an_address_marks_nothing(site: Site, box: Box) -> None:
    await with_mail(site, box)
    await site.live()
    await fails(site, await site.claimed("email"), "550")
    await bounces(site, box).look()
    assert not any(p["bounced_at"] for p in await points(site))


async def test_an_exercise_by_the_simulator_marks_nothing(site: Site, box: Box) -> None:
    visitor = await with_mail(site, box)
    page = await visitor.get("/me")
    await visitor.send(page, "/me/topics", topics=["incident", "exercise"])
    await site.live(status="Exercise", exercise="Bright Lantern")
    await fails(site, await site.claimed("email", status="Exercise"), "gone")
    await bounces(site, box).look()
    assert not any(p["bounced_at"] for p in await points(site))


async def test_the_telling_waits_for_quiet_hours_and_for_money_and_is_given_up_in_the_end(
    site: Site, box: Box
) -> None:
    visitor = await with_mail(site, box)
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=1), now + timedelta(hours=2)
    hours = {"begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}", "zone": "Africa/Abidjan"}
    await site.live()
    s = await site.claimed("email")
    await visitor.send(await visitor.get("/me"), "/me/quiet-hours", **hours)
    await fails(site, s, "gone")
    before = len(box.got("sms"))

    async def told() -> int:
        await box.deliver()
        return len(box.got("sms")) - before

    await bounces(site, box).look()
    assert await told() == 0
    await bounces(site, box, after=timedelta(hours=3), pounds=0).look()
    assert await told() == 0
    await bounces(site, box, after=timedelta(days=3, hours=1)).look()
    await bounces(site, box).look()
    assert await told() == 0


async def test_after_the_quiet_hours_it_is_told(site: Site, box: Box) -> None:
    visitor = await with_mail(site, box)
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=1), now + timedelta(minutes=1)
    hours = {"begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}", "zone": "Africa/Abidjan"}
    await site.live()
    s = await site.claimed("email")
    await visitor.send(await visitor.get("/me"), "/me/quiet-hours", **hours)
    await fails(site, s, "gone")
    before = len(box.got("sms"))
    await bounces(site, box, pounds=0, after=timedelta(minutes=2)).look()
    await box.deliver()
    assert len(box.got("sms")) == before
    await bounces(site, box, after=timedelta(minutes=2)).look()
    await box.deliver()
    assert len(box.got("sms")) == before + 1


async def test_addresses_are_put_in_order_on_the_page_and_by_programs(site: Site, box: Box) -> None:
    visitor = await with_mail(site, box)
    page = await visitor.send(await visitor.get("/me/add"), "/me/add", channel="email")
    page = await visitor.send(page, "/join/address", address="bob@example.org", agree="yes")
    page = await visitor.send(page, "/join/code", code=await box.code("email"))
    assert "Use this one first: a•••@example.org" in page.words
    assert (await me_of(site))["email"] == "bob@example.org"
    at = {"kind": "email", "place": "1", "address": "a•••@example.org"}
    stale = await visitor.send(page, "/me/address", **(at | {"address": "x"}), act="first")
    assert (stale.status, "look at the list again" in stale.words) == (422, True)
    page = await visitor.send(page, "/me/address", **at, act="first")
    assert (await me_of(site))["email"] == MAIL
    # who signs in at the other address is the same person
    other = Visitor(site)
    page = await other.send(await other.get("/sign-in"), "/sign-in", address="bob@example.org")
    page = await other.send(page, "/join/code", code=await box.code("email"))
    assert page.url == "/me"
    begun = await call(site, "POST", "/sign-in", {"address": MAIL})
    typed = {"registration": begun.json["registration"], "code": await box.code("email")}
    session = (await call(site, "POST", "/registrations/confirm", typed)).json["session"]
    act = {"kind": "email", "address": "b•••@example.org", "act": "remove"}
    mine = await call(site, "POST", "/me/addresses", act, session)
    assert (mine.status, mine.json["addresses"]) == (200, [])
    for change, code in ((act, "contact_unknown"), (act | {"act": "x"}, "act_unknown")):
        refused = await call(site, "POST", "/me/addresses", change, session)
        assert (refused.status, refused.code) == (422, code)
