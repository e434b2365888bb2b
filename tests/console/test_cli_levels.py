"""fasttime level: the history since 2006, what held when, and a change as a draft."""

from __future__ import annotations

import pytest

from tests.console.cli import Cli
from tests.sources import OWN


@pytest.fixture
def since_2006(cli: Cli) -> Cli:
    """The command line of an installation with the published history."""
    counted = cli.ok("level", "import", OWN / "misc" / "threat_levels.csv")
    assert counted["recorded"] == counted["rows"] == 28
    return cli


def test_an_empty_installation_knows_the_united_kingdom_and_no_level_of_it(cli: Cli):
    assert cli.ok("level", "show") == [
        {"scope": "UK", "level": None, "rank": None, "meaning": None, "since": None, "from": []}
    ]


def test_the_history_is_imported_once_and_sends_nothing(since_2006: Cli):
    again = since_2006.ok("level", "import", OWN / "misc" / "threat_levels.csv")
    assert (again["recorded"], again["left_out"]["known"]) == (0, 28)
    assert since_2006.ok("message", "list") == []
    history = since_2006.ok("level", "history", "--scope", "UK")
    assert [entry["since"] for entry in history] == sorted(entry["since"] for entry in history)
    assert history[0]["since"].startswith("2006-08-01T00:00:00")


@pytest.mark.parametrize(
    "day, level",
    [
        ("2006-08-10", "CRITICAL"),
        ("2010-01-23", "SEVERE"),
        ("2014-08-30T12:00:00+01:00", "SEVERE"),
        ("2017-05-24", "CRITICAL"),
        ("2020-01-01", "SUBSTANTIAL"),
        ("2006-07-31", None),
    ],
)
def test_what_held_then_is_told_in_the_shape_of_show(since_2006: Cli, day, level):
    found = since_2006.ok("level", "history", "--as-of", day)
    assert [(e["scope"], e["level"]) for e in found if e["scope"] == "UK"] == [("UK", level)]
    assert set(found[0]) == {"scope", "level", "rank", "meaning", "since", "from"}


def test_a_person_reads_names_and_days_and_a_program_codes_and_offsets(since_2006: Cli):
    since_2006.ok("areas", "import", OWN / "geo" / "boroughs.geojson", "--level", "borough")
    shown = since_2006("level", "show", "--area", "E09000033").out
    assert "Westminster (E09000033)" in shown
    past = since_2006("level", "history", "--scope", "UK").out
    assert "2006-08-01 " in past
    assert "T00:00" not in past


def test_the_effective_level_of_an_area_names_the_scopes_it_comes_from(since_2006: Cli):
    since_2006.ok("areas", "import", OWN / "geo" / "boroughs.geojson", "--level", "borough")
    (found,) = since_2006.ok("level", "show", "--area", "E09000033")
    (uk,) = since_2006.ok("level", "show", "--scope", "uk")
    assert (found["scope"], found["level"], found["from"]) == ("E09000033", None, [])
    assert uk["level"] is None


def test_the_last_entry_of_an_import_is_not_the_present_level_and_the_way_to_make_it_so_is_told(
    since_2006: Cli,
):
    shown = since_2006("level", "show")
    assert "not set" in shown.out
    assert "no level of UK was approved yet" in shown.err
    assert "fasttime level set SEVERE" in shown.err
    again = since_2006("level", "import", OWN / "misc" / "threat_levels.csv")
    assert "fasttime level set SEVERE" in again.err


def test_an_import_proposes_the_present_which_two_persons_make_so(since_2006: Cli):
    file = OWN / "misc" / "threat_levels.csv"
    sam, kit = since_2006.operator("Sam", "author"), since_2006.operator("Kit", "approver")
    ops = since_2006.operator("Ola", "operator")
    for who, said, code in (
        ("", ["--why", "as published"], "token_missing"),
        (sam, [], "why_missing"),
        (ops, ["--why", "as published"], "wrong_role"),
    ):
        assert since_2006(
            "level", "import", file, "--propose", *said, "--json", token=who
        ).codes == [code]
    assert since_2006.ok("message", "list") == []
    proposed = ("level", "import", file, "--propose", "--why", "as published")
    (message,) = since_2006.ok(*proposed, token=sam)["proposed"]
    # it is under way: nothing is proposed twice
    assert since_2006.ok(*proposed, token=sam)["proposed"] == []
    (before,) = since_2006.ok("level", "show", "--scope", "UK")
    submitted = since_2006.ok("message", "submit", message, token=sam)
    since_2006.ok(
        "message", "approve", message, "--hash", submitted["content_hash"], "--yes", token=kit
    )
    (after,) = since_2006.ok("level", "show", "--scope", "UK")
    assert (before["level"], after["level"]) == (None, "SEVERE")
    assert since_2006.ok(*proposed, token=sam)["proposed"] == []


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["show", "--area", "E09000033"], "area_unknown"),
        (["show", "--scope", "London"], "scope_invalid"),
        (["show", "--scope", "UK", "--area", "E09000033"], "options_exclude"),
        (["history", "--as-of", "2014-02-31"], "time_invalid"),
        (["history", "--as-of", "2014-02-01T12:00:00"], "time_zone_missing"),
        (["import", "missing.csv"], "file_unreadable"),
    ],
)
def test_a_wrong_question_is_exit_2(cli: Cli, arguments, code):
    ran = cli("level", *arguments, "--json")
    assert (ran.code, ran.codes) == (2, [code])


def test_setting_a_level_makes_a_draft_like_any_other(cli: Cli):
    author = cli.operator("Ann", "author")
    made = cli.ok("level", "set", "severe", "--why", "An attack is highly likely.", token=author)
    assert (made["kind"], made["status"], made["state"]) == (
        "threat_level_change",
        "Actual",
        "draft",
    )
    content = cli.ok("message", "show", made["id"])["content"]
    assert (content["level"], content["scope"]) == ("SEVERE", "UK")
    # it holds when a second person has approved it
    assert cli.ok("level", "show")[0]["level"] is None


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["SEVER", "--why", "x"], "level_unknown"),
        (["SEVERE", "--why", " "], "why_missing"),
        (["SEVERE", "--why", "x", "--scope", "here"], "scope_invalid"),
    ],
)
def test_a_wrong_level_is_refused_by_name(cli: Cli, arguments, code):
    ran = cli("level", "set", *arguments, "--json", token=cli.operator("Ann", "author"))
    assert (ran.code, ran.codes) == (2, [code])
    if code == "level_unknown":
        assert "did you mean SEVERE?" in ran.err
