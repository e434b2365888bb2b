"""What /openapi.json says beside the routes: bearer tokens, the Idempotency-Key, every refusal, and
the forms of parameters and answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI

from broadcast.content.model import CHANNELS
from broadcast.drafts.model import DraftIn
from broadcast.ledger.evidence import LINES
from broadcast.places.areas import LEVELS as AREA_LEVELS
from console.api import schemas
from console.api.schemas import ref
from console.api.setup import bodies
from console.api.setup import schemas as setup
from console.residents import api as residents
from service.idempotency import HEADER
from service.problem_documents import MEDIA_TYPE
from service.setup.people import LONGEST_REASON

_TEXT: Final = {"type": "string"}
ANSWERS: Final = {**schemas.ANSWERS, **setup.ANSWERS}
"""What a route answers with 200 or 201, where it is not a Message."""
COMPONENTS: Final = {
    **schemas.COMPONENTS,
    **setup.COMPONENTS,
    **bodies.BODIES,
    **residents.COMPONENTS,
}
"""Everything that bodies and answers refer to."""
_REFUSALS: Final = {
    "400": "The request cannot be read.",
    "401": "There is no valid token.",
    "403": "This role, area or account may not.",
    "404": "There is no such thing.",
    "405": "This method does nothing here.",
    "408": "The request did not come in time.",
    "409": "The state does not allow it, or the same key is being answered.",
    "410": "It was there, and is used up or too old.",
    "413": "The body is too large.",
    "415": "This media type is not read here.",
    "422": "A rule refuses it; every problem is named.",
    "429": "Too many requests.",
    "431": "The header is too large.",
    "500": "A fault of ours; it is logged.",
    "503": "The database is away, or there is no room: ask again.",
}
_NUMBER_IN_PATH: Final = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_FORMS: Final[Mapping[str, dict[str, Any]]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
    "version": {"type": "integer", "minimum": 1, "maximum": 1000},
    "state": {"enum": list(LINES)},
    "channel": {"enum": list(CHANNELS)},
    "as_of": {"type": "string", "format": "date-time"},
    "cursor": {"type": "string", "maxLength": 500},
    "level": {"type": "string", "enum": list(AREA_LEVELS)},
    "basis": {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON},
    "fix": {"type": "boolean"},
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "lon": {"type": "number", "minimum": -180, "maximum": 180},
}
"""What a parameter of the API may be; the routes take text and answer in words of their own."""

_MUST: Final = frozenset(
    {
        ("/areas/import", "level"),
        ("/areas/locate", "lat"),
        ("/areas/locate", "lon"),
        ("/areas/postcode", "postcode"),
        ("/cap/kept", "name"),
        ("/subscribers/import", "basis"),
    }
)
"""Parameters that a route refuses to do without, in words of its own."""

_ONLY_LOOKS: Final = frozenset({"/api/v1/subscribers/find"})
"""Where a POST changes nothing and its answer, about people, is not kept: it takes no key."""

_MEDIA: Final[Mapping[str, str]] = {
    "/": "text/html",
    "/v/{code}": "text/html",
    "/u/{token}": "text/html",
    "/u/{token}/start": "text/html",
    "/a/{token}": "text/html",
    "/feed.atom": "application/atom+xml",
    "/messages.geojson": "application/geo+json",
    "/cap/{name}": "application/cap+xml",
    "/hooks/twilio/inbound": "text/xml",
    "/hooks/twilio/voice/{attempt}": "text/xml",
    "/api/v1/events": "text/event-stream",
    "/api/v1/messages/{id}/cap": "application/cap+xml",
    "/api/v1/cap/kept": "application/cap+xml",
}
_PAGES_REFUSING: Final[Mapping[str, frozenset[str]]] = {
    "/v/{code}": frozenset({"404"}),
    "/u/{token}": frozenset({"404"}),
    "/u/{token}/start": frozenset({"404"}),
    "/a/{token}": frozenset({"404", "422", "429"}),
}
"""Which refusals of a page are pages too."""
_FORM: Final = {
    "application/x-www-form-urlencoded": {
        "schema": {"type": "object", "additionalProperties": _TEXT}
    }
}


def install(app: FastAPI) -> None:
    """Complete the document that the application serves."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(plain())
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    draft = DraftIn.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = draft.pop("$defs", {})
    components.setdefault("schemas", {}).update({**COMPONENTS, "DraftIn": draft, **parts})
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    document["servers"] = [{"url": "/", "description": "Where this document comes from."}]
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _operation(path, method, operation)
    return document


def _operation(path: str, method: str, operation: dict[str, Any]) -> None:
    closed = path.startswith("/api/v1")
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        found = parameter["schema"].get("anyOf", ())
        if len(found) == 2 and {"type": "null"} in found:  # a parameter is left out, never null
            parameter["schema"] = next(s for s in found if s != {"type": "null"})
        if (path.removeprefix("/api/v1"), parameter["name"]) in _MUST:
            parameter["required"] = True
        if closed and parameter["name"] in _FORMS and parameter["in"] == "query":
            parameter["schema"] = _FORMS[parameter["name"]]
        elif closed and parameter["name"] == "id" and parameter["in"] == "path":
            parameter["schema"] = _NUMBER_IN_PATH
    operation["operationId"] = _operation_id(path, method)
    operation["security"] = [{"token": []}] if closed else []
    if closed and method == "post" and path not in _ONLY_LOOKS:
        form = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        parameters.append(
            {
                "name": HEADER,
                "in": "header",
                "required": True,
                "schema": form,
                "description": "The same key with the same request gives the first answer.",
            }
        )
    written = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if (
        written and written["schema"].get("title") == "DraftIn"
    ):  # what it refers to lies among the components
        written["schema"] = {"$ref": "#/components/schemas/DraftIn"}
    if path.startswith("/hooks/twilio") and method == "post":
        operation["requestBody"] = {"required": True, "content": _FORM}
    _responses(path, method, operation)
    _examples(path, method, operation)


def _examples(path: str, method: str, operation: dict[str, Any]) -> None:
    """Show with each JSON body and answer one that an installation really had."""
    known = _seen().get(f"{method.upper()} {path.removeprefix('/api/v1')}")
    if known is None:
        return
    operation["responses"][str(known["status"])]["content"]["application/json"]["example"] = known[
        "answer"
    ]
    if "body" in known:
        operation["requestBody"]["content"]["application/json"]["example"] = known["body"]


@cache
def _seen() -> dict[str, Any]:
    text = (files("console.api") / "examples.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _operation_id(path: str, method: str) -> str:
    """Return a name that a generated client can use: `post_messages_id_approve`."""
    words = re.findall(r"[A-Za-z0-9]+", path.removeprefix("/api/v1")) or ["front"]
    return "_".join([method, *words])


def _answers(found: dict[str, Any], schema: dict[str, Any]) -> None:
    """Say what the JSON of a route's good answer is."""
    good = next(found[status] for status in ("201", "202", "200") if status in found)
    good.setdefault("content", {})["application/json"] = {"schema": schema}


def _responses(path: str, method: str, operation: dict[str, Any]) -> None:
    found = operation["responses"]
    if path in _MEDIA:
        schema = {"type": "object"} if _MEDIA[path].endswith("json") else _TEXT
        found["200"]["content"] = {_MEDIA[path]: {"schema": schema}}
    elif (method, path) in ANSWERS:
        _answers(found, ANSWERS[method, path])
    elif (method, path) in residents.ANSWERS:
        _answers(found, residents.ANSWERS[method, path])
    elif path.startswith("/api/v1/messages"):
        _answers(found, ref("Message"))
    for media in found.get("200", {}).get("content", {}).values():
        media.setdefault("schema", _TEXT)
    if path == "/hooks/twilio/status/{attempt}":
        found["200"] = {"description": "Kept.", "content": {}}
        found["202"] = {"description": "Kept; what it tells of is not known yet."}
    if path in ("/feed.atom", "/messages.geojson", "/cap/{name}"):
        found["304"] = {"description": "Not changed."}
    for status, words in _REFUSALS.items():
        content: dict[str, Any] = {MEDIA_TYPE: {"schema": ref("Problem")}}
        if status in _PAGES_REFUSING.get(path, ()):
            content["text/html"] = {"schema": _TEXT}
        if status == "503" and path == "/readyz":
            content["application/json"] = content["text/plain"] = {"schema": {}}
        found[status] = {"description": words, "content": content}
