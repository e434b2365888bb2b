"""The data folder is its owner's alone: made so, mended where it is open, refused where it cannot
be.
"""

from __future__ import annotations

import stat
from pathlib import Path

import structlog

from broadcast.problems import refuse

log = structlog.get_logger("data")

_OTHERS = 0o077


def make_private(folder: Path) -> None:
    """Make the folder with mode 0700, or take from others what they may do in it and with its
    files.

    Raises Rejected (exit 2) data_folder_shared where that is not possible, and OSError where the
    folder cannot be made.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = folder.stat().st_mode
    if mode & stat.S_ISVTX:
        _refuse(
            folder, "is a folder for everybody's files", "set FASTTIME_DATA to a folder of its own"
        )
    if mode & _OTHERS:
        _close(folder, 0o700, mode)
    for file in folder.iterdir():
        found = file.lstat().st_mode
        if stat.S_ISREG(found) and found & _OTHERS:
            _close(file, 0o600, found)


def _close(path: Path, wanted: int, mode: int) -> None:
    try:
        path.chmod(wanted)
    except OSError:
        _refuse(
            path,
            f"has mode {mode & 0o777:04o}: others can reach it",
            f"as its owner: chmod {wanted:o} {path}",
        )
    log.warning(
        "data_folder.mended", path=str(path), was=f"{mode & 0o777:04o}", now=f"{wanted:04o}"
    )


def _refuse(path: Path, what: str, fix: str) -> None:
    raise refuse("data_folder_shared", f"{path} {what}", fix, field="FASTTIME_DATA")
