"""Running `fasttime` in tests: in this process where it is quick, as a process of its own where the
process is what is tested.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from console.cli import main

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRY = [sys.executable, "-m", "console.cli"]


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stood on stdout: exactly one JSON document."""
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """The codes of the problems of a refusal with --json."""
        return [p["code"] for p in self.json["problems"]]


@dataclass
class Cli:
    """`fasttime` in a folder of its own."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: object, token: str = "", **settings: str) -> Ran:
        """Run a command in this process; settings by their names without FASTTIME_."""
        before = dict(os.environ)
        os.environ.update(self.environment(token=token, **settings))
        self.capture.readouterr()
        try:
            code = main([str(a) for a in arguments])
        finally:
            os.environ.clear()
            os.environ.update(before)
        said = self.capture.readouterr()
        return Ran(code, said.out, said.err)

    def environment(self, *, token: str = "", **settings: str) -> dict[str, str]:
        """Return the FASTTIME_ variables of a command."""
        return {
            **self.env,
            **{f"FASTTIME_{name}": value for name, value in settings.items()},
            **({"FASTTIME_TOKEN": token} if token else {}),
        }

    def apart(
        self,
        *arguments: object,
        token: str = "",
        stdin: str | None = "",
        timeout: float = 60,
        **settings: str,
    ) -> Ran:
        """Run a command as a process of its own, off a terminal."""
        done = subprocess.run(
            [*ENTRY, *map(str, arguments)],
            cwd=self.folder,
            env=process_env(self.environment(token=token, **settings)),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: object, token: str = "", **settings: str) -> Any:
        """Run a command with --json and return its document; it must end well."""
        ran = self(*arguments, "--json", token=token, **settings)
        assert ran.code == 0, ran.err + ran.out
        return ran.json

    def approve(self, number: int, *, token: str) -> Any:
        """Approve what is submitted by its hash, as a script does; return its document."""
        agreed = self.ok("message", "show", number)["content_hash"]
        return self.ok("message", "approve", number, "--hash", agreed, token=token)

    def file(self, name: str, text: str | bytes) -> Path:
        """Write a file in the folder."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def operator(self, name: str, role: str, *more: str) -> str:
        """Make an operator and return their token."""
        return str(self.ok("operators", "add", name, "--role", role, *more)["token"])


def process_env(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FASTTIME_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **settings}


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command line, in an empty folder."""
    here = Path.cwd()
    os.chdir(tmp_path)
    handlers = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    try:
        yield Cli(tmp_path, capsys)
    finally:
        os.chdir(here)
        structlog.reset_defaults()  # it holds the stderr of this test
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)


def lines(text: str) -> Sequence[str]:
    """Return the lines that say something."""
    return [line for line in text.splitlines() if line.strip()]
