from __future__ import annotations

import csv
import gzip
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.files.csv_files import escape, unescape
from broadcast.problems import Rejected
from subscribers.people_file.email_address import normalise_email
from subscribers.people_file.reading import ImportResult, read_subscribers
from subscribers.people_file.record import COLUMNS
from subscribers.people_file.telephone import normalise_number
from tests.sources import OWN


def near_london(lats: np.ndarray, lons: np.ndarray) -> np.ndarray:
    near: np.ndarray = np.abs(lats - 51.5) + np.abs(lons) < 0.5
    return near


def read(
    text: str | bytes,
    *,
    trial: bool = False,
    fix: bool = False,
    areas: frozenset[str] = frozenset({"E09000033"}),
) -> ImportResult:
    data = text if isinstance(text, bytes) else text.encode()
    return read_subscribers(
        data,
        filename="people.csv",
        allow_trial_numbers=trial,
        known_area=areas.__contains__,
        anywhere=near_london,
        fix=fix,
    )


def codes(result: ImportResult) -> list[tuple[str, str]]:
    return [(p.where, p.code) for p in result.problems]


FULL = (
    'external_id,name,kind,email,mobile,phone,language,postcode,lat,lon,area,sectors,communities,topics,channels,minimum_severity,quiet_hours,by_topic,places,other_languages,discreet,most_a_week,providers_off\nr1,"Amara,'
    ' Ltd",business,Sales@Example.ORG,07700 900123,020 7946 0123,zh-hant,sw1a'
    " 2aa,51.5,-0.1,E09000033,Retail; food"
    " ;retail,Jewish;Irish,appeal;incident,voice;sms,severe,22:00-07:00 Europe/London,"
    "appeal VOICE ; incident severe sms>voice;advice,"
    "Work E09000033; visiting sw1a2aa until 2026-12-24T19:00+01:00,PL; ar;pl,YES,07,Camden Council;"
    "camden  council; Watch\n"
)


def test_every_column_is_read_and_put_into_its_usual_form() -> None:
    result = read(FULL)
    assert result.problems == []
    assert result.warnings == []
    assert result.records == [
        (
            *(
                "r1",
                "Amara, Ltd",
                "business",
                "Sales@example.org",
                "+447700900123",
                "+442079460123",
                "zh-Hant",
                "SW1A 2AA",
                51.5,
                -0.1,
                "E09000033",
            ),
            *(
                "Retail;food",
                "Jewish;Irish",
                "incident;appeal",
                "voice;sms",
                "Severe",
                "22:00-07:00 Europe/London",
                "incident Severe sms>voice;appeal voice",
                "work E09000033;visiting SW1A 2AA until 2026-12-24T18:00Z",
                "pl;ar",
                "yes",
                "7",
                "Camden Council;Watch",
                None,
            ),
        )
    ]


def test_any_order_a_byte_order_mark_and_missing_columns_are_taken() -> None:
    result = read(b"\xef\xbb\xbfMobile,External_ID\r\n+447700900001,a\r\n\r\n,b\r\n")
    assert [(r.external_id, r.mobile, r.kind, r.language, r.channels) for r in result.records] == [
        ("a", "+447700900001", "resident", "en", "sms"),
        ("b", None, "resident", "en", ""),
    ]


@pytest.mark.parametrize(
    "row,channels",
    [
        ("a,a@example.org,07700900001,", "sms;email"),
        ("a,a@example.org,,02079460001", "email"),
        ("a,,,02079460001", ""),
    ],
)
def test_channels_not_chosen_are_those_with_a_mobile_and_an_email(row: str, channels: str) -> None:
    assert read(f"external_id,email,mobile,phone\n{row}\n").records[0].channels == channels


BAD_CELLS = [
    ("name", "=HYPERLINK()", "formula_cell"),
    ("name", "@SUM(1)", "formula_cell"),
    ("name", "-Anna", "formula_cell"),
    ("external_id", "=1", "formula_cell"),
    ("external_id", ".", "external_id_unreachable"),
    ("external_id", "..", "external_id_unreachable"),
    ("external_id", "a/../b", "external_id_unreachable"),
    ("sectors", "food;\u200bretail", "control_character"),
    ("name", '"two\nlines"', "control_character"),
    ("name", "a\u202eb", "control_character"),
    ("name", "x" * 201, "text_too_long"),
    ("kind", "residnt", "kind_unknown"),
    ("mobile", "4.47701E+11", "number_lost_by_spreadsheet"),
    ("mobile", "7700900123", "leading_zero_lost"),
    ("phone", "2079460123", "leading_zero_lost"),
    ("mobile", "07700 900 12", "number_too_short"),
    ("mobile", "07700 900 1234", "number_too_long"),
    ("mobile", "020 7946 0123", "landline"),
    ("mobile", "0808 157 0123", "landline"),
    ("mobile", "118 500", "number_not_allowed"),
    ("phone", "118500", "number_not_allowed"),
    ("phone", "0909 879 0123", "number_not_allowed"),
    ("phone", "070 1234 5678", "number_not_allowed"),
    ("mobile", "+999123456789", "number_not_allowed"),
    ("mobile", "not a number", "number_invalid"),
    ("mobile", "=07700900123", "formula_cell"),
    ("mobile", "+cmd|x", "formula_cell"),
    ("phone", "020 7946 0123 ext 9", "number_invalid"),
    ("mobile", "+1234", "number_too_short"),
    ("email", "a@b\r\nBcc:x@y", "unclosed_quote"),
    ("email", "a@localhost", "email_domain"),
    ("email", "a@[127.0.0.1]", "email_domain"),
    ("email", "a@127.0.0.1", "email_domain"),
    ("email", "a@host.local", "email_domain"),
    ("email", "a@b", "email_invalid"),
    ("email", "a b@example.org", "email_invalid"),
    ("email", "a@b@example.org", "email_invalid"),
    ("email", "a..b@example.org", "email_invalid"),
    ("email", "=x", "formula_cell"),
    ("language", "english!", "language_invalid"),
    ("lat", "51.5", "coordinate_missing"),
    ("area", "E09 33", "area_code"),
    ("topics", "apeal", "topic_unknown"),
    ("channels", "sms;fax", "channel_unknown"),
    ("channels", "web", "channel_unknown"),
    ("minimum_severity", "High", "severity_unknown"),
    ("quiet_hours", "22:00-07:00", "quiet_hours_invalid"),
    ("quiet_hours", "22:00-22:00 Europe/London", "quiet_hours_invalid"),
    ("quiet_hours", "22:00-07:00 Europe/Londinium", "quiet_hours_invalid"),
    ("quiet_hours", "22:00-07:00 ../../etc/passwd", "quiet_hours_invalid"),
    ("quiet_hours", "25:00-07:00 Europe/London", "quiet_hours_invalid"),
    ("postcode", "???", "postcode_invalid"),
    ("by_topic", "apeal sms", "topic_unknown"),
    ("by_topic", "appeal sms;appeal Minor", "topic_twice"),
    ("by_topic", "appeal sms email", "topic_choice_invalid"),
    ("by_topic", "appeal Minor Severe", "topic_choice_invalid"),
    ("by_topic", "appeal fax", "topic_choice_invalid"),
    ("by_topic", "appeal sms>>email", "topic_choice_invalid"),
    ("by_topic", "=x", "formula_cell"),
    ("places", "office E09000033", "place_kind_unknown"),
    ("places", "work", "place_missing"),
    ("other_languages", "pl;english!", "language_invalid"),
    ("discreet", "perhaps", "discreet_invalid"),
    ("most_a_week", "0", "most_a_week_invalid"),
    ("most_a_week", "100", "most_a_week_invalid"),
    ("most_a_week", "٣", "most_a_week_invalid"),
    ("providers_off", "Watch;=x", "formula_cell"),
    ("other_languages", "pl;ar;so;ur;fa", "too_many_languages"),
    ("places", "work E09000033 until 2026-12-24T18:00Z", "visit_until"),
    ("places", "visiting E09000033", "visit_until"),
    ("places", "visiting E09000033 until tomorrow", "time_invalid"),
    ("places", "visiting E09000033 until 2026-12-24T18:00", "time_invalid"),
    ("places", '"work -0.1,51.5"', "coordinates_swapped"),
    ("places", ";".join(["work E09000033"] * 6), "too_many_places"),
    ("places", "=work E09000033", "formula_cell"),
]


@pytest.mark.parametrize(
    "column,cell,code", BAD_CELLS, ids=[f"{n}-{c[0]}-{c[2]}" for n, c in enumerate(BAD_CELLS)]
)
def test_a_cell_that_is_wrong_is_refused_with_its_line_and_nothing_of_it_is_repeated(
    column: str, cell: str, code: str
) -> None:
    if code == "unclosed_quote":  # a line break inside an address can only come in quotes
        assert codes(read(f'external_id,email\nx,ok@example.org\na,"{cell}"\n')) == [
            ("people.csv:3", "email_invalid")
        ]
        return
    header, row = (
        (column, cell) if column == "external_id" else (f"external_id,{column}", f"a,{cell}")
    )
    result = read(f"{header}\n{row}\n")
    assert codes(result) == [("people.csv:2", code)]
    assert result.records == []
    if column in ("name", "email", "mobile", "phone") and cell.isalnum():
        assert cell not in result.problems[0].line()


BAD_PLACES = [
    ("-0.1,51.5", "coordinates_swapped"),
    ("91,0", "coordinate_range"),
    ("51.5,181", "coordinate_range"),
    ("NaN,0", "coordinate_not_finite"),
    ("51.5,inf", "coordinate_not_finite"),
    ("51°30,0", "coordinate_invalid"),
    (",0.1", "coordinate_missing"),
    ("1e1,0", "coordinate_invalid"),
]


@pytest.mark.parametrize("cells,code", BAD_PLACES)
def test_a_place_that_is_none_is_refused(cells: str, code: str) -> None:
    assert codes(read(f"external_id,lat,lon\na,{cells}\n")) == [("people.csv:2", code)]


BAD_FILES: list[tuple[bytes, str, str]] = [
    (FULL.encode("utf-16"), "people.csv", "bad_encoding"),
    (FULL.encode("utf-16-le"), "people.csv", "bad_encoding"),
    ("external_id,name\na,Zoë\n".encode("cp1252"), "people.csv:2", "bad_encoding"),
    (b"", "people.csv", "file_empty"),
    (b"\n \n", "people.csv", "file_empty"),
    (b"external_id,name\n", "people.csv", "file_empty"),
    (b"a,b,c\n1,2,3\n", "people.csv:1", "header_missing"),
    (b"name,mobile\nx,07700900001\n", "people.csv:1", "header_missing"),
    (b"external_id,name,Name\n1,2,3\n", "people.csv:1", "header_duplicated"),
    (b"external_id;name\n1;2\n", "people.csv:1", "separator_guess"),
    (b"external_id\tname\n1\t2\n", "people.csv:1", "separator_guess"),
    (b'external_id,name\n1,x\n2,"open\n3,y\n4,z\n', "people.csv:3", "unclosed_quote"),
    (b'external_id,name\n1,x\n2,"open\n3,"y"\n4,z\n', "people.csv:3", "unclosed_quote"),
    (b"external_id,name\n1,x\n2," + b"x" * 1_000_000, "people.csv:3", "line_too_long"),
    (b"external_id,name\n1\n", "people.csv:2", "cells_missing"),
    (b"external_id,name\n1,2,3\n", "people.csv:2", "cells_too_many"),
    (b"external_id,moblie\n1,2\n", "people.csv:1", "column_unknown"),
    (b"PK\x03\x04rest", "people.csv", "file_is_spreadsheet"),
    (b"\xd0\xcf\x11\xe0rest", "people.csv", "file_is_spreadsheet"),
    (gzip.compress(b"external_id\n"), "people.csv", "file_is_compressed"),
    (b"external_id\n\x00\x01\n", "people.csv", "bad_encoding"),
]


@pytest.mark.parametrize(
    "data,where,code", BAD_FILES, ids=[f"{n}-{c}" for n, (_, _, c) in enumerate(BAD_FILES)]
)
def test_a_file_that_is_no_list_of_people_is_refused_by_name(
    data: bytes, where: str, code: str
) -> None:
    assert codes(read(data)) == [(where, code)]


def test_a_topic_has_no_channel_that_the_person_has_not() -> None:
    wrong = read("external_id,email,channels,by_topic\na,a@example.org,email,appeal sms\n")
    assert codes(wrong) == [("people.csv:2", "topic_channel")]
    # of whom the file says no channels the registry knows them (registry/absent_columns.py)
    assert codes(read("external_id,by_topic\na,appeal sms\n")) == []


def test_the_encoding_and_the_columns_are_named() -> None:
    assert "Windows-1252" in read("external_id,name\na,Zoë\n".encode("cp1252")).problems[0].detail
    assert "UTF-16" in read(FULL.encode("utf-16")).problems[0].detail
    assert "mobile" in read(b"external_id,moblie\n1,2\n").problems[0].fix
    assert "quiet_hours" in read(b"a,b\n1,2\n").problems[0].fix


def test_every_error_is_named_in_one_pass_with_its_line() -> None:
    text = (
        'external_id,name,mobile,email\na,"two\n\nlines",1,x\n,ok,,\n'
        "b,ok,07700900001,b@example.org\nc,=x,4.4E+11,c@localhost\nd,e\n"
    )
    assert codes(read(text)) == [
        ("people.csv:2", "control_character"),
        ("people.csv:2", "email_invalid"),
        ("people.csv:2", "number_not_allowed"),
        ("people.csv:5", "external_id_missing"),
        ("people.csv:7", "formula_cell"),
        ("people.csv:7", "email_domain"),
        ("people.csv:7", "number_lost_by_spreadsheet"),
        ("people.csv:8", "cells_missing"),
    ]


def test_a_lost_zero_is_put_back_only_when_told_to_and_said() -> None:
    result = read("external_id,mobile,phone\na,7700900123,2079460123\n", fix=True)
    assert (result.records[0].mobile, result.records[0].phone) == ("+447700900123", "+442079460123")
    assert [w.code for w in result.warnings if w.code != "place_missing"] == [
        "leading_zero_restored"
    ] * 2


NUMBERS = [
    ("07700 900123", "+447700900123"),
    ("+44 7700 900123", "+447700900123"),
    ("+44 (0)7700 900123", "+447700900123"),
    ("0044 7700 900123", "+447700900123"),
    ("447700900123", "+447700900123"),
    ("07700–900–123", "+447700900123"),
    ("０７７００　９００１２３", "+447700900123"),
    ("'07700900123", "+447700900123"),
    ("07624 300123", "+447624300123"),
    ("+33 6 12 34 56 78", "+33612345678"),
]


@pytest.mark.parametrize("cell,number", NUMBERS)
def test_a_mobile_may_be_written_in_these_ways(cell: str, number: str) -> None:
    assert normalise_number(cell, mobile=True) == number


def test_all_of_ofcoms_drama_ranges_are_taken_but_the_premium_one() -> None:
    with (OWN / "phone" / "drama_ranges.csv").open() as f:
        rows = list(csv.DictReader(f))
    for row in rows:
        for number in (row["from_e164"], row["to_e164"]):
            if row["kind"] == "premium":
                with pytest.raises(Rejected, match="number_not_allowed"):
                    normalise_number(number, mobile=False)
            else:
                assert normalise_number(number, mobile=row["kind"] == "mobile") == number
                assert normalise_number("0" + number[3:], mobile=row["kind"] == "mobile") == number


def test_trial_numbers_are_taken_where_allowed_and_only_with_nine_digits() -> None:
    assert (
        read("external_id,mobile\na,+999000000001\n", trial=True).records[0].mobile
        == "+999000000001"
    )
    assert codes(read("external_id,mobile\na,+99900000001\n", trial=True)) == [
        ("people.csv:2", "number_invalid")
    ]


@given(st.text(max_size=30))
def test_no_cell_makes_anything_but_a_number_or_a_refusal(cell: str) -> None:
    for mobile in (True, False):
        try:
            number = normalise_number(cell, mobile=mobile)
        except Rejected as refused:
            assert refused.problems[0].fix  # noqa: PT017 - both ends are allowed, a third is not
        else:
            assert number.startswith("+")
            assert number[1:].isascii()
            assert number[1:].isdigit()
            assert normalise_number(number, mobile=mobile) == number


@given(st.one_of(st.text(max_size=40), st.emails()))
def test_an_address_taken_has_one_at_no_space_and_is_the_same_when_read_again(cell: str) -> None:
    try:
        address = normalise_email(cell)
    except Rejected:
        return
    assert address.count("@") == 1
    assert address.isascii()
    assert not any(c.isspace() or ord(c) < 32 for c in address)
    assert normalise_email(address) == address


def test_a_domain_in_another_script_is_written_as_the_wire_wants_it() -> None:
    assert normalise_email("a@bücher.example") == "a@xn--bcher-kva.example"


def test_a_person_twice_is_merged_and_named() -> None:
    result = read(
        "external_id,name,kind,mobile,email,sectors,channels\na,Ann,business,07700900001,,food,\nb,Bob,,07700900002,,,\na,,,,ann@example.org,retail;Food,\n"
    )
    assert result.merged == ["a"]
    assert [w.line() for w in result.warnings if w.code == "merged"] == [
        "people.csv:4: merged: a stood at line 2 already; the two rows are one person"
    ]
    merged = result.records[0]
    assert (
        merged.name,
        merged.kind,
        merged.mobile,
        merged.email,
        merged.sectors,
        merged.channels,
    ) == (
        "Ann",
        "business",
        "+447700900001",
        "ann@example.org",
        "food;retail",
        "sms;email",
    )
    assert [r.external_id for r in result.records] == ["a", "b"]


def test_people_nowhere_are_kept_with_a_warning() -> None:
    result = read(
        "external_id,lat,lon,area\na,51.5,0,\nb,55,0,\nc,,,E09000099\nd,,,E09000033\ne,,,\nf,55,0,E09000033\n"
    )
    assert len(result.records) == 6
    assert [(w.code, w.where) for w in result.warnings if not w.code.startswith("channel")] == [
        ("place_in_no_area", "people.csv:3"),
        ("area_unknown", "people.csv:4"),
        ("place_missing", "people.csv:6"),
    ]


def test_a_thousand_warnings_of_one_kind_are_counted_and_not_listed() -> None:
    result = read("external_id,area\n" + "".join(f"p{n},X1\n" for n in range(1_000)))
    assert len(result.warnings) < 50
    assert any("and 980 more" in w.detail for w in result.warnings)


@given(st.text(max_size=20))
def test_what_is_escaped_for_a_spreadsheet_comes_back_and_is_no_formula(cell: str) -> None:
    assert unescape(escape(cell)) == cell
    assert not escape(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(
    st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), max_size=5),
    st.binary(max_size=200),
)
def test_no_bytes_make_anything_but_people_or_problems(rows: list[list[str]], noise: bytes) -> None:
    text = "\n".join(["external_id,name,mobile", *(",".join(r) for r in rows)])
    for data in (text.encode("utf-8", "surrogatepass"), noise, b"external_id,mobile\n" + noise):
        result = read(data)
        assert bool(result.records) != bool(result.problems)


def test_a_hundred_thousand_people_are_read_in_seconds() -> None:
    rows = "".join(
        f"p{n},Person"
        f" {n},resident,p{n}@example.org,+44770090{n % 1000:04d},en,{51.4 + n / 1e6:.6f},-0.1,"
        f"appeal;incident,sms;email\n"
        for n in range(100_000)
    )
    begin = time.process_time()
    result = read("external_id,name,kind,email,mobile,language,lat,lon,topics,channels\n" + rows)
    assert len(result.records) == 100_000
    assert time.process_time() - begin < 15
    assert tuple(result.records[0]._fields) == (*COLUMNS, "uncertainty_m")
