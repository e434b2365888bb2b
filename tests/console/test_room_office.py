"""Operators and the audit log in the browser: what one administrator asks for another approves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.files import sealed_file
from broadcast.operators import operator_requests, operators
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site
from tests.console.visitor import HERE, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        _, running.tokens["second"] = await running.db.write(
            operators.add,
            name="second",
            role="administrator",
            area=None,
            email="second@example.org",
            now=datetime.now(UTC),
        )
        yield running


async def test_an_operator_is_asked_for_and_approved_by_another_administrator(site: Site) -> None:
    one, other = Visitor(site), Visitor(site)
    await one.sign_in("administrator")
    await other.sign_in("second")
    page = await one.get("/room/operators")
    wrong = await one.send(page, "/room/operators", kind="add", name="New Person", role="approver")
    assert (wrong.status, "email is missing" in wrong.words) == (422, True)
    assert dict(wrong.fields("/room/operators"))["name"] == "New Person"
    asked = await one.send(wrong, "/room/operators", email="new@example.org")
    assert "/room/operators/1/approve" not in asked.forms()  # not by who asked
    page = await other.get("/room/operators")
    made = await other.send(page, "/room/operators/1/approve")
    token = made.tree.xpath("string(//p[@role='status']/code)")
    assert token.startswith("ft_")
    again = await other.send(page, "/room/operators/1/approve")
    assert token not in again.text
    site.tokens["new"] = token
    newcomer = Visitor(site)
    assert "New Person , approver" in (await newcomer.sign_in("new")).words
    page = await one.get("/room/operators")
    await one.send(page, "/room/operators", kind="disable", name="New Person")
    page = await other.get("/room/operators")
    refused = await other.send(page, "/room/operators/2/reject", why=" ")
    assert (refused.status, "why is missing" in refused.words) == (422, True)
    assert (await newcomer.get("/room")).h1 == "Control room"
    await other.send(page, "/room/operators/2/approve")
    assert (await newcomer.get("/room")).h1 == "Sign in to the control room"


async def test_the_area_of_a_new_operator_is_found_by_its_name_and_chosen_where_several_have_it(
    site: Site,
) -> None:
    wards = [
        AreaRecord(code=f"E0500000{n}", level="ward", name="Abbey Road", parent=parent)
        for n, parent in enumerate((WESTMINSTER, CAMDEN), 1)
    ]
    await site.db.write(store_areas, wards, datetime.now(UTC), source="test")
    one, path = Visitor(site), "/room/operators"
    await one.sign_in("administrator")
    page = await one.get(path)
    new = {"kind": "add", "name": "New Person", "role": "author", "email": "new@example.org"}
    twice = await one.send(page, path, new, area="abbey road")
    assert (twice.status, "area_ambiguous" in twice.words) == (422, True)
    _, second = twice.tree.xpath("//button[@name='which_area']")
    assert second.text_content() == "Choose Abbey Road (ward in Camden, E05000002)"
    chosen = await one.send(twice, path, which_area=second.get("value"))
    assert (chosen.status, "Abbey Road (ward in Camden, E05000002)" in chosen.words) == (200, True)
    typed = dict(chosen.fields(path))
    assert {name: typed[name] for name in (*new, "area")} == new | {"area": "E05000002"}
    found = await one.send(chosen, path, area="minst", do="find")
    assert [b.get("value") for b in found.tree.xpath("//button[@name='which_area']")] == [
        WESTMINSTER
    ]
    nowhere = await one.send(found, path, area="<b>Atlantis")
    assert (nowhere.status, "area_unknown" in nowhere.words) == (422, True)
    assert "<b>Atlantis" not in nowhere.text
    asked = await one.send(nowhere, path, area=" camden ")
    assert f"area Camden ({CAMDEN})" in asked.words
    (request,) = await site.db.read(operator_requests.listed)
    assert request.what["area"] == CAMDEN


async def test_a_registry_asked_for_shows_its_key_and_is_approved_by_another_administrator(
    site: Site,
) -> None:
    public = sealed_file.public_of(sealed_file.new_private())
    asked = {"kind": "registry", "to": public.hex()}
    answer = await site.post("/api/v1/operator-requests", asked, role="administrator")
    assert answer.status == 201
    one, other = Visitor(site), Visitor(site)
    await one.sign_in("administrator")
    await other.sign_in("second")
    mine = await one.get("/room/operators")
    assert public.hex() in mine.words
    assert "/room/operators/1/approve" not in mine.forms()
    page = await other.get("/room/operators")
    assert public.hex() in page.words
    assert "telephone who will bring the file in, and compare the key" in page.words
    done = await other.send(page, "/room/operators/1/approve")
    assert "GET /api/v1/operator-requests/1/registry" in done.words
    assert "Only who asked may fetch it, once, until" in done.words
    got = await site.get("/api/v1/operator-requests/1/registry", role="administrator")
    assert got.status == 200


async def test_the_audit_log_is_searched_by_kind_and_subject_and_only_by_auditors(
    site: Site,
) -> None:
    await site.submitted()
    auditor = Visitor(site)
    await auditor.sign_in("auditor")
    page = await auditor.get("/room/audit")
    assert "operators sign in" in page.words
    decided = await auditor.get("/room/audit?kind=decision")
    actions = decided.tree.xpath("//table[@id='links']/tbody/tr/td[3]/text()")
    assert actions == ["draft", "submit"]
    subject = decided.tree.xpath("string(//table[@id='links']/tbody/tr[1]/td[4])")
    about = await auditor.get(f"/room/audit?subject={subject.replace(' ', '+')}")
    assert len(about.tree.xpath("//table[@id='links']/tbody/tr")) == 2
    assert (await auditor.get("/room/audit?kind=%3Cb%3E")).status == 422
    assert (await auditor.get("/room/audit?subject=%00x")).status == 200
    for _ in range(55):
        await auditor.get("/room/audit?after=9999")
    first = await auditor.get("/room/audit")
    following = first.tree.xpath("string(//a[starts-with(., 'Next')]/@href)")
    second = await auditor.get(following)
    assert second.tree.xpath("string(//table[@id='links']/tbody/tr[1]/th)") == "51"
