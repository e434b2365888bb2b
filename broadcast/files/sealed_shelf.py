"""Pieces of bytes put aside for as long as a process works on them, sealed where they leave memory.

What a file of people holds is put aside piece by piece until the whole of it is known to be right.
A million people would fill the memory, and must not lie on a disk in clear: beyond the first
megabytes a piece goes into a file without a name, under a key that nobody but this process ever
has and that is gone with it (AES-256-GCM, each piece under its own number).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

IN_MEMORY: Final = 8 * 1024 * 1024
"""Bytes that are kept in memory before anything goes into a file."""
_KEY_BITS: Final = 256
_NONCE_BYTES: Final = 12


class Shelf(Protocol):
    """Where pieces are put, and read again in their order; a list of bytes is one."""

    def append(self, piece: bytes, /) -> None:
        """Put a piece behind the others."""

    def __getitem__(self, number: int, /) -> bytes:
        """Return a piece by its number, from 0."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield every piece, in their order."""

    def __len__(self) -> int:
        """Return how many there are."""


class SealedShelf:
    """A shelf of any size that holds `in_memory` bytes in memory and the rest sealed in a file; to
    be closed. For one thread at a time.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._room = in_memory
        self._held: list[bytes] = []
        self._file: BinaryIO | None = None
        self._places: list[tuple[int, int]] = []
        self._cipher = AESGCM(AESGCM.generate_key(_KEY_BITS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, piece: bytes, /) -> None:
        """Put a piece behind the others. Raises OSError where the disk is full."""
        if self._file is None and len(piece) <= self._room:
            self._room -= len(piece)
            self._held.append(piece)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        sealed = self._cipher.encrypt(_nonce(len(self)), piece, None)
        self._file.seek(0, 2)
        self._places.append((self._file.tell(), len(sealed)))
        self._file.write(sealed)

    def __getitem__(self, number: int, /) -> bytes:
        if not 0 <= number < len(self):
            raise IndexError(number)
        if number < len(self._held):
            return self._held[number]
        assert self._file is not None
        start, size = self._places[number - len(self._held)]
        self._file.seek(start)
        return self._cipher.decrypt(_nonce(number), self._file.read(size), None)

    def __iter__(self) -> Iterator[bytes]:
        return (self[number] for number in range(len(self)))

    def __len__(self) -> int:
        return len(self._held) + len(self._places)

    def close(self) -> None:
        """Let go of everything; the file goes with it."""
        self._held.clear()
        self._places.clear()
        if self._file is not None:
            self._file.close()
            self._file = None


def _nonce(number: int) -> bytes:
    # the key is of one shelf alone, which seals each number once
    return number.to_bytes(_NONCE_BYTES, "big")
