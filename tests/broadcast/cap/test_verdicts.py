"""The verdicts of the contract, case by case."""

from __future__ import annotations

import json

import pytest

from broadcast.cap.validation.parse import parse
from broadcast.cap.validation.rules import MAX_BYTES, RULES
from broadcast.cap.validation.validate import validate
from broadcast.problems import Rejected
from tests.broadcast.cap.documents import RING, area, document, info, names

UPDATE = "<msgType>Update</msgType>"
CANCEL = "<msgType>Cancel</msgType>"


def shape(inner: str) -> str:
    return document(infos=info(areas=area(inner)))


def polygon(text: str) -> str:
    return shape(f"<polygon>{text}</polygon>")


def circle(text: str) -> str:
    return shape(f"<circle>{text}</circle>")


def refers(text: str, msg_type: str = UPDATE) -> str:
    return document(msgType=msg_type, references=f"<references>{text}</references>")


def sent(text: str) -> str:
    return document(sent=f"<sent>{text}</sent>")


def test_a_good_document_is_accepted_without_a_word():
    verdict = validate(document().encode())
    assert (verdict.verdict, verdict.rules) == ("accept", ())


REJECTED = [
    ("nothing at all", "", "not_well_formed"),
    ("not XML", "hello", "not_well_formed"),
    ("an element left open", document()[:-3], "not_well_formed"),
    ("an entity nobody declared", document(note="<note>&bomb;</note>"), "not_well_formed"),
    (
        "257 levels",
        document(note="<note>" + "<a>" * 300 + "</a>" * 300 + "</note>"),
        "not_well_formed",
    ),
    ("an empty DOCTYPE", document(before="<!DOCTYPE alert>"), "doctype"),
    (
        "an entity from a file",
        document(
            before='<!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
            note="<note>&x;</note>",
        ),
        "doctype",
    ),
    ("CAP 1.1", document(namespace="urn:oasis:names:tc:emergency:cap:1.1"), "cap_version"),
    ("CAP 1.0", document(namespace="http://www.incident.com/cap/1.0"), "cap_version"),
    ("no name space", document(namespace=""), "not_cap"),
    ("another root element", document(root="feed"), "not_cap"),
    ("another name space", document(namespace="http://www.w3.org/2005/Atom"), "not_cap"),
    ("no identifier", document(identifier=""), "element_missing"),
    (
        "two identifiers",
        document(identifier="<identifier>a</identifier><identifier>b</identifier>"),
        "element_unexpected",
    ),
    (
        "elements out of order",
        document(scope="", source="<scope>Public</scope><source>x</source>"),
        "element_unexpected",
    ),
    ("an element that CAP does not know", document(note="<notes>x</notes>"), "element_unexpected"),
    ("an element of another name space", document(note='<x xmlns="urn:x"/>'), "element_unexpected"),
    ("an element inside text", document(note="<note>a<b/>c</note>"), "element_unexpected"),
    ("text between elements", document(note="loose"), "text_unexpected"),
    ("an attribute", document(attributes='id="x"'), "attribute_unexpected"),
    ("xml:lang", document(note='<note xml:lang="en">x</note>'), "attribute_unexpected"),
    (
        "xsi:nil",
        document(attributes='xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'),
        "attribute_unexpected",
    ),
    ("a status in small letters", document(status="<status>actual</status>"), "value_not_allowed"),
    ("a status with a space", document(status="<status>Actual </status>"), "value_not_allowed"),
    ("no category", document(infos=info(category="")), "element_missing"),
    (
        "no certainty",
        document(infos=info(grades="<urgency>Past</urgency><severity>Minor</severity>")),
        "element_missing",
    ),
    (
        "an unknown urgency",
        document(
            infos=info(
                grades=(
                    "<urgency>Now</urgency><severity>Minor</severity><certainty>Likely</certainty>"
                )
            )
        ),
        "value_not_allowed",
    ),
    (
        "an unknown responseType",
        document(infos=info(event="<event>x</event><responseType>Run</responseType>")),
        "value_not_allowed",
    ),
    (
        "a language that is none",
        document(infos=info(language="<language>British English</language>")),
        "language_form",
    ),
    ("an address that is none", document(infos=info(middle="<web>http://[</web>")), "uri_form"),
    (
        "a size that is none",
        document(
            infos=info(
                middle=(
                    "<resource><resourceDesc>a</resourceDesc><mimeType>b</mimeType><size>1"
                    " kB</size></resource>"
                )
            )
        ),
        "integer_form",
    ),
    (
        "an altitude that is none",
        shape(f"<polygon>{RING}</polygon><altitude>high</altitude>"),
        "decimal_form",
    ),
    (
        "a parameter without value",
        document(infos=info(middle="<parameter><valueName>a</valueName></parameter>")),
        "element_missing",
    ),
    (
        "an area without areaDesc",
        document(infos=info(areas=area(description=""))),
        "element_missing",
    ),
    ("Z", sent("2026-05-01T12:00:00Z"), "time_form"),
    ("no offset", sent("2026-05-01T12:00:00"), "time_form"),
    ("a fraction of a second", sent("2026-05-01T12:00:00.5-00:00"), "time_form"),
    ("a comma for a sign", sent("2026-05-01T12:00:00,00:00"), "time_form"),
    ("digits of another script", sent("٢026-05-01T12:00:00-00:00"), "time_form"),
    ("an empty time", sent(""), "time_form"),
    ("31 February", sent("2026-02-31T12:00:00-00:00"), "time_impossible"),
    ("29 February of a common year", sent("2026-02-29T12:00:00-00:00"), "time_impossible"),
    ("a thirteenth month", sent("2026-13-01T12:00:00-00:00"), "time_impossible"),
    ("25 o'clock", sent("2026-05-01T25:00:00-00:00"), "time_impossible"),
    ("a second past 24:00", sent("2026-05-01T24:00:01-00:00"), "time_impossible"),
    ("a leap second", sent("2026-06-30T23:59:60-00:00"), "time_impossible"),
    ("an offset of 15 hours", sent("2026-05-01T12:00:00+15:00"), "time_impossible"),
    ("an offset of 60 minutes", sent("2026-05-01T12:00:00+00:60"), "time_impossible"),
    ("the year 0", sent("0000-05-01T12:00:00-00:00"), "time_impossible"),
    (
        "31 June as expiry",
        document(infos=info(middle="<expires>2026-06-31T12:00:00-00:00</expires>")),
        "time_impossible",
    ),
    ("an empty identifier", document(identifier="<identifier/>"), "identifier_form"),
    (
        "a space in the identifier",
        document(identifier="<identifier>a b</identifier>"),
        "identifier_form",
    ),
    (
        "a line break round the identifier",
        document(identifier="<identifier>\n a\n</identifier>"),
        "identifier_form",
    ),
    (
        "a comma in the identifier",
        document(identifier="<identifier>a,b</identifier>"),
        "identifier_form",
    ),
    (
        "< in the identifier",
        document(identifier="<identifier>a&lt;b</identifier>"),
        "identifier_form",
    ),
    ("& in the sender", document(sender="<sender>a&amp;b</sender>"), "sender_form"),
    ("an empty sender", document(sender="<sender></sender>"), "sender_form"),
    ("an Update without references", document(msgType=UPDATE), "references_missing"),
    ("a Cancel without references", document(msgType=CANCEL), "references_missing"),
    ("a Cancel with empty references", refers(" ", CANCEL), "references_missing"),
    (
        "an Update to itself",
        refers("police@example.org,one,2026-05-01T12:00:00-00:00"),
        "reference_self",
    ),
    (
        "a Cancel to itself at another time",
        refers("police@example.org,one,2026-04-01T12:00:00-00:00", CANCEL),
        "reference_self",
    ),
    ("a reference of two parts", refers("police@example.org,zero"), "reference_form"),
    (
        "a reference of four parts",
        refers("police@example.org,zero,2026-05-01T11:00:00-00:00,x"),
        "reference_form",
    ),
    (
        "a reference with an empty part",
        refers("police@example.org,,2026-05-01T11:00:00-00:00"),
        "reference_form",
    ),
    (
        "a reference of two parts in an Alert",
        refers("a,b", "<msgType>Alert</msgType>"),
        "reference_form",
    ),
    (
        "Restricted without restriction",
        document(scope="<scope>Restricted</scope>"),
        "restriction_missing",
    ),
    (
        "Restricted with an empty restriction",
        document(scope="<scope>Restricted</scope>", restriction="<restriction> </restriction>"),
        "restriction_missing",
    ),
    ("Private without addresses", document(scope="<scope>Private</scope>"), "addresses_missing"),
    ("an empty polygon", polygon(""), "polygon_short"),
    ("three points", polygon("51.5,0 51.6,0 51.5,0"), "polygon_short"),
    ("four points, two of them different", polygon("51.5,0 51.6,0 51.6,0 51.5,0"), "polygon_short"),
    ("an open ring", polygon("51.5,-0.1 51.6,-0.1 51.6,0 51.5,0"), "polygon_open"),
    ("a bow-tie", polygon("51,0 52,1 52,0 51,1 51,0"), "polygon_crossing"),
    ("a ring that runs back on itself", polygon("51,0 52,0 53,0 52,0 51,0"), "polygon_crossing"),
    ("NaN", polygon("NaN,0 51.6,0 51.6,1 NaN,0"), "polygon_form"),
    ("infinity", polygon("51,0 1e999,0 51.6,1 51,0"), "polygon_form"),
    ("a space inside a pair", polygon("51.5, -0.1 51.6, -0.1 51.6, 0 51.5, -0.1"), "polygon_form"),
    ("a no-break space between pairs", polygon(RING.replace(" ", "\u00a0")), "polygon_form"),
    ("a height in a pair", polygon("51,0,5 52,0,5 52,1,5 51,0,5"), "polygon_form"),
    ("a number that only Python reads", polygon("5_1,0 52,0 52,1 5_1,0"), "polygon_form"),
    ("degrees and minutes", polygon("51°30',0 52,0 52,1 51°30',0"), "polygon_form"),
    ("latitude 151.5", polygon("151.5,0 52,0 52,1 151.5,0"), "coordinate_range"),
    ("longitude -180.5", polygon("51,-180.5 52,0 52,1 51,-180.5"), "coordinate_range"),
    ("a circle without radius", circle("51.5,-0.1"), "circle_form"),
    ("a circle with two radii", circle("51.5,-0.1 1 2"), "circle_form"),
    ("a negative radius", circle("51.5,-0.1 -1"), "circle_form"),
    ("an infinite radius", circle("51.5,-0.1 INF"), "circle_form"),
    ("a radius with its unit", circle("51.5,-0.1 5km"), "circle_form"),
    ("an empty circle", circle(""), "circle_form"),
    ("a space inside a circle's pair", circle("51.5, -0.1 1"), "circle_form"),
    ("a circle beyond the pole", circle("91,0 1"), "coordinate_range"),
    (
        "a ceiling without altitude",
        shape(f"<polygon>{RING}</polygon><ceiling>100</ceiling>"),
        "ceiling_without_altitude",
    ),
    (
        "a ceiling below the altitude",
        shape(f"<polygon>{RING}</polygon><altitude>100.5</altitude><ceiling>100</ceiling>"),
        "ceiling_below_altitude",
    ),
    (
        "CAP inside a signature",
        document(
            end=(
                "<Signature"
                f' xmlns="http://www.w3.org/2000/09/xmldsig#"><Object>{document()}</Object></Signature>'
            )
        ),
        "signature_content",
    ),
    (
        "a note after a signature",
        document(end='<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/><note>x</note>'),
        "element_unexpected",
    ),
]


@pytest.mark.parametrize("what,text,rule", REJECTED, ids=[row[0] for row in REJECTED])
def test_this_is_rejected_by_name(what, text, rule):
    verdict = validate(text.encode())
    assert verdict.verdict == "reject"
    hit = next(hit for hit in verdict.rules if hit.rule == rule)
    assert hit.severity == "reject"
    assert hit.found
    assert hit.expected
    with pytest.raises(Rejected) as refused:
        parse(text.encode())
    assert RULES[rule].code in {problem.code for problem in refused.value.problems}


ACCEPTED = [
    (
        "status Exercise with a note",
        document(status="<status>Exercise</status>", note="<note>Exercise BLUE</note>"),
        "accept",
        None,
    ),
    (
        "status Exercise",
        document(status="<status>Exercise</status>"),
        "warn",
        "exercise_without_note",
    ),
    ("status Draft", document(status="<status>Draft</status>"), "accept", None),
    ("msgType Ack", document(msgType="<msgType>Ack</msgType>"), "warn", "message_type_not_drafted"),
    (
        "scope Restricted",
        document(scope="<scope>Restricted</scope>", restriction="<restriction>staff</restriction>"),
        "accept",
        None,
    ),
    (
        "scope Private",
        document(scope="<scope>Private</scope>", addresses="<addresses>a b</addresses>"),
        "accept",
        None,
    ),
    (
        "a restriction with scope Public",
        document(restriction="<restriction>staff</restriction>"),
        "warn",
        "restriction_unexpected",
    ),
    ("a time long past", sent("1999-12-31T23:59:59+14:00"), "accept", None),
    (
        "inverted times",
        document(infos=info(middle="<expires>2026-04-30T12:00:00-00:00</expires>")),
        "warn",
        "times_inverted",
    ),
    ("24:00", sent("2026-05-01T24:00:00-00:00"), "warn", "time_end_of_day"),
    ("a space round a time", sent(" 2026-05-01T12:00:00-00:00\n"), "accept", None),
    (
        "references unknown to us",
        refers(
            "a@example.org,zero,2026-05-01T11:00:00-00:00\n"
            " b@example.org,two,2026-05-01T11:00:00+01:00"
        ),
        "accept",
        None,
    ),
    (
        "a reference whose time is none",
        refers("a@example.org,zero,yesterday"),
        "warn",
        "reference_time",
    ),
    (
        "a reference to another sender's message of the same name",
        refers("other@example.org,one,2026-05-01T11:00:00-00:00"),
        "accept",
        None,
    ),
    ("no info", document(infos=""), "warn", "info_missing"),
    (
        "a Cancel without info",
        document(
            infos="",
            msgType=CANCEL,
            references="<references>a,b,2026-05-01T11:00:00-00:00</references>",
        ),
        "accept",
        None,
    ),
    ("no area", document(infos=info(areas="")), "warn", "area_missing"),
    (
        "geocode only",
        shape("<geocode><valueName>SAME</valueName><value>006109</value></geocode>"),
        "warn",
        "area_only_geocodes",
    ),
    (
        "a GSS code only",
        shape("<geocode><valueName>GSS</valueName><value>E09000033</value></geocode>"),
        "accept",
        None,
    ),
    ("words only", shape(""), "warn", "area_only_described"),
    (
        "an area without a word",
        document(infos=info(areas=area(description="<areaDesc> \n </areaDesc>"))),
        "warn",
        "area_desc_blank",
    ),
    ("a circle of radius 0", circle("51.5,-0.1 0"), "warn", "circle_radius_zero"),
    ("a plain circle", circle("+51.5,-.1 2."), "accept", None),
    ("an exponent", circle("5.15e1,-0.1 2"), "warn", "coordinate_exponent"),
    (
        "a polygon over several lines",
        polygon(f"\n  {RING.replace(' ', chr(10))}\n"),
        "accept",
        None,
    ),
    (
        "markup in text",
        document(infos=info(middle="<description>a &lt;b&gt;c</description>")),
        "warn",
        "text_markup",
    ),
    (
        "less than",
        document(infos=info(middle="<description>1 &lt; 2 &amp; 4 > 3</description>")),
        "accept",
        None,
    ),
    (
        "a line break in the headline",
        document(infos=info(middle="<headline>a\nb</headline>")),
        "warn",
        "text_newline",
    ),
    (
        "line breaks in the description",
        document(infos=info(middle="<description>a\nb</description>")),
        "accept",
        None,
    ),
    (
        "a bidirectional mark",
        document(infos=info(middle="<headline>a\u202eb</headline>")),
        "warn",
        "text_bidirectional",
    ),
    (
        "two infos in one language",
        document(infos=info() + info(language="<language>EN-gb</language>")),
        "warn",
        "language_repeated",
    ),
    (
        "an absent and an empty language",
        document(infos=info(language="") + info(language="<language/>")),
        "warn",
        "language_repeated",
    ),
    (
        "a signature",
        document(
            end='<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>'
        ),
        "warn",
        "signature_not_checked",
    ),
    ("a comment with DOCTYPE in it", document(before="<!-- <!DOCTYPE alert> -->"), "accept", None),
    (
        "a processing instruction",
        document(before='<?xml-stylesheet href="http://localhost/x.xsl"?>'),
        "accept",
        None,
    ),
    (
        "a comment inside a value",
        document(identifier="<identifier>o<!-- x -->ne</identifier>"),
        "accept",
        None,
    ),
    ("CDATA", document(note="<note>a <![CDATA[<b> & ]]> c</note>"), "accept", None),
    (
        "another prefix",
        document().replace("<", "<c:").replace("<c:/", "</c:").replace("xmlns=", "xmlns:c="),
        "accept",
        None,
    ),
    (
        "a ceiling as high as the altitude",
        shape(f"<polygon>{RING}</polygon><altitude> 100 </altitude><ceiling>100.0</ceiling>"),
        "accept",
        None,
    ),
    (
        "a hint at a schema",
        document(
            attributes=(
                'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"'
            )
        ),
        "accept",
        None,
    ),
]


@pytest.mark.parametrize("what,text,expected,rule", ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_this_is_accepted(what, text, expected, rule):
    verdict = validate(text.encode())
    assert (verdict.verdict, names(verdict)) == (expected, {rule} if rule else set())
    parse(text.encode())


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso-8859-1", "cp1252"],
)
def test_a_document_is_read_in_any_of_these_encodings_and_no_doctype_hides_in_it(encoding):
    declared = {
        "utf-8-sig": "utf-8",
        "utf-16-le": "utf-16le",
        "utf-16-be": "utf-16be",
        "cp1252": "windows-1252",
    }.get(encoding, encoding)
    declaration = f'<?xml version="1.0" encoding="{declared}"?>'
    good = document(before=declaration, note="<note>Straße</note>").encode(encoding)
    bad = document(before=f"{declaration}<!DOCTYPE alert>").encode(encoding)
    assert validate(good).verdict == ("accept" if encoding.startswith("utf-8") else "warn")
    assert parse(good).note == "Straße"
    assert names(validate(bad)) == {"doctype"}


def test_a_doctype_hidden_in_utf7_is_seen():
    assert names(
        validate(b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE alert+AD4APA-alert/+AD4-')
    ) == {"doctype"}


def test_entity_bombs_are_refused_before_they_are_read():
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 50}">' for n in range(1, 20))
    text = document(
        before=f'<!DOCTYPE alert [<!ENTITY e0 "ha">{levels}]>', note="<note>&e19;</note>"
    )
    assert names(validate(text.encode())) == {"doctype"}


def test_one_mebibyte_is_read_and_one_byte_more_is_not():
    text = document(note="<note></note>")
    full = text.replace("<note>", "<note>" + "x" * (MAX_BYTES - len(text)))
    assert len(full) == MAX_BYTES
    assert validate(full.encode()).verdict == "accept"
    assert names(validate(full.encode() + b" ")) == {"too_large"}


def test_every_rule_of_the_table_is_shown_by_a_case_of_this_file():
    elsewhere = {"too_large", "encoding_not_utf8", "more_hits"}  # in the tests beside the tables
    assert {row[2] for row in REJECTED} | {row[3] for row in ACCEPTED if row[3]} | elsewhere == set(
        RULES
    )


def test_many_faults_are_named_up_to_a_hundred_the_rejecting_ones_first():
    verdict = validate(
        document(
            infos=info(areas=area("<circle>1,1 0</circle>" * 150 + "<circle>x</circle>"))
        ).encode()
    )
    assert verdict.verdict == "reject"
    assert verdict.rules[0].rule == "circle_form"
    assert (verdict.rules[-1].rule, verdict.rules[-1].found) == ("more_hits", "51 more")
    assert len(verdict.rules) == 101


def test_a_place_is_named_by_its_path():
    verdict = validate(
        document(
            infos=info()
            + info(language="", areas=area() + area("<circle>1,1 1</circle><circle>x</circle>"))
        ).encode()
    )
    assert [hit.where for hit in verdict.rules] == ["/alert/info[2]/area[2]/circle[2]"]


def test_an_element_out_of_order_is_told_what_was_expected():
    verdict = validate(
        document(source="<scope>Public</scope><source>x</source>", scope="").encode()
    )
    assert [(hit.found, hit.expected.split(",")[0]) for hit in verdict.rules] == [
        ("source", "one of restriction")
    ]


def test_the_json_is_that_of_the_interfaces():
    entry = validate(polygon("x").encode()).to_json("a.xml")
    assert (entry["file"], entry["verdict"]) == ("a.xml", "reject")
    assert {"rule", "where", "found", "expected"} <= set(entry["rules"][0])
    json.dumps(entry)
