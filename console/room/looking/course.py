"""How a message went so far, beside its figures: people by line over time, and the places where the
fewest were reached.

It is folded from the recorded facts, which takes the longer the more there are. So it is looked at
apart: at most a twentieth of the time goes into it, everybody who watches sees the same one, and no
page waits for it longer than a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup
from structlog import get_logger

from broadcast.messages.versions import Version
from broadcast.problems import Rejected
from broadcast.store.database import TROUBLE
from console.room import naming
from console.room.figures import Figures, values
from console.room.frame import Room
from console.room.looking import by_place, pictures
from console.room.looking.replay import recorded, shown_frame
from service.sign_in import Signed

PLACES_SHOWN: Final = 5
WAITED_SECONDS: Final = 0.3
LOOK_SECONDS: Final = 3.0
SHARE: Final = 20
"""A look that took a second is not taken again for twenty."""
KEPT: Final = 16

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The curve, up to which moment, and the places with the smallest share reached. `more` says
    whether there are other places.
    """

    curve: Markup
    until: str
    places: Sequence[dict[str, Any]]
    more: bool


@dataclass(slots=True)
class _Kept:
    state: str
    course: Course | None = None
    looked: float = float("-inf")
    took: float = 0.0
    task: asyncio.Task[None] | None = None


class Courses:
    """The courses of the versions looked at last."""

    def __init__(self, room: Room, figures: Figures) -> None:
        self._room, self._figures = room, figures
        self._kept: dict[int, _Kept] = {}

    async def moving(self, signed: Signed, existing: list[Version], path: str) -> dict[str, Any]:
        """Return what the moving part of a message's page shows (`figures.html`), {} where nothing
        was published yet.
        """
        told = await values(self._room, self._figures, signed, existing, path)
        return told | {"course": await self._of(told["published"])} if told else {}

    async def _of(self, v: Version) -> Course | None:
        """Return the course as of a moment ago; None where it is still being looked at."""
        kept = self._kept.pop(v.id, None) or _Kept(state=v.state)
        self._kept[v.id] = kept
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        age = time.monotonic() - kept.looked
        due = age > max(LOOK_SECONDS, SHARE * kept.took) or kept.state != v.state
        if kept.task is None and due:
            kept.task = asyncio.create_task(self._look(kept, v))
        if kept.task is not None and kept.course is None:
            await asyncio.wait({kept.task}, timeout=WAITED_SECONDS)
        return kept.course

    async def _look(self, kept: _Kept, v: Version) -> None:
        began = time.monotonic()
        try:
            acts, moments = await recorded(self._room, v)
            frames = [shown_frame(self._room, m, v) for m in moments]
            places = await by_place.reached(self._room, self._figures, v)
            marks = [(naming.act(a.what), a.at.isoformat()) for a in acts]
            kept.course = Course(
                curve=pictures.curve(frames, marks),
                until=frames[-1]["clock"] if frames else "",
                places=[dict(row) for row in places.rows[:PLACES_SHOWN]],
                more=len(places.rows) > PLACES_SHOWN,
            )
        except (*TROUBLE, Rejected) as trouble:  # the figures stand without it; it is tried again
            log.warning("course.not_drawn", why=type(trouble).__name__)
        finally:
            kept.state, kept.task = v.state, None
            kept.looked = time.monotonic()
            kept.took = kept.looked - began
