"""The form on which a message is written, and the draft that it stands for: field by field, both
ways. What the fields mean is decided by `read_draft`, as for every other door.
"""

from __future__ import annotations

import json
from typing import Any

from broadcast.content.model import Content
from broadcast.drafts.writing import fields_of
from broadcast.problems import refuse
from console.room.frame import Form

WORDS = ("headline", "description", "instruction", "sms", "voice")
PLAIN = ("kind", "level", "scope", "urgency", "severity", "certainty", "expires", "visibility")
LINES = ("source", "note", "exercise")
LISTS = ("sectors", "communities")
AUDIENCE = ("kinds", "trades", "sizes")
CHECKED = ("areas", "channels", *AUDIENCE)
NUMBERS = ("hotlines", "circles")
EMPTY = dict.fromkeys(WORDS, "")

Fields = dict[str, Any]
"""The fields of the page: text, lists of what is ticked, and `languages`, one after the other."""


def blank(kind: str) -> Fields:
    """Return an empty page for a kind of message."""
    return {
        **dict.fromkeys((*PLAIN, *LINES, *LISTS, *NUMBERS), ""),
        "kind": kind,
        "expires": "4h" if kind != "threat_level_change" else "",
        "scope": "UK" if kind == "threat_level_change" else "",
        "areas": [],
        **{name: [] for name in AUDIENCE},
        "channels": ["sms", "voice", "email", "web"],
        "corners": "",
        "languages": [{"tag": "en", **EMPTY}],
    }


def typed(form: Form) -> Fields:
    """Return what somebody typed, as the page shows it again."""
    count = min(sum(name.startswith("tag-") for name in form.fields), 100)
    return {
        **{name: form.one(name) for name in (*PLAIN, *LINES, *LISTS, *NUMBERS)},
        **{name: list(dict.fromkeys(form.many(name))) for name in CHECKED},
        "corners": form.one("corners"),
        "languages": [
            {"tag": form.one(f"tag-{n}"), **{word: form.one(f"{word}-{n}") for word in WORDS}}
            for n in range(count)
        ],
    }


def draft_of(fields: Fields, status: str) -> dict[str, Any]:
    """Return the draft that a page stands for, as JSON; what is left empty is left out, so that the
    defaults of its kind hold. Raises Rejected (422 corners_invalid).
    """
    languages = {
        each["tag"]: {word: each[word] for word in WORDS if each[word]}
        for each in fields["languages"]
        if each["tag"] and any(each[word] for word in WORDS)
    }
    audience = {name: fields[name] for name in AUDIENCE}
    audience |= {name: _commas(fields[name]) for name in LISTS}
    found: dict[str, Any] = {name: fields[name] for name in (*PLAIN, *LINES)}
    if fields["kind"] != "threat_level_change":
        del found["level"], found["scope"]
    found |= {
        "areas": fields["areas"],
        "polygons": _polygons(fields["corners"]),
        "circles": _lines(fields["circles"]),
        "hotlines": _lines(fields["hotlines"]),
        "languages": languages,
    }
    found = {name: value for name, value in found.items() if value}
    audience = {name: value for name, value in audience.items() if value}
    return {**found, "status": status, "audience": audience, "channels": fields["channels"]}


def of_content(content: Content) -> Fields:
    """Return the page of a draft."""
    told = fields_of(content)
    audience = told.get("audience", {})
    return {
        **{name: told.get(name, "") for name in (*PLAIN, *LINES)},
        **{name: ", ".join(audience.get(name, ())) for name in LISTS},
        **{name: "\n".join(told.get(name, ())) for name in NUMBERS},
        "areas": told.get("areas", []),
        "channels": told["channels"],
        **{name: audience.get(name, []) for name in AUDIENCE},
        "corners": "\n\n".join(map(_corners, told.get("polygons", ()))),
        "languages": [{"tag": tag, **EMPTY, **words} for tag, words in told["languages"].items()],
    }


def _polygons(text: str) -> list[Any]:
    """Return polygons: corners as lat,lon, one a line, an empty line between two; or GeoJSON."""
    found: list[Any] = []
    for block in text.replace("\r", "").split("\n\n"):
        lines = block.split()
        if not lines:
            continue
        if block.lstrip().startswith("{"):
            try:
                found.append(json.loads(block))
            except ValueError:
                raise refuse(
                    "corners_invalid",
                    "what begins with { is no GeoJSON",
                    "write one corner a line, as 51.5,-0.12",
                    field="corners",
                ) from None
            continue
        if lines[0] != lines[-1]:
            lines.append(lines[0])
        found.append(" ".join(lines))
    return found


def _corners(polygon: dict[str, Any]) -> str:
    rings = polygon["coordinates"]
    if len(rings) > 1:
        return json.dumps(polygon)
    return "\n".join(f"{lat},{lon}" for lon, lat in rings[0][:-1])


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _commas(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
