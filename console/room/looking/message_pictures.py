"""A message in pictures, each beside its table: over time, how fast, how much of the granted
rate it used, what was tried again, where people were reached; and the threat levels over the years.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from broadcast.ledger import speed
from broadcast.levels import history
from broadcast.levels.scales import LEVELS, official_text
from broadcast.messages import small_counts
from broadcast.operators import operators
from broadcast.problems import refuse
from console import provider_words
from console.room import acting, naming
from console.room.figures import Figures
from console.room.frame import BASES, Room
from console.room.looking import by_place, pictures
from console.room.looking.replay import asked_version, recorded, shown_frame
from service.sign_in import Signed

PROMISE_SECONDS = 0.25
"""From the approval to the first person at the provider (docs/performance.md, latency)."""


def attach(api: APIRouter, room: Room, figures: Figures) -> None:
    """Add the routes."""
    for base in BASES:
        _attach_pictures(api, room, figures, base)
    _attach_levels(api, room)


def _attach_pictures(api: APIRouter, room: Room, figures: Figures, base: str) -> None:
    web = room.web

    async def show(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "read")
        existing = await acting.message_of(room, request, signed)
        v = asked_version(request, existing)
        acts, moments = await recorded(room, v)
        frames = [shown_frame(room, m, v) for m in moments]
        latencies = await web.db.read(speed.latencies, v)
        again = [
            (
                f"{naming.word(channel)}: {provider_words.why(channel, code) or 'no reason told'}",
                people,
            )
            for channel, code, people in await web.db.read(speed.retries, v)
        ]
        drawn = small_counts.drawn(v.content)
        # of few people in a drawn shape nothing is told moment by moment
        uses = [] if drawn else _told_rates(room, await web.db.read(speed.rates, v))
        places = await by_place.reached(room, figures, v)
        rows = [(naming.word(each.channel), each.seconds) for each in latencies]
        return room.page(
            "pictures.html",
            signed,
            kind=BASES[base],
            title="In pictures",
            v=v,
            path=f"{base}/messages/{v.message_id}",
            curve=pictures.curve(frames, [(naming.act(a.what), a.at.isoformat()) for a in acts]),
            frames=frames,
            lines={line: naming.LINES[line] for line in (frames[0]["people"] if frames else ())},
            latencies=latencies,
            promise=PROMISE_SECONDS,
            dots=pictures.dots(rows, PROMISE_SECONDS),
            rates=pictures.used_rates([(use["channel"], use["drawn"]) for use in uses]),
            uses=uses,
            # of few people in a drawn shape nothing is told one by one
            again=[] if drawn else again,
            bars=pictures.bars([] if drawn else again, "again", "Tried again, by reason"),
            drawn=drawn,
            places=places.rows,
            map=pictures.hatched(await web.context.tree(), places.shares),
        )

    room.add(api, "GET", f"{base}/messages/{{id}}/pictures", show)


def _told_rates(room: Room, uses: Sequence[speed.RateUse]) -> list[dict[str, Any]]:
    """Return what was granted to each channel and used of it: as it is drawn, and as a table."""
    return [
        {
            "channel": naming.word(use.channel),
            "seconds": use.seconds,
            "drawn": [(room.clock(i.begins)[:8], i.granted, i.used) for i in use.intervals],
            "rows": [
                {
                    "clock": room.clock(i.begins)[:8],
                    "granted": pictures.granted_in_words(i.granted),
                    "used": i.used,
                    "share": i.used / i.granted if i.granted else None,
                }
                for i in use.intervals
            ],
        }
        for use in uses
    ]


def _attach_levels(api: APIRouter, room: Room) -> None:
    web = room.web

    async def show(request: Request, signed: Signed) -> Response:
        operators.require(signed.operator, "read")
        asked = request.query_params.get("as_of", "")[:10]
        at = web.now()
        if asked:
            try:
                day = datetime.strptime(asked, "%Y-%m-%d").replace(tzinfo=UTC)
            except ValueError:
                raise refuse(
                    "time_invalid", "this is no day", "write it as 2026-11-26", field="as_of"
                ) from None
            at = min(day + timedelta(days=1) - timedelta(microseconds=1), at)
        # sectors and communities may be confidential: theirs are not on this page
        held = [
            each
            for each in await web.db.read(history.show, at, past=bool(asked))
            if ":" not in each.scope
        ]
        facts = [f for f in await web.db.read(history.counting) if ":" not in f.scope]
        ranks = {str(level): n for n, level in enumerate(LEVELS, 1)}
        tree = await web.context.tree()
        scopes: dict[str, list[tuple[datetime, int | None]]] = {}
        for fact in facts:
            named = naming.scope(fact.scope, tree)
            scopes.setdefault(named, []).append((fact.at, ranks.get(fact.level)))
        return room.page(
            "levels.html",
            signed,
            title="Threat level",
            held=held,
            official={each.scope: official_text(each.level, at) for each in held if each.level},
            ladder=list(ranks),
            ranks=ranks,
            facts=facts[::-1],
            asked=asked,
            at=at,
            steps=pictures.steps(scopes, list(ranks), web.now()),
            named=lambda scope: naming.scope(scope, tree),
            fields={"as_of": "as_of"},
        )

    room.add(api, "GET", "/room/levels", show)
