"""One person at a time by the command line: added, changed, stopped, started."""

from __future__ import annotations

from typing import Any

import pytest

from console.commands.setup import people
from subscribers.people_file.record import COLUMNS
from tests.console.cli import Cli

BASIS = ("--basis", "consent, form of 1 May 2026")


def added(cli: Cli, *more: str) -> Any:
    return cli.ok(
        "subscribers", "add", "--external-id", "r-1", "--name", "Ada", "--mobile",
        "07700 900001", "--lat=51.5", "--lon=-0.13", *BASIS, *more,
    )  # fmt: skip


def test_a_person_is_added_changed_stopped_and_started_and_each_is_on_record(cli: Cli) -> None:
    person = added(cli)
    assert (person["mobile"], person["channels"], person["lon"]) == (
        "+447700900001",
        ["sms"],
        -0.13,
    )
    changed = cli.ok("subscribers", "edit", "r-1", "--name", "Ada L", "--postcode", "SW1A 1AA")
    assert (changed["name"], changed["postcode"], changed["mobile"]) == (
        "Ada L",
        "SW1A 1AA",
        "+447700900001",
    )
    assert cli.ok("subscribers", "edit", "r-1", "--postcode", "")["postcode"] == ""
    stopped = cli.ok("subscribers", "stop", "r-1", "--channel", "sms")
    assert (stopped["stopped"], stopped["changed"]) == (["sms"], True)
    assert cli.ok("subscribers", "stop", "r-1", "--channel", "sms")["changed"] is False
    started = cli.ok("subscribers", "start", "r-1", "--channel", "sms", "--why", "by telephone")
    assert started["stopped"] == []
    links = cli.ok("audit", "list", "--kind", "admin", "--subject", str(person["id"]))
    assert [link["action"] for link in links] == [
        f"subscribers.{verb}" for verb in ("add", "edit", "edit", "stop", "stop", "start")
    ]
    assert links[1]["detail"] == "fields=name,postcode"
    said = str(links)
    assert not [secret for secret in ("Ada", "900001", "SW1A") if secret in said]


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (("add", "--external-id", "r-1", *BASIS), "subscriber_exists", "external_id"),
        (("add", "--external-id", "r-2", "--basis", " "), "basis_missing", "basis"),
        (("add", "--external-id", "r-2", "--mobile", "12", *BASIS), "number_not_allowed", "mobile"),
        (("edit", "r-1", "--channels", "voice"), "basis_missing", "basis"),
        (("edit", "r-9", "--name", "x"), "subscriber_unknown", "subscriber"),
        (("edit", "r-1"), "nothing_to_change", "--…"),
        (("stop", "r-1", "--channel", "fax"), "channel_unknown", "channel"),
        (("start", "r-1", "--channel", "sms", "--why", " "), "why_missing", "why"),
    ],
)
def test_what_is_wrong_is_told_by_field(
    cli: Cli, words: tuple[str, ...], code: str, field: str
) -> None:
    before = added(cli)
    ran = cli("subscribers", *words, "--json")
    assert ran.code in (1, 2)
    assert (ran.json["problems"][0]["code"], ran.json["problems"][0]["field"]) == (code, field)
    assert cli.ok("subscribers", "show", "r-1")["updated_at"] == before["updated_at"]


def test_a_person_is_erased_for_good_and_the_next_file_says_so(cli: Cli) -> None:
    person = added(cli)
    refused = cli("subscribers", "erase", "r-1", "--why", " ", "--json")
    assert (refused.code, refused.json["problems"][0]["code"]) == (2, "why_missing")
    told = cli.ok("subscribers", "erase", "r-1", "--why", "by letter of 3 May")
    assert (told["id"], set(told)) == (person["id"], {"id", "erased_at"})
    assert cli("subscribers", "erase", "r-1", "--why", "again", "--json").code == 1
    shown = cli.ok("subscribers", "show", str(person["id"]))
    assert (shown["name"], shown["mobile"], shown["external_id"]) == (
        "",
        None,
        f"erased:{person['id']}",
    )
    (cli.folder / "people.csv").write_text("external_id,mobile\nr-1,07700 900001\n")
    again = cli.ok("subscribers", "import", "people.csv", *BASIS)
    assert (again["new"], again["erased"]) == (0, 1)
    links = cli.ok("audit", "list", "--kind", "admin", "--subject", str(person["id"]))
    assert links[-1]["action"] == "subscribers.erase"


def test_registrations_of_one_person_are_joined_and_part_again_on_record(cli: Cli) -> None:
    first = added(cli)
    beside = ("--external-id", "shop", "--kind", "business", "--mobile", "07700 900002")
    second = cli.ok("subscribers", "add", *beside, "--area", "", *BASIS)
    why = ("--why", "told by telephone")
    done = cli.ok("subscribers", "join", "r-1", "shop", *why)
    assert (done["same_person"], done["changed"]) == ([second["id"]], True)
    assert cli.ok("subscribers", "show", "shop")["same_person"] == [first["id"]]
    assert cli.ok("subscribers", "join", "r-1", "shop", *why)["changed"] is False
    assert cli.ok("subscribers", "part", "shop", *why)["same_person"] == []
    links = cli.ok("audit", "list", "--kind", "admin", "--subject", str(second["id"]))
    assert [link["action"] for link in links] == ["subscribers.add", "subscribers.part"]


def test_people_are_found_by_id_number_or_address_masked_and_on_record(cli: Cli) -> None:
    person = added(cli, "--email", "ada@example.org")
    (found, nobody) = cli.ok("subscribers", "find", "+44 7700 900001", "Ada")["found"]
    masked = {"name": "A…", "email": "a…@example.org", "mobile": "…001", "phone": None}
    assert found["people"] == [{"id": person["id"], "external_id": "r-1", **masked}]
    assert nobody == {"written": "Ada", "people": []}  # a name is sealed
    typed = cli.apart("subscribers", "find", "-", stdin="ADA@example.org\n\nr-9\n")
    assert typed.code == 0, typed.err
    assert [line.split()[:3] for line in typed.out.splitlines()[1:]] == [
        ["ADA@example.org", str(person["id"]), "r-1"],
        ["r-9", "nobody"],
    ]
    looks = [at for at in cli.ok("audit", "list") if at["action"] == "subscribers.find"]
    assert [at["detail"] for at in looks] == [f"masked: {person['id']}"] * 2


def test_every_column_of_the_file_is_an_option_of_add_and_edit() -> None:
    assert ("external_id", *people.FIELDS) == COLUMNS
