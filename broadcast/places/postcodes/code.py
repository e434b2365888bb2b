"""How a postcode is written: capitals, one space before the last three, whatever was typed.

Source of the forms: Royal Mail, Programmers' Guide to PAF, "Postcode Address File"; Guernsey (GY),
Jersey (JE) and Man (IM) have the same form, the forces' BFPO numbers their own.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LONGEST: Final = 100  # characters that are looked at: no postcode is longer, however it is spaced
_LEFT_OUT: Final = re.compile(r"[\s.,'_\u00ad\u200b-]+")
_UNIT: Final = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}", re.ASCII)
_MISREAD: Final = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?[OIL][A-Z]{2}", re.ASCII)
_OTHER: Final = re.compile(
    r"GIR0AA|NPT[0-9][A-Z]{2}|(?:ASCN|BBND|BIQQ|FIQQ|PCRN|SIQQ|STHL|TDCU|TKCA)1ZZ", re.ASCII
)
_FORCES: Final = re.compile(r"BFPO[0-9]{1,4}", re.ASCII)


def key(text: str) -> str:
    """Return a postcode without spaces in capitals, "" for what is no postcode of the United
    Kingdom, the Channel Islands, Man, an overseas territory or the forces.

    A letter O, I or L where only a digit can stand is read as that digit.
    """
    if len(text) > _LONGEST:
        return ""
    compact = _LEFT_OUT.sub("", unicodedata.normalize("NFKC", text)).upper()
    if _MISREAD.fullmatch(compact):
        compact = compact[:-3] + ("0" if compact[-3] == "O" else "1") + compact[-2:]
    known = _UNIT.fullmatch(compact) or _OTHER.fullmatch(compact) or _FORCES.fullmatch(compact)
    return compact if known else ""


def spaced(found: str) -> str:
    """Return a key as people write it: SW1A 2AA, BFPO 801."""
    at = 4 if found.startswith("BFPO") else -3
    return f"{found[:at]} {found[at:]}"
