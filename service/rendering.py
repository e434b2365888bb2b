"""Renderings by version: made once per version, channel and language, from what is stored."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.store.database import Database
from broadcast.wording.render import choose_language, render
from broadcast.wording.rendered import Facts, Rendered

_KEPT = 512


def facts_of(
    v: Version, *, sender_name: str, public_url: str, sent: datetime, repeat: bool = False
) -> Facts:
    """Return what a rendering of the version needs beside its content."""
    return Facts(
        sender_name=sender_name,
        code=v.code,
        public_url=public_url,
        sent=v.sent or sent,
        repeat=repeat,
    )


class StoredRenderings:
    """The renderings of published versions. Keeps channels.dispatch.ports.Renderings."""

    def __init__(self, db: Database, *, sender_name: str, public_url: str) -> None:
        self._db, self._sender_name, self._public_url = db, sender_name, public_url
        self._made: OrderedDict[tuple[int, str, str, bool], tuple[Rendered, datetime]] = (
            OrderedDict()
        )

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool
    ) -> tuple[Rendered, datetime]:
        """Return the rendering and when the version expires."""
        key = (version_id, channel, language, repeat)
        if key not in self._made:
            v = await self._db.read(versions.get, version_id)
            if v.expires_at is None or v.sent is None:
                raise ValueError(f"version {version_id} was never published")
            facts = facts_of(
                v,
                sender_name=self._sender_name,
                public_url=self._public_url,
                sent=v.sent,
                repeat=repeat,
            )
            # A language that no speech engine reads aloud gives way on the phone only.
            spoken = (
                choose_language(v.content, language, channel) if channel == "voice" else language
            )
            self._made[key] = (render(v.content, facts, channel, spoken), v.expires_at)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[key]
