"""What people write: each fault of a message has its code, its place and its remedy, and all of one
pass are told together.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from broadcast.content.model import CHANNELS, KINDS, Audience, Circle, Content, Text, is_urgent
from broadcast.drafts import placeholder_problems, read_draft
from broadcast.drafts.reading import DEFAULTS
from broadcast.problems import Problem, Rejected

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
CASES = Path(__file__).parents[1] / "data" / "drafts"
SQUARE = "51.50,-0.13 51.50,-0.12 51.51,-0.12 51.51,-0.13 51.50,-0.13"


def a_draft(**fields: Any) -> dict[str, Any]:
    """An incident that is accepted; a field given as ... is left out."""
    whole = {
        "kind": "incident",
        "status": "Actual",
        "areas": ["E09000033"],
        "languages": {"en": {"headline": "Avoid Parliament Square"}},
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def a_change(**fields: Any) -> dict[str, Any]:
    return a_draft(
        **{"kind": "threat_level_change", "level": "SEVERE", "scope": "UK", "areas": ..., **fields}
    )


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CASES / f"{name}.json").read_bytes())
    return found


def drafted(row: dict[str, Any]) -> Any:
    """Return the body of a case: a draft or a change of a level with some fields, without others;
    or the body as it stands.
    """
    if "body" in row:
        return row["body"]
    make = a_change if row["of"] == "change" else a_draft
    return make(**row.get("with", {}), **dict.fromkeys(row.get("without", ()), ...))


def text(**words: Any) -> dict[str, Any]:
    return {"languages": {"en": {"headline": "Avoid Parliament Square", **words}}}


def read(draft: Any, **more: Any) -> Content:
    """Read it as JSON and as YAML: both must say the same."""
    data = draft if isinstance(draft, bytes) else json.dumps(draft).encode()
    found = read_draft(data, "json", now=NOW, **more)
    if not isinstance(draft, bytes):
        assert (
            read_draft(yaml.safe_dump(draft, allow_unicode=True).encode(), "yaml", now=NOW, **more)
            == found
        )
    return found


def faults(data: bytes, form: str = "json", **more: Any) -> tuple[Problem, ...]:
    with pytest.raises(Rejected) as caught:
        read_draft(data, "yaml" if form == "yaml" else "json", now=NOW, **more)
    return caught.value.problems


def codes(draft: Any, **more: Any) -> set[tuple[str, str]]:
    data = draft if isinstance(draft, bytes) else json.dumps(draft).encode()
    return {(p.code, p.field) for p in faults(data, **more)}


# reliability.md (c), API publish: every row that concerns the body itself

BIG = " ".join(f"51.{50000 + i % 40000:05d},-0.{10000 + i % 80000:05d}" for i in range(60_000))
BYTES: list[tuple[str, Any, int, str, str]] = [
    (
        "3 10,000 characters by SMS",
        a_draft(**text(sms="a" * 10_000)),
        422,
        "sms_too_long",
        "languages.en.sms",
    ),
    (
        "8 lone surrogate",
        json.dumps(a_draft(**text(headline="a\ud800"))).encode(),
        400,
        "bad_encoding",
        "languages.en.headline",
    ),
    ("23 60,000 points", a_draft(polygons=[BIG]), 422, "polygon_too_complex", "polygons[0]"),
    (
        "34 duplicate key",
        b'{"kind": "incident", "kind": "advice"}',
        400,
        "json_duplicate_key",
        "kind",
    ),
    (
        "35 NaN",
        b'{"polygons": [{"type": "Polygon", "coordinates": [[[NaN, 1]]]}]}',
        422,
        "number_range",
        "polygons[0].coordinates[0][0][0]",
    ),
    ("35 1e999", b'{"circles": [{"latitude": 1e999}]}', 422, "number_range", "circles[0].latitude"),
    ("35 2^63", b'{"expires": 9223372036854775808}', 422, "number_range", "expires"),
    ("36 50 MB", b'"' + b"a" * 50_000_000 + b'"', 413, "body_too_large", ""),
    ("37 depth 10,000", b'{"areas":' * 10_000 + b"1" + b"}" * 10_000, 400, "json_too_deep", ""),
    ("39 bad UTF-8", b'{"kind": "\xff"}', 400, "bad_encoding", ""),
]
"""What a file of cases cannot hold: bytes that are no JSON of ours, and very large bodies."""
PUBLISH = [
    (row["case"], drafted(row), row["status"], row["code"], row["field"])
    for row in cases("cannot_be_published")
] + BYTES


@pytest.mark.parametrize(
    ("draft", "status", "code", "field"), [c[1:] for c in PUBLISH], ids=[c[0] for c in PUBLISH]
)
def test_a_body_that_cannot_be_published_has_its_code_its_field_and_its_remedy(
    draft, status, code, field
):
    data = draft if isinstance(draft, bytes) else json.dumps(draft).encode()
    problems = faults(data)
    first = problems[0]
    assert [(p.code, p.field) for p in problems] == [(code, field)]
    assert first.status == status
    assert first.detail
    assert first.fix or code == "coordinate_range"


FIELDS = [(row["case"], drafted(row), row["code"], row["field"]) for row in cases("wrong_fields")]


@pytest.mark.parametrize(
    ("draft", "code", "field"), [c[1:] for c in FIELDS], ids=[c[0] for c in FIELDS]
)
def test_a_field_that_is_wrong_is_named_once(draft, code, field):
    problems = faults(json.dumps(draft).encode())
    assert [(p.code, p.field) for p in problems] == [(code, field)]
    assert problems[0].fix


@pytest.mark.parametrize(
    ("draft", "meant"),
    [
        (a_change(level="SEVER"), "did you mean SEVERE?"),
        (a_draft(headlin="x", languages={"en": {"headline": "x"}}), "the fields here are"),
        (a_draft(expiry="4h"), "did you mean expires?"),
        (a_draft(**text(headlines="x")), "did you mean headline?"),
        (a_draft(status="exercise"), "did you mean Exercise?"),
        (a_draft(channels=["e-mail"]), "did you mean email?"),
        (a_draft(audience={"comunities": ["x"]}), "did you mean communities?"),
    ],
)
def test_the_nearest_name_is_offered(draft, meant):
    assert faults(json.dumps(draft).encode())[0].fix.startswith(meant)


def test_every_fault_of_one_pass_is_told_together():
    draft = a_change(
        status="Aktual",
        level="SEVER",
        scope="London",
        audience={"kinds": [1], "who": 2},
        channels=["fax"],
        expires="2026-10-25T01:30:00",
        languages={"en": {"headline": ""}, "e n": {}},
    )
    assert codes(draft) == {
        ("status_unknown", "status"),
        ("level_unknown", "level"),
        ("scope_invalid", "scope"),
        ("field_type", "audience.kinds[0]"),
        ("field_unknown", "audience.who"),
        ("channel_unknown", "channels[0]"),
        ("time_ambiguous", "expires"),
        ("text_empty", "languages.en.headline"),
        ("text_empty", "languages.e n.headline"),
        ("language_invalid", "languages.e n"),
    }


def test_a_hundred_thousand_unknown_fields_are_refused_at_once_and_not_all_listed():
    assert len(faults(json.dumps(a_draft(**{f"x{i}": 1 for i in range(100_000)})).encode())) == 50


# What is accepted, and what it comes to


def test_a_draft_with_little_gets_the_defaults():
    assert read(a_draft()) == Content(
        kind="incident",
        status="Actual",
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        languages={"en": Text(headline="Avoid Parliament Square")},
        expires=timedelta(hours=24),
        areas=("E09000033",),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_cap_words(kind):
    assert set(DEFAULTS) == set(KINDS)
    if kind in ("correction", "all_clear"):
        content = read(
            a_draft(kind=...),
            base=read(a_draft(kind="advice")),
            follows="correct" if kind == "correction" else kind,
        )
    else:
        content = read(a_change() if kind == "threat_level_change" else a_draft(kind=kind))
    assert content.kind == kind
    assert (content.urgency, content.severity, content.certainty) == DEFAULTS[kind]


def test_only_incidents_releases_corrections_and_critical_are_urgent_by_default():
    assert {
        kind
        for kind in ("appeal", "incident", "advice", "contingency")
        if is_urgent(read(a_draft(kind=kind)))
    } == {"incident", "contingency"}
    assert not is_urgent(read(a_change()))
    assert is_urgent(read(a_change(level="CRITICAL")))


def test_every_field_is_read():
    content = read(
        a_draft(
            urgency="Expected",
            severity="Extreme",
            certainty="Likely",
            areas=["e09000033", "X-1", "E09000033"],
            polygons=[
                SQUARE,
                {
                    "type": "Polygon",
                    "coordinates": [[[-0.1, 51.5], [-0.1, 51.6], [0, 51.6], [-0.1, 51.5]]],
                },
            ],
            circles=["51.5,-0.1 2.5"],
            audience={"kinds": ["business", "officer"], "sectors": ["Retail "], "communities": []},
            channels=["email", "sms", "email"],
            expires="2026-09-22T13:00:00+01:00",
            languages={
                "en-gb": {
                    "headline": "A",
                    "description": "B\r\nC",
                    "instruction": "D",
                    "sms": "E",
                    "voice": "F",
                },
                "ZH-hant": {"headline": "避開"},
            },
            hotlines=["0800 789 321"],
            source="Metropolitan Police",
            note="N",
            incidents=["a,b"],
        )
    )
    assert (content.urgency, content.severity, content.certainty) == (
        "Expected",
        "Extreme",
        "Likely",
    )
    assert content.areas == ("E09000033", "X-1")
    assert [polygon[0][0] for polygon in content.polygons] == [(-0.13, 51.5), (-0.1, 51.5)]
    assert content.circles == (Circle(latitude=51.5, longitude=-0.1, radius_km=2.5),)
    assert content.audience == Audience(kinds=("business", "officer"), sectors=("retail",))
    assert content.channels == ("sms", "email")
    assert content.expires == datetime(2026, 9, 22, 12, tzinfo=UTC)
    assert list(content.languages.items()) == [
        ("en-GB", Text(headline="A", description="B\nC", instruction="D", sms="E", voice="F")),
        ("zh-Hant", Text(headline="避開")),
    ]
    assert (content.hotlines, content.source, content.note, content.incidents) == (
        ("0800 789 321",),
        "Metropolitan Police",
        "N",
        ("a,b",),
    )


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("4h", timedelta(hours=4)),
        ("90m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("1d 12h", timedelta(hours=36)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_a_relative_end_stays_relative(text, length):
    assert read(a_draft(expires=text)).expires == length


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-25T01:30:00+01:00",
        "2026-10-25T00:30:00Z",
        "2026-10-25t00:30:00.999z",
        "2026-10-25 00:30:00-00:00",
        "2026-10-25T00:30Z",
    ],
)
def test_the_hour_that_comes_twice_is_no_question_with_an_offset(text):
    assert read(a_draft(expires=text)).expires == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_24_hours_are_allowed_for_a_change_to_critical_and_more_for_all_others():
    assert read(a_change(level="CRITICAL", expires="24h")).expires == timedelta(hours=24)
    assert read(a_change(level="CRITICAL", expires="2026-09-22T12:00:00Z")).level == "CRITICAL"
    assert read(a_change(expires="7d")).expires == timedelta(days=7)
    assert read(a_draft(severity="Extreme", expires="7d")).expires == timedelta(days=7)


def test_a_level_change_takes_its_place_from_its_scope():
    content = read(a_change(level="severe", scope="e12000007"))
    assert (content.level, content.scope, content.areas) == ("SEVERE", "E12000007", ())
    assert type(content.level) is str
    assert read(a_change(areas=["E09000033"])).areas == ("E09000033",)


def test_the_level_of_a_community_is_told_to_that_community_unless_an_audience_is_named():
    assert read(a_change(scope="community:Jewish")).audience == Audience(communities=("jewish",))
    assert read(a_change(scope="sector:Retail")).audience == Audience(sectors=("retail",))
    assert read(a_change(scope="sector:Retail", audience={})).audience == Audience()


def test_an_empty_list_of_areas_beside_a_shape_is_no_fault():
    assert read(a_draft(areas=[], circles=["51.5,-0.1 1"])).areas == ()


@pytest.mark.parametrize("status", ["System", "Draft"])
def test_a_status_that_goes_to_nobody_is_accepted_as_a_draft(status):
    assert read(a_draft(status=status)).status == status


def test_an_unfilled_placeholder_waits_for_the_approval():
    content = read(a_draft(**text(description="Go to {place}", sms="At {{time}}")))
    assert [(p.code, p.field) for p in placeholder_problems(content)] == [
        ("placeholder_unfilled", "languages.en.description"),
        ("placeholder_unfilled", "languages.en.sms"),
    ]


# Exercises cannot pass for real


@pytest.mark.parametrize("status", ["Exercise", "Test"])
@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"headline": "This is NOT a drill"}, "languages.en.headline"),
        ({"description": "this is n0t  a dri11"}, "languages.en.description"),
        ({"voice": "T h i s  i s  n o t  a  d r i l l"}, "languages.en.voice"),
        ({"headline": "This is not", "instruction": "a drill"}, "languages.en"),
        ({"headline": "This is not", "description": "a drill"}, "languages.en"),
    ],
)
def test_an_exercise_may_not_claim_to_be_real(status, words, field):
    assert codes(a_draft(status=status, **text(**words))) == {("not_a_drill", field)}
    assert read(a_draft(**text(**words))).status == "Actual"


def test_nor_may_its_source_or_note():
    assert codes(
        a_draft(
            status="Exercise",
            source="This is not a drill",
            note="No drill",
            hotlines=["not a drill"],
        )
    ) == {
        ("not_a_drill", "source"),
        ("not_a_drill", "note"),
        ("not_a_drill", "hotlines[0]"),
    }


def test_an_exercise_has_a_name_of_its_own_that_what_follows_keeps():
    base = read(a_draft(status="Exercise", exercise=" Winter\n Oak "))
    assert base.exercise == "Winter Oak"
    assert Content.from_json(base.to_json()) == base
    assert read(a_draft(status="Exercise"), base=base).exercise == "Winter Oak"
    assert read(a_draft(status="Exercise", exercise="Oak 2"), base=base).exercise == "Oak 2"
    assert read(a_draft()).exercise == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "Actual", "exercise": "Winter Oak"}, "exercise_name"),
        ({"status": "Test", "exercise": "Winter Oak"}, "exercise_name"),
        ({"status": "Exercise", "exercise": "x" * 41}, "text_too_long"),
        ({"status": "Exercise", "exercise": "This is no drill"}, "not_a_drill"),
        (
            {"status": "Exercise", "exercise": "This is not", **text(headline="a drill")},
            "not_a_drill",
        ),
        ({"status": "Exercise", "exercise": "a\x07b"}, "control_character"),
    ],
)
def test_a_name_of_no_exercise_or_that_could_mislead_is_refused(changes, code):
    assert codes(a_draft(**changes)) == {(code, "exercise")}


# Updates, corrections, all-clears


def test_an_update_keeps_the_kind_and_a_correction_and_an_all_clear_have_their_own():
    base = read(a_draft(kind="appeal"))
    assert read(a_draft(kind=...), base=base).kind == "appeal"
    assert read(a_draft(kind="appeal"), base=base).kind == "appeal"
    assert read(a_draft(kind=...), base=base, follows="correct").kind == "correction"
    assert read(a_draft(kind="all_clear"), base=base, follows="all_clear").kind == "all_clear"


@pytest.mark.parametrize(
    ("kind", "follows"),
    [
        ("incident", "update"),
        ("appeal", "correct"),
        ("correction", "update"),
        ("correction", "all_clear"),
    ],
)
def test_a_kind_that_does_not_fit_is_refused(kind, follows):
    assert codes(a_draft(kind=kind), base=read(a_draft(kind="appeal")), follows=follows) == {
        ("kind_differs", "kind")
    }


def test_the_status_is_asked_for_again_and_must_be_that_of_the_first():
    base = read(a_draft(status="Exercise"))
    assert codes(a_draft(), base=base) == {("status_differs", "status")}
    assert codes(a_draft(status=...), base=base) == {("status_missing", "status")}


def test_place_audience_and_channels_stay_where_they_are_left_out():
    base = read(
        a_draft(circles=["51.5,-0.1 1"], audience={"kinds": ["officer"]}, channels=["email"])
    )
    follow = read(a_draft(kind=..., areas=...), base=base, follows="correct")
    assert (follow.areas, follow.circles, follow.audience, follow.channels) == (
        base.areas,
        base.circles,
        base.audience,
        base.channels,
    )
    other = read(a_draft(kind=..., audience={}, channels=["sms"]), base=base)
    assert (other.areas, other.circles, other.audience, other.channels) == (
        ("E09000033",),
        (),
        Audience(),
        ("sms",),
    )
    assert codes(a_draft(kind=..., areas=[]), base=base) == {("area_empty", "areas")}


def test_the_correction_of_a_level_change_is_for_the_place_of_its_scope():
    base = read(a_change(scope="E12000007"))
    follow = read(a_draft(kind=..., areas=...), base=base, follows="correct")
    assert (follow.kind, follow.level, follow.scope, follow.areas) == (
        "correction",
        None,
        "E12000007",
        (),
    )


def test_who_was_told_because_it_was_severe_hears_that_it_is_over():
    base = read(a_draft(urgency="Future", severity="Extreme", certainty="Likely"))
    assert read(a_draft(kind=...), base=base, follows="all_clear").severity == "Extreme"
    assert (
        read(a_draft(kind=..., severity="Minor"), base=base, follows="all_clear").severity
        == "Minor"
    )
    update = read(a_draft(kind=...), base=base)
    assert (update.urgency, update.severity, update.certainty) == ("Future", "Extreme", "Likely")


def test_all_channels_are_the_default():
    assert read(a_draft()).channels == CHANNELS
