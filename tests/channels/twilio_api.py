"""What Twilio's API answers: the schemas of its own description where that is at hand, else those
made of the facts in `tests/data`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tests.sources import OWN

Json = dict[str, Any]


@cache
def answers(source: Path) -> dict[str, Any]:
    """Return the schemas by name: message, call, account, messages, calls, message_enum_status,
    call_enum_status.
    """
    if source == OWN:
        return _ours(json.loads((OWN / "twilio" / "answers.json").read_text()))
    return _theirs(json.loads((source / "twilio" / "twilio_api_v2010.json").read_text()))


def _theirs(document: Json) -> dict[str, Any]:
    schemas = document["components"]["schemas"]

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return plain(schemas[node["$ref"].rpartition("/")[2]])
        unused = ("nullable", "x-twilio", "description", "example", "examples")
        made = {name: plain(value) for name, value in node.items() if name not in unused}
        if node.get("nullable") and isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if "properties" in node:
            made |= {"additionalProperties": False, "required": sorted(node["properties"])}
        return made

    def answered(path: str, method: str, status: str) -> Any:
        responses = document["paths"][f"/2010-04-01/Accounts/{{AccountSid}}/{path}.json"][method][
            "responses"
        ]
        return plain(responses[status]["content"]["application/json"]["schema"])

    values = (
        "message_enum_status",
        "call_enum_status",
        "account_enum_status",
        "account_enum_type",
    )
    statuses = {name: plain(schemas[name]) for name in values}
    one = {"message": answered("Messages", "post", "201"), "call": answered("Calls", "post", "201")}
    assert one["message"] == answered("Messages/{Sid}", "get", "200")
    assert one["call"] == answered("Calls/{Sid}", "get", "200")
    return {
        **statuses,
        **one,
        "account": plain(schemas["api.v2010.account"]),
        "messages": answered("Messages", "get", "200"),
        "calls": answered("Calls", "get", "200"),
    }


def _ours(facts: Json) -> dict[str, Any]:
    values = {name: {"type": "string", "enum": listed} for name, listed in facts["values"].items()}

    def field(told: str) -> Any:
        if told.startswith("="):
            return values[told[1:]]
        kind, *prefixes = told.removesuffix("?").split()
        types = ["string" if prefixes else kind, *(["null"] if told.endswith("?") else [])]
        return {
            "type": types,
            **({"pattern": f"^({'|'.join(prefixes)})[0-9a-fA-F]{{32}}$"} if prefixes else {}),
        }

    def record(fields: Json) -> Json:
        made = {
            name: told if isinstance(told, dict) else field(told) for name, told in fields.items()
        }
        return {
            "type": "object",
            "properties": made,
            "additionalProperties": False,
            "required": sorted(made),
        }

    one = {name: record(facts[name]) for name in ("message", "call")}
    pages = {
        f"{name}s": record({**facts["page"], f"{name}s": {"type": "array", "items": one[name]}})
        for name in one
    }
    return {**values, **one, **pages, "account": record(facts["account"])}
