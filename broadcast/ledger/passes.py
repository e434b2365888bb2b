"""Later passes over a version: retries, the next channel, another contact point, an ordered resend
(rule R2).

Each is a generation of batches, made in one transaction under the version's exclusive lock, so that
two reasons to try somebody again never become two attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pyroaring import BitMap
from sqlalchemy import Connection, func, select

from broadcast.content.model import PERSONAL_CHANNELS
from broadcast.events import outbox
from broadcast.events.topics import RECEIPTS, topic_for
from broadcast.ledger import audiences
from broadcast.ledger.batching import insert_pass
from broadcast.ledger.claims import batch_causes, kept_marks, timing
from broadcast.ledger.claims.batches import members_of
from broadcast.ledger.claims.outcomes import due_rows, give_up, refusals, settle_due
from broadcast.ledger.claims.slices import open_members
from broadcast.ledger.claims.tables import batch, outcome, slice_
from broadcast.ledger.evidence import MAY_HAVE_REACHED, REACHED
from broadcast.ledger.planning.plan import OnePerson, Part, all_different, until_quiet_hours_end
from broadcast.ledger.tables import generation
from broadcast.messages import resends, two_persons, versions
from broadcast.messages.tables import resend
from broadcast.messages.versions import Version
from broadcast.problems import refuse
from broadcast.store.database import database_now, lock_version

RESEND_QUARANTINE = timedelta(seconds=120)

Contacts = Callable[[Connection, BitMap], Mapping[str, BitMap]]
"""Of these people, per channel: who has a confirmed contact point there that they did not stop."""


Shared = Callable[[Connection, str, BitMap], Iterable[BitMap]]
"""On a channel: the groups of people who share a contact point with one of these."""


Quiet = Callable[[Connection, BitMap, datetime], Mapping[datetime, BitMap]]
"""Of these people: who is in their quiet hours at this moment, by when those end."""


def _nobody_is_quiet(
    conn: Connection,  # noqa: ARG001 - keeps Quiet
    ids: BitMap,  # noqa: ARG001
    at: datetime,  # noqa: ARG001
) -> Mapping[datetime, BitMap]:
    return {}


def _nobody_shares(conn: Connection, channel: str, ids: BitMap) -> Iterable[BitMap]:  # noqa: ARG001 - keeps Shared
    return ()


def due_versions(conn: Connection, now: datetime) -> list[int]:
    """Return the versions of which somebody asks for a further generation now."""
    asked = select(outcome.c.version_id).where(outcome.c.due_at <= now).distinct()
    ordered = select(resend.c.version_id).where(resend.c.state == "approved")
    return sorted({*conn.execute(asked).scalars(), *conn.execute(ordered).scalars()})


def make_due(
    conn: Connection,
    version_id: int,
    *,
    contacts: Contacts,
    shared: Shared = _nobody_shares,
    quiet: Quiet = _nobody_is_quiet,
    one_person: OnePerson = all_different,
    now: datetime | None = None,
) -> int:
    """Make the generations that are due for a version; return how many people were queued. Routine
    ones wait until a person's quiet hours end (rule R14).

    A retry goes to the same channel, a failure on to the person's next one (routine only), and
    after the last to another registration of the same person, a doubt
    of danger to life to every other contact point, a resend to those it was approved for. Where
    people share a contact point, it is asked once per channel, as at release.
    """
    lock_version(conn, version_id)
    now = now or database_now(conn)
    v = versions.get(conn, version_id)
    if v.state == "held":
        return 0  # nobody is claimed for; what is due stays due
    rows = due_rows(conn, version_id, now)
    people = 0
    ways = _Ways(shared, quiet, one_person)
    if open_until(v, now):
        again = [r for r in rows if r.state in ("refused", "not_started")]
        people += _retry(conn, v, again, ways, now)
        over = [r for r in rows if r.state in ("failed", "skipped")]
        people += _next_channel(conn, v, over, ways, now)
        people += _other_contact(
            conn, v, [r for r in rows if r.state == "in_doubt"], contacts, shared, now
        )
        people += _resend(conn, v, quiet, now)
    settle_due(conn, rows)
    return people


def open_until(v: Version, now: datetime) -> bool:
    """Return whether the version may still be handed to anybody."""
    return v.state == "live" and v.expires_at is not None and v.expires_at > now


class _Ways(NamedTuple):
    """What the registry says of whom else, and when, somebody may be reached."""

    shared: Shared
    quiet: Quiet
    one_person: OnePerson


def _languages(conn: Connection, v: Version) -> list[tuple[list[str], str, BitMap]]:
    return [
        (order.split(">"), language, ids)
        for (order, language), ids in audiences.read(conn, v.id).send.items()
    ]


def _parts(conn: Connection, v: Version, channel: str, ids: BitMap) -> list[Part]:
    return [
        Part(channel, language, mine)
        for _, language, members in _languages(conn, v)
        if (mine := members & ids)
    ]


def _busy(conn: Connection, v: Version, channel: str) -> BitMap:
    """Return whom an unfinished batch or an open slice of this version and channel holds
    already.
    """
    busy = open_members(conn, v.id).get(channel, BitMap())
    for members, position in conn.execute(
        select(batch.c.members, batch.c.next).where(
            batch.c.version_id == v.id, batch.c.channel == channel, batch.c.next < batch.c.size
        )
    ):
        busy |= BitMap(members_of(members)[position:])
    return busy


def _there(conn: Connection, v: Version, channel: str, states: tuple[str, ...]) -> BitMap:
    query = select(outcome.c.person_id).where(
        outcome.c.version_id == v.id, outcome.c.channel == channel, outcome.c.state.in_(states)
    )
    return BitMap(conn.execute(query).scalars().all())


def _queue(
    conn: Connection,
    v: Version,
    cause: str,
    wanted: Mapping[str, BitMap],
    now: datetime,
    *,
    quiet: Quiet = _nobody_is_quiet,
    never: tuple[str, ...] = MAY_HAVE_REACHED,
    ordered_by: int | None = None,
) -> int:
    """Insert one generation for those wanted, without those queued, under way or reached on that
    channel.
    """
    parts: list[Part] = []
    for channel, ids in wanted.items():
        free = ids - _busy(conn, v, channel) - _there(conn, v, channel, never)
        parts += _parts(conn, v, channel, free)
    if not parts:
        return 0
    if not v.urgent:
        people = BitMap().union(*(part.ids for part in parts))
        parts = list(until_quiet_hours_end(parts, quiet(conn, people, now)))
    number = (
        conn.execute(
            select(func.max(generation.c.number)).where(generation.c.version_id == v.id)
        ).scalar_one()
        or 0
    ) + 1
    return insert_pass(conn, v, number, cause, parts, now, ordered_by)


def _by_channel(rows: list[Any]) -> dict[str, BitMap]:
    found: dict[str, BitMap] = {}
    for row in rows:
        found.setdefault(row.channel, BitMap()).add(row.person_id)
    return found


def _retry(conn: Connection, v: Version, rows: list[Any], ways: _Ways, now: datetime) -> int:
    """Queue those who were refused for now; whoever was refused too often fails, and a routine
    person goes on to their next channel. Return how many people were queued.
    """
    exhausted = {
        (channel, person)
        for channel, people in _by_channel(rows).items()
        for person, tries in refusals(conn, v.id, channel, people).items()
        if tries >= timing.MAX_TRIES
    }
    given_up = [row for row in rows if (row.channel, row.person_id) in exhausted]
    again = [row for row in rows if (row.channel, row.person_id) not in exhausted]
    _fail(conn, v, given_up, now)
    queued = _next_channel(conn, v, given_up, ways, now)
    causes = _causes(conn, v.id)
    by_cause: dict[str, list[Any]] = {}
    for row in again:
        by_cause.setdefault(batch_causes.retry_of(causes[row.generation]), []).append(row)
    for cause, mine in sorted(by_cause.items()):
        never = REACHED if batch_causes.repeats_doubts(cause) else MAY_HAVE_REACHED
        queued += _queue(conn, v, cause, _by_channel(mine), now, quiet=ways.quiet, never=never)
    return queued


def _fail(conn: Connection, v: Version, rows: list[Any], now: datetime) -> None:
    """Write that these people are not tried again, unless better evidence came meanwhile."""
    if rows:
        kept_marks.outcomes_change(conn, {row.attempt for row in rows})
    failed = give_up(conn, rows)
    if failed:
        payload = {
            "version_id": v.id,
            "state": "failed",
            "code": "retries_exhausted",
            "outcomes": failed,
        }
        outbox.append(
            conn, topic_for(RECEIPTS, v.status), str(v.id), "retries.exhausted", payload, at=now
        )


def _causes(conn: Connection, version_id: int) -> dict[int, str]:
    query = select(generation.c.number, generation.c.cause).where(
        generation.c.version_id == version_id
    )
    return {row.number: row.cause for row in conn.execute(query)}


def _next_channel(conn: Connection, v: Version, rows: list[Any], ways: _Ways, now: datetime) -> int:
    if v.urgent or not rows:
        return 0  # urgent went by every channel at once
    wanted: dict[str, BitMap] = {}
    at_an_end = BitMap()
    duplicate = audiences.duplicates(conn, v.id)
    all_clear = v.kind == "all_clear"
    asked = {c: BitMap() for c in PERSONAL_CHANNELS}
    for channel, members in conn.execute(
        select(batch.c.channel, batch.c.members).where(batch.c.version_id == v.id)
    ):
        asked.setdefault(channel, BitMap()).update(members_of(members))
    by_channel = _by_channel(rows)
    if all_clear:  # it went by several channels at once: one that failed is no loss beside another
        elsewhere = _under_way(conn, v, BitMap().union(*by_channel.values()))
        by_channel = {channel: ids - elsewhere for channel, ids in by_channel.items()}
    for order, _, ids in _languages(conn, v):
        for row_channel, failed in by_channel.items():
            mine = failed & ids
            if not mine or row_channel not in order:
                continue
            # an all-clear began with what reached a person, which may be the last of their order
            for channel in order if all_clear else order[order.index(row_channel) + 1 :]:
                fresh = mine - asked.get(channel, BitMap()) - duplicate.get(channel, BitMap())
                fresh -= _doubles(
                    conn,
                    channel,
                    asked.get(channel, BitMap()) | wanted.get(channel, BitMap()),
                    fresh,
                    ways.shared,
                )
                if fresh:
                    wanted[channel] = wanted.get(channel, BitMap()) | fresh
                mine -= fresh
            at_an_end |= mine
    for channel, person in _other_registrations(conn, v, at_an_end, duplicate, asked, ways):
        wanted[channel] = wanted.get(channel, BitMap()) | BitMap([person])
    return _queue(conn, v, "next_channel", wanted, now, quiet=ways.quiet) if wanted else 0


def _other_registrations(
    conn: Connection,
    v: Version,
    failed: BitMap,
    duplicate: Mapping[str, BitMap],
    asked: Mapping[str, BitMap],
    ways: _Ways,
) -> Iterable[tuple[str, int]]:
    """Yield (channel, person) of registrations that were left out because another one of the same
    person was sent to, which has no way left by now, and none of them may have been reached.
    """
    left_out = BitMap().union(*duplicate.values()).difference(*asked.values())
    if not failed or not left_out:
        return
    found = [BitMap(group) for group in ways.one_person(conn, failed | left_out)]
    found = [ids for ids in found if ids & failed and ids & left_out]
    if not found:
        return
    under_way = _under_way(conn, v, BitMap().union(*found))
    orders = [(order, ids) for order, _, ids in _languages(conn, v)]
    for ids in found:
        for person in ids & left_out if not ids & under_way else ():
            order = next((order for order, members in orders if person in members), [])
            mine = BitMap([person])
            free = [c for c in order if not _doubles(conn, c, asked[c], mine, ways.shared)]
            if free:
                yield free[0], person
                break


def _under_way(conn: Connection, v: Version, ids: BitMap) -> BitMap:
    """Return who of these may have been reached on some channel, or is still tried there."""
    found = BitMap()
    for channel in PERSONAL_CHANNELS:
        found |= _busy(conn, v, channel) & ids
    states = (*MAY_HAVE_REACHED, "refused", "not_started")
    query = select(outcome.c.person_id).where(
        outcome.c.person_id.in_(list(ids)),
        outcome.c.version_id == v.id,
        outcome.c.state.in_(states),
    )
    return found | BitMap(conn.execute(query).scalars())


def _doubles(
    conn: Connection, channel: str, asked: BitMap, fresh: BitMap, shared: Shared
) -> BitMap:
    """Return who of `fresh` shares a contact point with somebody asked there already, or with a
    lower id of `fresh`.
    """
    doubles = BitMap()
    for group in shared(conn, channel, fresh) if fresh else ():
        doubles |= group & fresh if group & asked else BitMap((group & fresh)[1:])
    return doubles


def _other_contact(
    conn: Connection, v: Version, rows: list[Any], contacts: Contacts, shared: Shared, now: datetime
) -> int:
    if v.severity_rank != 0 or not rows:
        return 0
    people = BitMap([row.person_id for row in rows])
    wanted = {
        channel: ids
        for channel, ids in contacts(conn, people).items()
        if channel in v.content.channels
    }
    for channel in list(wanted):
        asked = BitMap()
        for members in conn.execute(
            select(batch.c.members).where(batch.c.version_id == v.id, batch.c.channel == channel)
        ).scalars():
            asked |= BitMap(members_of(members))
        wanted[channel] -= asked
        wanted[channel] -= _doubles(conn, channel, asked, wanted[channel], shared)
    return _queue(conn, v, "other_contact", {c: ids for c, ids in wanted.items() if ids}, now)


def resend_members(
    conn: Connection,
    v: Version,
    only: tuple[str, ...],
    lines: Mapping[str, Mapping[str, BitMap]],
    now: datetime,
) -> dict[str, BitMap]:
    """Return per channel whom a resend would send to; raises Rejected while doubts are too
    young to be repeated (R2).
    """
    if "in_doubt" in only:
        newest = conn.execute(
            select(func.max(slice_.c.deadline)).where(
                slice_.c.version_id == v.id, slice_.c.in_doubt > 0
            )
        ).scalar_one()
        young = newest is not None and newest + RESEND_QUARANTINE > now
        if young:
            raise refuse(
                "too_young",
                "some attempts are in doubt for less than two minutes past their deadline and may"
                " still settle by themselves",
                "order the resend again in two minutes",
                status=409,
            )
    delivered = (
        BitMap().union(*(there.get("delivered", BitMap()) for there in lines.values()))
        if lines
        else BitMap()
    )
    return {
        channel: BitMap().union(*(there[line] for line in only)) - delivered
        for channel, there in lines.items()
    }


def _resend(conn: Connection, v: Version, quiet: Quiet, now: datetime) -> int:
    people = 0
    for order in resends.approved(conn, v.id):
        missing = two_persons.missing_for_resend(conn, v, order)
        if missing:
            resends.close(conn, order.id, "rejected")
            versions.record(
                conn,
                v,
                "block_resend",
                None,
                now,
                content_hash=order.digest,
                count=order.people,
                why=missing,
            )
            continue
        wanted = _unpack(resends.members(conn, order.id))
        if "in_doubt" in order.only.split(","):
            people += _queue(
                conn,
                v,
                "resend_in_doubt",
                wanted,
                now,
                quiet=quiet,
                never=REACHED,
                ordered_by=order.ordered_by,
            )
        else:
            people += _queue(
                conn, v, "resend", wanted, now, quiet=quiet, ordered_by=order.ordered_by
            )
        resends.close(conn, order.id, "made")
    return people


def pack(wanted: Mapping[str, BitMap]) -> bytes:
    """Return channel → people as bytes for the order's row."""
    out = b""
    for channel, ids in sorted(wanted.items()):
        data, name = ids.serialize(), channel.encode()
        out += len(name).to_bytes(1, "little") + name + len(data).to_bytes(4, "little") + data
    return out


def _unpack(data: bytes) -> dict[str, BitMap]:
    found: dict[str, BitMap] = {}
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        size = int.from_bytes(data[end : end + 4], "little")
        found[data[at + 1 : end].decode()] = BitMap.deserialize(data[end + 4 : end + 4 + size])
        at = end + 4 + size
    return found
