"""What the routes of setting up are sent: files as they are, and the few fields of one person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from broadcast.content.limits import TEXT_LENGTHS
from broadcast.content.model import (
    PERSONAL_CHANNELS,
    SEVERITIES,
    SUBSCRIBER_KINDS,
    VISIBILITIES,
)
from broadcast.content.trades import SIZES, TRADES
from broadcast.groups.registered import KINDS
from broadcast.levels.scales import Level
from broadcast.problems import refuse
from broadcast.wording.levels import ENDED
from console.api.bodies import JSON
from service.setup.people import LONGEST_REASON
from service.setup.people_meant import MOST_WRITTEN
from subscribers.organisations.record import MOST_PEOPLE
from subscribers.organisations.sites import FORM as SITES
from subscribers.organisations.sites import MOST as MOST_SITES
from subscribers.people_file.by_topic import FORM
from subscribers.people_file.choices import TOPICS
from subscribers.people_file.other_places import FORM as PLACES
from subscribers.people_file.other_places import MOST as MOST_PLACES
from subscribers.people_file.record import COLUMNS, LISTS

CSV: Final = "text/csv"
GEOJSON: Final = "application/geo+json"
MOST_POINTS: Final = 1000
"""Points that one question may hold; a file of more is for the command line."""

_TEXT: Final = {"type": "string"}
_WORDS_OF: Final[Mapping[str, Any]] = {
    "kind": {"type": "string", "enum": list(SUBSCRIBER_KINDS)},
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
    "topics": {"type": "array", "items": {"type": "string", "enum": list(TOPICS)}},
    "channels": {"type": "array", "items": {"type": "string", "enum": list(PERSONAL_CHANNELS)}},
    "minimum_severity": {"type": "string", "enum": list(SEVERITIES)},
    "by_topic": {
        "description": "For each topic in the place of the usual choices: its least severity,"
        f" channels in their order, or both, such as {FORM.split(';')}.",
        "type": "array",
        "items": _TEXT,
        "maxItems": len(TOPICS),
    },
    "places": {
        "description": "Where they are beside their own place: an area's code, a postcode or"
        f" degrees; a visit with its end, such as {PLACES.split(';')}.",
        "type": "array",
        "items": _TEXT,
        "maxItems": MOST_PLACES,
    },
}
_PERSON: Final[Mapping[str, Any]] = {
    column: _WORDS_OF.get(column, {"type": "array", "items": _TEXT} if column in LISTS else _TEXT)
    for column in COLUMNS
}
_REASON: Final = {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON}
_EXAMPLE: Final = {
    "external_id": "r-1",
    "name": "Ada",
    "kind": "resident",
    "mobile": "07700 900001",
    "lat": 51.5,
    "lon": -0.13,
    "channels": ["sms"],
    "basis": "consent, form of 1 May 2026",
}

_ORGANISATION: Final[Mapping[str, Any]] = {
    "external_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "trade": {
        "description": "The letter of its section of SIC 2007.",
        "type": "string",
        "enum": list(TRADES),
    },
    "size": {
        "description": f"{', '.join(SIZES)}, or how many people it employs.",
        "type": ["string", "integer"],
    },
    "sites": {
        "description": f"Where it is: an area's code, a postcode or degrees, as {SITES}.",
        "type": "array",
        "items": _TEXT,
        "maxItems": MOST_SITES,
    },
    "people": {
        "description": "The external ids of the people who act for it.",
        "type": "array",
        "items": _TEXT,
        "maxItems": MOST_PEOPLE,
    },
    "contacts": {
        "description": "For a borough, who of them is the single point of contact.",
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"area": _TEXT, "person": _TEXT},
            "required": ["area", "person"],
        },
    },
    "passes_on": {
        "description": "Its inbox stands for many, and passes on to them what it is sent.",
        "type": "boolean",
    },
}

BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "NewSubscriber": {
        "description": "One person, in the fields of the subscribers CSV. `basis` is the legal"
        " basis on which exactly these channels and topics are used.",
        "type": "object",
        "additionalProperties": False,
        "properties": {**_PERSON, "basis": _REASON},
        "required": ["external_id", "basis"],
        "example": _EXAMPLE,
    },
    "SubscriberChange": {
        "description": "What changes of one person; null clears a field. Other channels or topics"
        " are another consent and want their own `basis`.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{
                column: {"anyOf": [schema, {"type": "null"}]}
                for column, schema in _PERSON.items()
                if column != "external_id"
            },
            "basis": _REASON,
        },
        "example": {"mobile": "07700 900002", "quiet_hours": None},
    },
    "Find": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "written": {
                "description": "External ids, telephone numbers or e-mail addresses. Names are"
                " sealed: nobody is found by name.",
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_WRITTEN,
                "items": _TEXT,
            }
        },
        "required": ["written"],
        "example": {"written": ["r-1", "07700 900001"]},
    },
    "NewOrganisation": {
        "description": "One organisation, in the fields of the organisations CSV.",
        "type": "object",
        "additionalProperties": False,
        "properties": _ORGANISATION,
        "required": ["external_id", "name", "trade", "size"],
        "example": {
            "external_id": "o-1",
            "name": "The Bell",
            "trade": "I",
            "size": "micro",
            "sites": ["SW1A 2AA"],
            "people": ["p1"],
        },
    },
    "OrganisationChange": {
        "description": "What changes of one organisation; null clears a field.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            column: {"anyOf": [schema, {"type": "null"}]}
            for column, schema in _ORGANISATION.items()
            if column != "external_id"
        },
        "example": {"size": "small"},
    },
    "Stop": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"channel": _WORDS_OF["channels"]["items"]},
        "required": ["channel"],
        "example": {"channel": "sms"},
    },
    "Join": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "with": {
                "description": "Numbers or external ids of other registrations of this person.",
                "type": "array",
                "minItems": 1,
                "maxItems": 20,
                "items": {"type": ["integer", "string"]},
            },
            "why": _REASON,
        },
        "required": ["with", "why"],
        "example": {"with": [12], "why": "told us by telephone that both are theirs"},
    },
    "Erase": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"why": _REASON},
        "required": ["why"],
        "example": {"why": "asked for it by letter"},
    },
    "Close": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"why": _REASON},
        "required": ["why"],
        "example": {"why": "the text was mended"},
    },
    "Start": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"channel": _WORDS_OF["channels"]["items"], "why": _REASON},
        "required": ["channel", "why"],
        "example": {"channel": "sms", "why": "asked for it by telephone"},
    },
    "Points": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "points": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_POINTS,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {name: _WORDS_OF[name] for name in ("lat", "lon")},
                    "required": ["lat", "lon"],
                },
            }
        },
        "required": ["points"],
        "example": {"points": [{"lat": 51.5, "lon": -0.13}]},
    },
    "NewGroup": {
        "description": "A community, a sector or an information provider, and what it is called by"
        " language.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "kind": {"type": "string", "enum": list(KINDS)},
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "names": {"type": "object", "additionalProperties": _TEXT, "maxProperties": 50},
        },
        "required": ["kind", "name"],
        "example": {"kind": "sector", "name": "retail", "names": {"cy": "Manwerthu"}},
    },
    "NewExercise": {
        "description": "An exercise that the public is told of, once another person approved it.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTHS["exercise"]},
            "area": {**_TEXT, "description": "The code of an imported area."},
            "from": {"type": "string", "format": "date-time"},
            "until": {"type": "string", "format": "date-time"},
        },
        "required": ["name", "area", "from", "until"],
        "example": {
            "name": "Winter Oak",
            "area": "E09000033",
            "from": "2026-12-01T09:00:00+00:00",
            "until": "2026-12-01T17:00:00+00:00",
        },
    },
    "SmsText": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"text": {"type": "string", "maxLength": TEXT_LENGTHS["sms"]}},
        "required": ["text"],
        "example": {"text": "Strand closed. Keep away."},
    },
    "LevelChange": {
        "description": "A change of a threat level, which becomes a draft like any other message.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "level": {"type": "string", "enum": [*map(str, Level), ENDED]},
            "scope": {"type": "string", "maxLength": 200, "default": "UK"},
            "why": {"type": "string", "minLength": 1, "maxLength": 20_000},
            "status": {"type": "string", "enum": ["Actual", "Exercise", "Test"]},
            "source": {"type": "string", "maxLength": 500},
            "visibility": {"type": "string", "enum": list(VISIBILITIES)},
        },
        "required": ["level", "why"],
        "example": {"level": "SEVERE", "scope": "UK", "why": "An attack is highly likely."},
    },
}
"""What is sent to these routes, as JSON Schemas: components of /openapi.json."""


def sends(name: str) -> dict[str, Any]:
    """Return what a route's declaration says of its JSON body, a component of BODIES."""
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}


def sends_file(**examples: Any) -> dict[str, Any]:
    """Return what a route's declaration says of a file in its body, by what it is: csv (text) or
    geojson (an object), each with an example.
    """
    content: dict[str, Any] = {}
    if "geojson" in examples:
        said = {"schema": {"type": "object"}, "example": examples["geojson"]}
        content |= {GEOJSON: said, JSON: said}
    if "csv" in examples:
        schema = {"type": "string", "format": "binary"}
        content[CSV] = {"schema": schema, "example": examples["csv"]}
    return {"requestBody": {"required": True, "content": content}}


def degrees(value: Any, name: str, most: float) -> float:
    """Return a number of degrees; raises Rejected (latitude_range, longitude_range, field_type)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(
            "field_type", f"{name} is no number", "write degrees, such as 51.5", field=name
        )
    if not -most <= value <= most:
        code = "latitude_range" if name == "lat" else "longitude_range"
        detail = f"{name} lies outside ±{most:g}°"
        raise refuse(code, detail, "latitude is north, longitude is east", field=name)
    return float(value)
