"""What is being written, kept as it was typed, so that nobody loses a word: forms under way, each
its owner's alone, and skeletons that a control room begins from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from broadcast.drafts.tables import unfinished
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse

FORM, SKELETON = "form", "skeleton"
LARGEST: Final = 200_000
"""Characters of one form, as JSON."""
MOST: Final = {FORM: 100, SKELETON: 200}
"""Rows of one owner; of forms the oldest make room."""
KEPT: Final = timedelta(days=30)
"""So long a form stays that nobody touches."""
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One form or skeleton as it was last saved."""

    id: int
    owner_id: int
    place: str
    name: str
    fields: dict[str, Any]
    revision: int
    saved_at: datetime


def keep(
    conn: Connection,
    actor: Operator,
    place: str,
    fields: dict[str, Any],
    now: datetime,
    known: tuple[int, int] | None = None,
) -> Kept:
    """Keep a form as it is typed. `known` is (id, revision) of what its page was last told; raises
    Rejected: 409 changed_meanwhile where another tab saved it since, 404 where it is gone.
    """
    text = _text(fields)
    if known is None:
        _make_room(conn, actor, now)
        return _insert(conn, FORM, actor, place, "", text, now)
    before = find(conn, actor, known[0])
    changed = conn.execute(
        update(unfinished)
        .where(unfinished.c.id == before.id, unfinished.c.revision == known[1])
        .values(fields=text, revision=known[1] + 1, saved_at=now)
    )
    after = find(conn, actor, before.id)
    # the answer to the same text may have been lost on its way: that is no other tab
    if changed.rowcount != 1 and json.dumps(after.fields) != json.dumps(json.loads(text)):
        raise _changed()
    return after


def find(conn: Connection, actor: Operator, number: int) -> Kept:
    """Return a form of this owner; raises Rejected (404)."""
    query = select(unfinished).where(
        unfinished.c.id == number, unfinished.c.owner_id == actor.id, unfinished.c.kind == FORM
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        raise refuse(
            "unfinished_unknown",
            "there is no such text of yours under way",
            "it was finished or discarded: see the first page",
            status=404,
        )
    return _kept(row)


def at_place(conn: Connection, actor: Operator, place: str) -> Kept | None:
    """Return the newest form of this owner for a page."""
    query = (
        select(unfinished)
        .where(unfinished.c.owner_id == actor.id, unfinished.c.kind == FORM)
        .where(unfinished.c.place == place)
        .order_by(unfinished.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else _kept(row)


def of_owner(conn: Connection, actor: Operator) -> list[Kept]:
    """Return the forms of an owner, the newest first."""
    query = (
        select(unfinished)
        .where(unfinished.c.owner_id == actor.id, unfinished.c.kind == FORM)
        .order_by(unfinished.c.saved_at.desc(), unfinished.c.id.desc())
    )
    return [_kept(row) for row in conn.execute(query)]


def drop(conn: Connection, actor: Operator, number: int) -> None:
    """Forget a form or a skeleton of this owner; nothing where there is none."""
    conn.execute(
        delete(unfinished).where(unfinished.c.id == number, unfinished.c.owner_id == actor.id)
    )


def keep_skeleton(
    conn: Connection, actor: Operator, place: str, name: str, fields: dict[str, Any], now: datetime
) -> Kept:
    """Keep a skeleton under a name, in place of one of the same name of this owner."""
    if not name or len(name) > LONGEST_NAME:
        raise refuse(
            "name_missing",
            "the skeleton has no name, or one that is too long",
            f"name it in at most {LONGEST_NAME} characters",
            field="skeleton",
        )
    mine = (unfinished.c.owner_id == actor.id) & (unfinished.c.kind == SKELETON)
    conn.execute(delete(unfinished).where(mine, unfinished.c.name == name))
    if len(conn.execute(select(unfinished.c.id).where(mine)).all()) >= MOST[SKELETON]:
        raise refuse("skeletons_many", "you have as many skeletons as one may", "delete some first")
    return _insert(conn, SKELETON, actor, place, name, _text(fields), now)


def skeletons(conn: Connection, actor: Operator, place: str) -> list[Kept]:
    """Return the skeletons of the actor's control room for one entrance, by name."""
    query = (
        select(unfinished)
        .where(unfinished.c.kind == SKELETON, unfinished.c.place == place)
        .where(
            unfinished.c.room.is_(None) if actor.area is None else unfinished.c.room == actor.area
        )
        .order_by(unfinished.c.name, unfinished.c.id)
    )
    return [_kept(row) for row in conn.execute(query)]


def _insert(
    conn: Connection, kind: str, actor: Operator, place: str, name: str, text: str, now: datetime
) -> Kept:
    made = conn.execute(
        insert(unfinished).values(
            kind=kind,
            owner_id=actor.id,
            room=actor.area,
            place=place,
            name=name,
            fields=text,
            revision=1,
            saved_at=now,
        )
    ).inserted_primary_key
    assert made is not None
    return _kept(conn.execute(select(unfinished).where(unfinished.c.id == made[0])).one())


def forget(conn: Connection, now: datetime) -> int:
    """Delete the forms that nobody has touched for `KEPT`; return how many. Skeletons stay."""
    old = (unfinished.c.kind == FORM) & (unfinished.c.saved_at < now - KEPT)
    return conn.execute(delete(unfinished).where(old)).rowcount


def _make_room(conn: Connection, actor: Operator, now: datetime) -> None:
    forget(conn, now)
    mine = of_owner(conn, actor)
    for old in mine[MOST[FORM] - 1 :]:
        drop(conn, actor, old.id)


def _text(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, ensure_ascii=False)
    if len(text) > LARGEST:
        raise refuse(
            "text_too_long",
            "this is more than one message can hold",
            "write it shorter",
            status=413,
        )
    return text


def _changed() -> Rejected:
    return refuse(
        "changed_meanwhile",
        "Not saved: you changed this in another tab. Your text is kept below",
        "go on in one of the two tabs, and take over there what you need",
        status=409,
    )


def _kept(row: Row[Any]) -> Kept:
    return Kept(
        id=row.id,
        owner_id=row.owner_id,
        place=row.place,
        name=row.name,
        fields=json.loads(row.fields),
        revision=row.revision,
        saved_at=row.saved_at,
    )
