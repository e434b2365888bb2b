"""The public face as files, for any web server or CDN: they answer when nothing of ours does."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.problems import refuse
from broadcast.store.database import TROUBLE, Database
from broadcast.wording.pack import fill
from broadcast.wording.times import local_time
from channels.twilio.settings import named_senders
from config.settings import Settings
from console.pages.face import Face, is_tag
from console.pages.feeds import Feeds
from console.pages.frame import ASSETS, Links, asset, html
from console.pages.phrases import ENGLISH, PHRASES
from console.pages.public import ROBOTS
from service.commands.context import Context
from service.rendering import StoredRenderings

MARK = ".fasttime-site"
"""The file that says that a folder is ours to write and to clear."""
LOOK_SECONDS = 1.0
FRESH_SECONDS = 60.0
"""How old the "as of" of an unchanged page may become while the folder is kept current; those of
messages that have not changed are written anew by turns.
"""
TURN_SECONDS = 1.0
"""How long unchanged messages are written anew in one build: a change must not wait for them."""
NOT_OURS = "check/not-ours"
"""Where the look-up leads when a code has no page: plain servers have a 404 of their own."""


class Stored:
    """An installation that pages are made from, without a server."""

    def __init__(
        self, settings: Settings, db: Database, context: Context, now: Callable[[], datetime]
    ) -> None:
        self.settings, self.db, self.context, self._now = settings, db, context, now
        self.renderings = StoredRenderings(
            db,
            no_replies=named_senders(settings.env),
            sender_name=settings.sender_name,
            public_url=settings.public_url,
            zone=settings.timezone,
        )

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        return self._now()


@dataclass(frozen=True, kw_only=True)
class Built:
    """What was written."""

    files: int
    messages: int
    as_of: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class _Kept:
    """The files of a message as they were last written: of which state, and when (monotonic)."""

    state: object
    written: float
    files: frozenset[Path]


class _Folder:
    """The folder that is written: each file whole or not at all, and nothing left of before."""

    def __init__(self, root: Path) -> None:
        if root.exists() and not root.is_dir():
            raise refuse("folder_unusable", f"{root} is no folder", "name a folder", field="DIR")
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()) and not (root / MARK).exists():
            raise refuse(
                "folder_not_ours",
                f"{root} holds files that were not written by this command",
                "name an empty folder, or one that this command wrote",
                field="DIR",
            )
        self._root = root
        self.written: set[Path] = set()
        self.write(MARK, b"Written by fasttime site build, which clears what it did not write.\n")

    def page(self, path: str, text: str) -> None:
        """Write a page as the index of its folder."""
        self.write(f"{path.strip('/')}/index.html".lstrip("/"), text.encode())

    def write(self, name: str, body: bytes) -> None:
        """Write a file below the folder; a reader sees the old one or the new one."""
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(number, "wb") as file:
            file.write(body)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
        self.written.add(target)

    def clear(self) -> None:
        """Take away what an earlier build wrote and this one did not."""
        for path in sorted(self._root.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()  # only where it is empty
            elif path not in self.written:
                path.unlink()


async def build(source: Stored, root: Path, kept: dict[str, _Kept] | None = None) -> Built:
    """Write every page in every language of ours, the feed and the CAP documents.

    `kept` is what earlier builds of the same process wrote of each message: those that have
    changed since are written first, of the others as many as TURN_SECONDS allow, the oldest first.
    Raises Rejected (folder_unusable, folder_not_ours).
    """
    folder, face, now = _Folder(root), Face(source), source.now()
    kept = {} if kept is None else kept
    codes = await source.db.read(published.codes)
    states = await source.db.read(published.state_of_each, now)
    same = [code for code in codes if code in kept and kept[code].state == states.get(code)]
    for name in ASSETS:
        folder.write(f"static/{name}", asset(name))
    folder.write("favicon.ico", asset("favicon.svg"))
    folder.write("robots.txt", ROBOTS)
    for code in codes:
        if code not in same:
            kept[code] = await _message(source, face, folder, code, states.get(code))
    months = await face.months()
    for lang in PHRASES:
        links = _links(lang)
        for month in months:
            folder.page(_at(lang, f"past/{month}"), await face.past(month, lang, links))
        folder.page(_at(lang, "past"), await face.past("", lang, links))
        folder.page(_at(lang, "check"), await face.check(lang, links))
        unknown, _ = await face.verified("", lang, links)
        folder.page(_at(lang, NOT_OURS), unknown)
        folder.page(_at(lang, "what-to-do"), await face.todo(lang, links))
        folder.page(_at(lang, ""), await face.front(lang, links))
    folder.write("404.html", _gone(source).encode())
    feeds = Feeds(source)
    folder.write("feed.atom", await feeds.atom())
    for lang in PHRASES:
        folder.write(f"{lang}/feed.atom", await feeds.atom(lang))
    folder.write("messages.geojson", await feeds.geojson())
    until = time.monotonic() + TURN_SECONDS
    for code in sorted(same, key=lambda each: kept[each].written):
        if time.monotonic() < until:
            kept[code] = await _message(source, face, folder, code, states.get(code))
        folder.written |= kept[code].files
    folder.clear()
    return Built(
        files=len(folder.written), messages=len(codes), as_of=now.isoformat(timespec="seconds")
    )


async def keep_current(
    source: Stored, root: Path, tell: Callable[[str], None], *, ends: asyncio.Event | None = None
) -> None:
    """Build anew whenever anything that the public sees has changed, and once a minute, until it
    `ends`. A database that is away leaves the files as they are.
    """
    last: object = None
    built = 0.0
    kept: dict[str, _Kept] = {}
    while ends is None or not ends.is_set():
        try:
            seen = await source.db.read(published.state_of_all, source.now())
            if seen != last or time.monotonic() - built > FRESH_SECONDS:
                await build(source, root, kept)
                last, built = seen, time.monotonic()
        except TROUBLE as trouble:
            tell(f"the files stay as they are: {type(trouble).__name__}")
        await asyncio.sleep(LOOK_SECONDS)


async def _message(source: Stored, face: Face, folder: _Folder, code: str, state: object) -> _Kept:
    """Write the look-up page of a message, and where it is public its own page and documents."""
    before = set(folder.written)
    versions = await source.db.read(published.versions_of, code)
    for lang in PHRASES:
        page, _ = await face.verified(code, lang, _links(lang))
        folder.page(_at(lang, f"v/{code}"), page)
    if versions:
        await _public(source, face, folder, versions)
    return _Kept(state, time.monotonic(), frozenset(folder.written - before))


async def _public(source: Stored, face: Face, folder: _Folder, versions: list[Version]) -> None:
    """Write the sheets of a public message in every language, and its documents."""
    code = versions[-1].code
    foreign = [t for t in versions[-1].content.languages if t not in PHRASES and is_tag(t)]
    for path, make in face.sheets().items():
        for lang in PHRASES:
            folder.page(_at(lang, f"messages/{code}{path}"), await make(code, lang, _links(lang)))
        for tag in foreign:
            links = Links(lang=tag, static=True)
            folder.page(f"{tag}/messages/{code}{path}", await make(code, ENGLISH, links))
    for v in versions:
        for name in (v.identifier or "", f"{v.identifier}{published.CANCEL_SUFFIX}"):
            document = await source.db.read(published.document, name)
            if document is not None and "/" not in name:
                folder.write(f"cap/{name}.xml", document)


def _links(lang: str) -> Links:
    return Links(lang="" if lang == ENGLISH else lang, static=True)


def _at(lang: str, path: str) -> str:
    return path if lang == ENGLISH else f"{lang}/{path}"


def _gone(source: Stored) -> str:
    """Return the page for addresses that lead nowhere: most are codes that are not ours. It
    leads to the front page in every language.
    """
    say = PHRASES[ENGLISH]
    return html(
        "plain.html",
        lang=ENGLISH,
        links=Links(static=True),
        sender=source.settings.sender_name,
        heading=say["gone"],
        paragraphs=(say["gone_more"], say["no_such_code"], say["no_then"]),
        button="",
        action="",
        title=say["gone"],
        switch_at="/",
        as_of=fill(
            say["as_of"],
            time=local_time(source.now(), ENGLISH, source.settings.timezone),
        ),
    )
