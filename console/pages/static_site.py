"""The public face as files, for any web server or CDN: they answer when nothing of ours does."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.places.areas import AreaTree
from broadcast.problems import refuse
from broadcast.store.database import TROUBLE, Connection, Database
from broadcast.wording.pack import fill
from broadcast.wording.times import local_time
from channels.twilio.settings import named_senders
from config.settings import Settings
from console.pages.face import Face
from console.pages.feeds import Feeds
from console.pages.frame import ASSETS, Links, asset, html, is_tag
from console.pages.phrases import ENGLISH, PHRASES
from console.pages.public import ROBOTS
from service.commands.context import Context
from service.rendering import StoredRenderings

P = ParamSpec("P")
T = TypeVar("T")

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


class _Moment:
    """An installation as it is at one moment: whatever is asked for is read once, and every page of
    a build says the same "as of".
    """

    def __init__(self, source: Stored) -> None:
        self.settings, self.renderings = source.settings, source.renderings
        self._source, self._at = source, source.now()
        self._known: dict[Any, Any] = {}
        self._tree: AreaTree | None = None

    @property
    def db(self) -> _Moment:
        """Where it is stored, read once."""
        return self

    @property
    def context(self) -> _Moment:
        """What knows its areas, read once."""
        return self

    def now(self) -> datetime:
        """Return the moment, aware UTC."""
        return self._at

    async def tree(self) -> AreaTree:
        """Return the areas."""
        if self._tree is None:
            self._tree = await self._source.context.tree()
        return self._tree

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `fn` finds: in the database the first time."""
        key = (fn, args, tuple(sorted(kwargs.items())))
        if key not in self._known:
            self._known[key] = await self._source.db.read(fn, *args, **kwargs)
        found: T = self._known[key]
        return found

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep nothing of what is read meanwhile: nobody else asks for it."""
        known = self._known.copy()
        try:
            yield
        finally:
            self._known = known


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


@dataclass
class Before:
    """What earlier builds of the same process wrote: of each message, and in all."""

    messages: dict[str, _Kept] = field(default_factory=dict)
    files: frozenset[Path] | None = None


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
        self._made: set[Path] = set()
        self.written: set[Path] = set()
        self.write(MARK, b"Written by fasttime site build, which clears what it did not write.\n")

    def page(self, path: str, text: str) -> None:
        """Write a page as the index of its folder."""
        self.write(f"{path.strip('/')}/index.html".lstrip("/"), text.encode())

    def write(self, name: str, body: bytes) -> None:
        """Write a file below the folder; a reader sees the old one or the new one."""
        target = self._root / name
        if target.parent not in self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        temporary = f"{target}.{os.getpid()}"  # what a crash leaves behind the next build clears
        try:
            with open(temporary, "wb") as file:  # noqa: PTH123 - thousands of files
                os.fchmod(file.fileno(), 0o644)
                file.write(body)
            os.replace(temporary, target)  # noqa: PTH105
        except OSError:
            with suppress(OSError):  # on a full disk half a file would keep the others out
                os.unlink(temporary)  # noqa: PTH108
            raise
        self.written.add(target)

    @contextmanager
    def apart(self) -> Iterator[set[Path]]:
        """Yield a set that holds, at the end, what was written meanwhile."""
        written, whole = set[Path](), self.written
        self.written = written
        try:
            yield written
        finally:
            whole |= written
            self.written = whole

    def clear(self, before: frozenset[Path] | None) -> None:
        """Take away what an earlier build wrote and this one did not: of `before` where that is all
        there is, else whatever the folder holds.
        """
        if before is not None:
            for path in sorted(before - self.written, reverse=True):
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    for folder in path.parents:
                        if folder == self._root:
                            break
                        folder.rmdir()  # only where it is empty
            return
        for path in sorted(self._root.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()  # only where it is empty
            elif path not in self.written:
                path.unlink()


async def build(source: Stored, root: Path, before: Before | None = None) -> Built:
    """Write every page in every language of ours, the feed and the CAP documents.

    `before` is what earlier builds of the same process wrote. Messages that have changed since are
    written first, then the front pages and the feeds, then the lists; of the messages that have not
    changed as many as TURN_SECONDS allow, the oldest first. Raises Rejected (folder_unusable,
    folder_not_ours).
    """
    moment = _Moment(source)
    folder, face, now = _Folder(root), Face(moment), moment.now()
    before = before or Before()
    kept = before.messages
    codes = await moment.db.read(published.codes)
    states = await moment.db.read(published.state_of_each, now)
    same = [code for code in codes if code in kept and kept[code].state == states.get(code)]
    for name in ASSETS:
        folder.write(f"static/{name}", asset(name))
    folder.write("favicon.ico", asset("favicon.svg"))
    folder.write("robots.txt", ROBOTS)
    for code in codes:
        if code not in same:
            kept[code] = await _message(moment, face, folder, code, states.get(code))
    await _front(moment, face, folder)
    await _lists(moment, face, folder)
    until = time.monotonic() + TURN_SECONDS
    for code in sorted(same, key=lambda each: kept[each].written):
        if time.monotonic() < until:
            kept[code] = await _message(moment, face, folder, code, states.get(code))
        folder.written |= kept[code].files
    folder.clear(before.files)
    before.files = frozenset(folder.written)
    return Built(
        files=len(folder.written), messages=len(codes), as_of=now.isoformat(timespec="seconds")
    )


async def _front(moment: _Moment, face: Face, folder: _Folder) -> None:
    """Write the front page in every language, and the feeds."""
    feeds = Feeds(moment)
    for lang in PHRASES:
        folder.page(_at(lang, ""), await face.front(lang, _links(lang)))
    folder.write("feed.atom", await feeds.atom())
    folder.write("messages.geojson", await feeds.geojson())
    for lang in PHRASES:
        folder.write(f"{lang}/feed.atom", await feeds.atom(lang))


async def _lists(moment: _Moment, face: Face, folder: _Folder) -> None:
    """Write the pages that list messages, and those that are about none."""
    pages = [(month, after) for month in await face.months() for after in await face.parts(month)]
    for lang in PHRASES:
        links = _links(lang)
        folder.page(_at(lang, "check"), await face.check(lang, links))
        for month, after in pages:
            path = f"past/{month}/{after}".rstrip("/")
            folder.page(_at(lang, path), await face.past(month, lang, links, after))
        folder.page(_at(lang, "past"), await face.past("", lang, links))
        unknown, _ = await face.verified("", lang, links)
        folder.page(_at(lang, NOT_OURS), unknown)
        folder.page(_at(lang, "what-to-do"), await face.todo(lang, links))
    folder.write("404.html", _gone(moment).encode())


async def keep_current(
    source: Stored,
    root: Path,
    tell: Callable[[str], None],
    *,
    first: Callable[[Built], None] = lambda _: None,
    ends: asyncio.Event | None = None,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Build anew whenever anything that the public sees has changed, and once a minute, until it
    `ends`. A database that is away, or a disk that is full, leaves the files as they are: it is
    told once, and built again as soon as that works. `first` is called with the first build.
    """
    last: object = None
    built, told = 0.0, ""
    before = Before()
    while ends is None or not ends.is_set():
        try:
            seen = await source.db.read(published.state_of_all, source.now())
            if seen != last or time.monotonic() - built > FRESH_SECONDS:
                done = await build(source, root, before)
                if not built:
                    first(done)
                last, built = seen, time.monotonic()
            if told:
                tell("the files are current again")
                told = ""
        except TROUBLE as trouble:
            before.files = None  # the next build looks for what this one may have left
            why = (trouble.strerror if isinstance(trouble, OSError) else "") or _name(trouble)
            if why != told:
                tell(f"the files stay as they are: {why}")
                told = why
        await asyncio.sleep(look_seconds)


def _name(trouble: BaseException) -> str:
    return type(trouble).__name__


async def _message(moment: _Moment, face: Face, folder: _Folder, code: str, state: object) -> _Kept:
    """Write the look-up page of a message, and where it is public its own page and documents."""
    with folder.apart() as written, moment.apart():
        versions = await moment.db.read(published.versions_of, code)
        for lang in PHRASES:
            page, _ = await face.verified(code, lang, _links(lang))
            folder.page(_at(lang, f"v/{code}"), page)
        if versions:
            await _public(moment, face, folder, versions)
    return _Kept(state, time.monotonic(), frozenset(written))


async def _public(moment: _Moment, face: Face, folder: _Folder, versions: list[Version]) -> None:
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
            document = await moment.db.read(published.document, name)
            if document is not None and "/" not in name:
                folder.write(f"cap/{name}.xml", document)


def _links(lang: str) -> Links:
    return Links(lang="" if lang == ENGLISH else lang, static=True)


def _at(lang: str, path: str) -> str:
    return path if lang == ENGLISH else f"{lang}/{path}"


def _gone(moment: _Moment) -> str:
    """Return the page for addresses that lead nowhere: most are codes that are not ours. It
    leads to the front page in every language.
    """
    say = PHRASES[ENGLISH]
    return html(
        "plain.html",
        lang=ENGLISH,
        links=Links(static=True),
        sender=moment.settings.sender_name,
        heading=say["gone"],
        paragraphs=(say["gone_more"], say["no_such_code"], say["no_then"]),
        button="",
        action="",
        title=say["gone"],
        switch_at="/",
        as_of=fill(
            say["as_of"],
            time=local_time(moment.now(), ENGLISH, moment.settings.timezone),
        ),
    )
