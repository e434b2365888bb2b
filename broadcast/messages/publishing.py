"""Publication: the approval by a second person, and what one approver may do at once (hold, resume,
cancel).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from broadcast.content.model import SEVERITIES, is_urgent
from broadcast.events import outbox
from broadcast.events.topics import ALERTS, topic_for
from broadcast.ledger.claims.batches import close_batches, handing_over, reopen_batches
from broadcast.levels import history
from broadcast.messages import resends, states, two_persons, versions
from broadcast.messages.tables import resend, version
from broadcast.messages.versions import USUAL_MARGIN, Margin, Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse
from broadcast.sessions import passkeys
from broadcast.store.database import lock_version
from broadcast.wording.cancelling import REASONS

MSG_TYPES = {"new": "Alert", "update": "Update", "correct": "Update", "all_clear": "Update"}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What publication needs to know of this installation.

    `document` builds the CAP document of a version, its msgType and its references [(sender,
    identifier, sent)]. `two_person` is "always", or "actual": one person suffices unless the status
    is Actual. `wording` is the revision of the words that this installation adds
    (`broadcast.wording.revision`), `margin` by how much an audience may differ.
    """

    sender: str
    shards: int
    two_person: str
    wording: str
    document: Callable[[Version, str, list[tuple[str, str, datetime]], datetime], bytes]
    margin: Margin = USUAL_MARGIN


def approve(
    conn: Connection,
    actor: Operator,
    message_id: int,
    *,
    content_hash: str | None,
    house: House,
    now: datetime,
) -> Version:
    """Approve exactly what was submitted, or an ordered resend by its own digest.

    `content_hash` is what the approver saw (None where a person at the command line did not name
    it). The hash of the version, repeated, approves no resend. Raises Rejected: 403 same_person,
    passkey_needed, 409 content_changed, level_changed, hash_missing, state_conflict. Approving
    twice gives the same result again.
    """
    actor = operators.still(conn, actor, "approve")
    passkeys.require_shown(conn, actor.id, actor.proof)
    versions.lock_message(conn, message_id)
    existing = versions.of_message(conn, message_id)
    order = None if content_hash is None else resends.by_digest(conn, message_id, content_hash)
    if order is not None:
        return _approve_resend(conn, actor, existing, order, house, now)
    if content_hash is None and versions.open_version(existing) is None:
        _refuse_resend_without_digest(conn, message_id)
    return _approve_version(conn, actor, versions.head(existing), content_hash, house, now)


def _refuse_resend_without_digest(conn: Connection, message_id: int) -> None:
    waiting = resends.waiting(conn, message_id)
    if waiting is not None:
        raise refuse(
            "hash_missing",
            f"a resend to {waiting.people} people waits for approval, and only its digest"
            " approves it",
            f"approve with the hash {waiting.digest}",
            field="content_hash",
            status=409,
        )


def _approve_version(
    conn: Connection,
    actor: Operator,
    v: Version,
    content_hash: str | None,
    house: House,
    now: datetime,
) -> Version:
    """Publish a version: in one transaction with the end of the version before it, the level that
    it sets, its CAP document and its event.
    """
    _lock_row(conn, v)
    v = versions.get(conn, v.id)
    same = content_hash in (None, v.content_hash)
    if v.approver_id is not None and v.state in ("approved", "live") and same:
        return v
    states.after("approve", v.state)
    two_persons.check_approver(conn, actor, v, house.two_person)
    _check_what_is_approved(v, content_hash, house)
    # What was published once keeps its document, and with it its expiry and time.
    expires_at = _expiry(v, now)
    sent = v.sent or now.replace(microsecond=0)
    predecessor = _end_predecessor(conn, v, now)
    if v.kind == "threat_level_change" and not v.published:
        history.apply_change(conn, v, now)
    versions.change_state(
        conn,
        v,
        "approve",
        approver_id=actor.id,
        approved_at=now,
        identifier=v.identifier or f"{house.sender}-{v.code}-{v.number}",
        sent=sent,
        expires_at=expires_at,
        shards=house.shards,
        why=None,
    )
    v = versions.get(conn, v.id)
    if not _has_document(conn, v):
        _keep_document(conn, v, predecessor, house, sent)
    alone = two_persons.one_is_enough(v, house.two_person)
    versions.record(
        conn, v, "approve", actor.id, now, why=two_persons.ONE_PERSON if alone else None
    )
    announce(conn, v, "message.approved", now)
    return v


def _check_what_is_approved(v: Version, content_hash: str | None, house: House) -> None:
    if v.seen_count is None or v.wording_revision is None or v.content_hash is None:
        raise states.state_conflict("approve", v.state)
    if v.wording_revision != house.wording:
        raise refuse(
            "content_changed",
            "the words that we add, or the sender's name, have changed since it was submitted",
            "return it and submit it again",
            field="content_hash",
            status=409,
        )
    if not stands(v) or content_hash not in (None, v.content_hash):
        raise refuse(
            "content_changed",
            "what you approve is not what stands there now",
            "read it again and approve with its content_hash",
            field="content_hash",
            status=409,
        )


def _expiry(v: Version, now: datetime) -> datetime:
    expires_at = v.ends(now)
    if expires_at <= now:
        raise refuse(
            "expired",
            "it would have expired before it went out",
            "return it and set a later expiry",
            field="expires",
            status=409,
        )
    return expires_at


def _keep_document(
    conn: Connection, v: Version, predecessor: Version | None, house: House, sent: datetime
) -> None:
    references = (
        []
        if predecessor is None
        else [(house.sender, predecessor.identifier or "", predecessor.sent or sent)]
    )
    document = house.document(v, MSG_TYPES[v.action], references, sent)
    conn.execute(update(version).where(version.c.id == v.id).values(cap=document))


def stands(v: Version) -> bool:
    """Return whether the row holds exactly what its hash stands for: text, places, count, level,
    and the columns that repeat the text.
    """
    if v.seen_count is None or v.wording_revision is None or v.content_hash is None:
        return False
    content = v.content
    repeated = (
        content.kind,
        content.status,
        is_urgent(content, corrects=v.action == "correct"),
        SEVERITIES.index(content.severity),
    )
    if repeated != (v.kind, v.status, v.urgent, v.severity_rank):
        return False
    return v.content_hash == versions.content_hash(
        v,
        content=content,
        resolved=v.resolved,
        count=v.seen_count,
        wording_revision=v.wording_revision,
        level_from=v.level_from,
        salt=v.salt,
        margin=v.margin,
    )


def _lock_row(conn: Connection, v: Version) -> None:
    if conn.dialect.name == "postgresql":
        conn.execute(select(version.c.id).where(version.c.id == v.id).with_for_update())


def _has_document(conn: Connection, v: Version) -> bool:
    return conn.execute(select(version.c.cap).where(version.c.id == v.id)).scalar_one() is not None


def _end_predecessor(conn: Connection, v: Version, now: datetime) -> Version | None:
    if v.predecessor_id is None:
        return None
    predecessor = versions.get(conn, v.predecessor_id)
    if v.published:  # a blocked version approved anew: it ended its predecessor the first time
        return predecessor
    lock_version(conn, predecessor.id)
    predecessor = versions.get(conn, predecessor.id)
    state = versions.change_state(
        conn, predecessor, states.ENDS_PREDECESSOR[v.action], ended_at=now
    )
    close_batches(conn, predecessor.id)
    versions.record(conn, predecessor, state, None, now, why=f"replaced by version {v.number}")
    announce(
        conn,
        versions.get(conn, predecessor.id),
        f"message.{states.ENDS_PREDECESSOR[v.action]}",
        now,
        why=f"replaced by version {v.number}",
    )
    return predecessor


def announce(conn: Connection, v: Version, type_: str, now: datetime, **more: Any) -> None:
    """One record per shard, to that shard's partition, each the complete fact (rule R4)."""
    fact = {
        **describe(v),
        "content": v.content.to_json(),
        "targets": list(v.resolved.targets),
        **more,
    }
    events = [
        {
            "topic": topic_for(ALERTS, v.status),
            "partition": shard,
            "key": str(v.id),
            "type": type_,
            "payload": {**fact, "shard": shard},
        }
        for shard in range(v.shards or 1)
    ]
    outbox.append_many(conn, events, at=now)


def describe(v: Version) -> dict[str, Any]:
    """Return what every event says of its version."""
    return {
        "message": v.message_id,
        "version": v.number,
        "version_id": v.id,
        "kind": v.kind,
        "action": v.action,
        "predecessor": v.predecessor_id,
        "status": v.status,
        "state": v.state,
        "identifier": v.identifier,
        "content_hash": v.content_hash,
        "sent": v.sent.isoformat() if v.sent else None,
        "expires": v.expires_at.isoformat() if v.expires_at else None,
        "approved": v.approved_at.isoformat() if v.approved_at else None,
        "shards": v.shards,
        "people": {
            "author": v.author_id,
            "editors": list(v.editors),
            "submitter": v.submitter_id,
            "approver": v.approver_id,
        },
    }


def hold(
    conn: Connection, actor: Operator, message_id: int, now: datetime, why: str = ""
) -> Version:
    """Stop claiming at once; one person's act. What is being sent goes on."""
    operators.still(conn, actor, "hold")
    v = _published(conn, message_id, "hold")
    if v.state == "held":
        return v
    return _held(conn, v, actor, now, why)


def _held(conn: Connection, v: Version, actor: Operator | None, now: datetime, why: str) -> Version:
    versions.change_state(conn, v, "hold", resume_state=v.state, why=why or None)
    close_batches(conn, v.id)
    return _done(conn, v, "hold", actor, now, why)


def resume(conn: Connection, actor: Operator, message_id: int, now: datetime) -> Version:
    """Let a held version go on from where it stood."""
    operators.still(conn, actor, "resume")
    v = _published(conn, message_id, "resume")
    versions.change_state(conn, v, "resume", resume_state=None, why=None)
    reopen_batches(conn, v.id)
    return _done(conn, v, "resume", actor, now, "")


def cancel(
    conn: Connection,
    actor: Operator,
    message_id: int,
    *,
    why: str,
    house: House,
    now: datetime,
    reason: str = "other",
) -> tuple[Version, int]:
    """Stop everything not sent yet and publish a CAP Cancel; sends nothing to people.
    Returns also how many are being sent to.

    `reason` chooses the fixed words that are published (broadcast.wording.cancelling); `why` is
    kept inside. After this transaction nothing of the version is claimed (rule R9).
    """
    operators.still(conn, actor, "cancel")
    if not why.strip():
        raise refuse(
            "why_missing",
            "to cancel needs a reason",
            "say why: it is kept inside and never published",
            field="why",
        )
    if reason not in REASONS:
        raise refuse(
            "reason_unknown",
            f"{reason[:40]!r} is no reason to cancel",
            f"use one of {', '.join(REASONS)}",
            field="reason",
        )
    v = _published(conn, message_id, "cancel")
    versions.change_state(conn, v, "cancel", ended_at=now, why=why, cancel_reason=reason)
    close_batches(conn, v.id)
    v = versions.get(conn, v.id)  # with its reason, whose words the Cancel gives
    if v.identifier is not None and v.sent is not None:
        document = house.document(
            v, "Cancel", [(house.sender, v.identifier, v.sent)], now.replace(microsecond=0)
        )
        conn.execute(update(version).where(version.c.id == v.id).values(cancel_cap=document))
    under_way = handing_over(conn, v.id)
    return _done(conn, v, "cancel", actor, now, why), under_way


def acted_on(existing: list[Version], action: str) -> Version:
    """Return the version that hold, resume, cancel or resend means: the newest that it may change,
    else the newest published.
    """
    # A blocked version counts here: cancelling is how it ends.
    found = next((v for v in reversed(existing) if (action, v.state) in states.TRANSITIONS), None)
    return found or versions.newest_published(existing) or existing[-1]


def _published(conn: Connection, message_id: int, action: str) -> Version:
    versions.lock_message(conn, message_id)
    v = acted_on(versions.of_message(conn, message_id), action)
    if (action, v.state) not in states.TRANSITIONS and not (action == "hold" and v.state == "held"):
        raise states.state_conflict(action, v.state)
    lock_version(conn, v.id)
    return versions.get(conn, v.id)


def _done(
    conn: Connection, v: Version, action: str, actor: Operator | None, now: datetime, why: str
) -> Version:
    v = versions.get(conn, v.id)
    versions.record(conn, v, action, actor.id if actor else None, now, why=why or None)
    announce(conn, v, f"message.{action}", now, why=why)
    return v


def expire_due(conn: Connection, now: datetime) -> list[int]:
    """End every version past its expiry; return their ids. Always in one order: two processes
    that do this at a time must not wait for each other's locks.
    """
    due = (
        conn.execute(
            select(version.c.id)
            .where(
                version.c.state.in_(("approved", "blocked", "live", "held")),
                version.c.expires_at <= now,
            )
            .order_by(version.c.id)
        )
        .scalars()
        .all()
    )
    for version_id in due:
        lock_version(conn, version_id)
        v = versions.get(conn, version_id)
        if (
            ("expire", v.state) in states.TRANSITIONS
            and v.expires_at is not None
            and v.expires_at <= now
        ):
            versions.change_state(conn, v, "expire", ended_at=now)
            close_batches(conn, v.id)
            _done(conn, v, "expire", None, now, "")
    return list(due)


def hold_unfinished(conn: Connection, now: datetime, why: str) -> list[Version]:
    """Hold every version that people are still to be sent; return them as they stood before. Always
    in one order, as `expire_due`.
    """
    unfinished = conn.execute(
        select(version.c.id).where(version.c.state.in_(("approved", "live"))).order_by(version.c.id)
    )
    held = []
    for version_id in unfinished.scalars().all():
        lock_version(conn, version_id)
        v = versions.get(conn, version_id)
        if ("hold", v.state) in states.TRANSITIONS:
            _held(conn, v, None, now, why)
            held.append(v)
    return held


def order_resend(
    conn: Connection,
    actor: Operator,
    message_id: int,
    *,
    only: str,
    members: bytes,
    people: int,
    now: datetime,
) -> str:
    """Ask for a further delivery attempt to those who were missed; return the digest by which
    another person approves it.
    """
    operators.still(conn, actor, "resend")
    versions.lock_message(conn, message_id)
    existing = versions.of_message(conn, message_id)
    v = versions.newest_published(existing)
    if v is None or v.state != "live":
        raise states.state_conflict("resend", v.state if v else existing[-1].state)
    if versions.open_version(existing) is not None:
        raise refuse(
            "version_open",
            "a newer version is still open",
            "approve or reject it first",
            status=409,
        )
    if people == 0:
        raise refuse(
            "audience_empty",
            f"nobody is {only.replace('_', ' ')}",
            "see `fasttime deliveries`",
            status=409,
        )
    conn.execute(
        update(resend)
        .where(resend.c.version_id == v.id, resend.c.state == "pending_approval")
        .values(state="rejected")
    )
    digest = resends.digest_of(
        v, only=only, members=members, people=people, ordered_by=actor.id, now=now
    )
    values = {
        "ordered_by": actor.id,
        "ordered_at": now,
        "members": members,
        "people": people,
        "digest": digest,
    }
    conn.execute(
        insert(resend).values(version_id=v.id, only=only, state="pending_approval", **values)
    )
    versions.record(
        conn,
        v,
        "resend",
        actor.id,
        now,
        content_hash=digest,
        count=people,
        why=json.dumps({"only": only, "people": people}),
    )
    return digest


def _approve_resend(
    conn: Connection,
    actor: Operator,
    existing: list[Version],
    order: resends.Resend,
    house: House,
    now: datetime,
) -> Version:
    v = next(v for v in existing if v.id == order.version_id)
    if order.state == "approved":
        return v  # the same approval once more gives the same result
    if order.state != "pending_approval":
        detail = "this resend was replaced by a newer order"
        raise refuse(
            "content_changed",
            detail,
            "see `fasttime message show` for the order that waits",
            field="content_hash",
            status=409,
        )
    if v.state != "live":
        raise states.state_conflict("resend", v.state)
    if not resends.stands(conn, v, order):
        detail = "the order is not what its digest stands for"
        raise refuse(
            "content_changed", detail, "have it ordered anew", field="content_hash", status=409
        )
    two_persons.check_resend_approver(conn, actor, v, order.ordered_by, house.two_person)
    alone = two_persons.one_is_enough(v, house.two_person)
    conn.execute(
        update(resend)
        .where(resend.c.id == order.id, resend.c.state == "pending_approval")
        .values(state="approved", approved_by=actor.id, approved_at=now)
    )
    versions.record(
        conn,
        v,
        "approve_resend",
        actor.id,
        now,
        content_hash=order.digest,
        count=order.people,
        why=two_persons.ONE_PERSON if alone else None,
    )
    announce(conn, v, "message.resend", now, only=order.only, people=order.people)
    return v
