"""Renderings by version: made once per version, channel and language, from what is stored."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from broadcast.content.model import Content, provided_by
from broadcast.messages import versions
from broadcast.messages.versions import Version
from broadcast.store.database import Database
from broadcast.wording.pack import called
from broadcast.wording.render import choose_language, render
from broadcast.wording.rendered import Facts, Rendered
from broadcast.wording.times import DEFAULT_ZONE
from channels.twilio.settings import named_senders
from config.settings import Settings

_KEPT = 512
_PAGES_KEPT = 4096
"""A page of each language shows each message."""
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
        near=v.resolved.near,
        groups=v.resolved.group_names(),
        zone=zone,
        expires=v.expires_at,
        updates=v.action == "update",
        repeat=repeat,
        replies=v.status not in no_replies,
        roles=tuple(roles.split(";")) if roles else (),
    )


def sender_of(v: Version, sender_name: str, language: str) -> str:
    """Return whose message a version is, as people read it in a language: its information
    provider, else this installation.
    """
    named = called(v.resolved.group_names().get(provided_by(v.content), {}), language)
    return named or v.content.provider or sender_name


def as_it_arrives(
    v: Version, settings: Settings, now: datetime, *, repeat: bool = False
) -> Iterator[tuple[str, str, Rendered]]:
    """Yield (language, channel, rendering) of everything that a version says to who reads that
    language; of what is not published yet, as if it were published now. `repeat`: as it says to
    who is sent it again.
    """
    facts = facts_of(
        replace(v, expires_at=v.ends(now)),
        repeat=repeat,
        no_replies=named_senders(settings.env),
        sender_name=settings.sender_name,
        public_url=settings.public_url,
        sent=now,
        zone=settings.timezone,
    )
    for language in v.content.languages:
        for channel in v.content.channels:
            yield language, channel, _render(v.content, facts, channel, language)


def _render(content: Content, facts: Facts, channel: str, language: str) -> Rendered:
    """Return the rendering for who reads this language. A language that no speech engine reads
    aloud gives way on the phone only.
    """
    spoken = choose_language(content, language, channel) if channel == "voice" else language
    return render(content, facts, channel, spoken)


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
        self._pages: OrderedDict[tuple[int, str, str], Rendered] = OrderedDict()

    async def rendered(
        self, version_id: int, channel: str, language: str, *, repeat: bool, roles: str = ""
    ) -> tuple[Rendered, datetime]:
        """Return the rendering, with that for who asked for it discreetly, and when the version
        expires.
        """
        key = (version_id, channel, language, repeat, roles)
        if key not in self._made:
            v = await self._db.read(versions.get, version_id)
            facts, ends = self._facts(v, repeat=repeat, roles=roles)
            words = _render(v.content, facts, channel, language)
            neutral = _render(v.content, replace(facts, discreet=True), channel, language)
            if channel == "email" and self._key:
                every = await self._db.read(versions.of_message, v.message_id)
                words = self._joined(words, v, every, repeat=repeat)
                neutral = self._joined(neutral, v, every, repeat=repeat)
            # both at once: after the claim nothing must be left to make for anybody
            self._made[key] = (replace(words, discreetly=neutral), ends)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[key]

    def page(self, v: Version, language: str, ours_in: str) -> Rendered:
        """Return what a page shows of a published version in one of its languages, with our own
        words in the language `ours_in` of the page.
        """
        key = (v.id, language, ours_in)
        if key not in self._pages:
            facts, _ = self._facts(v)
            self._pages[key] = render(v.content, facts, "web", language, ours_in=ours_in)
            while len(self._pages) > _PAGES_KEPT:
                self._pages.popitem(last=False)
        return self._pages[key]

    def _facts(
        self, v: Version, *, repeat: bool = False, roles: str = ""
    ) -> tuple[Facts, datetime]:
        """Return what a rendering of a published version needs, and when it expires."""
        if v.expires_at is None or v.sent is None:
            raise ValueError(f"version {v.id} was never published")
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
        return facts, v.expires_at

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
