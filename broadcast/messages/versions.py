"""Message versions as rows: reading them, and the one place where a state is changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, insert, or_, select, update

from broadcast.content.model import Content, Ring, for_everybody, unwritten_visibility
from broadcast.messages import states
from broadcast.messages.tables import decision, message, version
from broadcast.operators import audit
from broadcast.problems import Rejected, refuse
from broadcast.wording.pack import called


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the places of a content came down to when it was submitted; the approval is bound to it.

    `targets` are area codes with all their descendants, and those of which a drawn shape holds
    enough (broadcast.places.known_by_area), for people of whom only the area is known;
    `shape` is the WKB union of the areas' geometry and the drawn polygons (circles stay in the
    content and are matched exactly). `by_code` are the targets without any geometry, where a
    person's area code decides although their coordinates are known. `touched` are the areas that
    anything drawn touches, `near` the names of the few that say best where that is. For an audience
    of a community, `shape` holds the whole of these areas.
    `everybody` = no place at all. `names` are (code, name) of the areas that the content names, as
    they were called at that moment: what people read is made from these, whatever is imported
    later. `groups` are (scope, language, name) of the communities and sectors that it names, and of
    its information provider, the name for every other language under "".
    `outlines` are (code, rings) of the same areas' borders, simplified so that they contain them
    (broadcast.places.outline), for the CAP document.
    """

    targets: tuple[str, ...] = ()
    by_code: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    shape: bytes | None = None
    everybody: bool = False
    names: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, str, str], ...] = ()
    outlines: tuple[tuple[str, tuple[Ring, ...]], ...] = ()

    def to_json(self) -> str:
        """Return the stored form of what is not geometry."""
        places: dict[str, Any] = {
            "targets": sorted(self.targets),
            "by_code": sorted(self.by_code),
            "everybody": self.everybody,
        }
        # Not written where it is empty: what was submitted before it existed keeps its digest.
        if self.touched:
            places["touched"] = sorted(self.touched)
        if self.near:
            places["near"] = list(self.near)
        if self.names:
            places["names"] = dict(sorted(self.names))
        if self.groups:
            places["groups"] = sorted(self.groups)
        if self.outlines:
            places["outlines"] = dict(sorted(self.outlines))
        return json.dumps(places)

    @classmethod
    def read(cls, stored: str | None, shape: bytes | None) -> Resolved:
        """Return what `to_json` and the shape column hold."""
        places = json.loads(stored) if stored else {}
        codes = {name: tuple(places.get(name, ())) for name in ("targets", "by_code", "touched")}
        names = tuple(sorted(places.get("names", {}).items()))
        groups = tuple((scope, tag, name) for scope, tag, name in places.get("groups", ()))
        return cls(
            **codes,
            everybody=places.get("everybody", False),
            shape=shape,
            near=tuple(places.get("near", ())),
            names=names,
            groups=groups,
            outlines=tuple(
                (code, tuple(tuple((x, y) for x, y in ring) for ring in rings))
                for code, rings in sorted(places.get("outlines", {}).items())
            ),
        )

    def group_names(self) -> dict[str, dict[str, str]]:
        """Return the names of each community and sector by its scope and the language."""
        found: dict[str, dict[str, str]] = {}
        for scope, tag, name in self.groups:
            found.setdefault(scope, {})[tag] = name
        return found

    def named(self, code: str) -> str:
        """Return an area, a community or a sector as an operator reads it: "Westminster
        (E09000033)", "Retail (sector:retail)"; without a name the code.
        """
        name = dict(self.names).get(code, "") or called(self.group_names().get(code, {}), "en")
        return f"{name} ({code})" if name else code


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """By how many people an audience may differ from the approved count: the larger of a share of
    it and a number.

    People register and leave between the submission and the release; what an approver agrees to is
    both numbers.
    """

    percent: float = 2.0
    people: int = 20

    def of(self, count: int) -> int:
        """Return the margin of a count, in people."""
        return max(int(count * self.percent / 100), self.people)


USUAL_MARGIN = Margin()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a message as it stands in the database."""

    id: int
    message_id: int
    number: int
    action: str
    predecessor_id: int | None
    kind: str
    status: str
    state: str
    resume_state: str | None
    why: str | None
    revision: int
    content: Content
    author_id: int | None
    editors: tuple[int, ...]
    submitter_id: int | None
    approver_id: int | None
    content_hash: str | None
    seen_count: int | None
    wording_revision: str | None
    salt: bytes | None
    margin: int | None
    cancel_reason: str | None
    resolved: Resolved
    level_from: str | None
    room: str | None
    urgent: bool
    severity_rank: int
    identifier: str | None
    sent: datetime | None
    expires_at: datetime | None
    approved_at: datetime | None
    live_at: datetime | None
    ended_at: datetime | None
    shards: int | None
    generation: int
    addressed: int | None
    code: str

    @property
    def published(self) -> bool:
        """Whether it was ever approved: its text and its CAP identifier are fixed."""
        return self.identifier is not None

    def ends(self, now: datetime) -> datetime:
        """Return when it expires: as it was published, else as if it were published now."""
        asked = self.content.expires
        return self.expires_at or (now + asked if isinstance(asked, timedelta) else asked)


def reaches_without_people(v: Version) -> bool:
    """Return whether a version may go out though nobody is sent to: a level, which is public, and
    whatever stands on the public page.
    """
    return v.kind == "threat_level_change" or for_everybody(v.content)


def canonical(content: Content) -> str:
    """Return the one text form of a content: what is stored, hashed and compared.

    The order of languages counts. A visibility that is what an unwritten one means, and a choice
    that was not made, are not written, so that what was submitted before the field existed keeps
    its digest.
    """
    data = content.to_json()
    if content.visibility == unwritten_visibility(content.audience, content.scope):
        del data["visibility"]
    if not content.include_perhaps:
        del data["include_perhaps"]
    for name in ("exercise", "provider"):
        if not data[name]:
            del data[name]
    for name in ("trades", "sizes"):
        if not data["audience"][name]:
            del data["audience"][name]
    data["languages"] = list(data["languages"].items())
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_content(stored: str) -> Content:
    """Return the content of its stored form."""
    data = json.loads(stored)
    data["languages"] = dict(data["languages"])
    return Content.from_json(data)


def content_hash(
    v: Version,
    *,
    content: Content,
    resolved: Resolved,
    count: int,
    wording_revision: str,
    level_from: str | None,
    salt: bytes | None = None,
    margin: int | None = None,
) -> str:
    """Return the SHA-256, in hex, of all that an approval stands for (rule R11).

    Text in all languages, audience rule, channels, status and expiry are in the content; beside it
    the resolved places, the wording we add, the count the approvers saw, by how many people the
    audience may differ from it, the level it starts from and the version it replaces. `salt` is
    random: nobody finds the count by trying all of them. What was submitted before salt and margin
    were kept has neither, and hashes as it did then.
    """
    parts = {
        "content": canonical(content),
        "places": resolved.to_json(),
        "shape": hashlib.sha256(resolved.shape or b"").hexdigest(),
        "count": count,
        "wording": wording_revision,
        "level_from": level_from,
        "message": v.message_id,
        "version": v.number,
        "action": v.action,
        "predecessor": v.predecessor_id,
    }
    if salt is not None:
        parts["salt"] = salt.hex()
    if margin is not None:
        parts["margin"] = margin
    return hashlib.sha256(
        json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    ).hexdigest()


_APART = ("content", "editors", "targets", "shape")
"""Columns that are read into something else."""
_LEFT = ("cap", "cancel_cap", "created_at")
"""Columns that are read elsewhere: a document may be a hundred times as long as the rest."""
_PLAIN = tuple(c.name for c in version.c if c.name not in (*_APART, *_LEFT))


def _version(row: Row[*tuple[Any, ...]]) -> Version:
    return Version(
        **{name: getattr(row, name) for name in _PLAIN},
        content=read_content(row.content),
        editors=tuple(json.loads(row.editors)),
        resolved=Resolved.read(row.targets, row.shape),
        code=row.code,
    )


_WITH_CODE = select(*(version.c[name] for name in (*_PLAIN, *_APART)), message.c.code).join(
    message, message.c.id == version.c.message_id
)


def get(conn: Connection, version_id: int) -> Version:
    """Return a version by its id; the row must exist."""
    return _version(conn.execute(_WITH_CODE.where(version.c.id == version_id)).one())


def of_ids(conn: Connection, ids: Collection[int]) -> list[Version]:
    """Return those of these versions that there are."""
    rows = conn.execute(_WITH_CODE.where(version.c.id.in_(list(ids))))
    return [_version(row) for row in rows]


def of_message(conn: Connection, message_id: int) -> list[Version]:
    """Return all versions, first to last; raises Rejected (404 message_unknown)."""
    rows = [
        _version(r)
        for r in conn.execute(
            _WITH_CODE.where(version.c.message_id == message_id).order_by(version.c.number)
        )
    ]
    if not rows:
        raise unknown(message_id)
    return rows


def of_messages(conn: Connection, ids: Collection[int]) -> dict[int, list[Version]]:
    """Return all versions of these messages, first to last, by message; without who is not there,
    in the order of `ids`.
    """
    found: dict[int, list[Version]] = {message_id: [] for message_id in ids}
    query = _WITH_CODE.where(version.c.message_id.in_(list(ids)))
    for row in conn.execute(query.order_by(version.c.message_id, version.c.number)):
        found[row.message_id].append(_version(row))
    return {message_id: them for message_id, them in found.items() if them}


def unknown(message_id: int) -> Rejected:
    """Return the refusal for a message that does not exist. A message that the asker may not know
    of is refused in the same words.
    """
    return refuse(
        "message_unknown",
        f"there is no message {message_id}",
        "see `fasttime message list`",
        field="id",
        status=404,
    )


def in_states(conn: Connection, wanted: tuple[str, ...]) -> list[int]:
    """Return the ids of the versions in these states, oldest first."""
    return list(
        conn.execute(
            select(version.c.id).where(version.c.state.in_(wanted)).order_by(version.c.id)
        ).scalars()
    )


def of_other_rooms(
    conn: Connection, v: Version, wanted: tuple[str, ...], now: datetime, limit: int
) -> list[tuple[int, bool]]:
    """Return the versions in these states that another control room wrote and that are not over, at
    most `limit`, the newest first: the id, and whether the audience is frozen.

    Of the same status as `v` only, and never of its own message.
    """
    rows = conn.execute(
        select(version.c.id, version.c.live_at)
        .where(
            version.c.state.in_(wanted),
            version.c.room.is_distinct_from(v.room),
            version.c.status == v.status,
            version.c.message_id != v.message_id,
            or_(version.c.expires_at.is_(None), version.c.expires_at > now),
        )
        .order_by(version.c.id.desc())
        .limit(limit)
    )
    return [(row.id, row.live_at is not None) for row in rows]


class Text(NamedTuple):
    """What a version says, and of which message and control room it is."""

    message_id: int
    room: str | None
    content: Content


def texts(conn: Connection, v: Version, wanted: Select[int]) -> Iterator[Text]:
    """Yield the texts of the versions that a query finds, the newest first: those of the same
    status as `v`, never of its own message.
    """
    rows = conn.execute(
        select(version.c.message_id, version.c.room, version.c.content)
        .where(
            version.c.id.in_(wanted),
            version.c.status == v.status,
            version.c.message_id != v.message_id,
        )
        .order_by(version.c.id.desc())
    )
    for row in rows:
        yield Text(row.message_id, row.room, read_content(row.content))


def to_match(conn: Connection, without: Collection[int], limit: int) -> list[int]:
    """Return the ids of approved versions, the urgent ones first, then the oldest: nobody in danger
    waits until a hundred thousand are matched for a routine message.
    """
    waiting = select(version.c.id).where(version.c.state == "approved")
    ordered = waiting.order_by(version.c.urgent.desc(), version.c.id)
    ids = conn.execute(ordered.limit(limit + len(without))).scalars()
    return [each for each in ids if each not in without][:limit]


def listed(conn: Connection, limit: int = 1000) -> list[Version]:
    """Return the newest version of each message, newest message first."""
    newest: dict[int, Version] = {}
    for row in conn.execute(
        _WITH_CODE.order_by(version.c.message_id.desc(), version.c.number.desc()).limit(limit * 4)
    ):
        newest.setdefault(row.message_id, _version(row))
    return list(newest.values())[:limit]


def head(versions: list[Version]) -> Version:
    """Return the version that an action on the message means: the open one, else the newest."""
    return open_version(versions) or versions[-1]


def open_version(versions: list[Version]) -> Version | None:
    """Return the one version that has not gone out, if there is one; held before its release it has
    not.
    """
    return next(
        (
            v
            for v in reversed(versions)
            if v.state in states.OPEN or (v.state == "held" and v.live_at is None)
        ),
        None,
    )


def newest_published(versions: list[Version]) -> Version | None:
    """Return the newest version that was ever approved and is past its blocking."""
    return next((v for v in reversed(versions) if v.published and v.state != "blocked"), None)


def lock_message(conn: Connection, message_id: int) -> None:
    """Serialise what opens or ends versions of one message, for the rest of the transaction."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(message.c.id).where(message.c.id == message_id).with_for_update())


def change_state(conn: Connection, v: Version, action: str, **values: Any) -> str:
    """Move a version along the table of transitions, conditional on the state it was read in;
    return the new state.

    Raises Rejected (409) where the table forbids it or somebody else changed the version since.
    """
    target = states.after(action, v.state, v.resume_state)
    changed = conn.execute(
        update(version)
        .where(version.c.id == v.id, version.c.state == v.state, version.c.revision == v.revision)
        .values(state=target, **values)
    ).rowcount
    if changed != 1:
        raise refuse(
            "state_conflict",
            "the version was changed by somebody else in the meantime",
            "read it again and decide anew",
            field="state",
            status=409,
        )
    return target


def note_pass(conn: Connection, version_id: int, number: int) -> None:
    """Keep the number of the newest pass over a version; the first is written at its release."""
    conn.execute(update(version).where(version.c.id == version_id).values(generation=number))


def subject_of(v: Version) -> str:
    """Return how the audit chain names a version."""
    return f"message {v.message_id} version {v.number}"


def record(
    conn: Connection, v: Version, action: str, operator_id: int | None, at: datetime, **more: Any
) -> None:
    """Append to the history of decisions; what stood there is kept with it, so no draft is ever
    lost. The audit chain covers it.
    """
    row = {
        "version_id": v.id,
        "action": action,
        "operator_id": operator_id,
        "at": at,
        "revision": v.revision,
        "why": None,
        "content_hash": v.content_hash,
        "count": v.seen_count,
        "content": canonical(v.content),
        **more,
    }
    key = conn.execute(insert(decision).values(**row)).inserted_primary_key
    assert key is not None
    audit.append(
        conn,
        kind="decision",
        actor="fasttime" if operator_id is None else f"operator {operator_id}",
        action=action,
        subject=subject_of(v),
        now=at,
        digest=audit.decision_digest(row),
        row_id=int(key[0]),
    )


def submitted_as(conn: Connection, version_id: int, content_hash: str) -> Content | None:
    """Return what was submitted under this hash; None where nothing of this version was."""
    query = (
        select(decision.c.content)
        .where(
            decision.c.version_id == version_id,
            decision.c.action == "submit",
            decision.c.content_hash == content_hash,
        )
        .order_by(decision.c.id.desc())
        .limit(1)
    )
    stored = conn.execute(query).scalar_one_or_none()
    return read_content(stored) if stored else None


def last_edited(conn: Connection, version_id: int) -> tuple[int, datetime] | None:
    """Return who changed what a version says last, and when; None where nobody did."""
    query = (
        select(decision.c.operator_id, decision.c.at)
        .where(decision.c.version_id == version_id, decision.c.action == "edit")
        .order_by(decision.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return (row.operator_id, row.at) if row is not None else None
