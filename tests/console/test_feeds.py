"""What programs and printers get of the public messages: feeds by language, places as GeoJSON,
posters, texts for the press, and all of it small.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import shapely
from lxml import etree
from shapely.geometry import shape as read_shape

from broadcast.places.geometry import from_wkb
from broadcast.places.outline import containing
from console.pages.feeds import Feeds
from console.pages.frame import wants_gzip
from console.pages.static_site import Stored
from tests.console.gallery import shots
from tests.console.site import Site, open_site
from tests.console.test_face import exercise, page, text

ATOM = "{http://www.w3.org/2005/Atom}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def titles(site: Site, path: str) -> list[tuple[str, str]]:
    root = etree.fromstring((await site.get(path, role=None)).body)
    return [(t.get(XML_LANG), t.text) for t in root.iterfind(f"{ATOM}entry/{ATOM}title")]


async def cancel(site: Site, message: int) -> None:
    answer = await site.post(
        f"/api/v1/messages/{message}/cancel",
        {"why": "wrong place", "reason": "in_error"},
        role="approver",
    )
    assert answer.status == 200, answer.json


async def places(site: Site) -> dict[str, dict[str, object]]:
    answer = await site.get("/messages.geojson", role=None)
    assert answer.headers["Content-Type"] == "application/geo+json"
    found = json.loads(answer.body)
    assert found["type"] == "FeatureCollection"
    return {feature["properties"]["code"]: feature for feature in found["features"]}


async def test_the_feed_is_in_the_language_asked_for_where_a_message_has_it(site: Site) -> None:
    await site.live(languages={"en": {"headline": "Gas leak"}, "cy": {"headline": "Nwy'n gollwng"}})
    await site.live(languages={"pl": {"headline": "Pożar"}})
    assert set(await titles(site, "/feed.atom")) == {("en", "Gas leak"), ("pl", "Pożar")}
    in_welsh = await titles(site, "/feed.atom?lang=cy")
    assert set(in_welsh) == {("cy", "Nwy'n gollwng"), ("pl", "Pożar")}
    root = etree.fromstring((await site.get("/feed.atom?lang=cy", role=None)).body)
    assert root.get(XML_LANG) == "cy"
    assert root.find(f"{ATOM}link[@rel='self']").get("href").endswith("/feed.atom?lang=cy")
    other = etree.fromstring((await site.get("/feed.atom", role=None)).body)
    assert root.findtext(f"{ATOM}id") != other.findtext(f"{ATOM}id")
    for strange in ("%22%3E", "x" * 30, "../en"):
        assert (await site.get(f"/feed.atom?lang={strange}", role=None)).status in (200, 422)


async def test_places_say_what_is_practice_and_what_is_over_in_the_headline_itself(
    site: Site,
) -> None:
    live = await site.version(await site.live())
    over = await site.live(languages={"en": {"headline": "Stay in"}})
    await cancel(site, over)
    practice = await site.version(await exercise(site))
    gone = await site.version(over)
    assert gone.state == "cancelled"
    found = await places(site)
    assert found[live.code]["geometry"] is not None
    said = {code: feature["properties"] for code, feature in found.items()}
    assert said[live.code]["over"] is False  # type: ignore[index]
    assert said[gone.code]["over"] is True  # type: ignore[index]
    assert said[gone.code]["headline"]["en"].startswith("CANCELLED:")  # type: ignore[index]
    headline = said[practice.code]["headline"]["en"]  # type: ignore[index]
    assert headline.startswith("EXERCISE")
    assert headline.endswith("EXERCISE EXERCISE EXERCISE") or headline.count("EXERCISE") >= 2
    closed = await site.version(await site.live(visibility="restricted"))
    test = await site.version(await site.live(status="Test"))
    assert not {closed.code, test.code} & set(await places(site))


async def test_a_map_and_a_feed_mark_a_correction_an_all_clear_and_what_is_past_its_time(
    site: Site,
) -> None:
    words = {"en": {"headline": "Gas leak"}, "cy": {"headline": "Nwy'n gollwng"}}
    first, second = [await site.live(languages=words) for _ in range(2)]
    await site.follow(first, "correct", languages=words, note="It was the wrong street.")
    await site.follow(second, "all-clear", languages=words)
    live = await site.version(await site.live(languages=words))
    all_of = json.loads((await site.get("/messages.geojson", role=None)).body)["features"]
    said = {f["properties"]["kind"]: f["properties"]["headline"] for f in all_of}
    assert said["correction"] == {
        "en": "CORRECTION: Gas leak",
        "cy": "CYWIRIAD: Nwy'n gollwng",
    }
    assert said["all_clear"]["en"] == "ALL CLEAR: Gas leak"
    assert {("en", "CORRECTION: Gas leak"), ("en", "ALL CLEAR: Gas leak")} <= set(
        await titles(site, "/feed.atom")
    )
    in_welsh = set(await titles(site, "/feed.atom?lang=cy"))
    assert {("cy", "CYWIRIAD: Nwy'n gollwng"), ("cy", "PERYGL DROSODD: Nwy'n gollwng")} <= in_welsh
    # nobody is there to mark it: the clock alone says that it is over
    later = datetime.now(UTC) + timedelta(hours=5)
    feeds = Feeds(Stored(site.settings, site.db, site.context, lambda: later))
    (entry,) = [
        e
        for e in etree.fromstring(await feeds.atom()).iter(f"{ATOM}entry")
        if e.find(f"{ATOM}link[@rel='alternate']").get("href").endswith(live.code)
    ]
    assert entry.findtext(f"{ATOM}title") == "EXPIRED: Gas leak"
    assert live.expires_at is not None
    assert datetime.fromisoformat(entry.findtext(f"{ATOM}updated")) == live.expires_at.replace(
        microsecond=0
    )
    shown = {
        f["properties"]["code"]: f["properties"]
        for f in json.loads(await feeds.geojson())["features"]
    }
    assert (shown[live.code]["state"], shown[live.code]["over"]) == ("expired", True)


async def test_an_entry_says_what_where_what_to_do_and_until_when(site: Site) -> None:
    message = await site.live()
    (entry,) = etree.fromstring((await site.get("/feed.atom", role=None)).body).iter(f"{ATOM}entry")
    said = entry.findtext(f"{ATOM}summary")
    assert said.startswith("Westminster: A long story. Go round. Until ")
    await cancel(site, message)
    (entry,) = etree.fromstring((await site.get("/feed.atom", role=None)).body).iter(f"{ATOM}entry")
    said = entry.findtext(f"{ATOM}summary")
    assert "Westminster: A long story." in said
    assert "Go round." not in said
    assert "Until" not in said


async def test_an_entry_says_which_level_and_what_was_wrong_whatever_its_author_left_to_us(
    site: Site,
) -> None:
    text = {"en": {"headline": "Be alert", "description": "More officers are about."}}
    level = {"kind": "threat_level_change", "level": "SEVERE", "scope": "UK", "areas": None}
    await site.live(**level, languages=text)
    (entry,) = etree.fromstring((await site.get("/feed.atom", role=None)).body).iter(f"{ATOM}entry")
    said = "The UK threat level is now SEVERE: an attack is highly likely. United Kingdom: More"
    assert entry.findtext(f"{ATOM}summary").startswith(said)
    (feature,) = (await places(site)).values()
    headline = "The UK threat level is now SEVERE: an attack is highly likely. Be alert"
    assert feature["properties"]["headline"] == {"en": headline}  # type: ignore[index]
    document = (await site.get(f"/cap/{feature['id']}.xml", role=None)).body.decode()
    assert f"<headline>{headline}</headline>" in document
    message = await site.live()
    await site.follow(message, "correct", note="It was not the Strand.")
    feed = (await site.get("/feed.atom", role=None)).body.decode()
    assert "What was wrong: It was not the Strand. " in feed


async def test_a_map_states_a_level_for_as_long_as_it_holds(site: Site) -> None:
    text = {"en": {"headline": "Be alert"}, "pl": {"headline": "Uwaga"}}
    level = {"kind": "threat_level_change", "level": "SEVERE", "scope": "UK", "areas": None}
    message = await site.live(**level, languages=text)
    (feature,) = (await places(site)).values()
    said = feature["properties"]["headline"]["pl"]  # type: ignore[index]
    assert said.startswith("Poziom zagrożenia w Zjednoczonym Królestwie to teraz SEVERE")
    await cancel(site, message)
    (feature,) = (await places(site)).values()
    assert feature["properties"]["headline"]["en"] == "CANCELLED: Be alert"  # type: ignore[index]


async def test_an_exercise_says_its_name_on_the_page_in_the_feeds_and_in_its_document(
    site: Site,
) -> None:
    message = await exercise(site, exercise="Winter Oak")
    v = await site.version(message)
    for path in ("/", f"/messages/{v.code}", f"/messages/{v.code}/poster"):
        assert "Winter Oak" in text((await page(site, path)).find(".//main")), path
    ((_, title),) = await titles(site, "/feed.atom")
    headline = (await places(site))[v.code]["properties"]["headline"]["en"]  # type: ignore[index]
    for said in (title, headline):
        assert said.startswith("EXERCISE Winter Oak: Practice flood"), said
        assert said.endswith("EXERCISE"), said
    document = (await site.get(f"/cap/{v.identifier}.xml", role=None)).body
    assert b"<note>EXERCISE Winter Oak EXERCISE</note>" in document


async def test_a_drawn_place_is_named_by_the_areas_that_it_touches(site: Site) -> None:
    alone = await site.version(await site.live(areas=[], circles=["51.5,-0.13 1"]))
    both = await site.version(await site.live(areas=[], circles=["51.525,-0.13 1"]))
    found = await places(site)
    said = {v.id: found[v.code]["properties"]["place"] for v in (alone, both)}  # type: ignore[index]
    assert said == {
        alone.id: "a drawn area (Westminster)",
        both.id: "a drawn area (Camden, Westminster)",
    }
    assert both.resolved.near == ("Camden", "Westminster")  # kept, whatever is imported later
    document = (await site.get(f"/cap/{both.identifier}.xml", role=None)).body.decode()
    assert "<areaDesc>part of Camden, Westminster</areaDesc>" in document
    own = await page(site, f"/messages/{both.code}?lang=cy")
    assert "(Camden, Westminster)." in text(own.find(".//article"))
    assert "(Camden, Westminster)" in own.find(".//svg").findtext("desc")


async def test_the_outline_on_a_map_holds_the_exact_place(site: Site) -> None:
    v = await site.version(await site.live(areas=[], circles=["51.5,-0.13 1"], polygons=None))
    feature = (await places(site))[v.code]
    exact = from_wkb(v.resolved.shape)
    drawn = read_shape(feature["geometry"])
    assert exact is None or shapely.covers(drawn, exact)
    assert shapely.covers(drawn, shapely.Point(-0.13, 51.5))


def test_an_outline_is_small_and_never_smaller_than_the_place() -> None:
    coast = shapely.buffer(
        shapely.LineString([(0.01 * n, 51 + 0.003 * (n * 7919 % 13)) for n in range(900)]), 0.001
    )
    islands = shapely.union_all([shapely.Point(n / 7, 50).buffer(0.01, 60) for n in range(40)])
    ring = shapely.Point(1, 52).buffer(0.5, 500).difference(shapely.Point(1, 52).buffer(0.3, 500))
    for place in (coast, islands, ring):
        for corners in (100, 500):
            found = containing(place, corners)
            assert shapely.get_num_coordinates(found) <= corners
            assert shapely.covers(found, place)
            assert shapely.is_valid(found)
    small = shapely.box(0, 50, 1, 51)
    assert containing(small, 500) is small
    # close to it too, not a box around everything
    assert containing(ring, 500).area < ring.area * 1.05


@pytest.mark.parametrize("kind", ["poster", "press"])
async def test_a_sheet_says_who_what_where_until_when_and_how_to_check_it(
    site: Site, kind: str
) -> None:
    words = {
        "en": {"headline": "Gas leak", "instruction": "Leave now."},
        "cy": {"headline": "Nwy'n gollwng", "instruction": "Ewch nawr."},
    }
    message = await site.live(languages=words)
    v = await site.version(message)
    own = await page(site, f"/messages/{v.code}")
    assert [a for a in own.xpath("//a/@href") if a.endswith(f"/{kind}")]
    sheet = await page(site, f"/messages/{v.code}/{kind}")
    said = text(sheet.find(".//main"))
    for wanted in ("Gas leak", "Leave now.", "Westminster", v.code, "https://alerts.example/check"):
        assert wanted in said, wanted
    assert len(sheet.findall(".//svg")) == (1 if kind == "poster" else 0)
    assert ("publish the words unchanged" in said) == (kind == "press")
    welsh = await page(site, f"/messages/{v.code}/{kind}?lang=cy")
    assert welsh.get("lang") == "cy"
    assert "Ewch nawr." in text(welsh.find(".//main"))
    await cancel(site, message)
    over = await page(site, f"/messages/{v.code}/{kind}")
    first = text(over.find(".//main//p"))
    assert "Take it down" in first if kind == "poster" else first.startswith("NO LONGER VALID")
    assert "publish the words unchanged" not in text(over)
    assert text(over.find(".//h1")) == over.findtext(".//title") == "CANCELLED: Gas leak"
    assert text(over.find(".//h1/del")) == "Gas leak"
    assert "Leave now." in " ".join(text(each) for each in over.iter("del"))


async def test_a_sheet_of_an_exercise_is_marked_at_its_head_and_foot_and_a_closed_one_is_not_there(
    site: Site,
) -> None:
    v = await site.version(await exercise(site))
    for kind in ("poster", "press"):
        sheet = await page(site, f"/messages/{v.code}/{kind}")
        assert text(sheet.find(".//h1")).startswith("EXERCISE: ")
        marks = [text(mark) for mark in sheet.find_class("mark")]
        assert len(marks) >= 2
        assert all(mark.startswith("EXERCISE") for mark in (marks[0], marks[-1]))
        assert "publish the words unchanged" not in text(sheet)
    closed = await site.version(await site.live(visibility="restricted"))
    for code in (closed.code, "ZZZZZZ", "x" * 300):
        await page(site, f"/messages/{code}/poster", 404, {"Accept": "text/html"})


async def test_what_anybody_may_read_is_sent_packed_and_a_persons_own_page_never_is(
    site: Site,
) -> None:
    v = await site.version(await site.live())
    identity = {"Accept-Encoding": "identity"}
    plain = await site.get("/what-to-do", role=None, headers=identity)
    assert "Content-Encoding" not in plain.headers
    packed = await site.get("/what-to-do", role=None, headers={"Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) < len(plain.body) / 2
    as_of = b'<span class="small">'
    assert packed.body.split(as_of)[0] == plain.body.split(as_of)[0]
    # a strong tag is that of one sequence of bytes
    document = f"/cap/{v.identifier}.xml"
    one = await site.get(document, role=None, headers=identity)
    other = await site.get(document, role=None, headers={"Accept-Encoding": "gzip"})
    assert one.headers["ETag"] != other.headers["ETag"]
    known = {"Accept-Encoding": "gzip", "If-None-Match": other.headers["ETag"]}
    assert (await site.get(document, role=None, headers=known)).status == 304
    for path in (f"/v/{v.code}", "/u/x.y"):
        answer = await site.get(path, role=None, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers


def test_gzip_is_sent_only_to_who_takes_it() -> None:
    for accepted in ("gzip", "br;q=1, GZIP;q=0.5", "x-gzip"):
        assert wants_gzip(accepted)
    for accepted in ("", "br", "gzip;q=0", "gzip; q=0.0", "notgzip"):
        assert not wants_gzip(accepted)


async def test_every_page_of_the_gallery_is_there(site: Site) -> None:
    wanted = await shots(site)
    assert {shot.name for shot in wanted} >= {"front page, Arabic", "mail, Welsh", "poster"}
    for shot in wanted:
        assert shot.html or shot.path
        if shot.path:
            status = 404 if shot.path in ("/nowhere", "/v/NOTHING") else 200
            headers = {"Accept": "text/html"}
            assert (await site.get(shot.path, role=None, headers=headers)).status == status
