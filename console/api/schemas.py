"""What the API answers, as JSON Schemas: components of /openapi.json, and which route answers what.

The suite asks every route and checks its answers against these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from broadcast.content.model import (
    CHANNELS,
    KINDS,
    STATUSES,
    SUBSCRIBER_KINDS,
    VISIBILITIES,
)
from broadcast.groups.registered import KINDS as GROUP_KINDS
from broadcast.ledger.evidence import LINES
from broadcast.messages.states import STATES
from broadcast.wording.levels import LEVELS
from subscribers.trace import Why

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "integer"}
YES: Final[Schema] = {"type": "boolean"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_LINES: Final = tuple(LINES)


def ref(name: str) -> Schema:
    """Return the reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """Return the schema of a value that may be null."""
    return {"anyOf": [schema, {"type": "null"}]}


def words(known: tuple[str, ...] | list[str]) -> Schema:
    """Return the schema of a word of a closed list."""
    return {"type": "string", "enum": list(known)}


def list_of(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def map_of(schema: Schema) -> Schema:
    """Return the schema of an object whose names are not known beforehand."""
    return {"type": "object", "additionalProperties": schema}


def an_object(fields: Mapping[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object; every field is there but the optional ones."""
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
_FAULT: Final = an_object(_PROBLEM_FIELDS, ("where",))

COMPONENTS: Final[Mapping[str, Schema]] = {
    "Fault": _FAULT,
    "Problem": {
        "description": "RFC 9457: the first fault in full, and every fault in `problems`.",
        **an_object(
            {
                "type": TEXT,
                "title": TEXT,
                "status": NUMBER,
                **_PROBLEM_FIELDS,
                "problems": list_of(ref("Fault")),
            },
            ("where",),
        ),
        "example": {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "code": "message_unknown",
            "field": "id",
            "detail": "there is no message 9",
            "fix": "see GET /api/v1/messages",
            "problems": [
                {
                    "code": "message_unknown",
                    "field": "id",
                    "detail": "there is no message 9",
                    "fix": "see GET /api/v1/messages",
                }
            ],
        },
    },
    "Count": _COUNT,
    "Lines": {
        "description": "People by the line on which they stand.",
        **an_object({line: ref("Count") for line in _LINES}),
    },
    "DeliveryReport": an_object(
        {
            "message": NUMBER,
            "version": NUMBER,
            "status": words(STATUSES),
            "state": words(sorted(STATES)),
            "people": ref("Lines"),
            "channels": map_of(ref("Lines")),
            "addressed": ref("Count"),
            "suppressed": map_of(ref("Count")),
        }
    ),
    "Message": {
        **an_object(
            {
                "id": NUMBER,
                "version": NUMBER,
                "kind": words(KINDS),
                "status": words(STATUSES),
                "state": words(sorted(STATES)),
                "content_hash": or_null(_HASH),
                "identifier": or_null(TEXT),
                "sent": or_null(TIME),
                "expires": or_null(TIME),
                "counts": or_null({"type": "object"}),
                "margin": or_null(NUMBER),
                "visibility": words(VISIBILITIES),
                "content": ref("DraftIn"),
                "why": or_null(TEXT),
                "versions": list_of(
                    an_object(
                        {
                            "version": NUMBER,
                            "action": TEXT,
                            "state": words(sorted(STATES)),
                            "identifier": or_null(TEXT),
                        }
                    )
                ),
                "people": ref("Count"),
                "handing_over": NUMBER,
                "resend": ref("Resend"),
                "warnings": list_of(ref("Fault")),
                "expected": {
                    "description": (
                        "What it would cost and how long it would take, if nothing else is sent:"
                        " `last_seconds` from the approval to the last attempt, null where no rate"
                        " is set; pounds null where no price is set. `at_most` where a shape is"
                        " drawn: every text counted as the longest."
                    ),
                    **an_object(
                        {
                            "channels": map_of(
                                an_object(
                                    {
                                        "people": ref("Count"),
                                        "rate": or_null({"type": "number"}),
                                        "last_seconds": or_null({"type": "number"}),
                                        "segments": or_null(NUMBER),
                                        "pounds": or_null(TEXT),
                                    }
                                )
                            ),
                            "at_most": YES,
                            "pounds": or_null(TEXT),
                            "last_seconds": or_null({"type": "number"}),
                            "first_not_before": or_null(TIME),
                            "last_not_before": or_null(TIME),
                        }
                    ),
                },
                "texts": {
                    "description": "Every text as it will arrive, with the words that we add.",
                    **list_of(
                        an_object(
                            {
                                "language": TEXT,
                                "channel": words(CHANNELS),
                                "subject": TEXT,
                                "body": TEXT,
                                "encoding": TEXT,
                                "segments": NUMBER,
                            },
                            ("encoding", "segments"),
                        )
                    ),
                },
                "warned": {
                    "description": "What its author was warned of, and whether they accepted it.",
                    **list_of(an_object({"code": TEXT, "accepted": YES})),
                },
            },
            (
                "margin",
                "visibility",
                "content",
                "why",
                "versions",
                "people",
                "handing_over",
                "resend",
                "warnings",
                "expected",
                "warned",
                "texts",
            ),
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
    "Messages": an_object({"messages": list_of(ref("Message")), "next": or_null(TEXT)}),
    "Resend": an_object(
        {
            "only": list_of(words(("failed", "in_doubt"))),
            "people": ref("Count"),
            "mark": TEXT,
            "state": TEXT,
            "ordered_by": NUMBER,
            "ordered_at": TIME,
            "content_hash": or_null(_HASH),
        }
    ),
    "Resends": an_object({"resends": list_of({"type": "object"})}),
    "Explanation": an_object(
        {
            "message": NUMBER,
            "version": NUMBER,
            "subscriber": NUMBER,
            "steps": list_of(
                an_object(
                    {
                        "name": TEXT,
                        "passed": YES,
                        "detail": TEXT,
                        "why": words(get_args(Why)),
                        "of": {"type": "object"},
                    }
                )
            ),
            "verdict_now": TEXT,
            "channels": list_of(TEXT),
            "language": TEXT,
            "attempts": list_of({"type": "object"}),
            "line": or_null(words(_LINES)),
            "channel_lines": map_of(TEXT),
            "reason": TEXT,
            "sentences": {**list_of(TEXT), "description": "The same as people read it."},
        }
    ),
    "ThreatLevel": an_object(
        {
            "scope": TEXT,
            "level": or_null(words([str(level) for level in LEVELS])),
            "rank": or_null(NUMBER),
            "meaning": or_null(TEXT),
            "since": or_null(TIME),
            "from": list_of(TEXT),
        }
    ),
    "Area": an_object({"code": TEXT, "name": TEXT, "level": TEXT, "parent": or_null(TEXT)}),
    "Group": an_object(
        {
            "scope": TEXT,
            "kind": words(GROUP_KINDS),
            "name": TEXT,
            "names": map_of(TEXT),
        }
    ),
    "AuditLink": an_object(
        {
            "number": NUMBER,
            "at": TIME,
            "kind": words(("decision", "admin", "export", "look_up")),
            "actor": TEXT,
            "action": TEXT,
            "subject": TEXT,
            "detail": TEXT,
            "digest": TEXT,
            "row_id": or_null(NUMBER),
            "previous": TEXT,
            "hash": _HASH,
        }
    ),
    "AuditHead": an_object({"number": NUMBER, "hash": _HASH}),
    "AuditPage": an_object(
        {
            "links": list_of(ref("AuditLink")),
            "head": or_null(ref("AuditHead")),
            "next": or_null(NUMBER),
        }
    ),
    "Subscriber": {
        "description": "A person, masked: enough to be told apart, too little to be found.",
        **an_object(
            {
                "id": NUMBER,
                "external_id": TEXT,
                "name": TEXT,
                "kind": words(SUBSCRIBER_KINDS),
                "email": or_null(TEXT),
                "mobile": or_null(TEXT),
                "phone": or_null(TEXT),
                "language": TEXT,
                "area": or_null(TEXT),
                "minimum_severity": or_null(TEXT),
                "sectors": list_of(TEXT),
                "communities": list_of(TEXT),
                "topics": list_of(TEXT),
                "channels": list_of(words(CHANNELS)),
                "stopped": list_of(TEXT),
            }
        ),
    },
    "AuditVerdict": an_object(
        {
            "ok": YES,
            "head": or_null(ref("AuditHead")),
            "broken": or_null(an_object({"number": or_null(NUMBER), "what": TEXT})),
        }
    ),
    "Replay": an_object(
        {
            "events": NUMBER,
            "differences": list_of(
                {
                    **an_object({"what": TEXT, "live": {}, "rebuilt": {}}),
                    "description": "One thing that stands otherwise than the facts say, and where.",
                }
            ),
        }
    ),
    "StoodAt": an_object(
        {
            "message": NUMBER,
            "as_of": TIME,
            "versions": list_of(
                an_object(
                    {
                        "at": TIME,
                        "version": NUMBER,
                        "state": TEXT,
                        "addressed": ref("Count"),
                        "people": map_of(ref("Count")),
                        "channels": map_of(map_of(ref("Count"))),
                        "suppressed": map_of(ref("Count")),
                    }
                )
            ),
        }
    ),
    "KeptDocument": an_object(
        {
            "sender": TEXT,
            "identifier": TEXT,
            "sent": TEXT,
            "verdict": words(("accept", "warn")),
            "signatures": words(("none", "not_checked")),
            "duplicate": YES,
            "warnings": list_of(ref("Fault")),
        }
    ),
    "Subscribers": an_object({"subscribers": list_of(ref("Subscriber")), "next": or_null(TEXT)}),
    "Health": an_object({"ok": YES, "audit": or_null(ref("AuditHead"))}, ("audit",)),
    "Readiness": an_object({"ok": YES, "reasons": list_of(TEXT)}),
    "Delivery": an_object(
        {
            "person": NUMBER,
            "line": or_null(words(_LINES)),
            "channels": map_of(words(_LINES)),
            "reason": or_null(TEXT),
        }
    ),
    "Answer": an_object(
        {
            "id": NUMBER,
            "at": TIME,
            "message": or_null(NUMBER),
            "version": or_null(NUMBER),
            "joined": words(("attempt", "link", "appeal", "unsorted")),
            "status": words(("Actual", "Exercise", "Test")),
            "simulated": YES,
            "channel": TEXT,
            "kind": words(("text", "stop_unclear", "word", "keypress", "page")),
            "person": or_null(NUMBER),
            "urgent": YES,
            "acknowledged": YES,
            "read": YES,
            "erased": YES,
            "key": TEXT,
            "sealed": or_null(TEXT),
        },
        ("key", "sealed"),
    ),
    "Answers": an_object(
        {"message": or_null(NUMBER), "answers": list_of(ref("Answer")), "next": or_null(TEXT)}
    ),
    "ReadInstead": an_object(
        {"message": NUMBER, "version": NUMBER, "warnings": list_of(ref("Fault"))}
    ),
    "Deliveries": an_object(
        {
            "message": NUMBER,
            "version": NUMBER,
            "addressed": ref("Count"),
            "deliveries": list_of(ref("Delivery")),
            "next": or_null(TEXT),
        }
    ),
    "OperatorRequest": an_object(
        {
            "id": NUMBER,
            "kind": words(("add", "disable", "export", "registry")),
            "what": {"type": "object"},
            "state": TEXT,
            "asked_by": NUMBER,
            "asked_at": TIME,
            "decided": an_object(
                {"by": or_null(NUMBER), "at": or_null(TIME), "why": or_null(TEXT)}
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
    ("get", "/api/v1/messages/{id}/languages"): ref("ReadInstead"),
    ("get", "/api/v1/messages/{id}/deliveries"): ref("Deliveries"),
    ("get", "/api/v1/messages/{id}/answers"): ref("Answers"),
    ("get", "/api/v1/answers/unsorted"): ref("Answers"),
    ("get", "/api/v1/answers/{answer}"): ref("Answer"),
    ("get", "/api/v1/messages/{id}/explain/{subscriber}"): ref("Explanation"),
    ("get", "/api/v1/operator-requests"): list_of(ref("OperatorRequest")),
    ("post", "/api/v1/operator-requests"): ref("OperatorRequest"),
    ("post", "/api/v1/operator-requests/{id}/approve"): ref("OperatorRequest"),
    ("post", "/api/v1/operator-requests/{id}/reject"): ref("OperatorRequest"),
    ("get", "/api/v1/threat-levels"): list_of(ref("ThreatLevel")),
    ("get", "/api/v1/areas"): list_of(ref("Area")),
    ("get", "/api/v1/groups"): list_of(ref("Group")),
    ("get", "/api/v1/audit"): ref("AuditPage"),
    ("get", "/api/v1/audit/verify"): ref("AuditVerdict"),
    ("get", "/api/v1/messages/{id}/replay"): ref("Replay"),
    ("get", "/api/v1/messages/{id}/replay/at"): ref("StoodAt"),
    ("post", "/api/v1/cap/import"): ref("KeptDocument"),
    ("get", "/api/v1/subscribers"): ref("Subscribers"),
    ("get", "/healthz"): ref("Health"),
    ("get", "/readyz"): ref("Readiness"),
}
"""What a route answers with 200 or 201, where it is not a Message."""
