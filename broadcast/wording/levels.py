"""The five UK threat levels: their order, and what each officially means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType

from broadcast.problems import refuse


class Level(StrEnum):
    """A threat level, written as the Security Service and JTAC publish it: in English capitals, in
    every language.
    """

    LOW = "LOW"
    MODERATE = "MODERATE"
    SUBSTANTIAL = "SUBSTANTIAL"
    SEVERE = "SEVERE"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """1 (LOW) to 5 (CRITICAL)."""
        return LEVELS.index(self) + 1


LEVELS: tuple[Level, ...] = tuple(Level)

ENDED = "ENDED"
"""What a change says that ends the level of a scope: it has none of its own from then on."""

UK = "UK"
"""The scope of the whole country: it always exists, and is the default."""


def is_official(scope: str) -> bool:
    """Return whether the official meanings are those of the scope's levels: the country and its
    places. Sectors and communities have scales of their own.
    """
    return not scope.startswith(("community:", "sector:"))


OFFICIAL_REVISIONS: tuple[tuple[str, date], ...] = (
    ("2006", date(2006, 8, 1)),
    ("2019", date(2019, 7, 23)),
)
"""Each official wording and the day it came into use; the change of 23 July 2019 changed the
words, not the level.
"""

OFFICIAL_MEANINGS: Mapping[str, Mapping[Level, str]] = MappingProxyType(
    {
        "2006": MappingProxyType(
            {
                Level.LOW: "an attack is unlikely",
                Level.MODERATE: "an attack is possible but not likely",
                Level.SUBSTANTIAL: "an attack is a strong possibility",
                Level.SEVERE: "an attack is highly likely",
                Level.CRITICAL: "an attack is expected imminently",
            }
        ),
        "2019": MappingProxyType(
            {
                Level.LOW: "an attack is highly unlikely",
                Level.MODERATE: "an attack is possible, but not likely",
                Level.SUBSTANTIAL: "an attack is likely",
                Level.SEVERE: "an attack is highly likely",
                Level.CRITICAL: "an attack is highly likely in the near future",
            }
        ),
    }
)
"""What each level means, by official revision."""

CURRENT_OFFICIAL_REVISION = "2019"


def official_revision(on: date) -> str:
    """Return the official wording in use on that day; the first one for every day before it."""
    current = OFFICIAL_REVISIONS[0][0]
    for revision, since in OFFICIAL_REVISIONS:
        if on >= since:
            current = revision
    return current


def official_since(revision: str) -> date:
    """Return the day on which an official wording came into use. Raises KeyError for none."""
    return dict(OFFICIAL_REVISIONS)[revision]


def rank(level: str) -> int:
    """Return 1 (LOW) to 5 (CRITICAL). Raises ValueError for anything else."""
    return Level(level).rank


def meaning(level: str, revision: str = CURRENT_OFFICIAL_REVISION) -> str:
    """Return the official English meaning, without a full stop. Raises ValueError for no level,
    KeyError for no revision.
    """
    return OFFICIAL_MEANINGS[revision][Level(level)]


def parse_level(text: object, *, field: str = "level") -> Level:
    """Return the level that somebody wrote, in any case; raise Rejected (level_missing,
    level_unknown with the nearest one).
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        raise refuse(
            "level_missing",
            "no threat level is given",
            f"write one of {', '.join(LEVELS)}",
            field=field,
        )
    word = text.strip().upper() if isinstance(text, str) else ""
    if word in LEVELS:
        return Level(word)
    near = get_close_matches(word, LEVELS, n=1)
    shown = ascii(text)[:40] if isinstance(text, str) else type(text).__name__
    raise refuse(
        "level_unknown",
        f"{shown} is no threat level",
        f"did you mean {near[0]}?" if near else f"write one of {', '.join(LEVELS)}",
        field=field,
    )
