"""My choices, topic by topic: from which severity on, and by which channels, in the place of the
usual ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.content.model import SEVERITIES
from broadcast.problems import Problem, Rejected
from broadcast.store.database import Connection
from console.residents.choosing import add_signed, chosen_topics
from console.residents.frame import Pages, one
from service.residents import own
from service.residents.own import Own
from subscribers.people_file.by_topic import OfTopic, checked, known

PATH = "/me/by-topic"


def attach(api: APIRouter, pages: Pages) -> None:
    """Add the pages."""
    mine = _ByTopic(pages)
    add_signed(api, pages, "GET", PATH, mine.show)
    add_signed(api, pages, "POST", PATH, mine.change)


def chosen_by_topic(me: Own) -> Mapping[str, OfTopic]:
    """Return what somebody chose for single topics."""
    return known(";".join(me.known["by_topic"]))


@dataclass(frozen=True)
class _ByTopic:
    pages: Pages

    async def show(self, request: Request, me: Own, secret: str) -> Response:
        return self._show(request, me, secret)

    def _show(
        self, request: Request, me: Own, secret: str, problems: tuple[Problem, ...] = ()
    ) -> Response:
        mine = me.known["channels"]
        return self.pages.page(
            request,
            "me_by_topic.html",
            "by_topic",
            secret=secret,
            problems=problems,
            topics=chosen_topics(me),
            chosen=chosen_by_topic(me),
            nothing=OfTopic(),
            severities=SEVERITIES,
            ways=[w for size in range(1, len(mine) + 1) for w in permutations(mine, size)],
        )

    async def change(self, request: Request, me: Own, secret: str) -> Response:
        form = await self.pages.read(request, secret)
        web, world = self.pages.web, await self.pages.world()
        found = {
            topic: checked(
                one(form, f"severity-{topic}"),
                list(filter(None, one(form, f"channels-{topic}").split(">"))),
            )
            for topic in chosen_topics(me)
        }
        # what was chosen for a topic that is left out for now stays
        fields = {"by_topic": dict(chosen_by_topic(me)) | found}

        def change(conn: Connection) -> None:
            own.change(conn, me.person, fields, world=world, now=web.now())

        try:
            await web.db.write(change)
        except Rejected as rejected:
            return self._show(request, me, secret, tuple(rejected.problems))
        return self.pages.back(request, "topics")
