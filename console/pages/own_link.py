"""The link of one person and one channel: the way out, and the way back. Looking changes nothing,
for mail scanners look too.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from broadcast.events.topics import RECEIPTS
from broadcast.ledger import receipts
from broadcast.store.database import Connection
from console.pages.frame import plain
from console.server.context import Web
from subscribers import registry, unsubscribe
from subscribers.unsubscribe import Link

_CHANNEL_WORDS = {"sms": "text messages", "voice": "telephone calls", "email": "e-mails"}
_TEST = "The message with this link was a test or an exercise that reached nobody."
_NOTHING_STOPS = f"{_TEST} Nothing was stopped, and this link stops nothing."
_NOTHING_STARTS = f"{_TEST} Nothing was started, and this link starts nothing."


def router(web: Web) -> APIRouter:
    """Return the routes of the links by which a person stops a channel and starts it again."""
    api = APIRouter(tags=["public"], include_in_schema=True)

    @api.get("/u/{token}", response_class=HTMLResponse)
    async def look(_request: Request, token: str) -> Response:
        """Show the button that stops a channel, or the one that starts it again."""
        found = unsubscribe.read(token, web.key)
        if found is None:
            return _no_link(web)
        if found.simulated:
            return _simulated(web, "This was a test or an exercise", _NOTHING_STOPS)
        if await web.db.read(_is_stopped, found):
            return _stopped(web, found, token, f"You have stopped {_words(found)}")
        return _offer(web, found)

    @api.post("/u/{token}", response_class=HTMLResponse)
    async def leave(_request: Request, token: str) -> Response:
        """Stop the channel: by the button, or by a mail program (RFC 8058,
        List-Unsubscribe=One-Click).
        """
        found = unsubscribe.read(token, web.key)
        if found is None:
            return _no_link(web)
        if found.simulated:
            await web.db.write(_keep_simulated, found, "stop", web.now())
            return _simulated(web, "Nothing was stopped", _NOTHING_STOPS)
        await web.db.write(stop, found.person, found.channel, web.now())
        _wake(web)
        return _stopped(web, found, token, "Stopped")

    @api.get("/u/{token}/start", response_class=HTMLResponse)
    async def look_back(_request: Request, token: str) -> Response:
        """Lead to the page with the buttons: an address that is opened starts nothing."""
        if unsubscribe.read(token, web.key) is None:
            return _no_link(web)
        return RedirectResponse(f"../{token}", 303, {"Cache-Control": "no-store"})

    @api.post("/u/{token}/start", response_class=HTMLResponse)
    async def come_back(_request: Request, token: str) -> Response:
        """Start the channel again for who stopped it."""
        found = unsubscribe.read(token, web.key)
        if found is None:
            return _no_link(web)
        if found.simulated:
            await web.db.write(_keep_simulated, found, "start", web.now())
            return _simulated(web, "Nothing was started", _NOTHING_STARTS)
        comes = await web.db.write(start, found.person, found.channel, web.now())
        _wake(web)
        sender, words = web.settings.sender_name, _words(found)
        if not comes:
            return plain(
                sender,
                f"This link cannot start {words} again",
                f"You are no longer registered for {words} from {sender}, and get none. Ask"
                f" {sender} to register you anew.",
                title="Not started",
            )
        told = f"You will get {words} from {sender} again, as you did before."
        return plain(sender, "Started again", told, button=f"Stop {words}", action=f"../{token}")

    return api


def stop(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Stop a channel for somebody by their own link, with its event; return whether it was not
    stopped before.
    """
    stopped = registry.stop(conn, [person], channel, "unsubscribe", now)
    return bool(stopped) and _keep(conn, "stop", person, channel, now)


def start(conn: Connection, person: int, channel: str, now: datetime) -> bool:
    """Lift somebody's stop of a channel by their own link, with its event; return whether they are
    sent to on it now. Where they would get nothing all the same, their stop stays.
    """
    contact = registry.contacts(conn, [person], channel).get(person)
    if contact is None or registry.reason_not_to_send(contact._replace(stopped=False)):
        return False
    if registry.start(conn, [person], channel, "link", now):
        _keep(conn, "start", person, channel, now)
    return True


def _keep(conn: Connection, kind: str, person: int, channel: str, now: datetime) -> bool:
    said = "unsubscribe" if kind == "stop" else "start_again"
    digest = hashlib.sha256(f"{said}|{person}|{channel}|{now.isoformat()}".encode()).hexdigest()
    return receipts.store_response(
        conn, kind=kind, channel=channel, now=now, digest=digest, person_id=person
    )


def _keep_simulated(conn: Connection, link: Link, kind: str, now: datetime) -> bool:
    """Keep, once, that the link of a simulated message was used; it stops and starts nothing.
    Return whether it was the first time.
    """
    said = "unsubscribe" if kind == "stop" else "start_again"
    digest = hashlib.sha256(f"{said}|simulated|{link.person}|{link.channel}".encode()).hexdigest()
    return receipts.store_response(
        conn,
        kind=f"simulated_{kind}",
        channel=link.channel,
        now=now,
        digest=digest,
        person_id=link.person,
        simulated=True,
    )


def _is_stopped(conn: Connection, link: Link) -> bool:
    contact = registry.contacts(conn, [link.person], link.channel).get(link.person)
    return contact is not None and contact.stopped and not contact.erased


def _wake(web: Web) -> None:
    if web.wake is not None:
        web.wake(RECEIPTS)


def _words(link: Link) -> str:
    return _CHANNEL_WORDS[link.channel]


def _offer(web: Web, link: Link) -> Response:
    words, sender = _words(link), web.settings.sender_name
    told = f"You will get no more {words} from {sender}, warnings of danger to life included."
    return plain(sender, f"Stop {words}?", told, button=f"Stop {words}")


def _stopped(web: Web, link: Link, token: str, headline: str) -> Response:
    words, sender = _words(link), web.settings.sender_name
    told = (
        f"You will get no more {words} from {sender}, warnings of danger to life included. Stopped"
        " by mistake? You can start again here, now or later."
    )
    # The action is relative: a proxy may serve us below a path.
    return plain(
        sender,
        headline,
        told,
        title="Stopped",
        button=f"Start {words} again",
        action=f"{token}/start",
    )


def _simulated(web: Web, headline: str, told: str) -> Response:
    return plain(web.settings.sender_name, headline, told, title="A test")


def _no_link(web: Web) -> Response:
    told = "This link is not one of ours, or was cut short. Open it from the message once more."
    return plain(web.settings.sender_name, "No such link", told, status=404)
