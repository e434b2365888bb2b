"""Environments of tools that cannot live in ours: made once from a lock, below .services/tools.

The locks pin everything by hash and name no registry: pip and npm take whichever they are set up
for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from tests.services.process import NotReady

HERE = Path(__file__).resolve().parent
KEPT = HERE.parents[1] / ".services" / "tools"
CLIENT_LOCK = HERE / "client.lock"
NODE = HERE / "node"
CAP_LOCK = HERE / "cap.lock"
CAP_NODE = HERE / "cap_node"


def python_tools() -> Path:
    """Return the folder of programs of what makes clients: that of client.lock; raises NotReady."""
    return _python("python", CLIENT_LOCK)


def python_cap_readers() -> Path:
    """Return the folder of programs of what reads CAP: that of cap.lock; raises NotReady."""
    return _python("cap-python", CAP_LOCK)


def node_tools() -> Path:
    """Return the folder of programs of what reads /openapi.json: that of node/package-lock.json;
    raises NotReady.
    """
    return _node("node", NODE) / ".bin"


def node_cap_readers() -> Path:
    """Return the folder of packages of what reads CAP: that of cap_node/package-lock.json; raises
    NotReady.
    """
    return _node("cap-node", CAP_NODE)


def _python(name: str, pinned: Path) -> Path:

    def make(folder: Path) -> None:
        # by our pip: Debian's Python cannot give an environment one of its own
        venv.create(folder, with_pip=False)
        _run(
            [
                *(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")),
                *("install", "--quiet", "--require-hashes", "--no-deps", "-r", str(pinned)),
            ]
        )

    return _made(name, pinned.read_bytes(), make) / "bin"


def _node(kind: str, wanted: Path) -> Path:
    lock = wanted / "package-lock.json"

    def make(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(wanted / name, folder / name)
        # what a package would run at its installation is not run
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)])

    return _made(kind, lock.read_bytes(), make) / "node_modules"


def _made(name: str, lock: bytes, make: Callable[[Path], None]) -> Path:
    """Return the environment of exactly this lock, made by who comes first; what is half made is
    made anew.
    """
    folder = KEPT / f"{name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    ready = folder / "ready"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not ready.exists():
            for old in KEPT.glob(f"{name}-{'[0-9a-f]' * 16}"):
                shutil.rmtree(old)
            folder.mkdir()
            make(folder)
            ready.touch()
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise NotReady(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-2000:]}")
