"""Numbers on the public pages that a finger can press."""

from __future__ import annotations

import pytest
from lxml import html

from console.pages.numbers import press_hotlines, pressable
from console.pages.phrases import PHRASES


def links(text: str) -> list[tuple[str, str]]:
    root = html.fragment_fromstring(text, create_parent="div")
    return [(a.get("href"), a.text) for a in root.iter("a")]


@pytest.mark.parametrize("language", PHRASES)
def test_whom_to_call_can_be_pressed_in_every_language(language: str) -> None:
    say = PHRASES[language]
    assert links(pressable(say["emergency"])) == [("tel:999", "999")]
    assert links(pressable(say["todo_101"])) == [("tel:101", "101")]
    assert links(pressable(say["todo_report"])) == [("tel:0800789321", "0800 789 321")]
    known = [("sms:7726", "7726"), ("tel:101", "101"), ("tel:999", "999")]
    assert sorted(links(pressable(say["no_then"]))) == known


def test_what_is_no_number_to_call_stays_text_and_stays_escaped() -> None:
    assert pressable("999bsl.co.uk, A101, 55.") == '999bsl.co.uk, A101, <a href="tel:55">55</a>.'
    assert pressable("<b> & 999") == '&lt;b&gt; &amp; <a href="tel:999">999</a>'


def test_the_numbers_of_a_message_s_hotlines_are_links_wherever_it_names_them() -> None:
    body = "<div><p>Call 0800 789 321 or 101, not 1010.</p>At 18:00 <b>x</b> 101<p>101</p></div>"
    root = html.fragment_fromstring(body)
    press_hotlines(root, ("0800 789 321 (24:00)", "Police 101"))
    told = html.tostring(root, encoding="unicode")
    assert links(told) == [
        ("tel:0800789321", "0800 789 321"),
        ("tel:101", "101"),
        ("tel:101", "101"),
        ("tel:101", "101"),
    ]
    assert root.text_content() == html.fragment_fromstring(body).text_content()


def test_without_a_hotline_and_within_a_link_nothing_changes() -> None:
    for body, hotlines in (
        ("<div><p>Call 101.</p></div>", ()),
        ('<div><a href="/x">101</a></div>', ("101",)),
    ):
        root = html.fragment_fromstring(body)
        press_hotlines(root, hotlines)
        assert html.tostring(root, encoding="unicode") == body
