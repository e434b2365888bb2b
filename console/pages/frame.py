"""The frame of every page: templates that escape what people wrote, one style sheet, no script, and
when a page has not changed.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from broadcast.wording.languages import pack_for
from broadcast.wording.pack import direction, fill
from console.pages.numbers import pressable
from console.pages.phrases import ENGLISH, PHRASES, chosen
from console.residents.words import RESIDENT_WORDS

ASSETS: Mapping[str, str] = {
    "face.css": "text/css; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "lookup.js": "text/javascript; charset=utf-8",  # of the pages as files only
}
"""What pages load, all of it ours: the file's name and its media type."""

STATIC_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'"
)
"""What pages as files may load, whatever their server says: our own files, nothing within a page.
"""

CACHED_SECONDS = 10
"""How long a cache may keep a page or a feed of the public face."""
_FOLDER = Path(__file__).parent
_PACKED_FROM = 1_000
"""Bytes: what is smaller fits one packet anyway."""
_MENU = frozenset({"/", "/what-to-do", "/past", "/check"})
"""Pages that the menu of every page leads to."""
_MARK = "\ue000"
"""Stands around the name of a blank in a frame; no phrase of ours and no sender holds it."""
_SWITCH = "switch "


@lru_cache(maxsize=len(ASSETS))
def asset(name: str) -> bytes:
    """Return an asset's bytes; KeyError where there is none of this name."""
    if name not in ASSETS:
        raise KeyError(name)
    return read_asset(_FOLDER / "assets" / name)


def read_asset(path: Path) -> bytes:
    """Return the bytes of an asset of ours as they are served: a script or style sheet without its
    indentation, its empty lines and the lines that are a comment alone; a style sheet also without
    the blanks and the last semicolons that mean nothing in it.
    """
    if path.suffix not in (".js", ".css"):
        return path.read_bytes()
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    kept = "".join(f"{line}\n" for line in lines if line and not _is_comment(line))
    if path.suffix == ".css":
        # a blank before ":" or within a text means something; after these it does not
        kept = re.sub(r"([{};:,>])[ \n]+", r"\1", re.sub(r"(?<![ \n])[ \n]+([{}>])", r"\1", kept))
        kept = kept.replace(";}", "}")
    return kept.encode()


def _is_comment(line: str) -> bool:
    return line.startswith("//") or (line.startswith("/*") and line.find("*/") == len(line) - 2)


@lru_cache(maxsize=len(ASSETS))
def _revision(name: str) -> str:
    return hashlib.sha256(asset(name)).hexdigest()[:12]


def _put(phrase: str, **values: object) -> str:
    return fill(phrase, **{name: str(value) for name, value in values.items()})


FILTERS: Mapping[str, Callable[..., str]] = {"put": _put, "pressable": pressable}
"""What templates that use the base of the public face call."""


@lru_cache(maxsize=1)
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("console.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # the templates of an installed package do not change while it runs
    )
    environment.filters |= FILTERS
    return environment


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where pages lie. `lang` is the language that a reader chose by the switch, or "".

    Served, the choice goes along as a query; as static files each language but English has a folder
    of its own, and every page is the index of its folder.
    """

    lang: str = ""
    static: bool = False

    def to(self, path: str) -> str:
        """Return the address of a page in the chosen language."""
        if not self.lang or (self.static and self.lang not in PHRASES):
            return self._plain(path)  # as files there are whole pages in languages of ours only
        return self.switch(path, self.lang)

    def switch(self, path: str, lang: str) -> str:
        """Return the address of a page in a language."""
        if not self.static:
            return f"{path}?lang={lang}"
        return self._plain(path if lang == ENGLISH else f"/{lang}{path}")

    def _plain(self, path: str) -> str:
        return path if not self.static or path.endswith("/") else f"{path}/"

    def feed(self) -> str:
        """Return the address of the Atom feed in the chosen language."""
        if not self.lang:
            return "/feed.atom"
        if not self.static:
            return f"/feed.atom?lang={self.lang}"
        return f"/{self.lang}/feed.atom" if self.lang in PHRASES else "/feed.atom"

    def asset(self, name: str) -> str:
        """Return the address of a file that pages load; another one whenever it changes."""
        return f"/static/{name}?v={_revision(name)}"


class _Template(Links):
    """Links of a page that is kept as a frame: the switch of languages leads to blanks."""

    def switch(self, path: str, lang: str) -> str:
        """Return the address, or the blank that stands for the page's own in this language."""
        return _blank(f"{_SWITCH}{lang}") if path == _SWITCH else super().switch(path, lang)


def html(name: str, *, lang: str, links: Links, sender: str, **values: Any) -> str:
    """Return a page as text. `here` among the values is its own path, for the switch of languages;
    None where there is none; `switch_at` is where the switch leads instead.

    What a page has in common with all others of its language is laid out once and kept: of the
    page itself only its main part is.
    """
    template, given = _templates().get_template(name), _given(lang, links, sender, values)
    main = "".join(template.blocks["main"](template.new_context(given)))
    switch_at, as_of = given["switch_at"], given["as_of"]
    filled = {"title": escape(given["title"]), "as_of": escape(as_of), "main": main}
    frame = _frame(
        lang,
        links,
        sender,
        given["here"] if given["here"] in _MENU else None,
        switch=switch_at is not None,
        dated=bool(as_of),
        lookup="lookup" not in template.blocks,
    )
    return "".join(
        text
        if n % 2 == 0
        else filled[text]
        if text in filled
        else escape(links.switch(switch_at, text.removeprefix(_SWITCH)))
        for n, text in enumerate(frame)
    )


def whole_page(name: str, *, lang: str, links: Links, sender: str, **values: Any) -> str:
    """Return the same page laid out from its first line to its last, as a test compares it."""
    page: str = _templates().get_template(name).render(_given(lang, links, sender, values))
    return page


def _given(lang: str, links: Links, sender: str, values: dict[str, Any]) -> dict[str, Any]:
    given = _values(lang, links, sender) | values
    given.setdefault("switch_at", given["here"])
    return given


@lru_cache(maxsize=1024)
def _frame(
    lang: str,
    links: Links,
    sender: str,
    here: str | None,
    *,
    switch: bool,
    dated: bool,
    lookup: bool,
) -> tuple[str, ...]:
    """Return what surrounds the main part of a page, cut at its blanks: text and the name of a
    blank by turns.
    """
    template = _templates().get_template("frame.html" if lookup else "frame_bare.html")
    given = _values(lang, _Template(lang=links.lang, static=links.static), sender) | {
        "here": here,
        "switch_at": _SWITCH if switch else None,
        "title": _blank("title"),
        "as_of": _blank("as_of") if dated else "",
        "main": _blank("main"),
    }
    return tuple(template.render(given).split(_MARK))


def _blank(name: str) -> str:
    return f"{_MARK}{name}{_MARK}"


def _values(lang: str, links: Links, sender: str) -> dict[str, Any]:
    say, sender = PHRASES[lang], sender.replace(_MARK, "")
    return {
        "lang": lang,
        "dir": direction(lang),
        "say": say,
        "links": links,
        "sender": sender,
        "title": fill(say["title"], sender=sender),
        "exercise_mark": exercise_mark(lang),
        "here": None,
        "as_of": "",
        # a copy that is served elsewhere has no forms
        "join": "" if links.static else join_words(lang),
        "join_lang": lang if lang in RESIDENT_WORDS else ENGLISH,
        "static_policy": STATIC_POLICY,
        "languages": _languages(),
    }


@lru_cache(maxsize=1)
def _languages() -> tuple[tuple[str, str, str], ...]:
    return tuple((tag, say["language"], direction(tag)) for tag, say in PHRASES.items())


def join_words(lang: str) -> str:
    """Return what the way to registering is called."""
    return RESIDENT_WORDS.get(lang, RESIDENT_WORDS[ENGLISH])["join_short"]


def exercise_mark(lang: str) -> str:
    """Return the mark of an exercise: EXERCISE first in every language, for machines and strangers,
    then the language's own word.
    """
    return pack_for(lang).exercise


def plain(
    sender: str,
    heading: str,
    *paragraphs: str,
    title: str = "",
    button: str = "",
    action: str = "",
    status: int = 200,
    lang: str = ENGLISH,
) -> HTMLResponse:
    """Return a page of a few sentences that nobody keeps; with a `button` that posts to
    `action`, relative to its own address.
    """
    body = html(
        "plain.html",
        lang=lang,
        links=Links(lang=lang),
        sender=sender,
        heading=heading,
        paragraphs=paragraphs,
        button=button,
        action=action,
        title=title or heading,
    )
    return HTMLResponse(body, status, {"Cache-Control": "no-store", "Content-Language": lang})


def is_tag(asked: str) -> bool:
    """Return whether it has the form of a language tag."""
    return re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", asked) is not None


def matches(wanted: str, tag: str) -> bool:
    """Return whether an If-None-Match names this entity tag: a list of tags, compared weakly, or *
    (RFC 9110 section 13.1.2).
    """
    opaque = tag.removeprefix("W/")
    if wanted.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/") == opaque for part in wanted.split(","))


def cached(
    request: Request,
    body: bytes,
    media_type: str,
    *,
    seconds: int,
    like: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return what anybody may keep for some seconds, or 304 where the asker has it already.

    `like` is what the entity tag is made of where two bodies that differ count as the same: its tag
    is weak.
    """
    digest = hashlib.sha256(body if like is None else like).hexdigest()[:32]
    packed = len(body) > _PACKED_FROM and wants_gzip(request.headers.get("accept-encoding", ""))
    # Two encodings of one body differ byte by byte, so a strong tag may not stand for both.
    strong = f'"{digest}-gzip"' if packed else f'"{digest}"'
    tag = strong if like is None else f'W/"{digest}"'
    sent = {"Cache-Control": f"public, max-age={seconds}", "ETag": tag, **(headers or {})}
    sent["Vary"] = ", ".join(filter(None, (sent.get("Vary"), "Accept-Encoding")))
    asked = request.headers.getlist("if-none-match")
    if asked and matches(",".join(asked), tag):
        return Response(status_code=304, headers=sent)
    if packed:
        body, sent["Content-Encoding"] = gzip.compress(body, 6, mtime=0), "gzip"
    return Response(body, 200, sent, media_type)


def wants_gzip(accepted: str) -> bool:
    """Return whether an Accept-Encoding names gzip and does not refuse it (RFC 9110 section
    12.5.3). Only what anybody may read is ever compressed: the length of a compressed page with a
    person's own link could tell what stands in it.
    """
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def trouble(status: int, sender: str, accepted: str) -> HTMLResponse | None:
    """Return the page that says that there is no such page, or that the fault is ours; None where
    it is neither.
    """
    if status != 404 and status < 500:
        return None
    lang = chosen("", accepted)
    say = PHRASES[lang]
    kind = "gone" if status == 404 else "trouble"
    body = html(
        "plain.html",
        lang=lang,
        links=Links(),
        sender=sender,
        heading=say[kind],
        paragraphs=(say[f"{kind}_more"],),
        button="",
        action="",
        title=say[kind],
    )
    return HTMLResponse(body, status, {"Cache-Control": "no-store", "Vary": "Accept"})
