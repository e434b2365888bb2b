"""What the routes of setting up answer, as JSON Schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from broadcast.content.model import PERSONAL_CHANNELS, SUBSCRIBER_KINDS
from broadcast.content.trades import SIZES, TRADES
from broadcast.operators.operators import PERMISSIONS
from console.api.schemas import (
    NUMBER,
    TEXT,
    TIME,
    YES,
    Schema,
    an_object,
    list_of,
    map_of,
    or_null,
    ref,
    words,
)
from subscribers.contact.kinds import NAMES as KINDS

_DEGREES: Final[Schema] = {"type": "number"}
_WARNINGS: Final = list_of(ref("Fault"))
_ORGANISATION: Final[Mapping[str, Schema]] = {
    "external_id": TEXT,
    "name": TEXT,
    "trade": words(tuple(TRADES)),
    "size": words(SIZES),
    "sites": list_of(TEXT),
    "people": list_of(TEXT),
    "contacts": list_of(an_object({"area": TEXT, "person": TEXT})),
    "passes_on": YES,
}
_PERSON: Final[Mapping[str, Schema]] = {
    "id": NUMBER,
    "external_id": TEXT,
    "name": TEXT,
    "kind": words(SUBSCRIBER_KINDS),
    "email": or_null(TEXT),
    "mobile": or_null(TEXT),
    "phone": or_null(TEXT),
    "language": TEXT,
    "postcode": TEXT,
    "lat": or_null(_DEGREES),
    "lon": or_null(_DEGREES),
    "area": or_null(TEXT),
    "sectors": list_of(TEXT),
    "communities": list_of(TEXT),
    "topics": list_of(TEXT),
    "channels": list_of(words(PERSONAL_CHANNELS)),
    "minimum_severity": TEXT,
    "quiet_hours": TEXT,
    "by_topic": list_of(TEXT),
    "places": list_of(TEXT),
    "other_languages": list_of(TEXT),
    "discreet": TEXT,
    "most_a_week": TEXT,
    "providers_off": list_of(TEXT),
    "stopped": list_of(words(PERSONAL_CHANNELS)),
    "consented": list_of(words(PERSONAL_CHANNELS)),
    "created_at": TIME,
    "updated_at": TIME,
    "erased_at": or_null(TIME),
    "contact_points": list_of(
        an_object(
            {
                "kind": words(KINDS),
                "order": {**NUMBER, "description": "0 is used; the others stand in for it."},
                "confirmed_at": TIME,
                "confirmed_how": TEXT,
                "opted_out_at": or_null(TIME),
                "bounced_at": or_null(TIME),
                "bounced_code": or_null(TEXT),
            }
        )
    ),
    "consents": list_of(
        an_object(
            {
                "channels": list_of(TEXT),
                "topics": list_of(TEXT),
                "basis": TEXT,
                "at": TIME,
                "withdrawn_at": or_null(TIME),
                "source": or_null(words(("file", "operator", "page", "text"))),
                "wording": or_null(TEXT),
            },
            ("source", "wording"),
        )
    ),
    "stops": list_of(
        an_object(
            {
                "channel": TEXT,
                "source": TEXT,
                "at": TIME,
                "lifted_at": or_null(TIME),
                "lifted_by": or_null(TEXT),
            }
        )
    ),
    "same_person": {
        **list_of(NUMBER),
        "description": "Other registrations that were joined with this one by hand.",
    },
    "acts_for": {
        **list_of(
            an_object(
                {
                    "external_id": TEXT,
                    "trade": words(tuple(TRADES)),
                    "size": words(SIZES),
                    "contact_for": list_of(TEXT),
                }
            )
        ),
        "description": "Organisations they act for, and for which boroughs as its single point of"
        " contact.",
    },
    "changed": {
        **YES,
        "description": "Of a stop, start, join or part: whether it was not so before.",
    },
    "warnings": _WARNINGS,
}
_MASKED: Final[Mapping[str, Schema]] = {
    "id": NUMBER,
    "external_id": TEXT,
    "name": TEXT,
    "email": or_null(TEXT),
    "mobile": or_null(TEXT),
    "phone": or_null(TEXT),
}
"""Somebody as they are shown who were looked for: name and contacts masked."""
_SHORT_AREA: Final[Mapping[str, Schema]] = {"code": TEXT, "name": TEXT, "level": TEXT}

COMPONENTS: Final[Mapping[str, Schema]] = {
    "SubscriberRecord": {
        "description": "Everything known of one person.",
        **an_object(_PERSON, ("changed", "warnings")),
    },
    "SubscribersImported": {
        **an_object(
            {
                "dry_run": {**YES, "description": "True: nothing was stored."},
                "people": NUMBER,
                "new": NUMBER,
                "updated": NUMBER,
                "unchanged": NUMBER,
                "erased": NUMBER,
                "own_choices_changed": NUMBER,
                "merged": list_of(TEXT),
                "warnings": _WARNINGS,
            },
            ("dry_run",),
        ),
        "example": {
            "people": 1,
            "new": 1,
            "updated": 0,
            "unchanged": 0,
            "erased": 0,
            "own_choices_changed": 0,
            "merged": [],
            "warnings": [],
        },
    },
    "Organisation": {
        "description": "An organisation, and the external ids of who acts for it.",
        **an_object(
            {**_ORGANISATION, "warnings": _WARNINGS},
            ("warnings",),
        ),
    },
    "OrganisationInFull": {
        "description": "An organisation, and who acts for it: names and contacts masked.",
        **an_object(
            {
                **_ORGANISATION,
                "acting": list_of(an_object({**_MASKED, "contact_for": list_of(TEXT)})),
            }
        ),
    },
    "Organisations": an_object(
        {"organisations": list_of(ref("Organisation")), "next": or_null(TEXT)}
    ),
    "OrganisationsImported": an_object(
        {
            "organisations": NUMBER,
            "new": NUMBER,
            "updated": NUMBER,
            "unchanged": NUMBER,
            "warnings": _WARNINGS,
        }
    ),
    "OrganisationRemoved": an_object({"external_id": TEXT, "removed": YES}),
    "GroupsRegistered": an_object(
        {"groups": list_of(ref("Group")), "new": NUMBER, "updated": NUMBER, "unchanged": NUMBER}
    ),
    "Operator": an_object(
        {
            "id": NUMBER,
            "name": TEXT,
            "role": words(sorted(PERMISSIONS)),
            "area": or_null(TEXT),
            "may_set": list_of(TEXT),
            "disabled": or_null(TIME),
        }
    ),
    "CapVerdict": an_object(
        {
            "file": TEXT,
            "verdict": words(("accept", "warn", "reject")),
            "rules": list_of(
                an_object(
                    {
                        "rule": TEXT,
                        "severity": TEXT,
                        "where": TEXT,
                        "found": TEXT,
                        "expected": TEXT,
                    }
                )
            ),
        }
    ),
    "SmsSize": an_object(
        {
            "encoding": words(("GSM-7", "UCS-2")),
            "segments": NUMBER,
            "units": NUMBER,
            "costly": list_of(an_object({"char": TEXT, "position": NUMBER})),
        }
    ),
    "ShortArea": an_object(_SHORT_AREA),
    "AreaInFull": an_object(
        {
            **_SHORT_AREA,
            "parent": or_null(TEXT),
            "within": list_of(ref("ShortArea")),
            "children": list_of(ref("ShortArea")),
            "bounds": or_null(
                an_object(dict.fromkeys(("west", "south", "east", "north"), _DEGREES))
            ),
        }
    ),
    "Place": an_object({"lat": _DEGREES, "lon": _DEGREES, "areas": list_of(ref("ShortArea"))}),
    "PlaceOfPostcode": an_object(
        {
            "postcode": TEXT,
            "lat": _DEGREES,
            "lon": _DEGREES,
            "uncertainty_m": NUMBER,
            "areas": list_of(ref("ShortArea")),
        }
    ),
    "ReplacedArea": an_object({**_SHORT_AREA, "now": ref("ShortArea"), "people": NUMBER}),
    "Places": an_object({"places": list_of(ref("Place"))}),
    "AreasImported": an_object(
        {
            "level": TEXT,
            "new": NUMBER,
            "updated": NUMBER,
            "unchanged": NUMBER,
            "waiting": NUMBER,
            "settled": {
                **NUMBER,
                "description": "Officers and partners kept by area from now on.",
            },
            "warnings": _WARNINGS,
        }
    ),
    "LevelFact": an_object(
        {
            "scope": TEXT,
            "level": or_null(TEXT),
            "rank": or_null(NUMBER),
            "meaning": or_null(TEXT),
            "since": or_null(TIME),
            "from": list_of(TEXT),
            "source": TEXT,
            "note": or_null(TEXT),
            "reason": TEXT,
            "decided_by": TEXT,
        }
    ),
    "PlannedExercise": an_object(
        {
            "id": NUMBER,
            "name": TEXT,
            "area": TEXT,
            "area_name": TEXT,
            "from": TIME,
            "until": TIME,
            "state": words(("planned", "approved", "cancelled")),
        }
    ),
    "PlannedExercises": an_object({"exercises": list_of(ref("PlannedExercise"))}),
    "DeadLetter": an_object(
        {
            "id": NUMBER,
            "at": TIME,
            "what": TEXT,
            "key": TEXT,
            "error": TEXT,
            "retry": {**YES, "description": "Whether it can be handed over again."},
            "closed_at": or_null(TIME),
            "closed_by": TEXT,
            "why": TEXT,
        }
    ),
    "DeadLetters": an_object({"dead_letters": list_of(ref("DeadLetter"))}),
    "PeopleFound": an_object(
        {"found": list_of(an_object({"written": TEXT, "people": list_of(an_object(_MASKED))}))}
    ),
    "Erased": an_object({"id": NUMBER, "erased_at": TIME}),
    "LevelsImported": an_object(
        {
            "rows": NUMBER,
            "recorded": NUMBER,
            "left_out": map_of(NUMBER),
            "warnings": _WARNINGS,
        }
    ),
}

ANSWERS: Final[Mapping[tuple[str, str], Schema]] = {
    ("post", "/api/v1/subscribers"): ref("SubscriberRecord"),
    ("get", "/api/v1/subscribers/{subscriber}"): ref("SubscriberRecord"),
    ("post", "/api/v1/subscribers/find"): ref("PeopleFound"),
    ("patch", "/api/v1/subscribers/{subscriber}"): ref("SubscriberRecord"),
    ("post", "/api/v1/subscribers/{subscriber}/stop"): ref("SubscriberRecord"),
    ("post", "/api/v1/subscribers/{subscriber}/start"): ref("SubscriberRecord"),
    ("post", "/api/v1/subscribers/{subscriber}/join"): ref("SubscriberRecord"),
    ("post", "/api/v1/subscribers/{subscriber}/part"): ref("SubscriberRecord"),
    ("post", "/api/v1/subscribers/{subscriber}/erase"): ref("Erased"),
    ("post", "/api/v1/subscribers/import"): ref("SubscribersImported"),
    ("get", "/api/v1/organisations"): ref("Organisations"),
    ("get", "/api/v1/organisations/{organisation}"): ref("OrganisationInFull"),
    ("post", "/api/v1/organisations"): ref("Organisation"),
    ("post", "/api/v1/organisations/import"): ref("OrganisationsImported"),
    ("patch", "/api/v1/organisations/{organisation}"): ref("Organisation"),
    ("post", "/api/v1/organisations/{organisation}/remove"): ref("OrganisationRemoved"),
    ("post", "/api/v1/groups"): ref("GroupsRegistered"),
    ("post", "/api/v1/groups/import"): ref("GroupsRegistered"),
    ("get", "/api/v1/operators"): list_of(ref("Operator")),
    ("post", "/api/v1/cap/validate"): ref("CapVerdict"),
    ("post", "/api/v1/sms/segments"): ref("SmsSize"),
    ("get", "/api/v1/areas/{code}"): ref("AreaInFull"),
    ("get", "/api/v1/areas/replaced"): list_of(ref("ReplacedArea")),
    ("get", "/api/v1/areas/postcode"): ref("PlaceOfPostcode"),
    ("get", "/api/v1/areas/locate"): list_of(ref("Place")),
    ("post", "/api/v1/areas/locate"): ref("Places"),
    ("post", "/api/v1/areas/import"): ref("AreasImported"),
    ("get", "/api/v1/exercises"): ref("PlannedExercises"),
    ("post", "/api/v1/exercises"): ref("PlannedExercise"),
    ("post", "/api/v1/exercises/{id}/approve"): ref("PlannedExercise"),
    ("post", "/api/v1/exercises/{id}/cancel"): ref("PlannedExercise"),
    ("get", "/api/v1/dead-letters"): ref("DeadLetters"),
    ("post", "/api/v1/dead-letters/{id}/retry"): ref("DeadLetter"),
    ("post", "/api/v1/dead-letters/{id}/close"): ref("DeadLetter"),
    ("post", "/api/v1/threat-levels"): ref("Message"),
    ("get", "/api/v1/threat-levels/history"): list_of(ref("LevelFact")),
    ("post", "/api/v1/threat-levels/import"): ref("LevelsImported"),
}
"""What these routes answer with 200 or 201."""
