"""Invented people who show what a person of each language and channel would get: nobody's name, and
nothing of anybody who is registered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Final

from broadcast.content.model import PERSONAL_CHANNELS

NAMES: Final = ("Ada Example", "Ben Example", "Cai Example", "Dee Example", "Eli Example")
"""Nobody is called Example, and no number or address stands beside them."""
GETS: Final[Mapping[str, str]] = {
    "sms": "a text message",
    "voice": "a telephone call",
    "email": "an e-mail",
}


def combinations(
    languages: Sequence[str], channels: Sequence[str], most: int = len(NAMES)
) -> list[tuple[str, str]]:
    """Return at most so many pairs of language and channel, so that every language and every
    channel is among them as long as there is room, then the others in their order.
    """
    if not languages or not channels:
        return []
    first = [
        (languages[n % len(languages)], channels[n % len(channels)])
        for n in range(max(len(languages), len(channels)))
    ]
    return list(dict.fromkeys([*first, *product(languages, channels)]))[:most]


def people(texts: Sequence[Mapping[str, Any]], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return who they are, each with what arrives, and how many languages have nobody here.

    `texts` is every text as it arrives (`showing.texts`). `shown` are the numbers of a preview as
    they may be read: which languages and channels anybody has is taken from these alone, so that
    these people say nothing that the numbers beside them do not, in a drawn shape too.
    """
    rendered = {(by["tag"], text["by"]): text for by in texts for text in by["texts"]}
    languages = [by["tag"] for by in texts if shown["languages"].get(by["tag"])]
    channels = [
        channel
        for channel in PERSONAL_CHANNELS
        if shown["channels"].get(channel) and any(by == channel for _, by in rendered)
    ]
    pairs = combinations(languages, channels)
    found = [
        {
            "name": name,
            "reads": language,
            "gets": GETS[channel],
            "text": rendered[language, channel],
        }
        for name, (language, channel) in zip(NAMES, pairs, strict=False)
    ]
    return {"people": found, "others": len(set(languages) - {tag for tag, _ in pairs})}
