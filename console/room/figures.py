"""The numbers of a message as they move: one account, on which every line adds up, kept for a
moment for all who watch.
"""

from __future__ import annotations

from typing import Any

from broadcast.events import outbox
from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import LINES
from broadcast.messages import listing, versions
from broadcast.messages.versions import Version
from broadcast.store.database import Connection
from console.room import acting, naming, words
from console.room.frame import Room
from console.room.kept import KeptForAMoment
from service.sign_in import Signed


class Figures:
    """The accounts looked at in the last moment, by version."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._kept = KeptForAMoment[int, tuple[Account, int]]()

    async def account(self, v: Version) -> Account:
        """Return the account of a version as of a moment ago."""
        return (await self.counted(v))[0]

    async def counted(self, v: Version) -> tuple[Account, int]:
        """Return that, and the number of the newest event that it was counted to."""
        db = self._room.web.db
        return await self._kept.get(v.id, lambda: v.state, lambda: db.read(_counted, v))

    async def told(self, v: Version) -> dict[str, Any]:
        """Return what a page shows of a published version: the sum, and people by line, each on
        every channel.
        """
        shown = (await self.account(v)).shown()
        channels = {name: lines for name, lines in shown["channels"].items() if any(lines.values())}
        return {
            "addressed": shown["addressed"],
            "channels": list(channels),
            "rows": [
                {
                    "line": line,
                    "word": naming.LINES[line][0],
                    "sign": naming.LINES[line][1],
                    "people": shown["people"][line],
                    "by": [channels[name][line] for name in channels],
                }
                for line in LINES
            ],
            "suppressed": {reason: n for reason, n in shown["suppressed"].items() if n},
        }


def _counted(conn: Connection, v: Version) -> tuple[Account, int]:
    """Return both from one snapshot."""
    return delivery_report.account(conn, v), outbox.newest(conn)


async def values(
    room: Room, figures: Figures, signed: Signed, existing: list[Version], path: str
) -> dict[str, Any]:
    """Return what the moving part of a message's page shows (`figures.html`): how it goes, and the
    button that holds or resumes it. {} where nothing was published yet.
    """
    published = versions.newest_published(existing)
    if published is None:
        return {}
    head, told = versions.head(existing), await figures.told(published)
    acts = await room.web.db.read(listing.newest_decisions, [head.id])
    return {
        "published": published,
        "figures": told,
        "held_says": words.held_says({row["line"]: row["people"] for row in told["rows"]}),
        "log": f"{path}/log",
        "press": acting.press(room, signed, head, acts.get(head.id, 0)),
        "v": head,
    }
