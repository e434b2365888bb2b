"""Writing a message: drafts, edits, submission, return and rejection. What publishes is in
publishing.py.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime

from sqlalchemy import Connection, insert, update

from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES, Content, is_urgent
from broadcast.levels import history
from broadcast.messages import states, versions
from broadcast.messages.tables import message, version
from broadcast.messages.versions import USUAL_MARGIN, Margin, Resolved, Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import refuse

_CODE_ALPHABET = (  # no 0/O, 1/I: the code is read out and typed in
    "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
)


def new_code() -> str:
    """Return a public code of 45 random bits (nine characters of 32)."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(9))


def create(conn: Connection, actor: Operator, content: Content, now: datetime) -> Version:
    """Start a message: version 1, a draft."""
    operators.still(conn, actor, "draft")
    key = conn.execute(
        insert(message).values(
            code=new_code(), created_at=now, created_by=actor.id, room=actor.area
        )
    ).inserted_primary_key
    assert key is not None
    return _insert(conn, actor, key[0], 1, "new", None, content, now)


def follow(
    conn: Connection, actor: Operator, message_id: int, action: str, content: Content, now: datetime
) -> Version:
    """Draft the next version: action is update, correct or all_clear; the version before it must
    have gone out.
    """
    operators.still(conn, actor, action)
    versions.lock_message(conn, message_id)
    existing = versions.of_message(conn, message_id)
    predecessor = versions.newest_published(existing)
    if predecessor is None:
        raise refuse(
            "state_conflict",
            "nothing of this message was published yet",
            "edit the draft instead",
            field="state",
            status=409,
        )
    opened = versions.open_version(existing)
    if opened is not None:
        raise refuse(
            "version_open",
            f"version {opened.number} is still open ({opened.state})",
            "edit, reject or approve it first: a message has one open version at most",
            status=409,
        )
    states.after(states.ENDS_PREDECESSOR[action], predecessor.state)
    _same_status(content, predecessor)
    return _insert(
        conn, actor, message_id, existing[-1].number + 1, action, predecessor.id, content, now
    )


def _same_status(content: Content, predecessor: Version) -> None:
    if content.status != predecessor.status:
        raise refuse(
            "status_differs",
            f"the message went out as {predecessor.status}, this one says {content.status}",
            f"set status: {predecessor.status}",
            field="status",
        )


def _insert(
    conn: Connection,
    actor: Operator,
    message_id: int,
    number: int,
    action: str,
    predecessor_id: int | None,
    content: Content,
    now: datetime,
) -> Version:
    key = conn.execute(
        insert(version).values(
            message_id=message_id,
            number=number,
            action=action,
            predecessor_id=predecessor_id,
            state="draft",
            revision=1,
            author_id=actor.id,
            editors="[]",
            room=actor.area,
            created_at=now,
            **_of_content(content, action),
        )
    ).inserted_primary_key
    assert key is not None
    v = versions.get(conn, key[0])
    versions.record(conn, v, "draft", actor.id, now)
    return v


def _of_content(content: Content, action: str) -> dict[str, object]:
    return {
        "kind": content.kind,
        "status": content.status,
        "content": versions.canonical(content),
        "urgent": is_urgent(content, corrects=action == "correct"),
        "severity_rank": SEVERITIES.index(content.severity),
    }


def edit(
    conn: Connection, actor: Operator, message_id: int, content: Content, now: datetime
) -> Version:
    """Replace the text of a draft or returned version; whatever was seen of it before is void
    (rule R11).
    """
    operators.still(conn, actor, "edit")
    existing = versions.of_message(conn, message_id)
    v = versions.head(existing)
    states.after("edit", v.state)
    if v.published:
        raise refuse(
            "state_conflict",
            "it was published: its text never changes",
            "cancel it, or write an update",
            field="state",
            status=409,
        )
    before = next((p for p in existing if p.id == v.predecessor_id), None)
    if before is not None:
        _same_status(content, before)
    # The version row is changed first: an approver who reads at the same time waits for it, or we
    # find it approved.
    changed = conn.execute(
        update(version)
        .where(
            version.c.id == v.id,
            version.c.revision == v.revision,
            version.c.state.in_(("draft", "returned")),
        )
        .values(
            state="draft",
            revision=v.revision + 1,
            editors=json.dumps(sorted({*v.editors, actor.id})),
            content_hash=None,
            seen_count=None,
            submitter_id=None,
            salt=None,
            margin=None,
            shape=None,
            targets=None,
            **_of_content(content, v.action),
        )
    ).rowcount
    if changed != 1:
        raise states.state_conflict("edit", v.state)
    v = versions.get(conn, v.id)
    versions.record(conn, v, "edit", actor.id, now)
    return v


def submit(
    conn: Connection,
    actor: Operator,
    version_id: int,
    *,
    revision: int,
    resolved: Resolved,
    count: int,
    wording_revision: str,
    now: datetime,
    margin: Margin = USUAL_MARGIN,
    salt: bytes | None = None,
    warned: str | None = None,
) -> Version:
    """Ask for approval of exactly this text, these places and this count; the hash over them is
    what is approved.

    `count` is the number of people who would be sent to, `salt` the 16 random bytes of the hash
    (made here if not given), `warned` what the author was warned of and accepted. Raises Rejected:
    409 audience_empty, content_changed, level_unchanged.
    """
    operators.still(conn, actor, "submit")
    v = versions.get(conn, version_id)
    if v.revision != revision:
        raise refuse(
            "content_changed",
            "the draft was edited while it was being counted",
            "submit it again",
            status=409,
        )
    states.after("submit", v.state)
    if v.status in ("System", "Draft"):
        raise refuse(
            "status_goes_to_nobody",
            f"status {v.status} goes to nobody",
            "use Actual, Exercise or Test to send, or `cap export` to hand it on",
            field="status",
            status=409,
        )
    if count == 0 and not versions.reaches_without_people(v):
        raise refuse(
            "audience_empty",
            "nobody would be sent to, and it would not be on the public page either",
            "look at `message preview`: areas, audience and channels; a public message with the"
            " channel web reaches people without being sent",
            status=409,
        )
    level_from = history.check_change(conn, v) if v.kind == "threat_level_change" else None
    salt = salt or secrets.token_bytes(16)
    people = margin.of(count) if _may_grow(v) else 0
    digest = versions.content_hash(
        v,
        content=v.content,
        resolved=resolved,
        count=count,
        wording_revision=wording_revision,
        level_from=level_from,
        salt=salt,
        margin=people,
    )
    versions.change_state(
        conn,
        v,
        "submit",
        submitter_id=actor.id,
        content_hash=digest,
        seen_count=count,
        wording_revision=wording_revision,
        salt=salt,
        margin=people,
        targets=resolved.to_json(),
        shape=resolved.shape,
        level_from=level_from,
        why=None,
    )
    v = versions.get(conn, v.id)
    versions.record(conn, v, "submit", actor.id, now, why=warned)
    return v


def _may_grow(v: Version) -> bool:
    """Return whether people who register meanwhile could be sent to: not by the web alone. What
    follows a version goes to those it reached, whatever its channels.
    """
    by_person = any(channel in PERSONAL_CHANNELS for channel in v.content.channels)
    return by_person or v.predecessor_id is not None


def send_back(
    conn: Connection, actor: Operator, message_id: int, action: str, why: str, now: datetime
) -> Version:
    """Return (to be edited) or reject (for good) an unpublished version, with the reason."""
    operators.still(conn, actor, action)
    if not why.strip():
        raise refuse(
            "why_missing",
            f"to {action} needs a reason",
            "say why: the author reads it",
            field="why",
        )
    versions.lock_message(conn, message_id)
    v = versions.head(versions.of_message(conn, message_id))
    if v.published and action == "reject":
        raise refuse(
            "state_conflict",
            "it was published before it was blocked",
            "return it, then cancel it: the public is told",
            field="state",
            status=409,
        )
    # What was published before it was blocked is blocked again: it can be submitted as it is, or
    # cancelled.
    versions.change_state(
        conn,
        v,
        "return_published" if v.published and action == "return" else action,
        why=why,
        content_hash=None,
    )
    versions.record(conn, v, action, actor.id, now, why=why)
    return versions.get(conn, v.id)
