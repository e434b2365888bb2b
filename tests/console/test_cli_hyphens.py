"""`-` for what is no text: a zip of postcodes, a sealed registry, a private key."""

from __future__ import annotations

import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.console.cli import ENTRY, Cli, process_env

DIRECTORY = "pcds,lat,long,gridind\nSW1A 1AA,51.501,-0.1416,1\nN1 9GU,51.5309,-0.1231,1\n"


def piped(
    cli: Cli, *words: object, stdin: bytes = b"", token: str = "", **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command with bytes in its pipes, its temporary files in a folder of the test's."""
    (cli.folder / "tmp").mkdir(exist_ok=True)
    found = {**process_env(cli.environment(token=token, **settings)), "TMPDIR": "tmp"}
    done = subprocess.run(
        [*ENTRY, *map(str, words)],
        cwd=cli.folder,
        env=found,
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not (cli.folder / "-").exists()
    assert list((cli.folder / "tmp").iterdir()) == []
    return done


def test_a_zip_of_postcodes_comes_through_a_pipe(cli: Cli) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Data/ONSPD_NOV_2026_UK.csv", DIRECTORY)
    done = piped(cli, "areas", "postcodes", "-", "--json", stdin=packed.getvalue())
    assert done.returncode == 0, done.stderr
    assert b'"file": "stdin", "postcodes": 2' in done.stdout
    assert cli.ok("areas", "postcode", "SW1A 1AA")["lat"] == pytest.approx(51.501)


def test_a_registry_is_moved_through_pipes_alone(cli: Cli) -> None:
    cli.ok(
        "subscribers", "add", "--external-id", "r-1", "--name", "Ada", "--mobile", "07700 900001",
        "--lat=51.5", "--lon=-0.13", "--basis", "consent, form of 1 May 2026",
    )  # fmt: skip
    first, second = (
        cli.operator(f"Admin {n}", "administrator", "--email", f"{n}@example.org") for n in (1, 2)
    )
    key = cli.ok("registry", "keygen", "move.key")["public"]
    asked = cli.ok("registry", "export", "-", "--to", key, token=first)["id"]
    cli.ok("registry", "agree", asked, token=second)
    sealed = piped(cli, "registry", "export", "-", "--request", asked, token=first)
    assert sealed.returncode == 0, sealed.stderr
    assert b"sealed: 1 person, SHA-256 " in sealed.stderr
    elsewhere = {"DATA": str(cli.folder / "elsewhere")}
    words = ("registry", "import")
    assert cli(*words, "-", "--key", "-", "--json", **elsewhere).codes == ["usage"]
    done = piped(cli, *words, "-", "--key", "move.key", stdin=sealed.stdout, **elsewhere)
    assert done.returncode == 0, done.stderr
    assert cli.ok("subscribers", "show", "r-1", **elsewhere)["name"] == "Ada"
    # the other way round: the key is read, and everybody is there already
    (cli.folder / "sealed").write_bytes(sealed.stdout)
    private = (cli.folder / "move.key").read_bytes()
    again = piped(cli, *words, "sealed", "--key", "-", "--json", stdin=private, **elsewhere)
    assert b"registry_not_empty" in again.stdout


@pytest.mark.parametrize(
    "words", [("registry", "keygen", "-"), ("answers", "keygen", "--file", "-")], ids=" ".join
)
def test_a_private_key_goes_into_no_stream(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli(*words, "--json")
    assert (ran.code, ran.codes) == (2, ["key_needs_a_file"])
    assert not Path("-").exists()
