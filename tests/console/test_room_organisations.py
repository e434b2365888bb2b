"""Organisations in the browser: found, looked at, added, changed and removed by the commands of the
other doors; masked where only looked at, and every look on record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcast.operators import operators
from broadcast.operators.tables import audit
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from console.room.looking.organisations import PAGE
from subscribers.organisations import rows
from subscribers.organisations.record import OrganisationRecord
from subscribers.registry.importing import import_records
from tests.console.site import CAMDEN, LONDON, WESTMINSTER, Site, open_site, person
from tests.console.visitor import HERE, Seen, Visitor

LIST = "/room/organisations"
ONE = f"{LIST}/one?id="
BELL = {
    "external_id": "o/1 é",
    "name": "The Bell & Sons",
    "trade": "I",
    "size": "small",
    "more_sites": f"{WESTMINSTER}\nE01000001",
    "people": ["p1", "p2"],
    "more_contacts": f"{WESTMINSTER}=p2",
}
AT = f"{ONE}o%2F1+%C3%A9"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        people = [person(n, kind="business") for n in range(1, 4)]
        await running.db.write(import_records, people, "test", datetime.now(UTC))
        yield running


async def signed_in(site: Site, role: str = "administrator") -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in(role)
    return visitor


async def kept(site: Site) -> list[OrganisationRecord]:
    return await site.db.read(lambda conn: list(rows.everyone(conn)))


async def acts(site: Site) -> list[tuple[str, str]]:
    query = select(audit.c.action, audit.c.subject).where(audit.c.action.like("organisations.%"))
    found = await site.db.read(lambda conn: conn.execute(query.order_by(audit.c.number)).all())
    return [(row.action, row.subject) for row in found]


def ids(page: Seen) -> list[str]:
    return [str(each) for each in page.tree.xpath("//*[@id='organisations']/tbody//th//bdi/text()")]


def people(page: Seen) -> list[str]:
    rows = page.tree.xpath("//*[@id='acting']/li")
    return [" ".join(row.text_content().split()) for row in rows]


async def test_one_is_added_looked_at_changed_and_removed(site: Site) -> None:
    visitor = await signed_in(site)
    page = await visitor.get(LIST)
    assert "None is registered." in page.words
    wrong = await visitor.send(
        page, f"{LIST}/add", {**BELL, "trade": "", "people": ["p1", "ghost"]}
    )
    assert (wrong.status, "trade_unknown" in wrong.words) == (422, True)
    # nothing that was said is lost
    assert ticks(wrong, "people") == {"p1": "P… 1…, …001 (p1)", "ghost": "ghost"}
    made = await visitor.send(wrong, f"{LIST}/add", BELL)
    assert "Saved." in made.words
    assert 'the area "E01000001" is not imported' in made.words
    assert made.tree.xpath("//*[@id='its-sites']/li/text()") == [
        f"Westminster ({WESTMINSTER})",
        "E01000001",
    ]
    assert people(made) == [
        "P… 1…, …001 (p1)",
        f"P… 2…, …002 (p2): single point of contact for Westminster ({WESTMINSTER})",
    ]
    again = await visitor.send(wrong, f"{LIST}/add", BELL)  # pressed twice
    assert again.status == 200
    assert len(await kept(site)) == 1

    (to,) = (await visitor.get(LIST)).tree.xpath("//*[@id='organisations']//th/a/@href")
    assert to == AT
    page = await visitor.get(to)
    assert page.h1 == "The Bell & Sons"
    changes = {"size": "large", "sites": [], "more_sites": "51.5,-0.14", "contacts": []}
    changes |= {"passes_on": "yes"}
    changed = await visitor.send(page, f"{LIST}/edit", changes)
    (bell,) = await kept(site)
    assert (bell.size, bell.sites, bell.contacts, bell.passes_on) == (
        "large",
        "51.5,-0.14",
        (),
        True,
    )
    assert bell.people == ("p1", "p2")
    silent = await visitor.send(changed, f"{LIST}/remove", why=" ")
    assert (silent.status, "why_missing" in silent.words) == (422, True)
    gone = await visitor.send(silent, f"{LIST}/remove", why="It closed.")
    assert (gone.status, ids(gone), await kept(site)) == (200, [], [])
    done = [act for act in await acts(site) if act[0] != "organisations.list"]
    names = ("add", "edit", "remove")
    assert done == [(f"organisations.{name}", "o/1 é") for name in names]
    assert (await visitor.get(AT)).status == 404


WARDS = [
    AreaRecord(code="E05000001", level="ward", name="Abbey Road", parent=WESTMINSTER),
    AreaRecord(code="E05000002", level="ward", name="Abbey Road", parent=CAMDEN),
    AreaRecord(code="E05000003", level="ward", name="Camden", parent=CAMDEN),
]


def ticks(page: Seen, name: str) -> dict[str, str]:
    """Return the boxes of a name: their values, and what people read beside them."""
    found = page.tree.xpath(f"//input[@type='checkbox'][@name='{name}']")
    return {str(b.get("value")): " ".join(b.getparent().text_content().split()) for b in found}


async def test_who_acts_for_it_is_found_by_id_number_or_address_and_shown_masked_before_it_is_saved(
    site: Site,
) -> None:
    more = [
        person(4, mobile="+447700900555", phone="+442079460004"),
        person(5, mobile=None, phone="+447700900555", email="Zoe@example.org", name="Zoë Webb"),
    ]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    visitor = await signed_in(site)
    path = f"{LIST}/add"
    people = {
        "people": ["p1"],
        "more_people": "p2\n07700 900003\nzoe@example.ORG\n07700 900555\nZoë Webb",
        "more_contacts": "camden=020 7946 0004",
    }
    page = await visitor.get(LIST)
    found = await visitor.send(page, path, {**BELL, **people}, do="find")
    assert (found.status, await kept(site)) == (200, [])
    assert ticks(found, "people") == {
        "p1": "P… 1…, …001 (p1)",
        "p2": "P… 2…, …002 (p2)",
        "p3": "P… 3…, …003 (p3)",
        "p5": "Z… W…, …555, Z…@example.org (p5)",
    }
    assert list(ticks(found, "which_people")) == ["p4", "p5"]
    assert ticks(found, "contacts") == {f"{CAMDEN}=p4": f"Camden ({CAMDEN}): p4"}
    assert "Nobody was found for “ Zoë Webb ”" in found.words  # a name is sealed
    for secret in ("Webb, ", "79460004,", "900003,", "zoe@example.org"):
        assert secret not in found.text
    # the look is on record by numbers; nothing that was written is
    query = select(audit.c.subject, audit.c.detail).where(audit.c.action == "subscribers.find")
    looked = [tuple(row) for row in await site.db.read(lambda conn: conn.execute(query).all())]
    assert looked == [("5 people", "masked: 1, 2, 3, 4, 5")]

    refused = await visitor.send(found, path, which_people="p4")
    assert (refused.status, "person_unknown" in refused.words) == (422, True)
    assert typed(refused, path)["more_people"] == "Zoë Webb"
    saved = await visitor.send(refused, path, more_people="")
    assert "Saved." in saved.words
    (bell,) = await kept(site)
    assert bell.people == ("p1", "p2", "p3", "p4", "p5")
    assert bell.contacts == ((CAMDEN, "p4"),)
    # who is written and saved at once is looked at first
    late = await visitor.send(saved, f"{LIST}/edit", people=["p1"], contacts=[], more_people="p3")
    assert (late.status, "people_unseen" in late.words) == (422, True)
    assert late.tree.xpath("//*[@id='problems']//a/@href") == ["#more_people"]
    assert ticks(late, "people") == {"p1": "P… 1…, …001 (p1)", "p3": "P… 3…, …003 (p3)"}
    await visitor.send(late, f"{LIST}/edit")
    (bell,) = await kept(site)
    assert bell.people == ("p1", "p3")


def typed(page: Seen, form: str) -> dict[str, str]:
    return {k: v for k, v in page.fields(form) if k.startswith("more_")}


async def test_sites_and_boroughs_are_written_by_name_and_chosen_where_several_have_it(
    site: Site,
) -> None:
    await site.db.write(store_areas, WARDS, datetime.now(UTC), source="test")
    visitor = await signed_in(site)
    path = f"{LIST}/add"
    lines = "westminster\nabbey road\nsw1a2aa\n51.5,-0.14\nlond"
    places = {"more_sites": lines, "more_contacts": "camden = p2\nminst=p1"}
    page = await visitor.get(LIST)
    found = await visitor.send(page, path, {**BELL, **places}, do="find")
    assert (found.status, await kept(site)) == (200, [])
    assert ticks(found, "sites") == {
        WESTMINSTER: f"Westminster ({WESTMINSTER})",
        "SW1A 2AA": "SW1A 2AA",
        "51.5,-0.14": "51.5,-0.14",
    }
    assert ticks(found, "which_sites") == {
        "E05000001": "Abbey Road (ward in Westminster, E05000001)",
        "E05000002": "Abbey Road (ward in Camden, E05000002)",
        LONDON: f"London (region, {LONDON})",
    }
    # the ward of that name is no borough
    assert ticks(found, "contacts") == {f"{CAMDEN}=p2": f"Camden ({CAMDEN}): p2"}
    of_p1 = f"{WESTMINSTER}=p1"
    words = f"Westminster (borough in London, {WESTMINSTER}): p1"
    assert ticks(found, "which_contacts") == {of_p1: words}
    assert typed(found, path) == {
        "more_sites": "abbey road\nlond",
        "more_people": "",
        "more_contacts": "minst=p1",
    }
    # saved with a name that is still not clear: nothing is kept, nothing is lost
    refused = await visitor.send(found, path, which_sites=LONDON, which_contacts=of_p1)
    assert (refused.status, await kept(site)) == (422, [])
    assert 'several areas are called "abbey road"' in refused.words
    assert refused.tree.xpath("//*[@id='problems']//a/@href") == ["#more_sites"]
    assert typed(refused, path)["more_sites"] == "abbey road"
    assert typed(refused, path)["more_contacts"] == ""
    saved = await visitor.send(refused, path, which_sites=["E05000002"])
    assert "Saved." in saved.words
    (bell,) = await kept(site)
    assert bell.sites.split(";") == [WESTMINSTER, "SW1A 2AA", "51.5,-0.14", LONDON, "E05000002"]
    assert set(bell.contacts) == {(CAMDEN, "p2"), (WESTMINSTER, "p1")}


WRONG = [
    ({"more_sites": "<b>Atlantis"}, "area_unknown", "more_sites"),
    ({"more_contacts": "Atlantis=p1"}, "area_unknown", "more_contacts"),
    ({"more_contacts": "Camden"}, "contact_invalid", "more_contacts"),
    ({"more_contacts": f"{LONDON}=p1"}, "contact_area_unknown", "more_contacts"),
    ({"more_sites": "51.5,x9"}, "coordinate", "more_sites"),
]


async def test_a_place_that_is_none_is_refused_where_it_stands_and_nothing_written_is_lost(
    site: Site,
) -> None:
    visitor = await signed_in(site)
    path = f"{LIST}/add"
    for changes, code, where in WRONG:
        page = await visitor.get(LIST)
        refused = await visitor.send(page, path, {**BELL, **changes})
        assert (refused.status, code in refused.words) == (422, True), (changes, refused.words)
        assert "<b>Atlantis" not in refused.text
        assert f"#{where}" in refused.tree.xpath("//*[@id='problems']//a/@href")
        stays = dict(changes.items())[where]
        boxes = ticks(refused, where.removeprefix("more_"))
        assert stays in typed(refused, path)[where] or stays in boxes, changes
    assert await kept(site) == []


async def test_looking_for_a_place_does_not_hide_that_somebody_changed_it_meanwhile(
    site: Site,
) -> None:
    one, other = await signed_in(site), await signed_in(site)
    await one.send(await one.get(LIST), f"{LIST}/add", BELL)
    wrong = await one.send(await one.get(AT), f"{LIST}/edit", trade="")
    assert (wrong.status, "trade_unknown" in wrong.words) == (422, True)
    await other.send(await other.get(AT), f"{LIST}/edit", name="The Swan")
    wrong = await one.send(wrong, f"{LIST}/edit", more_sites="atlantis")
    assert (wrong.status, "area_unknown" in wrong.words) == (422, True)
    found = await one.send(wrong, f"{LIST}/edit", more_sites="camden", do="find")
    assert CAMDEN in ticks(found, "sites")
    late = await one.send(found, f"{LIST}/edit", trade="I")
    assert (late.status, "changed_meanwhile" in late.words) == (409, True)
    (bell,) = await kept(site)
    assert (bell.name, bell.sites) == ("The Swan", f"{WESTMINSTER};E01000001")
    # nothing of the other's words is lost by unticking
    emptied = await one.send(await one.get(AT), f"{LIST}/edit", sites=["E01000001"])
    assert emptied.status == 200
    (bell,) = await kept(site)
    assert (bell.name, bell.sites) == ("The Swan", "E01000001")


async def test_of_two_who_change_one_the_second_is_told(site: Site) -> None:
    one, other = await signed_in(site), await signed_in(site)
    await one.send(await one.get(LIST), f"{LIST}/add", BELL)
    first, second = await one.get(AT), await other.get(AT)
    await one.send(first, f"{LIST}/edit", name="The Swan")
    refused = await other.send(second, f"{LIST}/edit", size="large")
    assert (refused.status, "changed_meanwhile" in refused.words) == (409, True)
    (bell,) = await kept(site)
    assert (bell.name, bell.size) == ("The Swan", "small")
    # the form of one organisation does not change or remove another
    pairs = [(k, "o-2" if k == "about" else v) for k, v in second.fields(f"{LIST}/remove")]
    assert (await other.ask("POST", f"{LIST}/remove", [*pairs, ("why", "x")])).status == 403
    assert len(await kept(site)) == 1


async def test_a_list_is_searched_and_read_on_page_by_page(site: Site) -> None:
    many = [
        OrganisationRecord(f"o-{n:03}", f"Hotel {n}", "I" if n < 3 else "G", "small")
        for n in range(1, PAGE + 3)
    ]
    await site.db.write(rows.save, many, datetime.now(UTC))
    visitor = await signed_in(site)
    page = await visitor.get(LIST)
    assert len(ids(page)) == PAGE
    (following,) = page.tree.xpath("//a[text()='The next ones']/@href")
    assert ids(await visitor.get(following)) == ["o-051", "o-052"]
    assert ids(await visitor.get(f"{LIST}?q=hotel+51")) == ["o-051"]
    assert ids(await visitor.get(f"{LIST}?q=O-007")) == ["o-007"]
    assert ids(await visitor.get(f"{LIST}?q=accommodation")) == ["o-001", "o-002"]
    nobody = await visitor.get(f"{LIST}?q=%00%3Cb%3Enone")
    assert (ids(nobody), "None fits." in nobody.words, "<b>none" in nobody.text) == (
        [],
        True,
        False,
    )


async def test_an_auditor_reads_masked_names_and_cannot_try_them_out(site: Site) -> None:
    await site.db.write(
        rows.save, [OrganisationRecord("o-1", "Haven", "Q", "micro")], datetime.now(UTC)
    )
    auditor = await signed_in(site, "auditor")
    for path in (LIST, f"{ONE}o-1"):
        page = await auditor.get(path)
        assert "H…" in page.words
        assert "Haven" not in page.text
        assert not [form for form in page.forms() if form.startswith(LIST)]
    assert ids(await auditor.get(f"{LIST}?q=haven")) == []
    assert ids(await auditor.get(f"{LIST}?q=o-1")) == ["o-1"]
    assert (await auditor.get(f"{ONE}o-2")).status == 404
    assert await acts(site) == [
        ("organisations.list", subject)
        for subject in ("after 0", "o-1", "search", "search", "nothing")
    ]


async def test_who_acts_for_it_is_shown_masked_whoever_looks_and_the_look_is_recorded(
    site: Site,
) -> None:
    now = datetime.now(UTC)
    more = [
        person(8, kind="business", name="", mobile=None, phone="+442079460008"),
        person(9, kind="business", name="<b>Zoë</b> Webb", email="zoe@example.org"),
    ]
    await site.db.write(import_records, more, "test", now)
    bell = OrganisationRecord("o-1", "The Bell", "I", "small", people=("p8", "p9"))
    await site.db.write(rows.save, [bell], now)
    for role in ("administrator", "auditor"):
        visitor = await signed_in(site, role)
        page = await visitor.get(f"{ONE}o-1")
        assert people(page) == ["No name, …008 (p8)", "<… W…, …009, z…@example.org (p9)"]
        for secret in ("Zoë", "Webb", "79460008", "7700900009", "zoe@"):
            assert secret not in page.text, (role, secret)
    query = select(audit.c.subject, audit.c.detail).where(audit.c.kind == "look_up")
    looked = [tuple(row) for row in await site.db.read(lambda conn: conn.execute(query).all())]
    assert looked == [("o-1", "1 organisations, 2 people")] * 2


async def test_who_is_bound_to_an_area_sees_none_and_looks_are_limited(site: Site) -> None:
    now = datetime.now(UTC)
    made: dict[str, Any] = {"name": "Camden Admin", "role": "administrator", "area": CAMDEN}
    _, site.tokens["bound"] = await site.db.write(
        operators.add, **made, email="c@example.org", now=now
    )
    bound = await signed_in(site, "bound")
    for path in (LIST, f"{LIST}?q=a", f"{ONE}o-1"):
        refused = await bound.get(path)
        assert (refused.status, "area_bound" in refused.words) == (403, True)
    visitor = await signed_in(site)
    for _ in range(60):
        assert (await visitor.get(LIST)).status == 200
    limited = [(await visitor.get(path)).status for path in (LIST, f"{LIST}?q=a", f"{ONE}o-1")]
    assert limited == [429, 429, 429]
