"""The public pages' own phrases, by language, and which of them a reader gets.

Each language is a file of `languages/`, one for every language of the messages. The translations
AWAIT A NATIVE SPEAKER'S CHECK, as those of the messages do; English is the original.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from broadcast.wording.languages import all_packs
from broadcast.wording.pack import primary

ENGLISH = "en"

_FOLDER = Path(__file__).parent / "languages"


def _read(tag: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_FOLDER / f"{tag}.json").read_text(encoding="utf-8"))
    return found


# A language without its file stops the start: nobody's page may break where they need it.
_ALL = {tag: _read(tag) for tag in all_packs()}

PHRASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {tag: MappingProxyType(found["pages"]) for tag, found in _ALL.items()}
)
"""Every phrase of the pages, by the language's tag."""

OWN_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {tag: MappingProxyType(found["own_link"]) for tag, found in _ALL.items()}
)
"""Every phrase of a person's own link (the way out of a channel, and the way back), by the
language's tag. A channel's name, `{words}`, is put in where no language bends it.
"""

ANSWER_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {tag: MappingProxyType(found["answer"]) for tag, found in _ALL.items()}
)
"""Every phrase of the page on which an appeal is answered, by the language's tag. Those that are
called as the code of a problem say what is wrong.
"""


def chosen(asked: str, accepted: str) -> str:
    """Return the language of a page: the one asked for by the switch, else the best of
    Accept-Language (RFC 9110 section 12.5.4), else English.
    """
    if asked in PHRASES:
        return asked
    wanted: list[tuple[float, int, str]] = []
    for n, part in enumerate(accepted.split(",")[:30]):
        tag, _, weight = part.strip().partition(";")
        quality = 1.0
        if weight.strip().startswith("q="):
            try:
                quality = float(weight.strip()[2:])
            except ValueError:
                quality = 0.0
        if primary(tag.strip()) in PHRASES and quality > 0:
            wanted.append((-quality, n, primary(tag.strip())))
    return min(wanted)[2] if wanted else ENGLISH
