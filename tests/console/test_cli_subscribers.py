"""fasttime subscribers: import, export, one person."""

from __future__ import annotations

import csv
import io

from tests.console.cli import Cli

HEADER = "external_id,name,kind,mobile,email,language,area,channels\n"
ANN = "a1,Ann,resident,07700 900001,ann@example.org,en,,sms;email\n"
SUM = "a2,'=SUM(A1),business,07700 900002,,cy,,sms\n"


def test_people_are_imported_and_come_back_as_the_file_that_import_takes(cli: Cli):
    counted = cli.ok(
        "subscribers",
        "import",
        cli.file("people.csv", HEADER + ANN + SUM),
        "--basis",
        "consent, May 2026",
    )
    assert (counted["people"], counted["new"], counted["merged"]) == (2, 2, [])
    exported = cli("subscribers", "export")
    rows = list(csv.DictReader(io.StringIO(exported.out, newline="")))
    assert [(r["external_id"], r["name"], r["mobile"]) for r in rows] == [
        ("a1", "Ann", "+447700900001"),
        ("a2", "'=SUM(A1)", "+447700900002"),
    ]
    again = cli.ok(
        "subscribers", "import", cli.file("again.csv", exported.out), "--basis", "consent, May 2026"
    )
    assert (again["new"], again["unchanged"]) == (0, 2)


def test_an_export_to_a_file_is_readable_by_its_owner_only(cli: Cli):
    cli.ok("subscribers", "import", cli.file("people.csv", HEADER + ANN), "--basis", "consent")
    cli.ok("subscribers", "export", "--output", "out.csv")
    assert (cli.folder / "out.csv").stat().st_mode & 0o777 == 0o600
    assert [p["external_id"] for p in cli.ok("subscribers", "export")] == ["a1"]


def test_every_error_is_named_with_its_line_in_one_pass_and_nobody_is_kept(cli: Cli):
    bad = HEADER + ANN + "b1,Bob,resident,12,,en,,sms\nb2,Bo,alien,07700 900003,,en,,sms\n"
    ran = cli("subscribers", "import", cli.file("people.csv", bad), "--basis", "consent", "--json")
    assert ran.code == 2
    assert [p["where"].split(":")[1] for p in ran.json["problems"]] == ["3", "4"]
    assert cli.ok("subscribers", "export") == []


def test_a_person_in_no_imported_area_is_kept_with_a_warning(cli: Cli):
    ran = cli(
        "subscribers",
        "import",
        cli.file("people.csv", HEADER + ANN.replace(",en,,", ",en,E09000033,")),
        "--basis",
        "consent",
        "--json",
    )
    assert (ran.code, ran.json["new"]) == (0, 1)
    assert ran.json["warnings"]
    assert "people.csv:2" in ran.err


def test_a_column_that_a_file_lacks_stays_and_a_trial_says_so_and_stores_nothing(cli: Cli):
    more = HEADER.replace("\n", ",quiet_hours\n")
    full = more + ANN.replace("\n", ",22:00-07:00 Europe/London\n")
    cli.ok("subscribers", "import", cli.file("people.csv", full), "--basis", "consent")
    before = cli.ok("subscribers", "export")
    less = cli.file("less.csv", HEADER + ANN.replace("Ann,", "Anna,") + SUM)
    tried = cli.ok("subscribers", "import", less, "--basis", "consent", "--dry-run")
    assert (tried["dry_run"], tried["new"], tried["updated"]) == (True, 1, 1)
    said = {w["code"]: w["detail"] for w in tried["warnings"]}["columns_absent"]
    assert "quiet_hours" in said
    assert "what 1 person already has there stays, new people (1) get the defaults" in said
    assert cli.ok("subscribers", "export") == before
    done = cli.ok("subscribers", "import", less, "--basis", "consent")
    assert {**tried, "dry_run": None} == {**done, "dry_run": None}
    assert "dry_run" not in done
    ann, _ = cli.ok("subscribers", "export")
    assert (ann["name"], ann["quiet_hours"]) == ("Anna", "22:00-07:00 Europe/London")


def test_a_basis_is_required(cli: Cli):
    cli.file("people.csv", HEADER + ANN)
    assert cli("subscribers", "import", "people.csv", "--json").codes == ["usage"]
    assert cli("subscribers", "import", "people.csv", "--basis", " ", "--json").codes == [
        "basis_missing"
    ]


def test_a_lost_zero_is_given_back_only_where_asked(cli: Cli):
    file = cli.file("people.csv", HEADER + ANN.replace("07700 900001", "7700900001"))
    assert cli("subscribers", "import", file, "--basis", "consent").code == 2
    ran = cli("subscribers", "import", file, "--basis", "consent", "--fix", "--json")
    assert (ran.code, ran.json["new"]) == (0, 1)


def test_one_person_is_shown_by_number_or_external_id(cli: Cli):
    cli.ok("subscribers", "import", cli.file("people.csv", HEADER + ANN), "--basis", "consent")
    assert cli.ok("subscribers", "show", "a1") == cli.ok("subscribers", "show", 1)
    ran = cli("subscribers", "show", "nobody", "--json")
    assert (ran.code, ran.codes) == (1, ["subscriber_unknown"])


def test_no_number_and_no_address_is_ever_in_a_log_or_a_refusal(cli: Cli):
    bad = (
        HEADER + "b1,Bob,resident,07700"
        " 900003,bob@@example.org,en,,sms\nb2,Bo,alien,0777777777777,bo@example.org,en,,sms\n"
    )
    ran = cli("subscribers", "import", cli.file("people.csv", bad), "--basis", "consent", "--json")
    assert ran.code == 2
    assert not any(
        secret in ran.err + ran.out for secret in ("900003", "bob@", "0777777", "bo@example")
    )
