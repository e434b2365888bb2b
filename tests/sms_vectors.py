"""Texts with their size in SMS segments: our own, and those of Twilio's calculator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def sms_vectors(source: Path) -> list[dict[str, Any]]:
    """Return the vectors of a source, each with its `body`. Ours write it short: `a*160 €*1` is 160
    a and a euro.
    """
    found: list[dict[str, Any]] = json.loads(
        (source / "sms" / "segments.json").read_text(encoding="utf-8")
    )["vectors"]
    return [
        {
            "body": "".join(part[0] * int(part[2:]) for part in vector.get("text", "").split()),
            **vector,
        }
        for vector in found
    ]
