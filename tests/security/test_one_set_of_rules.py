"""The same message is judged the same, in the same words, whether it comes as YAML, JSON or CAP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from broadcast.cap.drafting import content_of, read_cap
from broadcast.cap.model import CapAlert, CapArea, CapInfo
from broadcast.cap.validation.lists import join_quoted, split_quoted
from broadcast.cap.write import write
from broadcast.content.model import CHANNELS, KINDS, VISIBILITIES, Content
from broadcast.drafts import read_draft
from broadcast.drafts.checking import check_content
from broadcast.problems import Rejected

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SQUARE = "51.5,-0.1 51.6,-0.1 51.6,0.0 51.5,-0.1"
CROSSING = "51.5,-0.1 51.6,0.0 51.6,-0.1 51.5,0.0 51.5,-0.1"
GOOD: dict[str, Any] = {
    "kind": "incident",
    "status": "Actual",
    "urgency": "Immediate",
    "severity": "Severe",
    "certainty": "Observed",
    "areas": ["E09000033"],
    "audience": {"kinds": [], "sectors": [], "communities": [], "trades": [], "sizes": []},
    "channels": list(CHANNELS),
    "expires": "2026-05-02T12:00:00+00:00",
    "languages": {"en": {"headline": "Avoid the bridge", "description": "It is closed"}},
    "hotlines": ["101"],
    "incidents": ["one"],
    "visibility": "public",
}

Verdict = Content | frozenset[tuple[str, str, str, str]]


def judged(read: Any) -> Verdict:
    """Return the content, or everything that is said against it."""
    try:
        content: Content = read()
    except Rejected as refused:
        return frozenset((p.code, p.detail, p.fix, p.field) for p in refused.problems)
    return content


def as_yaml(fields: dict[str, Any]) -> Verdict:
    return judged(
        lambda: read_draft(
            yaml.safe_dump(json.loads(json.dumps(fields)), sort_keys=False).encode(),
            "yaml",
            now=NOON,
        )
    )


def as_json(fields: dict[str, Any]) -> Verdict:
    return judged(lambda: read_draft(json.dumps(fields).encode(), "json", now=NOON))


def as_cap(fields: dict[str, Any]) -> Verdict:
    return judged(lambda: content_of(read_cap(document(fields)), now=NOON)[0])


def document(fields: dict[str, Any]) -> bytes:
    """Write the fields of a message as a CAP document of ours says them."""
    rule = fields["audience"]
    shared = [
        ("fasttime:kind", fields["kind"]),
        ("fasttime:channels", ",".join(fields["channels"])),
    ]
    shared += [(f"fasttime:{name}", fields[name]) for name in ("level", "scope") if name in fields]
    shared += [("fasttime:audience-kind", v) for v in rule["kinds"]]
    shared += [("fasttime:audience-sector", v) for v in rule["sectors"]]
    shared += [("fasttime:audience-community", v) for v in rule["communities"]]
    shared += [("fasttime:audience-trade", v) for v in rule.get("trades", ())]
    shared += [("fasttime:audience-size", v) for v in rule.get("sizes", ())]
    shared += [("fasttime:provider", v) for v in [fields.get("provider")] if v]
    shared += [("fasttime:hotline", v) for v in fields["hotlines"]]
    shared += [("fasttime:visibility", fields["visibility"])]
    incidents = join_quoted(fields["incidents"])
    if list(split_quoted(incidents)) != fields["incidents"]:
        shared += [("fasttime:incident", v) for v in fields["incidents"]]
    polygons = []
    for i, shape in enumerate(fields.get("polygons", [])):
        if isinstance(shape, str):
            polygons.append(shape)
            continue
        outer, *holes = [
            " ".join(f"{lat},{lon}" for lon, lat in ring) for ring in shape["coordinates"]
        ]
        polygons.append(outer)
        shared += [("fasttime:hole", f"{i} {hole}") for hole in holes]
    areas = [
        CapArea(area_desc="here", geocodes=tuple(("GSS", code) for code in fields.get("areas", [])))
    ]
    areas += [
        CapArea(
            area_desc="drawn", polygons=tuple(polygons), circles=tuple(fields.get("circles", ()))
        )
    ]
    visibility = fields["visibility"] if fields["visibility"] in VISIBILITIES else "public"
    infos = []
    for tag, text in fields["languages"].items():
        spoken = [(f"fasttime:{name}", text[name]) for name in ("sms", "voice") if name in text]
        infos.append(
            CapInfo(
                language=tag,
                categories=("Safety",),
                event="Incident",
                urgency=fields["urgency"],
                severity=fields["severity"],
                certainty=fields["certainty"],
                expires=fields["expires"],
                headline=text.get("headline"),
                description=text.get("description"),
                instruction=text.get("instruction"),
                parameters=(*shared, *spoken),
                areas=tuple(areas),
            )
        )
    return write(
        CapAlert(
            identifier="one.1",
            sender="police@example.org",
            sent="2026-05-01T12:00:00-00:00",
            status=fields["status"],
            msg_type="Alert",
            scope=visibility.title(),
            restriction="some" if visibility == "restricted" else None,
            addresses="some" if visibility == "private" else None,
            source=fields.get("source"),
            note=fields.get("note"),
            incidents=incidents or None,
            infos=tuple(infos),
        )
    )


# Words that XML can hold: those that it cannot make a document that is not well-formed, which no
# rule of ours judges.
PLAIN = st.text(
    alphabet=st.characters(
        codec="utf-8", exclude_characters="".join(map(chr, {*range(32)} - {9, 10})) + "\ufffe\uffff"
    ),
    max_size=12,
)
HOSTILE = st.sampled_from(
    [
        "turned \u202e round",
        "p\u0430ypal",
        "see bit.ly/x",
        "call [INSERT NUMBER]",
        "this is not a drill",
        "",
        "   ",
        "\u200b",
        "\x85 next",
        "http://user@example.org",
        "x" * 6_000,
        "go on " * 300,
    ]
)
WORDS = PLAIN | HOSTILE
HOLE = {
    "type": "Polygon",
    "coordinates": [
        [[0.0, 51.0], [1.0, 51.0], [1.0, 52.0], [0.0, 52.0], [0.0, 51.0]],
        [[0.2, 51.2], [0.4, 51.2], [0.4, 51.4], [0.2, 51.2]],
    ],
}
OUTSIDE = {
    "type": "Polygon",
    "coordinates": [HOLE["coordinates"][0], [[5.0, 51.2], [6.0, 51.2], [6.0, 51.4], [5.0, 51.2]]],
}
CROSSING_HOLE = {
    "type": "Polygon",
    "coordinates": [
        HOLE["coordinates"][0],
        [[0.2, 51.2], [0.4, 51.4], [0.4, 51.2], [0.2, 51.4], [0.2, 51.2]],
    ],
}
SHAPES = [
    SQUARE,
    CROSSING,
    "51,0 52,1 51,0",
    "51,0 52,0 52,1",
    "500,0 501,0 501,1 500,0",
    "nan,0 1,1 2,2 nan,0",
    "51 0",
    HOLE,
    OUTSIDE,
    CROSSING_HOLE,
    SQUARE[:-4] + "e",
]
MANY = [" ".join(f"51,{i / 1e5}" for i in range(10_100))]
TEXTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("headline", "description", "instruction", "sms", "voice"), WORDS)
)

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from([*KINDS, "incidnt", ""]),
        "status": st.sampled_from(["Actual", "Exercise", "Test"]),
        "level": st.sampled_from(["SEVERE", "CRITICAL", "Very high", ""]),
        "scope": st.sampled_from(["UK", "E09000033", "community:quiet", "community:", "the moon"]),
        "areas": st.lists(
            st.sampled_from(["E09000033", "e09000001", "x" * 80, " "]), min_size=1, max_size=2
        ),
        "polygons": st.lists(st.sampled_from(SHAPES), min_size=1, max_size=2) | st.just(MANY),
        "circles": (
            st.lists(
                st.sampled_from(["51,0 1", "51,0 -1", "51,0", "1" * 5000 + "x,0 1", "91,0 1"]),
                min_size=1,
                max_size=2,
            )
            | st.just(["51,0 1"] * 101)
        ),
        "audience": st.fixed_dictionaries(
            {
                "kinds": st.lists(st.sampled_from(["resident", "officer", "mayor"]), max_size=2),
                "sectors": st.lists(st.sampled_from(["rail", "a;b", "x" * 101]), max_size=2),
                "communities": st.lists(st.sampled_from(["quiet", ""]), max_size=2),
                "trades": st.lists(st.sampled_from(["I", "N", "i", "56.1", "x" * 201]), max_size=2),
                "sizes": st.lists(st.sampled_from(["micro", "large", "huge"]), max_size=2),
            }
        ),
        "channels": st.lists(st.sampled_from([*CHANNELS, "pigeon"]), min_size=1, max_size=3),
        "expires": st.sampled_from(
            [
                "2026-05-02T12:00:00+00:00",
                "0001-01-01T00:00:00+00:00",
                "9999-12-31T23:59:59+00:00",
                "2026-04-01T00:00:00+00:00",
            ]
        ),
        "languages": st.dictionaries(
            st.sampled_from(["en", "cy", "EN", "zh-Hant", "x"]), TEXTS, min_size=1, max_size=3
        ),
        "hotlines": st.lists(WORDS, max_size=2) | st.just(["101"] * 30),
        "source": WORDS.filter(bool),
        "note": WORDS.filter(bool),
        "incidents": st.lists(WORDS, max_size=2),
        "visibility": st.sampled_from([*VISIBILITIES, "secret"]),
        "provider": st.sampled_from(["Camden  Council", "a;b", "x" * 101, "x" * 201]),
    },
)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of 10,100 corners
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.generate),
)
@given(CHANGES)
def test_the_same_message_has_the_same_verdict_in_the_same_words_through_any_door(
    changes: dict[str, Any],
) -> None:
    fields = GOOD | changes
    through_json = as_json(fields)
    assert as_yaml(fields) == through_json
    assert as_cap(fields) == through_json
    if isinstance(through_json, Content):
        left = {p.code for p in check_content(through_json, now=NOON)}
        assert left <= {"placeholder_unfilled"}


ATTACKS: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "a mark that turns the text",
        {"languages": {"en": {"headline": "turned \u202e round"}}},
        "languages.en.headline",
        "control_character",
    ),
    ("look-alikes", {"source": "p\u0430ypal"}, "source", "mixed_script"),
    ("a short link", {"note": "see bit.ly/x"}, "note", "link_not_allowed"),
    (
        "a blank headline",
        {"languages": {"en": {"headline": " \u200b"}}},
        "languages.en.headline",
        "text_blank",
    ),
    (
        "not a drill",
        {"status": "Exercise", "languages": {"en": {"headline": "This is n0t a drill"}}},
        "languages.en.headline",
        "not_a_drill",
    ),
    (
        "45,000 corners",
        {"polygons": [" ".join(f"51,{i / 1e5}" for i in range(45_000))]},
        "polygons[0]",
        "polygon_too_complex",
    ),
    ("a level on an incident", {"level": "SEVERE"}, "level", "level_not_allowed"),
    (
        "an unknown level",
        {"kind": "threat_level_change", "level": "HUGE", "scope": "UK"},
        "level",
        "level_unknown",
    ),
    ("an unknown channel", {"channels": ["pigeon"]}, "channels[0]", "channel_unknown"),
    (
        "an unknown audience",
        {"audience": {"kinds": ["mayor"], "sectors": [], "communities": []}},
        "audience.kinds[0]",
        "audience_unknown",
    ),
    (
        "an unknown trade",
        {"audience": {"kinds": [], "sectors": [], "communities": [], "trades": ["hospitality"]}},
        "audience.trades[0]",
        "trade_unknown",
    ),
    (
        "an unknown size",
        {"audience": {"kinds": [], "sectors": [], "communities": [], "sizes": ["tiny"]}},
        "audience.sizes[0]",
        "size_unknown",
    ),
    ("a list of providers", {"provider": "council;watch"}, "provider", "name_invalid"),
    ("a correction of nothing", {"kind": "correction"}, "kind", "kind_needs_first"),
    ("a crossing hole", {"polygons": [CROSSING_HOLE]}, "polygons[0]", "polygon_crosses"),
    ("the year 1", {"expires": "0001-01-01T00:00:00+00:00"}, "expires", "expired"),
    ("the year 9999", {"expires": "9999-12-31T23:59:59+00:00"}, "expires", "number_range"),
]


@pytest.mark.parametrize(
    "changes,field,code", [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS]
)
def test_an_attack_is_refused_by_name_through_every_door(
    changes: dict[str, Any], field: str, code: str
) -> None:
    for verdict in (as_json(GOOD | changes), as_yaml(GOOD | changes), as_cap(GOOD | changes)):
        assert isinstance(verdict, frozenset)
        assert (field, code) in {(f, c) for c, _, _, f in verdict}


@pytest.mark.parametrize(
    "expires",
    [
        "2026-05-32T12:00:00+00:00",
        "2026-05-02T25:00:00+00:00",
        "2026-05-02T12:00:60+00:00",
        "2026-05-02T12:00:00+00:60",
        "2026-05-02T12:00:00+14:01",
        "2026-05-02T12:00:00-15:00",
    ],
)
def test_an_end_that_does_not_exist_is_refused_in_one_way(expires: str) -> None:
    said = as_json(GOOD | {"expires": expires})
    assert isinstance(said, frozenset)
    assert {(code, field) for code, _, _, field in said} == {("time_invalid", "expires")}
    assert as_yaml(GOOD | {"expires": expires}) == said == as_cap(GOOD | {"expires": expires})


def test_the_widest_offset_of_a_clock_is_taken_by_every_door() -> None:
    fields = GOOD | {"expires": "2026-05-02T12:00:00+14:00"}
    assert isinstance(as_json(fields), Content)
    assert as_yaml(fields) == as_cap(fields) == as_json(fields)


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029"])
def test_a_line_end_that_nobody_sees_is_refused_by_name_as_it_stands_in_a_file(mark: str) -> None:
    text = yaml.safe_dump(GOOD).replace("Avoid the", f"Avoid{mark}the")
    for verdict in (
        judged(lambda: read_draft(text.encode(), "yaml", now=NOON)),
        as_json(GOOD | {"languages": {"en": {"headline": f"Avoid{mark}the bridge"}}}),
    ):
        assert isinstance(verdict, frozenset)
        assert {code for code, *_ in verdict} == {"control_character"}


@pytest.mark.parametrize(
    "field", ["hotlines[0]", "incidents[0]", "source", "note", "languages.en.headline"]
)
def test_a_placeholder_in_any_field_keeps_it_from_being_submitted(field: str) -> None:
    blank = "call [INSERT NUMBER]"
    name = field.partition("[")[0]
    changes: dict[str, Any] = {name: [blank] if name in ("hotlines", "incidents") else blank}
    content = as_json(
        GOOD
        | ({"languages": {"en": {"headline": blank}}} if name.startswith("languages") else changes)
    )
    assert isinstance(content, Content)
    assert [(p.code, p.field) for p in check_content(content, now=NOON)] == [
        ("placeholder_unfilled", field)
    ]


def test_what_was_stored_before_a_rule_is_judged_by_it_at_submission() -> None:
    content = as_json(GOOD)
    assert isinstance(content, Content)
    old = replace(content, level="SEVERE", source="see bit.ly/x", expires=timedelta(days=5000))
    assert {p.code for p in check_content(old, now=NOON)} == {
        "level_not_allowed",
        "link_not_allowed",
        "number_range",
    }
