"""Cursors: where a page ended, signed, so that nobody makes one up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from broadcast.problems import Rejected, refuse

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_MAC_BYTES = 16


def write(key: bytes, about: str, *place: int) -> str:
    """Return the cursor of a place in the list `about` (such as "deliveries:7")."""
    payload = json.dumps([about, *place], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_mac(key, payload) + payload).rstrip(b"=").decode()


def read(key: bytes, about: str, text: str | None, count: int = 1) -> list[int] | None:
    """Return the `count` numbers that `write` was given, None where no cursor is; raises Rejected
    (400 cursor_invalid) for any other text.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(key, payload)):
            raise _forged()
        said: list[Any] = json.loads(payload)
    except ValueError:
        raise _forged() from None
    if said[0] != about or len(said) != count + 1:
        raise _forged()
    return [int(part) for part in said[1:]]


def limit_of(text: str | None) -> int:
    """Return the page size asked for, 100 where none is; raises Rejected (400 cursor_invalid)
    unless it is 1 to 1000.
    """
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT):
        raise refuse(
            "cursor_invalid",
            "a page holds 1 to 1000 entries",
            f"leave limit out ({DEFAULT_LIMIT}), or give a number from 1 to {MAX_LIMIT}",
            field="limit",
            status=400,
        )
    return int(text)


def _forged() -> Rejected:
    return refuse(
        "cursor_invalid",
        "this cursor is none of ours, or of another list",
        "take it from `next` of the page before, as it is",
        field="cursor",
        status=400,
    )


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, b"cursor" + payload, hashlib.sha256).digest()[:_MAC_BYTES]
