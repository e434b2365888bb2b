"""Whole documents, our own and real ones: our verdict against the schema's and Google's library's,
and round trips.
"""

from __future__ import annotations

import csv

import pytest
from lxml import etree

from broadcast.cap.validation.parse import parse
from broadcast.cap.validation.validate import validate
from broadcast.cap.write import write
from tests.broadcast.cap.documents import facts, names
from tests.broadcast.cap.schemas import CAP, schema_accepts
from tests.sources import EITHER, OWN, REFERENCE

# Where we are stricter than the schema, by the rule that says so; every other document it takes, we
# take.
STRICTER = {
    "crossing_ring.xml": "polygon_crossing",
    "private_to_nobody.xml": "addresses_missing",
    "sender_with_space.xml": "sender_form",
    "unclosed_ring.xml": "polygon_open",
    "update_of_nothing.xml": "references_missing",
    "google/canada_errors.cap": "references_missing",
    "meteoalarm/output_2.49.0.20.0.AT.151002172344.91.cap": "circle_form",
    "meteoalarm/source_cap_2.49.0.20.0.AT.151002172344.91.cap": "circle_form",
    "meteoalarm/source_cap_2.49.0.20.0.AT.151005121527.91.cap": "addresses_missing",
    "meteoalarm/source_cap_12.31.23.1.2.AT.123123.123123.cap": "sender_form",
    "sahana/tsunami.xml": "polygon_crossing",
}
# Where Google's library finds an error and we do not, and why.
GOOGLE_ONLY = {
    "meteoalarm/output_2.0.0.1.AT.1482847571.132AT003.cap.xml": (
        "it wants web to be an absolute address; the schema and CAP take a relative one"
    ),
}


def all_rows(source):
    with (source / "cap" / "index.csv").open(newline="") as file:
        return [{"source": source, **row} for row in csv.DictReader(file)]


def read(row):
    folder = row["source"] / "cap" / ("documents" if row["source"] == OWN else "")
    return (folder / row["path"]).read_bytes()


def is_cap(row):
    """Return whether CAP 1.2 is the root, and not something inside a feed; xee.cap is an attack,
    not to be read here.
    """
    return (
        not row["path"].endswith("xee.cap")
        and row["wellformed"] == "yes"
        and row["ns"] == CAP
        and etree.fromstring(read(row)).tag == f"{{{CAP}}}alert"
    )


@pytest.mark.parametrize("source", EITHER)
def test_the_verdict_is_the_schemas_except_where_we_say_why(source):
    checked = 0
    for row in all_rows(source):
        verdict = validate(read(row))
        if not is_cap(row):
            assert verdict.verdict == "reject", row["path"]
            continue
        checked += 1
        assert schema_accepts(read(row)) == (row["xsd_oasis"] == "ok"), row["path"]
        if row["path"] in STRICTER:
            assert STRICTER[row["path"]] in names(verdict)
            assert row["xsd_oasis"] == "ok"
        else:
            assert (verdict.verdict != "reject") == (row["xsd_oasis"] == "ok"), (
                row["path"],
                verdict,
            )
    assert checked > (60 if source == REFERENCE else 17)


@pytest.mark.reference
def test_the_schema_of_oasis_says_of_our_documents_what_stands_in_their_list():
    assert [
        row["path"]
        for row in all_rows(OWN)
        if is_cap(row) and schema_accepts(read(row), REFERENCE) != (row["xsd_oasis"] == "ok")
    ] == []


@pytest.mark.parametrize("source", EITHER)
def test_documents_of_older_versions_are_told_their_version(source):
    old = [
        row
        for row in all_rows(source)
        if row["ns"].startswith("urn:oasis:names:tc:emergency:cap:1.1")
        and etree.fromstring(read(row)).tag.endswith("}alert")
    ]
    assert len(old) >= (7 if source == REFERENCE else 1)
    assert all(names(validate(read(row))) == {"cap_version"} for row in old)


@pytest.mark.reference
def test_what_googles_library_calls_an_error_we_reject_too_except_where_we_say_why():
    rows = (
        line.split("\t", 1)
        for line in (REFERENCE / "cap" / "google_library_verdicts.tsv").read_text().splitlines()
        if "\t" in line
    )
    for path, said in rows:
        if "ERROR:" in said and path not in GOOGLE_ONLY:
            assert validate((REFERENCE / "cap" / path).read_bytes()).verdict == "reject", path


OURS = (
    "one_place.xml",
    "two_languages.xml",
    "update.xml",
    "drill_with_file.xml",
    "cancel_without_info.xml",
)


@pytest.mark.parametrize(
    "file",
    [
        *(pytest.param(OWN / "cap" / "documents" / name, id=name) for name in OURS),
        *(
            pytest.param(
                REFERENCE / "cap" / "oasis" / f"example{n}.xml",
                id=f"oasis-{n}",
                marks=pytest.mark.reference,
            )
            for n in range(1, 5)
        ),
    ],
)
def test_an_example_comes_back_as_it_was(file):
    data = file.read_bytes()
    assert validate(data).verdict != "reject"
    once = write(parse(data))
    assert facts(once) == facts(data)
    assert canonical(once) == canonical(data)
    assert write(parse(once)) == once


@pytest.mark.parametrize("source", EITHER)
def test_every_document_that_we_take_comes_back_as_it_was(source):
    for row in all_rows(source):
        data = read(row)
        if validate(data).verdict == "reject":
            continue
        once = write(parse(data))
        assert parse(once) == parse(data) or row["signed"] == "y", row["path"]
        assert without_hints(facts(once)) == without_hints(facts(data)), row["path"]
        assert write(parse(once)) == once
        assert schema_accepts(once)


def canonical(data):
    """The canonical form (C14N) without the white space between elements."""
    root = etree.fromstring(data, etree.XMLParser(remove_comments=True, remove_pis=True))
    for node in root.iter():
        if len(node):
            node.text = None
        node.tail = None
    return etree.tostring(root, method="c14n")


def without_hints(fact):
    tag, attributes, children = fact
    kept = [pair for pair in attributes if "XMLSchema-instance" not in pair[0]]
    return (
        tag,
        kept,
        [without_hints(child) for child in children] if isinstance(children, list) else children,
    )
