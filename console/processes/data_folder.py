"""The data folder of the embedded default: one `up` at a time, held by a file lock that the kernel
lets go of when the process dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broadcast.problems import Rejected, refuse
from config.private_folder import make_private

LOCK = "up.lock"


@contextmanager
def hold_lock(data: Path) -> Iterator[None]:
    """Hold the folder for one `up`; raises Rejected (exit 2) data_folder_in_use where another one
    has it, data_folder_unusable where none could.
    """
    try:
        make_private(data)
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unusable(data, error) from None
    try:
        if not _lock(descriptor):
            raise refuse(
                "data_folder_in_use",
                f"another `fasttime up` is running in {data}",
                "stop it first, or give this one another folder",
                field="FASTTIME_DATA",
            )
        os.ftruncate(descriptor, 0)
        # for people only: the lock is what counts
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Take the lock; tried for a tenth of a second, because `is_running` holds it for a moment."""
    for _ in range(10):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def is_running(data: Path) -> bool:
    """Return whether an `up` holds the folder now."""
    try:
        descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, and let go of at once: two who ask do not take each other for a running `up`.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def check_usable(data: Path, *, mend: bool = True) -> None:
    """Make the folder if it is not there, close it to others unless `mend` is off; raises Rejected
    (exit 2) where it cannot be used.
    """
    try:
        if mend or not data.exists():
            make_private(data)
    except OSError as error:
        raise unusable(data, error) from None
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise refuse(
            "data_folder_unusable",
            f"{data} cannot be written to by this user",
            "change its owner, or set FASTTIME_DATA to another folder",
            field="FASTTIME_DATA",
        )


def unusable(data: Path, error: OSError) -> Rejected:
    """Return the refusal of a folder that cannot be made or written to."""
    return refuse(
        "data_folder_unusable",
        f"{data}: {error.strerror or type(error).__name__}",
        "set FASTTIME_DATA to a folder that this user may write to",
        field="FASTTIME_DATA",
    )
