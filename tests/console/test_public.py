from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from lxml import etree, html
from sqlalchemy import insert

from broadcast.cap.shape_text import read_polygon
from broadcast.cap.validation.parse import parse
from broadcast.cap.validation.validate import validate
from broadcast.levels.history import Fact
from broadcast.levels.tables import level_fact
from broadcast.messages import published
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from broadcast.wording.times import local_time, until
from service.rendering import StoredRenderings
from subscribers import unsubscribe
from subscribers.registry import importing
from tests import past_levels
from tests.console.site import LONDON, WESTMINSTER, Site, open_site, person

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def _text(site: Site, path: str = "/") -> str:
    answer = await site.get(path, role=None)
    assert answer.status == 200, path
    return " ".join(html.fromstring(answer.body).text_content().split())


async def _feed(site: Site) -> Any:
    return etree.fromstring((await site.get("/feed.atom", role=None)).body)


async def test_the_page_shows_the_level_with_word_number_meaning_and_since_and_the_live_messages(
    site: Site,
) -> None:
    await site.db.write(
        past_levels.import_facts,
        [Fact(scope="UK", level="CRITICAL", at=datetime(2026, 1, 4, tzinfo=UTC), source="import")],
        datetime.now(UTC),
    )
    assert "CRITICAL" not in await _text(site)  # a file is not two persons
    at = datetime(2026, 1, 5, tzinfo=UTC)
    approved = {
        "scope": "UK",
        "level": "SUBSTANTIAL",
        "at": at,
        "source": "approval",
        "note": "",
        "recorded_at": at,
    }
    await site.db.write(lambda conn: conn.execute(insert(level_fact), [approved]))
    assert "There is no message at this moment" in await _text(site)
    await site.live()
    shown = await _text(site)
    assert (
        "United Kingdom: SUBSTANTIAL (3 of 5): an attack is likely. Since 5 January 2026" in shown
    )
    assert "Road closed" in shown
    assert "Go round." in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": {"kinds": ["resident"], "communities": ["quiet"]}},
        {"channels": ["sms", "voice"]},
        {"visibility": "restricted"},
        {"visibility": "private"},
        {"status": "Test"},
    ],
)
async def test_what_is_not_for_the_public_is_not_on_its_pages(
    site: Site, changes: dict[str, Any]
) -> None:
    await site.db.write(
        importing.import_records,
        [person(40, mobile="+447700900040", communities="quiet")],
        "test",
        datetime.now(UTC),
    )
    message = await site.live(**changes)
    v = await site.version(message)
    assert "Road closed" not in await _text(site)
    assert (await _feed(site)).find(f"{ATOM}entry") is None
    assert (await site.get(f"/cap/{v.identifier}.xml", role=None)).status == 404
    verified = await site.get(f"/v/{v.code}", role=None)
    assert b"Road closed" not in verified.body
    assert verified.status == (404 if changes.get("status") == "Test" else 200)


async def test_nothing_is_public_before_it_is_live(site: Site) -> None:
    message = await site.approved()
    v = await site.version(message)
    for path in (f"/cap/{v.identifier}.xml", f"/v/{v.code}"):
        assert (await site.get(path, role=None)).status == 404
    assert "Road closed" not in await _text(site)
    await site.release(message)
    document = await site.get(f"/cap/{v.identifier}.xml", role=None)
    assert (document.status, document.headers["Content-Type"]) == (200, "application/cap+xml")
    assert validate(document.body).verdict in ("accept", "warn")
    assert (
        await site.get(
            f"/cap/{v.identifier}.xml",
            role=None,
            headers={"If-None-Match": document.headers["ETag"]},
        )
    ).status == 304


async def test_an_exercise_is_marked_first_and_last_and_cannot_pass_for_real(site: Site) -> None:
    await site.db.write(
        importing.import_records,
        [person(41, mobile="+447700900041", topics="exercise")],
        "test",
        datetime.now(UTC),
    )
    message = await site.live(status="Exercise")
    v = await site.version(message)
    for path in ("/", f"/v/{v.code}"):
        shown = await _text(site, path)
        assert shown.count("EXERCISE") >= 3
    entry = (await _feed(site)).find(f"{ATOM}entry")
    title = entry.findtext(f"{ATOM}title")
    assert title.startswith("EXERCISE")
    assert title.endswith("EXERCISE")


async def test_a_cancelled_message_says_so_everywhere_and_its_cancel_document_is_there(
    site: Site,
) -> None:
    message = await site.live()
    v = await site.version(message)
    before = (await _feed(site)).findtext(f"{ATOM}entry/{ATOM}updated")
    await site.post(
        f"/api/v1/messages/{message}/cancel",
        {"why": "it was the wrong <street>", "reason": "in_error"},
        role="approver",
    )
    for path in ("/", f"/v/{v.code}"):
        shown = await _text(site, path)
        assert "Until" not in shown
        assert "CANCELLED" in shown
        assert "This message was sent in error. Please disregard it." in shown
        assert "wrong <street>" not in shown  # one person's own words stay inside
    entry = (await _feed(site)).find(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title").startswith("CANCELLED:")
    assert entry.findtext(f"{ATOM}updated") >= before
    related = next(
        link.get("href") for link in entry.iter(f"{ATOM}link") if link.get("rel") == "related"
    )
    cancel = await site.get("/cap/" + related.rpartition("/")[2], role=None)
    assert b"<msgType>Cancel</msgType>" in cancel.body
    assert b"<note>This message was sent in error. Please disregard it.</note>" in cancel.body
    (info,) = parse(cancel.body).infos
    assert (info.headline, info.description, info.instruction) == (
        "Cancelled: Road closed",
        "This message was sent in error. Please disregard it.",
        "You no longer need to do what it told you.",
    )
    assert (info.urgency, info.severity, info.response_types) == ("Past", "Minor", ("None",))
    for public in (await site.get("/feed.atom", role=None), cancel):
        assert b"street" not in public.body


async def test_a_corrected_message_says_that_it_was_wrong_and_the_code_shows_what_holds_now(
    site: Site,
) -> None:
    message = await site.live()
    first = await site.version(message)
    await site.follow(
        message,
        "correct",
        languages={"en": {"headline": "The OTHER road is closed"}},
        note="the street was wrong",
    )
    page = await _text(site)
    assert "THIS MESSAGE WAS WRONG" in page
    assert "The OTHER road is closed" in page
    verified = await _text(site, f"/v/{first.code}")
    assert "The OTHER road is closed" in verified
    assert "It was changed since it first went out" in verified


async def test_areas_are_written_by_the_name_they_had_when_it_was_submitted(site: Site) -> None:
    message = await site.live(
        kind="threat_level_change", level="SEVERE", scope=WESTMINSTER, areas=None
    )
    v = await site.version(message)
    renamed = AreaRecord(code=WESTMINSTER, level="borough", name="Elsewhere", parent=LONDON)
    await site.db.write(store_areas, [renamed], datetime.now(UTC))
    fresh = StoredRenderings(site.db, sender_name="Met Police", public_url="")
    for channel in ("sms", "voice", "email", "web"):
        rendered, _ = await fresh.rendered(v.id, channel, "en", repeat=False)
        assert "The threat level for Westminster is now SEVERE" in rendered.body
        assert WESTMINSTER not in rendered.body + rendered.html + rendered.subject
    page = await _text(site, f"/v/{v.code}")
    assert "The threat level for Westminster is now SEVERE" in page
    assert WESTMINSTER not in page
    document = await site.get(f"/cap/{v.identifier}.xml", role=None)
    assert b"<areaDesc>Westminster</areaDesc>" in document.body


async def test_times_on_the_page_are_local_with_the_zones_name(tmp_path: Path) -> None:
    async with open_site(tmp_path, FASTTIME_TIMEZONE="Asia/Tokyo") as site:
        v = await site.version(await site.live())
        assert v.expires_at is not None
        assert v.sent is not None
        for path in ("/", f"/v/{v.code}"):
            assert until(v.expires_at, "en", "Asia/Tokyo") in await _text(site, path)
        sent = local_time(v.sent, "en", "Asia/Tokyo")
        assert f"Sent {sent} by Met Police" in await _text(site, f"/v/{v.code}")
        assert "JST" in sent
        assert " UTC" not in await _text(site)


async def test_an_update_takes_the_place_of_the_version_before(site: Site) -> None:
    message = await site.live()
    await site.follow(message, "update", languages={"en": {"headline": "Road half open"}})
    page = await _text(site)
    assert "Road half open" in page
    assert "Road closed" not in page


async def test_what_is_live_stays_shown_however_much_has_ended_since(site: Site) -> None:
    live = await site.live()
    for _ in range(2):
        over = await site.live(languages={"en": {"headline": "Long gone"}})
        path = f"/api/v1/messages/{over}/cancel"
        await site.post(path, {"why": "x", "reason": "over"}, role="approver")
    found = await site.db.read(published.shown, datetime.now(UTC), 1)
    assert [v.message_id for v in found] == [over, live]


async def test_the_feed_is_atom_with_ids_times_and_documents(site: Site) -> None:
    empty = await _feed(site)
    await site.live()
    await site.live(areas=["E09000007"])
    feed = await _feed(site)
    for root in (empty, feed):
        assert root.tag == f"{ATOM}feed"
        for name in ("id", "title", "updated"):
            assert len(root.findall(f"{ATOM}{name}")) == 1
        assert datetime.fromisoformat(root.findtext(f"{ATOM}updated")).tzinfo
        assert root.find(f"{ATOM}author/{ATOM}name") is not None
    entries = feed.findall(f"{ATOM}entry")
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 2
    for entry in entries:
        assert entry.findtext(f"{ATOM}summary")
        kinds = {link.get("rel"): link.get("href") for link in entry.iter(f"{ATOM}link")}
        assert kinds["enclosure"].startswith("https://alerts.example/cap/")
        assert kinds["alternate"].startswith("https://alerts.example/v/")


async def test_a_code_that_is_not_ours_says_so_with_what_to_do(site: Site) -> None:
    for code in ("XXXXXXXXX", "x" * 300, "%00", "..%2f", "%F0%9F%98%80"):
        answer = await site.get(f"/v/{code}", role=None)
        assert answer.status == 404, code
    assert b"not from us" in (await site.get("/v/XXXXXXXXX", role=None)).body


async def test_a_code_is_found_as_people_type_it(site: Site) -> None:
    v = await site.version(await site.live())
    for typed in (v.code.lower(), f"{v.code[:3]}-{v.code[3:6]}%20{v.code[6:]}"):
        assert "Yes, this message is ours" in await _text(site, f"/v/{typed}")


async def test_every_page_is_locked_down_and_escapes_what_people_wrote(site: Site) -> None:
    v = await site.version(
        await site.live(
            languages={
                "en": {
                    "headline": "Road <b>closed</b>",
                    "description": "<script>alert(1)</script>",
                    "instruction": "\"'&",
                }
            }
        )
    )
    for path in (
        "/",
        f"/v/{v.code}",
        "/v/NOTHING",
        f"/u/{unsubscribe.token(1, 'sms', site.settings.key())}",
    ):
        answer = await site.get(path, role=None)
        assert b"<script" not in answer.body
        assert b"<b>closed" not in answer.body
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Road <b>closed</b>" in await _text(site)


async def test_the_document_and_its_cancel_carry_the_border_of_the_area_that_people_live_in(
    site: Site,
) -> None:
    level = {"kind": "threat_level_change", "level": "SEVERE", "scope": WESTMINSTER, "areas": None}
    for changes in ({"areas": [WESTMINSTER]}, level):
        v = await site.version(message := await site.live(**changes))
        border = (await site.context.tree()).geometry(WESTMINSTER)
        cancelled = await site.post(
            f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "over"}, role="approver"
        )
        assert cancelled.status == 200
        for name in (v.identifier, f"{v.identifier}-cancel"):
            document = await site.get(f"/cap/{name}.xml", role=None)
            assert validate(document.body).rules == (), name
            (area,) = parse(document.body).infos[0].areas
            assert area.geocodes == (("GSS", WESTMINSTER),)
            rings = [read_polygon(text)[0] for text in area.polygons]
            assert shapely.covers(shapely.union_all([shapely.Polygon(r) for r in rings]), border)
