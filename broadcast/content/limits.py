"""How much one message may hold. Counts and lengths are asked first, before anything costs time.

The table of docs/interfaces.md (Limits of a message) says the same; a test holds the two together.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from broadcast.problems import Problem

TEXT_LENGTHS: Final = MappingProxyType(
    {
        "headline": 500,
        "description": 20_000,
        "instruction": 5_000,
        "sms": 1_600,
        "voice": 4_000,
        "hotlines": 200,
        "source": 500,
        "note": 5_000,
        "incidents": 500,
        "exercise": 40,
    }
)
"""Characters of each text. Of an SMS this is what a provider takes; its parts are counted
beside.
"""

COUNTS: Final = MappingProxyType(
    {
        "languages": 50,
        "areas": 10_000,
        "polygons": 500,
        "circles": 100,
        "hotlines": 20,
        "incidents": 20,
        "channels": 20,
        "audience.kinds": 20,
        "audience.sectors": 100,
        "audience.communities": 100,
        "audience.trades": 21,
        "audience.sizes": 4,
    }
)
"""Items of each list. Of polygons every part and every ring counts, holes included."""

ALL_TEXT: Final = 200_000
"""Characters of all texts of a message together, over all languages."""
CORNERS: Final = 10_000
"""Corners of all polygons together: a drawn shape has tens, a whole force a few thousand."""
CROSSINGS: Final = 50_000
"""Places where outlines of one message cross each other: a union has a corner at each of them."""
WORD: Final = 200
"""Characters of a word of a closed list, a level, a scope, a code of an area or an expiry."""
SHAPE_TEXT: Final = 150 * CORNERS
"""Characters of one polygon written as CAP writes it; a circle has WORD."""
NAME: Final = 100
"""Characters of a community's or sector's name."""


def too_many(field: str, found: int, limit: int) -> Problem:
    """Return the refusal of a list that is too long."""
    return Problem(
        code="too_many",
        detail=f"{found:,} where a message has at most {limit:,}",
        fix="leave some out, or write a second message",
        field=field,
    )


def too_long(field: str, found: int, limit: int) -> Problem:
    """Return the refusal of a text that is too long."""
    return Problem(
        code="text_too_long",
        detail=f"{found:,} characters where there may be {limit:,}",
        fix="write it shorter",
        field=field,
    )
