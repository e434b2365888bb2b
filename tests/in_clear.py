"""Finding somebody's name, address or number in what a program wrote, in whatever form a program
might write it: as it is, in two bytes a letter, packed, in hexadecimal or base64, backwards, or as
a plain hash, which for a telephone number is as good as the number.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_HASHES: Final = (hashlib.md5, hashlib.sha1, hashlib.sha256)
_LONG_RUN: Final = re.compile(rb"\0{4096,}")
_PIECE: Final = 1 << 24
_LONGEST: Final = 512
_CUT: Final = 8
"""Bytes of a hash that are kept at least, where one is cut."""


def forms_of_word(word: str) -> dict[str, bytes]:
    """Return what to look for in lower-cased bytes, by what it is; `word` is ASCII letters."""
    low = word.casefold()
    found = {
        "plain": low.encode(),
        "two bytes a letter": _wide(low),
        "reversed": low[::-1].encode(),
    }
    for name, spelt in (("as written", word), ("lower case", low), ("upper case", word.upper())):
        found[f"hexadecimal, {name}"] = spelt.encode().hex().encode()
    return found


def forms_of_number(number: str) -> dict[str, bytes]:
    """Return the same of a telephone number, in E.164 ("+447700900613"): the country's digits may
    be missing or written otherwise, so what follows them is looked for.
    """
    digits, rest = number.removeprefix("+"), number.removeprefix("+44")
    backwards = rest[::-1]
    found = {"plain": rest.encode(), "two bytes a letter": _wide(rest)}
    for gap in (" ", "-", "%20", "+"):
        found[f"in groups by {gap!r}"] = f"{rest[:4]}{gap}{rest[4:]}".encode()
    found |= {
        "reversed": backwards.encode(),
        "reversed with points": ".".join(backwards).encode(),  # as in e164.arpa
        "hexadecimal": rest.encode().hex().encode(),
    }
    for name, text in (("whole", digits), ("national", rest)):
        found[f"packed, {name}"] = struct.pack("<q", int(text))
        found[f"packed the other way, {name}"] = struct.pack(">q", int(text))
    return found


def exact_forms(word: str) -> dict[str, bytes]:
    """Return what to look for in the bytes as they are: base64 of a word, wherever in the encoded
    text it begins, and the plain hashes of a whole value.
    """
    found = {}
    for name, spelt in (("as written", word), ("lower case", word.casefold())):
        for before in range(3):
            coded = base64.b64encode(b"\0" * before + spelt.encode())
            # the first and last characters hold bits of the neighbours
            core = coded[(0, 2, 3)[before] :].rstrip(b"=")[:-1]
            found[f"base64 {before}, {name}"] = core
            found[f"base64 for addresses {before}, {name}"] = core.translate(
                bytes.maketrans(b"+/", b"-_")
            )
    return found


def hashes_of(value: str) -> dict[str, bytes]:
    """Return how the plain hashes of a whole value begin, and the same in hexadecimal."""
    found = {}
    for make in _HASHES:
        digest = make(value.encode(), usedforsecurity=False)
        found[f"{digest.name} of {value}"] = digest.digest()[:_CUT]
        found[f"{digest.name} of {value}, in hexadecimal"] = digest.hexdigest()[: 2 * _CUT].encode()
    return found


class Search:
    """What is looked for: `words` in names and mail addresses, telephone `numbers` in E.164, and
    the plain hashes of whole `values`.
    """

    def __init__(
        self, *, words: Iterable[str] = (), numbers: Iterable[str] = (), values: Iterable[str] = ()
    ) -> None:
        self._lowered: dict[str, bytes] = {}
        self._exact: dict[str, bytes] = {}
        for word in words:
            self._lowered |= {f"{word} {form}": b for form, b in forms_of_word(word).items()}
            self._exact |= {f"{word} {form}": b for form, b in exact_forms(word).items()}
        for number in numbers:
            self._lowered |= {f"{number} {f}": b for f, b in forms_of_number(number).items()}
            rest = number.removeprefix("+44")
            self._exact |= {f"{number} {form}": b for form, b in exact_forms(rest).items()}
        for value in {*values, *(v for number in numbers for v in _spellings(number))}:
            self._exact |= hashes_of(value)

    def found_in(self, held: bytes) -> list[str]:
        """Return which of it stands in these bytes, and in which form."""
        held = _LONG_RUN.sub(b"\0" * 64, held)  # holes of files, and pages never written
        lowered = held.lower()
        found = [name for name, form in self._exact.items() if form in held]
        return found + [name for name, form in self._lowered.items() if form in lowered]

    def found_in_files(self, files: Iterable[Path]) -> list[str]:
        """Return the same of files, with the name of each. One that goes while we look, or is no
        file, is passed over.
        """
        return [
            f"{path}: {what}"
            for path in files
            for piece in _pieces(path)
            for what in self.found_in(piece)
        ]


def _pieces(path: Path) -> Iterator[bytes]:
    """Read a file in pieces that overlap by more than the longest form."""
    try:
        with path.open("rb") as file:
            piece = file.read(_PIECE)
            while piece:
                yield piece
                more = file.read(_PIECE)
                piece = piece[-_LONGEST:] + more if more else b""
    except (FileNotFoundError, IsADirectoryError):
        return


def _wide(text: str) -> bytes:
    """Return what UTF-16 has of a text whichever byte comes first."""
    return text.encode("utf-16-le")[:-1]


def _spellings(number: str) -> tuple[str, ...]:
    rest = number.removeprefix("+44")
    return number, number.removeprefix("+"), f"0{rest}"
