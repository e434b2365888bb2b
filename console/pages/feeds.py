"""The public messages for programs: Atom in each language, and GeoJSON for maps."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import shapely
from lxml import etree

from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.places import outline
from broadcast.places.areas import AreaTree
from broadcast.wording.ending import ended, stays
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import following_marks
from broadcast.wording.render import (
    choose_language,
    headline_alone,
    level_and_note,
    until_when,
)
from broadcast.wording.rendered import Facts
from config.settings import Settings
from console.pages.cards import Source, place_of, shape_of
from console.pages.phrases import ENGLISH, PHRASES
from service.rendering import facts_of, sender_of

ATOM_TYPE = "application/atom+xml; charset=utf-8"
CAP_TYPE = "application/cap+xml"
GEOJSON_TYPE = "application/geo+json"
CORNERS = 500
"""So many corners at most has the outline of a message in the GeoJSON feed."""
_ATOM = "http://www.w3.org/2005/Atom"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_OUTLINES_KEPT = 256
# the first published level: an empty feed needs a time too (RFC 4287 section 4.2.15)
_BEFORE_ANYTHING = datetime(2006, 8, 1, tzinfo=UTC)


class Feeds:
    """Makes the feeds; keeps the outlines that it drew."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._outlines: OrderedDict[tuple[int, str], Any] = OrderedDict()

    async def atom(self, lang: str = "") -> bytes:
        """Return the public messages as an Atom feed (RFC 4287), each with its CAP document, in the
        language `lang` where a message has it; "" gives each in its first.
        """
        settings, now = self._source.settings, self._source.now()
        found = await self._source.db.read(published.shown, now)
        return atom(
            found,
            sender=settings.sender,
            sender_name=settings.sender_name,
            base=settings.public_url,
            lang=lang,
            now=now,
            tree=await self._source.context.tree(),
            zone=settings.timezone,
        )

    async def geojson(self) -> bytes:
        """Return the public messages as a GeoJSON FeatureCollection (RFC 7946): the place of each,
        never smaller than it is, and what a map needs to draw it truthfully. `geometry` is null
        where a message has no place of its own.
        """
        now = self._source.now()
        found = await self._source.db.read(published.shown, now)
        tree = await self._source.context.tree()
        settings = self._source.settings
        features = [
            {
                "type": "Feature",
                "id": v.identifier,
                "geometry": await self._geometry(v, tree),
                "properties": _properties(v, tree, now, _facts(v, settings, now)),
            }
            for v in found
        ]
        collection = {"type": "FeatureCollection", "features": features}
        return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()

    async def _geometry(self, v: Version, tree: AreaTree) -> Mapping[str, Any] | None:
        key = (v.id, tree.revision)
        if key not in self._outlines:
            self._outlines[key] = await asyncio.to_thread(_outline_of, v)
            while len(self._outlines) > _OUTLINES_KEPT:
                self._outlines.popitem(last=False)
        kept: Mapping[str, Any] | None = self._outlines[key]
        return kept


def _outline_of(v: Version) -> Mapping[str, Any] | None:
    shape = shape_of(v)
    if shape is None:
        return None
    drawn = outline.containing(shape, CORNERS)
    found: Mapping[str, Any] = json.loads(shapely.to_geojson(shapely.orient_polygons(drawn)))
    return found


def _facts(v: Version, settings: Settings, now: datetime) -> Facts:
    return facts_of(
        v,
        sender_name=settings.sender_name,
        public_url=settings.public_url,
        sent=now,
        zone=settings.timezone,
    )


def _properties(v: Version, tree: AreaTree, now: datetime, facts: Facts) -> dict[str, Any]:
    content, tag, base = v.content, next(iter(v.content.languages)), facts.public_url
    over = published.is_over(v, now)
    words = ended(_state(v, now), tag, v.cancel_reason)
    exercise = v.status == "Exercise"
    return {
        "code": v.code,
        "version": v.number,
        "kind": v.kind,
        "status": v.status,
        "exercise": exercise,
        "state": _state(v, now),
        "over": over,
        "over_says": words.mark if words else "",
        "urgency": content.urgency,
        "severity": content.severity,
        "certainty": content.certainty,
        "place": place_of(v, tree, ENGLISH),
        "sent": _time(v.sent),
        "updated": _time(_updated(v, now)),
        "expires": _time(v.expires_at),
        # A map shows the headline alone: there too an exercise must not pass for real, nor what is
        # over for what holds.
        "headline": {lang: _marked(v, lang, now, facts) for lang in content.languages},
        "url": f"{base}/messages/{v.code}",
        "cap": f"{base}/cap/{quote(v.identifier or '', safe='')}.xml",
    }


def _marked(v: Version, lang: str, now: datetime, facts: Facts) -> str:
    """Return the headline with what marks it. A level is stated for as long as it holds."""
    state = _state(v, now)
    words, own = ended(state, lang, v.cancel_reason), v.content.languages[lang].headline
    mark = f"{words.mark}:" if words else _kind(v, lang)
    holds = words is None or stays(v.kind, state)
    headline = headline_alone(v.content, facts, lang) if holds else own
    opening, closing = _opening(v), pack_for(ENGLISH).opening(v.status)
    parts = (opening, mark, headline, closing if v.status == "Exercise" else "")
    return " ".join(part for part in parts if part)


def _opening(v: Version) -> str:
    """Return what stands before everything: of an exercise its mark, and its name where it has
    one.
    """
    mark, name = pack_for(ENGLISH).opening(v.status), " ".join(v.content.exercise.split())
    return f"{mark} {name}:" if mark and name and v.status == "Exercise" else mark


def _kind(v: Version, lang: str) -> str:
    """Return what a headline of an update, a correction or an all-clear begins with; "" for a first
    message.
    """
    marks = following_marks(pack_for(lang), v.kind, updates=v.action == "update")
    return " ".join(f"{mark}:" for mark in marks)


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def atom(
    found: list[Version],
    *,
    sender: str,
    sender_name: str,
    base: str,
    lang: str,
    now: datetime,
    tree: AreaTree,
    zone: str,
) -> bytes:
    """Return the feed. An entry is a version: it is `updated` when it goes live and once more when
    it ends, and then says so in its title; by the clock, though nobody has marked it yet.
    """
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    query = f"?lang={lang}" if lang else ""

    def add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
        child = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        child.text = text
        return child

    # Without PUBLIC_URL links are relative: whatever a caller names as Host never enters a document
    # that others read.
    feed_id = f"tag:{_authority(sender)},2006-08-01:feed{':' + lang if lang else ''}"
    add(root, "id", f"{base}/feed.atom{query}" if base else feed_id)
    say = PHRASES.get(lang)
    heading = say["title"].replace("{sender}", sender_name) if say else f"{sender_name}: messages"
    add(root, "title", heading)
    if lang:
        root.set(_XML_LANG, lang)
    add(
        root,
        "updated",
        max((_updated(v, now) for v in found), default=_BEFORE_ANYTHING).isoformat(
            timespec="seconds"
        ),
    )
    add(root, "link", rel="self", type="application/atom+xml", href=f"{base}/feed.atom{query}")
    add(root, "link", rel="alternate", type="text/html", href=f"{base}/{query}")
    add(add(root, "author"), "name", sender_name)
    for v in found:
        entry = add(root, "entry")
        identifier = v.identifier or ""
        tag = choose_language(v.content, lang) if lang else next(iter(v.content.languages))
        text = v.content.languages[tag]
        state = _state(v, now)
        opening, over = pack_for("en").opening(v.status), ended(state, tag, v.cancel_reason)
        mark = f"{over.mark}:" if over else _kind(v, tag)
        headline = " ".join(part for part in (_opening(v), mark, text.headline) if part)
        add(
            entry,
            "id",
            f"tag:{_authority(sender)},{v.sent or v.live_at or _BEFORE_ANYTHING:%Y-%m-%d}:"
            f"{quote(identifier, safe='')}",
        )
        title = add(entry, "title", f"{headline} {opening}".strip())
        title.set(_XML_LANG, tag)
        add(entry, "updated", _updated(v, now).isoformat(timespec="seconds"))
        add(entry, "published", (v.sent or _updated(v, now)).isoformat(timespec="seconds"))
        for name in (v.status, v.kind, state):
            add(entry, "category", term=name)
        if v.content.provider:
            add(add(entry, "author"), "name", sender_of(v, sender_name, tag))
        facts = facts_of(v, sender_name=sender_name, public_url=base, sent=now, zone=zone)
        summary = add(entry, "summary", _summary(v, tag, state, tree, facts))
        summary.set(_XML_LANG, tag)
        add(entry, "link", rel="alternate", type="text/html", href=f"{base}/v/{v.code}")
        document = f"{base}/cap/{quote(identifier, safe='')}.xml"
        add(entry, "link", rel="enclosure", type=CAP_TYPE, href=document)
        if v.state == "cancelled":
            cancel = f"{base}/cap/{quote(identifier + published.CANCEL_SUFFIX, safe='')}.xml"
            add(entry, "link", rel="related", type=CAP_TYPE, href=cancel)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _summary(v: Version, tag: str, state: str, tree: AreaTree, facts: Facts) -> str:
    """Return what, where, what to do and until when; of what is over that it is, and no more of
    what to do. Of a level which, and of a correction what was wrong.
    """
    text, words = v.content.languages[tag], pack_for(tag)
    over, opening = ended(state, tag, v.cancel_reason), pack_for("en").opening(v.status)
    holds = over is None or stays(v.kind, state)
    place = place_of(v, tree, words.tag if words.tag in PHRASES else ENGLISH)
    until = until_when(v.content, v.expires_at if over is None else None, tag, facts.zone)
    level, note = level_and_note(v.content, facts, tag)
    parts = (
        _opening(v),
        over.why if over else "",
        over.before_old if over and not holds else "",
        level,
        f"{place}: {text.description or text.headline}",
        note,
        text.instruction if holds else "",  # nobody need do it any more
        f"{until}." if until else "",
        opening,
    )
    return " ".join(part for part in parts if part)


def _state(v: Version, now: datetime) -> str:
    return "expired" if v.state in ("live", "held") and published.is_over(v, now) else v.state


def _updated(v: Version, now: datetime) -> datetime:
    over = v.expires_at if _state(v, now) == "expired" else None
    known = (v.live_at, v.ended_at, v.sent, over, _BEFORE_ANYTHING)
    return max(at for at in known if at is not None)


def _authority(sender: str) -> str:
    """Return the sender as the authority of a tag URI (RFC 4151): a name of letters, digits, dots
    and hyphens, or an address of such.
    """
    return "".join(ch if ch.isascii() and (ch.isalnum() or ch in ".-@") else "-" for ch in sender)
