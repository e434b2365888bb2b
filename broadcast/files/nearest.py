"""Which known word was probably meant by an unknown one: the "did you mean" of every refusal."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 40  # characters of somebody's input that a refusal repeats


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word closest to `word`, ignoring case and the difference of -, _ and space;
    None where nothing is close.
    """
    by_key = {_key(k): k for k in known}
    found = get_close_matches(_key(word[:200]), by_key, n=1, cutoff=0.6)
    return by_key[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return how to mend an unknown word: the nearest known one, or all of them."""
    choices = list(known)
    best = nearest(word, choices)
    return f"did you mean {best}?" if best else f"use one of {', '.join(choices)}"


def shown(word: str) -> str:
    """Return input as it may be repeated in a refusal: short, in quotes, and without control or
    invisible characters.
    """
    cut = word if len(word) <= SHOWN else word[:SHOWN] + "…"
    return '"' + "".join(c if c.isprintable() else "?" for c in cut) + '"'


def _key(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
