"""The links by which a person stops: a token per person and channel, made from a key, kept
nowhere.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from typing import Final, NamedTuple

from broadcast import macs

_CHANNELS = ("sms", "voice", "email")
_SIMULATED = 0x40  # added to the channel: the HMAC covers it, so nobody can take it off
_MAC_BYTES = 16
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 section 6, in lower case
_PAIRS: Final = [first + second for first in _LETTERS for second in _LETTERS]


_STOPPED_BY_ANSWER = ("sms", "voice")
"""Channels on which people answer STOP, or press a key: no link is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes the links of one installation; without a public address it makes none."""

    public_url: str
    key: bytes
    simulated: bool

    def __call__(self, person: int, channel: str) -> str:
        """Return the link by which a person opts out, or an empty string."""
        if not self.public_url or channel in _STOPPED_BY_ANSWER:
            return ""
        made = token(person, channel, self.key, simulated=self.simulated)
        return f"{self.public_url}/u/{made}"


class Link(NamedTuple):
    """What a link stops. `simulated`: it was in a mail to the simulator, and stops nothing."""

    person: int
    channel: str
    simulated: bool


def token(person_id: int, channel: str, key: bytes, *, simulated: bool = False) -> str:
    """Return the token of `/u/{token}`: the person, the channel, whether it was simulated, and a
    128-bit HMAC, in lower-case base32.
    """
    number = (
        _CHANNELS.index(channel) | (_SIMULATED if simulated else 0) if channel in _CHANNELS else 255
    )
    head = person_id.to_bytes(4, "big") + bytes([number])
    return _base32(head + _mac(head, key))


def read(text: str, key: bytes) -> Link | None:
    """Return what a token that this key made stands for, else None."""
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    head, mac = raw[:5], raw[5:]
    if len(raw) != 5 + _MAC_BYTES or not hmac.compare_digest(mac, _mac(head, key)):
        return None
    simulated, number = bool(head[4] & _SIMULATED), head[4] & ~_SIMULATED
    return (
        Link(int.from_bytes(head[:4], "big"), _CHANNELS[number], simulated)
        if number < len(_CHANNELS)
        else None
    )


def _base32(raw: bytes) -> str:
    """Return these 21 bytes as 34 letters: half the time of `base64.b32encode`, once a mail."""
    number = int.from_bytes(raw, "big") << 2
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(160, -1, -10)])


def _mac(head: bytes, key: bytes) -> bytes:
    return macs.under(key)(b"unsubscribe" + head)[:_MAC_BYTES]
