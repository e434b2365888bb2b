"""How the sites of an organisation are written: `E09000033;NW1 2DB;51.5,-0.1`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from broadcast.files.csv_files import unescape
from broadcast.problems import Rejected, refuse
from subscribers.people_file import other_places
from subscribers.people_file.other_places import OtherPlace

MOST: Final = 200
FORM: Final = "E09000033;NW1 2DB;51.5,-0.1"
_KIND: Final = "work"


def read(cell: str) -> list[OtherPlace]:
    """Return the sites of a cell, as written in `FORM`, each once. Raises Rejected."""
    parts = list(dict.fromkeys(filter(None, map(str.strip, unescape(cell).split(";")))))
    if len(parts) > MOST:
        raise refuse("too_many_places", f"more than {MOST} sites", "register a second organisation")
    return [other_places.at(_KIND, part, None) for part in parts]


def text(places: Sequence[OtherPlace]) -> str:
    """Return sites in their usual form."""
    return ";".join(str(each).removeprefix(f"{_KIND} ") for each in places)


@lru_cache(maxsize=1024)
def known(written: str) -> tuple[OtherPlace, ...]:
    """Return stored sites; a text that cannot be read counts as no site."""
    try:
        return tuple(read(written))
    except Rejected:
        return ()
