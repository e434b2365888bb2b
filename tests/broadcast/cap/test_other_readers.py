"""What other people's readers of CAP make of our documents: they read each, and what they write of
it again says the same.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pytest

from broadcast.cap.validation.validate import validate
from broadcast.cap.write import write
from tests.broadcast.cap.documents import facts
from tests.broadcast.cap.kinds import EVERY
from tests.broadcast.cap.schemas import schema_accepts
from tests.sources import EITHER
from tests.tools import environments

TOOLS = Path(environments.__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A document of each kind, in a file each."""
    for name, alert in EVERY.items():
        (tmp_path / f"{name}.xml").write_bytes(write(alert))
    return tmp_path


def run(*command: object) -> str:
    """Run a reader; return what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("source", EITHER)
def test_the_schema_and_our_own_rules_accept_a_document_of_each_kind(source: Path) -> None:
    assert len(EVERY) == 32
    for name, alert in EVERY.items():
        assert schema_accepts(write(alert), source), name
        assert validate(write(alert)).verdict == "accept", name


def test_cap_tools_reads_a_document_of_each_kind_and_says_the_same(folder: Path) -> None:
    run(environments.python_cap_readers() / "python", TOOLS / "read_cap.py", folder)
    for name in EVERY:
        path = folder / f"{name}.xml"
        # it writes UTC as Z, which CAP does not allow: that is its writer, not what it read
        theirs = re.sub(rb"(T[0-9:]{8})Z<", rb"\1-00:00<", Path(f"{path}.cap-tools").read_bytes())
        assert facts(theirs) == facts(path.read_bytes()), name


def test_cap_ts_reads_a_document_of_each_kind_and_understands_the_same(folder: Path) -> None:
    script = TOOLS / "cap_node" / "read_cap.js"
    found = json.loads(run("node", script, environments.node_cap_readers(), folder))
    assert found.keys() == EVERY.keys()
    for name, alert in EVERY.items():
        assert found[name] == understood_of(alert, found[name]), name


def understood_of(record: object, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a record, and of those in it, as JSON has them: those that are named in
    `wanted`, and of the others all that hold anything, but what cap-ts has no place for.
    """
    said = {field.name: getattr(record, field.name) for field in fields(cast("Any", record))}
    out: dict[str, Any] = {}
    for name, value in said.items():
        if name in ("infos", "areas"):
            out[name] = [
                understood_of(one, two) for one, two in zip(value, wanted[name], strict=True)
            ]
        elif value not in (None, ()) or name in wanted:
            out[name] = json.loads(json.dumps(value))
    out.pop("codes", None)  # it keeps the first alone, and not as a list
    return out
