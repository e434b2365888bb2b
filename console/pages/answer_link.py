"""The page of one person's link to answer a message: looking counts for nothing, for scanners look
too; sending counts once, and is thanked for in the person's language.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from broadcast.answers import links
from broadcast.answers.links import Link
from broadcast.events.topics import RECEIPTS
from broadcast.problems import Problem, Rejected
from broadcast.wording import answering
from broadcast.wording.pack import direction, fill, primary
from broadcast.wording.render import choose_language
from console.pages.frame import Links, html, plain
from console.pages.phrases import ANSWER_WORDS, OWN_WORDS, chosen
from console.server import browser
from console.server.capacity import Capacity
from console.server.context import Web, web_of
from service.answers import by_link
from service.answers.by_link import Asked
from service.answers.keeping import LONGEST
from service.residents.registering import network_of

FIELD = "answer"


def router(_web: Web) -> APIRouter:
    """Return the routes of the link by which one answers."""
    api = APIRouter(tags=["public"], include_in_schema=True)
    api.get(f"{links.PATH}{{token}}", response_class=HTMLResponse)(look)
    api.post(f"{links.PATH}{{token}}", response_class=HTMLResponse)(send)
    return api


async def look(request: Request, token: str) -> Response:
    """Show what is answered, and where to write."""
    web = web_of(request)
    link = links.read(token, web.key)
    asked = await web.db.read(by_link.asked, link, web.now()) if link is not None else None
    if link is None or asked is None:
        return _no_link(web, request)
    return _page(web, request, link, asked)


async def send(request: Request, token: str) -> Response:
    """Keep what was written, once, and say thank you."""
    web = web_of(request)
    link = links.read(token, web.key)
    if link is None:
        return _no_link(web, request)
    form = await browser.read_form(request)
    words = form.get(FIELD, [""])[-1]
    asked = await web.db.read(by_link.asked, link, web.now())
    if asked is None:
        return _no_link(web, request)
    try:
        await web.db.write(
            by_link.keep,
            link,
            words,
            network=network(request),
            sealer=web.sealer,
            now=web.now(),
        )
    except Rejected as rejected:
        return _page(web, request, link, asked, words, rejected.problems[0])
    if web.wake is not None:
        web.wake(RECEIPTS)
    return _page(web, request, link, asked, sent=True)


def network(request: Request) -> str:
    """Return the network that an answer comes from."""
    capacity: Capacity = request.app.state.capacity
    return network_of(capacity.address_of(request.scope))


def _page(
    web: Web,
    request: Request,
    link: Link,
    asked: Asked,
    given: str = "",
    problem: Problem | None = None,
    *,
    sent: bool = False,
) -> Response:
    """Return the page. Who the person is stands nowhere on it, whoever holds their link: of a
    message that is not public it names the code alone.
    """
    known = primary(asked.language)
    lang = known if known in ANSWER_WORDS else _accepted(request)
    sender, content = web.settings.sender_name, asked.version.content
    words = ANSWER_WORDS[lang]
    tag = choose_language(content, lang)
    status = problem.status if problem is not None else 200
    headers = {"Cache-Control": "no-store", "Content-Language": lang, "X-Robots-Tag": "noindex"}
    if problem is not None and problem.retry_after:
        headers["Retry-After"] = str(problem.retry_after)
    body = html(
        "answer.html",
        lang=lang,
        links=Links(lang=lang),
        sender=sender,
        title=words["title"],
        words=words,
        to=fill(words["to"], sender=sender),
        to_code=fill(words["to_code"], sender=sender, code=asked.version.code),
        headline=content.languages[tag].headline if asked.public else "",
        headline_lang=tag,
        headline_dir=direction(tag),
        code=asked.version.code,
        over=asked.over,
        test=link.simulated or content.status != "Actual",
        thanks=answering.acknowledgement(lang) if sent else "",
        given=given[:LONGEST],
        field=FIELD,
        longest=LONGEST,
        wrong=words.get(problem.code, problem.detail) if problem is not None else "",
        path=request.url.path,
    )
    return HTMLResponse(body, status, headers)


def _accepted(request: Request) -> str:
    return chosen("", request.headers.get("accept-language", ""))


def _no_link(web: Web, request: Request) -> Response:
    """Return the page for a link of nobody, the same for one that was cut short and for one whose
    person left.
    """
    lang = _accepted(request)
    say = OWN_WORDS[lang]
    return plain(web.settings.sender_name, say["no_link"], say["not_ours"], status=404, lang=lang)
