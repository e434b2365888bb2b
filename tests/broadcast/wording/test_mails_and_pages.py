"""Tests of mails and pages: escaping, languages, links."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import html

from broadcast.content.model import CHANNELS, Text
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import direction
from broadcast.wording.render import render
from tests.broadcast.wording.messages import FACTS, TAGS, WORDS, a_content, shown, visible


def test_html_is_escaped_and_loads_nothing():
    nasty = (
        "<script>alert(1)</script><img src=https://example.org/x> \"'&amp; {{7*7}} {0.__class__}"
        " ${x} %n"
    )
    for channel in ("email", "web"):
        content = a_content(
            kind="correction",
            note=nasty,
            languages={"en": Text(headline=nasty, description=nasty, instruction=nasty)},
            hotlines=(nasty,),
            source=nasty,
        )
        rendered = render(content, replace(FACTS, sender_name=nasty), channel, "en")
        page = html.fromstring(rendered.html)
        assert not page.xpath("//script|//img|//link|//iframe|//@src|//*[contains(@style, 'url')]")
        links = ["https://alerts.example.org/v/K7QX-2M4R", rendered.unsubscribe]
        assert page.xpath("//a/@href") == [link for link in links if link]
        assert visible(rendered.html).count(nasty) == rendered.body.count(nasty) == 7


def test_the_page_says_its_language_and_direction():
    for tag in TAGS:
        page = html.document_fromstring(render(a_content(), FACTS, "email", tag).html)
        assert (page.get("lang"), page.get("dir")) == (tag, direction(tag))
    arabic = render(a_content(), FACTS, "web", "ar").html
    assert arabic.startswith('<div lang="ar" dir="rtl"')


def test_english_phrases_around_a_language_without_a_pack_are_marked_as_english():
    page = html.document_fromstring(
        render(a_content(languages={"he": WORDS}), FACTS, "email", "he").html
    )
    assert (page.get("lang"), page.get("dir")) == ("he", "rtl")
    [sender] = page.xpath("//p[starts-with(., 'Police message')]")
    assert (sender.get("lang"), sender.get("dir")) == ("en", "ltr")
    [headline] = page.xpath("//h1")
    assert headline.get("lang") is None


def test_a_subject_is_one_line():
    content = a_content(
        status="Exercise",
        languages={
            "en": Text(headline="One\r\nBcc: x@example.org\u2028two\x85three\x0bfour\x00five")
        },
    )
    subject = render(content, FACTS, "email", "en").subject
    assert subject == "EXERCISE: One Bcc: x@example.org two three fourfive - EXERCISE"
    assert len(subject.splitlines()) == 1


def test_without_a_public_page_there_is_only_the_code():
    rendered = render(a_content(), replace(FACTS, public_url=""), "email", "en")
    assert "/v/" not in rendered.body + rendered.html
    assert "K7QX-2M4R" in rendered.body
    assert (
        "<a "
        not in render(
            a_content(), replace(FACTS, public_url="javascript:alert(1)"), "email", "en"
        ).html
    )


def test_only_a_mail_says_how_to_stop_mails():
    polish, bare = pack_for("pl").unsubscribe.removesuffix("{url}"), replace(FACTS, public_url="")
    assert polish in render(a_content(), FACTS, "email", "pl").body
    for nowhere in (
        render(a_content(), FACTS, "web", "pl"),
        render(a_content(), bare, "email", "pl"),  # a link to nowhere helps nobody
    ):
        assert polish not in nowhere.body + nowhere.html
        assert nowhere.unsubscribe == ""


@pytest.mark.parametrize("tag", TAGS)
def test_a_mail_says_where_each_persons_own_link_stands(tag):
    mail = render(a_content(), FACTS, "email", tag)
    own = mail.unsubscribe
    assert own.startswith("https://alerts.example.org/u/")
    assert mail.body.count(own) == 1
    (anchor,) = html.fromstring(mail.html.encode()).xpath("//a[contains(@href, '/u/')]")
    assert (anchor.get("href"), anchor.text) == (own, own)


def test_an_authors_words_are_never_taken_for_the_link():
    theirs = "Open https://alerts.example.org/u/your-own-link now"
    content = a_content(languages={"en": Text(headline="Gas", description=theirs)})
    mail = render(content, FACTS, "email", "en")
    assert theirs in mail.body
    assert mail.unsubscribe not in theirs
    assert mail.body.count(mail.unsubscribe) == 1


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    "literal", ["{{7*7}}", "{0.__class__}", "%n", "${x}", "{sender}", "{code}", "\\1"]
)
def test_what_looks_like_a_template_is_literal(channel, literal):
    rendered = render(a_content(languages={"en": Text(headline=literal)}), FACTS, channel, "en")
    assert all(literal in text for text in shown(rendered))
    rendered = render(a_content(), replace(FACTS, sender_name=literal), channel, "en")
    assert literal in rendered.body
