"""Which place somebody means who writes its name or its code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from broadcast.files.nearest import shown
from broadcast.places.areas import Area, AreaTree
from broadcast.problems import Rejected, refuse

MOST_FOUND: Final = 30
"""So many places are offered at most to whoever searches."""
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Meant:
    """What is meant by what somebody wrote: the one place, or those that it may be, the likeliest
    first. `same_name`: they are all called exactly that.
    """

    area: Area | None = None
    choices: tuple[Area, ...] = ()
    same_name: bool = False


def meant(
    tree: AreaTree, written: str, *, inside: Collection[str] | None = None, level: str = ""
) -> Meant:
    """Return which place is meant by its code or its whole name, without regard to case; where
    none has it, the places in whose name it stands.

    Of a name, `level` leaves only areas of that level; `inside`, a set of codes, is where places
    are looked for first and the only ones offered. A code is a code wherever it lies.
    """
    for code in (written.strip(), written.strip().upper()):
        if code in tree:
            return Meant(tree[code])
    said = _folded(written)
    called = [
        area
        for area in tree.all()
        if said and _folded(area.name) == said and level in ("", area.level)
    ]
    mine = [area for area in called if inside is None or area.code in inside]
    found = sorted(mine or called, key=_order)
    if len(found) == 1:
        return Meant(found[0])
    if found:
        return Meant(choices=tuple(found[:MOST_FOUND]), same_name=True)
    return Meant(choices=tuple(search(tree, written, inside=inside, level=level)))


def search(
    tree: AreaTree, wanted: str, *, inside: Collection[str] | None = None, level: str = ""
) -> list[Area]:
    """Return the places whose name contains these words, or whose code begins with them, the
    likeliest first and `MOST_FOUND` at most; `inside` and `level` as in `meant`.
    """
    said = _folded(wanted)
    if not said:
        return []
    found = [
        area
        for area in tree.all()
        if (inside is None or area.code in inside)
        and level in ("", area.level)
        and (said in _folded(area.name) or area.code.casefold().startswith(said))
    ]
    found.sort(key=lambda area: (not _folded(area.name).startswith(said), _order(area)))
    return found[:MOST_FOUND]


def unclear(written: str, found: Meant, field: str) -> Rejected:
    """Return the refusal of what was written, where it is not clear which place is meant."""
    which = ", ".join(f"{area.code} ({area.level})" for area in found.choices[:_NAMED])
    more = ", …" if len(found.choices) > _NAMED else ""
    if found.same_name:
        detail = f"several areas are called {shown(written)}"
        return refuse("area_ambiguous", detail, f"choose one: {which}{more}", field=field)
    detail = f"no area is called {shown(written)}"
    fix = f"choose of what was found: {which}{more}" if which else "write its whole name, or a code"
    return refuse("area_unknown", detail, fix, field=field)


def in_words(tree: AreaTree, area: Area) -> str:
    """Return what tells a place from others of its name: "Abbey (ward in Camden, E05013645)"."""
    above = tree[area.parent].name if area.parent and area.parent in tree else ""
    return f"{area.name} ({area.level}{f' in {above}' if above else ''}, {area.code})"


def _order(area: Area) -> tuple[str, str]:
    return area.name, area.code


@lru_cache(maxsize=32_768)
def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
