"""Invented people beside the preview: what a person of each language and channel would get, and
nothing of anybody who is registered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.wording.languages import pack_for
from console.room.writing import invented
from subscribers.registry.importing import import_records
from tests.console.site import WESTMINSTER, Site, open_site, person
from tests.console.visitor import HERE, Seen, Visitor

PATH = "/room/new"
WORDS = {
    "tag-0": "en",
    "headline-0": "Gas leak",
    "instruction-0": "Stay indoors.",
    "tag-1": "ar",
    "headline-1": "تسرب غاز",
    "instruction-1": "ابقوا في الداخل.",
    "tag-2": "so",
    "headline-2": "Gaaska ayaa daatay",
    "instruction-2": "Guriga joog.",
}
CHANNELS = ["sms", "voice", "email", "web"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


@pytest.fixture
async def author(site: Site) -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in("author")
    return visitor


@pytest.mark.parametrize(
    ("languages", "channels", "expected"),
    [
        ("en", "sms", ["en sms"]),
        ("en", "sms voice email", ["en sms", "en voice", "en email"]),
        ("en pl", "sms email", ["en sms", "pl email", "en email", "pl sms"]),
        ("en pl cy", "sms email", ["en sms", "pl email", "cy sms", "en email", "pl sms"]),
        ("a b c d e f", "sms", ["a sms", "b sms", "c sms", "d sms", "e sms"]),
        ("", "sms", []),
        ("en", "", []),
    ],
)
def test_every_language_and_every_channel_is_among_them_as_long_as_there_is_room(
    languages: str, channels: str, expected: list[str]
) -> None:
    made = invented.combinations(languages.split(), channels.split())
    assert [" ".join(pair) for pair in made] == expected


def texts(*languages: str) -> list[dict[str, Any]]:
    return [{"tag": tag, "texts": [{"by": c, "tag": tag} for c in CHANNELS]} for tag in languages]


@pytest.mark.parametrize("few", ["not shown", "fewer than 10", 40])
def test_they_say_nothing_that_the_numbers_beside_them_do_not(few: int | str) -> None:
    shown = {"languages": {"en": 31, "pl": few, "cy": 0}, "channels": {"sms": 31, "voice": 0}}
    made = invented.people(texts("en", "pl", "cy"), shown)
    assert [(p["reads"], p["gets"]) for p in made["people"]] == [
        ("en", "a text message"),
        ("pl", "a text message"),
    ]
    nobody = {"languages": {"en": 0}, "channels": {"sms": 0}}
    assert invented.people(texts("en"), nobody) == {"people": [], "others": 0}


def test_their_names_can_be_taken_for_nobodys() -> None:
    assert len(set(invented.NAMES)) == 5
    assert all(name.endswith(" Example") for name in invented.NAMES)


def people(page: Seen) -> dict[str, str]:
    """Return what each of them gets, by what is said of them."""
    return {
        " ".join(each.xpath("string(summary)").split()): " ".join(each.text_content().split())
        for each in page.tree.xpath("//details[@class='invented']")
    }


async def preview(author: Visitor, **fields: Any) -> Seen:
    page = await author.get(PATH)
    return await author.send(page, PATH, {**WORDS, "channels": CHANNELS, **fields}, do="preview")


async def test_each_reads_what_would_arrive_and_nobody_registered_is_named(
    site: Site, author: Visitor
) -> None:
    more = [
        person(201, name="Zahra Q", language="ar", channels="email", email="zahra@example.org"),
        person(202, name="Hodan Q", language="so", channels="voice", phone="+442079460202"),
    ]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    page = await preview(author, areas=[WESTMINSTER])
    found = people(page)
    assert list(found) == [
        "Ada Example (invented) reads English [en] and gets a text message",
        "Ben Example (invented) reads Arabic [ar] and gets a telephone call",
        "Cai Example (invented) reads Somali [so] and gets an e-mail",
        "Dee Example (invented) reads English [en] and gets a telephone call",
        "Eli Example (invented) reads English [en] and gets an e-mail",
    ]
    by = list(found.values())
    assert "Gas leak. Stay indoors." in by[0]
    assert "1 part" in by[0]
    assert pack_for("ar").press_1 in by[1]
    assert "Gaaska ayaa daatay" in by[2]
    assert "The telephone rings" in by[3]
    assert f"{HERE}/u/your-own-link" in by[4]
    (arabic,) = page.tree.xpath("//details[@id='invented-2']//*[@class='words']")
    assert (arabic.get("lang"), arabic.get("dir")) == ("ar", "rtl")
    for name in ("Zahra", "Hodan", "Person ", "+44", "zahra@"):
        assert name not in page.words, name
    check = await author.send(page, PATH, do="check")
    assert list(people(check)) == list(found)


async def test_a_call_in_a_language_that_no_voice_reads_is_shown_as_it_comes(
    site: Site, author: Visitor
) -> None:
    more = [person(202, language="so", channels="voice", phone="+442079460202")]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    page = await preview(author, areas=[WESTMINSTER], channels=["voice"])
    somali = "Ben Example (invented) reads Somali [so] and gets a telephone call in English [en]"
    (said,) = [each for each in people(page) if "Somali" in each]
    assert said == f"{somali}, because no voice reads Somali [so] aloud"
    assert "Gas leak" in people(page)[said]
    (below,) = page.tree.xpath("//*[@aria-label='Telephone call, so']//*[@class='words']")
    assert (below.get("lang"), "Gas leak" in below.text_content()) == ("en", True)


async def test_in_a_drawn_shape_they_are_chosen_by_the_numbers_that_are_shown(
    site: Site, author: Visitor
) -> None:
    alone = [person(201, language="ar", channels="email", email="a@example.org")]
    await site.db.write(import_records, alone, "test", datetime.now(UTC))
    page = await preview(author, circles="51.5,-0.14 5")
    rows = {
        row.xpath("string(th)"): row.xpath("string(td)")
        for row in page.tree.xpath("//table[@class='counts']//tr")
    }
    assert rows["in Arabic [ar]"] == "not shown"
    said = " ".join(people(page))
    assert ("Arabic" in said, "Somali" in said) == (True, "in Somali [so]" in rows)
    # no pair says by which channel the one Arab reader is reached
    assert "reads Arabic [ar] and gets a telephone call" in said


async def test_where_nobody_would_get_it_nobody_stands_there(site: Site, author: Visitor) -> None:
    page = await preview(author, circles="51.47,-0.17 0.1")
    assert people(page) == {}
    assert "Nobody would get it now, so no example stands here." in page.words
    incomplete = await author.send(
        await author.get(PATH), PATH, {}, areas=[WESTMINSTER], do="preview"
    )
    assert people(incomplete) == {}
