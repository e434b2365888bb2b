"""The release of a version: all of its frozen shards become its first pass at once, or none does
(rules R1 and R10).
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection

from broadcast.ledger import audiences
from broadcast.ledger.batching import insert_pass
from broadcast.ledger.planning.earlier_versions import held_back, reached_by_predecessors
from broadcast.ledger.planning.plan import (
    OnePerson,
    SharedContacts,
    all_different,
    planned,
    until_quiet_hours_end,
)
from broadcast.messages import publishing, small_counts, two_persons, versions
from broadcast.messages.versions import USUAL_MARGIN, Version
from broadcast.store.database import database_now, lock_version


def release(
    conn: Connection,
    version_id: int,
    *,
    shared_contacts: SharedContacts,
    one_person: OnePerson = all_different,
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
    audience = audiences.read(conn, version_id)
    plan = planned(
        conn,
        audience,
        urgent=v.urgent,
        shared_contacts=shared_contacts,
        one_person=one_person,
        reached={} if v.urgent else reached_by_predecessors(conn, v),
        all_clear=v.kind == "all_clear",
    )
    total, left_out = plan.people, plan.left_out
    why = _not_what_was_approved(conn, v) or _other_people(conn, v, total, now)
    if why:
        return _block(conn, v, now, why)
    audiences.keep_duplicates(conn, version_id, left_out)
    parts = list(until_quiet_hours_end(plan.parts, audience.held))
    if v.predecessor_id is not None:
        parts = list(held_back(conn, v, parts))
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
        audience=audiences.digests(conn, version_id),
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
    return v.shards is not None and len(audiences.frozen_shards(conn, v.id)) >= v.shards


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


def _block(conn: Connection, v: Version, now: datetime, why: str) -> str:
    versions.change_state(conn, v, "block", why=why)
    # What was frozen for the count that was wrong is frozen anew after the next approval.
    audiences.forget(conn, v.id)
    versions.record(conn, v, "block", None, now, why=why)
    publishing.announce(conn, versions.get(conn, v.id), "message.block", now, why=why)
    return "blocked"
