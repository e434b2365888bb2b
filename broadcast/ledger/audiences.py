"""The frozen audience of a version and its release: shard by shard, then all at once (rule R1,
R10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, func, insert, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from broadcast.events import outbox
from broadcast.events.topics import deliveries_topic
from broadcast.ledger.claims.batches import members_of, store_batches
from broadcast.ledger.claims.slices import open_members
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.evidence import MAY_HAVE_REACHED
from broadcast.ledger.kept import asked
from broadcast.ledger.tables import frozen_set, frozen_shard, generation
from broadcast.messages import publishing, small_counts, two_persons, versions
from broadcast.messages.tables import version
from broadcast.messages.versions import USUAL_MARGIN, Version
from broadcast.store.database import database_now, lock_version

BATCH_SIZE = 500
RELEASE_SHARD = -1
DUPLICATE_PERSON = "duplicate_person"
"""Why somebody is not sent to whose contact point, or another registration of theirs, is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """One shard's part of an audience, or all of it.

    `addressed` are the ids of everybody selected; `send` maps (channel order such as "sms>email",
    language) to ids, `suppressed` a reason to ids. The ids of send and suppressed together are the
    addressed, each once.
    """

    addressed: BitMap
    send: Mapping[tuple[str, str], BitMap]
    suppressed: Mapping[str, BitMap] = field(default_factory=dict)
    held: Mapping[datetime, BitMap] = field(default_factory=dict)
    """Those of `send` who wait until their quiet hours end (rule R14), by that moment."""
    limited: Mapping[int, BitMap] = field(default_factory=dict)
    """Those of `send` who take so many routine messages a week at most, by the number; it is judged
    at the freezing, and not stored.
    """


def freeze(
    conn: Connection,
    version_id: int,
    shard: int,
    frozen: Frozen,
    *,
    registry_as_of: str,
    now: datetime,
) -> bool:
    """Store one shard's part; return False where another matcher had stored it already (then
    nothing was written).

    The header row is inserted first: of two matchers exactly one gets it, and the other writes
    nothing (rule R1).
    """
    parts: list[tuple[str, str, str, str, datetime | None, BitMap]] = [
        ("send", order, language, "", None, ids)
        for (order, language), ids in sorted(frozen.send.items())
        if ids
    ]
    parts += [
        ("suppressed", "", "", reason, None, ids)
        for reason, ids in sorted(frozen.suppressed.items())
        if ids
    ]
    parts += [
        ("held", "", "", "quiet_hours", until, ids)
        for until, ids in sorted(frozen.held.items())
        if ids
    ]
    digest = hashlib.sha256(frozen.addressed.serialize())
    for role, order, language, reason, until, ids in parts:
        named = f"held|{until.isoformat()}|" if until else f"{role}|{order}|{language}|{reason}|"
        digest.update(named.encode() + ids.serialize())
    into = (
        pg_insert(frozen_shard)
        if conn.dialect.name == "postgresql"
        else sqlite_insert(frozen_shard)
    )
    header = into.values(
        version_id=version_id,
        shard=shard,
        addressed=frozen.addressed.serialize(),
        registry_as_of=registry_as_of,
        frozen_at=now,
        digest=digest.hexdigest(),
    ).on_conflict_do_nothing()
    if conn.execute(header).rowcount != 1:
        return False
    rows: list[dict[str, Any]] = [
        {
            "version_id": version_id,
            "shard": shard,
            "no": no,
            "role": role,
            "channels": order,
            "language": language,
            "reason": reason,
            "not_before": until,
            "members": ids.serialize(),
            "size": len(ids),
        }
        for no, (role, order, language, reason, until, ids) in enumerate(parts)
    ]
    if rows:
        conn.execute(insert(frozen_set), rows)
    return True


def frozen_shards(conn: Connection, version_id: int) -> set[int]:
    """Return which shards of the version are frozen."""
    return set(
        conn.execute(
            select(frozen_shard.c.shard).where(frozen_shard.c.version_id == version_id)
        ).scalars()
    )


def frozen_at(conn: Connection, version_id: int) -> datetime | None:
    """Return when the audience was frozen, its first shard; None where nothing is. Quiet hours were
    judged for that moment.
    """
    first: datetime | None = conn.execute(
        select(func.min(frozen_shard.c.frozen_at)).where(frozen_shard.c.version_id == version_id)
    ).scalar_one()
    return first


def read(conn: Connection, version_id: int) -> Frozen:
    """Return the whole stored audience; only what is stored is ever used (rule R1)."""
    addressed = BitMap()
    for data in conn.execute(
        select(frozen_shard.c.addressed).where(frozen_shard.c.version_id == version_id)
    ).scalars():
        addressed |= BitMap.deserialize(data)
    send: dict[tuple[str, str], BitMap] = {}
    suppressed: dict[str, BitMap] = {}
    held: dict[datetime, BitMap] = {}
    for row in conn.execute(
        select(frozen_set).where(
            frozen_set.c.version_id == version_id,
            frozen_set.c.role.in_(("send", "suppressed", "held")),
        )
    ):
        ids = BitMap.deserialize(row.members)
        if row.role == "held":
            held[row.not_before] = held.get(row.not_before, BitMap()) | ids
        elif row.role == "send":
            send[row.channels, row.language] = (
                send.get((row.channels, row.language), BitMap()) | ids
            )
        else:
            suppressed[row.reason] = suppressed.get(row.reason, BitMap()) | ids
    return Frozen(addressed=addressed, send=send, suppressed=suppressed, held=held)


def sent_to_as_stored(conn: Connection, version_id: int) -> list[bytes]:
    """Return whom a frozen version is sent to as it lies there: reading a million people out of it
    is work for a thread (`together`).
    """
    query = select(frozen_set.c.members).where(
        frozen_set.c.version_id == version_id, frozen_set.c.role == "send"
    )
    return [bytes(data) for data in conn.execute(query).scalars()]


def together(stored: Sequence[bytes]) -> BitMap:
    """Return the people of several stored sets."""
    return BitMap().union(*map(BitMap.deserialize, stored))


def duplicates(conn: Connection, version_id: int) -> dict[str, BitMap]:
    """Return per channel the people left out because somebody with a lower id has the same contact
    point.
    """
    found: dict[str, BitMap] = {}
    for row in conn.execute(
        select(frozen_set.c.channels, frozen_set.c.members).where(
            frozen_set.c.version_id == version_id, frozen_set.c.role == "duplicate"
        )
    ):
        found[row.channels] = found.get(row.channels, BitMap()) | BitMap.deserialize(row.members)
    return found


def reached_by_predecessors(conn: Connection, v: Version) -> dict[str, BitMap]:
    """Return per channel everybody who got, or may have got, any earlier version of the chain
    (rule R10).

    Everybody of any slice ever claimed, minus those surely refused. A slice that is still open
    counts: it may be taken.
    """
    reached: dict[str, BitMap] = {}
    predecessor_id = v.predecessor_id
    while predecessor_id is not None:
        for channel in (
            conn.execute(
                select(batch.c.channel).where(batch.c.version_id == predecessor_id).distinct()
            )
            .scalars()
            .all()
        ):
            # Failed after a provider took it: it may still have arrived somewhere. Failed without
            # one: surely not taken.
            for group in (
                outcome.c.state.in_(MAY_HAVE_REACHED),
                (outcome.c.state == "failed") & (outcome.c.provider_id != ""),
            ):
                found = _people_of(
                    conn,
                    outcome.c.version_id == predecessor_id,
                    outcome.c.channel == channel,
                    group,
                )
                reached[channel] = reached.get(channel, BitMap()) | found
        for channel, ids in open_members(conn, predecessor_id).items():
            reached[channel] = reached.get(channel, BitMap()) | ids
        predecessor_id = conn.execute(
            select(version.c.predecessor_id).where(version.c.id == predecessor_id)
        ).scalar_one()
    return {channel: ids for channel, ids in reached.items() if ids}


def _people_of(conn: Connection, *where: ColumnElement[bool]) -> BitMap:
    """Return the people of these outcomes. One value comes back, not a row for each: there may be a
    million.
    """
    person = outcome.c.person_id
    if conn.dialect.name == "postgresql":
        return BitMap(conn.execute(select(func.array_agg(person)).where(*where)).scalar_one() or ())
    joined: str | None = conn.execute(select(func.group_concat(person)).where(*where)).scalar_one()
    return BitMap(map(int, joined.split(","))) if joined else BitMap()


@dataclass(frozen=True, slots=True)
class Part:
    """People to be sent to on one channel in one language, not before `not_before`."""

    channel: str
    language: str
    ids: BitMap
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is sent to in the first pass. A contact point that several people share is used once.

    `left_out` are, per channel, those whose contact point somebody else is sent to at, and other
    registrations of one person. Who is left out on every channel is a duplicate: not sent to, and
    counted so from the preview on. `roles`: who gets it for several registrations, by their kinds,
    joined by ";".
    """

    parts: tuple[Part, ...]
    left_out: Mapping[str, BitMap]
    duplicates: BitMap
    roles: Mapping[str, BitMap] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """How many people are sent to."""
        return len(BitMap().union(*(part.ids for part in self.parts)))

    def channels(self) -> dict[str, int]:
        """Return how many people are sent to on each channel at once."""
        found: dict[str, int] = {}
        for part in self.parts:
            found[part.channel] = found.get(part.channel, 0) + len(part.ids)
        return found

    def without_duplicates(self, audience: Frozen) -> Frozen:
        """Return the audience with its duplicates among those who are not sent to."""
        if not self.duplicates:
            return audience
        return Frozen(
            addressed=audience.addressed,
            send={
                key: rest for key, ids in audience.send.items() if (rest := ids - self.duplicates)
            },
            suppressed={**audience.suppressed, DUPLICATE_PERSON: self.duplicates},
            held={at: rest for at, ids in audience.held.items() if (rest := ids - self.duplicates)},
        )


SharedContacts = Callable[[Connection, str, BitMap], Iterable[BitMap]]
"""Gives groups of people, among those given, who have one contact point on a channel."""

OnePerson = Callable[[Connection, BitMap], Iterable[Mapping[int, str]]]
"""Gives groups of registrations, among those given, that are one person: each with its kind."""


def nobody_twice(conn: Connection, ids: BitMap) -> Iterable[Mapping[int, str]]:  # noqa: ARG001 - keeps OnePerson
    """Return that nobody is registered twice."""
    return ()


def release(
    conn: Connection,
    version_id: int,
    *,
    shared_contacts: SharedContacts,
    one_person: OnePerson = nobody_twice,
    now: datetime | None = None,
) -> str:
    """Make a completely frozen version live, or block it; return what happened: "not_ready",
    "released", "blocked", or the state that it is in already.

    One transaction under the version's lock (rule R1): nobody is claimed before.
    """
    lock_version(conn, version_id)
    now = now or database_now(conn)
    v = versions.get(conn, version_id)
    if v.state != "approved":
        return v.state
    if not _is_ready(conn, v, now):
        return "not_ready"
    audience = read(conn, version_id)
    plan = planned(
        conn,
        audience,
        urgent=v.urgent,
        shared_contacts=shared_contacts,
        one_person=one_person,
        reached=BitMap()
        if v.urgent
        else BitMap().union(*reached_by_predecessors(conn, v).values()),
    )
    total, left_out = plan.people, plan.left_out
    why = _not_what_was_approved(conn, v) or _other_people(conn, v, total, now)
    if why:
        return _block(conn, v, now, why)
    _keep_duplicates(conn, version_id, left_out)
    parts = list(until_quiet_hours_end(plan.parts, audience.held))
    if v.predecessor_id is not None:
        parts = list(_held_back(conn, v, parts))
    versions.change_state(
        conn, v, "release", live_at=now, addressed=len(audience.addressed), generation=1
    )
    v = versions.get(conn, version_id)
    insert_pass(conn, v, 1, "first", parts, now, roles=plan.roles)
    versions.record(conn, v, "release", None, now, count=total)
    publishing.announce(
        conn,
        v,
        "message.live",
        now,
        count=total,
        audience=_digests(conn, version_id),
        duplicates={
            channel: hashlib.sha256(ids.serialize()).hexdigest()
            for channel, ids in sorted(left_out.items())
            if ids
        },
    )
    return "released"


def _is_ready(conn: Connection, v: Version, now: datetime) -> bool:
    """Whether every shard is frozen, and the version has not expired (`publishing.expire_due` ends
    it then).
    """
    if v.expires_at is not None and v.expires_at <= now:
        return False
    return v.shards is not None and len(frozen_shards(conn, v.id)) >= v.shards


def _not_what_was_approved(conn: Connection, v: Version) -> str:
    """Return why the text is not released; an empty string where nothing is against it."""
    if not publishing.stands(v):
        return "content_changed: what stands there is not what was approved"
    return two_persons.missing(conn, v) or ""


def _other_people(conn: Connection, v: Version, total: int, now: datetime) -> str:
    """Return why the frozen audience is not what the approvers saw; an empty string where it is.

    An urgent message whose audience has shrunk goes out all the same, with an alarm on record.
    """
    seen = v.seen_count or 0
    margin = USUAL_MARGIN.of(seen) if v.margin is None else v.margin
    if total == 0 and (seen > 0 or not versions.reaches_without_people(v)):
        return "audience_empty: nobody is left to send to"
    differs = (
        f"{small_counts.number(total, v.content)} people, approved for"
        f" {small_counts.number(seen, v.content)}"
    )
    if total > seen + margin or (total < seen - margin and not v.urgent):
        return f"audience_changed: {differs}"
    if total < seen - margin:
        versions.record(
            conn, v, "alarm", None, now, why=f"audience_smaller: {differs}; urgent, so it goes out"
        )
    return ""


def _keep_duplicates(conn: Connection, version_id: int, left_out: Mapping[str, BitMap]) -> None:
    for no, (channel, ids) in enumerate(sorted(left_out.items())):
        if ids:
            conn.execute(
                insert(frozen_set).values(
                    version_id=version_id,
                    shard=RELEASE_SHARD,
                    no=no,
                    role="duplicate",
                    channels=channel,
                    language="",
                    reason=DUPLICATE_PERSON,
                    members=ids.serialize(),
                    size=len(ids),
                )
            )


def _digests(conn: Connection, version_id: int) -> dict[str, str]:
    rows = conn.execute(
        select(frozen_shard.c.shard, frozen_shard.c.digest).where(
            frozen_shard.c.version_id == version_id
        )
    )
    return {str(shard): digest for shard, digest in rows}


def _block(conn: Connection, v: Version, now: datetime, why: str) -> str:
    versions.change_state(conn, v, "block", why=why)
    # What was frozen for the count that was wrong is frozen anew after the next approval.
    conn.execute(frozen_set.delete().where(frozen_set.c.version_id == v.id))
    conn.execute(frozen_shard.delete().where(frozen_shard.c.version_id == v.id))
    versions.record(conn, v, "block", None, now, why=why)
    publishing.announce(conn, versions.get(conn, v.id), "message.block", now, why=why)
    return "blocked"


def planned(
    conn: Connection,
    audience: Frozen,
    *,
    urgent: bool,
    shared_contacts: SharedContacts,
    one_person: OnePerson = nobody_twice,
    reached: BitMap | None = None,
) -> Plan:
    """Cut the audience by channel and language; per channel only the lowest id of people sharing a
    contact point stays. A preview counts by the same plan, so that the three numbers agree.

    Urgent: every channel of the person's order, and every registration of one person. Routine: the
    first channel; whoever is a duplicate there moves on to the next. Of several registrations of
    one person the lowest id stays, but none is left out of those that an earlier version `reached`:
    what follows goes where that went.
    """
    left_out: dict[str, BitMap] = {}
    taken: dict[tuple[str, str], BitMap] = {}
    on_channel: dict[str, BitMap] = {}
    everybody = BitMap().union(*audience.send.values())
    others, roles = BitMap(), dict[str, BitMap]()
    if not urgent:
        others, roles = _registered_again(one_person(conn, everybody), reached or BitMap())
    waiting = []
    for (joined, language), ids in audience.send.items():
        order = joined.split(">")
        for channel in order if ids & others else ():
            left_out[channel] = left_out.get(channel, BitMap()) | (ids & others)
        waiting.append((order, language, ids - others))
    step = 0
    while waiting:
        wanted: dict[str, BitMap] = {}
        for order, _, ids in waiting:
            if step < len(order):
                wanted[order[step]] = wanted.get(order[step], BitMap()) | ids
        doubles = {
            channel: _doubles(
                conn, channel, on_channel.get(channel, BitMap()), ids, shared_contacts
            )
            for channel, ids in wanted.items()
        }
        following = []
        for order, language, ids in waiting:
            if step >= len(order):
                continue
            channel = order[step]
            mine = ids - doubles[channel]
            taken[channel, language] = taken.get((channel, language), BitMap()) | mine
            on_channel[channel] = on_channel.get(channel, BitMap()) | mine
            rest = ids if urgent else ids & doubles[channel]
            if rest:
                following.append((order, language, rest))
        for channel, ids in doubles.items():
            left_out[channel] = left_out.get(channel, BitMap()) | ids
        waiting, step = following, step + 1
    return Plan(
        parts=tuple(
            Part(channel, language, ids)
            for (channel, language), ids in sorted(taken.items())
            if ids
        ),
        left_out=left_out,
        duplicates=everybody.difference(*taken.values()),
        roles=roles,
    )


def _registered_again(
    found: Iterable[Mapping[int, str]], reached: BitMap
) -> tuple[BitMap, dict[str, BitMap]]:
    """Return which registrations are left out because another one of the same person is sent to,
    and, by their kinds, as what those who are sent to get it.
    """
    others, roles = BitMap(), dict[str, BitMap]()
    for group in found:
        ids = BitMap(group)
        stay = ids & reached or BitMap([ids.min()])
        others |= ids - stay
        if len(stay) == 1:
            kinds = ";".join(group[person] for person in ids)
            roles[kinds] = roles.get(kinds, BitMap()) | stay
    return others, roles


def _doubles(
    conn: Connection,
    channel: str,
    already: BitMap,
    ids: BitMap,
    shared_contacts: SharedContacts,
) -> BitMap:
    doubles = BitMap()
    for group in shared_contacts(conn, channel, already | ids):
        keep = (group & already).min() if group & already else group.min()
        doubles |= (group & ids) - BitMap([keep])
    return doubles


def until_quiet_hours_end(parts: Iterable[Part], held: Mapping[datetime, BitMap]) -> Iterable[Part]:
    """Hold each person until their quiet hours end (rule R14)."""
    for part in parts:
        rest = part.ids
        for until, ids in sorted(held.items()):
            if rest & ids:
                yield Part(part.channel, part.language, rest & ids, until)
                rest = rest - ids
        if rest:
            yield Part(part.channel, part.language, rest)


def _held_back(conn: Connection, v: Version, parts: list[Part]) -> Iterable[Part]:
    """Hold those whom an earlier version is being sent to right now, until that attempt must be
    over (rule R10).
    """
    busy, until = BitMap(), None
    predecessor_id = v.predecessor_id
    while predecessor_id is not None:
        for ids in open_members(conn, predecessor_id).values():
            busy |= ids
        last = conn.execute(
            select(func.max(slice_.c.deadline)).where(
                slice_.c.version_id == predecessor_id, slice_.c.state == "open"
            )
        ).scalar_one()
        until = max(filter(None, (until, last)), default=None)
        predecessor_id = conn.execute(
            select(version.c.predecessor_id).where(version.c.id == predecessor_id)
        ).scalar_one()
    for part in parts:
        if part.ids - busy:
            yield Part(part.channel, part.language, part.ids - busy, part.not_before)
        if part.ids & busy:
            later = max(filter(None, (part.not_before, until)), default=None)
            yield Part(part.channel, part.language, part.ids & busy, later)


def insert_pass(
    conn: Connection,
    v: Version,
    number: int,
    cause: str,
    parts: Iterable[Part],
    now: datetime,
    ordered_by: int | None = None,
    *,
    roles: Mapping[str, BitMap] | None = None,
) -> int:
    """Cut parts into batches of at most 500 people of one channel and language, announce them;
    return how many people. `roles`: who gets it for several registrations; None = who did so in the
    passes before.
    """
    import numpy as np  # see above

    if roles is None:
        roles = roles_of(conn, v.id)
    rows: list[dict[str, Any]] = []
    everybody: dict[tuple[int, str], BitMap] = {}
    for part, as_what, mine in _by_roles(parts, roles):
        everybody.setdefault((number, part.channel), BitMap()).update(mine)
        ids = np.asarray(mine.to_array(), dtype="<u4")
        for start in range(0, len(ids), BATCH_SIZE):
            members = ids[start : start + BATCH_SIZE]
            rows.append(
                {
                    "version_id": v.id,
                    "generation": number,
                    "no": len(rows),
                    "status": v.status,
                    "lane": "urgent" if v.urgent else "routine",
                    "channel": part.channel,
                    "language": part.language,
                    "roles": as_what,
                    "members": members.tobytes(),
                    "size": len(members),
                    "next": 0,
                    "cause": cause,
                    "not_before": part.not_before,
                    "severity_rank": v.severity_rank,
                    "correction": v.action == "correct",
                    "room": v.room or "",
                    "open": True,
                    "announced_at": now,
                    "announcements": 1,
                }
            )
    people = sum(int(row["size"]) for row in rows)
    conn.execute(
        insert(generation).values(
            version_id=v.id,
            number=number,
            cause=cause,
            made_at=now,
            ordered_by=ordered_by,
            people=people,
        )
    )
    if rows:
        store_batches(conn, rows)
        asked.begin(conn, v.id, everybody)
        _announce_batches(conn, v, number, now)
    if number > 1:
        versions.note_pass(conn, v.id, number)
    return people


def roles_of(conn: Connection, version_id: int) -> dict[str, BitMap]:
    """Return who got, or gets, this version for several registrations, by their kinds."""
    found: dict[str, BitMap] = {}
    query = select(batch.c.roles, batch.c.members)
    for roles, members in conn.execute(
        query.where(batch.c.version_id == version_id, batch.c.roles != "")
    ):
        found[roles] = found.get(roles, BitMap()) | BitMap(members_of(members))
    return found


def _by_roles(
    parts: Iterable[Part], roles: Mapping[str, BitMap]
) -> Iterable[tuple[Part, str, BitMap]]:
    """Cut parts so that all people of one get it as the same: their words are the same."""
    for part in parts:
        rest = part.ids
        for kinds, ids in sorted(roles.items()):
            if rest & ids:
                yield part, kinds, rest & ids
                rest = rest - ids
        if rest:
            yield part, "", rest


def _announce_batches(conn: Connection, v: Version, number: int, now: datetime) -> None:
    made = conn.execute(
        select(
            batch.c.id,
            batch.c.channel,
            batch.c.language,
            batch.c.size,
            batch.c.lane,
            batch.c.cause,
            batch.c.roles,
            batch.c.members,
        ).where(batch.c.version_id == v.id, batch.c.generation == number)
    ).all()
    facts = publishing.describe(v)
    outbox.append_many(
        conn,
        [
            {
                "topic": deliveries_topic(row.lane, v.status),
                "key": str(row.id),
                "type": "batch.ready",
                "payload": {
                    "batch": row.id,
                    "generation": number,
                    "channel": row.channel,
                    "language": row.language,
                    "people": row.size,
                    "cause": row.cause,
                    "roles": row.roles,
                    # the bytes stay in the database (R18)
                    "members": (hashlib.sha256(row.members).hexdigest()),
                    **{
                        k: facts[k]
                        for k in ("message", "version", "version_id", "status", "expires")
                    },
                },
            }
            for row in made
        ],
        at=now,
    )


def open_until(v: Version, now: datetime) -> bool:
    """Return whether the version may still be handed to anybody."""
    return v.state == "live" and v.expires_at is not None and v.expires_at > now
