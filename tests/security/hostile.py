"""Work that no worker process should have to bear; it is asked for by name, so it stands in a
module.
"""

from __future__ import annotations

import os
import time

from broadcast.problems import refuse


def echo(text: str) -> str:
    """Return the text."""
    return text


def process_id() -> int:
    """Return who works."""
    return os.getpid()


def never_end() -> None:
    """Take all the time there is, and hold the interpreter's lock meanwhile."""
    until = time.monotonic() + 600
    while time.monotonic() < until:
        pass


def eat_memory() -> int:
    """Take three gigabytes."""
    return len(bytearray(3 << 30))


def die() -> None:
    """End the process as the kernel would."""
    os._exit(9)


def say_no() -> None:
    """Refuse."""
    raise refuse("no", "it is refused", "ask for something else", field="x")
