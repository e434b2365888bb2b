"""The frame of the residents' pages: templates, two cookies, forms that hold for one browser."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from broadcast.places.areas import AreaTree
from broadcast.places.postcodes import code, look_up
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from broadcast.wording.pack import direction, fill
from console.pages.frame import FILTERS, Links, cached
from console.pages.phrases import ENGLISH, PHRASES, chosen
from console.residents.words import RESIDENT_WORDS
from console.server import browser
from console.server.context import Web
from service.residents import own, registering, sending
from service.residents.own import Own
from service.setup.people import World
from subscribers.registration import pending
from subscribers.registration.budgets import Limits

ASSETS: Mapping[str, str] = {"residents.css": "text/css; charset=utf-8"}
_FOLDER = Path(__file__).parent

LEAVE_TO = "https://www.bbc.co.uk/weather"
"""Where who must not be seen here goes by one press: a page that anybody may look at."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    # our own forms name their origin, and nobody else learns an address
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


@lru_cache(maxsize=len(ASSETS))
def asset(name: str) -> bytes:
    """Return an asset's bytes; KeyError where there is none of this name."""
    if name not in ASSETS:
        raise KeyError(name)
    return (_FOLDER / "assets" / name).read_bytes()


class Pages:
    """What the pages of one web process share."""

    def __init__(self, web: Web, address_of: Callable[[Request], str]) -> None:
        self.web, self._address_of = web, address_of
        self.limits = Limits(day_money=web.settings.code_budget)
        public_url = web.settings.public_url
        self.form_cookie = browser.cookie_name("fasttime_form", public_url)
        self.own_cookie = browser.cookie_name("fasttime_own", public_url)
        self._templates = Environment(
            loader=ChoiceLoader(
                [PackageLoader("console.residents"), PackageLoader("console.pages")]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= FILTERS
        digest = hashlib.sha256(asset("residents.css")).hexdigest()[:12]
        self._templates.globals["own_style"] = f"/join/static/residents.css?v={digest}"

    def offered(self) -> frozenset[str]:
        """Return the channels on which people can register here."""
        _, channels = sending.channel_names_of(self.web.context.channels_on)
        return channels & frozenset(("sms", "voice", "email"))

    def trial(self) -> bool:
        """Return whether invented numbers are taken, because what is sent reaches nobody."""
        status, _ = sending.channel_names_of(self.web.context.channels_on)
        return status != "Actual" or self.web.settings.allows_trial_numbers

    async def world(self) -> World:
        """Return what a person is judged by."""
        return World(tree=await self.web.context.tree(), trial_numbers=self.trial())

    def network(self, request: Request) -> str:
        """Return the network that a request comes from."""
        return registering.network_of(self._address_of(request))

    def lang(self, request: Request) -> str:
        """Return the language of the pages for a reader: English where they do not speak theirs."""
        found = self.tongue(request)
        return found if found in RESIDENT_WORDS else ENGLISH

    def tongue(self, request: Request) -> str:
        """Return the language of a reader, in which messages may come though these pages do not."""
        asked = request.query_params.get("lang", "")[:20]
        return chosen(asked, request.headers.get("accept-language", ""))

    def links(self, request: Request) -> Links:
        """Return where pages lie, in the language that the reader chose by the switch."""
        asked = request.query_params.get("lang", "")
        return Links(lang=asked if asked in PHRASES else "")

    def page(
        self,
        request: Request,
        name: str,
        title: str,
        *,
        problems: tuple[Problem, ...] = (),
        secret: str = "",
        **values: Any,
    ) -> HTMLResponse:
        """Return a page. `title` is one of the phrases. Forms on it hold for the browser that has
        `secret`.
        """
        lang = self.lang(request)
        words = RESIDENT_WORDS[lang]
        sender = self.web.settings.sender_name
        body = self._templates.get_template(name).render(
            {
                "lang": lang,
                "dir": direction(lang),
                "say": PHRASES[lang],
                "own": words,
                "links": self.links(request),
                "sender": sender,
                "heading": fill(words[title], sender=sender),
                "title": fill(words[title], sender=sender),
                "trial": self.trial(),
                "problems": [(p, words.get(f"wrong_{p.code}") or p.detail) for p in problems],
                "token": lambda path: browser.form_token(self.web.key, secret, path),
                "here": None,
                "discreet": getattr(request.state, "discreet", False),
                "leave_to": LEAVE_TO,
                "switch_at": request.url.path if request.method == "GET" else None,
                "languages": [
                    (tag, PHRASES[tag]["language"], direction(tag)) for tag in RESIDENT_WORDS
                ],
                "as_of": "",
                "fields": {},
                **values,
            }
        )
        status = problems[0].status if problems else 200
        headers = {**HEADERS, "Content-Language": lang}
        if problems and problems[0].retry_after:
            headers["Retry-After"] = str(problems[0].retry_after)
        return HTMLResponse(body, status, headers)

    async def search(
        self, asked: str
    ) -> tuple[AreaTree, list[registering.Choice], tuple[Problem, ...]]:
        """Return the areas, the places that a search finds, and what is wrong with it: a postcode
        that nobody here knows.
        """
        asked, tree = asked[: registering.LONGEST_SEARCH], await self.web.context.tree()
        place = await self.web.db.read(look_up.place_of, asked) if code.key(asked) else None
        found = registering.search(tree, asked, place)
        if code.key(asked) and not found:
            unknown = Problem(code="postcode_unknown", detail="", field="place", status=200)
            return tree, found, (unknown,)
        return tree, found, ()

    async def begin(self, request: Request, purpose: str, **chosen: str) -> str:
        """Begin a form; return the secret of its browser. Raises Rejected (429)."""
        web = self.web

        def begin(conn: Connection) -> str:
            return pending.begin(
                conn,
                purpose=purpose,
                language=self.tongue(request),
                network=self.network(request),
                limits=self.limits,
                now=web.now(),
                **chosen,
            )

        return await web.db.write(begin)

    def go(self, request: Request, path: str) -> Response:
        """Lead on to another page of ours after a form."""
        return RedirectResponse(self.links(request).to(path), 303, {"Cache-Control": "no-store"})

    def back(self, request: Request, saved: str) -> Response:
        """Lead back to one's own choices, which say what was saved."""
        response = self.go(request, "/me")
        at = response.headers["location"]
        response.headers["location"] = f"{at}{'&' if '?' in at else '?'}saved={saved}#{saved}"
        return response

    async def own(self, request: Request) -> tuple[Own, str] | None:
        """Return who is signed in, and their secret; None where nobody is any more."""
        web = self.web
        shown = browser.read_cookie(request, self.own_cookie, web.key)
        if shown is None or web.now() - shown.used_at > registering.IDLE:
            return None
        found = await web.db.read(own.who, shown.secret, web.now())
        return None if found is None else (found, shown.secret)

    def secret(self, request: Request, cookie: str) -> str:
        """Return the secret that a browser shows in one of our cookies; "" for none of ours."""
        shown = browser.read_cookie(request, cookie, self.web.key)
        return shown.secret if shown is not None else ""

    def let(self, response: Response, cookie: str, secret: str) -> Response:
        """Give the browser a secret."""
        browser.set_cookie(response, cookie, self.web.key, secret, self.web.now())
        return response

    async def read(self, request: Request, secret: str | None) -> Mapping[str, list[str]]:
        """Return what a form of ours sent. `secret` None: a first form, of a browser that has none
        yet. Raises Rejected where it comes from elsewhere or was made for another browser.
        """
        browser.check_origin(request, self.web.settings.public_url)
        form = await browser.read_form(request)
        if secret is not None:
            wanted = browser.form_token(self.web.key, secret, request.url.path)
            browser.check_form_token(one(form, "form"), wanted)
        return form


def one(form: Mapping[str, list[str]], name: str) -> str:
    """Return the value of a field, trimmed; "" where there is none."""
    return form.get(name, [""])[-1].strip()


Handler = Callable[[Request], Awaitable[Response]]


def add(api: APIRouter, pages: Pages, method: str, path: str, handler: Handler) -> None:
    """Add a page; a refusal that the handler does not show in its own form is a page of its own."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except Rejected as rejected:
            gone = rejected.problems[0].code == "form_expired"
            title = "form_gone" if gone else "problem"
            found = tuple(rejected.problems)
            return pages.page(request, "gone.html", title, problems=found, gone=gone)

    api.add_api_route(path, endpoint, methods=[method], include_in_schema=False)


def attach_assets(api: APIRouter) -> None:
    """Add the style sheet."""

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            raise HTTPException(404)
        return cached(request, asset(name), ASSETS[name], seconds=86_400)

    api.add_api_route("/join/static/{name}", static, methods=["GET"], include_in_schema=False)
