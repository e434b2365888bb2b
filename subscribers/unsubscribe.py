"""The links by which a person stops: a token per person and channel, made from a key, kept nowhere."""

from __future__ import annotations

import base64
import hmac

_CHANNELS = ("sms", "voice", "email")
_MAC_BYTES = 16


def token(person_id: int, channel: str, key: bytes) -> str:
    """Return the token of `/u/{token}`: the person, the channel and a 128-bit HMAC, in lower-case base32."""
    head = person_id.to_bytes(4, "big") + bytes([_CHANNELS.index(channel) if channel in _CHANNELS else 255])
    return base64.b32encode(head + _mac(head, key)).decode().rstrip("=").lower()


def read(text: str, key: bytes) -> tuple[int, str] | None:
    """Return (person id, channel) of a token that this key made, else None."""
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    head, mac = raw[:5], raw[5:]
    if len(raw) != 5 + _MAC_BYTES or not hmac.compare_digest(mac, _mac(head, key)) or head[4] >= len(_CHANNELS):
        return None
    return int.from_bytes(head[:4], "big"), _CHANNELS[head[4]]


def _mac(head: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"unsubscribe" + head, "sha256")[:_MAC_BYTES]
