"""Renderings by version: made once per version, channel and language, from what is stored."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime

from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.store.database import Database
from broadcast.wording.render import choose_language, render
from broadcast.wording.rendered import Facts, Rendered
from broadcast.wording.times import DEFAULT_ZONE

_KEPT = 512
ANSWERED = 10
"""So many versions before it a mail names."""


def facts_of(
    v: Version,
    *,
    sender_name: str,
    public_url: str,
    sent: datetime,
    zone: str = DEFAULT_ZONE,
    repeat: bool = False,
    no_replies: frozenset[str] = frozenset(),
    roles: str = "",
) -> Facts:
    """Return what a rendering of the version needs beside its content. `no_replies` are the
    statuses whose texts come from a name; `roles` the kinds of the several registrations that a
    reader gets it for.
    """
    return Facts(
        sender_name=sender_name,
        code=v.code,
        public_url=public_url,
        sent=v.sent or sent,
        names=dict(v.resolved.names),
        groups=v.resolved.group_names(),
        zone=zone,
        expires=v.expires_at,
        repeat=repeat,
        replies=v.status not in no_replies,
        roles=tuple(roles.split(";")) if roles else (),
    )


class StoredRenderings:
    """The renderings of published versions. Keeps channels.dispatch.ports.Renderings."""

    def __init__(
        self,
        db: Database,
        *,
        sender_name: str,
        public_url: str,
        zone: str = DEFAULT_ZONE,
        key: bytes = b"",
        no_replies: frozenset[str] = frozenset(),
    ) -> None:
        self._db, self._sender_name, self._public_url = db, sender_name, public_url
        self._zone, self._key, self._no_replies = zone, key, no_replies
        self._made: OrderedDict[tuple[int, str, str, bool, str], tuple[Rendered, datetime]] = (
            OrderedDict()
        )

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool, roles: str = ""
    ) -> tuple[Rendered, datetime]:
        """Return the rendering, with that for who asked for it discreetly, and when the version
        expires.
        """
        key = (version_id, channel, language, repeat, roles)
        if key not in self._made:
            v = await self._db.read(versions.get, version_id)
            if v.expires_at is None or v.sent is None:
                raise ValueError(f"version {version_id} was never published")
            facts = facts_of(
                v,
                sender_name=self._sender_name,
                public_url=self._public_url,
                sent=v.sent,
                zone=self._zone,
                repeat=repeat,
                no_replies=self._no_replies,
                roles=roles,
            )
            # A language that no speech engine reads aloud gives way on the phone only.
            spoken = (
                choose_language(v.content, language, channel) if channel == "voice" else language
            )
            words = render(v.content, facts, channel, spoken)
            neutral = render(v.content, replace(facts, discreet=True), channel, spoken)
            if channel == "email" and self._key:
                every = await self._db.read(versions.of_message, v.message_id)
                words = self._joined(words, v, every, repeat=repeat)
                neutral = self._joined(neutral, v, every, repeat=repeat)
            # both at once: after the claim nothing must be left to make for anybody
            self._made[key] = (replace(words, discreetly=neutral), v.expires_at)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[key]

    def _joined(
        self, words: Rendered, v: Version, every: list[Version], *, repeat: bool
    ) -> Rendered:
        """Return a mail that is known by its version, and is an answer to those of the versions
        before it. A repeat answers the first copy, and is known by its attempt: a mailbox must not
        take the two for one.
        """
        before = [u for u in reversed(every) if u.number < v.number and u.live_at]
        earlier = [self._secret(u) for u in ([v, *before] if repeat else before)]
        return replace(
            words, secret="" if repeat else self._secret(v), earlier=tuple(earlier[:ANSWERED])
        )

    def _secret(self, v: Version) -> str:
        return hmac.digest(self._key, b"mail %d" % v.id, "sha256").hex()
