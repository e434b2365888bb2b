"""Our messages as CAP and back, and other people's CAP as drafts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast.cap.audiences import AUDIENCE_WORDS
from broadcast.cap.drafting import content_of, read_cap
from broadcast.cap.model import CapAlert
from broadcast.cap.outgoing import as_cancel, to_cap
from broadcast.cap.validation.parse import parse
from broadcast.cap.validation.validate import validate
from broadcast.cap.write import write
from broadcast.content.model import (
    CERTAINTIES,
    CHANNELS,
    KINDS,
    SEVERITIES,
    STATUSES,
    SUBSCRIBER_KINDS,
    URGENCIES,
    VISIBILITIES,
    Audience,
    Circle,
    Content,
    Text,
)
from broadcast.content.trades import SIZES
from broadcast.places.outline import TOGETHER
from broadcast.problems import Rejected
from broadcast.wording.kinds import KIND_WORDS
from broadcast.wording.languages import all_packs, pack_for
from broadcast.wording.levels import ENDED, LEVELS
from broadcast.wording.render import render
from broadcast.wording.rendered import Facts
from tests.broadcast.cap.documents import RING, area, document, facts, info
from tests.broadcast.cap.inverse import from_cap
from tests.broadcast.cap.schemas import schema_accepts

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOMORROW = NOON + timedelta(days=1)


def content(**changes) -> Content:
    return Content(
        **{
            "kind": "incident",
            "status": "Actual",
            "urgency": "Immediate",
            "severity": "Severe",
            "certainty": "Observed",
            "languages": {"en": Text(headline="Avoid the bridge")},
            "expires": TOMORROW,
            "areas": ("E09000033",),
            **changes,
        }
    )


def published(what: Content, **changes) -> CapAlert:
    options = {
        "identifier": "ours.1",
        "sender": "police@example.org",
        "sender_name": "Police",
        "sent": NOON,
        "code": "K7PQ",
        "public_url": "https://example.org",
        **changes,
    }
    return to_cap(what, **{"expires": what.expires, **options})


# Any character that XML can hold.
WORDS = st.text(
    alphabet=st.characters(
        codec="utf-8",
        exclude_characters="".join(map(chr, {*range(32)} - {9, 10, 13})) + "\ufffe\uffff",
    ),
    max_size=12,
)
NAMES = st.text(alphabet="abcé :\"'<&", min_size=1, max_size=8)
MAYBE = st.none() | WORDS
LATITUDE = st.floats(-89, 88, allow_nan=False)
LONGITUDE = st.floats(-179, 178, allow_nan=False)


@st.composite
def squares(draw):
    """A square, sometimes with a smaller one cut out of it."""
    x, y, side = draw(LONGITUDE), draw(LATITUDE), draw(st.floats(0.01, 1))
    outer = ((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y))
    third = side / 3
    hole = (
        (x + third, y + third),
        (x + 2 * third, y + third),
        (x + third, y + 2 * third),
        (x + third, y + third),
    )
    return (outer, hole) if draw(st.booleans()) else (outer,)


CIRCLES = st.builds(Circle, latitude=LATITUDE, longitude=LONGITUDE, radius_km=st.floats(1e-9, 500))
TUPLES = st.lists(NAMES, max_size=3).map(tuple)
TEXTS = st.builds(
    Text, headline=WORDS, description=WORDS, instruction=WORDS, sms=MAYBE, voice=MAYBE
)
CONTENTS = st.builds(
    Content,
    kind=st.sampled_from(KINDS),
    status=st.sampled_from(STATUSES),
    urgency=st.sampled_from(URGENCIES),
    severity=st.sampled_from(SEVERITIES),
    certainty=st.sampled_from(CERTAINTIES),
    languages=st.dictionaries(
        st.sampled_from(["en", "cy", "en-GB", "ar", "zh-Hans", "pl"]), TEXTS, min_size=1, max_size=4
    ),
    expires=st.datetimes(datetime(2026, 5, 2), datetime(2030, 1, 1), timezones=st.just(UTC)),
    level=st.sampled_from([None, "SEVERE"]),
    scope=st.sampled_from([None, "UK", "community:Harbour people"]),
    areas=st.lists(
        st.sampled_from(["E09000033", "E92000001", "one", "W 1"]), min_size=1, max_size=3
    ).map(tuple),
    polygons=st.lists(squares(), max_size=3).map(tuple),
    circles=st.lists(CIRCLES, max_size=2).map(tuple),
    audience=st.builds(
        Audience,
        kinds=st.lists(st.sampled_from(SUBSCRIBER_KINDS), max_size=2).map(tuple),
        sectors=TUPLES,
        communities=TUPLES,
        trades=st.lists(st.sampled_from(["G", "I", "N"]), max_size=2).map(tuple),
        sizes=st.lists(st.sampled_from(["micro", "large"]), max_size=1).map(tuple),
    ),
    channels=st.lists(st.sampled_from(CHANNELS), unique=True).map(tuple),
    hotlines=TUPLES,
    source=MAYBE,
    note=MAYBE,
    incidents=TUPLES,
    visibility=st.sampled_from(VISIBILITIES),
    provider=st.sampled_from(["", "camden council"]),
)


@settings(max_examples=150)
@given(
    CONTENTS,
    st.sampled_from([None, "Exercise BLUE"]),
    st.sampled_from(["Alert", "Update", "Cancel"]),
)
def test_a_message_of_ours_comes_back_as_it_went(what, note, msg_type):
    if what.status == "Exercise" and not (note or what.note or "").strip():
        note = "Exercise BLUE"
    earlier = () if msg_type == "Alert" else (("police@example.org", "ours.0", NOON),)
    data = write(published(what, note=note, msg_type=msg_type, references=earlier))
    assert validate(data).verdict != "reject", validate(data)
    assert schema_accepts(data)
    alert = parse(data)
    back = from_cap(alert, now=NOON)
    assert back.content == what
    assert (back.ours, back.msg_type, back.code, back.identifier) == (
        True,
        msg_type,
        "K7PQ",
        "ours.1",
    )
    assert back.references == tuple(
        (who, which, "2026-05-01T12:00:00-00:00") for who, which, _ in earlier
    )
    assert list(back.content.languages) == list(what.languages)
    assert write(alert) == data


def test_a_document_of_ours_reads_well_to_others():
    what = content(
        polygons=(SQUARE,),
        circles=(Circle(latitude=51.5, longitude=-0.125, radius_km=0.00002),),
        hotlines=("101",),
        source="Police",
    )
    alert = published(what, area_names={"E09000033": "Westminster"})
    said = alert.infos[0]
    assert (alert.sent, said.expires) == ("2026-05-01T12:00:00-00:00", "2026-05-02T12:00:00-00:00")
    assert [place.area_desc for place in said.areas] == ["Westminster", "The area drawn on the map"]
    assert said.areas[0].geocodes == (("GSS", "E09000033"),)
    assert said.areas[1].polygons == ("51.0,0.0 51.0,1.0 52.0,1.0 51.0,0.0",)
    assert said.areas[1].circles == ("51.5,-0.125 0.00002",)
    assert (alert.scope, said.web, said.contact, alert.source) == (
        "Public",
        "https://example.org/v/K7PQ",
        "101",
        "Police",
    )
    assert facts(write(alert)) == facts(write(parse(write(alert))))


def test_a_drawn_place_is_called_by_the_areas_it_touches_in_the_language_of_each_info():
    words = Text(headline="H", instruction="I")
    what = content(areas=(), polygons=(SQUARE,), languages={"en": words, "pl": words})
    alert = published(what, near=("Camden", "Westminster"))
    assert [[area.area_desc for area in info.areas] for info in alert.infos] == [
        ["part of Camden, Westminster"],
        ["Camden, Westminster (część)"],
    ]
    assert from_cap(alert, now=NOON).content.polygons == (SQUARE,)


@pytest.mark.parametrize(
    "kinds,scope",
    [
        ((), "Public"),
        (("resident",), "Public"),
        (("officer", "business"), "Public"),
        (("officer",), "Restricted"),
        (("partner", "officer"), "Restricted"),
    ],
)
def test_what_is_for_officers_and_partners_only_is_restricted(kinds, scope):
    alert = published(content(audience=Audience(kinds=kinds)))
    assert (alert.scope, bool(alert.restriction)) == (scope, scope == "Restricted")


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize(
    "audience",
    [Audience(), Audience(kinds=("officer",)), Audience(sectors=("rail",), communities=("x",))],
)
def test_visibility_is_the_scope_and_comes_back(visibility, audience):
    what = content(audience=audience, visibility=visibility)
    data = write(published(what))
    alert = parse(data)
    assert alert.scope.lower() == visibility
    assert (bool(alert.restriction), bool(alert.addresses)) == (
        visibility == "restricted",
        visibility == "private",
    )
    assert validate(data).verdict == "accept"
    assert schema_accepts(data)
    assert from_cap(alert).content == what


@pytest.mark.parametrize("kinds,visibility", [((), "public"), (("officer",), "restricted")])
def test_a_document_of_ours_without_the_parameter_is_as_closed_as_its_audience(kinds, visibility):
    alert = published(content(audience=Audience(kinds=kinds)))
    infos = tuple(
        replace(i, parameters=tuple(p for p in i.parameters if p[0] != "fasttime:visibility"))
        for i in alert.infos
    )
    assert (
        from_cap(replace(alert, scope="Public", restriction=None, infos=infos)).content.visibility
        == visibility
    )


def test_a_parameter_cannot_open_what_the_scope_closes():
    with pytest.raises(Rejected, match="cap_parameter"):
        from_cap(replace(published(content()), scope="Private", addresses="staff"))


@pytest.mark.parametrize(
    "scope,more",
    [
        ("Restricted", "<restriction>staff</restriction>"),
        ("Private", "<addresses>staff</addresses>"),
    ],
)
def test_a_foreign_document_that_is_not_public_stays_so(scope, more):
    data = document(
        scope=f"<scope>{scope}</scope>",
        **({"restriction": more} if "restriction" in more else {"addresses": more}),
    )
    assert draft(data)[0].visibility == scope.lower()


def test_a_duration_comes_back_as_the_time_it_ended_in():
    assert from_cap(
        published(content(expires=timedelta(hours=24)), expires=TOMORROW)
    ).content == content(expires=TOMORROW)


def test_a_level_change_names_its_scope_where_it_has_no_area():
    what = content(kind="threat_level_change", level="SEVERE", scope="UK", areas=())
    alert = published(what)
    assert alert.infos[0].areas[0].area_desc == "United Kingdom"
    assert from_cap(parse(write(alert))).content == what


@pytest.mark.parametrize(
    ("scope", "where", "code"),
    [
        ("UK", "United Kingdom", "K02000001"),
        ("E09000033", "Westminster", "E09000033"),
        ("community:somali elders", "United Kingdom, somali elders community", "K02000001"),
        ("sector:hotels", "United Kingdom, hotels sector", "K02000001"),
    ],
)
def test_the_place_of_a_level_is_written_as_people_call_it_and_has_its_code(scope, where, code):
    what = content(kind="threat_level_change", level="SEVERE", scope=scope, areas=())
    alert = published(what, area_names={"E09000033": "Westminster"})
    assert [area.area_desc for area in alert.infos[0].areas] == [where]
    assert [area.geocodes for area in alert.infos[0].areas] == [(("GSS", code),)]
    assert from_cap(parse(write(alert))).content == what


EVERY = tuple(all_packs())


@pytest.mark.parametrize("tag", EVERY)
def test_each_kind_is_called_as_the_language_of_each_info_calls_it(tag):
    words = Text(headline="H", instruction="I")
    called = []
    for kind in KINDS:
        level = {"level": "SEVERE", "scope": "UK", "areas": ()} if "level" in kind else {}
        what = content(kind=kind, languages={"en": words, tag: words}, **level)
        infos = published(what).infos
        assert infos[0].event == KIND_WORDS["en"][KINDS.index(kind)]
        called.append(infos[-1].event)
    assert len(set(called)) == len(KINDS)
    assert (tag == "en") == bool(set(called) & set(KIND_WORDS["en"]))


def test_every_kind_of_message_has_a_name():
    assert {len(words) for words in KIND_WORDS.values()} == {len(KINDS)}
    assert set(KIND_WORDS) == set(EVERY)


ASKED_FOR = Audience(
    kinds=SUBSCRIBER_KINDS,
    sectors=("hotels",),
    communities=("elders",),
    trades=("I", "N"),
    sizes=SIZES,
)


@pytest.mark.parametrize("tag", EVERY)
def test_whom_a_message_is_for_is_said_in_the_language_of_each_info(tag):
    text = Text(headline="H", instruction="I")
    what = content(audience=ASKED_FOR, visibility="restricted", languages={"en": text, tag: text})
    alert = published(what, group_names=GROUPS)
    english = (
        "people: residents, businesses, partner organisations, police officers; sectors: Hotels;"
        " communities: elders; trades: I, accommodation and food service, N, administrative and"
        " support services; sizes of organisation: micro, small, medium, large"
    )
    assert alert.infos[0].audience == english
    said = alert.infos[-1].audience or ""
    words = AUDIENCE_WORDS[tag]
    assert len({*words.kinds, *words.called}) == len(SUBSCRIBER_KINDS) + len(SIZES)
    assert [name for name in (*words.kinds, *words.called) if name not in said] == []
    # What may be equal in two languages is a single word, such as "micro" in Italian.
    same = set(re.split("[:：;,] ?", said)) & set(re.split("[:;,] ", english))
    names = {"I", "N", "accommodation and food service", "administrative and support services"}
    assert tag == "en" or same <= {*names, "Hotels", "elders", "micro"}
    assert from_cap(parse(write(alert))).content == what
    assert content_of(read_cap(write(alert)), now=NOON)[0] == what


def test_every_language_names_whom_a_message_is_for():
    assert set(AUDIENCE_WORDS) == set(EVERY)
    assert published(content()).infos[0].audience is None


GROUPS = {"sector:hotels": {"": "Hotels", "cy": "Gwestai"}}


@pytest.mark.parametrize("tag", EVERY)
def test_where_a_level_holds_is_said_in_the_language_of_each_info(tag):
    words = Text(headline="H", instruction="I")
    where = {}
    for scope in ("UK", "sector:hotels", "community:elders"):
        what = content(
            kind="threat_level_change",
            level="SEVERE",
            scope=scope,
            areas=(),
            languages={"en": words, tag: words},
        )
        infos = published(what, group_names=GROUPS).infos
        where[scope] = infos[-1].areas[0].area_desc
        assert infos[0].areas[0].area_desc.startswith("United Kingdom")
    assert where["sector:hotels"].startswith(where["UK"])
    assert ("Gwestai" if tag == "cy" else "Hotels") in where["sector:hotels"]
    assert "elders" in where["community:elders"]
    assert (tag == "en") == any("United Kingdom" in said for said in where.values())


@pytest.mark.parametrize("tag", EVERY)
def test_no_name_of_ours_for_a_place_is_english_in_another_language(tag):
    words = Text(headline="H", instruction="I")
    ring = ((0.0, 51.0), (1.0, 51.0), (1.0, 52.0), (0.0, 51.0))
    what = content(polygons=(SQUARE,), languages={"en": words, tag: words})
    said = [
        [area.area_desc for area in info.areas[1:]]
        for info in published(what, outlines={TOGETHER: [ring]}).infos
    ]
    assert said[0] == ["All of these places together", "The area drawn on the map"]
    assert said[-1] == [pack_for(tag).together, pack_for(tag).drawn]
    assert (said[0] == said[-1]) == (tag == "en")


@pytest.mark.parametrize("tag", EVERY)
@pytest.mark.parametrize("level", [*LEVELS, ENDED])
def test_the_headline_of_a_level_change_says_what_its_texts_and_calls_say(level, tag):
    what = content(
        kind="threat_level_change",
        level=level,
        scope="E09000033",
        areas=(),
        languages={tag: Text(headline="Be alert", instruction="I")},
    )
    alert = published(what, area_names={"E09000033": "Westminster"})
    facts = Facts(
        sender_name="Police", code="", public_url="", sent=NOON, names={"E09000033": "Westminster"}
    )
    (said,) = alert.infos
    headline = said.headline or ""
    stated = headline.removesuffix("Be alert").strip()
    assert headline.endswith("Be alert")
    assert stated in render(what, facts, "email", tag).body.split("\n\n")
    assert "Westminster" in stated
    assert level in stated or level == ENDED
    assert level == ENDED or pack_for(tag).level_meaning(level) in stated
    assert from_cap(parse(write(alert))).content == what


def test_a_long_headline_of_a_level_change_leaves_out_what_the_level_means():
    own = (
        "Officers are about in greater numbers at stations, schools and places of worship,"
        " and stay for the whole week"
    )
    text = Text(headline=own, instruction="I")
    what = content(
        kind="threat_level_change", level="SEVERE", scope="UK", areas=(), languages={"en": text}
    )
    assert published(what).infos[0].headline == f"The UK threat level is now SEVERE. {own}"
    same = Text(headline="The UK threat level is now SEVERE", instruction="I")
    once = published(replace(what, languages={"en": same})).infos[0].headline
    assert once == "The UK threat level is now SEVERE: an attack is highly likely."


def test_a_cancelled_level_change_does_not_state_the_level_again():
    text = Text(headline="Be alert", instruction="I")
    what = content(
        kind="threat_level_change", level="SEVERE", scope="UK", areas=(), languages={"en": text}
    )
    (said,) = as_cancel(published(what), "in_error").infos
    assert said.headline == "Cancelled: Be alert"
    assert "fasttime:headline" not in dict(said.parameters)


def test_an_all_clear_says_so_in_caps_words_and_a_correction_by_its_code():
    assert published(content(kind="all_clear")).infos[0].response_types == ("AllClear",)
    assert published(content(kind="correction", note="The street was wrong")).codes == (
        "correction",
    )


def test_an_exercise_must_be_named():
    assert refusal(lambda: published(content(status="Exercise"))) == {"exercise_note"}
    assert published(content(status="Exercise"), note="Exercise BLUE").note == "Exercise BLUE"
    assert published(content(status="Exercise", note="Exercise RED")).note == "Exercise RED"


def test_a_control_character_is_refused_by_name():
    assert refusal(
        lambda: write(published(content(languages={"en": Text(headline="a\x00b")})))
    ) == {"cap_text"}


SQUARE = (((0.0, 51.0), (1.0, 51.0), (1.0, 52.0), (0.0, 51.0)),)


def refusal(act):
    with pytest.raises(Rejected) as refused:
        act()
    return {problem.code for problem in refused.value.problems}


def draft(text: str):
    """Return (content, warnings) of somebody else's document, as it is drafted."""
    return content_of(read_cap(text.encode()), now=NOON)


def test_a_foreign_document_becomes_an_incident_for_everybody_in_its_area():
    places = area(
        f"<polygon>{RING}</polygon><circle>51.5,-0.25"
        " 2</circle><geocode><valueName>ons</valueName><value>E09000033</value></geocode>"
    ) + area(
        "<geocode><valueName>SAME</valueName><value>006109</value></geocode><geocode><valueName>GSS</valueName><value>W06000015</value></geocode>"
    )
    text = document(
        identifier="<identifier>theirs</identifier>",
        incidents='<incidents>flood "the other one"</incidents>',
        infos=info(
            middle=(
                "<expires>2026-05-01T15:00:00+01:00</expires><headline>Fire</headline><description>Smoke</description><instruction>Stay"
                " in</instruction>"
            ),
            areas=places,
        )
        + info(
            language="<language>cy</language>",
            event="<event>Tân</event>",
            middle="<expires>2026-05-01T16:00:00+01:00</expires>",
            areas=places,
        ),
    )
    drafted, warned = draft(text)
    assert [problem.code for problem in warned] == ["cap_area_words"]
    assert drafted == Content(
        kind="incident",
        status="Actual",
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        languages={
            "en-GB": Text(headline="Fire", description="Smoke", instruction="Stay in"),
            "cy": Text(headline="Tân"),
        },
        expires=datetime(2026, 5, 1, 14, tzinfo=UTC),
        areas=("E09000033", "W06000015"),
        polygons=((((-0.1, 51.5), (-0.1, 51.6), (0.0, 51.6), (-0.1, 51.5)),),),
        circles=(Circle(latitude=51.5, longitude=-0.25, radius_km=2.0),),
        incidents=("theirs", "flood", "the other one"),
    )


def test_a_foreign_document_without_expiry_lasts_a_day_and_without_language_is_american_english():
    drafted, _ = draft(document(infos=info(language="")))
    assert drafted.expires == timedelta(hours=24)
    assert list(drafted.languages) == ["en-US"]


REFUSED = [
    ("an Ack", document(msgType="<msgType>Ack</msgType>"), "cap_message_type"),
    ("an Error", document(msgType="<msgType>Error</msgType>"), "cap_message_type"),
    ("no info", document(infos=""), "area_empty"),
    ("no area", document(infos=info(areas="")), "area_empty"),
    ("an area of words", document(infos=info(areas=area(""))), "area_empty"),
    (
        "codes we do not know",
        document(
            infos=info(
                areas=area("<geocode><valueName>SAME</valueName><value>006109</value></geocode>")
            )
        ),
        "area_empty",
    ),
    (
        "expired",
        document(infos=info(middle="<expires>2026-05-01T13:00:00+01:00</expires>")),
        "expired",
    ),
    (
        "one language expired",
        document(
            infos=info() + info(language="", middle="<expires>2026-05-01T11:00:00-00:00</expires>")
        ),
        "expired",
    ),
    ("one language twice", document(infos=info() + info()), "cap_language"),
    (
        "a kind of ours that is none",
        document(
            infos=info(
                middle="<headline>Fire</headline><parameter>"
                "<valueName>fasttime:kind</valueName><value>party</value></parameter>"
            )
        ),
        "kind_unknown",
    ),
]


@pytest.mark.parametrize("what,text,code", REFUSED, ids=[row[0] for row in REFUSED])
def test_this_is_valid_and_no_draft_is_made_of_it(what, text, code):
    assert validate(text.encode()).verdict != "reject"
    assert refusal(lambda: draft(text)) == {code}


@pytest.mark.parametrize(
    "name,value",
    [
        ("fasttime:hole", "0 1,1 2,2"),
        ("fasttime:hole", "5 1,1 2,1 2,2 1,1"),
        ("fasttime:hole", "x"),
        ("fasttime:expires", "soon"),
        ("fasttime:kind", "incident"),
        ("fasttime:new", "x"),
    ],
)
def test_a_parameter_of_ours_that_was_tampered_with_is_refused_by_name(name, value):
    alert = published(content(polygons=(SQUARE,)))
    first = replace(alert.infos[0], parameters=(*alert.infos[0].parameters, (name, value)))
    assert refusal(lambda: from_cap(replace(alert, infos=(first,)))) == {"cap_parameter"}


GSS_CODE = "<geocode><valueName>GSS</valueName><value>E09000033</value></geocode>"


def test_the_operator_is_warned_of_what_a_draft_does_otherwise():
    second = info(language="", areas=area("<circle>1,1 1</circle><altitude>5</altitude>"))
    text = document(
        scope="<scope>Private</scope>", addresses="<addresses>a</addresses>", infos=info() + second
    )
    assert {problem.code for problem in draft(text)[1]} == {
        "cap_scope",
        "cap_infos_differ",
        "cap_altitude",
        "cap_area_words",
    }


@pytest.mark.parametrize(
    ("description", "headline", "inner", "warned"),
    [
        ("Strand and Aldwych", "Fire", "<circle>1,1 1</circle>", True),
        ("Strand and  Aldwych", "Fire in STRAND and Aldwych", "<circle>1,1 1</circle>", False),
        ("Westminster", "Fire", GSS_CODE, False),  # its name is the one we know
        (" ", "Fire", f"<polygon>{RING}</polygon>", False),  # the verdict warns of a blank one
    ],
)
def test_what_a_foreign_document_calls_a_drawn_place_is_not_lost_unsaid(
    description, headline, inner, warned
):
    where = area(inner, f"<areaDesc>{description}</areaDesc>")
    text = document(infos=info(middle=f"<headline>{headline}</headline>", areas=where))
    content, warnings = draft(text)
    found = [p for p in warnings if p.code == "cap_area_words"]
    assert [description in p.detail for p in found] == [True] * warned
    assert content.circles or content.polygons or content.areas == ("E09000033",)


def test_an_area_that_is_called_otherwise_in_another_language_is_the_same_area():
    drawn = "<circle>1,1 1</circle>"
    welsh = info(language="<language>cy</language>", areas=area(drawn, "<areaDesc>Yma</areaDesc>"))
    text = document(infos=info(areas=area(drawn)) + welsh)
    assert "cap_infos_differ" not in {problem.code for problem in draft(text)[1]}


@settings(max_examples=100)
@given(
    st.datetimes(
        timezones=st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    )
)
def test_whatever_is_published_when_is_written_with_minus_zero(at):
    if not 2 <= at.year <= 9998:
        return
    alert = published(content(expires=at), sent=at)
    assert alert.sent.endswith("-00:00")
    assert alert.sent_at == at.replace(microsecond=0)
