"""From an approved version to its frozen audience: the rule, the shards, the release (guarantee
R1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from pyroaring import BitMap

from broadcast.content.model import PERSONAL_CHANNELS, Audience, Content
from broadcast.ledger import audiences
from broadcast.messages import versions
from broadcast.messages.versions import Resolved, Version
from broadcast.places.geometry import from_wkb
from broadcast.store.database import Connection, Database, lock_version
from subscribers.index import IndexIncomplete, RegistryIndex, Rule, topic_of
from subscribers.registry import shared_contacts

log = structlog.get_logger("match")


def audience_of(content: Content) -> Audience:
    """Return whom a content is limited to; the level of a community or a sector is for that
    alone.
    """
    kind, _, name = (content.scope or "").partition(":")
    if name and kind == "community":
        return replace(content.audience, communities=(name,))
    if name and kind == "sector":
        return replace(content.audience, sectors=(name,))
    return content.audience


def rule_of(
    content: Content,
    resolved: Resolved,
    *,
    severity_rank: int,
    urgent: bool,
    first_kind: str,
    channels_on: frozenset[str],
    reached: Mapping[str, BitMap] | None = None,
    at: datetime | None = None,
) -> Rule:
    """Return whom a content selects. `first_kind` is the kind of the message's first version: an
    update keeps its topic.

    `reached` are, per channel, the people an earlier version reached or may have reached: they hear
    what follows wherever they are. `at` is the moment for which quiet hours are judged (aware UTC);
    None leaves them out.
    """
    audience = audience_of(content)
    return Rule(
        topic=topic_of(first_kind),
        severity_rank=severity_rank,
        urgent=urgent,
        status=content.status,
        channels=tuple(c for c in content.channels if c in PERSONAL_CHANNELS),
        configured=channels_on,
        languages=tuple(content.languages),
        audience=audience,
        everybody=resolved.everybody,
        targets=frozenset(resolved.targets),
        by_code=frozenset(resolved.by_code),
        touched=frozenset(resolved.touched),
        shape=from_wkb(resolved.shape) if resolved.shape else None,
        circles=() if audience.communities else content.circles,
        also_reached=reached or {},
        at=at,
    )


def rule_for(
    conn: Connection,
    v: Version,
    channels_on: Callable[[str], frozenset[str]],
    resolved: Resolved | None = None,
    *,
    at: datetime | None = None,
) -> Rule:
    """Return the rule of a stored version, with the people its predecessors reached; `resolved`
    stands in for places not stored yet.

    `at` is the moment for which quiet hours are judged: that of freezing, before that the present
    one; None leaves them out.
    """
    first = versions.of_message(conn, v.message_id)[0]
    reached = audiences.reached_by_predecessors(conn, v)
    return rule_of(
        v.content,
        resolved or v.resolved,
        severity_rank=v.severity_rank,
        urgent=v.urgent,
        first_kind=first.kind,
        channels_on=channels_on(v.status),
        reached=reached,
        at=at,
    )


class Matcher:
    """Holds the matching index of this process and freezes with it. One at a time: the index is
    never read while it changes.
    """

    def __init__(
        self,
        db: Database,
        channels_on: Callable[[str], frozenset[str]],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db, self._channels_on, self._now = db, channels_on, now
        self._index: RegistryIndex | None = None
        self._busy = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def index(self) -> tuple[RegistryIndex, str]:
        """Return the index, complete and as of a snapshot taken now, with that snapshot's mark.

        One at a time: a preview's older snapshot that arrives late must not take the place of the
        newer one that is frozen from.
        """
        async with self._reading:
            try:
                if self._index is None:
                    self._index = await self._db.read(RegistryIndex.load)
                    return self._index, self._index.as_of
                return self._index, await self._db.read(self._index.catch_up)
            except IndexIncomplete:
                # load it anew at the next try; nothing is frozen from what is not all there
                self._index = None
                raise

    async def process(self, version_id: int) -> str:
        """Freeze what is not frozen of an approved version, then try to release it; return what
        happened.
        """
        async with self._busy:
            v = await self._db.read(versions.get, version_id)
            if v.state != "approved" or v.shards is None:
                return v.state
            # The snapshot is taken after the approval was read as committed, so it holds everybody
            # registered before it.
            index, as_of = await self.index()
            # Quiet hours are those of the freezing: where they began or ended since the approvers
            # counted, the release compares (rule R1).
            at = self._now()
            rule = await self._db.read(rule_for, v, self._channels_on, at=at)
            for shard in range(v.shards):
                if shard in await self._db.read(audiences.frozen_shards, version_id):
                    continue
                frozen = await asyncio.to_thread(index.match, rule, shard, v.shards)
                await self._db.write(_freeze, v, shard, frozen, as_of, at)
            result = await self._db.write(
                audiences.release, version_id, shared_contacts=shared_contacts
            )
            log.info("audience.release", version=version_id, result=result, shards=v.shards)
            return result


def _freeze(
    conn: Connection, seen: Version, shard: int, frozen: audiences.Frozen, as_of: str, at: datetime
) -> bool:
    """Store a shard, unless the version was blocked, held, cancelled or approved anew since it was
    matched.
    """
    lock_version(conn, seen.id, shared=True)
    v = versions.get(conn, seen.id)
    if (
        v.state != "approved"
        or v.approved_at != seen.approved_at
        or v.content_hash != seen.content_hash
    ):
        return False
    return audiences.freeze(conn, seen.id, shard, frozen, registry_as_of=as_of, now=at)
