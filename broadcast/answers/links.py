"""The link by which one person answers one version: made from a key, kept nowhere, and telling
nobody without the key whom it is for.
"""

from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct(">IIB")
_MAC_BYTES: Final = 12
LENGTH: Final = -(-(_HEAD.size + _MAC_BYTES) * 8 // 5)
"""Characters of a token: all have as many, so that a text is as long for everybody."""
PATH: Final = "/a/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes the links of one installation; without a public address it makes none."""

    public_url: str
    key: bytes = field(repr=False)
    simulated: bool

    def __call__(self, person: int, version_id: int) -> str:
        """Return the link by which a person answers a version, or an empty string."""
        if not self.public_url:
            return ""
        link = Link(person, version_id, self.simulated)
        return f"{self.public_url}{PATH}{token(link, self.key)}"


class Link(NamedTuple):
    """Who answers what. `simulated`: it was in a text or mail to the simulator."""

    person: int
    version_id: int
    simulated: bool


def token(link: Link, key: bytes) -> str:
    """Return the token of `/a/{token}` in lower-case base32.

    The 96-bit HMAC of what it stands for is also what that is hidden with (a synthetic
    initialisation vector, as in RFC 5297): the same link gives the same token, and neither person
    nor version can be read from it, or guessed, without the key.
    """
    head = _HEAD.pack(link.person, link.version_id, link.simulated)
    mac = _mac(head, key)
    return _written(mac + _hidden(head, mac, key))


def read(text: str, key: bytes) -> Link | None:
    """Return what a token that this key made stands for, else None."""
    if len(text) != LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    if _written(raw) != text:
        return None  # one link has one spelling
    mac, hidden = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    head = _hidden(hidden, mac, key)
    if len(hidden) != _HEAD.size or not hmac.compare_digest(mac, _mac(head, key)):
        return None
    person, version_id, simulated = _HEAD.unpack(head)
    return Link(person, version_id, bool(simulated))


def _written(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _mac(head: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"answer link|" + head, "sha256")[:_MAC_BYTES]


def _hidden(head: bytes, mac: bytes, key: bytes) -> bytes:
    """Return it covered, or, of what is covered, bare."""
    cover = hmac.digest(key, b"answer link cover|" + mac, "sha256")
    return bytes(a ^ b for a, b in zip(head, cover, strict=False))
