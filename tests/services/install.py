"""What the services need on this machine: found, or installed as root on Debian, or told as the
line to run (exit 69).

python -m tests.services.install: standard library only, so that it runs before anything else does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.services import postgres
from tests.services.kafka import VERSION, fetch_jars, jars_folder
from tests.services.process import NotReady

UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h
_SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
_POLICY = Path("/usr/sbin/policy-rc.d")


def _missing(name: str) -> bool:
    return shutil.which(name, path=_SBIN) is None


def missing_packages(env: Mapping[str, str]) -> list[str]:
    """Return the Debian packages of what is not here; a service that FASTTIME_TEST_… says runs
    elsewhere is not needed.
    """
    wanted = []
    if "FASTTIME_TEST_REDIS" not in env and _missing("redis-server") and _missing("valkey-server"):
        wanted.append("redis-server")
    if "FASTTIME_TEST_POSTGRES" not in env and postgres.binaries() is None:
        wanted.append("postgresql")
    if "FASTTIME_TEST_SMTP" not in env and _missing("smtp-sink"):
        wanted.append("postfix")
    if _missing("chromium"):
        wanted.append("chromium")
    if _missing("promtool"):
        wanted.append("prometheus")
    if _missing("spamassassin"):
        wanted.append("spamassassin")
    if _missing("npm"):  # what reads /openapi.json and our CAP documents: tests/tools
        wanted += ["nodejs", "npm"]
    if "FASTTIME_TEST_KAFKA" not in env:
        if _missing("java"):
            wanted.append("default-jre-headless")
        if not jars_folder().is_dir() and _missing("mvn"):
            wanted.append("maven")
    return wanted


@contextlib.contextmanager
def _nothing_started() -> Iterator[None]:
    """Keep the packages from starting services of their own: we never use the machine's. A policy
    that is there stays.
    """
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def install(packages: list[str]) -> None:
    """Install by apt-get, asking nothing; raises NotReady with the end of what apt said."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DEBIAN_PRIORITY": "critical"}
    with _nothing_started():
        if "postfix" in packages and not _missing("debconf-set-selections"):
            # Only smtp-sink is wanted of it: no mail service on this machine.
            subprocess.run(
                ["debconf-set-selections"],
                input="postfix postfix/main_mailer_type select No configuration\n",
                text=True,
                check=False,
            )
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
        ):
            done = subprocess.run(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise NotReady(
                    f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-2000:]}"
                )


def main() -> int:
    """Make everything ready; return 0, or 69 where somebody else must act."""
    packages = missing_packages(os.environ)
    try:
        if packages:
            line = f"apt-get update && apt-get install -y {' '.join(packages)}"
            if os.geteuid() != 0 or _missing("apt-get"):
                print(
                    f"The services of the suite need {', '.join(packages)}. As root, run:\n "
                    f" {line}",
                    file=sys.stderr,
                )
                return UNAVAILABLE
            print(f"Installing {', '.join(packages)} …", file=sys.stderr, flush=True)
            install(packages)
        if "FASTTIME_TEST_KAFKA" not in os.environ and not jars_folder().is_dir():
            print(f"Fetching Kafka {VERSION} by Maven (once) …", file=sys.stderr, flush=True)
            fetch_jars()
    except NotReady as problem:
        print(problem, file=sys.stderr)
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
