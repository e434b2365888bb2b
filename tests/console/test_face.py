"""The pages that people read: what stands where, in which language, and what still holds."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hatchling.builders.wheel import WheelBuilder
from lxml import html
from sqlalchemy import insert

from broadcast.levels.tables import level_fact
from broadcast.wording.languages import all_packs
from console.pages.face import Face
from console.pages.frame import ASSETS, Links, matches, whole_page
from console.pages.frame import html as page_of
from console.pages.phrases import OWN_WORDS, PHRASES, chosen
from console.pages.static_site import Stored
from subscribers.registry import importing
from tests.console.site import Site, open_site, person

ROOT = Path(__file__).parents[2]
PAGE = 100_000  # bytes
NUMBERS = re.compile(r"999bsl\.co\.uk|gov\.uk/ACT|\d[\d ]*\d|\d")
LATIN_BY_RIGHT = re.compile(r"\{[a-z]+\}|EXERCISE|Atom|999bsl\.co\.uk|gov\.uk/ACT")
ADVICE = "Communities Together, day and night: 020 7946 0123"
EXERCISER = person(41, mobile="+447700900041", topics="exercise")
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    env = {
        "TWILIO_FROM": "+447700900999",
        "TWILIO_ACCOUNT_SID": "AC" + "f" * 32,
        "TWILIO_AUTH_TOKEN": "of0nobody0for0pages0that0are0read",
        "TWILIO_API_BASE": "http://127.0.0.1:9",
        "EXERCISE_TWILIO_FROM": "PRACTICE",
        "ADVICE_LINE": ADVICE,
    }
    async with open_site(tmp_path, **{f"FASTTIME_{k}": v for k, v in env.items()}) as running:
        yield running


async def page(
    site: Site, path: str = "/", status: int = 200, headers: dict[str, str] | None = None
) -> Any:
    answer = await site.get(path, role=None, headers=headers)
    assert answer.status == status, path
    assert len(answer.body) < PAGE
    assert b"<script" not in answer.body
    assert b" style=" not in answer.body
    root = html.document_fromstring(answer.body.decode())
    assert len(root.findall(".//h1")) == 1, path
    return root


def text(root: Any) -> str:
    return " ".join(root.text_content().split())


async def set_level(site: Site, level: str = "SEVERE") -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    row = {"scope": "UK", "level": level, "source": "approval", "note": "", "recorded_at": at}
    await site.db.write(lambda conn: conn.execute(insert(level_fact), [row | {"at": at}]))


async def exercise(site: Site, **more: Any) -> int:
    await site.db.write(importing.import_records, [EXERCISER], "test", datetime.now(UTC))
    words = {"en": {"headline": "Practice flood"}}
    return await site.live(status="Exercise", severity="Extreme", languages=words, **more)


async def test_levels_stand_first_then_live_by_severity_then_ended_and_exercises_last(
    site: Site,
) -> None:
    await set_level(site)
    await exercise(site)
    for severity in ("Minor", "Severe"):
        await site.live(severity=severity, languages={"en": {"headline": f"A {severity} thing"}})
    over = await site.live(languages={"en": {"headline": "Long gone"}})
    await site.post(
        f"/api/v1/messages/{over}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    root = await page(site)
    said = text(root.find(".//main"))
    order = [
        said.index(words)
        for words in ("SEVERE (4 of 5)", "A Severe thing", "A Minor thing", "Long gone", "Practice")
    ]
    assert order == sorted(order)
    ladder = root.xpath('//ol[@class="ladder"]/li')
    assert [step.text.split()[1] for step in ladder] == [
        "LOW",
        "MODERATE",
        "SUBSTANTIAL",
        "SEVERE",
        "CRITICAL",
    ]
    assert [step.text for step in ladder if step.get("aria-current")] == ["4 SEVERE"]
    assert "Source:" in said


async def test_a_number_to_call_can_be_pressed_while_it_holds_and_never_for_practice(
    site: Site,
) -> None:
    def numbers(root: Any) -> list[str]:
        return [str(at) for at in root.xpath("//main//a[starts-with(@href, 'tel:')]/@href")]

    message = await site.live(hotlines=["0800 789 321"])
    practice = await site.version(await exercise(site, hotlines=["0800 789 321"]))
    v = await site.version(message)
    for path in ("/", f"/messages/{v.code}"):
        assert numbers(await page(site, path)) == ["tel:0800789321"]
    assert numbers(await page(site, f"/messages/{practice.code}")) == []
    await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    for path in ("/", f"/messages/{v.code}"):
        root = await page(site, path)
        assert numbers(root) == []
        assert root.xpath("//header//a[@href='tel:999']")


async def test_what_has_ended_is_struck_through_and_has_no_until(site: Site) -> None:
    message = await site.live()
    v = await site.version(message)
    live = await page(site)
    assert live.findall(".//del") == []
    assert "Until" in text(live)
    await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "in_error"}, role="approver"
    )
    for path in ("/", f"/v/{v.code}", f"/messages/{v.code}"):
        root = await page(site, path)
        struck = " ".join(text(part) for part in root.findall(".//del"))
        assert "Go round." in struck
        assert "No longer valid" in text(root)
        assert "Until" not in text(root)
        if path.startswith("/messages/"):
            assert text(root.find(".//h1")) == "CANCELLED: Road closed"
            assert root.findtext(".//title") == "CANCELLED: Road closed"
        else:  # a list of headings that is read aloud
            assert root.xpath("//del//*/@aria-label") == ["CANCELLED: Road closed"], path
        for part in root.findall(".//del"):
            part.drop_tree()
        for old in ("Go round.", "Road closed"):  # the heading of its own page too
            assert old not in text(root.find(".//main")), path


async def test_a_list_of_messages_marks_practice_and_strikes_what_was_wrong(site: Site) -> None:
    wrong = await site.live(languages={"en": {"headline": "Strand is open"}})
    await site.follow(
        wrong, "correct", languages={"en": {"headline": "Strand is closed"}}, note="it is not"
    )
    await exercise(site)
    await set_level(site)
    for path in ("/check", f"/past/{datetime.now(ZoneInfo('Europe/London')):%Y-%m}"):
        rows = {text(row): row for row in (await page(site, path)).xpath("//main//li")}
        (practice,) = [said for said in rows if said.endswith("Practice flood")]
        assert "EXERCISE Practice flood" in practice, path
        (new,) = [said for said in rows if said.endswith("Strand is closed")]
        assert rows[new].find(".//del") is None, path
        for said in [said for said in rows if said.endswith("Strand is open")]:
            assert "THIS MESSAGE WAS WRONG" in said, path
            assert rows[said].findtext(".//del") == "Strand is open", path
        assert ("Strand is open" in " ".join(rows)) == (path == "/check")


async def test_other_languages_and_999_are_named_at_the_top_of_every_page(site: Site) -> None:
    v = await site.version(await site.live())
    for path in ("/", "/check", "/past", f"/messages/{v.code}", f"/v/{v.code}?lang=ar"):
        root = await page(site, path)
        top = root.find(".//header")
        assert "999" in text(top), path
        (way,) = top.xpath(".//a[starts-with(@href, '#')]")
        named = {part.get("lang"): part.text for part in way.findall("span")}
        assert set(named) == {"en", "cy", "pl", "ar"} - {root.get("lang")}, path
        assert root.get_element_by_id(way.get("href")[1:]).tag == "nav", path


async def test_until_is_said_in_the_language_of_the_page_as_where_is(site: Site) -> None:
    v = await site.version(await site.live())  # in English only
    facts = [
        text(line)
        for line in (await page(site, f"/messages/{v.code}?lang=cy")).xpath(
            "//article/p[@class='facts']"
        )
    ]
    assert facts[0].startswith("Ble: ")
    assert facts[1].startswith("Hyd at ") or facts[1].startswith("Tan "), facts


async def test_a_message_has_a_page_with_its_versions_and_what_changed(site: Site) -> None:
    message = await site.live()
    v = await site.version(message)
    await site.follow(
        message,
        "correct",
        languages={"en": {"headline": "The OTHER road is closed"}},
        note="the street was wrong",
    )
    root = await page(site, f"/messages/{v.code.lower()}")
    assert text(root.find(".//h1")) == "CORRECTION: The OTHER road is closed"
    rows = [text(row) for row in root.xpath('//ol[@class="versions"]/li')]
    assert "Changed: the words." in rows[0]
    assert "What was wrong: the street was wrong" in rows[0]
    assert "The first version." in rows[1]
    assert text(root.xpath('//ol[@class="versions"]//del')[0]).startswith("Road closed")


async def test_a_message_that_is_not_public_has_no_page(site: Site) -> None:
    v = await site.version(await site.live(visibility="restricted"))
    for path in (f"/messages/{v.code}", "/messages/XXXX", "/past/2001-01", "/past/never"):
        await page(site, path, 404, BROWSER)


async def test_a_page_is_in_the_readers_language_with_a_switch(site: Site) -> None:
    await site.live(
        languages={"en": {"headline": "Road closed"}, "cy": {"headline": "Ffordd ar gau"}}
    )
    welsh = await page(site, headers={"Accept-Language": "cy;q=0.9, en;q=0.5"})
    assert (welsh.get("lang"), welsh.get("dir")) == ("cy", "ltr")
    assert "Negeseuon nawr" in text(welsh)
    assert "Ffordd ar gau" in text(welsh)
    assert "Road closed" not in text(welsh)
    english = await page(site, "/?lang=en", headers={"Accept-Language": "cy"})
    assert english.get("lang") == "en"
    assert "Road closed" in text(english)
    for tag in PHRASES:
        assert english.xpath(f'//footer//a[@hreflang="{tag}"]/@href') == [f"/?lang={tag}"]
    for address in english.xpath("//header//nav//a[not(starts-with(@href, '#'))]/@href"):
        assert address.endswith("?lang=en")


async def test_an_arabic_page_runs_from_right_to_left(site: Site) -> None:
    await site.live()
    root = await page(site, headers={"Accept-Language": "ar"})
    assert (root.get("lang"), root.get("dir")) == ("ar", "rtl")
    assert "الرسائل الآن" in text(root)
    card = root.find(".//article/div")
    assert (card.get("lang"), card.get("dir")) == ("en", "ltr")  # the message has no Arabic


@pytest.mark.parametrize("table", [PHRASES, OWN_WORDS], ids=["pages", "own link"])
def test_every_language_has_every_phrase_with_the_same_blanks(
    table: Mapping[str, Mapping[str, str]],
) -> None:
    def blanks(phrase: str) -> set[str]:
        return {part.partition("}")[0] for part in phrase.split("{")[1:]}

    english = table["en"]
    for tag, phrases in table.items():
        assert set(phrases) == set(english), tag
        for name, phrase in phrases.items():
            assert blanks(phrase) == blanks(english[name]), (tag, name)
            assert phrase.strip(), (tag, name)


SAME_AS_ENGLISH = {
    "cap": set(all_packs()),  # the name of the format
    "menu": {"fr"},
    "versions": {"fr"},
    "version": {"fr"},
    "email": {"fr", "pt"},
}
"""Phrases that are the same word in another language."""


@pytest.mark.parametrize("table", [PHRASES, OWN_WORDS], ids=["pages", "own link"])
@pytest.mark.parametrize("tag", sorted(set(all_packs()) - {"en"}))
def test_no_phrase_is_left_in_english_and_every_number_to_call_is_kept(
    table: Mapping[str, Mapping[str, str]], tag: str
) -> None:
    script = {"ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "ru": "CYRILLIC", "bg": "CYRILLIC"}
    script |= {"el": "GREEK", "bn": "BENGALI", "gu": "GUJARATI", "pa": "GURMUKHI", "ta": "TAMIL"}
    script |= {"zh": "CJK"}
    for name, english in table["en"].items():
        said = table[tag][name]
        assert (said == english) == (tag in SAME_AS_ENGLISH.get(name, ())), (name, said)
        # 999, 7726, 0800 789 321, gov.uk/ACT: whoever reads must reach the same ones.
        assert sorted(NUMBERS.findall(said)) == sorted(NUMBERS.findall(english)), (name, said)
        assert name in ("cap", "email") or tag not in script or _written_in(said, script[tag]), said
        assert said == said.strip(), (name, said)
    assert PHRASES[tag]["exercise"].startswith(f"{all_packs()[tag].exercise}: ")


def _written_in(phrase: str, script: str) -> bool:
    """Return whether more than half of a phrase's letters are of a script; blanks, EXERCISE and
    addresses stand in Latin.
    """
    letters = [c for c in LATIN_BY_RIGHT.sub("", phrase) if c.isalpha()]
    own = [c for c in letters if unicodedata.name(c).startswith(script)]
    return len(own) * 2 > len(letters)


def test_the_pages_speak_every_language_of_the_messages() -> None:
    """Who adds a pack adds the file of its pages, and says so in docs/interfaces.md."""
    assert list(PHRASES) == list(OWN_WORDS) == list(all_packs())
    files = (ROOT / "console" / "pages" / "languages").glob("*.json")
    assert {path.stem for path in files} == set(all_packs())
    told = (ROOT / "docs" / "interfaces.md").read_text()
    assert f"today {len(PHRASES)}: {', '.join(PHRASES)})" in told


@pytest.mark.parametrize(
    ("language", "mark"),
    [(tag, all_packs()[tag].exercise) for tag in ("en", "cy", "ar", "ur", "zh")],
)
async def test_an_exercise_is_called_so_in_the_pages_language_with_the_english_word_first(
    site: Site, language: str, mark: str
) -> None:
    v = await site.version(await exercise(site))
    assert PHRASES[language]["exercise"].startswith(f"{mark}: ")
    for end in ("", "/poster", "/press"):
        root = await page(site, f"/messages/{v.code}{end}?lang={language}")
        assert text(root.find(".//h1")) == f"{mark}: Practice flood", end
        assert root.findtext(".//title") == f"{mark}: Practice flood", end
        (marked,) = root.xpath("//h1/span")
        # The heading is English, its mark is not: a voice reads each in its own language.
        assert (marked.get("lang"), root.find(".//h1").get("lang")) == (language, "en")
    assert v.live_at is not None
    month = v.live_at.astimezone(ZoneInfo("Europe/London")).strftime("%Y-%m")
    past = await page(site, f"/past/{month}?lang={language}")
    assert [text(tag) for tag in past.find_class("tag")] == [mark]


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "en"),
        ("cy", "en", "cy"),
        ("xx", "cy-GB,en;q=0.8", "cy"),
        ("", "de-CH, cy;q=0.2, en;q=0.9", "en"),
        ("", "cy;q=0, *", "en"),
        ("", "cy;q=nonsense", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_best_accepted(
    asked: str, accepted: str, language: str
) -> None:
    assert chosen(asked, accepted) == language


async def test_a_code_is_looked_up_by_a_form_on_every_page(site: Site) -> None:
    v = await site.version(await site.live())
    for path in ("/", "/past", "/what-to-do", "/check", f"/v/{v.code}", f"/messages/{v.code}"):
        form = (await page(site, path)).forms[0]
        assert (form.get("action"), form.get("method"), list(form.fields)) == (
            "/check",
            "get",
            ["code"],
        )
    for typed in (v.code.lower(), f"%20{v.code[:3]}+{v.code[3:]}-"):
        answer = await site.get(f"/check?code={typed}", role=None)
        assert (answer.status, answer.headers["Location"]) == (303, f"/v/{v.code}")
    assert "Type the code" in text(await page(site, "/check?code=+"))
    nothing = await site.get("/check?code=%3C%3E", role=None)
    assert (await site.get(nothing.headers["Location"], role=None)).status == 404
    really = text(await page(site, "/check"))
    ours_all = ("Met Police", "+447700900999", "PRACTICE", "https://alerts.example", "Road closed")
    for ours in ours_all:
        assert ours in really


async def test_past_messages_are_there_by_month(site: Site) -> None:
    v = await site.version(await site.live())
    assert v.live_at is not None
    month = f"{v.live_at.astimezone(ZoneInfo(site.settings.timezone)):%Y-%m}"
    assert list((await page(site, "/past")).xpath("//main//a/@href")) == [f"/past/{month}"]
    root = await page(site, f"/past/{month}")
    assert f"/messages/{v.code}" in root.xpath("//main//a/@href")


async def test_a_month_goes_on_from_page_to_page_until_its_first_message(site: Site) -> None:
    codes = []
    for n in range(3):
        words = {"en": {"headline": f"Thing {n}"}}
        codes.append((await site.version(await site.live(languages=words))).code)
    month = f"{datetime.now(ZoneInfo(site.settings.timezone)):%Y-%m}"
    stored = Stored(site.settings, site.db, site.context, lambda: datetime.now(UTC))
    face = Face(stored, past_rows=1)
    assert await face.parts(month) == ["", codes[2], codes[1]]
    way, shown = f"/past/{month}", []
    while way:
        after = way.removeprefix(f"/past/{month}").strip("/")
        root = html.document_fromstring(await face.past(month, "en", Links(), after))
        shown += [text(link) for link in root.xpath("//main//a[starts-with(@href, '/messages/')]")]
        way = "".join(root.xpath(f"//main//p/a[starts-with(@href, '/past/{month}/')]/@href"))
    assert shown == ["Thing 2", "Thing 1", "Thing 0"]
    served = await page(site, f"/past/{month}/{codes[2]}?lang=cy")
    assert "Thing 1" in text(served)
    assert "Thing 2" not in text(served)
    assert f"/past/{month}/{codes[2]}?lang=ar" in served.xpath("//footer//a/@href")
    for strange in ("XXXXXXXXX", codes[0], codes[2].lower()):
        await page(site, f"/past/{month}/{strange}", 404, BROWSER)


async def test_a_map_is_drawn_from_the_borders_with_a_title_and_a_description(site: Site) -> None:
    v = await site.version(await site.live())
    svg = (await page(site, f"/messages/{v.code}")).find(".//svg")
    named = svg.get("aria-labelledby").split()
    assert [part.get("id") for part in svg if part.tag in ("title", "desc")] == named
    assert "Westminster" in svg.findtext("desc")
    assert [p.get("class") for p in svg.findall("path")] == ["land", "land", "place"]


async def test_what_to_do_has_the_steps_and_keeps_advice_apart_from_reports(site: Site) -> None:
    root = await page(site, "/what-to-do")
    assert [step.text.split()[0] for step in root.xpath('//ol[@class="steps"]/li')] == [
        "RUN",
        "HIDE",
        "TELL",
    ]
    for number in ("999", "101", "0800 789 321"):
        assert number in text(root)
    (report,) = root.xpath("//h2[.='Whom to call']/following-sibling::ul[1]")
    (advice,) = root.xpath("//h2[.='Advice, nothing to report']/following-sibling::p[1]")
    assert text(advice) == ADVICE
    assert "020 7946 0123" not in text(report)
    assert advice.xpath(".//a/@href") == ["tel:02079460123"]


async def test_browsers_get_pages_for_errors_and_programs_get_problems(site: Site) -> None:
    gone = await page(site, "/nothing", 404, BROWSER)
    assert "There is no such page" in text(gone)
    for path, headers in (("/nothing", {}), ("/api/v1/nothing", BROWSER)):
        answer = await site.get(path, role=None, headers=headers)
        assert answer.headers["Content-Type"] == "application/problem+json"
    await site.db.close()
    away = await site.get("/", role=None, headers=BROWSER)
    assert away.status >= 500
    assert b"The fault is ours" in away.body
    assert away.headers["Content-Type"].startswith("text/html")


def test_an_entity_tag_is_compared_weakly_in_lists_and_with_a_star() -> None:
    assert matches('"a", W/"b"', '"b"')
    assert matches('W/"a"', '"a"')
    assert matches(" * ", 'W/"a"')
    assert not matches('"ab"', '"a"')


async def test_pages_and_documents_are_sent_once_to_who_has_them(site: Site) -> None:
    v = await site.version(await site.live())
    feeds = ("/feed.atom", "/feed.atom?lang=cy", "/messages.geojson")
    for path in ("/", f"/cap/{v.identifier}.xml", *feeds, "/static/face.css", "/what-to-do"):
        tag = (await site.get(path, role=None)).headers["ETag"]
        for known in (tag, f'"x", W/{tag.removeprefix("W/")}', "*"):
            again = await site.get(path, role=None, headers={"If-None-Match": known})
            assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert (await site.get(path, role=None, headers={"If-None-Match": '"x"'})).status == 200


async def test_all_that_a_page_loads_is_ours_and_the_policy_allows_nothing_else(
    site: Site,
) -> None:
    await site.live()
    root = await page(site)
    for address in root.xpath("//link/@href | //img/@src"):
        assert address.startswith("/")
        assert (await site.get(address, role=None)).status == 200
    for path in ("/favicon.ico", "/robots.txt"):
        assert (await site.get(path, role=None)).status == 200
    policy = (await site.get("/", role=None)).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "style-src 'self'" in policy
    assert (await site.get("/static/nothing.css", role=None)).status == 404


WORDS: dict[str, Any] = {"title": "<b>Gas</b> & \ue000title\ue000", "here": None}
PLAIN: dict[str, Any] = {"heading": "H <i>", "paragraphs": ("P",), "button": "", "action": ""}
BARE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("todo.html", WORDS | {"here": "/what-to-do", "advice": "<b>Ask</b>"}),
    ("unknown.html", WORDS | {"as_of": "As of <now>"}),
    ("plain.html", WORDS | PLAIN | {"switch_at": "/"}),
    ("plain.html", WORDS | PLAIN | {"here": "/messages/A<B"}),
    ("past.html", WORDS | {"here": "/past", "month": "", "rows": [], "months": []}),
    ("check.html", WORDS | {"here": "/check", "empty": True, "senders": ["x"], "recent": []}),
)


@pytest.mark.parametrize(
    "links", [Links(), Links(lang="ar"), Links(static=True), Links(lang="cy", static=True)]
)
@pytest.mark.parametrize(("name", "values"), BARE, ids=[name for name, _ in BARE])
def test_a_page_put_into_the_frame_that_is_kept_is_the_page_laid_out_whole(
    name: str, values: dict[str, Any], links: Links
) -> None:
    lang = links.lang or "en"
    for sender in ("Met <Police>", "Met \ue000Police"):
        whole = whole_page(name, lang=lang, links=links, sender=sender, **values)
        for _ in range(2):  # the frame new, and kept
            assert page_of(name, lang=lang, links=links, sender=sender, **values) == whole


def test_templates_and_style_sheet_are_in_the_wheel(tmp_path: Path) -> None:
    built = next(
        iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"]))
    )
    names = set(zipfile.ZipFile(built).namelist())
    assert {f"console/pages/assets/{name}" for name in ASSETS} <= names
    here = {f.relative_to(ROOT).as_posix() for f in ROOT.glob("console/pages/templates/*.html")}
    here |= {f"console/pages/languages/{tag}.json" for tag in PHRASES}
    assert here
    assert here <= names
