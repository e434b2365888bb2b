"""Which geocodes of a CAP area name an area of ours."""

from __future__ import annotations

import re

from broadcast.cap.model import CapArea

GSS = "GSS"  # the valueName we write
_CODE = re.compile(r"[EKNSW][0-9]{8}")  # the form of a Government Statistical Service code


def gss_codes(area: CapArea) -> tuple[str, ...]:
    """Return the area codes in their order: every value named GSS, and values of any other name
    that have the form of a GSS code.
    """
    return tuple(
        value for name, value in area.geocodes if name == GSS or _CODE.fullmatch(value.strip())
    )
