"""What the schema cannot say about an info and its areas: times against each other, shapes,
heights, hidden marks in text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from broadcast.cap.gss import gss_codes
from broadcast.cap.model import CapAlert, CapArea, CapInfo
from broadcast.cap.shape_text import read_circle, read_polygon
from broadcast.cap.validation.lexical import broken_rule, collapsed
from broadcast.cap.validation.rules import RuleHit, hit
from broadcast.cap.validation.structure import AREA, INFO
from broadcast.cap.validation.times import read_time

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<!|&(?:[a-zA-Z]{2,8}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});")
_BIDIRECTIONAL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TEXTS = ("event", "audience", "senderName", "headline", "description", "instruction", "contact")
_ONE_LINE = frozenset({"event", "senderName", "headline", "areaDesc"})
_ATTRIBUTES = {slot.tag: slot.attribute for slot in INFO}
_DECIMALS = {slot.tag: slot for slot in AREA if slot.type == "decimal"}


def check_infos(alert: CapAlert, *, shapes: bool = True) -> Iterator[RuleHit]:
    """Yield the hits of the rules about infos and areas; without `shapes` not those about polygons
    and circles.
    """
    for number, info in enumerate(alert.infos, 1):
        where = f"/alert/info[{number}]"
        for tag in _TEXTS:
            yield from _text(tag, getattr(info, _ATTRIBUTES[tag]), f"{where}/{tag}[1]")
        yield from _times(alert, info, where)
        if not info.areas:
            yield hit("area_missing", where, "no area")
        for place, area in enumerate(info.areas, 1):
            yield from _area(area, f"{where}/area[{place}]", shapes=shapes)
        yield from _findable(info, where)


def _text(tag: str, text: str | None, where: str) -> Iterator[RuleHit]:
    if not text:
        return
    markup, mark = _MARKUP.search(text), _BIDIRECTIONAL.search(text)
    if markup:
        yield hit("text_markup", where, markup[0])
    if mark:
        yield hit("text_bidirectional", where, f"U+{ord(mark[0]):04X}")
    if tag in _ONE_LINE and re.search(r"[\r\n]", text.strip()):
        yield hit("text_newline", where, "a line break")


def _times(alert: CapAlert, info: CapInfo, where: str) -> Iterator[RuleHit]:
    named = {"effective": info.effective, "onset": info.onset, "expires": info.expires}
    for tag, text in (("sent", alert.sent), *named.items()):
        if text and "T24:00:00" in text and (tag != "sent" or where == "/alert/info[1]"):
            yield hit(
                "time_end_of_day", f"{where}/{tag}[1]" if tag != "sent" else "/alert/sent[1]", text
            )
    expires = read_time(info.expires or "")
    if expires is None:
        return
    for tag, text in (("sent", alert.sent), ("effective", info.effective), ("onset", info.onset)):
        other = read_time(text or "")
        if other is not None and expires <= other:
            yield hit("times_inverted", f"{where}/expires[1]", f"{info.expires}, with {tag} {text}")


def _area(area: CapArea, where: str, *, shapes: bool) -> Iterator[RuleHit]:
    if not area.area_desc.strip():
        yield hit("area_desc_blank", f"{where}/areaDesc[1]", "nothing but blanks")
    yield from _text("areaDesc", area.area_desc, f"{where}/areaDesc[1]")
    for number, text in enumerate(area.polygons if shapes else (), 1):
        yield from read_polygon(text, f"{where}/polygon[{number}]")[1]
    for number, text in enumerate(area.circles if shapes else (), 1):
        yield from read_circle(text, f"{where}/circle[{number}]")[1]
    yield from _heights(area, where)


def _findable(info: CapInfo, where: str) -> Iterator[RuleHit]:
    """Yield one hit for all areas of an info that only have codes, and one for all that only have
    words: some documents have hundreds.
    """
    lost = [
        (place, area)
        for place, area in enumerate(info.areas, 1)
        if not area.polygons and not area.circles and not gss_codes(area)
    ]
    for rule, places in (
        (
            "area_only_geocodes",
            [
                (place, ", ".join(sorted({name for name, _ in area.geocodes})))
                for place, area in lost
                if area.geocodes
            ],
        ),
        (
            "area_only_described",
            [(place, area.area_desc) for place, area in lost if not area.geocodes],
        ),
    ):
        if places:
            place, found = places[0]
            yield hit(
                rule,
                f"{where}/area[{place}]",
                found if len(places) == 1 else f"{len(places)} areas, the first: {found}",
            )


def _heights(area: CapArea, where: str) -> Iterator[RuleHit]:
    if area.ceiling is None:
        return
    if area.altitude is None:
        yield hit("ceiling_without_altitude", where, f"ceiling {area.ceiling}")
        return
    if broken_rule(_DECIMALS["ceiling"], area.ceiling) or broken_rule(
        _DECIMALS["altitude"], area.altitude
    ):
        return  # said already: no numbers
    if Decimal(collapsed(area.ceiling)) < Decimal(collapsed(area.altitude)):
        yield hit(
            "ceiling_below_altitude", where, f"altitude {area.altitude}, ceiling {area.ceiling}"
        )
