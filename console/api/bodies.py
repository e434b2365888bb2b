"""What is sent to the API: media types, strict JSON, and the few fields of an act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from broadcast.files import safe_json
from broadcast.files.nearest import did_you_mean, shown
from broadcast.problems import Problem, Rejected, refuse
from console.server.limits import MIB

JSON = "application/json"
CAP = "application/cap+xml"


def media_type(request: Request) -> str:
    """Return the media type of the body in small letters, without its parameters; "" where none is
    named.
    """
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_media_type(request: Request, body: bytes, *allowed: str) -> str:
    """Return the media type; raises Rejected (415 media_type) for another one. An empty body may
    call itself anything.
    """
    given = media_type(request)
    if given in allowed or not body:
        return given if given in allowed else allowed[0]
    raise refuse(
        "media_type",
        f"{shown(given) if given else 'a body without a media type'} is not read here",
        f"send {' or '.join(allowed)}",
        field="Content-Type",
        status=415,
    )


def read_act(request: Request, body: bytes, fields: Sequence[str]) -> dict[str, Any]:
    """Return the JSON object of an act: its fields, each text or absent. Raises Rejected for
    everything else.
    """
    check_media_type(request, body, JSON)
    if not body.strip():
        return {}
    value = safe_json.loads(body, limit=MIB)
    if not isinstance(value, dict):
        raise refuse(
            "field_type", "the body is no JSON object", "send an object, such as {}", status=422
        )
    check_fields(value, fields)
    return value


def check_fields(value: dict[str, Any], fields: Sequence[str]) -> None:
    """Raise Rejected (field_unknown) for what is none of these fields."""
    unknown = [name for name in value if name not in fields]
    if unknown:
        raise Rejected(_unknown_field(name, fields) for name in unknown[: safe_json.MAX_PROBLEMS])


def _unknown_field(name: str, fields: Sequence[str]) -> Problem:
    fix = did_you_mean(name, fields) if fields else "this act takes none"
    return Problem(
        code="field_unknown",
        detail=f"there is no field {shown(name)} here",
        fix=fix,
        field=safe_json.field_path(name),
    )


def text_field(value: dict[str, Any], name: str, *, missing: str, fix: str) -> str:
    """Return a text; raises Rejected: `missing` where it is absent or blank, field_type where it is
    no text.
    """
    given = value.get(name)
    if given is None or (isinstance(given, str) and not given.strip()):
        raise refuse(missing, f"{name} is missing", fix, field=name)
    if not isinstance(given, str):
        raise Rejected(
            Problem(
                code="field_type", detail=f"{name} is no text", fix="put it in quotes", field=name
            )
        )
    return given


def only_of(value: dict[str, Any]) -> tuple[str, ...]:
    """Return which lines a resend is for: a list, or names with commas between them. Which are
    allowed is the command's to say.
    """
    given = value.get("only", "")
    if isinstance(given, str):
        given = [part.strip() for part in given.split(",") if part.strip()]
    if not isinstance(given, list) or not all(isinstance(part, str) for part in given):
        raise refuse(
            "field_type",
            "only is no list of lines",
            'write ["failed"], ["in_doubt"] or both',
            field="only",
        )
    return tuple(dict.fromkeys(given))
