"""How other places are written: `work E09000033;school NW1 2DB;visiting 51.5,-0.1 until TIME`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

from broadcast.files.csv_files import unescape
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import Rejected, refuse
from subscribers.people_file import places as cells
from subscribers.people_file.texts import formula_or, nearest, shown

KINDS: Final = ("home", "work", "shop", "school", "visiting")
MOST: Final = 5
FORM: Final = "work E09000033;school NW1 2DB;visiting 51.5,-0.1 until 2026-12-24T18:00Z"
"""How such places are written."""


class OtherPlace(NamedTuple):
    """A place beside the person's own: an area's code, a postcode, or degrees. `until`: when a
    visit ends, aware UTC.
    """

    kind: str
    area: str = ""
    postcode: str = ""
    lat: float | None = None
    lon: float | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        where = self.area or self.postcode or f"{_degrees(self.lat)},{_degrees(self.lon)}"
        end = "" if self.until is None else f" until {self.until:%Y-%m-%dT%H:%MZ}"
        return f"{self.kind} {where}{end}"


def _degrees(value: float | None) -> str:
    """Return degrees as the file has them: never with an exponent."""
    return f"{value or 0:.9f}".rstrip("0").rstrip(".")


def read(cell: str) -> list[OtherPlace]:
    """Return the places of a cell, as written in `FORM`. Raises Rejected."""
    found = [_place(part) for part in filter(None, map(str.strip, unescape(cell).split(";")))]
    if len(found) > MOST:
        raise too_many()
    return found


def too_many() -> Rejected:
    """Return the refusal of more places than are kept."""
    return refuse("too_many_places", f"more than {MOST} other places", "leave some out")


def _place(part: str) -> OtherPlace:
    kind, _, rest = part.partition(" ")
    kind = kind.casefold()
    if kind not in KINDS:
        detail = f"{shown(kind)} is no kind of place"
        raise formula_or(part, refuse("place_kind_unknown", detail, nearest(kind, KINDS)))
    where, _, until = (each.strip() for each in rest.partition(" until "))
    return at(kind, where, time(until) if until else None)


def at(kind: str, where: str, until: datetime | None) -> OtherPlace:
    """Return a place of an area's code, a postcode or degrees. Raises Rejected."""
    if (kind == "visiting") != (until is not None):
        raise refuse(
            "visit_until",
            "a visit has an end, and nothing else has",
            "write a visit as visiting E09000033 until 2026-12-24T18:00Z",
        )
    if not where:
        raise refuse("place_missing", f"no place is named: {kind}", f"write it as {FORM}")
    if "," in where:
        lat, lon = (each.strip() for each in where.split(",", 1))
        y, x = cells.point(lat, lon)
        return OtherPlace(kind, lat=y, lon=x, until=until)
    if postcodes.key(where):
        return OtherPlace(kind, postcode=cells.postcode(where), until=until)
    return OtherPlace(kind, area=cells.area(where), until=until)


def time(text: str) -> datetime:
    """Return a moment in UTC, to the minute. Raises Rejected."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        fix = "write it as 2026-12-24T18:00Z, or with an offset"
        raise refuse("time_invalid", "this is no time with its offset", fix)
    return found.astimezone(UTC).replace(second=0, microsecond=0)


def text(places: Sequence[OtherPlace]) -> str:
    """Return places in their usual form."""
    return ";".join(str(each) for each in places)


@lru_cache(maxsize=1024)
def known(written: str) -> tuple[OtherPlace, ...]:
    """Return the places of the registry; what cannot be read there counts as none."""
    try:
        return tuple(read(written))
    except Rejected:
        return ()
