"""Signing in and out: by token, by invitation, and the list of sessions."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from broadcast.operators.operators import Operator
from broadcast.problems import Problem, Rejected, refuse
from console.pages.frame import cached
from console.room.frame import ASSETS, VENDOR, Form, Room, SignInNeeded, asset, local_path
from console.server import browser
from console.server.context import log_refused_entry
from service import sign_in
from service.sign_in import Signed


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes."""
    _attach_token(api, room)
    _attach_invitation(api, room)
    _attach_sessions(api, room)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            found = asset(name)
        except KeyError:
            raise HTTPException(404) from None
        media = ASSETS.get(name) or VENDOR[name]
        return cached(request, found, media, seconds=86_400)

    api.add_api_route("/room/static/{name}", static, methods=["GET"], include_in_schema=False)


def _let_in(room: Room, secret: str, to: str) -> Response:
    response = room.go(to)
    browser.set_cookie(response, room.cookie, room.web.key, secret, room.web.now())
    return response


def _attach_token(api: APIRouter, room: Room) -> None:
    web = room.web

    def asking(to: str, problems: tuple[Problem, ...] = ()) -> Response:
        status = problems[0].status if problems else 200
        return room.page(
            "sign_in.html", None, status=status, title="Sign in", next=to, problems=problems
        )

    async def ask(request: Request) -> Response:
        to = local_path(request.query_params.get("next", "")[:2000])
        try:
            await room.signed(request)
        except SignInNeeded:
            return asking(to)
        return room.go(to)

    async def enter(request: Request) -> Response:
        to = "/room"
        try:
            browser.check_origin(request, web.settings.public_url)
            form = Form(await browser.read_form(request))
            to = local_path(form.one("next"))
            _, secret = await sign_in.by_token(web.db, form.one("token"), web.now())
        except Rejected as rejected:
            log_refused_entry("sign-in", rejected)
            return asking(to, tuple(rejected.problems))
        return _let_in(room, secret, to)

    api.add_api_route("/room/sign-in", ask, methods=["GET"], include_in_schema=False)
    api.add_api_route("/room/sign-in", enter, methods=["POST"], include_in_schema=False)


def _attach_invitation(api: APIRouter, room: Room) -> None:
    web = room.web

    def invitation(operator: Operator | None, rejected: Rejected | None = None) -> Response:
        problems = tuple(rejected.problems) if rejected is not None else ()
        response = room.page(
            "invitation.html",
            None,
            status=problems[0].status if problems else 200,
            title="Your invitation" if operator is not None else "This invitation opens nothing",
            operator=operator,
            problems=problems,
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    async def show_invitation(request: Request) -> Response:
        try:
            secret = request.path_params["secret"]
            return invitation(await sign_in.invited(web.db, secret, web.now()))
        except Rejected as rejected:
            return invitation(None, rejected)

    async def redeem(request: Request) -> Response:
        try:
            browser.check_origin(request, web.settings.public_url, unnamed=True)
            secret = request.path_params["secret"]
            _, opened = await sign_in.by_invitation(web.db, secret, web.now())
        except Rejected as rejected:
            log_refused_entry("invitation", rejected)
            return invitation(None, rejected)
        return _let_in(room, opened, "/room")

    path = "/room/invitation/{secret}"
    api.add_api_route(path, show_invitation, methods=["GET"], include_in_schema=False)
    api.add_api_route(path, redeem, methods=["POST"], include_in_schema=False)


def _attach_sessions(api: APIRouter, room: Room) -> None:
    web = room.web

    async def leave(request: Request, signed: Signed) -> Response:
        await room.read(request, signed)
        await sign_in.end(web.db, signed.operator, signed.session.id, web.now())
        response = room.go("/room/sign-in")
        browser.drop_cookie(response, room.cookie)
        # what the browser kept of the pages goes with the session
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    async def listed(_request: Request, signed: Signed) -> Response:
        found = await sign_in.sessions(web.db, signed.operator, web.now())
        ends = [room.form(signed, f"/room/sessions/{each.session.id}/end") for each in found]
        rows = list(zip(found, ends, strict=True))
        return room.page("sessions.html", signed, title="Sessions", rows=rows)

    async def end(request: Request, signed: Signed) -> Response:
        await room.read(request, signed)
        number = request.path_params["id"]
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise refuse("session_unknown", "there is no such session", "see the list", status=404)
        await sign_in.end(web.db, signed.operator, int(number), web.now())
        return room.go("/room/sessions")

    room.add(api, "POST", "/room/sign-out", leave, without_passkey=True)
    room.add(api, "GET", "/room/sessions", listed)
    room.add(api, "POST", "/room/sessions/{id}/end", end)
