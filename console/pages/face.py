"""The public face: the pages that people read, each as text made from what is stored; served by
`face_routes.py`, or written as files by `static_site.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException

from broadcast.exercises import planned
from broadcast.groups import registered
from broadcast.levels.scales import LEVELS, UK
from broadcast.messages import published
from broadcast.messages.versions import Version
from broadcast.wording.ending import ended, stays
from broadcast.wording.languages import pack_for
from broadcast.wording.pack import called, direction, fill, primary
from broadcast.wording.render import choose_language
from broadcast.wording.times import local_time
from console.pages.cards import Card, Cards, Source, day, state_of, version_rows
from console.pages.frame import Links, html
from console.pages.phrases import ENGLISH, PHRASES
from service.rendering import sender_of

MAPS_ON_FRONT = 12
"""So many maps at most are on the front page; each message's own page has its map."""
PAST_ROWS = 100
"""So many messages of a month stand on one page; a link leads on to the older ones."""
RECENT = 10
"""So many messages are named to who has no code."""
_SENDERS = ("TWILIO_FROM", "TWILIO_VOICE_FROM", "MAIL_FROM")
"""Settings that name a sender; an exercise may have senders of its own."""

Sheet = Callable[[str, str, Links], Awaitable[str]]


def wanted_code(typed: str) -> str:
    """Return a code as it is stored, from whatever case and spacing a person types; "" for none."""
    code = "".join(ch for ch in typed.upper() if ch.isascii() and ch.isalnum())
    return code if len(code) <= 20 else ""


class Face:
    """Makes the pages. Raises HTTPException 404 for what is not there."""

    def __init__(self, web: Source, *, past_rows: int = PAST_ROWS) -> None:
        self._web, self._cards, self._past_rows = web, Cards(web), past_rows
        self._zone = ZoneInfo(web.settings.timezone)

    def _page(self, name: str, lang: str, links: Links, here: str | None, **values: Any) -> str:
        now = self._web.now()
        return html(
            name,
            lang=lang,
            links=links,
            sender=self._web.settings.sender_name,
            here=here,
            as_of=fill(
                PHRASES[lang]["as_of"], time=local_time(now, lang, self._web.settings.timezone)
            ),
            **values,
        )

    async def front(self, lang: str, links: Links) -> str:
        """Return the levels, what is live, what ended lately, and exercises below it all."""
        now = self._web.now()
        found = await self._web.db.read(published.shown, now)
        found.sort(key=lambda v: (v.severity_rank, -(v.live_at or now).timestamp()))
        cards = [
            (v, await self._cards.card(v, lang, links, now, with_map=n < MAPS_ON_FRONT))
            for n, v in enumerate(found)
        ]
        over = [(v, c) for v, c in cards if c.over and not c.exercise]
        over.sort(key=lambda pair: pair[0].ended_at or pair[0].expires_at or now, reverse=True)
        return self._page(
            "front.html",
            lang,
            links,
            "/",
            levels=await self._levels(lang, now),
            ladder=[str(level) for level in LEVELS],
            live=[c for _, c in cards if not c.over and not c.exercise],
            over=[c for _, c in over],
            exercises=sorted((c for _, c in cards if c.exercise), key=lambda c: c.over),
            planned=await self._planned(lang, now),
        )

    async def _planned(self, lang: str, now: datetime) -> list[dict[str, str]]:
        """Return the exercises to come or under way that two people let the public know of."""
        zone = self._web.settings.timezone
        return [
            {
                "name": each.name,
                "place": each.area_name,
                "start": local_time(each.starts, lang, zone),
                "end": local_time(each.ends, lang, zone),
            }
            for each in await self._web.db.read(planned.shown, now)
        ]

    async def _levels(self, lang: str, now: datetime) -> list[dict[str, Any]]:
        web, say, pack = self._web, PHRASES[lang], pack_for(lang)
        shown = await web.db.read(published.levels, now)
        tree, groups = await web.context.tree(), await web.db.read(registered.load)
        rows: list[dict[str, Any]] = []
        for entry in shown:
            scope, level = entry.scope, entry.level
            group = called(groups.names_of(scope), lang) or scope.partition(":")[2]
            known = tree[scope].name if scope in tree else group or scope
            row: dict[str, Any] = {"place": say["uk"] if scope == UK else known, "rank": None}
            if level is not None and entry.since is not None:
                source = await web.db.read(published.level_source, scope)
                official = not registered.is_group(scope)
                row |= {
                    "rank": level.rank,
                    "word": str(level),
                    "name": "" if lang == ENGLISH else pack.level_name(level),
                    "meaning": pack.level_meaning(level)
                    if official
                    else _in_its_own_words(await web.db.read(published.level_message, scope), lang),
                    "since": day(entry.since, lang, web.settings.timezone),
                    "source": fill(say["set_by"], source=source)
                    if source
                    else fill(say["set_here"], sender=web.settings.sender_name),
                }
            rows.append(row)
        return rows

    async def message(self, code: str, lang: str, links: Links) -> str:
        """Return a public message with its versions and what changed."""
        now, found = self._web.now(), await self._versions(code)
        card = await self._cards.card(found[-1], lang, links, now)
        return self._page(
            "one.html",
            lang,
            links,
            f"/messages/{found[-1].code}",
            title=_title(card),
            card=card,
            versions=version_rows(found, lang, card.lang, now, self._web.settings.timezone),
        )

    async def _versions(self, code: str) -> list[Version]:
        wanted = wanted_code(code)
        found = await self._web.db.read(published.versions_of, wanted) if wanted else []
        if not found:
            raise HTTPException(404)
        return found

    async def poster(self, code: str, lang: str, links: Links) -> str:
        """Return a public message as a sheet to print and put up."""
        return await self._sheet("poster", code, lang, links)

    async def press(self, code: str, lang: str, links: Links) -> str:
        """Return a public message as a text for newspapers and stations."""
        return await self._sheet("press", code, lang, links)

    def sheets(self) -> dict[str, Sheet]:
        """Return the pages of a public message, by what follows its address."""
        return {"": self.message, "/poster": self.poster, "/press": self.press}

    async def _sheet(self, kind: str, code: str, lang: str, links: Links) -> str:
        now, v = self._web.now(), (await self._versions(code))[-1]
        card = await self._cards.card(v, lang, links, now, with_map=kind == "poster")
        return self._page(
            f"{kind}.html",
            lang,
            links,
            f"/messages/{v.code}/{kind}",
            title=_title(card),
            card=card,
            number=v.number,
            sent=local_time(v.live_at or now, lang, self._web.settings.timezone),
            by=sender_of(v, self._web.settings.sender_name, lang),
            address=f"{self._web.settings.public_url}/check",
        )

    async def verified(self, code: str, lang: str, links: Links) -> tuple[str, int]:
        """Return whether a message is ours and what holds now, and the status of that answer."""
        say, now, wanted = PHRASES[lang], self._web.now(), wanted_code(code)
        v = await self._web.db.read(published.by_code, wanted) if wanted else None
        if v is None:
            return self._page("unknown.html", lang, links, None, title=say["no_title"]), 404
        public = published.for_the_public(v)
        page = self._page(
            "verified.html",
            lang,
            links,
            f"/v/{v.code}",
            title=say["yes_title"],
            sent=local_time(v.sent or now, lang, self._web.settings.timezone),
            by=sender_of(v, self._web.settings.sender_name, lang),
            code=v.code,
            number=v.number,
            card=await self._cards.card(v, lang, links, now) if public else None,
            exercise=v.status == "Exercise",
            state=state_of(v, now),
        )
        return page, 200

    async def check(self, lang: str, links: Links, *, empty: bool = False) -> str:
        """Return the form for a code, and what else is really ours."""
        web, now = self._web, self._web.now()
        recent = (await web.db.read(published.shown, now))[:RECENT]
        given = [
            web.settings.env.get(f"FASTTIME_{exercise}{name}", "").strip()
            for exercise in ("", "EXERCISE_")
            for name in _SENDERS
        ]
        providers = (await web.db.read(registered.load)).providers(lang)
        names = [web.settings.sender_name, *(name for _, name in providers)]
        senders = [*names, *given, web.settings.public_url]
        if links.static:
            codes = await web.db.read(published.codes)
            found = [await web.db.read(published.by_code, code) for code in codes]
            recent = [v for v in found if v is not None]
        return self._page(
            "check.html",
            lang,
            links,
            "/check",
            title=PHRASES[lang]["check"],
            empty=empty,
            senders=list(dict.fromkeys(line for line in senders if line)),
            recent=[_row(v, lang, links, now, self._web.settings.timezone) for v in recent],
        )

    async def months(self) -> list[str]:
        """Return the months of which there is a page, the newest first, as 2026-11."""
        ends = await self._web.db.read(published.first_and_last)
        if ends is None:
            return []
        at, last = (end.astimezone(self._zone) for end in ends)
        found = []
        year, month = at.year, at.month
        while (year, month) <= (last.year, last.month):
            found.append(f"{year}-{month:02d}")
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        return found[::-1]

    async def parts(self, month: str) -> list[str]:
        """Return the codes behind which the pages of a month go on; the first is ""."""
        codes = [""]
        while more := (await self._of_month(month, codes[-1]))[1]:
            codes.append(more)
        return codes

    async def _of_month(self, month: str, after: str) -> tuple[list[Version], str]:
        """Return the messages of one page, and the code behind which the next goes on, or ""."""
        start = datetime.strptime(month, "%Y-%m").replace(tzinfo=self._zone)
        end = (start + timedelta(days=32)).replace(day=1)
        most = self._past_rows
        found = await self._web.db.read(published.between, start, end, most + 1, after)
        return found[:most], found[most - 1].code if len(found) > most else ""

    async def past(self, month: str, lang: str, links: Links, after: str = "") -> str:
        """Return the months, and messages of one of them: the newest, or those behind the message
        with the code `after`.
        """
        say, now, months = PHRASES[lang], self._web.now(), await self.months()
        if month and month not in months:
            raise HTTPException(404)
        found, more = await self._of_month(month, after) if month else ([], "")
        if after and not found:
            raise HTTPException(404)
        here = "/".join(part for part in ("/past", month, after) if part)
        return self._page(
            "past.html",
            lang,
            links,
            here,
            title=f"{say['past']}: {_label(month, lang)}" if month else say["past"],
            month=month,
            rows=[_row(v, lang, links, now, self._web.settings.timezone) for v in found],
            more=f"/past/{month}/{more}" if more else "",
            before=day(found[-1].live_at or now, lang, self._web.settings.timezone)
            if found
            else "",
            months=[(m, _label(m, lang)) for m in months],
        )

    async def todo(self, lang: str, links: Links) -> str:
        """Return what to do in an attack, and whom to call for what."""
        return self._page(
            "todo.html",
            lang,
            links,
            "/what-to-do",
            title=PHRASES[lang]["todo"],
            advice=self._web.settings.env.get("FASTTIME_ADVICE_LINE", "").strip(),
        )


def _title(card: Card) -> str:
    return ": ".join((*card.marks, card.headline))


def _in_its_own_words(v: Version | None, lang: str) -> str:
    """Return what the author says of the level of a sector or community, in the page's language;
    empty where nothing is said in it.
    """
    tag = choose_language(v.content, lang) if v is not None else ""
    if v is None or primary(tag) != primary(lang):
        return ""
    return " ".join(v.content.languages[tag].description.split())


def _label(month: str, lang: str) -> str:
    year, _, number = month.partition("-")
    if lang != ENGLISH:
        return f"{number}/{year}"
    return f"{datetime(int(year), int(number), 1, tzinfo=UTC):%B %Y}"


def _row(v: Version, lang: str, links: Links, now: datetime, zone: str) -> dict[str, Any]:
    """Return one line about a message; of one that is not public only that it is ours, and when."""
    public, tag = published.for_the_public(v), choose_language(v.content, links.lang or lang)
    state = state_of(v, now)
    return {
        "code": v.code,
        "time": local_time(v.live_at or now, lang, zone),
        "lang": tag,
        "dir": direction(tag),
        "headline": v.content.languages[tag].headline if public else "",
        "exercise": v.status == "Exercise",
        "mark": PHRASES[lang][state] if state else "",
        "struck": ended(state, tag, v.cancel_reason) is not None and not stays(v.kind, state),
    }
