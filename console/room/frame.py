"""The frame of the control room's pages: who is signed in, what every page carries, and forms that
hold for one session and one thing only.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from broadcast.messages import small_counts
from broadcast.operators.operators import PERMISSIONS
from broadcast.problems import Problem, Rejected
from broadcast.wording.pack import direction
from broadcast.wording.times import local_time, zone_name
from console.pages.frame import FILTERS, Links, read_asset
from console.pages.phrases import ENGLISH, PHRASES
from console.room import naming
from console.server import browser
from console.server.context import Web
from service import sign_in
from service.sign_in import Signed

ASSETS: Mapping[str, str] = {
    "room.css": "text/css; charset=utf-8",
    "room.js": "text/javascript; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
    "compose.js": "text/javascript; charset=utf-8",
    "exercise.svg": "image/svg+xml",
}
"""What these pages load beside the public style sheet, all of it ours."""
VENDOR: Mapping[str, str] = {
    "leaflet.css": "text/css; charset=utf-8",
    "leaflet.js": "text/javascript; charset=utf-8",
}
"""Leaflet (BSD-2-Clause) as its installed package carries it: drawing needs it, nothing else."""
_FOLDER = Path(__file__).parent

BASES = {"/room": "live", "/exercise": "exercise"}
"""The two entrances. What is exercised has addresses, looks and forms of its own."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class SignInNeeded(Exception):
    """Nobody is signed in, or was away for too long."""


class PasskeyNeeded(SignInNeeded):
    """Who is signed in has a passkey, and did not show it yet."""


@lru_cache(maxsize=len(ASSETS) + len(VENDOR))
def asset(name: str) -> bytes:
    """Return an asset's bytes; KeyError where there is none of this name."""
    if name in ASSETS:
        return read_asset(_FOLDER / "assets" / name)
    folder = _vendor()
    if name not in VENDOR or folder is None or not (folder / name).is_file():
        raise KeyError(name)
    return (folder / name).read_bytes()


def _vendor() -> Path | None:
    """Return where the installed package keeps Leaflet; None where it is not there."""
    try:
        found = find_spec("xstatic.pkg.leaflet")
    except ModuleNotFoundError:
        return None
    return Path(found.origin).parent / "data" if found is not None and found.origin else None


def can_draw() -> bool:
    """Return whether the map to draw on can be served."""
    try:
        return all(asset(name) for name in VENDOR)
    except KeyError:
        return False


def asset_link(name: str) -> str:
    """Return the address of an asset; another one whenever it changes."""
    return f"/room/static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:12]}"


def refresh_of(request: Request) -> int:
    """Return after how many seconds a page loads itself again, as its reader asks by ?refresh=10;
    0 for never. For a browser without script.
    """
    text = request.query_params.get("refresh", "")
    return max(int(text), 5) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def entrance(status: str) -> str:
    """Return under which address a message of this status stands."""
    return "/exercise" if status == "Exercise" else "/room"


@dataclass(frozen=True, slots=True)
class Form:
    """What a form sent: its fields, each with all its values."""

    fields: Mapping[str, list[str]]

    def one(self, name: str) -> str:
        """Return the value of a field, trimmed; "" where there is none."""
        return self.fields.get(name, [""])[-1].replace("\r\n", "\n").strip()

    def many(self, name: str) -> list[str]:
        """Return every value of a field that is not empty."""
        return [value.strip() for value in self.fields.get(name, []) if value.strip()]


Handler = Callable[[Request, Signed], Awaitable[Response]]


class Room:
    """What the pages of one web process share."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.cookie = browser.cookie_name("fasttime_room", web.settings.public_url)
        self._templates = Environment(
            loader=ChoiceLoader([PackageLoader("console.room"), PackageLoader("console.pages")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= FILTERS
        self._templates.filters["time"] = self.time
        self._templates.filters["n"] = _number
        self._templates.filters["word"] = naming.word
        self._templates.filters["language"] = naming.language
        self._templates.filters["people"] = small_counts.people
        self._templates.filters["group"] = naming.group
        self._templates.filters["does"] = naming.does
        self._templates.filters["blocked"] = naming.blocked
        self._templates.filters["organisations"] = naming.organisations
        self._templates.filters["paragraphs"] = _paragraphs
        self._templates.filters["clock"] = self.clock
        self._templates.filters["stamp"] = self.stamp
        self._templates.filters["dir"] = direction
        self._templates.globals["asset"] = asset_link
        self._templates.globals["can_draw"] = can_draw
        self._templates.globals["may"] = lambda signed, what: (
            signed is not None and what in PERMISSIONS[signed.operator.role]
        )

    def time(self, at: datetime | str | None) -> str:
        """Return a moment as the control room reads it; of today, the hour alone."""
        if at is None:
            return "–"
        zone, moment = self.web.settings.timezone, _moment(at)
        told = local_time(moment, ENGLISH, zone)
        here, now = (t.astimezone(ZoneInfo(zone)).date() for t in (moment, self.web.now()))
        return f"{told.partition(',')[0]} today" if here == now else told

    def clock(self, at: datetime | str) -> str:
        """Return the hour of a moment to the millisecond, local."""
        return f"{_moment(at).astimezone(ZoneInfo(self.web.settings.timezone)):%H:%M:%S.%f}"[:-3]

    def stamp(self, at: datetime | str) -> str:
        """Return a moment for a column of a table, to the second, local."""
        here = _moment(at).astimezone(ZoneInfo(self.web.settings.timezone))
        return f"{here:%d %b %H:%M:%S} {zone_name(here)}"

    def page(
        self, name: str, signed: Signed | None, *, status: int = 200, kind: str = "", **values: Any
    ) -> HTMLResponse:
        """Return a page. `kind` is live, exercise or "" where it is about neither."""
        now, policy = self.web.now(), POLICY
        if tiles := values.get("tiles"):
            origin = "/".join(str(tiles).split("/")[:3])
            policy = POLICY.replace("img-src 'self'", f"img-src 'self' {origin}")
        idle = sign_in.IDLE.get(signed.operator.role) if signed is not None else None
        body = self._templates.get_template(name).render(
            {
                "lang": ENGLISH,
                "dir": "ltr",
                "say": PHRASES[ENGLISH],
                "links": Links(),
                "sender": self.web.settings.sender_name,
                "here": None,
                "as_of": "",
                "kind": kind,
                "base": "/exercise" if kind == "exercise" else "/room",
                "signed": signed,
                "now": now,
                "mark": self.mark(signed) if signed is not None else "",
                "idle_until": now + idle if idle is not None else None,
                "sign_out": self.form(signed, "/room/sign-out") if signed is not None else None,
                "problems": (),
                "fields": {},
                "refresh": 0,
                **values,
            }
        )
        return HTMLResponse(
            body,
            status,
            {
                "Content-Security-Policy": policy,
                # our own forms name their origin, and nobody else learns an address
                "Referrer-Policy": "same-origin",
                "Cache-Control": "no-store",
            },
        )

    def part(self, name: str, **values: Any) -> str:
        """Return a part of a page, as a stream tells it."""
        return self._templates.get_template(name).render({"now": self.web.now(), **values})

    def form(
        self, signed: Signed, action: str, *, about: str = "", key: str = ""
    ) -> dict[str, str]:
        """Return the hidden fields of a form that posts to `action`. `about` is the content hash of
        what the page shows, where it shows one; `key` stands for what the form does, once.
        """
        key = key or secrets.token_urlsafe(18)
        return {
            "action": action,
            "key": key,
            "about": about,
            "token": self._form_token(signed, action, about, key),
        }

    def _form_token(self, signed: Signed, action: str, about: str, key: str) -> str:
        kind = BASES.get("/" + action.split("/")[1], "")
        return browser.form_token(self.web.key, _session(signed), action, kind, about, key)

    def mark(self, signed: Signed) -> str:
        """Return a short mark of a session, by which its tabs know each other. It opens nothing."""
        return browser.form_token(self.web.key, _session(signed), "mark")[:16]

    async def read(self, request: Request, signed: Signed) -> Form:
        """Return what a form of ours sent; raises Rejected where it comes from elsewhere, or was
        made for another session, address, kind or content.
        """
        browser.check_origin(request, self.web.settings.public_url)
        form = Form(await browser.read_form(request))
        given = form.one("form")
        wanted = self._form_token(signed, request.url.path, form.one("about"), form.one("key"))
        browser.check_form_token(given, wanted)
        return form

    async def signed(self, request: Request) -> Signed:
        """Return who is signed in; raises SignInNeeded."""
        shown = browser.read_cookie(request, self.cookie, self.web.key)
        now = self.web.now()
        found = await sign_in.who(self.web.db, shown.secret, now) if shown is not None else None
        if shown is None or found is None:
            raise SignInNeeded
        idle = sign_in.IDLE.get(found.operator.role)
        if idle is not None and now - shown.used_at > idle:
            raise SignInNeeded
        request.state.secret = shown.secret
        return found

    def refreshed(self, request: Request, response: Response) -> Response:
        """Note in the browser's cookie that it was used now."""
        secret = getattr(request.state, "secret", "")
        named = f"{self.cookie}=".encode()
        said = any(k == b"set-cookie" and v.startswith(named) for k, v in response.raw_headers)
        if secret and not said:
            browser.set_cookie(response, self.cookie, self.web.key, secret, self.web.now())
        return response

    def go(self, path: str) -> Response:
        """Lead on to another page of ours after a form."""
        return RedirectResponse(path, 303, {"Cache-Control": "no-store"})

    def problem(self, request: Request, signed: Signed | None, rejected: Rejected) -> Response:
        """Return the page that says what is wrong and how to mend it."""
        return self.page(
            "problem.html",
            signed,
            status=rejected.status,
            kind=BASES.get("/" + request.url.path.split("/")[1], ""),
            title="There is a problem",
            problems=rejected.problems,
        )

    async def proved(self, request: Request) -> Signed:
        """Return who is signed in with all that they have; raises SignInNeeded, PasskeyNeeded."""
        signed = await self.signed(request)
        if signed.lacks_passkey:
            raise PasskeyNeeded
        return signed

    def add(
        self,
        api: APIRouter,
        method: str,
        path: str,
        handler: Handler,
        *,
        without_passkey: bool = False,
    ) -> None:
        """Add a route for who is signed in: others are led to the sign-in, refusals are pages.
        `without_passkey`: also for who did not show their passkey yet.
        """

        async def endpoint(request: Request) -> Response:
            signed: Signed | None = None
            try:
                signed = await (self.signed if without_passkey else self.proved)(request)
                response = await handler(request, signed)
            except PasskeyNeeded:
                return self.passkey_first(request)
            except SignInNeeded:
                return self.sign_in_first(request)
            except Rejected as rejected:
                response = self.problem(request, signed, rejected)
            return self.refreshed(request, response)

        api.add_api_route(path, endpoint, methods=[method], include_in_schema=False)

    def passkey_first(self, request: Request) -> Response:
        """Lead to where the passkey is shown, and back here afterwards."""
        if request.method not in ("GET", "HEAD"):
            return self.go("/room/passkey")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self.go(f"/room/passkey?next={quote(here, safe='/')}")

    def sign_in_first(self, request: Request) -> Response:
        """Lead to the sign-in, and back here afterwards; a form is told that nothing was done."""
        if request.method in ("GET", "HEAD"):
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return self.go(f"/room/sign-in?next={quote(here, safe='/')}")
        problem = Problem(
            code="signed_out",
            detail="you are signed out: nothing was done, and what you wrote is still in this tab",
            fix="sign in in another tab, come back here by the browser's Back, and send it again",
            status=401,
        )
        return self.page(
            "problem.html", None, status=401, title="Sign in again", problems=(problem,)
        )


def _session(signed: Signed) -> str:
    """Return what names a session, so that a token ends with it."""
    return f"{signed.session.id}|{signed.session.began_at.isoformat()}"


def local_path(asked: str) -> str:
    """Return where to go after signing in: a page of the control room, never anywhere else."""
    plain = asked.isascii() and asked.isprintable() and "\\" not in asked and "//" not in asked
    first = asked.partition("?")[0].split("/")[1:2]
    return asked if plain and len(asked) < 2000 and first in (["room"], ["exercise"]) else "/room"


def _moment(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def _paragraphs(text: str) -> list[str]:
    return [part.strip("\n") for part in text.split("\n\n") if part.strip("\n")]


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
