"""What programs read without a password: the feed and the CAP documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from lxml import etree
from starlette.exceptions import HTTPException
from starlette.responses import Response

from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.wording.ending import ended, stays
from broadcast.wording.languages import pack_for
from console.pages.face import CACHED_SECONDS
from console.pages.frame import cached
from console.server.context import Web

CAP_TYPE = "application/cap+xml"
_ATOM = "http://www.w3.org/2005/Atom"
# the first published level: an empty feed needs a time too (RFC 4287 section 4.2.15)
_BEFORE_ANYTHING = datetime(2006, 8, 1, tzinfo=UTC)


def router(web: Web) -> APIRouter:
    """Return the routes of the public pages."""
    api = APIRouter(tags=["public"], include_in_schema=True)

    @api.get("/feed.atom")
    async def feed(request: Request) -> Response:
        """Return the public messages as an Atom feed (RFC 4287), each with its CAP document."""
        now = web.now()
        found = await web.db.read(published.shown, now)
        body = atom(
            found, sender=web.settings.sender, sender_name=web.settings.sender_name, base=_base(web)
        )
        return cached(request, body, "application/atom+xml; charset=utf-8", seconds=CACHED_SECONDS)

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
        return cached(request, stored, CAP_TYPE, seconds=CACHED_SECONDS)

    return api


def _base(web: Web) -> str:
    return web.settings.public_url


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
        opening, over = pack_for("en").opening(v.status), ended(v.state, tag, v.cancel_reason)
        pack = pack_for(tag)
        kinds = {"correction": f"{pack.correction}:", "all_clear": f"{pack.all_clear}:"}
        mark = f"{over.mark}:" if over else kinds.get(v.kind, "")
        holds = over is None or stays(v.kind, v.state)
        headline = " ".join(part for part in (opening, mark, text.headline) if part)
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
        add(
            entry,
            "summary",
            " ".join(
                part
                for part in (
                    opening,
                    over.why if over else "",
                    over.before_old if over and not holds else "",
                    text.description or text.headline,
                    text.instruction if holds else "",  # nobody need do it any more
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


def _updated(v: Version) -> datetime:
    return max(at for at in (v.live_at, v.ended_at, v.sent, _BEFORE_ANYTHING) if at is not None)


def _authority(sender: str) -> str:
    """Return the sender as the authority of a tag URI (RFC 4151): a name of letters, digits, dots
    and hyphens, or an address of such.
    """
    return "".join(ch if ch.isascii() and (ch.isalnum() or ch in ".-@") else "-" for ch in sender)
