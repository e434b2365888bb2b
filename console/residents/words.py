"""The phrases of the pages on which people register and choose, by language.

Each language is a file of `languages/`. The translations AWAIT A NATIVE SPEAKER'S CHECK, as those
of the other pages do; English is the original, and stands in where a language lacks a phrase. A
phrase that begins with "wrong_" says what is wrong, by the problem's code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from console.pages.phrases import ENGLISH, PHRASES

_FOLDER = Path(__file__).parent / "languages"


def _read(tag: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((_FOLDER / f"{tag}.json").read_text(encoding="utf-8"))
    return found


RESIDENT_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        tag: MappingProxyType({**_read(ENGLISH), **_read(tag)})
        for tag in PHRASES
        if (_FOLDER / f"{tag}.json").exists()
    }
)
"""Every phrase of these pages, by the language's tag; who reads another language gets English."""
