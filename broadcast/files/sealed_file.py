"""A file that one receiver alone opens, of any length, written and read piece by piece.

Its key is made for it alone and sealed to the receiver's public key (libsodium's crypto_box_seal),
so that nothing secret travels with it or beside it. The content is AES-256-GCM in pieces of one
size, each under its own number, the last one marked as the last (the STREAM construction: Hoang,
Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): a piece that was changed, left out, doubled, moved or
taken from another file is refused, and so is a file that was cut off or went on. The key of the
pieces is made from the head, too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from broadcast.problems import Rejected, refuse

MAGIC: Final = b"fasttime registry 1\n"
KEY_BYTES: Final = 32
PIECE: Final = 64 * 1024
"""Bytes of content in each piece but the last."""
_ID_BYTES, _TAG_BYTES, _SEAL_BYTES = 8, 16, 48
_HIGHEST_BIT: Final = 0x80
_HEAD_BYTES: Final = len(MAGIC) + _ID_BYTES + KEY_BYTES + _SEAL_BYTES


def new_private() -> bytes:
    """Return a new private key, from the system's randomness.

    Its highest bit is set. Curve25519 leaves that bit of a private key unused, and no public key
    has it: whoever gives the wrong half is told so (`looks_private`) before it is kept anywhere.
    """
    private = bytearray(bytes(PrivateKey.generate()))
    private[-1] |= _HIGHEST_BIT
    return bytes(private)


def looks_private(key: bytes) -> bool:
    """Whether these bytes are no public key, and may be the half that must not travel."""
    return bool(key[-1] & _HIGHEST_BIT)


def seals(public: bytes) -> bool:
    """Whether something can be sealed to these bytes: a few points would hide nothing."""
    try:
        SealedBox(PublicKey(public)).encrypt(b"")
    except CryptoError:
        return False
    return True


def public_of(private: bytes) -> bytes:
    """Return the public half of a private key."""
    return bytes(PrivateKey(private).public_key)


def id_of(public: bytes) -> str:
    """Return by what people tell a public key from others."""
    return _id(public).hex()


class Writer:
    """Writes lines into a sealed file. What is not closed is no file: it lacks its end."""

    def __init__(self, file: BinaryIO, to: bytes) -> None:
        secret = secrets.token_bytes(KEY_BYTES)
        head = MAGIC + _id(to) + SealedBox(PublicKey(to)).encrypt(secret)
        file.write(head)
        self._file, self._cipher = file, _cipher(secret, head)
        self._hash = hashlib.sha256(head)
        self._waiting, self._number = bytearray(), 0

    def line(self, text: str) -> None:
        """Add one line; `text` has no line's end of its own."""
        self._waiting += text.encode() + b"\n"
        while len(self._waiting) > PIECE:
            self._piece(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]

    def close(self) -> str:
        """Write the end; return the SHA-256 of the whole file, as `sha256sum` prints it."""
        self._piece(bytes(self._waiting), last=True)
        self._waiting.clear()
        return self._hash.hexdigest()

    def _piece(self, content: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), content, None)
        self._number += 1
        self._hash.update(sealed)
        self._file.write(sealed)


def lines(file: BinaryIO, private: bytes) -> Iterator[str]:
    """Yield the lines of a sealed file. Only after the last one is it sure that the file is whole:
    until then nothing of it may count. Raises Rejected: sealed_file_unknown, sealed_file_key,
    sealed_file_broken.
    """
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or not head.startswith(MAGIC):
        raise refuse(
            "sealed_file_unknown",
            "this is no file of `fasttime registry export`, or not its beginning",
            "give the file as it was written",
            field="FILE",
        )
    cipher = _cipher(_secret(head, private), head)
    rest, number = b"", 0
    sealed = file.read(PIECE + _TAG_BYTES)
    while True:
        following = file.read(PIECE + _TAG_BYTES)
        try:
            content = cipher.decrypt(_nonce(number, last=not following), sealed, None)
        except (InvalidTag, ValueError):
            raise _broken(number) from None
        *whole, rest = (rest + content).split(b"\n")
        yield from (line.decode() for line in whole)
        if not following:
            break
        sealed, number = following, number + 1
    if rest:
        raise _broken(number)


def _secret(head: bytes, private: bytes) -> bytes:
    named = head[len(MAGIC) : len(MAGIC) + _ID_BYTES]
    mine = _id(public_of(private))
    try:
        return SealedBox(PrivateKey(private)).decrypt(head[len(MAGIC) + _ID_BYTES :])
    except CryptoError:
        if named == mine:
            raise _broken(0) from None
        raise refuse(
            "sealed_file_key",
            f"the file is sealed to the key {named.hex()}, and this is {mine.hex()}",
            "give the private half of the key that it was exported to",
            field="--key",
        ) from None


def _broken(number: int) -> Rejected:
    return refuse(
        "sealed_file_broken",
        f"the file is not as it was written: piece {number + 1} was changed, moved or cut off",
        "copy it anew, and compare its SHA-256 with the one that `registry export` printed",
        field="FILE",
    )


def _cipher(secret: bytes, head: bytes) -> AESGCM:
    return AESGCM(hmac.digest(secret, b"fasttime pieces|" + head, "sha256"))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _id(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()[:_ID_BYTES]
