"""Running a page's commands exactly as written, in one shell, and comparing what they print."""

from __future__ import annotations

import os
import queue
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.console.cli import REPOSITORY, process_env

MARK = "«done»"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Step:
    """One command and the lines that the page shows of its answer; `…` stands for anything."""

    command: str
    shown: tuple[str, ...]
    compared: bool


def steps(text: str) -> list[Step]:
    """Return the commands of a text's `sh` blocks (run, not compared) and `console` blocks."""
    found: list[Step] = []
    for kind, block in re.findall(r"^```(sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if kind == "sh":
            found.append(Step(block, (), compared=False))
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            taken = 1
            while not _whole("\n".join(lines[:taken])):
                taken += 1
            found.append(Step("\n".join(lines[:taken]), tuple(lines[taken:]), compared=True))
    return found


def section(page: str, title: str) -> str:
    """Return what stands below a heading of the second level of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    found = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert found, f"{page} has no section {title}"
    return found


def elsewhere(text: str, ports: Mapping[str, int]) -> str:
    """Return commands with other ports than 8000, 8010 and 8025, which this machine may use."""
    for number, free in ports.items():
        text = text.replace(f":{number}", f":{free}")
    return text.replace(
        "fasttime simulator", f"fasttime simulator --http {ports['8010']} --smtp {ports['8025']}"
    ).replace("fasttime up", f"fasttime up --port {ports['8000']}")


def with_fasttime(programs: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Put `fasttime` into a new folder of programs; return the environment of somebody who has it
    on the `PATH`.
    """
    programs.mkdir()
    python = shlex.quote(sys.executable)
    (programs / "fasttime").write_text(f'#!/bin/sh\nexec {python} -m console.cli "$@"\n')
    (programs / "fasttime").chmod(0o755)
    env = process_env({"FASTTIME_METRICS_LISTEN": "off", "LANG": "C.UTF-8", **(settings or {})})
    env["PATH"] = f"{programs}:{env['PATH']}"
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # thirty starts: compiled once, as on any machine
    return env


def _whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return not command.endswith("\\")


def differs(step: Step, printed: list[str]) -> str:
    """Return "" where the lines are those shown, else both."""
    pattern = "\n".join(".*?".join(map(re.escape, line.rstrip().split("…"))) for line in step.shown)
    got = "\n".join(line.rstrip() for line in printed).strip("\n")
    if re.fullmatch(pattern.strip("\n"), got, re.DOTALL):
        return ""
    return f"$ {step.command}\nshown:\n" + "\n".join(step.shown) + f"\n\nprinted:\n{got}"


class Shell:
    """One bash in a folder; what it starts in the background ends with it."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._stderr = (folder / "stderr").open("wb")
        self._process = subprocess.Popen(
            ["bash", "--norc", "-s"],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            for line in printed:
                self._lines.put(line.rstrip("\n"))

    def run(self, step: Step) -> list[str]:
        """Run one command; return what it printed. One in the background is waited for until it
        has printed as many lines as are shown.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{step.command}\necho '{MARK}'\n")
        self._process.stdin.flush()
        printed: list[str] = []
        until, ended = time.monotonic() + SECONDS, False
        behind = len(step.shown) if step.command.rstrip().endswith("&") else 0
        while not ended or len(printed) < behind:
            try:
                line = self._lines.get(timeout=max(0.1, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(
                    f"$ {step.command}\nnot done after {SECONDS:g} s, printed:\n"
                    + "\n".join(printed)
                ) from None
            if line.endswith(MARK):
                ended = True
                line = line.removesuffix(MARK)
            if line or not ended:
                printed.append(line)
        return printed

    def follow(self, text: str) -> None:
        """Run every command of a text; fail at the first that prints something else."""
        for step in steps(text):
            difference = self.until_as_shown(step)
            told = Path(self._stderr.name).read_text(encoding="utf-8")[-2000:] if difference else ""
            assert not difference, f"{difference}\n\n{told}"

    def until_as_shown(self, step: Step) -> str:
        """Run a command, again and again where it only looks, until it prints what is shown;
        return "", or the difference.
        """
        looks = re.search(r"\b(deliveries|ledger|explain|message show)\b", step.command)
        until = time.monotonic() + 30.0
        while True:
            printed = self.run(step)
            difference = differs(step, printed) if step.compared else ""
            if not difference or not looks or time.monotonic() > until:
                return difference
            time.sleep(1.0)

    def close(self) -> None:
        """End the shell and everything that it started."""
        assert self._process.stdin is not None
        self._process.stdin.write("kill $(jobs -p); wait\nexit\n")
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, 9)
            self._process.wait()
        self._reader.join(5)
        self._stderr.close()
