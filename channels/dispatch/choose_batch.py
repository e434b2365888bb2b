"""Which batch one sender claims from next, and the words of that batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from broadcast.events import dead_letters
from broadcast.ledger.claims import batch_causes, open_batches
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.store.database import TROUBLE, Database
from broadcast.wording.rendered import Rendered
from channels.contract import Channel
from channels.dispatch.clock import Clock
from channels.dispatch.ports import Renderings

log = structlog.get_logger("deliver")

CANDIDATES_SECONDS = 0.1
"""How long the list of batches is used again, unless an event says that there are new ones."""
BROKEN_SECONDS = 30.0
"""How long a batch is left alone whose words could not be rendered, unless an administrator hands
it over again before.
"""


@dataclass(slots=True)
class _LeftAlone:
    """Until when a text is left alone, and the number of its dead letter, once it is kept."""

    until: float
    letter: int = 0


class Chooser:
    """Chooses the most severe batch; among equals the control rooms take turns."""

    def __init__(
        self, db: Database, lane: str, channel: Channel, renderings: Renderings, clock: Clock
    ) -> None:
        self._db, self._lane, self._channel = db, lane, channel
        self._renderings, self._clock = renderings, clock
        self._statuses = tuple(sorted(channel.serves))
        self._found: list[Candidate] = []
        self._found_until = 0.0
        self._last_room = ""
        self._broken: dict[tuple[int, str, str], _LeftAlone] = {}

    def look_again(self) -> None:
        """Read the list of batches anew at the next choice."""
        self._found_until = 0.0

    async def choose(self) -> Candidate | None:
        """Return the batch to claim from; None where nobody waits."""
        now = self._clock.boot()
        candidates = await self._candidates()
        alone = {key for key, left in self._broken.items() if left.until >= now}
        found = [c for c in candidates if _key(c) not in alone]
        if not found:
            return None
        first = (found[0].severity_rank, found[0].correction)
        best = [c for c in found if (c.severity_rank, c.correction) == first]
        best.sort(key=lambda c: c.room)
        chosen = next((c for c in best if c.room > self._last_room), best[0])
        self._last_room = chosen.room
        return chosen

    async def words(self, chosen: Candidate) -> tuple[Rendered, datetime] | None:
        """Return the words of a batch and when its version expires.

        Where they cannot be rendered the batch becomes a dead letter and is left alone for a
        while: a fault in one text must not stop the others. Then the answer is None.
        """
        try:
            return await self._renderings.rendered(
                chosen.version_id,
                chosen.channel,
                chosen.language,
                repeat=batch_causes.repeats(chosen.cause),
                roles=chosen.roles,
            )
        except TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a rendering stumbles over
            left = _LeftAlone(self._clock.boot() + BROKEN_SECONDS)
            self._broken[_key(chosen)] = left
            self.look_again()  # what stands behind it in its control room's queue
            log.error(  # noqa: TRY400 - a traceback could hold words or addresses
                "render.failed",
                version=chosen.version_id,
                channel=chosen.channel,
                language=chosen.language,
                error=type(error).__name__,
            )
            left.letter = await self._db.write(
                dead_letters.park,
                dead_letters.RENDER_FAILED,
                f"{chosen.version_id}/{chosen.channel}/{chosen.language}",
                type(error).__name__,
                self._clock.now(),
            )
            return None

    async def _candidates(self) -> list[Candidate]:
        """Return the batches to choose from, a moment old at most. What became of them meanwhile
        the claim sees.
        """
        began = self._clock.boot()
        if not self._found or began > self._found_until:
            # Set before the read: an event that comes meanwhile makes the list old again.
            self._found_until = began + CANDIDATES_SECONDS
            await self._forget_what_is_over(began)
            without = [(version_id, language) for version_id, _, language in self._broken]
            self._found = await self._db.read(
                open_batches.candidates,
                self._lane,
                self._channel.name,
                self._statuses,
                self._clock.now(),
                without,
            )
        return self._found

    async def _forget_what_is_over(self, now: float) -> None:
        """Leave no text alone any longer whose time is over or whose dead letter was closed: an
        administrator handed it over again, or says that it is mended.
        """
        letters = [left.letter for left in self._broken.values()]
        closed = await self._db.read(dead_letters.closed_among, letters) if letters else set()
        self._broken = {
            key: left
            for key, left in self._broken.items()
            if left.until > now and left.letter not in closed
        }


def _key(c: Candidate) -> tuple[int, str, str]:
    return c.version_id, c.channel, c.language
