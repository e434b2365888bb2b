"""How many SMS segments a text takes, and which of its characters cost.

Source: 3GPP TS 23.038 section 6.2.1 (GSM 7-bit default alphabet and its extension table), 3GPP TS
23.040 section 9.2.3.24.1 (concatenation: a header of six octets leaves 153 septets or 67 UCS-2
units).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each."""
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""An escape and a septet: two."""

_LIMITS = {"GSM-7": (160, 153), "UCS-2": (70, 67)}  # alone, and as one part of several


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The size of one text. `units` are septets for GSM-7 and 16-bit units for UCS-2; an empty text
    is one segment.

    `costly` names the characters that cost, each with its position (counted in characters from 0):
    where the text must go as UCS-2 those that are not in GSM-7 and force it, else those of the
    extension table, which count two.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    units: int
    costly: tuple[tuple[str, int], ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `fasttime sms segments --json` prints. A lone surrogate, which no JSON file
        can hold, is shown as U+FFFD.
        """
        costly = [
            {"char": "\ufffd" if "\ud800" <= char <= "\udfff" else char, "position": position}
            for char, position in self.costly
        ]
        return {
            "encoding": self.encoding,
            "segments": self.segments,
            "units": self.units,
            "costly": costly,
        }


def count(text: str) -> Segments:
    """Return encoding, segments, units and the characters that cost. Takes every str, lone
    surrogates too, and never raises.
    """
    foreign = tuple(
        (char, i)
        for i, char in enumerate(text)
        if char not in GSM_BASIC and char not in GSM_EXTENSION
    )
    if foreign:
        units, segments = _pack(_ucs2_sizes(text), "UCS-2")
        return Segments(encoding="UCS-2", segments=segments, units=units, costly=foreign)
    units, segments = _pack((2 if char in GSM_EXTENSION else 1 for char in text), "GSM-7")
    return Segments(
        encoding="GSM-7",
        segments=segments,
        units=units,
        costly=tuple((char, i) for i, char in enumerate(text) if char in GSM_EXTENSION),
    )


def _ucs2_sizes(text: str) -> Iterable[int]:
    """Yield the size of every piece that may not be split: 2 for a surrogate pair (also one held as
    two lone halves), else 1.
    """
    i = 0
    while i < len(text):
        pair_of_halves = (
            "\ud800" <= text[i] <= "\udbff"
            and i + 1 < len(text)
            and "\udc00" <= text[i + 1] <= "\udfff"
        )
        yield 2 if pair_of_halves or ord(text[i]) > 0xFFFF else 1
        i += 2 if pair_of_halves else 1


def _pack(sizes: Iterable[int], encoding: str) -> tuple[int, int]:
    """Return (units, segments) of pieces that may not be split across a segment's end."""
    alone, each = _LIMITS[encoding]
    total, used, segments = 0, 0, 1
    for size in sizes:
        total += size
        if used + size > each:
            segments, used = segments + 1, 0
        used += size
    return total, 1 if total <= alone else segments
