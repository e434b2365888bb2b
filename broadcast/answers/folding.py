"""Words as people type them, made comparable: without case, accents and marks."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> list[str]:
    """Return the words of a text, without case, accents, invisible characters and marks: "Arrêt!"
    is ["arret"]. Apostrophes join.
    """
    bare = text.casefold().replace("'", "").replace("\u2019", "")
    flat = "".join(_kept(ch) for ch in unicodedata.normalize("NFKD", bare))
    return flat.casefold().replace("ı", "i").split()


def _kept(ch: str) -> str:
    kind = unicodedata.category(ch)
    if kind in ("Mn", "Me", "Cf") or (kind == "Cc" and ch not in "\t\r\n"):
        return ""
    return ch if kind[0] in "LN" or kind == "Mc" else " "
