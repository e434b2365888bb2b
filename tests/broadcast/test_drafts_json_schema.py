"""The JSON Schema of a message file agrees with what reading a file accepts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from broadcast.drafts import read_draft
from broadcast.drafts.json_schema import message_schema
from broadcast.drafts.model import AudienceIn, DraftIn, TextIn
from broadcast.problems import Rejected

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHECK = jsonschema.Draft202012Validator(message_schema())
MESSAGE: dict[str, Any] = {
    "kind": "incident",
    "status": "Actual",
    "areas": ["E09000033"],
    "circles": ["51.5,-0.12 1"],
    "audience": {"kinds": ["resident"]},
    "channels": ["sms", "web"],
    "expires": "4h",
    "languages": {"en": {"headline": "Road closed", "instruction": "Go round."}},
}


def test_it_is_a_schema_and_names_every_field_of_the_reader_and_no_other() -> None:
    jsonschema.Draft202012Validator.check_schema(message_schema())
    said = message_schema()["properties"]
    assert set(said) == set(DraftIn.model_fields)
    assert set(said["audience"]["properties"]) == set(AudienceIn.model_fields)
    assert set(said["languages"]["additionalProperties"]["properties"]) == set(TextIn.model_fields)
    assert all(field["description"] for field in said.values())


def test_a_message_that_can_be_read_fits() -> None:
    read_draft(json.dumps(MESSAGE).encode(), "json", now=NOW)
    assert list(CHECK.iter_errors(MESSAGE)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"status": "Real"},
        {"status": 5},
        {"kind": "warning"},
        {"severity": "High"},
        {"channels": ["pigeon"]},
        {"channels": "sms"},
        {"areas": ["E09000033"] * 10_001},
        {"languages": {"en": {"headline": "x" * 501}}},
        {"languages": {"en": {"headline": "x", "colour": "red"}}},
        {"languages": {"en": {"instruction": "Go round."}}},
        {"visibility": "secret"},
        {"colour": "red"},
        {"audience": {"kinds": ["martian"]}},
    ],
    ids=lambda change: json.dumps(change)[:40],
)
def test_what_does_not_fit_is_refused_by_the_reader_too(change: dict[str, Any]) -> None:
    wrong = MESSAGE | change
    assert list(CHECK.iter_errors(wrong)) != []
    with pytest.raises(Rejected):
        read_draft(json.dumps(wrong).encode(), "json", now=NOW)
