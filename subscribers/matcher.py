"""From an approved version to its frozen audience: the rule, the shards, the release (rule
R1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog
from pyroaring import BitMap

from broadcast import traces
from broadcast.content.model import PERSONAL_CHANNELS, Audience, Content
from broadcast.ledger import audiences, releasing
from broadcast.ledger.planning import earlier_versions
from broadcast.messages import versions
from broadcast.messages.versions import Resolved, Version
from broadcast.places.geometry import from_wkb
from broadcast.store.database import Connection, Database, database_now, lock_version
from subscribers.index import IndexIncomplete, RegistryIndex, Rule, chosen_as, topic_of
from subscribers.people_file.by_topic import OfTopic
from subscribers.registry.reached import shared_contacts
from subscribers.same_person.groups import groups
from subscribers.weekly import using

log = structlog.get_logger("match")

SMALL = 2_000
"""Audiences of so many people in all are frozen and released in one transaction."""


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
    expires: datetime | None = None,
    spent: BitMap | None = None,
) -> Rule:
    """Return whom a content selects. `first_kind` is the kind of the message's first version: an
    update keeps its topic.

    `reached` are, per channel, the people an earlier version reached or may have reached: they hear
    what follows wherever they are. `at` is the moment for which quiet hours are judged (aware UTC);
    None leaves them out. `spent`: who has had as many routine messages this week as they take.
    """
    audience = audience_of(content)
    drawn = bool(content.polygons or content.circles)
    return Rule(
        topic=topic_of(first_kind),
        severity_rank=severity_rank,
        urgent=urgent,
        postcodes="touch"
        if urgent or (drawn and content.include_perhaps)
        else "perhaps"
        if drawn
        else "point",
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
        expires=expires,
        spent=spent or BitMap(),
        provider=content.provider,
    )


def rule_for(
    conn: Connection,
    v: Version,
    channels_on: Callable[[str], frozenset[str]],
    resolved: Resolved | None = None,
    *,
    at: datetime | None = None,
    spent: BitMap | None = None,
) -> Rule:
    """Return the rule of a stored version, with the people its predecessors reached; `resolved`
    stands in for places not stored yet.

    `at` is the moment for which quiet hours and the week of people are judged: that of freezing,
    before that the present one; None leaves them out. `spent`: whose week is full, where that is
    known already.
    """
    # what is being written is not stored yet: its number is 0
    first = versions.of_message(conn, v.message_id)[0] if v.message_id else v
    reached = earlier_versions.reached_by_predecessors(conn, v)
    expires = v.expires_at
    if expires is None and at is not None:  # not approved yet: as if it were approved now
        said = v.content.expires
        expires = at + said if isinstance(said, timedelta) else said
    if spent is None and at is not None and not v.urgent:
        spent = using.spent(conn, v, at)
    return rule_of(
        v.content,
        resolved or v.resolved,
        severity_rank=v.severity_rank,
        urgent=v.urgent,
        first_kind=first.kind,
        channels_on=channels_on(v.status),
        reached=reached,
        at=at,
        expires=expires,
        spent=spent,
    )


def no_longer_for(
    conn: Connection,
    version_id: int,
    people: Sequence[int],
    channel: str,
    channels_on: Callable[[str], frozenset[str]],
) -> dict[int, str]:
    """Return those of these people whom a version is no longer for, and why, as of this
    transaction: `moved_away`, or what they chose meanwhile. Whoever chose other channels for its
    topic is due their next channel (`no_consent` on this one).
    """
    # A visit may have ended by now. Whose week is full was decided at the freezing, once.
    v, now = versions.get(conn, version_id), database_now(conn)
    rule = rule_for(conn, v, channels_on, at=now, spent=BitMap())
    index = RegistryIndex.of(conn, people)
    found = index.match(rule)
    gone = dict.fromkeys(BitMap(people) - found.addressed, "moved_away")
    chosen = {
        person: reason
        for reason in ("erased", "discreet", "not_chosen", "provider_off", "below_severity")
        for person in found.suppressed.get(reason, ())
    }
    return _otherwise(index, rule, people, channel) | gone | chosen


def _otherwise(
    index: RegistryIndex, rule: Rule, people: Sequence[int], channel: str
) -> dict[int, str]:
    """Return who chose, for the topic of a message, other channels than this one."""
    reached = rule.also_reached.get(channel, BitMap())
    own = {
        each: known.by_topic.get(chosen_as(rule), OfTopic()).channels
        for each in people
        if each not in reached and (known := index.person(each)) is not None
    }
    return {
        each: "no_consent" for each, channels in own.items() if channels and channel not in channels
    }


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
        return (await self.process_together([version_id]))[version_id]

    async def process_together(self, version_ids: Sequence[int]) -> dict[int, str]:
        """Do the same for several versions, the small ones in one transaction; return what happened
        to each.

        Where one of them fails, the others in its transaction are undone with it: the caller tries
        them one by one.
        """
        async with self._busy:
            seen = await self._db.read(_seen, version_ids)
            happened = {v.id: v.state for v in seen}
            seen = [v for v in seen if v.state == "approved" and v.shards is not None]
            if not seen:
                return happened
            # The snapshot is taken after the approval was read as committed, so it holds everybody
            # registered before it.
            index, as_of = await self.index()
            # Quiet hours are those of the freezing: where they began or ended since the approvers
            # counted, the release compares (rule R1).
            at = self._now()
            together: list[_Matched] = []
            for v, rule, shards in await self._db.read(_unfrozen, seen, self._channels_on, at):
                matched, stored = _Matched(v, []), False
                for shard in shards:
                    frozen = await asyncio.to_thread(index.match, rule, shard, v.shards or 1)
                    if len(frozen.addressed) <= SMALL and len(shards) == 1:
                        matched.shards.append((shard, frozen))
                    else:  # a large one is a transaction of its own
                        stored = await self._db.write(_freeze, v, shard, frozen, as_of, at)
                if stored or sum(each.people for each in together) + matched.people > SMALL:
                    happened |= await self._store(together, as_of, at)
                    together = []
                together.append(matched)
                if stored:
                    happened |= await self._store(together, as_of, at)
                    together = []
            return happened | await self._store(together, as_of, at)

    async def _store(self, matched: Sequence[_Matched], as_of: str, at: datetime) -> dict[int, str]:
        if not matched:
            return {}
        happened = await self._db.write(_freeze_and_release, matched, as_of, at)
        for each in matched:
            log.info(
                "audience.release",
                version=each.version.id,
                result=happened[each.version.id],
                shards=each.version.shards,
            )
            traces.told(
                "match",
                each.version.id,
                at,
                self._now(),
                message=each.version.message_id,
                status=each.version.status,
                result=happened[each.version.id],
                people=each.people,
            )
        return happened


class _Matched(NamedTuple):
    version: Version
    shards: list[tuple[int, audiences.Frozen]]
    """What is still to be stored, with its release."""

    @property
    def people(self) -> int:
        return sum(len(frozen.addressed) for _, frozen in self.shards)


def _seen(conn: Connection, version_ids: Sequence[int]) -> list[Version]:
    return [versions.get(conn, each) for each in version_ids]


def _unfrozen(
    conn: Connection,
    seen: Sequence[Version],
    channels_on: Callable[[str], frozenset[str]],
    at: datetime,
) -> list[tuple[Version, Rule, list[int]]]:
    """Return each version with its rule and the shards that are not frozen yet."""
    return [
        (
            v,
            rule_for(conn, v, channels_on, at=at),
            sorted(set(range(v.shards or 0)) - audiences.frozen_shards(conn, v.id)),
        )
        for v in seen
    ]


def _freeze_and_release(
    conn: Connection, matched: Sequence[_Matched], as_of: str, at: datetime
) -> dict[int, str]:
    """Store what was matched and release it, in the order of the versions' ids: two matchers that
    each take several locks must take them in one order.

    Each lock is taken alone at once: two that share it for the freezing, and then both want it
    alone for the release, would wait for each other.
    """
    happened = {}
    if any(frozen.limited for each in matched for _, frozen in each.shards):
        using.lock(conn)
    for v, shards in sorted(matched, key=lambda each: each.version.id):
        lock_version(conn, v.id)
        for shard, frozen in shards:
            _freeze(conn, v, shard, frozen, as_of, at)
        happened[v.id] = releasing.release(
            conn, v.id, shared_contacts=shared_contacts, one_person=groups
        )
        if happened[v.id] == "blocked":
            using.give_back(conn, v.id)
    return happened


def _freeze(
    conn: Connection, seen: Version, shard: int, frozen: audiences.Frozen, as_of: str, at: datetime
) -> bool:
    """Store a shard, unless the version was blocked, held, cancelled or approved anew since it was
    matched.
    """
    if frozen.limited:
        using.lock(conn)
    lock_version(conn, seen.id, shared=True)
    v = versions.get(conn, seen.id)
    if (
        v.state != "approved"
        or v.approved_at != seen.approved_at
        or v.content_hash != seen.content_hash
    ):
        return False
    frozen = using.within(conn, v, frozen, at)
    stored = audiences.freeze(conn, seen.id, shard, frozen, registry_as_of=as_of, now=at)
    if stored:
        using.note(conn, v, frozen, at)
    return stored
