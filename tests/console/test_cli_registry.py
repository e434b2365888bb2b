"""The whole registry moved by the command line: asked for, agreed to by somebody else, written
once, brought into an empty installation; killed in the middle of that it is still empty.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from broadcast.files.sealed_file import PIECE
from tests.console.cli import ENTRY, Cli, process_env

MANY = 500
"""People; enough for several pieces of the file."""
BASIS = ("--basis", "consent, form of 1 May 2026")


@pytest.fixture
def two(cli: Cli) -> tuple[str, str]:
    """The tokens of two administrators, in an installation with a person who stopped."""
    for n in (1, 2):
        cli.ok(
            "subscribers", "add", "--external-id", f"r-{n}", "--name", "Ada", "--mobile",
            f"07700 90000{n}", "--lat=51.5", "--lon=-0.13", *BASIS,
        )  # fmt: skip
    cli.ok("subscribers", "stop", "r-2", "--channel", "sms")
    first, second = (
        cli.operator(f"Admin {who}", "administrator", "--email", f"{who}@example.org")
        for who in ("one", "two")
    )
    return first, second


def refused(cli: Cli, *words: object, token: str = "", **settings: str) -> str:
    ran = cli("registry", *words, "--json", token=token, **settings)
    assert ran.code != 0
    return str(ran.json["problems"][0]["code"])


def exported(cli: Cli, tokens: tuple[str, str], to: str, name: str = "people.sealed") -> Any:
    asked = cli.ok("registry", "export", name, "--to", to, token=tokens[0])
    cli.ok("registry", "agree", asked["id"], token=tokens[1])
    return cli.ok("registry", "export", name, "--request", asked["id"], token=tokens[0])


def test_it_takes_two_administrators_and_is_good_for_one_file(
    cli: Cli, two: tuple[str, str]
) -> None:
    first, second = two
    public = cli.ok("registry", "keygen", "move.key")["public"]
    assert (cli.folder / "move.key").stat().st_mode & 0o777 == 0o600
    assert refused(cli, "keygen", "move.key") == "file_not_written"
    author = cli.operator("Jo", "author")
    bound = cli.operator("Bo", "administrator", "--area", "E09000033", "--email", "bo@example.org")
    assert refused(cli, "export", "f", "--to", public, token=author) == "wrong_role"
    assert refused(cli, "export", "f", "--to", public, token=bound) == "area_bound"
    assert refused(cli, "export", "f", "--to", "12", token=first) == "registry_key_invalid"
    assert refused(cli, "export", "f", token=first) == "usage"
    asked = cli.ok("registry", "export", "f", "--to", public, token=first)["id"]
    assert refused(cli, "export", "f", "--request", asked, token=first) == "state_conflict"
    assert refused(cli, "agree", asked, token=first) == "same_person"
    assert refused(cli, "agree", asked, token=author) == "wrong_role"
    assert refused(cli, "agree", asked, token=bound) == "area_bound"
    assert cli.ok("registry", "agree", asked, token=second)["what"] == {"to": public}
    assert refused(cli, "export", "f", "--request", asked, token=second) == "request_unknown"
    assert not (cli.folder / "f").exists()
    cli.file("there", "mine")
    assert refused(cli, "export", "there", "--request", asked, token=first) == "file_exists"
    told = cli.ok("registry", "export", "f", "--request", asked, token=first)
    assert told["rows"]["subscriber"] == 2
    assert (cli.folder / "f").stat().st_mode & 0o777 == 0o600
    assert refused(cli, "export", "g", "--request", asked, token=first) == "state_conflict"
    assert sorted(p.name for p in cli.folder.iterdir() if p.name.startswith((".f.", ".g."))) == []
    asked_for = [link["action"] for link in cli.ok("audit", "list", "--kind", "admin")]
    assert asked_for[-2:] == ["operators.request", "operators.approve"]
    taken = cli.ok("audit", "list", "--kind", "export")
    assert [link["action"] for link in taken] == ["registry.export", "registry.exported"]
    assert told["sha256"] in taken[1]["detail"]
    assert cli.ok("audit", "verify")


def test_a_new_installation_gets_everybody_and_a_lived_in_one_nobody(
    cli: Cli, two: tuple[str, str]
) -> None:
    public = cli.ok("registry", "keygen", "move.key")["public"]
    exported(cli, two, public)
    before = [cli.ok("subscribers", "show", f"r-{n}") for n in (1, 2)]
    assert before[1]["stopped"] == ["sms"]
    words = ("import", "people.sealed", "--key", "move.key")
    assert refused(cli, *words) == "registry_not_empty"
    cli.ok("registry", "keygen", "other.key")
    elsewhere = {"DATA": str(cli.folder / "elsewhere")}
    wrong = ("import", "people.sealed", "--key", "other.key")
    assert refused(cli, *wrong, **elsewhere) == "sealed_file_key"
    assert refused(cli, "import", "none", "--key", "move.key", **elsewhere) == "file_not_read"
    assert refused(cli, "import", "people.sealed", "--key", "none", **elsewhere) == (
        "registry_key_invalid"
    )
    assert cli.ok("registry", *words, **elsewhere)["rows"]["subscriber"] == 2
    assert [cli.ok("subscribers", "show", f"r-{n}", **elsewhere) for n in (1, 2)] == before
    chain = [link["action"] for link in cli.ok("audit", "list", "--kind", "admin", **elsewhere)]
    assert chain.count("registry.not_imported") == 1
    assert "registry.imported" in chain


def test_killed_in_the_middle_it_leaves_an_empty_installation(
    cli: Cli, two: tuple[str, str]
) -> None:
    rows = "".join(f"c-{n},Ada {n},07700 900{n:03d},51.5,-0.13\n" for n in range(MANY))
    cli.file("people.csv", "external_id,name,mobile,lat,lon\n" + rows)
    cli.ok("subscribers", "import", "people.csv", *BASIS)
    public = cli.ok("registry", "keygen", "move.key")["public"]
    exported(cli, two, public)
    whole = (cli.folder / "people.sealed").read_bytes()
    os.mkfifo(cli.folder / "slow.sealed")
    elsewhere = {"DATA": str(cli.folder / "elsewhere")}
    words = ("registry", "import", "slow.sealed", "--key", "move.key")
    with (
        subprocess.Popen(
            [*ENTRY, *words], cwd=cli.folder, env=process_env(cli.environment(**elsewhere))
        ) as process,
        (cli.folder / "slow.sealed").open("wb", buffering=0) as slow,
    ):
        slow.write(whole[:-PIECE])  # rows are written, and it waits for the rest
        process.kill()
        process.wait()
    assert cli("subscribers", "show", "r-1", **elsewhere).code == 1
    again = ("registry", "import", "people.sealed", "--key", "move.key")
    assert cli.ok(*again, **elsewhere)["rows"]["subscriber"] == MANY + 2
    begun = cli.ok("audit", "list", "--kind", "admin", **elsewhere)
    actions = [link["action"] for link in begun]
    assert (actions.count("registry.import"), actions.count("registry.imported")) == (2, 1)


def test_a_list_kept_apart_erases_again_whom_a_restore_brought_back(
    cli: Cli, two: tuple[str, str]
) -> None:
    public = cli.ok("registry", "keygen", "move.key")["public"]
    exported(cli, two, public, "older.sealed")
    erased = cli.ok("subscribers", "erase", "r-1", "--why", "by letter of 3 May")["id"]
    cli.ok("subscribers", "erased", "-o", "erased.marks")
    assert "r-1" not in (cli.folder / "erased.marks").read_text()
    restored = {"DATA": str(cli.folder / "restored")}
    cli.ok("registry", "import", "older.sealed", "--key", "move.key", **restored)
    assert cli.ok("subscribers", "show", "r-1", **restored)["name"] == "Ada"
    told = cli.ok("subscribers", "erase-again", "erased.marks", **restored)
    assert told["erased"] == [erased]
    assert cli("subscribers", "show", "r-1", **restored).code == 1
    assert cli.ok("subscribers", "show", "r-2", **restored)["stopped"] == ["sms"]
    assert cli.ok("subscribers", "erase-again", "erased.marks", **restored)["erased"] == []
    chain = [link["action"] for link in cli.ok("audit", "list", "--kind", "admin", **restored)]
    assert chain[-3:] == ["subscribers.erase", *["subscribers.erase_again"] * 2]
