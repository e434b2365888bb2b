"""The examples are read, submitted and followed as their page says."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from broadcast.drafts.json_schema import message_schema
from broadcast.drafts.one_pass import Follows
from broadcast.drafts.reading import read_draft
from tests.clock import NOON
from tests.console.cli import Cli, cli

__all__ = ["cli"]

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(path.name for path in EXAMPLES.iterdir() if path.name != "README.md")
FOLLOWING: dict[str, Follows] = {
    "update.yaml": "update",
    "correction.yaml": "correct",
    "all-clear.yaml": "all_clear",
}
KINDS = {"update.yaml": "incident", "correction.yaml": "correction", "all-clear.yaml": "all_clear"}
BOROUGHS = """code,name,geometry
E09000033,Westminster,"POLYGON((-0.20 51.48,-0.11 51.48,-0.11 51.54,-0.20 51.54,-0.20 51.48))"
E09000007,Camden,"POLYGON((-0.20 51.54,-0.11 51.54,-0.11 51.58,-0.20 51.58,-0.20 51.54))"
"""
PEOPLE = """external_id,kind,name,mobile,email,lat,lon,sectors,topics,channels
r1,resident,Ada,07700900001,,51.51,-0.125,,,sms
r2,resident,Dai,07700900002,,51.56,-0.15,,,sms
r3,resident,Eva,07700900003,,51.51,-0.125,,exercise,sms
b1,business,Shop,,shop@example.org,51.51,-0.12,retail,,email
p1,partner,Rest centre,,centre@example.org,51.51,-0.12,,,email
"""


def test_each_example_has_its_row_and_no_row_names_another() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[([\w.-]+)\]\(\1\)", page, flags=re.MULTILINE)) == FILES
    for name in FILES:
        written = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
        assert written["status"] in ("Test", "Exercise"), "an example reaches nobody"


@pytest.mark.parametrize("name", FILES)
def test_an_editor_finds_nothing_wrong_in_an_example(name: str) -> None:
    check = jsonschema.Draft202012Validator(message_schema())
    written = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    assert [error.message for error in check.iter_errors(written)] == []


@pytest.fixture
def installed(cli: Cli) -> Cli:
    cli.env = {
        "FASTTIME_SIMULATOR_HTTP": "http://127.0.0.1:9",
        "FASTTIME_SIMULATOR_SMTP": "smtp://127.0.0.1:9",
    }
    cli.ok("areas", "import", cli.file("boroughs.csv", BOROUGHS), "--level", "borough")
    cli.ok("subscribers", "import", cli.file("people.csv", PEOPLE), "--basis", "consent")
    return cli


def test_each_example_becomes_a_message_that_can_be_approved(installed: Cli) -> None:
    author = installed.operator("Ann", "author", "--email", "ann@example.org")
    approver = installed.operator("Ben", "approver", "--email", "ben@example.org")
    published = 0
    for name in FILES:
        if name in FOLLOWING:
            continue
        made = installed.ok("message", "draft", EXAMPLES / name, token=author)
        submitted = installed.ok("message", "submit", made["id"], token=author)
        assert submitted["state"] == "pending_approval", name
        if name == "incident.yaml":
            published = made["id"]
            agreed = ("--hash", submitted["content_hash"], "--yes")
            installed.ok("message", "approve", published, *agreed, token=approver)
    assert published
    ran = installed("message", "show", published, "--json")
    assert ran.json["state"] == "approved"


@pytest.mark.parametrize("name", sorted(FOLLOWING))
def test_what_follows_the_incident_is_read_as_what_it_is_for(name: str) -> None:
    base = read_draft((EXAMPLES / "incident.yaml").read_bytes(), "yaml", now=NOON)
    follows = FOLLOWING[name]
    read = read_draft((EXAMPLES / name).read_bytes(), "yaml", now=NOON, base=base, follows=follows)
    assert read.kind == KINDS[name]
    assert set(read.languages) == set(base.languages), "nobody is left without their language"
