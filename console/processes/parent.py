"""How a process of ours never outlives the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that the kernel sends when the parent dies


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, or the thread there that started it,
    ends.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(3)
