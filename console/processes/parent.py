"""How a process of ours starts another, which never outlives it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that the kernel sends when the parent dies


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent, or the thread there that started it,
    ends.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(3)


def start_module(
    module: str, *arguments: object, inherited: tuple[int, ...], **more: str
) -> subprocess.Popen[bytes]:
    """Start a module of this checkout or installation as a process, wherever we were started.

    `inherited` are the file descriptors that it keeps, `more` further environment variables.
    """
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *map(str, arguments)],
        pass_fds=inherited,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more},
    )
