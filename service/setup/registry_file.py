"""The whole registry moved as one sealed file: an administrator asks for it and says to which key,
a second one agrees, then it is written at the machine, or fetched over HTTP, once; it is brought
into an empty installation.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from broadcast.files import sealed_file
from broadcast.operators import operator_requests, operators
from broadcast.operators.operator_requests import Request
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected, refuse
from broadcast.store.database import Connection, Database, give_way
from service.setup.who import Who, allowed
from subscribers.registry import moving

MOST_OVER_HTTP = 200_000
"""People, those who were erased among them: whoever fetches them waits about a minute for the first
byte at most. More are written at the machine.
"""
_STEP = 250
"""Lines that are sealed without anything else having its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was written or brought in: rows by table, and the SHA-256 of a file written."""

    rows: dict[str, int] = field(default_factory=dict)
    sha256: str = ""

    @property
    def people(self) -> int:
        """How many people, those who were erased among them."""
        return self.rows.get("subscriber", 0)


def key_of(given: str, *, field: str = "--to") -> bytes:
    """Return the public key that somebody gave. What is refused is named in no text, log or row: it
    may be the private half. Raises Rejected: registry_key_invalid, registry_key_private.
    """
    try:
        key = bytes.fromhex(given.strip())
    except ValueError:
        key = b""
    printed = "give what `fasttime registry keygen` printed where the file will be imported"
    if len(key) != sealed_file.KEY_BYTES:
        detail = "this is no public key: it has 64 hexadecimal digits"
        raise refuse("registry_key_invalid", detail, printed, field=field)
    if sealed_file.looks_private(key):
        raise refuse(
            "registry_key_private",
            "this is no public key: it may be the private half, which opens the file",
            "make a new pair where the file will be imported, and give the half that is printed",
            field=field,
        )
    if not sealed_file.seals(key):
        detail = "this is no public key: nothing can be sealed to it"
        raise refuse("registry_key_invalid", detail, printed, field=field)
    return key


def propose(conn: Connection, actor: Operator, to: str, now: datetime) -> Request:
    """Ask for the registry to be sealed to a public key; nothing is written before another
    administrator agrees to exactly that. Raises Rejected.
    """
    allowed(conn, actor, everywhere=True)
    what = {"to": key_of(to).hex()}
    return operator_requests.ask(conn, actor, operator_requests.REGISTRY, what, now)


def agree(conn: Connection, actor: Operator, number: int, now: datetime) -> Request:
    """Agree as a second administrator. Raises Rejected: 403 same_person, area_bound, and others."""
    allowed(conn, actor, everywhere=True)
    wanted = operator_requests.get(conn, number)
    if wanted.kind != operator_requests.REGISTRY:
        raise refuse(
            "request_unknown",
            f"request {number} asks for something else: {wanted.kind}",
            "read it at POST /api/v1/operator-requests, and approve it there",
            field="NUMBER",
            status=404,
        )
    return operator_requests.approve(conn, actor, number, now)[0]


async def write(db: Database, actor: Operator, number: int, path: Path, now: datetime) -> Moved:
    """Write the registry as it stands into a new file, by a request that was agreed to within the
    last hour; once. The file appears whole or not at all. Raises Rejected.

    Who dies in between leaves no file, and asks anew: a request is good for one.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _refuse_existing(path)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            wanted = await db.write(_take, actor, number, now)
            moved = await db.read(_written, file, bytes.fromhex(wanted.what["to"]))
            file.flush()
            os.fsync(file.fileno())
        await db.write(_told, f"operator {actor.id}", "registry.exported", number, moved, now)
        fresh.replace(path)
    except OSError as error:
        raise refuse(
            "file_not_written",
            f"{path}: {error.strerror or type(error).__name__}",
            "choose a folder that this user may write to",
            field="FILE",
        ) from None
    finally:
        fresh.unlink(missing_ok=True)
    return moved


async def seal(
    db: Database,
    actor: Operator,
    number: int,
    file: BinaryIO,
    now: datetime,
    *,
    most: int = MOST_OVER_HTTP,
) -> Moved:
    """Seal the registry as it stands into a file that nobody but this process can read, by a
    request that was agreed to within the last hour; nothing of it may leave before `spend`.
    Raises Rejected.

    At the machine it is the other way round (`write`): the file lies where whoever runs the command
    can read it before it is whole, so there the request is spent first.
    """
    wanted = await db.read(_check, actor, number, now, most)
    try:
        moved = await db.read(_written, file, bytes.fromhex(wanted.what["to"]))
        # its last piece may lie in a buffer: a disk that is full says so now, not once it is spent
        file.flush()
    except OSError as error:
        raise refuse(
            "file_not_written",
            f"the sealed file found no room here: {error.strerror or type(error).__name__}",
            f"make room, or run `fasttime registry export FILE --request {number}` at the machine",
            status=503,
        ) from None
    return moved


async def spend(
    db: Database, actor: Operator, number: int, moved: Moved, begun: datetime, now: datetime
) -> None:
    """Note that a file of `seal`, begun at that time, is handed over now; from here on the request
    is good for nothing more. Looks again whether it may be. Raises Rejected.
    """
    await db.write(_spent, actor, number, moved, begun, now)


def _check(conn: Connection, actor: Operator, number: int, now: datetime, most: int) -> Request:
    allowed(conn, actor, everywhere=True)
    kind = operator_requests.REGISTRY
    wanted = operator_requests.check_takable(conn, actor, number, now, kind=kind)
    if moving.more_than(conn, most):
        raise refuse(
            "registry_too_large",
            f"more than {most:,} people are registered, too many to be fetched here",
            f"run `fasttime registry export FILE --request {number}` at the machine",
            status=409,
        )
    return wanted


def _spent(
    conn: Connection, actor: Operator, number: int, moved: Moved, begun: datetime, now: datetime
) -> None:
    _take(conn, actor, number, begun)
    _told(conn, f"operator {actor.id}", "registry.exported", number, moved, now)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise refuse("file_exists", f"{path} is there already", "choose another name", field="FILE")


def _take(conn: Connection, actor: Operator, number: int, now: datetime) -> Request:
    allowed(conn, actor, everywhere=True)
    kind = operator_requests.REGISTRY
    return operator_requests.take(conn, actor, number, now, kind=kind, action="registry.export")


def _written(conn: Connection, file: BinaryIO, to: bytes) -> Moved:
    writer = sealed_file.Writer(file, to)
    counts: dict[str, int] = {}
    for lines, line in enumerate(moving.out(conn, counts), 1):
        writer.line(line)
        if lines % _STEP == 0:
            give_way(conn)
    return Moved(rows=counts, sha256=writer.close())


async def bring(db: Database, who: Who, path: Path, private: bytes, now: datetime) -> Moved:
    """Bring a file into this empty installation, in one transaction: all of it or nothing.

    That it was begun is on record before; who dies in between leaves an empty installation and may
    run it again. Raises Rejected: 409 registry_not_empty, and what is wrong with the file.
    """
    await db.write(_begun, who, path.name, now)
    try:
        with path.open("rb") as file:
            return await db.write(_brought, who, file, path.name, private, now)
    except OSError as error:
        raise refuse(
            "file_not_read",
            f"{path}: {error.strerror or type(error).__name__}",
            "check the name and who may read it",
            field="FILE",
        ) from None
    except Rejected as rejected:
        if rejected.problems[0].code == "registry_not_empty":
            raise
        await db.write(_refused, who, path.name, rejected.problems[0].code, now)
        raise


def _begun(conn: Connection, who: Who, name: str, now: datetime) -> None:
    actor = allowed(conn, who, everywhere=True)
    moving.check_empty(conn)
    operators.log_admin(conn, actor=actor, action="registry.import", subject=name, now=now)


def _brought(
    conn: Connection, who: Who, file: BinaryIO, name: str, private: bytes, now: datetime
) -> Moved:
    actor = allowed(conn, who, everywhere=True)
    moved = Moved(rows=moving.bring(conn, sealed_file.lines(file, private), now))
    _told(conn, actor, "registry.imported", name, moved, now)
    return moved


def _refused(conn: Connection, who: Who, name: str, code: str, now: datetime) -> None:
    operators.log_admin(
        conn,
        actor=allowed(conn, who, everywhere=True),
        action="registry.not_imported",
        subject=name,
        detail=f"{code}: nothing was brought in",
        now=now,
    )


def _told(
    conn: Connection, actor: str, action: str, subject: int | str, moved: Moved, now: datetime
) -> None:
    said = f"sha256={moved.sha256} " if moved.sha256 else ""
    counted = " ".join(f"{name}={rows}" for name, rows in sorted(moved.rows.items()))
    name = f"request {subject}" if isinstance(subject, int) else subject
    operators.log_admin(
        conn, actor=actor, action=action, subject=name, detail=said + counted, now=now
    )
