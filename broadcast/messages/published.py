"""What the public may see of our messages: which versions, which documents, and what has become of
them since.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import dropwhile, islice

from sqlalchemy import ColumnElement, Connection, exists, func, select

from broadcast.content.model import for_everybody
from broadcast.exercises import planned
from broadcast.groups.registered import is_group
from broadcast.levels import history
from broadcast.messages import versions
from broadcast.messages.tables import message, version
from broadcast.messages.versions import Version

SHOWN_AFTER_END = timedelta(days=7)
"""How long the page and the feed say of an ended message that, and how, it ended."""
CANCEL_SUFFIX = "-cancel"
"""Of the identifier of a CAP Cancel; it is built in service.documents."""
_LIVE = ("live", "held")
_ENDED = ("expired", "corrected", "cancelled", "stood_down")


def for_the_public(v: Version) -> bool:
    """Return whether anybody may read it: public, out, on the web too, and no test."""
    return v.live_at is not None and for_everybody(v.content)


def shown(conn: Connection, now: datetime, ended: int = 200) -> list[Version]:
    """Return the public versions, the newest first: every one that is live, and the latest of those
    that ended within the last week, `ended` at most. A version that an update took over from is
    left out.
    """
    newest = (
        select(version.c.id)
        .where(_went_out())
        .order_by(version.c.live_at.desc(), version.c.id.desc())
    )
    lately = version.c.state.in_(_ENDED), version.c.ended_at > now - SHOWN_AFTER_END
    asked = newest.where(version.c.state.in_(_LIVE)), newest.where(*lately).limit(ended)
    ids = [version_id for query in asked for version_id in conn.execute(query).scalars()]
    found = [v for v in (versions.get(conn, n) for n in ids) if for_the_public(v)]
    return sorted(found, key=lambda v: (v.live_at or now, v.id), reverse=True)


def is_over(v: Version, now: datetime) -> bool:
    """Return whether it holds no more: ended, or past its expiry though nobody has marked it
    yet.
    """
    return v.state not in _LIVE or (v.expires_at is not None and v.expires_at <= now)


def document(conn: Connection, identifier: str) -> bytes | None:
    """Return a public CAP document byte for byte, by its own identifier (a Cancel has that of its
    alert with "-cancel"); None where there is none.
    """
    for name, column in (
        (identifier, version.c.cap),
        (identifier.removesuffix(CANCEL_SUFFIX), version.c.cancel_cap),
    ):
        row = conn.execute(
            select(version.c.id, column).where(version.c.identifier == name)
        ).one_or_none()
        if (
            row is not None
            and row[1] is not None
            and (column is version.c.cap or name != identifier)
        ):
            return bytes(row[1]) if for_the_public(versions.get(conn, row.id)) else None
    return None


def by_code(conn: Connection, code: str) -> Version | None:
    """Return the newest version that went out of the message with this public code, or None. Tests
    are nobody's to find.
    """
    message_id = conn.execute(
        select(message.c.id).where(message.c.code == code)
    ).scalar_one_or_none()
    if message_id is None:
        return None
    return next(
        (
            v
            for v in reversed(versions.of_message(conn, message_id))
            if v.live_at is not None and v.status in ("Actual", "Exercise")
        ),
        None,
    )


def versions_of(conn: Connection, code: str) -> list[Version]:
    """Return the public versions of the message with this code, first to last; [] where the newest
    that went out is not public, or there is none.
    """
    newest = by_code(conn, code)
    if newest is None or not for_the_public(newest):
        return []
    return [v for v in versions.of_message(conn, newest.message_id) if for_the_public(v)]


def _went_out() -> ColumnElement[bool]:
    return version.c.live_at.is_not(None) & version.c.status.in_(("Actual", "Exercise"))


def first_and_last(conn: Connection) -> tuple[datetime, datetime] | None:
    """Return when the first and the last version went out; None where none did."""
    ends = select(func.min(version.c.live_at), func.max(version.c.live_at)).where(_went_out())
    first, last = conn.execute(ends).one()
    return None if first is None else (first, last)


def between(
    conn: Connection, start: datetime, end: datetime, most: int, after: str = ""
) -> list[Version]:
    """Return the public messages that went out from `start` until before `end`, the newest first,
    `most` at most: of each the last version of that time. `after`: only what stands behind the
    message with this code; nothing where it is not among them.
    """
    newer = version.alias()
    superseded = exists().where(
        newer.c.message_id == version.c.message_id,
        newer.c.number > version.c.number,
        newer.c.live_at >= start,
        newer.c.live_at < end,
    )
    query = (
        select(version.c.id, message.c.code)
        .join(message, message.c.id == version.c.message_id)
        .where(_went_out(), version.c.live_at >= start, version.c.live_at < end, ~superseded)
        .order_by(version.c.live_at.desc(), version.c.id.desc())
    )
    rows = iter(conn.execute(query).all())
    if after:
        rows = iter(list(dropwhile(lambda row: row.code != after, rows))[1:])
    found = (versions.get(conn, row.id) for row in rows)
    return list(islice(filter(for_the_public, found), most))


def codes(conn: Connection) -> list[str]:
    """Return the code of every message that went out, the newest first."""
    query = select(message.c.code).where(
        message.c.id.in_(select(version.c.message_id).where(_went_out()))
    )
    return list(conn.execute(query.order_by(message.c.id.desc())).scalars())


def state_of_each(conn: Connection, now: datetime) -> dict[str, tuple[object, ...]]:
    """Return by code something that differs as soon as what the public sees of this message has
    changed.
    """
    over = func.coalesce(version.c.expires_at <= now, False)
    query = (
        select(message.c.code, version.c.number, version.c.state, version.c.revision, over)
        .join(version, version.c.message_id == message.c.id)
        .where(_went_out())
        .order_by(version.c.id)
    )
    found: dict[str, tuple[object, ...]] = {}
    for code, *state in conn.execute(query):
        found[code] = (*found.get(code, ()), *state)
    return found


def levels(conn: Connection, now: datetime) -> list[history.Shown]:
    """Return the levels that the public may see: of the country and its places, and of sectors and
    communities those whose message is public and on the web.
    """
    shown = history.show(conn, now, confidential=True)
    return [s for s in shown if not is_group(s.scope) or level_message(conn, s.scope) is not None]


def level_message(conn: Connection, scope: str) -> Version | None:
    """Return the public message that set the level of a scope; None where it is not public."""
    held = history.present(conn, scope)
    if held is None or held.version_id is None:
        return None
    v = versions.get(conn, held.version_id)
    return v if v.content.visibility == "public" and "web" in v.content.channels else None


def level_source(conn: Connection, scope: str) -> str:
    """Return the source that the message which set the level of a scope names; "" where it names
    none, or is not public.
    """
    held = history.present(conn, scope)
    if held is None or held.version_id is None:
        return ""
    v = versions.get(conn, held.version_id)
    return (v.content.source or "") if for_the_public(v) else ""


def state_of_all(conn: Connection, now: datetime) -> tuple[object, ...]:
    """Return something that differs as soon as anything that the public sees has changed."""
    changed = select(func.count(), func.max(version.c.live_at), func.max(version.c.ended_at))
    held = version.c.state.in_(("live", "held"))
    past = select(func.count()).where(held, version.c.expires_at <= now)
    revised = select(func.sum(version.c.revision))
    rows = (conn.execute(q.where(_went_out())).one() for q in (changed, past, revised))
    levels = tuple((f.scope, f.level, f.at) for f in history.facts(conn))
    exercises = tuple(each.id for each in planned.shown(conn, now))
    return (*(tuple(row) for row in rows), levels, exercises)
