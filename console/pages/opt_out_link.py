"""The link of one person and one channel: the way out, and the way back. Looking changes nothing,
for mail scanners look too.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from broadcast.events.topics import RECEIPTS
from broadcast.wording.pack import fill, primary
from console.pages.frame import plain
from console.pages.phrases import OWN_WORDS, chosen
from console.server.context import Web, web_of
from service.residents import opt_outs
from subscribers import unsubscribe
from subscribers.registry import showing
from subscribers.unsubscribe import Link


def router(_web: Web) -> APIRouter:
    """Return the routes of the links by which a person stops a channel and starts it again."""
    api = APIRouter(tags=["public"], include_in_schema=True)
    api.get("/u/{token}", response_class=HTMLResponse)(look)
    api.post("/u/{token}", response_class=HTMLResponse)(leave)
    api.get("/u/{token}/start", response_class=HTMLResponse)(look_back)
    api.post("/u/{token}/start", response_class=HTMLResponse)(come_back)
    return api


async def look(request: Request, token: str) -> Response:
    """Show the button that stops a channel, or the one that starts it again."""
    web = web_of(request)
    found = unsubscribe.read(token, web.key)
    if found is None:
        return _no_link(web, request)
    page = await _page_for(web, request, found)
    if found.simulated:
        return page.simulated("was_test", "stops_nothing")
    if await web.db.read(opt_outs.is_stopped, found):
        return page.stopped(token, "stopped_before")
    return page.offer()


async def leave(request: Request, token: str) -> Response:
    """Stop the channel: by the button, or by a mail program (RFC 8058,
    List-Unsubscribe=One-Click).
    """
    web = web_of(request)
    found = unsubscribe.read(token, web.key)
    if found is None:
        return _no_link(web, request)
    await web.db.write(opt_outs.stop_by_link, found, web.now())
    page = await _page_for(web, request, found)
    if found.simulated:
        return page.simulated("nothing_stopped", "stops_nothing")
    _wake(web)
    return page.stopped(token, "stopped")


async def look_back(request: Request, token: str) -> Response:
    """Lead to the page with the buttons: an address that is opened starts nothing."""
    web = web_of(request)
    if unsubscribe.read(token, web.key) is None:
        return _no_link(web, request)
    return RedirectResponse(f"../{token}", 303, {"Cache-Control": "no-store"})


async def come_back(request: Request, token: str) -> Response:
    """Start the channel again for who stopped it."""
    web = web_of(request)
    found = unsubscribe.read(token, web.key)
    if found is None:
        return _no_link(web, request)
    comes = await web.db.write(opt_outs.start_by_link, found, web.now())
    page = await _page_for(web, request, found)
    if found.simulated:
        return page.simulated("nothing_started", "starts_nothing")
    _wake(web)
    return page.started(token) if comes else page.not_started()


def _wake(web: Web) -> None:
    if web.wake is not None:
        web.wake(RECEIPTS)


async def _page_for(web: Web, request: Request, link: Link) -> _Page:
    """Return the pages in the language that the person is registered with; where the pages do not
    speak it, or nobody is registered, in the browser's.
    """
    known = primary(await web.db.read(showing.language_of, link.person))
    lang = known if known in OWN_WORDS else _accepted(request)
    return _Page(sender=web.settings.sender_name, lang=lang, channel=link.channel)


def _accepted(request: Request) -> str:
    return chosen("", request.headers.get("accept-language", ""))


@dataclass(frozen=True, kw_only=True)
class _Page:
    """What the link of one channel says, in one language."""

    sender: str
    lang: str
    channel: str

    def _say(self, phrase: str) -> str:
        words = OWN_WORDS[self.lang]
        return fill(words[phrase], words=words[self.channel], sender=self.sender)

    def _shown(
        self, heading: str, *told: str, title: str, button: str = "", to: str = ""
    ) -> Response:
        return plain(
            self.sender,
            self._say(heading),
            " ".join(self._say(each) for each in told),
            title=self._say(title),
            button=self._say(button) if button else "",
            action=to,
            lang=self.lang,
        )

    def offer(self) -> Response:
        return self._shown("ask", "no_more", title="ask", button="stop")

    def stopped(self, token: str, heading: str) -> Response:
        # The action is relative: a proxy may serve us below a path.
        told, to = ("no_more", "by_mistake"), f"{token}/start"
        return self._shown(heading, *told, title="stopped", button="start", to=to)

    def started(self, token: str) -> Response:
        to = f"../{token}"
        return self._shown("started", "as_before", title="started", button="stop", to=to)

    def not_started(self) -> Response:
        return self._shown("cannot", "not_registered", title="not_started")

    def simulated(self, heading: str, told: str) -> Response:
        return self._shown(heading, "nobody", told, title="test")


def _no_link(web: Web, request: Request) -> Response:
    """Return the page for a link of nobody. It asks no registry: its language is the browser's,
    whoever's number stands in the link.
    """
    lang = _accepted(request)
    say = OWN_WORDS[lang]
    return plain(web.settings.sender_name, say["no_link"], say["not_ours"], status=404, lang=lang)
