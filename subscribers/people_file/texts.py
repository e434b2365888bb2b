"""Cells of words: what may stand in one, what a spreadsheet would run, how a refusal speaks of it.

Nothing here repeats a cell that may be a name, a number or an address.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from broadcast.files.csv_files import is_formula, unescape
from broadcast.levels.names import folded
from broadcast.problems import Rejected, refuse

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
"""Line breaks, and characters that nobody sees."""
SPACES = re.compile(r"\s+")


def words(cell: str, longest: int) -> str:
    """Return what a cell says, of at most `longest` characters. Raises Rejected."""
    if is_formula(cell):
        raise formula()
    text = unescape(cell)
    if CONTROL.search(text):
        raise refuse("control_character", "a line break or an invisible character", "take it out")
    if len(text) > longest:
        raise refuse("text_too_long", f"more than {longest} characters", "shorten it")
    return text


def external_id(cell: str) -> str:
    """Return what identifies somebody elsewhere, of at most 128 characters; "" where nothing does.
    Raises Rejected. A part "." or ".." is refused: it can stand in no address, since browsers and
    programs take it out before they ask (RFC 3986 section 5.2.4).
    """
    found = words(cell, 128)
    if "." in found and {".", ".."} & set(found.split("/")):
        raise refuse(
            "external_id_unreachable",
            "an id that is . or .., or has it between slashes, can stand in no web address",
            "add a letter or a digit to it",
        )
    return found


def in_ascii(text: str) -> str:
    """Return what somebody typed with the digits of any script as 0 to 9: telephones in Arabic,
    Urdu, Bengali or Punjabi may write their own.
    """
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def names(cell: str) -> str:
    """Return the names in a cell with ; between, each once, however spelt. Raises Rejected."""
    found: dict[str, str] = {}
    for part in cell.split(";"):
        name = SPACES.sub(" ", words(part.strip(), 100)) if part.strip() else ""
        if name:
            found.setdefault(folded(name), name)
    return ";".join(found.values())


def formula(field: str = "") -> Rejected:
    """Return the refusal of a cell that a spreadsheet would run."""
    return refuse(
        "formula_cell",
        "a spreadsheet would run this cell as a formula",
        "take out the first character, or put an apostrophe before it if it is text",
        field=field,
    )


def formula_or(cell: str, refusal: Rejected) -> Rejected:
    """Return why a cell is refused: that it is a formula, where it is one."""
    return formula() if is_formula(cell) else refusal


def shown(cell: str) -> str:
    """Return a word as a refusal may repeat it: "this" for what may be a name, a number or an
    address.
    """
    return repr(cell) if re.fullmatch(r"[a-z_]{1,20}", cell, re.IGNORECASE | re.ASCII) else "this"


def nearest(cell: str, allowed: Sequence[str]) -> str:
    """Return how to mend an unknown word: the allowed one like it, or all of them."""
    close = difflib.get_close_matches(cell, allowed, 1)
    return f"did you mean {close[0]}" if close else f"use {', '.join(allowed)}"
