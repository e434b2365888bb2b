"""The how-tos do what they say: each is run as written, in one shell, from where the first steps of
the README's five minutes end, and prints what is shown. Replaced are ports, the address of the
simulator that stands in for Twilio, and the database's URL.

Loading a cluster is run by tests/test_compose.py, the alert rules by tests/test_deploy.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.postgres import binaries
from tests.services.process import free_port
from tests.session import Shell, Step, elsewhere, section, with_fasttime

PAGE = "docs/how-to.md"
FIRST_STEPS = section("README.md", "Five minutes").partition("\nHandsets and inboxes")[0]
SIMULATOR = """
```console
$ fasttime simulator 2> simulator.log &
http://127.0.0.1:8010
smtp://127.0.0.1:8025
…
```
"""
SIMULATED = "export FASTTIME_SIMULATOR_HTTP="


def part(title: str, below: str) -> str:
    """Return what stands below a heading of the third level in a section of the page."""
    found = section(PAGE, title).partition(f"\n### {below}\n")[2].partition("\n### ")[0]
    assert found, f"{title} has no part {below}"
    return found


def approved() -> str:
    """Return the README's commands from the simulator's settings to an approved message, without
    those that keep running: what is approved has been sent to nobody.
    """
    text = section("README.md", "Five minutes").partition("\nHandsets and inboxes")[2]
    text = text.partition("\nA few seconds later")[0]
    settings = next(line for line in text.splitlines() if SIMULATED in line)
    return f"```console\n{settings}\n```\n" + text.partition("\nThe third line")[2]


@contextmanager
def shell_in(folder: Path, **settings: str) -> Iterator[Shell]:
    """A shell in `empty` below the folder, with a home there, where the keys lie."""
    (folder / "home").mkdir(exist_ok=True)
    (folder / "empty").mkdir(exist_ok=True)
    env = with_fasttime(folder / "bin", {"HOME": str(folder / "home"), **settings})
    env.pop("XDG_CONFIG_HOME", None)
    if databases := binaries():
        env["PATH"] += f":{databases}"
    shell = Shell(folder / "empty", env)
    try:
        yield shell
    finally:
        shell.close()


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the first steps ended: the folder and what the shell knew."""

    folder: Path
    known: dict[str, str]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """The first steps, taken once."""
    folder = tmp_path_factory.mktemp("begun")
    with shell_in(folder) as shell:
        shell.follow(FIRST_STEPS)
        sam, kit = shell.run(Step('echo "$SAM"; echo "$KIT"', (), compared=False))
    return Begun(folder, {"SAM": sam, "KIT": kit})


@contextmanager
def going_on(begun: Begun, folder: Path, **settings: str) -> Iterator[Shell]:
    """A shell that has taken the first steps, in a copy of their folder."""
    for name in ("empty", "home"):
        shutil.copytree(begun.folder / name, folder / name)
    with shell_in(folder, **begun.known, **settings) as shell:
        yield shell


@pytest.fixture
def shell(begun: Begun, tmp_path: Path) -> Iterator[Shell]:
    """The same, with the settings of the page alone."""
    with going_on(begun, tmp_path) as ours:
        yield ours


@pytest.fixture
def ports() -> dict[str, int]:
    """Free ports in the place of those of the pages."""
    return {number: free_port() for number in ("8000", "8010", "8025")}


BACKUP = "Back up and restore"


@pytest.mark.timeout(400)
def test_a_backup_of_sqlite_is_restored(shell: Shell, ports: dict[str, int]) -> None:
    shell.follow(elsewhere(approved() + part(BACKUP, "SQLite"), ports))


@pytest.mark.timeout(400)
def test_a_backup_of_postgresql_is_restored(
    tmp_path: Path, ports: dict[str, int], migrated_postgres_url: str
) -> None:
    with shell_in(tmp_path, FASTTIME_DATABASE_URL=migrated_postgres_url) as shell:
        shell.follow(elsewhere(FIRST_STEPS + approved() + part(BACKUP, "PostgreSQL"), ports))


@pytest.mark.timeout(400)
def test_keys_that_sign_e_mail_are_made_and_their_records_told(shell: Shell) -> None:
    shell.follow(section(PAGE, "Sign e-mail"))


@pytest.mark.timeout(400)
def test_texts_and_calls_go_by_twilio(begun: Begun, tmp_path: Path, ports: dict[str, int]) -> None:
    """Its receipts come back to this machine: `PUBLIC_URL` is that of the service here."""
    simulated, public = (f"http://127.0.0.1:{ports[port]}" for port in ("8010", "8000"))
    settings = {"FASTTIME_TWILIO_API_BASE": simulated, "FASTTIME_PUBLIC_URL": public}
    with going_on(begun, tmp_path, **settings) as shell:
        shell.follow(elsewhere(SIMULATOR, ports))
        shell.follow(elsewhere(section(PAGE, "Add Twilio"), ports))


@pytest.mark.timeout(400)
def test_everybody_is_moved_to_another_installation(shell: Shell) -> None:
    shell.follow(section(PAGE, "Move the registry"))
