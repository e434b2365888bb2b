"""Language tags as people write them: BCP 47, in the spelling of RFC 5646."""

from __future__ import annotations

import re
from typing import Final

# BCP 47 (RFC 5646 section 2.1) without private and grandfathered tags; primary languages are the
# two or three letters of ISO 639
_TAG: Final = re.compile(
    # language, extended, script, region, variants
    r"[a-z]{2,3}(-[a-z]{3}){0,3}(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3}))?(-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?"  # extensions, private use
)


def language_tag(text: str) -> str | None:
    """Return the tag in the spelling of RFC 5646 section 2.1.1 (en-GB, zh-Hant), or None where it
    has not the form of one.
    """
    low = text.strip().lower()
    if len(low) > 60 or not low.isascii() or not _TAG.fullmatch(low):
        return None
    out = []
    for i, part in enumerate(low.split("-")):
        after_singleton = any(len(p) == 1 for p in low.split("-")[:i])
        if i and not after_singleton and len(part) == 2:
            part = part.upper()
        elif i and not after_singleton and len(part) == 4 and part.isalpha():
            part = part.title()
        out.append(part)
    return "-".join(out)
