"""What pages show of a message: its words in one language, whether it still holds, its place."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import quote
from zoneinfo import ZoneInfo

import shapely
from lxml import etree
from lxml import html as lxml_html
from markupsafe import Markup
from shapely import Geometry

from broadcast.content.model import Content
from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.places.areas import AreaTree, near
from broadcast.places.geometry import circle_outline, from_wkb, union
from broadcast.store.database import Connection
from broadcast.wording.ending import ended, stays
from broadcast.wording.languages import pack_for
from broadcast.wording.levels import UK
from broadcast.wording.pack import called as name_in
from broadcast.wording.pack import direction, fill, following_marks, primary
from broadcast.wording.render import choose_language, until_when
from broadcast.wording.times import local_time
from config.settings import Settings
from console.pages import maps
from console.pages.frame import Links, exercise_mark
from console.pages.numbers import press_hotlines
from console.pages.phrases import ENGLISH, PHRASES
from service.rendering import StoredRenderings

P = ParamSpec("P")
T = TypeVar("T")

_MAPS_KEPT = 256
_CLASSES = (
    ("border:3px", "said-mark"),
    ("border-left", "said-note"),
    ("font-size:14px", "said-small"),
    ("font-weight:bold", "said-strong"),
)
"""What a block of a rendering looks like in a mail, and its class in our style sheet: a page takes
no style from inside.
"""


class Reads(Protocol):
    """What is stored, read."""

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `fn(connection, …)` finds."""


class Areas(Protocol):
    """What knows the areas."""

    async def tree(self) -> AreaTree:
        """Return them as they are imported now."""


class Source(Protocol):
    """What pages are made from: an installation that is read."""

    @property
    def db(self) -> Reads:
        """Where it is stored."""

    @property
    def context(self) -> Areas:
        """What knows its areas."""

    @property
    def settings(self) -> Settings:
        """What the process was told."""

    @property
    def renderings(self) -> StoredRenderings:
        """The words of its messages."""

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""


def day(at: datetime, lang: str, zone: str) -> str:
    """Return a day as people there read it."""
    here = at.astimezone(ZoneInfo(zone))
    return f"{here:%-d %B %Y}" if lang == ENGLISH else f"{here:%d/%m/%Y}"


@dataclass(frozen=True, slots=True)
class Said:
    """How a message ended, in one language: why (where the page does not say it already), and what
    goes before the old words.
    """

    lang: str
    dir: str
    why: str
    before_old: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """One message as a page shows it; text of ours is in the page's language, its own in `lang`.

    How it ended is `said` in the page's language, and in its own where that is another one.
    `marks` go before the headline wherever it stands without the rest: EXERCISE, CANCELLED, or
    while it holds CORRECTION;
    `own_mark` is how it ended in its own language, "" while it holds.
    """

    code: str
    lang: str
    dir: str
    headline: str
    rendered: str
    hotlines: tuple[str, ...]
    exercise: bool
    marks: tuple[str, ...]
    own_mark: str
    over: bool
    state: str
    said: tuple[Said, ...]
    struck: bool
    place: str
    ends: str
    cap: str
    map: Markup
    others: tuple[tuple[str, str, str, str], ...]

    def body(self, level: int) -> Markup:
        """Return the message's words, its headline as a heading of this level; of level 0 without
        it, for it stands above them.
        """
        return classed(self.rendered, level, self.hotlines, self.own_mark)


@lru_cache(maxsize=4096)
def classed(rendered: str, level: int, hotlines: tuple[str, ...], mark: str = "") -> Markup:
    """Return a rendering without styles of its own: classes instead, and its heading of `level`,
    or none; the numbers of these hotlines can be pressed. Who goes from heading to heading by ear
    hears the `mark` before the headline.
    """
    root = lxml_html.fragment_fromstring(rendered)
    if not level:
        for heading in root.findall("h1"):
            root.remove(heading)
    for element in root.iter(etree.Element):
        style = element.attrib.pop("style", "")
        found = next((css for part, css in _CLASSES if part in style), "")
        if element.tag == "h1":
            element.tag = f"h{level}"
            if mark:
                element.set("aria-label", f"{mark}: {element.text_content()}")
        elif found:
            element.set("class", found)
    press_hotlines(root, hotlines)
    text: str = etree.tostring(root, encoding="unicode", method="html")
    return Markup(text)  # noqa: S704 - a rendering is escaped where it is made


class Cards:
    """Makes cards; keeps the maps that it drew."""

    def __init__(self, web: Source) -> None:
        self._web = web
        self._maps: OrderedDict[tuple[int, str], maps.Drawing | None] = OrderedDict()

    async def card(
        self, v: Version, lang: str, links: Links, now: datetime, *, with_map: bool = True
    ) -> Card:
        """Return the card of a version that the public may see."""
        tag = choose_language(v.content, links.lang or lang)
        page_speaks = lang if primary(lang) != primary(tag) else tag
        over, zone = published.is_over(v, now), self._web.settings.timezone
        tree = await self._web.context.tree()
        place = place_of(v, tree, lang)
        state = state_of(v, now)
        said = _how_it_ended(v, state, lang, tag)
        struck = bool(said) and not stays(v.kind, state)
        over_marks = [
            words.mark if struck and (words := ended(state, speaks, v.cancel_reason)) else ""
            for speaks in (lang, tag)
        ]
        following = following_marks(pack_for(lang), v.kind, updates=v.action == "update")
        marks = (
            exercise_mark(lang) if v.status == "Exercise" else "",
            *((over_marks[0],) if over_marks[0] else following),
        )
        return Card(
            code=v.code,
            lang=tag,
            dir=direction(tag),
            headline=v.content.languages[tag].headline,
            rendered=self._web.renderings.page(v, tag, page_speaks).html,
            # nobody shall call a number for practice, or one that holds no more
            hotlines=() if over or v.status == "Exercise" else v.content.hotlines,
            exercise=v.status == "Exercise",
            marks=tuple(mark for mark in marks if mark),
            own_mark=over_marks[1],
            over=over,
            state=state,
            said=said,
            struck=struck,
            place=place,
            ends=until_when(v.content, None if over else v.expires_at, lang, zone),
            cap=f"/cap/{quote(v.identifier or '', safe='')}.xml",
            map=await self._map(v, tree, lang, place) if with_map else Markup(""),
            others=tuple(
                (
                    other,
                    name_of(other),
                    direction(other),
                    links.switch(f"/messages/{v.code}", other),
                )
                for other in v.content.languages
                if other != tag
            ),
        )

    async def _map(self, v: Version, tree: AreaTree, lang: str, place: str) -> Markup:
        key = (v.id, tree.revision)
        if key not in self._maps:
            shape = shape_of(v)
            self._maps[key] = (
                None if shape is None else await asyncio.to_thread(maps.drawing, shape, tree)
            )
            while len(self._maps) > _MAPS_KEPT:
                self._maps.popitem(last=False)
        drawn, say = self._maps[key], PHRASES[lang]
        if drawn is None:
            return Markup("")
        described = fill(say["map_of"], place=place)
        return drawn.titled(title=say["map"], description=described, name=f"map-{v.id}")


def _how_it_ended(v: Version, state: str, lang: str, tag: str) -> tuple[Said, ...]:
    """Return how a message ended in the page's language, then in its own. The page's mark says it
    already in the first, but for why something was cancelled.
    """
    said = []
    for speaks in dict.fromkeys((pack_for(lang).tag, pack_for(tag).tag)):
        if words := ended(state, speaks, v.cancel_reason):
            marked = speaks == pack_for(lang).tag and state != "cancelled"
            why = "" if marked else words.why
            said.append(Said(speaks, direction(speaks), why, words.before_old))
    return tuple(said)


def shape_of(v: Version) -> Geometry | None:
    """Return where a message is for, its circles too; None where it has no place of its own."""
    parts = [from_wkb(v.resolved.shape), *map(circle_outline, v.content.circles)]
    shape = union([part for part in parts if part is not None])
    return None if shape is None or shapely.is_empty(shape) else shape


def state_of(v: Version, now: datetime) -> str:
    """Return the name of the phrase that says how it ended, or ""."""
    if v.state in ("live", "held"):
        return "expired" if published.is_over(v, now) else ""
    return v.state


def place_of(v: Version, tree: AreaTree, lang: str) -> str:
    """Return where a message is for, by names as people call them."""
    say, content, called = PHRASES[lang], v.content, dict(v.resolved.names)
    scope = content.scope or ""
    codes = content.areas or ((scope,) if scope in called or scope in tree else ())
    group = name_in(v.resolved.group_names().get(scope, {}), lang)
    names = [called.get(code) or (tree[code].name if code in tree else code) for code in codes]
    if content.polygons or content.circles:
        names.append(_drawn(v, tree, say["drawn"]))
    return ", ".join(names) or group or say["uk" if scope == UK else "everywhere"]


def _drawn(v: Version, tree: AreaTree, words: str) -> str:
    """Return what a drawn shape is called, with the areas that it touches."""
    names = v.resolved.near or near(tree, v.resolved.touched)
    return f"{words} ({', '.join(names)})" if names else words


def name_of(tag: str) -> str:
    """Return a language's own name, where we know it."""
    return PHRASES[primary(tag)]["language"] if primary(tag) in PHRASES else tag


def what_changed(before: Content, after: Content) -> list[str]:
    """Return the names of the phrases for what differs between two versions."""
    found = {
        "in_words": before.languages != after.languages,
        "in_place": (before.areas, before.polygons, before.circles)
        != (after.areas, after.polygons, after.circles),
        "in_time": before.expires != after.expires,
        "in_severity": (before.severity, before.level) != (after.severity, after.level),
        "in_hotlines": before.hotlines != after.hotlines,
    }
    return [name for name, differs in found.items() if differs]


def version_rows(
    found: list[Version], lang: str, tag: str, now: datetime, zone: str
) -> list[dict[str, Any]]:
    """Return what a page says of each version, the newest first."""
    say, rows = PHRASES[lang], []
    for n, v in enumerate(found):
        own = choose_language(v.content, tag)
        changed = [] if n == 0 else what_changed(found[n - 1].content, v.content)
        what = ", ".join(say[name] for name in changed) or say["no_change"]
        note = v.content.note if v.kind == "correction" else None
        state = state_of(v, now)
        rows.append(
            {
                "number": v.number,
                "time": local_time(v.live_at or now, lang, zone),
                "mark": say[state] if state else "",
                "changed": say["first"] if n == 0 else fill(say["changed"], what=what),
                "note": fill(pack_for(own).was_wrong, note=note) if note else "",
                "note_lang": pack_for(own).tag,
                "lang": own,
                "dir": direction(own),
                "headline": v.content.languages[own].headline,
                "instruction": v.content.languages[own].instruction,
            }
        )
    return rows[::-1]
