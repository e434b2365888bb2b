"""Attempt ids: what names one attempt to one person, everywhere outside our database (rule
R13).
"""

from __future__ import annotations

import hmac
import re
import secrets

from broadcast import macs

_SLICE_HEX = 32
_FORM = re.compile(r"[0-9a-f]{50}")


def new_slice_attempt() -> str:
    """Return a new 128-bit slice attempt id as 32 hexadecimal digits."""
    return secrets.token_hex(_SLICE_HEX // 2)


def _mac(slice_attempt: str, position: int, key: bytes) -> str:
    return macs.under(key)(b"%b%02x" % (slice_attempt.encode(), position)).hex()[:16]


def person_attempt(slice_attempt: str, position: int, key: bytes) -> str:
    """Return the attempt id of the person at `position` (0..255) of a slice: slice id, position,
    truncated HMAC.

    50 lower-case hexadecimal digits: fits a URL path, a Message-ID and an e-mail local part. The
    HMAC stops a recipient from forging the bounces of the other people in the same slice.
    """
    return f"{slice_attempt}{position:02x}{_mac(slice_attempt, position, key)}"


def parse_person_attempt(text: str, key: bytes) -> tuple[str, int] | None:
    """Return (slice attempt id, position), or None where the text is not an attempt id that this
    key made.
    """
    if not _FORM.fullmatch(text):
        return None
    slice_attempt, position = text[:_SLICE_HEX], int(text[_SLICE_HEX : _SLICE_HEX + 2], 16)
    if not hmac.compare_digest(text[_SLICE_HEX + 2 :], _mac(slice_attempt, position, key)):
        return None
    return slice_attempt, position
