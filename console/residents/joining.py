"""Registering and signing in, one thing a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.problems import Problem, Rejected
from console.residents import kept
from console.residents.frame import Pages, add, one
from console.residents.several import OUTCOMES, came
from service.residents import registering, several
from subscribers.people_file.choices import TOPICS
from subscribers.registration import addresses, pending
from subscribers.registration.addresses import CHANNELS
from subscribers.registration.pending import Pending


def attach(api: APIRouter, pages: Pages) -> None:
    """Add the pages."""
    joining = _Joining(pages)
    for method, path, handler in (
        ("GET", "/join", joining.place),
        ("POST", "/join", joining.choose_place),
        ("GET", "/join/topics", joining.topics),
        ("POST", "/join/topics", joining.choose_topics),
        ("GET", "/join/channel", joining.channel),
        ("POST", "/join/channel", joining.choose_channel),
        ("GET", "/join/address", joining.address),
        ("POST", "/join/address", joining.give_address),
        ("GET", "/join/code", joining.code),
        ("POST", "/join/code", joining.enter_code),
        ("POST", "/join/code/again", joining.again),
        ("GET", "/join/done", joining.done),
        ("GET", "/sign-in", joining.sign_in),
        ("POST", "/sign-in", joining.ask_to_sign_in),
    ):
        add(api, pages, method, path, handler)


@dataclass(frozen=True)
class _Joining:
    pages: Pages

    # where

    async def place(self, request: Request) -> Response:
        return await self._place(request, request.query_params.get("place", ""))

    async def _place(
        self, request: Request, asked: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        tree, found, problem = await self.pages.search(asked)
        return self.pages.page(
            request,
            "join_place.html",
            "place",
            problems=problems or problem,
            asked=asked[: registering.LONGEST_SEARCH],
            found=found,
            any_places=len(tree) > 0,
            open=bool(self.pages.offered()),
        )

    async def choose_place(self, request: Request) -> Response:
        form = await self.pages.read(request, None)
        tree = await self.pages.web.context.tree()
        try:
            web = self.pages.web
            place = await web.db.read(registering.check_place, tree, one(form, "area"))
            if day := one(form, "until")[:20]:
                until = registering.visit_end(day, web.settings.timezone, web.now())
                place |= {"visit_until": until.isoformat()}
        except Rejected as rejected:
            return await self._place(request, one(form, "place"), tuple(rejected.problems))
        secret = await self.pages.begin(request, "join", **place)
        response = self.pages.go(request, "/join/topics")
        return self.pages.let(response, self.pages.form_cookie, secret)

    # what about, by what, at which address

    async def topics(self, request: Request) -> Response:
        _, secret = await self._form(request)
        return self._topics(request, secret)

    def _topics(
        self, request: Request, secret: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        return self.pages.page(
            request, "join_topics.html", "topics", secret=secret, problems=problems, topics=TOPICS
        )

    async def choose_topics(self, request: Request) -> Response:
        _, secret = await self._form(request)
        form = await self.pages.read(request, secret)
        try:
            topics = registering.check_topics([t.strip() for t in form.get("topics", [])])
        except Rejected as rejected:
            return self._topics(request, secret, tuple(rejected.problems))
        await self._choose(secret, topics=topics)
        return self.pages.go(request, "/join/channel")

    async def channel(self, request: Request) -> Response:
        _, secret = await self._form(request)
        return self._channel(request, secret)

    def _channel(
        self, request: Request, secret: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        offered = [c for c in CHANNELS if c in self.pages.offered()]
        return self.pages.page(
            request,
            "join_channel.html",
            "channel",
            secret=secret,
            problems=problems,
            channels=offered,
        )

    async def choose_channel(self, request: Request) -> Response:
        _, secret = await self._form(request)
        form = await self.pages.read(request, secret)
        try:
            channel = registering.check_channel(one(form, "channel"), self.pages.offered())
        except Rejected as rejected:
            return self._channel(request, secret, tuple(rejected.problems))
        await self._choose(secret, channel=channel)
        return self.pages.go(request, "/join/address")

    async def address(self, request: Request) -> Response:
        found, secret = await self._form(request)
        if not found.channel:
            return self.pages.go(request, "/join/channel")
        return self._address(request, found, secret)

    def _address(
        self,
        request: Request,
        found: Pending,
        secret: str,
        given: str = "",
        problems: tuple[Problem, ...] = (),
    ) -> Response:
        return self.pages.page(
            request,
            "join_address.html",
            f"address_{found.channel}",
            secret=secret,
            problems=problems,
            channel=found.channel,
            stepped=found.purpose == "join",
            agrees=_agrees(found),
            kept=kept.told(self.pages.lang(request), kept.days_of(self.pages.web.settings)),
            hidden=found.discreet,
            given=given[: addresses.LONGEST],
        )

    async def give_address(self, request: Request) -> Response:
        found, secret = await self._form(request)
        form = await self.pages.read(request, secret)
        given = one(form, "address")
        try:
            address = registering.new_address(found.channel, given, trial=self.pages.trial())
            registering.check_consent(one(form, "agree") == "yes" or not _agrees(found))
            if found.purpose == "join":
                hidden = "yes" if one(form, "discreet") == "yes" else ""
                await self._choose(secret, discreet=hidden)
            await self._ask(secret, address)
        except Rejected as rejected:
            if rejected.problems[0].code == "form_expired":
                raise
            return self._address(request, found, secret, given, tuple(rejected.problems))
        return self.pages.go(request, "/join/code")

    # the code

    async def code(self, request: Request) -> Response:
        found, secret = await self._form(request, done=True)
        if found.done:
            return self._confirmed(request, found)
        if not found.address:
            return self.pages.go(request, "/join/address")
        return self._code(request, found, secret)

    def _code(
        self, request: Request, found: Pending, secret: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        text = found.address
        island = bool(text) and found.channel != "email"
        if island:
            island = addresses.read(found.channel, text, trial=True).island
        return self.pages.page(
            request,
            "join_code.html",
            "code",
            secret=secret,
            problems=problems,
            address=addresses.masked(found.channel, text),
            island=island,
            stepped=found.purpose == "join",
            other="/sign-in" if found.purpose == "sign_in" else "/join/address",
        )

    async def enter_code(self, request: Request) -> Response:
        found, secret = await self._form(request, done=True)
        form = await self.pages.read(request, secret)
        if found.done:  # pressed twice: the browser shows what comes to the second press
            return self._confirmed(request, found)
        web, world = self.pages.web, await self.pages.world()
        me = await self.pages.own(request)
        joined = await web.db.write(
            registering.enter,
            secret,
            one(form, "code"),
            world=world,
            now=web.now(),
            me=me[0].person if me is not None else None,
        )
        if joined.outcome in ("added", *OUTCOMES):
            return self._confirmed(request, replace(found, done=True, state=joined.outcome))
        if joined.outcome not in ("registered", "signed_in"):
            problems = tuple(registering.refused(joined).problems)
            return self._code(request, found, secret, problems)
        response = self._confirmed(request, replace(found, done=True, state=joined.outcome))
        return self.pages.let(response, self.pages.own_cookie, joined.session)

    def _confirmed(self, request: Request, found: Pending) -> Response:
        """Lead on from a form whose code was taken."""
        if found.state == "registered":
            return self.pages.go(request, "/join/done")
        if found.purpose == several.PURPOSE:
            return came(self.pages, request, found.state)
        said = {"join": "known", "add": "channels"}.get(found.purpose)
        return self.pages.back(request, said) if said else self.pages.go(request, "/me")

    async def done(self, request: Request) -> Response:
        web, tree = self.pages.web, await self.pages.web.context.tree()
        secret = self.pages.secret(request, self.pages.form_cookie)
        found = await web.db.read(pending.find, secret, web.now())
        if found is None or not found.done or found.state != "registered":
            return self.pages.go(request, "/me")
        place = tree[found.area].name if found.area in tree else found.postcode
        return self.pages.page(
            request,
            "join_done.html",
            "done",
            # the sample is asked for as one's own
            secret=self.pages.secret(request, self.pages.own_cookie),
            place=place,
            channel=found.channel,
        )

    async def again(self, request: Request) -> Response:
        found, secret = await self._form(request)
        await self.pages.read(request, secret)
        try:
            await self._ask(secret, None)
        except Rejected as rejected:
            if rejected.problems[0].code == "form_expired":
                raise
            return self._code(request, found, secret, tuple(rejected.problems))
        return self.pages.go(request, "/join/code")

    # signing in

    async def sign_in(self, request: Request) -> Response:
        return self._sign_in(request)

    def _sign_in(
        self, request: Request, given: str = "", problems: tuple[Problem, ...] = ()
    ) -> Response:
        return self.pages.page(
            request,
            "sign_in.html",
            "sign_in",
            problems=problems,
            given=given[: addresses.LONGEST],
            open=bool(self.pages.offered()),
        )

    async def ask_to_sign_in(self, request: Request) -> Response:
        form = await self.pages.read(request, None)
        given = one(form, "address")
        try:
            address = registering.sign_in_address(
                given, self.pages.offered(), trial=self.pages.trial()
            )
            secret = await self.pages.begin(request, "sign_in")
            await self._ask(secret, address)
        except Rejected as rejected:
            return self._sign_in(request, given, tuple(rejected.problems))
        response = self.pages.go(request, "/join/code")
        return self.pages.let(response, self.pages.form_cookie, secret)

    # what all of them need

    async def _form(self, request: Request, *, done: bool = False) -> tuple[Pending, str]:
        """Return the form of this browser, and its secret. Raises Rejected (410 form_expired); for
        one whose code was taken too, unless `done`.
        """
        secret = self.pages.secret(request, self.pages.form_cookie)
        web = self.pages.web
        found = await web.db.read(pending.find, secret, web.now()) if secret else None
        if found is None or (found.done and not done):
            raise pending.expired()
        return found, secret

    async def _choose(self, secret: str, **chosen: str) -> None:
        web = self.pages.web
        await web.db.write(lambda conn: pending.choose(conn, secret, web.now(), **chosen))

    async def _ask(self, secret: str, address: addresses.Address | None) -> None:
        web = self.pages.web
        ask = partial(
            pending.ask_code,
            secret=secret,
            address=address,
            limits=self.pages.limits,
            now=web.now(),
        )
        await web.db.write(ask)


def _agrees(found: Pending) -> bool:
    """Return whether who gives this contact agrees to get messages there: not where they join a
    registration that gets them already.
    """
    return found.purpose != several.PURPOSE
