"""The frozen audience of a version: stored shard by shard, each once, and read (rule R1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyroaring import BitMap
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from broadcast.ledger.tables import frozen_set, frozen_shard

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


def keep_duplicates(conn: Connection, version_id: int, left_out: Mapping[str, BitMap]) -> None:
    """Store, per channel, who was left out at the release (`duplicates`)."""
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


def digests(conn: Connection, version_id: int) -> dict[str, str]:
    """Return what each frozen shard holds as a SHA-256, by the shard's number."""
    rows = conn.execute(
        select(frozen_shard.c.shard, frozen_shard.c.digest).where(
            frozen_shard.c.version_id == version_id
        )
    )
    return {str(shard): digest for shard, digest in rows}


def forget(conn: Connection, version_id: int) -> None:
    """Delete the frozen audience of a version that was not released: it is frozen anew."""
    conn.execute(frozen_set.delete().where(frozen_set.c.version_id == version_id))
    conn.execute(frozen_shard.delete().where(frozen_shard.c.version_id == version_id))
