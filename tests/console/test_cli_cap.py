"""fasttime cap: judged without a database, kept and given back byte for byte."""

from __future__ import annotations

import pytest

from tests.console.cli import Cli
from tests.sources import OWN, REFERENCE

GOOD = b"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>there-1</identifier><sender>there.example</sender><sent>2026-11-20T10:00:00-00:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Public</scope>
  <info><language>en-GB</language><category>Safety</category><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
    <headline>River rising</headline>
    <area><areaDesc>Here</areaDesc><circle>51.5,-0.12 2</circle></area></info>
</alert>
"""
BAD = GOOD.replace(b"<identifier>there-1<", b"<identifier>there 1<")


def test_verdicts_need_no_database_and_make_no_folder(cli: Cli):
    good, bad = cli.file("good.cap.xml", GOOD), cli.file("bad.cap.xml", BAD)
    assert [entry["verdict"] for entry in cli.ok("cap", "validate", good)] == ["accept"]
    ran = cli("cap", "validate", good, bad, "--json", DATABASE_URL="nonsense")
    assert ran.code == 1
    first, second = ran.json
    assert (first["file"], first["verdict"], second["verdict"]) == (str(good), "accept", "reject")
    assert set(second["rules"][0]) >= {"rule", "where", "found", "expected"}
    assert sorted(p.name for p in cli.folder.iterdir()) == ["bad.cap.xml", "good.cap.xml"]


DOCUMENTS = OWN / "cap" / "documents"
OURS = [
    DOCUMENTS / name
    for name in ("one_place.xml", "two_languages.xml", "update.xml", "drill_with_file.xml")
]
OASIS = [REFERENCE / "cap" / "oasis" / f"example{n}.xml" for n in range(1, 5)]


@pytest.mark.parametrize(
    "files",
    [pytest.param(OURS, id="own"), pytest.param(OASIS, id="oasis", marks=pytest.mark.reference)],
)
def test_four_examples_are_accepted(cli: Cli, files):
    ran = cli("cap", "validate", *files, "--json")
    assert ran.code == 0
    assert {entry["verdict"] for entry in ran.json} <= {"accept", "warn"}


@pytest.mark.parametrize(
    "data", [b"", b"<", b"\x00" * 100, b"x" * ((1 << 20) + 1), b"<!DOCTYPE a []><a/>"]
)
def test_whatever_it_is_the_verdict_is_reject_and_never_a_traceback(cli: Cli, data):
    ran = cli("cap", "validate", cli.file("odd.xml", data), "--json")
    assert (ran.code, ran.json[0]["verdict"]) == (1, "reject")


def test_a_missing_file_is_exit_2(cli: Cli):
    ran = cli("cap", "validate", "missing.xml", "--json")
    assert (ran.code, ran.codes) == (2, ["file_unreadable"])


def test_a_document_is_kept_as_received_once_and_never_under_an_identifier_that_is_taken(cli: Cli):
    file = cli.file("good.cap.xml", GOOD)
    assert cli.ok("cap", "import", file)["duplicate"] is False
    assert cli.ok("cap", "import", file)["duplicate"] is True
    ran = cli("cap", "import", cli.file("other.cap.xml", GOOD.replace(b"River", b"Sea")), "--json")
    assert (ran.code, ran.codes) == (1, ["identity_conflict"])
    for name in ("there-1", "there.example,there-1,2026-11-20T10:00:00-00:00"):
        cli.ok("cap", "export", name, "--output", cli.folder / "back.xml")
        assert (cli.folder / "back.xml").read_bytes() == GOOD
    assert cli.apart("cap", "export", "there-1").out.encode() == GOOD
    assert cli.ok("message", "list") == []  # nothing was sent, nothing drafted


def test_a_rejected_document_is_refused_by_name_and_not_kept(cli: Cli):
    ran = cli("cap", "import", cli.file("bad.cap.xml", BAD), "--json")
    assert ran.code == 1
    ran = cli("cap", "export", "there 1", "--json")
    assert (ran.code, ran.codes) == (1, ["document_unknown"])


def test_a_draft_is_made_of_a_foreign_document_under_our_own_identifier(cli: Cli):
    author = cli.operator("Ann", "author")
    made = cli.ok("message", "draft", cli.file("good.cap.xml", GOOD), token=author)
    assert (made["kind"], made["status"], made["state"]) == ("incident", "Actual", "draft")
    shown = cli.ok("message", "show", made["id"])
    assert shown["content"]["incidents"] == ["there-1"]
    document = cli.ok("cap", "export", made["id"])["document"]
    assert "River rising" in document
    assert "<identifier>there-1<" not in document


def test_a_cancel_of_a_message_names_the_command_and_one_of_nobody_is_kept(cli: Cli):
    author = cli.operator("Ann", "author")
    made = cli.ok("message", "draft", cli.file("good.cap.xml", GOOD), token=author)
    cancel = GOOD.replace(b"<msgType>Alert", b"<msgType>Cancel").replace(
        b"<scope>Public</scope>",
        b"<scope>Public</scope><references>there.example,there-1,2026-11-20T10:00:00-00:00</references>",
    )
    known = cancel.replace(b"<identifier>there-1", b"<identifier>there-2")
    refused = cli("message", "draft", cli.file("known.cap.xml", known), "--json", token=author)
    assert (refused.code, refused.codes) == (1, ["cap_cancel"])
    assert f"fasttime message cancel {made['id']}" in refused.json["problems"][0]["fix"]
    unknown = cancel.replace(b"<identifier>there-1", b"<identifier>there-3").replace(
        b",there-1,", b",nobody-1,"
    )
    refused = cli("message", "draft", cli.file("unknown.cap.xml", unknown), "--json", token=author)
    assert (refused.code, refused.codes) == (1, ["cap_reference_unknown"])
    assert cli("cap", "export", "there-3").code == 0
    assert len(cli.ok("message", "list")) == 1
