"""What anybody may see without a password: the level, the messages, the feed, the CAP documents,
and whether a message is ours.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from lxml import etree
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from broadcast.levels import history
from broadcast.levels.scales import UK
from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.wording.cancelling import in_languages, words
from broadcast.wording.packs import direction, pack_for
from broadcast.wording.render import until_when
from broadcast.wording.times import local_time
from console.pages.frame import page, paragraph
from console.server.context import Web

CAP_TYPE = "application/cap+xml"
CACHED_SECONDS = 10
_ATOM = "http://www.w3.org/2005/Atom"
_BEFORE_ANYTHING = datetime(
    2006, 8, 1, tzinfo=UTC
)  # the first published level: an empty feed needs a time too (RFC 4287 section 4.2.15)

_SAID_OF = {
    "live": "",
    "held": "",
    "expired": "This message has expired.",
    "superseded": "An update has taken its place.",
    "corrected": "THIS MESSAGE WAS WRONG. A correction has taken its place.",
    "cancelled": "CANCELLED.",
    "stood_down": "ALL CLEAR. This is over.",
}


def router(web: Web) -> APIRouter:
    """Return the routes of the public pages."""
    api = APIRouter(tags=["public"], include_in_schema=True)

    @api.get("/", response_class=HTMLResponse)
    async def front(_request: Request) -> Response:
        """Show the present threat level and the live messages."""
        now = web.now()
        levels = [shown.to_json() for shown in await web.db.read(history.show, now)]
        found = await web.db.read(published.shown, now)
        tree = await web.desk.tree() if any(entry["scope"] != UK for entry in levels) else None
        names = {area.code: area.name for area in tree.all()} if tree is not None else {}
        parts = [
            f"<h1>{escape(web.settings.sender_name)}: threat level and messages</h1>",
            *(_level(entry, names, web.settings.timezone) for entry in levels),
        ]
        current = [v for v in found if not published.is_over(v, now)]
        over = [v for v in found if published.is_over(v, now)]
        parts.append("<h2>Messages now</h2>")
        parts += [_article(v, await _html(web, v, now), now) for v in current] or [
            paragraph("There is no message at this moment.")
        ]
        if over:
            parts.append("<h2>Ended in the last week</h2>")
            parts += [_article(v, await _html(web, v, now), now) for v in over]
        parts.append(
            '<p><a href="/feed.atom">Feed (Atom)</a>. Got a message with a code? Look it up at'
            f" {escape(_base(web))}/v/CODE. In an emergency call 999.</p>"
        )
        return page(
            f"{web.settings.sender_name}: threat level and messages",
            "\n".join(parts),
            cached=CACHED_SECONDS,
        )

    @api.get("/feed.atom")
    async def feed(request: Request) -> Response:
        """Return the public messages as an Atom feed (RFC 4287), each with its CAP document."""
        now = web.now()
        found = await web.db.read(published.shown, now)
        body = atom(
            found, sender=web.settings.sender, sender_name=web.settings.sender_name, base=_base(web)
        )
        return _cached(request, body, "application/atom+xml; charset=utf-8")

    @api.get("/cap/{name}")
    async def cap(request: Request, name: str) -> Response:
        """Return a published CAP document, byte for byte as it was published."""
        stored = (
            await web.db.read(published.document, name.removesuffix(".xml"))
            if name.endswith(".xml") and len(name) < 300 and "\x00" not in name
            else None
        )
        if stored is None:
            raise HTTPException(404)
        return _cached(request, stored, CAP_TYPE)

    @api.get("/v/{code}", response_class=HTMLResponse)
    async def verify(_request: Request, code: str) -> Response:
        """Say whether a message is ours, and what holds now."""
        wanted = "".join(ch for ch in code.upper() if ch.isascii() and ch.isalnum())
        v = await web.db.read(published.by_code, wanted) if 0 < len(wanted) <= 20 else None
        if v is None:
            body = "<h1>This message is not from us</h1>" + paragraph(
                "No message of ours has this code. Check the code once more, letter by letter."
            )
            body += paragraph(
                "If it is the same: do not reply, do not open its links, do not pay. Report it:"
                " forward the text to 7726, or call 101. In an emergency call 999."
            )
            return page("Not from us", body, status=404)
        return page("This message is ours", await _verified(web, v))

    return api


def _base(web: Web) -> str:
    return web.settings.public_url


async def _html(web: Web, v: Version, now: datetime) -> str:
    """Return the text in each language, and until when it holds, unless it is over."""
    parts = []
    for language in v.content.languages:
        rendered, _ = await web.renderings.rendered(v.id, "web", language, repeat=False)
        ends = None if published.is_over(v, now) else v.expires_at
        held = until_when(v.content, ends, language, web.settings.timezone)
        parts.append(rendered.html + (_in_ours(language, held) if held else ""))
    return "\n<hr>\n".join(parts)


def _in_ours(language: str, said: str) -> str:
    """Return words of ours as a paragraph that names their language, which is English where a
    message's own has no pack.
    """
    tag = pack_for(language).tag
    return f'<p lang="{tag}" dir="{direction(tag)}">{escape(said)}</p>'


def _level(entry: dict[str, Any], names: dict[str, str], zone: str) -> str:
    where = (
        "United Kingdom"
        if entry["scope"] == UK
        else names.get(entry["scope"], entry["scope"].partition(":")[2] or entry["scope"])
    )
    if entry["level"] is None:
        return f'<p class="level">Threat level, {escape(where)}: not known here.</p>'
    here = datetime.fromisoformat(entry["since"]).astimezone(ZoneInfo(zone))
    since = f"{here:%-d %B %Y}"
    return (
        f'<p class="level">Threat level, {escape(where)}: <strong>{entry["level"]}</strong>'
        f" ({entry['rank']} of 5): {escape(entry['meaning'])}. Since {since}.</p>"
    )


def _marks(v: Version, now: datetime) -> str:
    """Return what must be seen first: that it is an exercise, that it is over or was wrong, and
    why.
    """
    marks = []
    if v.status == "Exercise":
        marks.append(
            paragraph("EXERCISE: this is practice. Nothing has happened, do nothing.", "mark")
        )
    said = _SAID_OF.get(v.state, "") or (_SAID_OF["expired"] if published.is_over(v, now) else "")
    if said:
        marks.append(paragraph(said, "mark"))
    if v.state == "cancelled":
        said_in = in_languages(v.cancel_reason, v.content.languages)
        marks += [
            f'<p lang="{escape(tag)}" dir="{direction(tag)}">{escape(words)}</p>'
            for tag, words in said_in.items()
        ]
    return "".join(marks)


def _article(v: Version, html: str, now: datetime) -> str:
    classes = " ".join(
        name
        for name, holds in (
            ("exercise", v.status == "Exercise"),
            ("over", published.is_over(v, now)),
        )
        if holds
    )
    return (
        f'<article class="{classes}">{_marks(v, now)}{html}<p><a'
        f' href="/cap/{quote(v.identifier or "", safe="")}.xml">CAP</a></p></article>'
    )


async def _verified(web: Web, v: Version) -> str:
    now = web.now()
    at = local_time(v.sent or now, "en", web.settings.timezone)
    sent = f"Sent {at} by {web.settings.sender_name}. Code {v.code}, version {v.number}."
    parts = ["<h1>Yes, this message is ours</h1>", paragraph(sent)]
    if v.number > 1:
        parts.append(paragraph("It was changed since it first went out. What holds now is this."))
    if published.for_the_public(v):
        parts.append(_article(v, await _html(web, v, now), now))
    else:
        parts.append(
            _marks(v, now)
            + paragraph("Its text is for those it was sent to, and is not shown here.")
        )
    return "\n".join(parts)


def atom(found: list[Version], *, sender: str, sender_name: str, base: str) -> bytes:
    """Return the feed. An entry is a version: it is `updated` when it goes live and once more when
    it ends, and then says so in its title.
    """
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})

    def add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
        child = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
        child.text = text
        return child

    # Without PUBLIC_URL links are relative: whatever a caller names as Host never enters a document
    # that others read.
    add(root, "id", f"{base}/feed.atom" if base else f"tag:{_authority(sender)},2006-08-01:feed")
    add(root, "title", f"{sender_name}: messages")
    add(
        root,
        "updated",
        max((_updated(v) for v in found), default=_BEFORE_ANYTHING).isoformat(timespec="seconds"),
    )
    add(root, "link", rel="self", type="application/atom+xml", href=f"{base}/feed.atom")
    add(root, "link", rel="alternate", type="text/html", href=f"{base}/")
    add(add(root, "author"), "name", sender_name)
    for v in found:
        entry = add(root, "entry")
        identifier = v.identifier or ""
        tag, text = next(iter(v.content.languages.items()))
        opening = pack_for("en").opening(v.status)
        headline = " ".join(
            part for part in (opening, _OVER.get(v.state, ""), text.headline) if part
        )
        add(
            entry,
            "id",
            f"tag:{_authority(sender)},{v.sent or v.live_at or _BEFORE_ANYTHING:%Y-%m-%d}:"
            f"{quote(identifier, safe='')}",
        )
        title = add(entry, "title", f"{headline} {opening}".strip())
        title.set("{http://www.w3.org/XML/1998/namespace}lang", tag)
        add(entry, "updated", _updated(v).isoformat(timespec="seconds"))
        add(entry, "published", (v.sent or _updated(v)).isoformat(timespec="seconds"))
        for name in (v.status, v.kind, v.state):
            add(entry, "category", term=name)
        said = words(v.cancel_reason, tag) if v.state == "cancelled" else _SAID_OF.get(v.state, "")
        add(
            entry,
            "summary",
            " ".join(
                part
                for part in (
                    opening,
                    said,
                    text.description or text.headline,
                    text.instruction,
                    opening,
                )
                if part
            ),
        )
        add(entry, "link", rel="alternate", type="text/html", href=f"{base}/v/{v.code}")
        add(
            entry,
            "link",
            rel="enclosure",
            type=CAP_TYPE,
            href=f"{base}/cap/{quote(identifier, safe='')}.xml",
        )
        if v.state == "cancelled":
            add(
                entry,
                "link",
                rel="related",
                type=CAP_TYPE,
                href=f"{base}/cap/{quote(identifier + published.CANCEL_SUFFIX, safe='')}.xml",
            )
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


_OVER = {
    "expired": "EXPIRED:",
    "corrected": "WRONG, CORRECTED:",
    "cancelled": "CANCELLED:",
    "stood_down": "ALL CLEAR:",
}


def _updated(v: Version) -> datetime:
    return max(at for at in (v.live_at, v.ended_at, v.sent, _BEFORE_ANYTHING) if at is not None)


def _authority(sender: str) -> str:
    """Return the sender as the authority of a tag URI (RFC 4151): a name of letters, digits, dots
    and hyphens, or an address of such.
    """
    return "".join(ch if ch.isascii() and (ch.isalnum() or ch in ".-@") else "-" for ch in sender)


def _cached(request: Request, body: bytes, media_type: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": f"public, max-age={CACHED_SECONDS}", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)
