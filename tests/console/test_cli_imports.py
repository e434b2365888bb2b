"""What a command may load: whoever types it waits for every import, and most send nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping

from tests.console.cli import ENTRY, Cli, process_env

SENDING = ("twilio", "aiohttp", "aiosmtplib", "redis", "cryptography", "faust", "aiokafka")
SERVING = ("fastapi", "starlette", "uvicorn", "jinja2", "prometheus_client")
MATCHING = ("numpy", "shapely", "phonenumbers")
STORING = ("sqlalchemy", "asyncpg", "alembic")
READING = ("lxml", "yaml", "pydantic", "structlog", "rich")
CONFIGURED = {
    "FASTTIME_SIMULATOR_HTTP": "http://127.0.0.1:9",
    "FASTTIME_SIMULATOR_SMTP": "smtp://127.0.0.1:9",
    "FASTTIME_PUBLIC_URL": "http://127.0.0.1:9",
    "FASTTIME_REDIS_URL": "redis://127.0.0.1:9/0",
}
"""Every channel is on: what stays unloaded is not so because nothing was configured."""


NEVER: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("--help",): (*SENDING, *SERVING, *MATCHING, *STORING, *READING),
    ("sms", "segments", "hello"): (*SENDING, *SERVING, *MATCHING, *STORING, "lxml", "rich"),
    ("message", "list"): (*SENDING, *SERVING, *MATCHING, "alembic", "lxml", "sqlalchemy.orm"),
    ("operators", "list"): (*SENDING, *SERVING, "shapely", "alembic", "lxml"),
    ("level", "show"): (*SENDING, *SERVING, "alembic", "lxml"),
}


def test_a_simple_command_loads_only_what_it_needs(cli: Cli) -> None:
    cli.ok("message", "list")  # the database is made, as by whoever comes first
    for words, never in NEVER.items():
        look = (
            f"import sys, json\nfrom console.cli import main\ncode = main({[*words]!r})\n"
            "sys.stdout.write('\\n' + json.dumps([code, sorted(sys.modules)]))"
        )
        done = subprocess.run(
            [ENTRY[0], "-c", look],
            cwd=cli.folder,
            env=process_env({**cli.environment(), **CONFIGURED}),
            capture_output=True,
            text=True,
            check=True,
        )
        code, modules = json.loads(done.stdout.splitlines()[-1])
        assert code == 0, done.stderr
        unwanted = {m for m in modules for n in never if m == n or m.startswith(f"{n}.")}
        assert unwanted == set(), words
