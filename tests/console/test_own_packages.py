"""A package of somebody else in the place of one of ours is seen before all else is looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from console.own_packages import OURS, shared
from tests.console.cli import REPOSITORY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed in a folder as pip does."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = next(iter(WheelBuilder(str(REPOSITORY)).build(directory=str(folder))))
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def doctor(site: Path, folder: Path) -> tuple[int, dict[str, list[str]]]:
    """Run the installed program; return its exit code and what it says of packages."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FASTTIME_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", "doctor", "--json"],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [c for c in json.loads(done.stdout)["checks"] if c["name"] == "packages"]
    return done.returncode, {
        "wrong": [c["detail"] for c in said if not c["ok"]],
        "fix": [c["fix"] for c in said if not c["ok"]],
    }


def test_an_installation_is_whole_until_another_package_writes_over_it(
    site: Path, tmp_path: Path
) -> None:
    assert doctor(site, tmp_path) == (0, {"wrong": [], "fix": []})
    ours = site / "channels" / "__init__.py"
    before = ours.read_bytes()
    ours.write_text('"""Asynchronous consumers of somebody else."""\n')
    metadata = site / "channels-4.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: channels\nVersion: 4.2\n")
    (metadata / "RECORD").write_text("channels/__init__.py,,\n")
    code, said = doctor(site, tmp_path)
    assert code == 1
    assert said["wrong"] == [
        "the distribution channels brings channels too: which of the two is loaded is chance",
        "not as installed: channels/__init__.py",
    ]
    assert all("environment of its own" in fix for fix in said["fix"])
    ours.write_bytes(before)


def test_what_is_looked_at_is_everything_that_the_wheel_brings(site: Path) -> None:
    built = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert set(OURS) == set(built["targets"]["wheel"]["packages"])
    # what /openapi.json shows is read from a file beside the code
    assert (site / "console" / "api" / "examples.json").is_file()
    metadata = next(site.glob("fasttime-*.dist-info")) / "METADATA"
    assert "wants an environment of its own" in metadata.read_text()


def test_others_are_named_with_all_that_they_share() -> None:
    found = shared({"config": ["fasttime", "config"], "console": ["config"], "numpy": ["numpy"]})
    assert [p.detail.split(":")[0] for p in found] == [
        "the distribution config brings config, console too"
    ]
    assert shared({name: ["fasttime"] for name in OURS}) == []
