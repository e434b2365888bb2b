"""Telephone numbers that a finger can press: on a phone, a page's number calls."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree
from markupsafe import Markup, escape

_NUMBER = re.compile(r"(?<![\w.+-])\+?[0-9](?:[0-9 ]{0,18}[0-9])(?!\w)", re.ASCII)
"""Two digits at least, with blanks between; not part of a word or an address (999bsl.co.uk).
Chinese writes its words right beside a number: only Latin letters make it part of one.
"""
_TEXTED = frozenset({"7726"})
"""Numbers that take texts and no calls."""
_TIMES = re.compile(r"[0-9]{1,2}:[0-9]{2}")


def pressable(phrase: str) -> Markup:
    """Return one of our own phrases as HTML, each telephone number in it a link."""
    out, end = Markup(), 0
    for found in _NUMBER.finditer(phrase):
        out += Markup('{}<a href="{}">{}</a>').format(
            phrase[end : found.start()], _address(found[0]), found[0]
        )
        end = found.end()
    return out + escape(phrase[end:])


def press_hotlines(root: etree._Element, hotlines: Iterable[str]) -> None:
    """Make links of the numbers of these hotlines wherever the words of a message name them."""
    numbers = {n for line in hotlines for n in _NUMBER.findall(_TIMES.sub("", line))}
    if not numbers:
        return
    for element in list(root.iter(etree.Element)):
        if element.tag == "a":
            continue
        for child in list(element):
            if child.tail and (parts := _parts(child.tail, numbers)):
                child.tail = parts[0]
                at = element.index(child)
                for n, link in enumerate(parts[1]):
                    element.insert(at + 1 + n, link)
        if element.text and (parts := _parts(element.text, numbers)):
            element.text = parts[0]
            for n, link in enumerate(parts[1]):
                element.insert(n, link)


def _parts(text: str, wanted: set[str]) -> tuple[str, list[etree._Element]] | None:
    """Return what stands before the first number, and a link for each with what follows as its
    tail; None where the text holds none.
    """
    links: list[etree._Element] = []
    first, end = "", 0
    for found in _NUMBER.finditer(text):
        if found[0] not in wanted:
            continue
        between = text[end : found.start()]
        if links:
            links[-1].tail = between
        else:
            first = between
        link = etree.Element("a", href=_address(found[0]))
        link.text = found[0]
        links.append(link)
        end = found.end()
    if not links:
        return None
    links[-1].tail = text[end:]
    return first, links


def _address(number: str) -> str:
    plain = number.replace(" ", "")
    return f"{'sms' if plain in _TEXTED else 'tel'}:{plain}"
