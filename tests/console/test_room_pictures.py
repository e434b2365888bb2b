"""A message in pictures: each picture has a table, and the table is what the ledger says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from broadcast.ledger import delivery_report, liveness, speed
from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.levels import history
from broadcast.levels.tables import level_fact
from subscribers.registry.importing import import_records
from tests.console.site import Site, open_site, person
from tests.console.test_face import set_level
from tests.console.visitor import HERE, Seen, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def author(site: Site) -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in("author")
    return visitor


def table(page: Seen, name: str) -> list[list[str]]:
    rows = page.tree.xpath(f"//table[@id='{name}']/tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in rows]


async def test_who_was_reached_where_and_how_fast(site: Site) -> None:
    more = [person(n, lat=51.55, mobile=f"+447700901{n:03d}") for n in range(101, 108)]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    await site.live(severity="Severe", areas=["E09000033", "E09000007"])
    s = await site.claimed(lane="urgent")
    failed = {"state": "failed", "code": "30005", "due_at": datetime.now(UTC) + timedelta(hours=1)}
    outcomes = [
        Outcome(position=p, person_id=who, **({"state": "accepted"} if p % 2 else failed))
        for p, who in s.people
    ]
    await site.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))
    page = await (await author(site)).get("/room/messages/1/pictures")
    assert page.status == 200
    reached = {row[0]: row[1:] for row in table(page, "places-table")}
    account = await site.db.read(delivery_report.account, await site.version(1))
    got = len(account.people["delivered"] | account.people["accepted"])
    assert sum(int(row[1]) for row in reached.values()) == got == len(outcomes) // 2
    assert sum(int(row[0]) for row in reached.values()) == len(account.addressed)
    again = table(page, "again-table")
    assert again == [["Text message: no such handset (30005)", str(len(outcomes) - got)]]
    ((channel, *seconds),) = table(page, "speed-table")
    assert channel == "Text message"
    known = await site.db.read(speed.latencies, await site.version(1))
    assert seconds == [f"{each:.3f} s" for each in known[0].seconds]
    assert "promised first: 0.25 s" in page.text
    for name in ("curve", "speed", "again", "wards"):
        assert page.tree.xpath(f"//*[@id='{name}-t']"), name
    hatched = page.tree.xpath("//*[local-name()='path'][@class='ward']/@fill")
    assert len(hatched) == 2
    assert all(fill.startswith("url(#hatch-") for fill in hatched)


async def test_the_page_of_a_message_has_the_curve_and_where_the_fewest_were_reached(
    site: Site,
) -> None:
    more = [person(n, lat=51.55, mobile=f"+447700901{n:03d}") for n in range(101, 108)]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    await site.live(severity="Severe", areas=["E09000033", "E09000007"])
    await site.done(await site.claimed(lane="urgent"))
    visitor = await author(site)
    page = await visitor.get("/room/messages/1")
    while "is being counted" in page.words:  # on a busy machine no page waits for it
        page = await visitor.get("/room/messages/1")
    pictures = await visitor.get("/room/messages/1/pictures")
    least = table(page, "least-reached")
    assert least == table(pictures, "places-table")
    assert [row[0] for row in least] == ["Camden", "Westminster"]
    for line in ("accepted", "waiting"):
        (on_page, on_pictures) = (
            each.tree.xpath(f"//*[@class='curve curve-{line}']/@points")
            for each in (page, pictures)
        )
        assert on_page == on_pictures != []
    assert page.tree.xpath("//div[@id='live']//*[@id='curve-t']")  # it moves with the figures
    assert len(page.text) < 40_000


async def test_of_a_drawn_shape_no_picture_tells_of_few(site: Site) -> None:
    await site.live(severity="Severe", areas=None, circles=["51.5,-0.14 5"])
    page = await (await author(site)).get("/room/messages/1/pictures")
    assert page.words.count("in a drawn shape it could tell of few people") == 3
    assert (table(page, "places-table"), table(page, "rates-table")) == ([], [])
    assert table(await (await author(site)).get("/room/messages/1"), "least-reached") == []


async def test_what_was_granted_stands_beside_what_was_used(site: Site) -> None:
    await site.live(severity="Severe")
    await site.db.write(liveness.register, "w1", "urgent", 1, {"Actual/sms": 40.0})
    await site.claimed(lane="urgent")
    page = await (await author(site)).get("/room/messages/1/pictures")
    ((channel, from_, *said),) = table(page, "rates-table")
    assert (channel, said) == ("Text message", ["granted 40 a second", "30.0", "75 %"])
    assert re.fullmatch(r"\d\d:\d\d:\d\d, 1 s", from_)
    picture = page.tree.xpath("//*[@aria-labelledby='rates-t rates-d']")[0]
    (bar,) = picture.xpath(".//*[@class='dot']")
    (line,) = picture.xpath(".//*[@class='act']/@d")
    assert line == "M8.0 22.0H712.0"  # at the top: more was granted than used
    assert (float(bar.get("height")), bar.xpath("string(*)")[-13:]) == (66.0, "30.0 a second")


async def test_before_anything_was_sent_there_is_nothing_to_see(site: Site) -> None:
    await site.drafted()
    page = await (await author(site)).get("/room/messages/1/pictures")
    assert (page.status, "not_published" in page.words) == (409, True)


async def test_check_40_levels_as_of_a_day_are_those_of_the_history(site: Site) -> None:
    visitor = await author(site)
    empty = await visitor.get("/room/levels")
    assert "No change is on record." in empty.words
    await set_level(site)
    page = await visitor.get("/room/levels")
    held = [e for e in await site.db.read(history.show, datetime.now(UTC)) if e.level]
    for each in held:
        assert f"United Kingdom: {each.level}" in page.words
    assert len(table(page, "changes")) == len(held) == 1
    assert page.tree.xpath("//*[@id='levels-t']")
    current = "Officially: an attack is highly likely. Wording of 2019, in use since 23 July 2019."
    assert current in page.words
    before = await visitor.get("/room/levels?as_of=2020-01-01")
    assert f": {held[0].level}" not in before.words.partition("Over time")[0]
    assert (await visitor.get("/room/levels?as_of=soon")).status == 422


async def test_the_level_of_a_past_day_stands_in_the_official_wording_of_that_day(
    site: Site,
) -> None:
    at = datetime(2010, 1, 22, tzinfo=UTC)
    row = {"scope": "UK", "level": "SEVERE", "source": "import", "note": "", "at": at}
    await site.db.write(lambda conn: conn.execute(insert(level_fact), [row | {"recorded_at": at}]))
    visitor = await author(site)
    then = await visitor.get("/room/levels?as_of=2019-07-22")
    assert "Wording of 2006, in use since 1 August 2006." in then.words
    next_day = await visitor.get("/room/levels?as_of=2019-07-23")
    assert "Wording of 2019, in use since 23 July 2019." in next_day.words
