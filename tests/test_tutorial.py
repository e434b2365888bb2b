"""The README's five minutes and the tutorial that goes on from there do what they say: every
command is run as written, in one shell, and prints what is shown.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.console.cli import REPOSITORY, process_env
from tests.services.process import free_port
from tests.session import Shell, Step, differs, steps

ROOT = Path(__file__).parents[1]


def section(page: str, title: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_what_differs_is_seen() -> None:
    step = Step("x", ("a … c", "…", "end"), compared=True)
    assert not differs(step, ["a b c", "more", "and more", "end"])
    assert differs(step, ["a b d", "more", "end"])
    assert differs(step, ["a b c", "more"])


@pytest.mark.timeout(400)
def test_the_five_minutes_and_the_tutorial_do_what_they_say(tmp_path: Path) -> None:
    program = tmp_path / "bin"
    program.mkdir()
    python = shlex.quote(sys.executable)
    (program / "fasttime").write_text(f'#!/bin/sh\nexec {python} -m console.cli "$@"\n')
    (program / "fasttime").chmod(0o755)
    env = process_env({"FASTTIME_METRICS_LISTEN": "off"})
    env |= {"PATH": f"{program}:{env['PATH']}", "PYTHONPATH": str(REPOSITORY), "LANG": "C.UTF-8"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # thirty starts: compiled once, as on any machine
    here = tmp_path / "empty"
    here.mkdir()
    # Other ports than those of the pages, which may be taken on this machine.
    ports = {number: str(free_port()) for number in ("8000", "8010", "8025")}
    text = section("README.md", "Five minutes") + (ROOT / "docs/tutorial.md").read_text("utf-8")
    for number, free in ports.items():
        text = text.replace(f":{number}", f":{free}")
    text = text.replace(
        "fasttime simulator", f"fasttime simulator --http {ports['8010']} --smtp {ports['8025']}"
    ).replace("fasttime up", f"fasttime up --port {ports['8000']}")
    shell = Shell(here, env)
    try:
        for step in steps(text):
            difference = shell.until_as_shown(step)
            assert not difference, difference + "\n\n" + (here / "stderr").read_text()[-2000:]
    finally:
        shell.close()
