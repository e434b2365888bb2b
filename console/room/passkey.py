"""Passkeys: showing one after the token, and the list of one's own."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.problems import Rejected, refuse
from console.room.frame import Form, Room, local_path
from console.server.context import log_refused_entry
from service import passkeys
from service.passkeys import Site
from service.sign_in import Signed


def attach(api: APIRouter, room: Room) -> None:
    """Add the routes."""
    pages = _Pages(room)
    room.add(api, "GET", "/room/passkey", pages.ask, without_passkey=True)
    room.add(api, "POST", "/room/passkey", pages.show, without_passkey=True)
    room.add(api, "GET", "/room/passkeys", pages.listed)
    room.add(api, "POST", "/room/passkeys", pages.add)
    room.add(api, "POST", "/room/passkeys/{id}/remove", pages.remove)


class _Pages:
    def __init__(self, room: Room) -> None:
        self._room, self._web = room, room.web
        self._site = passkeys.site_of(room.web.settings.public_url)

    async def ask(self, request: Request, signed: Signed) -> Response:
        to = local_path(request.query_params.get("next", "")[:2000])
        if not signed.lacks_passkey:
            return self._room.go(to)
        return await self._asking(signed, to)

    async def show(self, request: Request, signed: Signed) -> Response:
        form = await self._room.read(request, signed)
        to = local_path(form.one("next"))
        try:
            await passkeys.show(
                self._web.db,
                self._known_site(),
                signed,
                given=form.one("about"),
                answer=form.one("passkey"),
                now=self._web.now(),
            )
        except Rejected as rejected:
            log_refused_entry("passkey", rejected)
            return await self._asking(signed, to, rejected)
        return self._room.go(to)

    async def listed(self, _request: Request, signed: Signed) -> Response:
        return await self._list(signed)

    async def add(self, request: Request, signed: Signed) -> Response:
        form = await self._room.read(request, signed)
        try:
            await passkeys.add(
                self._web.db,
                self._known_site(),
                signed,
                given=form.one("about"),
                answer=form.one("passkey"),
                name=form.one("name"),
                now=self._web.now(),
            )
        except Rejected as rejected:
            return await self._list(signed, rejected, form)
        return self._room.go("/room/passkeys")

    async def remove(self, request: Request, signed: Signed) -> Response:
        await self._room.read(request, signed)
        number = request.path_params["id"]
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise refuse("passkey_unknown", "there is no such passkey", "see the list", status=404)
        await passkeys.remove(self._web.db, signed, int(number), self._web.now())
        return self._room.go("/room/passkeys")

    async def _asking(self, signed: Signed, to: str, rejected: Rejected | None = None) -> Response:
        given = passkeys.challenge(self._web.now())
        site = self._site
        return self._room.page(
            "passkey.html",
            signed,
            status=rejected.status if rejected is not None else 200,
            title="Show your passkey",
            problems=rejected.problems if rejected is not None else (),
            next=to,
            form=self._room.form(signed, "/room/passkey", about=given),
            options=json.dumps(await passkeys.to_show(self._web.db, site, signed.operator, given))
            if site is not None
            else "",
        )

    async def _list(
        self, signed: Signed, rejected: Rejected | None = None, form: Form | None = None
    ) -> Response:
        held = await passkeys.mine(self._web.db, signed.operator)
        given = passkeys.challenge(self._web.now())
        site, sender = self._site, self._web.settings.sender_name
        return self._room.page(
            "passkeys.html",
            signed,
            status=rejected.status if rejected is not None else 200,
            title="Passkeys",
            problems=rejected.problems if rejected is not None else (),
            fields={"name": "name"},
            called=form.one("name") if form is not None else "",
            rows=[
                (each, self._room.form(signed, f"/room/passkeys/{each.id}/remove")) for each in held
            ],
            form=self._room.form(signed, "/room/passkeys", about=given),
            options=json.dumps(
                await passkeys.to_add(self._web.db, site, signed.operator, sender, given)
            )
            if site is not None
            else "",
        )

    def _known_site(self) -> Site:
        if self._site is None:
            raise refuse(
                "passkeys_off",
                "passkeys need PUBLIC_URL, a name and https",
                "set FASTTIME_PUBLIC_URL to the https address that people type",
                status=409,
            )
        return self._site
