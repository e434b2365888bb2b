"""`python -m tests.services.bench NAME`: start what the bench needs, off the measured core, run
`fasttime bench NAME`, stop it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from tests.services import Kafka, PostgreSQL, Redis
from tests.services.kafka import fetch_jars

_NEEDS = {
    "email": "P",
    "sms": "P",
    "memory": "P",
    "fanout": "P",
    "latency": "PKR",
    "pages": "P",
    "match": "",
    "preview": "",
    "log": "P",
    "import": "P",
    "segments": "",
    "signing": "",
}


def main(arguments: list[str]) -> int:
    """Return the bench's exit code. Services named by FASTTIME_TEST_… are used as they are."""
    words = arguments or ["all"]
    needs = _NEEDS.get(words[0], "PKR" if words[0] == "all" else "")
    env = dict(os.environ)
    with contextlib.ExitStack() as stack:
        if "P" in needs and "FASTTIME_TEST_POSTGRES" not in env:
            postgres = stack.enter_context(PostgreSQL())
            _off_the_measured_core(postgres.pid)
            env["FASTTIME_TEST_POSTGRES"] = postgres.url
        if "K" in needs and "FASTTIME_TEST_KAFKA" not in env:
            fetch_jars()
            env["FASTTIME_TEST_KAFKA"] = stack.enter_context(Kafka()).bootstrap
        if "R" in needs and "FASTTIME_TEST_REDIS" not in env:
            env["FASTTIME_TEST_REDIS"] = stack.enter_context(Redis()).url
        return subprocess.run(
            [sys.executable, "-m", "console.cli", "bench", *words], env=env, check=False
        ).returncode


def _off_the_measured_core(pid: int) -> None:
    """The measured worker and the bare loops have the first core to themselves; what a server forks
    inherits this.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(pid, set(cores[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
