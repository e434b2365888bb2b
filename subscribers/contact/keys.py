"""The keys under which names and addresses are sealed, and the marks by which they are found.

A key is 32 random bytes that never enter the database. Its id is made from it, so that a wrong key
is known at once. What is sealed is AES-256-GCM with a random nonce (NIST SP 800-38D), bound to the
person and to what it is: moved to another row it does not open. A mark is HMAC-SHA-256 of the
address, cut to 128 bits: equal addresses have equal marks, and without the key nobody can try
numbers out.
"""

from __future__ import annotations

import functools
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from sqlalchemy import Connection, insert, select

from broadcast import macs
from broadcast.problems import Rejected, refuse
from broadcast.store.database import lock_name
from subscribers.contact.kinds import BY_NAME
from subscribers.contact.tables import contact_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_NONCE_BYTES, _MARK_BYTES, _ID_BYTES = 12, 16, 6  # answers hold an id too: KEY_LETTERS
WRITERS: Final = "contact key"
"""The lock that whoever seals holds shared, and the beginning of a rotation alone: after it nobody
writes who does not know of the new key.
"""
OPTION: Final = "contact_keys"
"""The name under which a database's connections carry their keys (`Database(options=…)`)."""


class Source(Protocol):
    """Where keys lie."""

    def read(self) -> Sequence[bytes]:
        """Return the keys, the newest last; none where the place is empty."""

    def make(self) -> bytes:
        """Make the first key, or, if another process was quicker, return that one; raises
        Rejected where none is made.
        """

    def where(self) -> str:
        """Say where they lie, for people."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key, and what is made from it."""

    secret: bytes = field(repr=False)
    id: str
    _sealing: bytes = field(repr=False)
    _marking: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Key:
        """Return the key of 32 bytes."""
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        made = [hmac.digest(secret, b"fasttime " + use, "sha256") for use in (b"id", b"seal")]
        marking = hmac.digest(secret, b"fasttime mark", "sha256")
        return cls(secret, made[0][:_ID_BYTES].hex(), made[1], marking)

    def seal(self, person: int, what: str, text: str) -> bytes:
        """Return a text that only this key opens, and only as this person's `what`; of who is not
        registered yet, as what the form with this number holds.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + _cipher(self._sealing).encrypt(nonce, text.encode(), _bound(person, what))

    def open(self, person: int, what: str, sealed: bytes) -> str:
        """Return what was sealed. Raises Rejected contact_unreadable where it is not intact."""
        try:
            return (
                _cipher(self._sealing)
                .decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(person, what))
                .decode()
            )
        except _broken_seal():
            raise refuse(
                "contact_unreadable",
                f"the sealed {what} of person {person} was changed, or was moved from another row",
                "restore it from a backup; docs/operations.md, Keys of contact points",
                status=500,
            ) from None

    def mark(self, kind: str, address: str) -> bytes:
        """Return the mark of an address of a kind."""
        known = BY_NAME[kind]
        return self.mark_of(known.family, known.normal(address))

    def mark_of(self, family: str, text: str) -> bytes:
        """Return the mark of a text among those of its family."""
        said = f"{family}\0{text}".encode()
        return macs.under(self._marking)(said)[:_MARK_BYTES]


@dataclass(frozen=True, slots=True)
class InForce:
    """The keys of a database at a moment: `active` marks everybody; `following` takes over when a
    rotation ends, and until then whoever writes marks under both. By their slot.
    """

    active: tuple[int, Key]
    following: tuple[int, Key] | None

    @property
    def newest(self) -> Key:
        """The key that seals what is written now."""
        return (self.following or self.active)[1]

    @property
    def column(self) -> str:
        """The column of the marks by which people are found."""
        return f"mark_{self.active[0]}"

    def marks(self, kind: str, address: str) -> tuple[bytes | None, bytes | None]:
        """Return what stands in mark_0 and mark_1 of an address."""
        found: list[bytes | None] = [None, None]
        for slot, key in filter(None, (self.active, self.following)):
            found[slot] = key.mark(kind, address)
        return found[0], found[1]


class KeyRing:
    """The keys that a process knows, read when first needed; read again where one is missing, for
    a rotation may have made it meanwhile.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._keys: dict[str, Key] = {}

    def key(self, key_id: str) -> Key:
        """Return a key by its id; raises Rejected contact_key_missing."""
        if key_id not in self._keys:
            self._read()
        if key_id not in self._keys:
            raise missing(key_id, self.source.where())
        return self._keys[key_id]

    def in_force(self, conn: Connection) -> InForce | None:
        """Return the keys of this database, or None where nobody was ever written. Raises Rejected
        contact_key_missing.
        """
        rows = conn.execute(
            select(contact_key.c.state, contact_key.c.slot, contact_key.c.key_id).where(
                contact_key.c.state.in_(("active", "next"))
            )
        ).all()
        found = {row.state: (row.slot, self.key(row.key_id)) for row in rows}
        return InForce(found["active"], found.get("next")) if found else None

    def to_write(self, conn: Connection) -> InForce:
        """Return the keys by which to seal; the first time, the newest key there is becomes this
        database's, made if there is none. Raises Rejected.
        """
        # Whoever seals is done before a rotation begins, or knows of it (`rotation.begin`).
        lock_name(conn, WRITERS, shared=True)
        found = self.in_force(conn)
        if found is None:
            lock_name(conn, f"{WRITERS}: the first")
            found = self.in_force(conn)
        if found is None:
            key = self.newest() or Key.of(self.source.make())
            self._keys[key.id] = key
            row = {"key_id": key.id, "slot": 0, "state": "active", "since": datetime.now(UTC)}
            conn.execute(insert(contact_key), row)
            found = InForce((0, key), None)
        return found

    def newest(self) -> Key | None:
        """Return the key that was added last, or None where there is none."""
        return next(reversed(self._read()), None)

    def check(self, conn: Connection) -> None:
        """Raise Rejected contact_key_missing unless every key that something is sealed with is at
        hand.
        """
        for key_id in conn.execute(
            select(contact_key.c.key_id).where(contact_key.c.state != "old")
        ).scalars():
            self.key(key_id)

    def _read(self) -> list[Key]:
        """Read the keys; one that is gone from there meanwhile is still known to this process."""
        found = [Key.of(secret) for secret in self.source.read()]
        self._keys |= {key.id: key for key in found}
        return found


def ring_of(conn: Connection) -> KeyRing:
    """Return the keys that a connection carries."""
    ring: KeyRing | None = conn.get_execution_options().get(OPTION)
    if ring is None:
        raise RuntimeError("this database was opened without keys: Database(url, options=…)")
    return ring


def mark(conn: Connection, family: str, text: str) -> str:
    """Return a keyed hash that stands in rows for a text, such as the name of a network, so that it
    can be counted by: without the key nobody can tell the text, or find it by trying. `family`
    keeps hashes of different uses apart. Only in a transaction that writes. The hash changes when
    the keys are rotated.
    """
    return ring_of(conn).to_write(conn).active[1].mark_of(family, text).hex()


def check(conn: Connection) -> None:
    """Raise Rejected contact_key_missing unless every key that this database needs is at hand."""
    ring_of(conn).check(conn)


def opener(conn: Connection) -> Callable[[int, str, bytes, str], str]:
    """Return a function that opens what is sealed: (person, what, sealed, key id) → text."""
    ring = ring_of(conn)

    def opened(person: int, what: str, sealed: bytes, key_id: str) -> str:
        return ring.key(key_id).open(person, what, sealed)

    return opened


def missing(key_id: str, where: str) -> Rejected:
    """Return (to be raised) that a key is not at hand. No new one is made in its place: nothing
    would be readable with it.
    """
    return refuse(
        "contact_key_missing",
        f"names and addresses are sealed with the key {key_id}, which is not in {where}",
        "restore the file of keys from its backup, or set FASTTIME_CONTACT_KEYS (FILE) to where it"
        " is; docs/operations.md, Keys of contact points",
        field="FASTTIME_CONTACT_KEYS",
    )


@functools.cache
def _cipher(key: bytes) -> AESGCM:
    # a command that opens nothing need not wait for this library
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


@functools.cache
def _broken_seal() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def _bound(person: int, what: str) -> bytes:
    return f"{person}\0{what}".encode()
