"""The one form in which names of sectors and communities are compared, wherever they were written:
file, message, scope or registry.
"""

from __future__ import annotations

import unicodedata


def folded(name: str) -> str:
    """Return a name without case, with single spaces, in Unicode NFC: canonical caseless matching
    (Unicode Standard, section 3.13, D145).
    """
    return unicodedata.normalize(
        "NFC", " ".join(unicodedata.normalize("NFD", name).casefold().split())
    )
