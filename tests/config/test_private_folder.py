"""The key is strong or refused, and the data folder is its owner's alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcast.problems import Rejected
from config.private_folder import make_private
from config.settings import load
from tests.keys import database as open_database

STRONG = "9f2c41d07be85a36" * 2


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "key",
    ["", " ", "x", "9f2c41d07be85a36", STRONG[:31], "a" * 64, "ab" * 32, "changeme" + STRONG],
)
def test_a_weak_key_is_refused_with_how_to_make_one(tmp_path: Path, key: str) -> None:
    with pytest.raises(Rejected) as refused:
        load({"FASTTIME_DATA": str(tmp_path), "FASTTIME_SECRET_KEY": key})
    assert refused.value.exit_code == 2
    problem = refused.value.problems[0]
    assert problem.field == "FASTTIME_SECRET_KEY"
    assert "openssl rand -hex 32" in problem.fix
    assert not key.strip() or key not in problem.detail


@pytest.mark.parametrize("key", [b"", b"short", b"a" * 64])
def test_a_weak_key_file_is_refused(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(key)
    with pytest.raises(Rejected) as refused:
        load({"FASTTIME_DATA": str(tmp_path)}).key()
    assert (refused.value.exit_code, refused.value.problems[0].code) == (2, "secret_key_weak")


def test_a_strong_key_is_taken_and_without_one_it_is_made(tmp_path: Path) -> None:
    given = load({"FASTTIME_DATA": str(tmp_path), "FASTTIME_SECRET_KEY": STRONG})
    assert given.key() == STRONG.encode()
    made = load({"FASTTIME_DATA": str(tmp_path / "new")})
    assert made.key() == made.key()
    assert len(made.key()) == 64


@pytest.mark.usefixtures("open_umask")
def test_folder_database_and_key_are_private_whatever_the_umask(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = load({"FASTTIME_DATA": str(data)})
    settings.key()
    open_database(settings.database_url)
    assert mode(data) == 0o700
    assert {path.name: mode(path) for path in data.iterdir()} == {
        "fasttime.db": 0o600,
        "secret_key": 0o600,
    }


def test_an_open_folder_is_mended_with_its_files_and_a_link_is_left_alone(tmp_path: Path) -> None:
    data, outside = tmp_path / "data", tmp_path / "outside"
    data.mkdir(mode=0o755)
    outside.write_text("x")
    outside.chmod(0o644)
    (data / "link").symlink_to(outside)
    (data / "fasttime.db").touch()
    (data / "fasttime.db").chmod(0o664)
    data.chmod(0o777)
    make_private(data)
    assert (mode(data), mode(data / "fasttime.db"), mode(outside)) == (0o700, 0o600, 0o644)


def test_a_folder_for_everybody_s_files_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(Rejected) as refused:
        make_private(shared)
    assert (refused.value.exit_code, refused.value.problems[0].code) == (2, "data_folder_shared")
    assert mode(shared) == 0o1777


def test_an_old_database_that_others_could_read_is_closed(tmp_path: Path) -> None:
    old = tmp_path / "elsewhere.db"
    old.touch()
    old.chmod(0o644)
    open_database(f"sqlite:///{old}")
    assert mode(old) == 0o600
