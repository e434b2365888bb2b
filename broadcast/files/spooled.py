"""What comes through stdin, as a file: for what is read from its end, or more than once."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from broadcast.problems import refuse

_STDIN = "stdin"


@contextlib.contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """Give the path of a file to read; for `-` that of a copy of stdin, called "stdin", in a folder
    that nobody else may look into, removed afterwards. Raises Rejected: file_unreadable.
    """
    if str(path) != "-":
        yield path
        return
    with contextlib.ExitStack() as kept:
        try:
            folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="fasttime-"))
            copy = Path(folder) / _STDIN
            with copy.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as error:
            raise refuse(
                "file_unreadable",
                f"{_STDIN} cannot be kept in {tempfile.gettempdir()} for as long as it is read:"
                f" {error.strerror or type(error).__name__}",
                "make room there, or set TMPDIR to a folder that has room",
                field="FILE",
            ) from None
        yield copy
