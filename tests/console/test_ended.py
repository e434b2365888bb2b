"""What the page and the feed say of a message that holds no more, in each language it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html

from broadcast.messages import publishing
from broadcast.wording.ending import ended
from console.pages.phrases import PHRASES
from tests.console.site import WESTMINSTER, Site, open_site

ATOM = "{http://www.w3.org/2005/Atom}"
LANGUAGES = ("ar", "en", "pl")
TEXTS = {
    tag: {"headline": f"Gas leak ({tag})", "instruction": f"Stay indoors ({tag})."}
    for tag in LANGUAGES
}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def _ended(site: Site, how: str) -> None:
    """Publish a message and end it in this way."""
    message = await site.live(languages=TEXTS)
    match how:
        case "cancelled":
            path = f"/api/v1/messages/{message}/cancel"
            await site.post(path, {"why": "x", "reason": "in_error"}, role="approver")
        case "expired":
            late = datetime.now(UTC) + timedelta(hours=5)
            await site.db.write(publishing.expire_due, late)
        case "corrected":
            await site.follow(message, "correct", note="no gas", languages={"en": _OTHER})
        case "stood_down":
            await site.follow(message, "all-clear", languages={"en": _OTHER})


_OTHER = {"headline": "Something else"}


async def test_who_reads_another_language_reads_our_words_and_the_end_in_their_own(
    site: Site,
) -> None:
    text = {"en": {"headline": "Gas leak", "instruction": "Stay indoors."}}
    message = await site.live(languages=text, hotlines=["020 7946 0123, 8 am to 8 pm"])
    held = await _article(site, message)
    ours = " ".join(p.text_content() for p in held.iter("p") if p.get("lang") == "ar")
    for said in ("رسالة من الشرطة", "أُرسلت", "رمز الرسالة", "020 7946 0123"):
        assert said in ours
    assert {p.get("dir") for p in held.iter("p") if p.get("lang") == "ar"} == {"rtl"}
    (block,) = held.xpath(".//div[@lang='en']")  # the author's words are in theirs
    assert [p.text for p in block.iter("p") if p.get("lang") is None] == ["Stay indoors."]
    for english in ("Sent", "Message code", "Police message", "Call:", "Check this"):
        assert english not in held.text_content()

    reason = {"why": "x", "reason": "in_error"}
    await site.post(f"/api/v1/messages/{message}/cancel", reason, role="approver")
    over = await _article(site, message)
    before = over.text_content().partition("Stay indoors.")[0]
    for tag in ("ar", "en"):
        words = ended("cancelled", tag, "in_error")
        assert words is not None
        for said in (words.why, words.before_old):
            (p,) = over.xpath(f".//p[@lang='{tag}'][text()=$said]", said=said)
            assert p.get("dir") == ("rtl" if tag == "ar" else "ltr")
            assert said in before


async def _article(site: Site, message: int) -> Any:
    """Return the article of an Arabic reader's page of a message."""
    code = (await site.version(message)).code
    answer = await site.get(f"/messages/{code}?lang=ar", role=None)
    return html.document_fromstring(answer.body.decode()).find(".//article")


async def _entry(site: Site, headline: str) -> Any:
    feed = etree.fromstring((await site.get("/feed.atom", role=None)).body)
    return next(
        e for e in feed.iter(f"{ATOM}entry") if headline in (e.findtext(f"{ATOM}title") or "")
    )


@pytest.mark.parametrize("how", ["cancelled", "expired", "corrected", "stood_down"])
async def test_the_end_is_said_before_the_old_words_in_each_language(site: Site, how: str) -> None:
    await _ended(site, how)
    for tag in LANGUAGES:
        words = ended(how, tag, "in_error")
        assert words is not None
        answer = await site.get(f"/?lang={tag}", role=None)
        root = html.document_fromstring(answer.body.decode())
        shown = " ".join(root.text_content().split())
        old = shown.index(f"Gas leak ({tag})")
        # In its own languages the page says it in its own words; a cancel's reason stands always.
        own = [] if how == "cancelled" or tag not in PHRASES else [PHRASES[tag][how]]
        told = [shown.find(said) for said in (words.why, *own)]
        assert any(0 <= at < old for at in told), (tag, shown)
        assert 0 <= shown.find(words.before_old) < old, (tag, shown)
        struck = " ".join(part.text_content() for part in root.iter("del"))
        assert f"Stay indoors ({tag})." in struck
    first = ended(how, LANGUAGES[0], "in_error")
    assert first is not None
    entry = await _entry(site, "Gas leak")
    assert entry.findtext(f"{ATOM}title") == f"{first.mark}: Gas leak (ar)"
    summary = entry.findtext(f"{ATOM}summary")
    assert summary.index(first.why) < summary.index(first.before_old) < summary.index("Gas leak")
    assert "Stay indoors" not in summary  # nobody need do it any more


@pytest.mark.parametrize(
    ("path", "mark"),
    [("update", "UPDATE"), ("correct", "CORRECTION"), ("all-clear", "ALL CLEAR")],
)
async def test_feed_and_titles_mark_an_update_a_correction_and_an_all_clear_that_hold(
    site: Site, path: str, mark: str
) -> None:
    message = await site.live(languages=TEXTS)
    note = {"note": "no gas"} if path == "correct" else {}
    await site.follow(message, path, languages={"en": _OTHER}, **note)
    entry = await _entry(site, "Something else")
    assert entry.findtext(f"{ATOM}title") == f"{mark}: Something else"
    code = (await site.version(message)).code
    for sheet in ("", "/poster", "/press"):  # a phone shows the title alone
        answer = await site.get(f"/messages/{code}{sheet}", role=None)
        page = html.document_fromstring(answer.body.decode())
        shown = (page.findtext(".//title"), page.find(".//h1").text_content())
        assert shown == (f"{mark}: Something else",) * 2, sheet


async def test_a_level_is_not_struck_through_when_its_message_expires(site: Site) -> None:
    level = await site.live(
        kind="threat_level_change", level="SEVERE", scope=WESTMINSTER, areas=None
    )
    await site.db.write(publishing.expire_due, datetime.now(UTC) + timedelta(hours=25))
    root = html.document_fromstring((await site.get("/", role=None)).body.decode())
    shown = " ".join(root.text_content().split())
    assert "The threat level for Westminster is now SEVERE" in shown
    assert not list(root.iter("del"))
    words = ended("expired", "en")
    assert words is not None
    summary = (await _entry(site, "Road closed")).findtext(f"{ATOM}summary")
    assert summary.startswith(words.why)
    assert words.before_old not in summary
    for sheet in ("", "/poster", "/press"):
        path = f"/messages/{(await site.version(level)).code}{sheet}"
        own = html.document_fromstring((await site.get(path, role=None)).body.decode())
        assert own.findtext(".//h1") == own.findtext(".//title") == "Road closed"
        for denied in ("NO LONGER VALID", "no longer holds", "CANCELLED"):
            assert denied not in own.text_content(), path
