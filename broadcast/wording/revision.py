"""The revision of the words that we add to an author's: computed from the words themselves, never
raised by hand.

It is part of what two people approve. Whoever approves has seen a rendering made with exactly these
words and this sender's name, with its times in this time zone; with others the approval is void.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from broadcast.wording.cancelling import all_words
from broadcast.wording.languages import all_packs
from broadcast.wording.levels import OFFICIAL_MEANINGS
from broadcast.wording.times import DEFAULT_ZONE

_LAYOUT = (
    "answering.py",
    "discreet.py",
    "ending.py",
    "level_ending.py",
    "levels.py",
    "pack.py",
    "render/__init__.py",
    "render/call.py",
    "render/mail.py",
    "render/text_message.py",
    "render/words.py",
    "roles.py",
    "speech.py",
    "times.py",
)
"""Modules of this package that decide where our words stand, and how they are cut and read
aloud.
"""


@lru_cache(maxsize=8)
def wording_revision(
    sender_name: str, zone: str = DEFAULT_ZONE, no_replies: frozenset[str] = frozenset()
) -> str:
    """Return 32 hex digits over every phrase, every layout rule, the sender's name, the time
    zone, and of which statuses texts take no replies (128 bits of a SHA-256).
    """
    made_of = [sender_name, zone, *sorted(no_replies)]
    digest = hashlib.sha256(json.dumps(made_of).encode())
    for tag, pack in sorted(all_packs().items()):
        digest.update(json.dumps([tag, asdict(pack)], sort_keys=True).encode())
    digest.update(
        json.dumps(
            [all_words(), {k: dict(v) for k, v in OFFICIAL_MEANINGS.items()}], sort_keys=True
        ).encode()
    )
    for name in _LAYOUT:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:32]
