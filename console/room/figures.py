"""The numbers of a message as they move: one account, on which every line adds up, kept for a
moment for all who watch.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import LINES
from broadcast.messages import listing, versions
from broadcast.messages.versions import Version
from console.room import acting
from console.room.frame import Room
from service.sign_in import Signed

KEPT_SECONDS = 0.3
_KEPT = 16

WORDS = {
    "waiting": ("waiting", "…"),
    "handing_over": ("being handed over", "→"),
    "accepted": ("handed over", "›"),
    "delivered": ("delivered", "✓"),
    "failed": ("failed", "✕"),
    "not_sent": ("not sent", "–"),
    "expired": ("expired", "–"),
    "in_doubt": ("in doubt", "?"),
}
"""Each line in words, with a sign of its own."""


class Figures:
    """The accounts looked at in the last moment, by version."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._kept: dict[int, tuple[float, Account]] = {}
        self._busy = asyncio.Lock()

    async def account(self, v: Version) -> Account:
        """Return the account of a version as of a moment ago."""
        async with self._busy:
            at, account = self._kept.get(v.id, (0.0, None))
            same = account is not None and account.version.state == v.state
            if account is None or not same or time.monotonic() - at > KEPT_SECONDS:
                account = await self._room.web.db.read(delivery_report.account, v)
                self._kept[v.id] = (time.monotonic(), account)
                for old in sorted(self._kept, key=lambda key: self._kept[key][0])[:-_KEPT]:
                    del self._kept[old]
            return account

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
                    "word": WORDS[line][0],
                    "sign": WORDS[line][1],
                    "people": shown["people"][line],
                    "by": [channels[name][line] for name in channels],
                }
                for line in LINES
            ],
            "suppressed": {reason: n for reason, n in shown["suppressed"].items() if n},
        }


async def values(
    room: Room, figures: Figures, signed: Signed, existing: list[Version], path: str
) -> dict[str, Any]:
    """Return what the moving part of a message's page shows (`figures.html`): how it goes, and the
    button that holds or resumes it. {} where nothing was published yet.
    """
    published = versions.newest_published(existing)
    if published is None:
        return {}
    head = versions.head(existing)
    acts = await room.web.db.read(listing.newest_decisions, [head.id])
    return {
        "published": published,
        "figures": await figures.told(published),
        "log": f"{path}/log",
        "press": acting.press(room, signed, head, acts.get(head.id, 0)),
        "v": head,
    }
