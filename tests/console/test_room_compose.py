"""Writing on one page: the preview beside the text, what is kept as it is typed, ways to say where,
templates.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Select, func, select

from broadcast.content.segments import count
from broadcast.drafts import unfinished
from broadcast.events.tables import outbox
from broadcast.groups import registered
from broadcast.groups.registered import Group
from broadcast.messages import advice
from broadcast.operators import operators
from broadcast.operators.tables import audit
from broadcast.places.areas import AreaRecord
from broadcast.places.postcodes import look_up
from broadcast.places.postcodes.directory import Entry
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from broadcast.store.database import metadata
from config import settings
from console.room.writing import drafts
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site
from tests.console.visitor import HERE, Seen, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


@pytest.fixture
async def author(site: Site) -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in("author")
    return visitor


WORDS = {"headline-0": "Gas leak", "instruction-0": "Stay indoors."}


async def keep(visitor: Visitor, page: Seen, path: str = "/room/new", **changes: Any) -> Any:
    """Send what a page's own script sends while somebody types."""
    seen = await visitor.send(page, path, {**WORDS, **changes}, do="keep")
    return json.loads(seen.text)


SHOPS = [
    Group(kind="sector", key="licensed trade", name="Pubs and bars"),
    Group(kind="sector", key="fuel", name="Fuel"),
    Group(kind="community", key="boaters", name="People who live on boats"),
]


def ticks(page: Seen, name: str) -> dict[str, bool]:
    boxes = page.tree.xpath(f"//input[@name='{name}']")
    assert {box.get("type") for box in boxes} <= {"checkbox"}
    return {
        " ".join(box.getparent().text_content().split()): box.get("checked") is not None
        for box in boxes
    }


def scopes(page: Seen) -> list[tuple[str, bool]]:
    found = page.tree.xpath("//select[@name='scope']/option")
    return [(option.text, option.get("selected") is not None) for option in found]


async def test_sectors_and_communities_are_ticked_by_the_names_they_are_registered_with(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    assert ticks(page, "sectors") == {}
    await site.db.write(registered.register, SHOPS, datetime.now(UTC))
    page = await author.get("/room/new")
    assert ticks(page, "sectors") == {"Fuel": False, "Pubs and bars": False}
    assert ticks(page, "communities") == {"People who live on boats": False}
    chosen = {"sectors": ["licensed trade"], "communities": ["boaters"]}
    saved = await author.send(page, "/room/new", WORDS, areas=[WESTMINSTER], **chosen, do="save")
    v = await site.version(1)
    assert v.content.audience.sectors == ("licensed trade",)
    assert v.content.audience.communities == ("boaters",)
    assert ticks(saved, "sectors") == {"Fuel": False, "Pubs and bars": True}
    emptied = await author.send(saved, saved.url, sectors=[], do="save")
    assert ticks(emptied, "sectors") == {"Fuel": False, "Pubs and bars": False}
    assert (await site.version(1)).content.audience.communities == ("boaters",)


async def test_what_nobody_registered_stays_ticked_and_is_not_left_out_unseen(
    site: Site, author: Visitor
) -> None:
    await site.db.write(registered.register, SHOPS, datetime.now(UTC))
    # as it was kept by a page on which it was typed
    fields = {**drafts.blank("incident"), "sectors": "Fuel, Saddlers", "communities": ""}
    owner = await site.db.read(operators.by_name, "author")
    await site.db.write(unfinished.keep_skeleton, owner, "/room", "Old", fields, datetime.now(UTC))
    page = await author.get("/room/new?from=1")
    shown = {"Fuel": True, "Pubs and bars": False, "Saddlers (not registered)": True}
    assert ticks(page, "sectors") == shown
    refused = await author.send(page, "/room/new", WORDS, areas=[WESTMINSTER], do="check")
    assert 'no sector "saddlers" is registered' in refused.words
    assert ticks(refused, "sectors") == shown


async def test_a_level_is_for_the_country_a_group_or_a_place_and_never_for_two(
    site: Site, author: Visitor
) -> None:
    await site.db.write(registered.register, SHOPS, datetime.now(UTC))
    path = "/room/new?kind=threat_level_change"
    page = await author.get(path)
    assert scopes(page) == [
        ("The whole country (UK)", True),
        ("A place, named below", False),
        ("People who live on boats (community)", False),
        ("Fuel (sector)", False),
        ("Pubs and bars (sector)", False),
    ]
    level = {**WORDS, "level": "SEVERE"}
    twice = await author.send(page, "/room/new", level, scope_place=WESTMINSTER, do="save")
    assert (twice.status, "scope_twice" in twice.words) == (422, True)
    for n, (scope, place) in enumerate((("sector:fuel", ""), ("", WESTMINSTER)), 1):
        page = await author.get(path)
        given = {"scope": scope, "scope_place": place}
        saved = await author.send(page, "/room/new", {**level, **given}, do="save")
        assert (await site.version(n)).content.scope == (scope or place), saved.words
        (chosen,) = (name for name, on in scopes(saved) if on)
        assert chosen == ("Fuel (sector)" if scope else "A place, named below")
        assert saved.tree.xpath("string(//input[@name='scope_place']/@value)") == place


WARDS = [
    AreaRecord(code="E05000001", level="ward", name="Abbey Road", parent=WESTMINSTER),
    AreaRecord(code="E05000002", level="ward", name="Abbey Road", parent=CAMDEN),
]


def offered(page: Seen) -> dict[str, str]:
    found = page.tree.xpath("//button[@name='scope_which']")
    return {str(b.get("value")): " ".join(b.text_content().split()) for b in found}


def place(page: Seen) -> str:
    return str(page.tree.xpath("string(//input[@name='scope_place']/@value)"))


async def test_the_place_of_a_level_is_found_by_its_name_and_chosen_where_several_have_it(
    site: Site, author: Visitor
) -> None:
    await site.db.write(store_areas, WARDS, datetime.now(UTC), source="test")
    page = await author.get("/room/new?kind=threat_level_change")
    level = {**WORDS, "level": "SEVERE", "scope": ""}
    # looked for by a part of its name, as the places of a message are
    found = await author.send(page, "/room/new", level, scope_place="minst", do="place")
    assert offered(found) == {WESTMINSTER: f"Choose Westminster (borough in London, {WESTMINSTER})"}
    chosen = await author.send(found, "/room/new", scope_which=WESTMINSTER)
    assert (chosen.status, place(chosen), offered(chosen)) == (200, WESTMINSTER, {})
    assert f"Westminster (borough in London, {WESTMINSTER})" in chosen.words
    # by its whole name, without looking for it first
    await author.send(page, "/room/new", level, scope_place=" camden ", do="save")
    assert (await site.version(1)).content.scope == CAMDEN
    page = await author.get("/room/new?kind=threat_level_change")
    twice = await author.send(page, "/room/new", level, scope_place="abbey road", do="save")
    assert (twice.status, "area_ambiguous" in twice.words) == (422, True)
    assert offered(twice) == {
        "E05000001": "Choose Abbey Road (ward in Westminster, E05000001)",
        "E05000002": "Choose Abbey Road (ward in Camden, E05000002)",
    }
    assert place(twice) == "abbey road"
    one = await author.send(twice, "/room/new", scope_which="E05000002")
    await author.send(one, "/room/new", do="save")
    assert (await site.version(2)).content.scope == "E05000002"
    # what is no place is told; a code stays a code
    page = await author.get("/room/new?kind=threat_level_change")
    none = await author.send(page, "/room/new", level, scope_place="<b>Atlantis", do="save")
    assert (none.status, "area_unknown" in none.words, offered(none)) == (422, True, {})
    assert "Nothing of this name or code lies in your area." in none.words
    assert "<b>Atlantis" not in none.text
    lost = await author.send(none, "/room/new", level, scope_place="W92000004", do="save")
    assert (lost.status, "W92000004" in lost.words, place(lost)) == (422, True, "W92000004")
    await author.send(lost, "/room/new", level, scope_place="e12000007", do="save")
    assert (await site.version(3)).content.scope == "E12000007"


async def test_the_place_of_a_level_is_read_by_its_name_while_somebody_types(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new?kind=threat_level_change")
    level = {"level": "SEVERE", "scope": ""}
    told = await keep(author, page, **level, scope_place="Camden")
    assert "Would be sent to 1" in told["preview"].replace("</th>", " ").replace(
        '<td class="number"><strong>', ""
    )
    page = await author.get("/room/new?kind=threat_level_change")
    told = await keep(author, page, **level, scope_place="mden")
    assert "no area is called" in told["preview"]


async def looks(site: Site) -> int:
    query = select(func.count()).where(audit.c.action == "message.preview")
    return int(await site.db.read(lambda conn: conn.execute(query).scalar_one()))


async def test_a_preview_says_what_is_missing_and_counts_all_the_same(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    seen = await author.send(page, "/room/new", {}, areas=[WESTMINSTER], do="preview")
    assert seen.status == 200
    assert "Not complete yet:" in seen.words
    assert "Would be sent to 31" in seen.words
    whole = await author.send(seen, "/room/new", WORDS, do="preview")
    assert "Not complete yet:" not in whole.words
    assert "Gas leak. Stay indoors." in whole.words
    empty = await author.send(page, "/room/new", WORDS, do="preview")
    assert "It cannot be counted yet." in empty.words
    assert "Would be sent to" not in empty.words  # never "everybody"
    assert (await site.get("/api/v1/messages")).json["messages"] == []


async def test_check_7_and_9_the_preview_is_the_check_and_counts_parts_as_the_command(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    assert "tiles" not in page.text  # nobody else learns where is looked
    words = {"headline-0": "Gas leak – Strutton Ground", "instruction-0": "Stay “indoors”."}
    seen = await author.send(page, "/room/new", words, areas=[WESTMINSTER], do="preview")
    check = await author.send(seen, "/room/new", do="check")

    def numbers(of: Seen) -> dict[str, str]:
        rows = of.tree.xpath("//table[@class='counts']//tr")
        return {row.xpath("string(th)"): row.xpath("string(td)") for row in rows}

    assert numbers(seen) == numbers(check) != {}
    body = seen.tree.xpath("string(//*[@aria-label='Text message, en']//*[@class='words'])")
    made = count(body.strip())
    assert f"the text message needs {made.segments} part" in seen.words
    (press,) = seen.tree.xpath("//button[@name='replace']")
    plain = await author.send(seen, "/room/new", replace=press.get("value"))
    now = dict(plain.fields("/room/new"))
    assert now["headline-0"] == "Gas leak - Strutton Ground"
    assert now["instruction-0"] == 'Stay "indoors".'
    assert "the text message needs" not in plain.words
    assert not plain.tree.xpath("//button[@name='replace']")
    assert all(f"“{c}”" in seen.words or f'"{c}"' in seen.words or c in seen.words for c in "–“”")


async def test_the_map_has_a_background_only_where_a_setting_says_so(tmp_path: Path) -> None:
    tiles = "https://tiles.example/{z}/{x}/{y}.png"
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE, FASTTIME_MAP_TILES=tiles) as site:
        author = Visitor(site)
        await author.sign_in("author")
        page, home = await author.get("/room/new"), await author.get("/room")
    assert page.tree.xpath("string(//*[@id='draw']/@data-tiles)") == tiles
    policy = page.headers["Content-Security-Policy"]
    assert "img-src 'self' https://tiles.example data:;" in policy
    assert "tiles.example" not in home.headers["Content-Security-Policy"]
    for wrong in ("https://tiles.example/a.png", "https://a b/{z}/{x}/{y}", "//a/{z}{x}{y}"):
        with pytest.raises(Rejected) as refused:
            settings.load({"FASTTIME_MAP_TILES": wrong})
        assert refused.value.problems[0].field == "FASTTIME_MAP_TILES"


async def test_while_typing_words_cost_no_counting_and_places_are_counted_once_each(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    told = await keep(author, page, areas=[WESTMINSTER])
    assert await looks(site) == 1
    state = {"kept": str(told["id"]), "kept-revision": str(told["revision"])}
    for n in range(5):
        told = await keep(
            author, page, areas=[WESTMINSTER], **state, **{"description-0": f"More {n}"}
        )
        state = {"kept": str(told["id"]), "kept-revision": str(told["revision"])}
        assert f"More {n}" in told["preview"]
    assert await looks(site) == 1
    await keep(author, page, areas=[CAMDEN], **state)
    assert await looks(site) == 2


async def test_check_15_what_is_typed_is_there_again_after_a_reload_complete_or_not(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    told = await keep(author, page, **{"headline-0": "Half a"})
    assert told["saved"].startswith("Saved ")
    assert told["at"] == f"/room/new?kept={told['id']}"
    again = await author.get(told["at"])
    assert dict(again.fields("/room/new"))["headline-0"] == "Half a"
    assert "As you left it at " in again.words
    approver = Visitor(site)
    await approver.sign_in("approver")
    assert (await approver.get(told["at"])).status == 404  # its owner's alone
    home = await author.get("/room")
    assert f"/room/new?kept={told['id']}" in home.text
    check = await author.send(again, "/room/new", WORDS, areas=[WESTMINSTER], do="check")
    assert check.h1 == "Check before you submit"
    assert (await author.get(told["at"])).status == 404  # it is a draft now


async def test_check_16_a_second_tab_is_told_and_nothing_is_overwritten(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    first = await keep(author, page)
    state = {"kept": str(first["id"]), "kept-revision": str(first["revision"])}
    await keep(author, page, **state, **{"headline-0": "Theirs"})
    late = await keep(author, page, **state, **{"headline-0": "Mine"})
    assert late["saved"].startswith("Not saved: you changed this in another tab.")
    again = await author.get(f"/room/new?kept={first['id']}")
    assert dict(again.fields("/room/new"))["headline-0"] == "Theirs"


async def test_a_draft_that_is_edited_keeps_what_is_typed_until_it_is_saved(
    site: Site, author: Visitor
) -> None:
    number = await site.drafted()
    path = f"/room/messages/{number}/edit"
    told = await keep(author, await author.get(path), path, **{"headline-0": "Half"})
    assert told["at"] == ""
    again = await author.get(path)
    assert dict(again.fields(path))["headline-0"] == "Half"
    assert "not saved in the draft yet" in again.words
    assert (await site.version(number)).content.languages["en"].headline == "Road closed"
    gone = await author.send(again, path, do="discard")
    assert gone.url == f"/room/messages/{number}"
    assert dict((await author.get(path)).fields(path))["headline-0"] == "Road closed"


async def test_places_are_searched_found_in_the_tree_and_removed_with_their_people(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    assert "Westminster 32 people" in " ".join(page.tree.xpath("string(//*[@id='tree'])").split())
    hits = await author.get("/room/places?q=CAM")
    assert "Add Camden borough, E09000007, 1 person" in hits.words
    added = await author.send(page, "/room/new", WORDS, add=CAMDEN)
    both = await author.send(added, "/room/new", add=WESTMINSTER)
    assert "Chosen places (2)" in both.words
    one = await author.send(both, "/room/new", remove=CAMDEN)
    assert [v for k, v in one.fields("/room/new") if k == "areas"] == [WESTMINSTER]
    assert dict(one.fields("/room/new"))["headline-0"] == "Gas leak"
    camden = Visitor(site)
    await camden.sign_in("camden")
    assert "Westminster" not in (await camden.get("/room/new")).words
    assert "Westminster" not in (await camden.get("/room/borders")).text
    assert "Westminster" not in (await camden.get("/room/places?q=west")).words.replace(
        "“west”", ""
    )


async def test_a_postcode_becomes_a_point_with_a_radius(site: Site, author: Visitor) -> None:
    entry = Entry("SW1A2AA", 51.5034, -0.1276, 50, "", "")
    await site.db.write(look_up.put, [entry], datetime.now(UTC))
    page = await author.get("/room/new")
    seen = await author.send(page, "/room/new", WORDS, postcode="sw1a 2aa", radius="2")
    assert dict(seen.fields("/room/new"))["circles"] == "51.50340,-0.12760 2"
    assert "Would be sent to 31" in seen.words
    wrong = await author.send(page, "/room/new", WORDS, postcode="ZZ9 9ZZ")
    assert (wrong.status, "postcode_unknown" in wrong.words) == (404, True)
    assert dict(wrong.fields("/room/new"))["headline-0"] == "Gas leak"


async def test_one_begins_from_a_template_or_a_copy(site: Site, author: Visitor) -> None:
    page = await author.get("/room/new")
    fields = {**WORDS, "kind": "appeal", "areas": [CAMDEN]}
    nameless = await author.send(page, "/room/new", fields, skeleton="", do="skeleton")
    assert nameless.status == 422
    await author.send(page, "/room/new", fields, skeleton="Witness appeal", do="skeleton")
    fresh = await author.get("/room/new")
    link = fresh.tree.xpath("//details[@class='begin']//a")[0]
    assert link.text_content() == "Witness appeal"
    begun = dict((await author.get(link.get("href"))).fields("/room/new"))
    assert (begun["kind"], begun["areas"], begun["headline-0"]) == ("appeal", CAMDEN, "Gas leak")
    assert "Witness appeal" not in (await author.get("/exercise/new")).words
    camden = Visitor(site)
    await camden.sign_in("camden")
    assert "Witness appeal" not in (await camden.get("/room/new")).words  # another control room's

    live = await site.live()
    copied = await author.get(f"/room/new?copy={live}")
    assert f"A copy of message {live}" in copied.words
    assert dict(copied.fields("/room/new"))["headline-0"] == "Road closed"
    hidden = await site.drafted(visibility="private")
    assert (await camden.get(f"/room/new?copy={hidden}")).status == 404


def everything(conn: Connection) -> dict[str, list[str]]:
    """Return every row of every table."""
    return {
        table.name: [str(tuple(row)) for row in conn.execute(select(table))]
        for table in metadata.sorted_tables
    }


async def test_check_14_who_only_follows_links_changes_nothing(site: Site, author: Visitor) -> None:
    await site.live()
    await site.drafted()
    before = await site.db.read(everything)
    seen, waiting = {"/room"}, ["/room"]
    while waiting:
        page = await author.get(waiting.pop())
        for href in page.tree.xpath("//main//a/@href | //nav//a/@href"):
            path = href.partition("#")[0]
            if path.startswith(("/room", "/exercise")) and path not in seen:
                seen.add(path)
                waiting.append(path)
    assert len(seen) > 8
    assert {"/room/messages/1", "/room/messages/2", "/room/messages/2/check"} <= seen
    after = await site.db.read(everything)
    # that they looked is on record, and the chain's new head is told; nothing else is written
    assert {name for name in after if after[name] != before[name]} <= {"audit", "outbox"}
    looks = select(audit.c.action).where(audit.c.number > len(before["audit"]))
    told = select(outbox.c.topic).where(outbox.c.id > len(before["outbox"]))
    assert await site.db.read(words_of, looks) == {"message.preview"}
    assert await site.db.read(words_of, told) == {"receipts"}


def words_of(conn: Connection, asked: Select[Any]) -> set[str]:
    return {word for (word,) in conn.execute(asked)}


async def operator(site: Site) -> Any:
    from broadcast.operators import operators

    return await site.db.read(operators.by_token, site.tokens["author"])


async def test_an_answer_that_was_lost_is_no_other_tab(site: Site, author: Visitor) -> None:
    page = await author.get("/room/new")
    first = await keep(author, page)
    state = {"kept": str(first["id"]), "kept-revision": str(first["revision"])}
    await keep(author, page, **state, **{"headline-0": "Mine"})  # this answer does not arrive
    again = await keep(author, page, **state, **{"headline-0": "Mine"})
    assert again["saved"].startswith("Saved ")


async def test_without_script_what_was_previewed_is_submitted_and_what_was_not_is_checked_first(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    assert "submit" not in page.tree.xpath("//button[@name='do']/@value")
    half = await author.send(page, "/room/new", {}, areas=[WESTMINSTER], do="preview")
    assert "submit" not in half.tree.xpath("//button[@name='do']/@value")
    seen = await author.send(half, "/room/new", WORDS, do="preview")
    assert seen.tree.xpath("string(//button[@value='submit'])") == "Submit for approval"
    other = await author.send(seen, "/room/new", {"headline-0": "Gas leak, big"}, do="submit")
    assert other.h1 == "Check before you submit"
    assert "was not submitted" not in other.words
    assert (await site.version(1)).state == "draft"
    again = await author.get("/room/new")
    seen = await author.send(again, "/room/new", WORDS, areas=[WESTMINSTER], do="preview")
    done = await author.send(seen, "/room/new", do="submit")
    assert done.url == "/room/messages/2"
    assert (await site.version(2)).state == "pending_approval"
    twice = await author.send(seen, "/room/new", do="submit")
    assert twice.url == "/room/messages/2"  # a double click is one message
    assert len((await site.get("/api/v1/messages")).json["messages"]) == 2


async def test_warnings_ticked_beside_the_preview_are_accepted_with_what_is_submitted(
    site: Site, author: Visitor
) -> None:
    page = await author.get("/room/new")
    words = {**WORDS, "headline-0": "GAS LEAK IN THE WHOLE STREET"}
    told = await keep(author, page, **words, areas=[WESTMINSTER], accept="shouting")
    assert 'value="shouting" id="accept-shouting" checked' in told["preview"]  # a tick stays
    seen = await author.send(page, "/room/new", words, areas=[WESTMINSTER], do="preview")
    assert seen.tree.xpath("//input[@name='accept']/@value") == ["shouting"]
    done = await author.send(seen, "/room/new", do="submit", accept="shouting")
    assert done.url == "/room/messages/1"
    v = await site.version(1)
    assert await site.db.read(advice.of_submission, v.id) == [
        {"code": "shouting", "accepted": True}
    ]


async def test_the_script_of_the_page_chooses_and_removes_places_without_another_page(
    author: Visitor,
) -> None:
    page = await author.get("/room/new")
    told = await keep(author, page, add=WESTMINSTER)
    assert "Westminster" in told["chosen"]
    assert "✓ chosen" in told["branches"]
    assert "Submit for approval" in told["preview"]
    told = await keep(author, page, areas=[WESTMINSTER], remove=WESTMINSTER)
    assert "None yet." in told["chosen"]
    assert "chosen" not in await keep(author, page, areas=[WESTMINSTER])
