"""The phrases of the residents' pages in each language: all there, with what is filled in."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from broadcast.content import segments
from console.residents import kept
from console.residents.words import RESIDENT_WORDS
from service.residents import texts
from service.residents.code_words import CODE_WORDS
from subscribers.registration import budgets
from tests.console.site import Site
from tests.console.visitor import Visitor
from tests.residents.test_retention import ROOT

FOLDER = ROOT / "console/residents/languages"
FORMS = re.compile(r"(?:days|hours)_\w+")
"""Forms of a number: a language has those that it needs."""
SAME = {"kind_partner", "mail_hint", "channel_email", "by_email"}
"""What may be written as in English."""


def words(lang: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((FOLDER / f"{lang}.json").read_text(encoding="utf-8"))
    return found


def filled(phrase: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", phrase))


def test_the_pages_are_in_these_languages() -> None:
    assert set(RESIDENT_WORDS) == {each.stem for each in FOLDER.glob("*.json")}
    assert {"en", "cy", "ar", "pl", "ro", "ur", "bn"} <= set(RESIDENT_WORDS)


@pytest.mark.parametrize("lang", sorted(set(RESIDENT_WORDS) - {"en"}))
def test_each_language_has_every_phrase_with_what_is_filled_in(lang: str) -> None:
    english, own = words("en"), words(lang)
    missing = {each for each in english.keys() - own.keys() if not FORMS.fullmatch(each)}
    assert missing == set()
    assert {each for each in own.keys() - english.keys() if not FORMS.fullmatch(each)} == set()
    for each in english.keys() & own.keys():
        if not FORMS.fullmatch(each):
            assert filled(own[each]) == filled(english[each]), each
            assert own[each] != english[each] or each in SAME, each


def test_codes_are_in_every_language_of_the_pages() -> None:
    assert set(CODE_WORDS) == set(RESIDENT_WORDS)


@pytest.mark.parametrize("lang", sorted(set(CODE_WORDS) - {"en"}))
def test_each_phrase_of_a_code_holds_what_is_filled_in_and_is_in_that_language(lang: str) -> None:
    english, own = CODE_WORDS["en"], CODE_WORDS[lang]
    assert own.keys() == english.keys()
    for each, phrase in own.items():
        assert filled(phrase) == filled(english[each]), each
        assert phrase != english[each], each
    assert len(set(own.values())) == len(own)
    sent = texts.rendered("sms", "join", lang, code="123456", sender="Police", public_url="")
    assert (sent.language, sent.body.count("123456"), "{" in sent.body) == (lang, 1, False)


@pytest.mark.parametrize("lang", sorted(CODE_WORDS))
@pytest.mark.parametrize("what", ["join", "known", "sign_in", "add", "same_person"])
def test_a_code_by_text_takes_no_more_parts_than_its_price_counts(lang: str, what: str) -> None:
    body = texts.rendered(
        "sms",
        what,
        lang,
        code="123456",
        sender="Metropolitan Police Service",
        public_url="https://alerts.police.example",
    ).body
    assert budgets.PRICES["sms"] * segments.count(body).segments <= budgets.cost(
        "sms", island=False, language=lang
    )


def test_hours_are_said_as_polish_and_romanian_say_them() -> None:
    said = [kept.lasting("pl", timedelta(hours=hours)) for hours in (1, 2, 5, 12, 23)]
    assert said == ["1 godzina", "2 godziny", "5 godzin", "12 godzin", "23 godziny"]
    said = [kept.lasting("ro", timedelta(hours=hours)) for hours in (1, 2, 23)]
    assert said == ["1 oră", "2 ore", "23 de ore"]


async def test_the_switch_leads_to_the_same_page_in_each_of_them(site: Site) -> None:
    page = await Visitor(site).get("/join")
    ways = page.tree.xpath("//nav[@id='languages']//a[@hreflang]")
    found = {str(way.get("hreflang")): str(way.get("href")) for way in ways}
    for lang, said in RESIDENT_WORDS.items():
        there = await Visitor(site).get(found[lang])
        assert (there.tree.get("lang"), there.h1) == (lang, said["place"])
        assert there.tree.get("dir") == ("rtl" if lang in ("ar", "ur") else "ltr")
