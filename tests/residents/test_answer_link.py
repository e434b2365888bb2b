"""Answering an appeal by one's own link: without sign-in, once, never by looking, and nobody learns
whose link it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import Connection, select

from broadcast.answers import links
from broadcast.answers.links import Link
from broadcast.answers.sealing import new_key
from broadcast.answers.tables import answer
from broadcast.events.tables import outbox
from broadcast.ledger.tables import response
from broadcast.problems import Rejected
from broadcast.replay import comparison
from broadcast.wording import answering
from console.pages.phrases import ANSWER_WORDS
from service.answers import by_link
from service.residents import own_data
from subscribers.registration import budgets
from subscribers.registry import acts, importing, reached
from tests.console.browser import browser
from tests.console.site import Site, open_site, person
from tests.console.visitor import HERE, Visitor
from tests.residents.test_in_browser import PHONE, sound

__all__ = ["browser"]

KEY = new_key()
WITNESS = 1
SAID = "A white van, at nine, by the bridge."


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    env = {"FASTTIME_ANSWERS_KEY": KEY.public.hex(), "FASTTIME_PUBLIC_URL": HERE}
    async with open_site(tmp_path, **env) as running:
        yield running


async def appeal(site: Site, **more: Any) -> tuple[int, str]:
    """Send an appeal; return its number and the path of the witness's own link."""
    message = await site.live(kind="appeal", hotlines=["101"], **more)
    await site.done(await site.claimed())
    return message, path_of(site, (await site.version(message)).id)


def path_of(site: Site, version: int, who: int = WITNESS, *, simulated: bool = False) -> str:
    return links.PATH + links.token(Link(who, version, simulated), site.settings.key())


async def rows(site: Site) -> list[Any]:
    def read(conn: Connection) -> list[Any]:
        return list(conn.execute(select(answer).order_by(answer.c.id)))

    return await site.db.read(read)


async def traces(site: Site) -> tuple[int, int, int]:
    def read(conn: Connection) -> tuple[int, int, int]:
        told = conn.execute(select(outbox.c.id)).all()
        return (
            len(conn.execute(select(answer.c.id)).all()),
            len(conn.execute(select(response.c.id)).all()),
            len(told),
        )

    return await site.db.read(read)


async def test_check_47_an_appeal_is_answered_without_sign_in_once_and_by_a_scanner_never(
    site: Site,
) -> None:
    message, path = await appeal(site)
    before = await traces(site)
    for _ in range(3):
        assert (await site.get(path, role=None)).status == 200
        assert (await site.call("HEAD", path, role=None)).status == 200
    assert await traces(site) == before
    visitor = Visitor(site)
    page = await visitor.get(path)
    assert page.h1 == "Send what you know"
    assert "Road closed" in page.words
    assert visitor.cookies == {}
    for _ in range(3):  # pressed twice, and once more after going back
        thanks = await visitor.send(page, path, answer=SAID)
        assert "Thank you. In danger call 999." in thanks.words
    [kept] = await rows(site)
    assert (kept.message_id, kept.joined, kept.kind, kept.person_id) == (message, "link", "page", 1)
    assert (KEY.opened(kept.sealed) or {})["words"] == SAID
    own = await site.db.read(own_data.everything, 1, site.context.now())
    [told] = own["answers"]
    assert told.pop("message") in page.words + path + str(own["messages"])
    assert told == {
        "at": kept.at.isoformat(),
        "channel": "web",
        "kind": "page",
        "version": 1,
        "read": False,
        "words": "sealed",
    }
    assert SAID not in str(own)
    assert (await site.db.read(own_data.everything, 2, site.context.now()))["answers"] == []
    assert (await traces(site))[1:] == (before[1] + 1, before[2] + 2)
    # who has more to tell is heard, too
    await visitor.send(thanks, path, answer=f"{SAID} And a dog.")
    assert len(await rows(site)) == 2
    listed = await site.get(f"/api/v1/messages/{message}/answers", role="approver")
    assert [a["kind"] for a in listed.json["answers"]] == ["page", "page"]
    assert (await site.db.read(comparison.replay)).differences == []


async def test_words_of_danger_raise_it_at_once(site: Site) -> None:
    message, path = await appeal(site)
    visitor = Visitor(site)
    await visitor.send(await visitor.get(path), path, answer="He has a gun")
    [kept] = await rows(site)
    assert kept.urgent
    home = await site.get(f"/api/v1/messages/{message}/answers", role="approver")
    assert home.json["answers"][0]["urgent"]


async def test_two_presses_at_the_same_moment_are_one_answer(site: Site) -> None:
    _, path = await appeal(site)
    visitor = Visitor(site)
    page = await visitor.get(path)
    sent = [Visitor(site).send(page, path, answer=SAID) for _ in range(8)]
    assert {answered.status for answered in await asyncio.gather(*sent)} == {200}
    assert len(await rows(site)) == 1


async def test_nobody_learns_whose_link_it_is(site: Site) -> None:
    people = [person(90, name="Wanda Witness", language="en"), person(91, name="Otto Other")]
    await site.db.write(importing.import_records, people, "test", site.context.now())
    _, _ = await appeal(site)
    [wanda] = await site.db.read(reached.persons_with_address, "sms", "+447700900090")
    [otto] = await site.db.read(reached.persons_with_address, "sms", "+447700900091")
    message = await site.live(kind="appeal")
    version = (await site.version(message)).id
    pages = []
    for who in (wanda, otto):
        path = path_of(site, version, who)
        page = await Visitor(site).get(path)
        sent = await Visitor(site).send(page, path, answer=SAID)
        pages.append([seen.text.replace(path, "LINK") for seen in (page, sent)])
    assert pages[0] == pages[1]
    said = " ".join(pages[0])
    for secret in ("Wanda", "p90", "900090"):
        assert secret not in said
    # the token itself tells neither the person nor the version, and one letter off is nobody's
    tokens = [path_of(site, version, who) for who in range(1, 400)]
    assert len(set(tokens)) == 399
    assert len({len(token) for token in tokens}) == 1
    heads = {token[len(links.PATH) :][:4] for token in tokens}
    assert len(heads) > 390  # neighbours have nothing in common
    last = "q" if tokens[0].endswith("a") else "a"  # one in eight ends with it
    for cut in (tokens[0][:-1], tokens[0][:-1] + last, tokens[0] + "a", "/a/é", "/a/" + "a" * 34):
        gone = await site.get(cut, role=None)
        assert gone.status == 404


async def test_who_left_and_what_never_went_out_have_the_page_of_no_link(site: Site) -> None:
    _, path = await appeal(site)
    drafted = await site.drafted(kind="appeal")
    unsent = path_of(site, (await site.version(drafted)).id)
    assert (await site.get(unsent, role=None)).status == 404
    visitor = Visitor(site)
    page = await visitor.get(path)
    assert await site.db.write(acts.erase, WITNESS, site.context.now())
    gone = await site.get(path, role=None)
    never = await site.get(links.PATH + "a" * links.LENGTH, role=None)
    assert (gone.status, gone.body) == (404, never.body)
    assert (await visitor.send(page, path, answer=SAID)).status == 404
    assert await rows(site) == []


@pytest.mark.parametrize("tag", sorted(ANSWER_WORDS))
async def test_the_page_and_the_thanks_are_in_the_persons_language(site: Site, tag: str) -> None:
    record = person(90, language=tag)
    await site.db.write(importing.import_records, [record], "test", site.context.now())
    [who] = await site.db.read(reached.persons_with_address, "sms", "+447700900090")
    message = await site.live(kind="appeal")
    path = path_of(site, (await site.version(message)).id, who)
    visitor = Visitor(site)
    page = await visitor.get(path)
    assert page.tree.get("lang") == tag
    assert page.tree.get("dir") == ("rtl" if tag in ("ar", "fa", "ur") else "ltr")
    assert page.h1 == ANSWER_WORDS[tag]["heading"]
    thanks = await visitor.send(page, path, answer=SAID)
    assert answering.acknowledgement(tag) in thanks.words
    assert not [
        part for part in ("Send", "Thank", "answer") if part in thanks.words and tag != "en"
    ]


async def test_a_message_that_is_not_public_is_named_by_its_code_alone(site: Site) -> None:
    message = await site.live(
        kind="appeal", visibility="restricted", audience={"kinds": ["resident"]}
    )
    version = await site.version(message)
    page = await Visitor(site).get(path_of(site, version.id))
    assert "Road closed" not in page.text
    assert version.code in page.words


async def test_what_comes_after_the_end_is_read_all_the_same(site: Site) -> None:
    message, path = await appeal(site)
    await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "over", "reason": "over"}, role="approver"
    )
    visitor = Visitor(site)
    page = await visitor.get(path)
    assert "This message is over" in page.words
    await visitor.send(page, path, answer=SAID)
    assert len(await rows(site)) == 1


async def test_an_answer_to_a_test_stays_in_the_test(site: Site) -> None:
    message = await site.live(kind="appeal", status="Test")
    path = path_of(site, (await site.version(message)).id, simulated=True)
    visitor = Visitor(site)
    page = await visitor.get(path)
    assert "EXERCISE" in page.words
    await visitor.send(page, path, answer="He has a gun")
    [kept] = await rows(site)
    assert (kept.simulated, kept.status) == (True, "Test")


async def test_nothing_and_too_much_are_refused_and_what_was_typed_stays(site: Site) -> None:
    _, path = await appeal(site)
    visitor = Visitor(site)
    page = await visitor.get(path)
    empty = await visitor.send(page, path, answer="  \n ")
    assert (empty.status, "Write your answer first" in empty.words) == (422, True)
    long = await visitor.send(page, path, answer="<b>x</b>" * 2000)
    assert long.status == 422
    assert long.fields(path)[0][1].startswith("<b>x</b><b>x")
    assert "<b>x" not in long.text
    assert await rows(site) == []
    huge = await site.call(
        "POST",
        path,
        role=None,
        key=None,
        data=b"answer=" + b"x" * 200_000,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert huge.status == 413


async def test_a_flood_by_one_link_or_one_network_is_refused_and_others_get_through(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = (await site.version(await site.live(kind="appeal"))).id
    now = site.context.now()

    async def kept(who: int, words: str, network: str, at: datetime = now) -> bool:
        def write(conn: Connection) -> bool:
            by_link.keep(
                conn, Link(who, version, False), words, network=network, sealer=sealer, now=at
            )
            return True

        try:
            return await site.db.write(write)
        except Rejected as refused:
            refusals.append((refused.problems[0].code, bool(refused.problems[0].retry_after)))
            return False

    sealer = site.app.state.web.sealer
    refusals: list[tuple[str, bool]] = []
    took = [await kept(1, f"again {n}", f"net {n}") for n in range(budgets.ANSWERS_BY_LINK_DAY + 5)]
    assert sum(took) == budgets.ANSWERS_BY_LINK_DAY
    assert await kept(1, "again 0", "net 0")  # what is there already is thanked for once more
    assert await kept(2, "another witness", "net 0")
    assert await kept(1, "tomorrow", "net 0", now + timedelta(days=1))
    few = 5
    monkeypatch.setattr(budgets, "ANSWERS_BY_NETWORK", few)
    took = [await kept(3, f"n {n}", "one network") for n in range(few + 3)]
    assert sum(took) == few
    assert await kept(3, "elsewhere", "another network")
    assert set(refusals) == {("too_many_answers", True)}


async def test_a_program_answers_by_the_same_link(site: Site) -> None:
    _, path = await appeal(site)
    link = path.removeprefix(links.PATH)
    url = "/api/residents/answers"
    for _ in range(2):
        done = await site.call(
            "POST", url, role=None, key=None, json={"link": link, "answer": SAID}
        )
        assert (done.status, done.json) == (200, {"kept": True})
    assert len(await rows(site)) == 1
    for body, status in (
        ({"link": link[:-2] + "aa", "answer": SAID}, 404),
        ({"link": link}, 422),
        ({"link": link, "answer": " "}, 422),
    ):
        assert (await site.call("POST", url, role=None, key=None, json=body)).status == status


async def test_no_word_of_an_answer_lies_in_clear(site: Site, tmp_path: Path) -> None:
    _, path = await appeal(site)
    visitor = Visitor(site)
    await visitor.send(await visitor.get(path), path, answer="Zebedee told me so")
    await site.db.close()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"Zebedee" not in file.read_bytes(), file


@pytest.mark.browser
@pytest.mark.parametrize("lang,script", [("en", True), ("ar", False)])
async def test_check_47_in_a_browser_by_keyboard_at_320_pixels(
    site: Site, browser: Browser, lang: str, script: bool
) -> None:
    record = person(90, language=lang)
    await site.db.write(importing.import_records, [record], "test", datetime.now(UTC))
    [who] = await site.db.read(reached.persons_with_address, "sms", "+447700900090")
    message = await site.live(kind="appeal")
    path = path_of(site, (await site.version(message)).id, who)
    context = await browser.new_context(viewport=PHONE, bypass_csp=True, java_script_enabled=script)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{site.url}{path}")
    assert "olice" not in await page.title()
    if script:
        await sound(page)
    presses = 0
    while not await page.locator("textarea:focus").count():
        await page.keyboard.press("Tab")
        presses += 1
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")  # nothing is written yet
    await page.wait_for_selector(".wrong")
    if script:
        await sound(page)
    await page.fill("textarea", SAID)
    await page.locator("textarea").press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".sent")
    if script:
        await sound(page)
    assert presses < 20
    assert answering.acknowledgement(lang) in await page.locator(".sent").inner_text()
    await page.reload()
    assert len(await rows(site)) == 1
    await context.close()
