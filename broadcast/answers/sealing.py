"""Sealed boxes: whoever holds the public key can only put in, who holds the private key reads.

libsodium's crypto_box_seal by PyNaCl, https://pynacl.readthedocs.io/en/latest/public/#nacl-public-sealedbox
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A public key, and whether it is the stand-in that is used while none is set."""

    public: bytes
    interim: bool = False

    @property
    def id(self) -> str:
        """Which key it is, as kept beside what is sealed to it."""
        return ("interim-" if self.interim else "") + hashlib.sha256(self.public).hexdigest()[:16]

    def seal(self, content: dict[str, Any]) -> bytes:
        """Return the sealed content; nobody opens it without the private half."""
        return bytes(SealedBox(PublicKey(self.public)).encrypt(json.dumps(content).encode()))


@dataclass(frozen=True, slots=True)
class OpeningKey:
    """A private key."""

    private: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """Its public half."""
        return bytes(PrivateKey(self.private).public_key)

    def opened(self, sealed: bytes) -> dict[str, Any] | None:
        """Return what was sealed; None where it was sealed to another key."""
        try:
            found = json.loads(SealedBox(PrivateKey(self.private)).decrypt(sealed))
        except CryptoError:
            return None
        return found if isinstance(found, dict) else None


def new_key() -> OpeningKey:
    """Return a new private key, from the system's randomness."""
    return OpeningKey(bytes(PrivateKey.generate()))


def key_from(secret: bytes) -> OpeningKey:
    """Return the private key that belongs to a secret: the interim one, whose holder is whoever
    holds the secret.
    """
    return OpeningKey(hashlib.sha256(b"fasttime answers interim|" + secret).digest())
