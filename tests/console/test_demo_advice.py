"""What the demonstration advises at its end can be typed as it stands, from a checkout and from a
wheel.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.demo.account import typed_as, what_next
from tests.console.cli import Cli


@pytest.mark.parametrize(
    ("started", "found", "typed"),
    [
        (".venv/bin/fasttime", None, ".venv/bin/fasttime"),
        ("HERE/.venv/bin/fasttime", "/usr/bin/fasttime", ".venv/bin/fasttime"),  # make demo
        ("/opt/fasttime/bin/fasttime", "/opt/fasttime/bin/fasttime", "fasttime"),
        ("/opt/fasttime/bin/fasttime", None, "/opt/fasttime/bin/fasttime"),
        ("/somewhere/__main__.py", None, "fasttime"),
    ],
)
def test_the_program_is_named_as_the_shell_there_finds_it(
    started: str, found: str | None, typed: str
) -> None:
    assert typed_as(started.replace("HERE", str(Path.cwd())), found) == typed


def test_every_command_that_is_advised_exists_with_its_options(cli: Cli) -> None:
    advised = [re.split(r"\s{2,}", line.strip()[3:])[0] for line in what_next("fasttime")[1:]]
    assert len(advised) == 3
    for command in advised:
        words = [word for word in command.split()[1:] if not word.isdigit()]
        ran = cli(*(word for word in words if not word.startswith("--")), "--help")
        assert ran.code == 0
        assert all(word in ran.out for word in words if word.startswith("--"))
