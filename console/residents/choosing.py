"""My choices: what somebody who signed in sees and changes, each part a form of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.model import SEVERITIES
from broadcast.levels.names import folded
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from broadcast.wording.languages import PACKS
from broadcast.wording.times import local_time
from console.pages.phrases import PHRASES
from console.residents import kept
from console.residents.frame import Pages, add, one
from console.server import browser
from service.residents import own, registering, several
from service.residents.own import Own
from subscribers import quiet_hours
from subscribers.people_file import by_topic
from subscribers.people_file.choices import MOST_LANGUAGES, TOPICS
from subscribers.people_file.texts import in_ascii
from subscribers.registration.addresses import CHANNELS

FLOORS = tuple(s for s in SEVERITIES if s != "Unknown")

SignedHandler = Callable[[Request, Own, str], Awaitable[Response]]


def attach(api: APIRouter, pages: Pages) -> None:
    """Add the pages."""
    me = _Me(pages)
    for method, path, handler in (
        ("GET", "/me", me.show),
        ("POST", "/me/place", me.place),
        ("GET", "/me/place", me.find_place),
        ("POST", "/me/topics", me.topics),
        ("POST", "/me/severity", me.severity),
        ("POST", "/me/channels", me.channels),
        ("POST", "/me/language", me.language),
        ("POST", "/me/quiet-hours", me.quiet),
        ("POST", "/me/budget", me.budget),
        ("POST", "/me/providers", me.providers),
        ("POST", "/me/discreet", me.discreet),
        ("POST", "/me/address", me.address),
        ("GET", "/me/add", me.ways),
        ("POST", "/me/add", me.add_way),
        ("POST", "/me/sample", me.sample),
        ("POST", "/me/stop", me.stop),
        ("POST", "/me/start", me.start),
        ("GET", "/me/delete", me.ask_to_delete),
        ("POST", "/me/delete", me.delete),
        ("POST", "/me/sign-out", me.sign_out),
        ("POST", "/me/sign-out-everywhere", me.sign_out_everywhere),
    ):
        add_signed(api, pages, method, path, handler)


def add_signed(
    api: APIRouter, pages: Pages, method: str, path: str, handler: SignedHandler
) -> None:
    """Add a page for who is signed in; others are led to the sign-in."""

    async def signed(request: Request) -> Response:
        found = await pages.own(request)
        if found is None:
            return pages.go(request, "/sign-in")
        me, secret = found
        request.state.discreet = me.is_discreet
        response = await handler(request, me, secret)
        named = f"{pages.own_cookie}=".encode()
        said = any(k == b"set-cookie" and v.startswith(named) for k, v in response.raw_headers)
        return response if said else pages.let(response, pages.own_cookie, secret)

    add(api, pages, method, path, signed)


def chosen_topics(me: Own) -> list[str]:
    """Return the topics that somebody gets."""
    return me.known["topics"] or [t for t in TOPICS if t != "exercise"]


@dataclass(frozen=True)
class _Me:
    pages: Pages

    async def show(self, request: Request, me: Own, secret: str) -> Response:
        return await self._show(request, me, secret)

    async def _show(
        self, request: Request, me: Own, secret: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        tree, lang = await self.pages.web.context.tree(), self.pages.lang(request)
        known = me.known
        area = known["area"]
        hours = quiet_hours.known(known["quiet_hours"]) if known["quiet_hours"] else None
        daily = hours.daily if hours else None
        begin, end = hours.written() if hours and daily is None else ("", "")
        contacts = me.contacts()
        others = await self.pages.web.db.read(own.sessions, me.person, self.pages.web.now())
        providers = await self.pages.web.db.read(own.providers, known, lang)
        return self.pages.page(
            request,
            "me.html",
            "my_choices",
            secret=secret,
            problems=problems,
            saved=request.query_params.get("saved", "")[:20],
            me=me,
            contacts=contacts,
            others=me.others(),
            when=lambda at: local_time(at, lang, self.pages.web.settings.timezone),
            all_stopped=bool(contacts) and all(c.stopped for c in contacts if c.chosen),
            place=known["postcode"] or (tree[area].name if area and area in tree else ""),
            other_places=[
                (each.kind, own.place_named(each, tree))
                for each in own.places_of(known, self.pages.web.now())
            ],
            by_point=known["lat"] is not None and not known["postcode"],
            topics=TOPICS,
            chosen_topics=chosen_topics(me),
            by_topic=by_topic.known(";".join(known["by_topic"])),
            floors=FLOORS,
            floor=known["minimum_severity"],
            tongues=[(tag, PHRASES[tag]["language"]) for tag in PACKS],
            tongue=known["language"],
            then=[*known["other_languages"], ""][:MOST_LANGUAGES],
            most_a_week=known["most_a_week"],
            providers=providers,
            quiet_begin=begin,
            quiet_end=end,
            daily=daily,
            zone=hours.zone.key if hours else self.pages.web.settings.timezone,
            zones=ZONES,
            sessions=len(others),
            kept=kept.told(lang, kept.days_of(self.pages.web.settings)),
        )

    async def find_place(self, request: Request, me: Own, secret: str) -> Response:
        return await self._find_place(request, secret, request.query_params.get("place", ""))

    async def _find_place(
        self, request: Request, secret: str, asked: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        _, found, problem = await self.pages.search(asked)
        return self.pages.page(
            request,
            "me_place.html",
            "place",
            secret=secret,
            problems=problems or problem,
            asked=asked[: registering.LONGEST_SEARCH],
            found=found,
        )

    async def place(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        area, web = one(form, "area"), self.pages.web
        try:
            await web.db.read(registering.check_place, await web.context.tree(), area)
        except Rejected as rejected:
            found = tuple(rejected.problems)
            return await self._find_place(request, secret, one(form, "place"), found)
        return await self._change(request, me, secret, "place", {"area": area})

    async def ways(self, request: Request, me: Own, secret: str) -> Response:
        return self._ways(request, secret)

    def _ways(self, request: Request, secret: str, problems: tuple[Problem, ...] = ()) -> Response:
        channels = [c for c in CHANNELS if c in self.pages.offered()]
        return self.pages.page(
            request,
            "me_add.html",
            "add_way",
            secret=secret,
            problems=problems,
            channels=channels,
        )

    async def add_way(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        try:
            channel = registering.check_channel(one(form, "channel"), self.pages.offered())
        except Rejected as rejected:
            return self._ways(request, secret, tuple(rejected.problems))
        begun = await self.pages.begin(request, "add", channel=channel)
        return self.pages.let(
            self.pages.go(request, "/join/address"), self.pages.form_cookie, begun
        )

    async def topics(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        return await self._change(request, me, secret, "topics", {"topics": form.get("topics", [])})

    async def severity(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        floor = one(form, "severity")
        fields = {"minimum_severity": floor if floor in FLOORS else ""}
        return await self._change(request, me, secret, "severity", fields)

    async def channels(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        reached = [c.channel for c in me.contacts()]
        wanted = [c for c in form.get("channels", []) if c in reached]
        first = one(form, "first")
        if first in wanted:
            wanted = [first, *(c for c in wanted if c != first)]
        return await self._change(request, me, secret, "channels", {"channels": wanted})

    async def address(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        kind, at, shown = (one(form, name)[:100] for name in ("kind", "place", "address"))
        place = int(at) if at.isascii() and at.isdigit() and len(at) < 3 else -1
        remove = one(form, "act") == "remove"
        web = self.pages.web
        turn = partial(own.reorder, remove=remove)
        try:
            await web.db.write(turn, me, kind, place, shown, web.now())
        except Rejected as rejected:
            return await self._show(request, me, secret, tuple(rejected.problems))
        return self.pages.back(request, "channels")

    async def language(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        tag = one(form, "language")
        others = [other for each in form.get("then", []) if (other := each.strip()[:40])]
        fields = {"language": tag, "other_languages": [each for each in others if each != tag]}
        return await self._change(request, me, secret, "language", fields)

    async def quiet(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        begin, end, zone, daily = (
            one(form, name)[:40] for name in ("begin", "end", "zone", "daily")
        )
        begin, end = _clock(begin), _clock(end)
        hours = f"{begin}-{end} {zone}" if begin or end else ""
        if daily.isascii() and daily.isdigit() and int(daily) < 24:
            hours = quiet_hours.once_a_day(int(daily), zone)
        return await self._change(request, me, secret, "quiet_hours", {"quiet_hours": hours})

    async def budget(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        fields = {"most_a_week": in_ascii(one(form, "most_a_week")[:10])}
        return await self._change(request, me, secret, "budget", fields)

    async def providers(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        listed, ticked = form.get("listed", []), form.get("providers", [])
        # who was registered while the page was read was not looked at, and stays as it is
        off = [each for each in me.known["providers_off"] if folded(each) not in listed]
        off += [each for each in listed if each not in ticked]
        return await self._change(request, me, secret, "providers", {"providers_off": off})

    async def discreet(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        chosen = "yes" if one(form, "discreet") == "yes" else "no"
        return await self._change(request, me, secret, "discreet", {"discreet": chosen})

    async def _change(
        self, request: Request, me: Own, secret: str, what: str, fields: dict[str, Any]
    ) -> Response:
        web, world = self.pages.web, await self.pages.world()

        def change(conn: Connection) -> None:
            own.change(conn, me.person, fields, world=world, now=web.now())

        try:
            await web.db.write(change)
        except Rejected as rejected:
            return await self._show(request, me, secret, tuple(rejected.problems))
        return self.pages.back(request, what)

    async def sample(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        web, pages = self.pages.web, self.pages

        def ask(conn: Connection) -> None:
            own.ask_sample(
                conn,
                me,
                one(form, "channel"),
                network=pages.network(request),
                limits=pages.limits,
                now=web.now(),
            )

        try:
            await web.db.write(ask)
        except Rejected as rejected:
            return await self._show(request, me, secret, tuple(rejected.problems))
        return pages.back(request, "sample")

    async def stop(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        await self._turn(own.stop, me, one(form, "channel"))
        return self.pages.back(request, "stopped")

    async def start(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        await self._turn(own.start, me, one(form, "channel"))
        return self.pages.back(request, "started")

    async def _turn(self, act: Any, me: Own, channel: str) -> None:
        web = self.pages.web
        await web.db.write(act, me, channel, web.now())

    async def ask_to_delete(self, request: Request, me: Own, secret: str) -> Response:
        others = await self._others(me)
        return self.pages.page(request, "me_delete.html", "delete", secret=secret, others=others)

    async def _others(self, me: Own) -> bool:
        """Return whether other registrations were joined with one's own."""
        return len(await self.pages.web.db.read(several.everywhere, me.person)) > 1

    async def delete(self, request: Request, me: Own, secret: str) -> Response:
        await self.pages.read(request, secret)
        web, world, others = self.pages.web, await self.pages.world(), await self._others(me)
        await web.db.write(own.delete, me, world=world, now=web.now())
        await web.db.scrub()
        response = self.pages.page(request, "deleted.html", "deleted", secret=secret, others=others)
        browser.drop_cookie(response, self.pages.own_cookie)
        # what the browser kept of the pages goes too
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    async def sign_out(self, request: Request, me: Own, secret: str) -> Response:
        await self.pages.read(request, secret)
        await self.pages.web.db.write(own.sign_out, me, self.pages.web.now())
        return self._signed_out(request)

    async def sign_out_everywhere(self, request: Request, me: Own, secret: str) -> Response:
        await self.pages.read(request, secret)
        await self.pages.web.db.write(own.end_all, me.person, self.pages.web.now())
        return self._signed_out(request)

    def _signed_out(self, request: Request) -> Response:
        response = self.pages.go(request, "/sign-in")
        browser.drop_cookie(response, self.pages.own_cookie)
        # what the browser kept of the pages goes with the session
        response.headers["Clear-Site-Data"] = '"cache"'
        return response


def _clock(typed: str) -> str:
    """Return a time of day as it is stored, where it was typed as 7:00, 7.00 or 7."""
    hour, _, minute = in_ascii(typed).replace(".", ":").partition(":")
    return f"{hour.strip():0>2}:{minute.strip() or '00'}" if hour.strip() else typed


ZONES = tuple(sorted(z for z in available_timezones() if "/" in z and not z.startswith("Etc/")))
"""Zones to choose from for one's quiet hours."""
