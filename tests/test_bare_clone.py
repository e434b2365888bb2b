"""What a run says, and whether it runs at all, where the world's own files are not beside the
checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import REFERENCE

REPOSITORY = Path(__file__).resolve().parents[1]
SUBJECT = "tests/test_own_data.py"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout in a folder with a space in its name, nothing beside it."""
    clone = tmp_path / "a bare clone" / "fasttime"
    clone.mkdir(parents=True)
    shutil.copytree(
        REPOSITORY / "tests", clone / "tests", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(REPOSITORY / "pyproject.toml", clone)
    for package in ("broadcast", "subscribers", "channels", "config", "service", "console"):
        (clone / package).symlink_to(REPOSITORY / package)
    return clone


def run(checkout: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FASTTIME_", "PYTEST_"))
    }
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command,
        cwd=checkout,
        env={**kept, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_bare_clone_passes_and_says_in_one_line_what_it_did_not_compare(bare: Path) -> None:
    code, said = run(bare, SUBJECT)
    assert code == 0, said
    (line,) = [line for line in said.splitlines() if line.startswith("Not compared")]
    left = re.search(r"(\d+) tests marked `reference`", line)
    assert left
    assert int(left[1]) > 5
    assert str(bare.parent / "shared" / "data") in line
    assert f"1 passed, {left[1]} deselected" in said
    assert "skipped" not in said


@pytest.mark.parametrize(
    "told,words",
    [
        ("required", "put the folder `shared` beside the checkout"),
        ("yes", 'write "required", or leave it out'),
    ],
)
def test_where_the_comparison_is_required_its_absence_is_an_error(
    bare: Path, told: str, words: str
) -> None:
    code, said = run(bare, SUBJECT, FASTTIME_TEST_REFERENCE=told)
    assert code == pytest.ExitCode.USAGE_ERROR, said
    assert words in said


@pytest.mark.reference
def test_where_the_comparison_is_required_a_run_that_leaves_it_out_is_an_error() -> None:
    assert REFERENCE.is_dir()
    code, said = run(REPOSITORY, SUBJECT, "-m", "not reference", FASTTIME_TEST_REFERENCE="required")
    assert code == pytest.ExitCode.USAGE_ERROR, said
    assert "no test with the marker `reference`" in said


def test_ci_requires_the_comparison() -> None:
    assert 'export FASTTIME_TEST_REFERENCE="${FASTTIME_TEST_REFERENCE-required}"' in (
        REPOSITORY / ".ci" / "run"
    ).read_text(encoding="utf-8")
