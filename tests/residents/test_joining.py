"""Registering by oneself: the pages, the code, and what a stranger can learn or cost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from channels.contract import InDoubt, Refused
from channels.memory import Outcome, fails_with
from service.loops.leases import Leases
from service.loops.turns import Turns
from service.residents.registering import BASIS
from subscribers.contact.tables import contact_point
from subscribers.registration import pending
from subscribers.registration.tables import registration, sign_up_count
from subscribers.registry import importing, reached, showing
from tests.console.site import CAMDEN, WESTMINSTER, Site, person
from tests.console.visitor import Seen, Visitor
from tests.residents.journey import E164, MOBILE, Box, choose, register, to_code


async def people_at(site: Site, channel: str = "sms", address: str = E164) -> list[int]:
    return await site.db.read(reached.persons_with_address, channel, address)


async def shown(site: Site, who: int) -> dict[str, Any]:
    found = await site.db.read(showing.show, who)
    assert found is not None
    return found


async def test_41_somebody_registers_without_script_and_the_next_message_reaches_them(
    site: Site, box: Box
) -> None:
    visitor, done = await register(site, box, topics=["incident", "appeal"])
    assert (done.url, done.h1) == ("/join/done", "You are registered")
    [more] = done.tree.xpath("//main//a[@href='/me/places']")
    assert (await visitor.get(more.get("href"))).status == 200
    assert "Messages about Westminster reach you by text message" in done.words
    [who] = await people_at(site)
    known = await shown(site, who)
    assert (known["area"], known["topics"], known["channels"], known["consented"]) == (
        WESTMINSTER,
        ["incident", "appeal"],
        ["sms"],
        ["sms"],
    )
    assert known["consents"][0]["basis"] == BASIS
    await site.live(kind="incident")
    claimed = await site.claimed()
    assert who in [person_id for _, person_id in claimed.people]


@pytest.mark.parametrize(
    "channel,address", [("sms", MOBILE), ("voice", "020 7946 0123"), ("email", "ada@example.org")]
)
async def test_each_channel_is_confirmed_by_a_code_that_comes_by_it(
    site: Site, box: Box, channel: str, address: str
) -> None:
    _, done = await register(site, box, address, channel=channel)
    assert done.h1 == "You are registered", done.words
    sent = {name: len(box.got(name)) for name in box.channels}
    assert sent == {name: int(name == channel) for name in box.channels}
    assert box.channels[channel].ledger[0].attempt == ""


async def test_42_nothing_is_ticked_in_advance(site: Site) -> None:
    visitor = Visitor(site)
    page = await visitor.get("/join?place=e")
    pages = [page, await visitor.send(page, "/join", area=WESTMINSTER)]
    pages.append(await visitor.send(pages[-1], "/join/topics", topics="appeal"))
    pages.append(await visitor.send(pages[-1], "/join/channel", channel="email"))
    for seen in pages:
        boxes = seen.tree.xpath("//input[@type='checkbox' or @type='radio']")
        assert boxes, seen.url
        assert [b.get("value") for b in boxes if b.get("checked") is not None] == []
        assert seen.tree.xpath("//*[@autofocus]") == []


async def test_every_page_says_what_is_missing_and_keeps_what_was_typed(site: Site) -> None:
    visitor = Visitor(site)
    page = await visitor.get("/join?place=west")
    again = await visitor.send(page, "/join", area="nowhere")
    assert (again.status, again.tree.xpath("string(//*[@role='alert']//a/@href)")) == (422, "#area")
    assert again.tree.xpath("//input[@id='place']/@value") == ["west"]
    page = await visitor.send(page, "/join", area=CAMDEN)
    assert "Choose one topic or more" in (await visitor.send(page, "/join/topics")).words
    page = await visitor.send(page, "/join/topics", topics=["advice"])
    assert "Choose how we reach you" in (await visitor.send(page, "/join/channel")).words
    page = await visitor.send(page, "/join/channel", channel="email")
    for given, agree, words in (
        ("", "yes", "Write your number or address"),
        ("a@b\r\nBcc:x@y", "yes", "This is no e-mail address"),
        ("a@localhost", "yes", "Mail cannot be sent there"),
        ("ada@example.org", "", "Tick the box"),
    ):
        seen = await visitor.send(page, "/join/address", address=given, agree=agree)
        assert seen.status == 422
        assert words in seen.words
        assert seen.tree.xpath("string(//title)").startswith("Error: ")
    assert seen.tree.xpath("//input[@id='address']/@value") == ["ada@example.org"]


@pytest.mark.parametrize(
    "given,code",
    [
        ("09001234567", "number_not_allowed"),
        ("118500", "number_not_allowed"),
        ("07012345678", "number_not_allowed"),
        ("+881612345678", "number_invalid country_closed number_not_allowed"),
        ("+33612345678", "country_closed"),
        ("+447700901555", "number_invalid"),
        ("020 7183 8750", "landline"),
        ("07700 900 12", "number_too_short"),
    ],
)
async def test_a_number_that_costs_more_or_gets_no_text_is_refused(
    site: Site, given: str, code: str
) -> None:
    from broadcast.problems import Rejected
    from subscribers.registration import addresses

    with pytest.raises(Rejected) as refused:
        addresses.read("sms", given, trial=True)
    assert refused.value.problems[0].code in code.split()
    assert given not in str(refused.value)


def test_a_drama_number_is_refused_where_messages_are_real_and_an_island_costs_more() -> None:
    from broadcast.problems import Rejected
    from subscribers.registration import addresses, budgets

    with pytest.raises(Rejected) as refused:
        addresses.read("sms", "07700 900123", trial=False)
    assert refused.value.problems[0].code == "number_not_reachable"
    for number in ("07797 712345", "07781 123456", "07624 312345"):
        assert addresses.read("sms", number, trial=False).island, number
    assert not addresses.read("sms", "07912 345678", trial=False).island
    assert budgets.cost("sms", island=True) == 3 * budgets.cost("sms", island=False)


async def test_41_five_wrong_codes_close_the_code_and_a_new_one_opens_it(
    site: Site, box: Box
) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)
    right = await box.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(5):
        seen = await visitor.send(page, "/join/code", code=wrong)
        assert (seen.status, "This is not the code" in seen.words) == (422, True)
    seen = await visitor.send(page, "/join/code", code=right)
    assert (seen.status, "Five wrong codes" in seen.words) == (429, True)
    assert await people_at(site) == []
    page = await visitor.send(seen, "/join/code/again")
    newer = await box.code()
    if newer != right:
        assert (await visitor.send(page, "/join/code", code=right)).status == 422
    done = await visitor.send(page, "/join/code", code=f" {newer[:3]} {newer[3:]} ")
    assert done.h1 == "You are registered"
    # used once: another browser that had it could do nothing with it
    visitor.cookies = {k: v for k, v in visitor.cookies.items() if "own" not in k}
    assert (await visitor.send(page, "/join/code", code=newer)).url == "/join/done"
    assert (await visitor.get("/me")).url == "/sign-in"
    assert len(await people_at(site)) == 1


@pytest.mark.parametrize("digits", ["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "০১২৩৪৫৬৭৮৯", "੦੧੨੩੪੫੬੭੮੯"])
async def test_a_code_is_taken_in_the_digits_of_the_telephone_s_keyboard(
    site: Site, box: Box, digits: str
) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)
    typed = (await box.code()).translate(str.maketrans("0123456789", digits))
    assert (await visitor.send(page, "/join/code", code=typed)).h1 == "You are registered"


async def test_41_an_old_code_is_refused(site: Site, box: Box) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)
    code = await box.code()
    past = site.context.now() - timedelta(seconds=1)
    await site.db.write(
        lambda conn: conn.execute(update(registration).values(code_expires_at=past))
    )
    seen = await visitor.send(page, "/join/code", code=code)
    assert (seen.status, "too old" in seen.words) == (410, True)
    assert await people_at(site) == []


async def test_41_a_known_number_gets_the_same_pages_and_a_text_that_says_so(
    site: Site, box: Box
) -> None:
    await register(site, box)
    fresh, known = Visitor(site), Visitor(site)
    pages = []
    for visitor, number in ((known, MOBILE), (fresh, "07700 900666")):
        page = await to_code(visitor, number, topics="advice")
        wrong = await visitor.send(page, "/join/code", code="1")
        pages.append([re.sub(r"••• \d+|value=\"[0-9a-f]{64}\"", "", p.text) for p in (page, wrong)])
    assert pages[0] == pages[1]
    await box.deliver()
    told = box.got()
    assert "you are registered. " in told[1]
    assert "your code to register" in told[2]
    code = re.findall(r"\b\d{6}\b", told[1])[0]
    signed = await known.send(await known.get("/join/code"), "/join/code", code=code)
    assert signed.url == "/me?saved=known", signed.words
    assert "You were registered already. What you chose just now was not kept" in signed.words
    assert (await known.get("/join/done")).url == "/me"  # that page would tell of another place
    [who] = await people_at(site)
    assert (await shown(site, who))["topics"] == ["incident"]


async def test_confirm_pressed_twice_leads_to_the_same_page(site: Site, box: Box) -> None:
    """The browser drops the first answer, cookie and all, and shows the second."""
    visitor = Visitor(site)
    page = await to_code(visitor)
    code, before = await box.code(), dict(visitor.cookies)
    first = await visitor.send(page, "/join/code", code=code)
    visitor.cookies = dict(before)
    second = await visitor.send(page, "/join/code", code=code)
    back = await visitor.get("/join/code")
    assert [(p.status, p.url, p.h1) for p in (first, second, back)] == [
        (200, "/join/done", "You are registered")
    ] * 3
    assert (await visitor.get("/me")).url == "/sign-in"  # a used code signs in nobody
    assert len(await people_at(site)) == 1


async def test_who_stopped_and_registers_again_starts_by_one_press_where_they_come_to(
    site: Site, box: Box
) -> None:
    visitor, _ = await register(site, box)
    await visitor.send(await visitor.get("/me"), "/me/stop", channel="all")
    again, page = await register(site, box, topics="advice")
    [start] = page.tree.xpath("//*[@id='stop']")
    assert "You have stopped all messages" in " ".join(start.itertext())
    started = await again.send(page, "/me/start", channel="all")
    assert "Started again." in started.words
    assert "have stopped all" not in started.words


async def test_a_browser_that_keeps_no_cookies_is_told_what_is_missing(site: Site) -> None:
    page = await Visitor(site).get("/join/topics")
    assert (page.status, "your browser keeps no cookies" in page.words) == (410, True)


async def test_a_number_that_others_brought_in_opens_nothing_of_theirs(
    site: Site, box: Box
) -> None:
    imported = person(77, mobile=E164, name="Somebody Else", area=CAMDEN, lat=None, lon=None)
    await site.db.write(importing.import_records, [imported], "test", site.context.now())
    visitor, done = await register(site, box)
    assert done.h1 == "You are registered"
    assert len(await people_at(site)) == 2
    me = await visitor.get("/me")
    assert "Westminster" in me.words
    assert "Camden" not in me.words


async def test_a_code_is_recorded_before_it_is_sent_and_sent_once_by_two_senders(
    site: Site, box: Box
) -> None:
    visitor = Visitor(site)
    await to_code(visitor)
    seen: list[Any] = []

    async def look() -> list[Any]:
        return await site.db.read(
            lambda conn: list(
                conn.execute(select(registration.c.state, registration.c.code_hash)).all()
            )
        )

    memory = box.channels["sms"]
    send = memory.send

    async def watched(delivery: Any, *, timeout: float) -> Any:
        seen.extend(await look())
        return await send(delivery, timeout=timeout)

    memory.send = watched  # type: ignore[method-assign]
    import asyncio

    await asyncio.gather(*(box.sender().send_codes() for _ in range(4)))
    assert len(box.got()) == 1
    [(state, kept)] = seen
    assert state == "sending"
    assert kept
    assert (await look())[0][0] == "sent"


async def test_a_code_in_doubt_is_never_sent_again_by_itself(site: Site, box: Box) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)
    box.channels["sms"].always = Outcome(taken=True, error=InDoubt("no_answer", "lost"))
    for _ in range(3):
        await box.deliver()
    assert len(box.got()) == 1
    code = re.findall(r"\b\d{6}\b", box.got()[0])[0]
    done = await visitor.send(page, "/join/code", code=code)  # it may have arrived all the same
    assert done.h1 == "You are registered"


async def test_a_sender_that_died_with_a_code_leaves_it_in_doubt(site: Site, box: Box) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)

    def claim_and_die(conn: Any) -> Any:
        return pending.claim(conn, channels=("sms",), now=site.context.now())

    assert len(await site.db.write(claim_and_die)) == 1
    await box.deliver()
    assert box.got() == []
    page = await visitor.send(page, "/join/code/again")
    done = await visitor.send(page, "/join/code", code=await box.code())
    assert done.h1 == "You are registered"


async def test_a_refused_code_is_said_nowhere_and_a_new_one_may_be_asked_for(
    site: Site, box: Box
) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)
    box.channels["sms"].by_address[E164] = fails_with(Refused("21211"))
    await box.deliver()
    assert (await visitor.get("/join/code")).words == page.words


async def test_no_address_and_no_code_lies_in_the_tables_in_clear(site: Site, box: Box) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)

    def rows(conn: Any) -> str:
        tables = (registration, sign_up_count, contact_point)
        return "".join(str(conn.execute(select(t)).all()) for t in tables)

    code = await box.code()
    kept = await site.db.read(rows)
    for secret in (E164, E164[3:], MOBILE, code, visitor.cookies["fasttime_form"].split(".")[0]):
        assert secret not in kept
    await visitor.send(page, "/join/code", code=code)
    sealed = await site.db.read(lambda conn: conn.execute(select(registration.c.address)).scalar())
    assert sealed is None
    assert E164[3:] not in await site.db.read(rows)


async def test_codes_are_refused_once_an_address_had_its_share(site: Site, box: Box) -> None:
    visitor = Visitor(site)
    page = await to_code(visitor)

    async def again() -> Seen:
        await box.deliver()
        await visitor.send(page, "/join/code", code="1")
        return await visitor.send(page, "/join/code/again")

    for _ in range(2):
        page = await again()
        assert page.url == "/join/code"
    refused = await again()
    assert (refused.status, "Too many codes" in refused.words) == (429, True)
    assert int(refused.headers["Retry-After"]) > 0
    other = Visitor(site)
    page = await choose(other)
    refused = await other.send(page, "/join/address", address=MOBILE, agree="yes")
    assert refused.status == 429
    await box.deliver()
    assert len(box.got()) == 3


async def test_a_button_that_is_pressed_twice_sends_one_code(site: Site, box: Box) -> None:
    """Else two texts come, in any order, and the code of the first is wrong."""
    visitor = Visitor(site)
    page = await choose(visitor)

    async def give(address: str) -> Seen:
        return await visitor.send(page, "/join/address", address=address, agree="yes")

    await give(MOBILE)
    await give(MOBILE)
    await box.deliver()
    await give(MOBILE)
    waiting = await visitor.send(await visitor.get("/join/code"), "/join/code/again")
    await box.deliver()
    assert len(box.got()) == 1
    # it is asked for anew at another address, and where the one that came was tried
    tried = await visitor.send(waiting, "/join/code", code="1")
    await visitor.send(tried, "/join/code/again")
    await box.deliver()
    waiting = await give("07700 900556")
    done = await visitor.send(waiting, "/join/code", code=await box.code())
    assert (len(box.got()), done.h1) == (3, "You are registered")


async def test_a_form_from_elsewhere_or_of_another_browser_does_nothing(site: Site) -> None:
    visitor = Visitor(site)
    page = await choose(visitor)
    stranger = Visitor(site, origin="https://evil.example")
    assert (await stranger.ask("POST", "/join", [("area", WESTMINSTER)])).status == 403
    other = Visitor(site)
    await choose(other)
    fields = [*page.fields("/join/address"), ("address", MOBILE), ("agree", "yes")]
    assert (await other.ask("POST", "/join/address", fields)).status == 403
    bare = Visitor(site)
    assert (await bare.ask("POST", "/join/address", fields)).status == 410
    told = await site.db.read(
        lambda conn: conn.execute(select(registration.c.codes)).scalars().all()
    )
    assert set(told) == {0}


async def test_14_looking_at_the_pages_writes_nothing(site: Site) -> None:
    def rows(conn: Any) -> int:
        return len(conn.execute(select(registration.c.id)).all()) + len(
            conn.execute(select(sign_up_count.c.name)).all()
        )

    visitor = Visitor(site)
    for path in ("/join", "/join?place=west", "/join/topics", "/join/code", "/sign-in", "/me"):
        seen = await visitor.get(path)
        assert seen.status in (200, 410), path
    assert await site.db.read(rows) == 0


async def test_forms_that_took_too_long_are_forgotten(site: Site) -> None:
    await to_code(Visitor(site))
    past = site.context.now() - timedelta(seconds=1)
    await site.db.write(lambda conn: conn.execute(update(registration).values(expires_at=past)))
    await Leases(site.db, site.context.channels_on, Turns()).expire()
    left = await site.db.read(lambda conn: conn.execute(select(registration)).all())
    assert left == []


async def test_who_reads_a_language_that_the_pages_lack_is_registered_with_it(
    site: Site, box: Box
) -> None:
    visitor = Visitor(site)
    front = await visitor.get("/?lang=lt")
    [way] = front.tree.xpath("//nav//a[starts-with(@href, '/join')]")
    assert (way.get("href"), way.get("lang")) == ("/join?lang=lt", "en")
    page = await visitor.get("/join?place=west&lang=lt")
    assert page.tree.get("lang") == "en"
    page = await visitor.send(page, "/join?lang=lt", area=WESTMINSTER)
    page = await visitor.send(page, "/join/topics?lang=lt", topics="incident")
    page = await visitor.send(page, "/join/channel?lang=lt", channel="sms")
    page = await visitor.send(page, "/join/address?lang=lt", address=MOBILE, agree="yes")
    done = await visitor.send(page, "/join/code?lang=lt", code=await box.code())
    assert done.h1 == "You are registered"
    [who] = await people_at(site)
    assert (await shown(site, who))["language"] == "lt"
