"""The message file as a JSON Schema (draft 2020-12): for editors, and for programs that write one.

It says what can be said of one field at a time. What fields mean together (a level needs a scope,
an expiry lies in the future) `fasttime message draft` says.
"""

from __future__ import annotations

from typing import Any

from broadcast.content.limits import COUNTS, NAME, SHAPE_TEXT, TEXT_LENGTHS, WORD
from broadcast.content.model import (
    CERTAINTIES,
    CHANNELS,
    KINDS,
    SEVERITIES,
    STATUSES,
    SUBSCRIBER_KINDS,
    URGENCIES,
    VISIBILITIES,
)
from broadcast.content.trades import SIZES, TRADES
from broadcast.wording.levels import ENDED, LEVELS

_SAYS = {
    "kind": "What the message is; in an update, correction or all-clear it may be left out.",
    "status": "CAP status. An Exercise or a Test is marked as such in every channel.",
    "level": "The new threat level, or ENDED where a scope has none of its own any more; of a"
    " threat_level_change only.",
    "scope": "Of what the level is: a code of an area, community:NAME, sector:NAME or UK.",
    "urgency": "CAP urgency; without it the usual one of the kind.",
    "severity": "CAP severity; without it the usual one of the kind. It decides what goes first.",
    "certainty": "CAP certainty; without it the usual one of the kind.",
    "areas": "Codes of imported areas, such as E09000033.",
    "polygons": "Drawn shapes: CAP text (latitude,longitude pairs) or GeoJSON (longitude first).",
    "circles": "Circles: CAP text, 'latitude,longitude kilometres'.",
    "audience": "Who of the people there; an empty list selects everybody.",
    "channels": "By which channels it goes; without it by all.",
    "expires": "When it ends: RFC 3339, or a time from the approval on such as 4h; 24h if absent.",
    "languages": "The words, by BCP 47 language tag; the first is the one others fall back to.",
    "hotlines": "Telephone numbers to call, with their hours where they have any.",
    "source": "Whose information it is.",
    "note": "CAP note; of a correction, what was wrong.",
    "incidents": "CAP incidents: identifiers of foreign documents that this is about.",
    "visibility": "Who may read it beside those it is sent to.",
    "exercise": "The name of the exercise, of status Exercise only: said beside the mark in every"
    " text.",
    "provider": "The registered information provider whose message it is, who stands as its sender;"
    " without it the installation's own.",
    "include_perhaps": "Also tell everybody of whom only an area is known that a drawn shape"
    " touches; without it only those whose area it holds enough of.",
}


def message_schema() -> dict[str, Any]:
    """Return the JSON Schema of a message written as JSON; YAML has the same fields."""
    properties: dict[str, Any] = {
        "kind": _one_of(KINDS),
        "status": _one_of(STATUSES),
        "level": _one_of((*LEVELS, ENDED)),
        "scope": _text(WORD),
        "urgency": _one_of(URGENCIES),
        "severity": _one_of(SEVERITIES),
        "certainty": _one_of(CERTAINTIES),
        "areas": _list("areas", _text(WORD)),
        "polygons": _list("polygons", _shape(SHAPE_TEXT)),
        "circles": _list("circles", _shape(WORD)),
        "audience": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kinds": _list("audience.kinds", _one_of(SUBSCRIBER_KINDS)),
                "sectors": _list("audience.sectors", _text(NAME)),
                "communities": _list("audience.communities", _text(NAME)),
                "trades": _list("audience.trades", _one_of(tuple(TRADES))),
                "sizes": _list("audience.sizes", _one_of(SIZES)),
            },
        },
        "channels": _list("channels", _one_of(CHANNELS)),
        "expires": _text(WORD),
        "languages": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": COUNTS["languages"],
            "propertyNames": {"pattern": "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"},
            "additionalProperties": {
                "type": "object",
                "required": ["headline"],
                "additionalProperties": False,
                "properties": {
                    name: _text(TEXT_LENGTHS[name])
                    for name in ("headline", "description", "instruction", "sms", "voice")
                },
            },
        },
        "hotlines": _list("hotlines", _text(TEXT_LENGTHS["hotlines"])),
        "source": _text(TEXT_LENGTHS["source"]),
        "note": _text(TEXT_LENGTHS["note"]),
        "incidents": _list("incidents", _text(TEXT_LENGTHS["incidents"])),
        "visibility": _one_of(VISIBILITIES),
        "include_perhaps": {"type": "boolean"},
        "exercise": _text(TEXT_LENGTHS["exercise"]),
        "provider": _text(NAME),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A fasttime message",
        "type": "object",
        "additionalProperties": False,
        "required": ["status"],
        "properties": {
            name: {"description": _SAYS[name], **said} for name, said in properties.items()
        },
    }


def _one_of(words: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest}


def _list(field: str, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "maxItems": COUNTS[field], "items": item}


def _shape(longest: int) -> dict[str, Any]:
    return {"anyOf": [_text(longest), {"type": "object"}]}
