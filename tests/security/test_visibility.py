"""Who may read a message: what is not for the public never becomes public by being left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broadcast.content.model import Audience, Content, Text
from broadcast.drafts import read_draft
from broadcast.messages import versions
from broadcast.problems import Rejected

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
BASE = Content(
    kind="incident",
    status="Actual",
    urgency="Immediate",
    severity="Severe",
    certainty="Observed",
    languages={"en": Text(headline="Avoid the bridge")},
    expires=timedelta(hours=4),
    areas=("E09000033",),
)
OFFICERS = Audience(kinds=("officer",))


def read(
    *, base: Content | None = None, replaces: Content | None = None, **fields: object
) -> Content:
    written = {
        "kind": "incident",
        "status": "Actual",
        "areas": ["E09000033"],
        "languages": {"en": {"headline": "Avoid it"}},
        **fields,
    }
    return read_draft(json.dumps(written).encode(), "json", now=NOON, base=base, replaces=replaces)


@pytest.mark.parametrize(
    "audience,visibility",
    [
        ({}, "public"),
        ({"kinds": ["resident"]}, "public"),
        ({"kinds": ["officer", "resident"]}, "public"),
        ({"kinds": ["officer", "partner"]}, "restricted"),
        ({"communities": ["quiet"]}, "restricted"),
        ({"sectors": ["retail"]}, "restricted"),
    ],
)
def test_left_out_it_goes_by_the_audience(audience: dict[str, list[str]], visibility: str) -> None:
    assert read(audience=audience).visibility == visibility


def test_a_level_of_a_community_is_restricted() -> None:
    level = read(kind="threat_level_change", level="SEVERE", scope="community:quiet", areas=None)
    assert level.visibility == "restricted"


@pytest.mark.parametrize("before", ["restricted", "private"])
def test_left_out_in_an_edit_or_update_it_is_never_more_open_than_before(before: str) -> None:
    closed = replace(BASE, visibility=before)
    assert read(replaces=closed, audience={}).visibility == before
    assert read(base=closed, audience={}).visibility == before
    assert read(base=closed, visibility="public").visibility == "public"
    assert read(base=replace(BASE, audience=OFFICERS)).visibility == "restricted"


def test_a_word_that_is_none_of_the_three_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        read(visibility="Public")
    assert [(p.code, p.field) for p in refused.value.problems] == [
        ("visibility_unknown", "visibility")
    ]


def test_it_is_in_the_stored_form_and_what_was_stored_before_reads_as_its_default() -> None:
    stored = {
        versions.canonical(replace(BASE, visibility=v)) for v in ("public", "restricted", "private")
    }
    assert len(stored) == 3
    for content, default in (
        (BASE, "public"),
        (replace(BASE, audience=OFFICERS, visibility=""), "restricted"),
    ):
        old = {k: v for k, v in content.to_json().items() if k != "visibility"}
        assert Content.from_json(old).visibility == default
        assert versions.read_content(versions.canonical(content)) == content
        assert "visibility" not in json.loads(versions.canonical(content)), (
            "what was submitted before keeps its digest"
        )


def test_what_was_stored_for_a_sector_before_stays_public_and_a_draft_of_today_is_not() -> None:
    before = replace(BASE, audience=Audience(sectors=("retail",)), visibility="")
    assert before.visibility == "public"
    assert "visibility" not in json.loads(versions.canonical(before))
    today = read(audience={"sectors": ["retail"]})
    assert versions.read_content(versions.canonical(today)).visibility == "restricted"
    chosen = read(audience={"sectors": ["retail"]}, visibility="public")
    assert versions.read_content(versions.canonical(chosen)).visibility == "public"
