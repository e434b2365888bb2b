"""What the API answers, as JSON Schemas: components of /openapi.json, and which route answers what.

The suite asks every route and checks its answers against these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from broadcast.content.model import (
    CHANNELS,
    KINDS,
    STATUSES,
    SUBSCRIBER_KINDS,
    VISIBILITIES,
)
from broadcast.ledger.evidence import LINES
from broadcast.messages.states import STATES
from broadcast.wording.levels import LEVELS

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "integer"}
_YES: Final[Schema] = {"type": "boolean"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_LINES: Final = tuple(LINES)


def ref(name: str) -> Schema:
    """Return the reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _words(words: tuple[str, ...] | list[str]) -> Schema:
    return {"type": "string", "enum": list(words)}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _map(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def _object(fields: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(fields),
        "required": [name for name in fields if name not in optional],
    }


_COUNT: Final[Schema] = {
    "description": 'A number of people. Where a shape was drawn, few are told as "fewer than 10".',
    "anyOf": [{"type": "integer", "minimum": 0}, TEXT],
}
_PROBLEM_FIELDS: Final[Mapping[str, Schema]] = {
    "code": {"type": "string", "description": "A word for programs; it does not change."},
    "field": {"type": "string", "description": "Which field; empty where it is none."},
    "detail": {"type": "string", "description": "What is wrong."},
    "fix": {"type": "string", "description": "How to mend it."},
    "where": {"type": "string", "description": "File and line, of what was read."},
}
_FAULT: Final = _object(_PROBLEM_FIELDS, ("where",))

COMPONENTS: Final[Mapping[str, Schema]] = {
    "Fault": _FAULT,
    "Problem": {
        "description": "RFC 9457: the first fault in full, and every fault in `problems`.",
        **_object(
            {
                "type": TEXT,
                "title": TEXT,
                "status": _NUMBER,
                **_PROBLEM_FIELDS,
                "problems": _list(ref("Fault")),
            },
            ("where",),
        ),
    },
    "Count": _COUNT,
    "Lines": {
        "description": "People by the line on which they stand.",
        **_object({line: ref("Count") for line in _LINES}),
    },
    "DeliveryReport": _object(
        {
            "message": _NUMBER,
            "version": _NUMBER,
            "status": _words(STATUSES),
            "state": _words(sorted(STATES)),
            "people": ref("Lines"),
            "channels": _map(ref("Lines")),
            "addressed": ref("Count"),
            "suppressed": _map(ref("Count")),
        }
    ),
    "Message": {
        **_object(
            {
                "id": _NUMBER,
                "version": _NUMBER,
                "kind": _words(KINDS),
                "status": _words(STATUSES),
                "state": _words(sorted(STATES)),
                "content_hash": _or_null(_HASH),
                "identifier": _or_null(TEXT),
                "sent": _or_null(_TIME),
                "expires": _or_null(_TIME),
                "counts": _or_null({"type": "object"}),
                "margin": _or_null(_NUMBER),
                "visibility": _words(VISIBILITIES),
                "content": {"type": "object"},
                "handing_over": _NUMBER,
                "resend": ref("Resend"),
                "warnings": _list(ref("Fault")),
                "warned": {
                    "description": "What its author was warned of, and whether they accepted it.",
                    **_list(_object({"code": TEXT, "accepted": _YES})),
                },
            },
            ("margin", "visibility", "content", "handing_over", "resend", "warnings", "warned"),
        ),
        "example": {
            "id": 1,
            "version": 1,
            "kind": "incident",
            "status": "Actual",
            "state": "pending_approval",
            "content_hash": "a0ef3dea6036fa5351aa1d0c99f9fcadf79fd64a3fcf9f7b5dbb2fe5e6c3a603",
            "identifier": None,
            "sent": None,
            "expires": None,
            "counts": {"people": 32},
            "margin": 20,
        },
    },
    "Messages": _object({"messages": _list(ref("Message")), "next": _or_null(TEXT)}),
    "Resend": _object(
        {
            "only": _list(_words(("failed", "in_doubt"))),
            "people": ref("Count"),
            "mark": TEXT,
            "state": TEXT,
            "ordered_by": _NUMBER,
            "ordered_at": _TIME,
            "content_hash": _or_null(_HASH),
        }
    ),
    "Resends": _object({"resends": _list({"type": "object"})}),
    "Explanation": _object(
        {
            "message": _NUMBER,
            "version": _NUMBER,
            "subscriber": _NUMBER,
            "steps": _list(_object({"name": TEXT, "passed": _YES, "detail": TEXT})),
            "verdict_now": TEXT,
            "channels": _list(TEXT),
            "language": TEXT,
            "attempts": _list({"type": "object"}),
            "line": _or_null(_words(_LINES)),
            "channel_lines": _map(TEXT),
            "reason": TEXT,
        }
    ),
    "ThreatLevel": _object(
        {
            "scope": TEXT,
            "level": _or_null(_words([str(level) for level in LEVELS])),
            "rank": _or_null(_NUMBER),
            "meaning": _or_null(TEXT),
            "since": _or_null(_TIME),
            "from": _list(TEXT),
        }
    ),
    "Area": _object({"code": TEXT, "name": TEXT, "level": TEXT, "parent": _or_null(TEXT)}),
    "Group": _object(
        {
            "scope": TEXT,
            "kind": _words(("community", "sector")),
            "name": TEXT,
            "names": _map(TEXT),
        }
    ),
    "AuditLink": _object(
        {
            "number": _NUMBER,
            "at": _TIME,
            "kind": _words(("decision", "admin", "export", "look_up")),
            "actor": TEXT,
            "action": TEXT,
            "subject": TEXT,
            "detail": TEXT,
            "digest": TEXT,
            "row_id": _or_null(_NUMBER),
            "previous": TEXT,
            "hash": _HASH,
        }
    ),
    "AuditHead": _object({"number": _NUMBER, "hash": _HASH}),
    "AuditPage": _object(
        {
            "links": _list(ref("AuditLink")),
            "head": _or_null(ref("AuditHead")),
            "next": _or_null(_NUMBER),
        }
    ),
    "Subscriber": {
        "description": "A person, masked: enough to be told apart, too little to be found.",
        **_object(
            {
                "id": _NUMBER,
                "external_id": TEXT,
                "name": TEXT,
                "kind": _words(SUBSCRIBER_KINDS),
                "email": _or_null(TEXT),
                "mobile": _or_null(TEXT),
                "phone": _or_null(TEXT),
                "language": TEXT,
                "area": _or_null(TEXT),
                "minimum_severity": _or_null(TEXT),
                "sectors": _list(TEXT),
                "communities": _list(TEXT),
                "topics": _list(TEXT),
                "channels": _list(_words(CHANNELS)),
                "stopped": _list(TEXT),
            }
        ),
    },
    "Subscribers": _object({"subscribers": _list(ref("Subscriber")), "next": _or_null(TEXT)}),
    "Health": _object({"ok": _YES, "audit": _or_null(ref("AuditHead"))}, ("audit",)),
    "Readiness": _object({"ok": _YES, "reasons": _list(TEXT)}),
    "Delivery": _object(
        {
            "person": _NUMBER,
            "line": _or_null(_words(_LINES)),
            "channels": _map(_words(_LINES)),
            "reason": _or_null(TEXT),
        }
    ),
    "Deliveries": _object(
        {
            "message": _NUMBER,
            "version": _NUMBER,
            "addressed": ref("Count"),
            "deliveries": _list(ref("Delivery")),
            "next": _or_null(TEXT),
        }
    ),
    "OperatorRequest": _object(
        {
            "id": _NUMBER,
            "kind": _words(("add", "disable", "export")),
            "what": {"type": "object"},
            "state": TEXT,
            "asked_by": _NUMBER,
            "asked_at": _TIME,
            "decided": _object(
                {"by": _or_null(_NUMBER), "at": _or_null(_TIME), "why": _or_null(TEXT)}
            ),
            "token": {
                "type": "string",
                "description": "Of a new operator: told once, to who approves, to be handed over.",
            },
        },
        ("token",),
    ),
}

ANSWERS: Final[Mapping[tuple[str, str], Schema]] = {
    ("get", "/api/v1/messages"): ref("Messages"),
    ("get", "/api/v1/resends"): ref("Resends"),
    ("get", "/api/v1/messages/{id}/counts"): ref("DeliveryReport"),
    ("get", "/api/v1/messages/{id}/deliveries"): ref("Deliveries"),
    ("get", "/api/v1/messages/{id}/explain/{subscriber}"): ref("Explanation"),
    ("get", "/api/v1/operator-requests"): _list(ref("OperatorRequest")),
    ("post", "/api/v1/operator-requests"): ref("OperatorRequest"),
    ("post", "/api/v1/operator-requests/{id}/approve"): ref("OperatorRequest"),
    ("post", "/api/v1/operator-requests/{id}/reject"): ref("OperatorRequest"),
    ("get", "/api/v1/threat-levels"): _list(ref("ThreatLevel")),
    ("get", "/api/v1/areas"): _list(ref("Area")),
    ("get", "/api/v1/groups"): _list(ref("Group")),
    ("get", "/api/v1/audit"): ref("AuditPage"),
    ("get", "/api/v1/subscribers"): ref("Subscribers"),
    ("get", "/healthz"): ref("Health"),
    ("get", "/readyz"): ref("Readiness"),
}
"""What a route answers with 200 or 201, where it is not a Message."""
