"""The languages that we speak: English, Welsh and 21 of those most spoken at home in London by the
2021 census. The phrases of each are a file of `packs/`.

Every language but English AWAITS A NATIVE SPEAKER'S CHECK (pack.AWAITING_CHECK). A new language is
its file, its line here, and its file among those of the pages (`console/pages/languages/`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broadcast.wording.levels import LEVELS, meaning
from broadcast.wording.pack import Pack, load_packs, primary

_IN_ENGLISH: Mapping[str, str] = {
    "en": "English",
    "cy": "Welsh",
    "pl": "Polish",
    "ro": "Romanian",
    "es": "Spanish",
    "pt": "Portuguese",
    "fr": "French",
    "it": "Italian",
    "bn": "Bengali",
    "gu": "Gujarati",
    "pa": "Panjabi",
    "tr": "Turkish",
    "ar": "Arabic",
    "ur": "Urdu",
    "ta": "Tamil",
    "fa": "Persian",
    "so": "Somali",
    "lt": "Lithuanian",
    "el": "Greek",
    "ru": "Russian",
    "zh": "Chinese",
    "bg": "Bulgarian",
    "sq": "Albanian",
}
"""Every language by its tag, in the order in which people choose from them."""

NAMED = ("en", *sorted(tag for tag in _IN_ENGLISH if tag != "en"))
"""The languages that we have a name for, English first."""


def read_pack(tag: str, text: str) -> Pack:
    """Return the pack that a file of `packs/` holds: a JSON object of the fields of Pack.

    Raises ValueError where a phrase is missing, unknown or against the rules of Pack.
    """
    phrases: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(text).items()
    }
    if primary(tag) == "en":  # the official words stand in levels.py, once
        phrases.setdefault("level_meanings", tuple(map(meaning, LEVELS)))
    try:
        return Pack(tag=tag, **phrases)
    except TypeError as error:
        raise ValueError(
            f"packs/{tag}.json: {error}; write exactly the phrases that packs/en.json has"
        ) from error


def _read(tag: str) -> Pack:
    path = Path(__file__).parent / "packs" / f"{tag}.json"
    return read_pack(tag, path.read_text(encoding="utf-8"))


# A language without its file, or with a faulty one, stops the start.
PACKS = load_packs(tuple(map(_read, _IN_ENGLISH)))
ENGLISH = PACKS["en"]


def pack_for(tag: str) -> Pack:
    """Return the pack of exactly this tag, else of its primary language, else English."""
    return PACKS.get(tag.lower()) or PACKS.get(primary(tag)) or PACKS["en"]


def all_packs() -> Mapping[str, Pack]:
    """Return every pack by its lower-case tag."""
    return PACKS


def in_english(tag: str) -> str:
    """Return a language as an operator reads it: "Polish [pl]"; the tag where we have no name."""
    name = _IN_ENGLISH.get(primary(tag), "")
    return f"{name} [{tag}]" if name else tag
