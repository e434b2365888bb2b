"""The README's five minutes and the tutorial that goes on from there do what they say: every
command is run as written, in one shell, and prints what is shown.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.cli import REPOSITORY
from tests.services.process import free_port
from tests.session import Shell, Step, differs, elsewhere, section, with_fasttime


def test_what_differs_is_seen() -> None:
    step = Step("x", ("a … c", "…", "end"), compared=True)
    assert not differs(step, ["a b c", "more", "and more", "end"])
    assert differs(step, ["a b d", "more", "end"])
    assert differs(step, ["a b c", "more"])


@pytest.mark.timeout(400)
def test_the_five_minutes_and_the_tutorial_do_what_they_say(tmp_path: Path) -> None:
    here = tmp_path / "empty"
    here.mkdir()
    ports = {number: free_port() for number in ("8000", "8010", "8025")}
    text = section("README.md", "Five minutes")
    text += (REPOSITORY / "docs/tutorial.md").read_text("utf-8")
    shell = Shell(here, with_fasttime(tmp_path / "bin"))
    try:
        shell.follow(elsewhere(text, ports))
    finally:
        shell.close()
