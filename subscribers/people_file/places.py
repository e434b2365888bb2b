"""Cells that say where somebody is: degrees north and east, a postcode, the code of an area.

A cell is judged by itself here. Whether the place lies in an area that is imported, and where a
postcode lies, is known to who has the areas: `reading.py`, `subscribers/registry/by_postcode.py`.
"""

from __future__ import annotations

import re
import unicodedata

from broadcast.files.csv_files import is_formula, unescape
from broadcast.places.geometry import UK_BOUNDS
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import refuse
from subscribers.people_file.texts import SPACES, formula, formula_or

_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{0,20})?", re.ASCII)
_OTHER_POSTCODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,9}", re.ASCII)


def point(lat: str, lon: str) -> tuple[float, float]:
    """Return a place in degrees north and east, of two cells of which one at least says something.

    Raises Rejected, which names lat or lon.
    """
    if not lat or not lon:
        raise refuse(
            "coordinate_missing",
            "one of lat and lon is empty",
            "give both, or neither",
            field="lat" if lon else "lon",
        )
    y, x = _degrees("lat", lat), _degrees("lon", lon)
    west, south, east, north = UK_BOUNDS
    if west <= y <= east and south <= x <= north:
        raise refuse(
            "coordinates_swapped",
            "latitude and longitude are swapped",
            "lat is about 50 to 60 here, lon about -8 to 2",
            field="lat",
        )
    if abs(y) > 90 or abs(x) > 180:
        raise refuse(
            "coordinate_range",
            "no place on Earth",
            "lat is -90..90, lon -180..180",
            field="lat" if abs(y) > 90 else "lon",
        )
    return y, x


def postcode(cell: str) -> str:
    """Return a postcode with its one space; one of another country stays as it is written. Raises
    Rejected.
    """
    if known := postcodes.key(unescape(cell)):
        return postcodes.spaced(known)
    # none is longer than ten characters, however it is spaced
    may_be = len(cell) <= 100
    text = SPACES.sub(" ", unicodedata.normalize("NFKC", cell)).upper() if may_be else ""
    if not may_be or (text and not _OTHER_POSTCODE.fullmatch(text)):
        fix = "write it as SW1A 2AA, or leave it empty"
        raise formula_or(cell, refuse("postcode_invalid", "this is no postcode", fix))
    return text


def area(cell: str) -> str:
    """Return the code of an area, "" for none; whether it is imported is not asked. Raises
    Rejected.
    """
    if cell and (
        len(cell) > 64
        or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in cell)
        or is_formula(cell)
    ):
        fix = "use GSS codes such as E09000033"
        raise formula_or(cell, refuse("area_code", "this cannot be the code of an area", fix))
    return cell


def _degrees(column: str, cell: str) -> float:
    if cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        raise refuse(
            "coordinate_not_finite",
            "this is no finite number",
            "write degrees such as 51.5074",
            field=column,
        )
    if not _DEGREES.fullmatch(cell):
        if cell[0] in "=@":
            raise formula(column)
        raise refuse(
            "coordinate_invalid",
            "this is no number of degrees",
            "write degrees such as 51.5074",
            field=column,
        )
    return float(cell)
