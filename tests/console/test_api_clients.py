"""What other people's tools make of /openapi.json: a linter, types of TypeScript, and a Python
client that does the main job against a live server.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.site import Site, open_site
from tests.tools import environments

TOOLS = Path(environments.__file__).parent


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path / "site") as running:
        yield running


@pytest.fixture
def document(site: Site, tmp_path: Path) -> Path:
    """The document in a file."""
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(site.app.openapi()))
    return path


async def tool(*command: object, cwd: Path, **env: str) -> tuple[int, str]:
    """Run a tool; return how it ended and what it said. None of them calls home."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env={**os.environ, **quiet, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    "folder", [environments.NODE, environments.CAP_NODE], ids=lambda path: path.name
)
def test_every_lock_of_node_pins_by_hash_and_names_no_address(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert len(packages) > 10
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert "integrity" in package or not name, name


@pytest.mark.parametrize(
    "lock", [environments.CLIENT_LOCK, environments.CAP_LOCK], ids=lambda path: path.name
)
def test_every_lock_of_python_pins_by_hash_and_names_no_address(lock: Path) -> None:
    wanted = lock.read_text().replace("\\\n", "").splitlines()
    pinned = [line for line in wanted if line and not line.startswith("#")]
    assert len(pinned) >= 4
    assert all("==" in line and "--hash=sha256:" in line for line in pinned)
    assert not [line for line in wanted if "://" in line]


async def test_the_linter_finds_neither_an_error_nor_a_warning(
    document: Path, tmp_path: Path
) -> None:
    lint = environments.node_tools() / "redocly"
    code, said = await tool(lint, "lint", document, "--format=json", cwd=tmp_path)
    found = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert (code, found["totals"]["errors"], found["totals"]["warnings"]) == (0, 0, 0), said


async def test_typescript_gets_types_that_compile_and_say_what_a_route_answers(
    document: Path, tmp_path: Path
) -> None:
    tools = environments.node_tools()
    code, said = await tool(
        tools / "openapi-typescript", document, "-o", tmp_path / "api.d.ts", cwd=tmp_path
    )
    assert code == 0, said
    assert "warn" not in said.lower()
    (tmp_path / "use.ts").write_text(
        "import type { paths, components } from './api';\n"
        "type Approve = paths['/api/v1/messages/{id}/approve']['post'];\n"
        "const key: Approve['parameters']['header']['Idempotency-Key'] = 'k';\n"
        "const sent: Approve['requestBody']['content']['application/json'] ="
        " { content_hash: '…' };\n"
        "const found: components['schemas']['Message']['state'] = 'live';\n"
        "// @ts-expect-error: no such state\n"
        "const wrong: components['schemas']['Message']['state'] = 'gone';\n"
        "export { key, sent, found, wrong };\n"
    )
    code, said = await tool(
        tools / "tsc", "--noEmit", "--strict", "--skipLibCheck", "use.ts", cwd=tmp_path
    )
    assert code == 0, said


async def test_a_generated_python_client_drafts_submits_approves_and_reads_deliveries(
    site: Site, document: Path, tmp_path: Path
) -> None:
    programs, made = environments.python_tools(), tmp_path / "client"
    code, said = await tool(
        programs / "openapi-python-client",
        "generate",
        "--path",
        document,
        "--output-path",
        made,
        "--config",
        TOOLS / "client.yaml",
        cwd=tmp_path,
    )
    assert code == 0, said
    # it leaves out what it cannot do: XML, in the bodies and answers that have another form too
    unable = set(re.findall(r"Unsupported content.type ([a-z/+]+)", said))
    assert unable == {"application/cap+xml", "application/atom+xml"}, said
    assert "will not be generated" not in said
    process = await asyncio.create_subprocess_exec(
        str(programs / "python"),
        str(TOOLS / "use_client.py"),
        site.url,
        site.tokens["author"],
        site.tokens["approver"],
        site.tokens["administrator"],
        env={**os.environ, "PYTHONPATH": str(made)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr if sys.stderr.isatty() else subprocess.PIPE,
    )
    told: Any = process.stdout
    number = (await told.readline()).decode().strip()
    if not number.isdigit():
        pytest.fail((await process.communicate())[1].decode())
    await site.release(int(number))
    await site.done(await site.claimed(), "delivered")
    said_last, errors = await process.communicate(b"go on\n")
    assert process.returncode == 0, errors.decode()
    people = await site.get(f"/api/v1/messages/{number}/counts", role="approver")
    delivered, waiting = (people.json["people"][line] for line in ("delivered", "waiting"))
    assert delivered > 0
    words = said_last.decode().split()
    assert words[:3] == ["live", *[str(people.json["addressed"])] * 2]
    assert {"delivered", *(["waiting"] if waiting else [])} <= set(words[3:])
