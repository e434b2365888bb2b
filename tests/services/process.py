"""One process of ours and everything below it: start, wait until ready, kill -9, freeze, start
again, leave nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

LOOPBACK = "127.0.0.1"
_PREFIX = "fasttime-"
_TAIL = 40  # lines of a log that an error shows


class NotReady(Exception):
    """It did not start, or not in time; the text ends with the last lines of its log."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody holds and no outgoing connection will be given.

    Below the range of ephemeral ports: there, while a service is down, a client's connection could
    take its port (or be connected to itself), and the service could not come back.
    """
    low = 32768
    with contextlib.suppress(OSError, ValueError):
        low = int(
            Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0]
        )
    candidates = range(10_000, low) if low > 12_000 else range(61_000, 65_000)
    for _ in range(200):
        port = random.choice(candidates)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise NotReady("no free port found in 200 tries")


def accepts(port: int) -> bool:
    """Return whether something listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let the processes that are started inside be ended by Ctrl-C (SIGINT).

    A suite in the background (`make test &` in a script) ignores SIGINT, and what it starts would
    inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def tree_of(pid: int) -> list[int]:
    """Return `pid` and all its living descendants (Linux: from /proc), parents first, zombies left
    out.
    """
    children: dict[int, list[int]] = {}
    living = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                after_name = (
                    (entry / "stat")
                    .read_text(encoding="utf-8", errors="replace")
                    .rpartition(")")[2]
                    .split()
                )
                if after_name[0] != "Z":
                    living.add(int(entry.name))
                children.setdefault(int(after_name[1]), []).append(int(entry.name))
    found = [pid]
    for each in found:  # grows while it is walked
        found.extend(children.get(each, ()))
    return [each for each in found if each in living]


def _signal_tree(pid: int, number: signal.Signals) -> set[int]:
    """Send `number` to the whole tree and return its ids. Parents are stopped first, so that none
    has a child we did not see.
    """
    seen: set[int] = set()
    while new := [each for each in tree_of(pid) if each not in seen]:
        for each in new:
            seen.add(each)
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
    if number is not signal.SIGSTOP:
        for each in seen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, number)
    return seen


def sweep_leftovers() -> None:
    """Remove the folders of runs that were killed: their names hold the id of a process that is
    gone.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


class Program:
    """A command that runs until it is told to stop, with its log in a folder of its own.

    `ready` is asked every 50 ms until it answers True (raising OSError counts as no). `user` is a
    numeric user id to become (as root only). Start it from a thread that lives as long as it shall:
    when that thread ends, Linux ends the process (PR_SET_PDEATHSIG).
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        ready: Callable[[], bool] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        folder: Path | None = None,
        ready_within: float = 60,
        stop_within: float = 15,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: int | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.env = dict(env) if env is not None else None
        self.cwd = cwd
        self.ready_within = ready_within
        self.stop_within = stop_within
        self.stop_signal = stop_signal
        self.user = user
        self._ready = ready
        self._own_folder = folder is None
        if folder is None:
            sweep_leftovers()
            folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{name}-"))
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self._log: IO[bytes] | None = None

    # -- what a subclass adds ----------------------------------------------------------

    def is_ready(self) -> bool:
        """Return whether it serves; asked again and again while it starts."""
        return self._ready is None or self._ready()

    # -- its life ----------------------------------------------------------------------

    def launch(self) -> Self:
        """Start it and do not wait until it is ready."""
        if self.alive:
            return self
        self.close_log()
        self._log = self.log_path.open("ab")
        guard = ["setpriv", "--pdeathsig", "KILL"]
        if self.user is not None and os.geteuid() == 0:
            guard += [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        self.process = subprocess.Popen(
            [*guard, "--", *self.command] if shutil.which("setpriv") else self.command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=self.env,
            cwd=self.cwd,
            start_new_session=True,
        )
        self.starts += 1
        return self

    def start(self) -> Self:
        """Start it, on the same port and with the same data as before, and wait until it is ready;
        raises NotReady.
        """
        self.launch()
        self.wait_ready()
        return self

    def wait_ready(self, within: float | None = None) -> None:
        """Wait until it serves; raises NotReady with the end of its log."""
        limit = self.ready_within if within is None else within
        end = time.monotonic() + limit
        while True:
            if self.process is None or self.process.poll() is not None:
                code = None if self.process is None else self.process.returncode
                raise NotReady(f"{self.name} ended with {code} while it started\n{self.log_tail()}")
            with contextlib.suppress(OSError):
                if self.is_ready():
                    return
            if time.monotonic() > end:
                self.kill9()
                raise NotReady(f"{self.name} was not ready within {limit:g} s\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self) -> int | None:
        """Ask it to end, kill what has not ended in time; return its exit code (None: it did not
        run).
        """
        if self.process is None:
            return None
        if self.process.poll() is None:
            below = tree_of(self.process.pid)
            self.thaw()
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(self.stop_within)
            except subprocess.TimeoutExpired:
                self.kill9()
            self._reap(below)
        code = self.process.returncode
        self.close_log()
        return code

    def kill9(self) -> None:
        """Kill it and everything below it at once, as the loss of its machine's power would."""
        if self.process is not None and self.process.poll() is None:
            below = _signal_tree(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._reap(below)
        self.close_log()

    def restart(self) -> Self:
        """Stop it and start it again."""
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """Stop the clock for it and everything below it (SIGSTOP): it stalls, and knows nothing of
        it.
        """
        if self.alive:
            _signal_tree(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        if self.alive:
            for each in tree_of(self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGCONT)

    def _reap(self, pids: Iterable[int]) -> None:
        """Wait a little for the given ones, then kill those that are left."""
        end = time.monotonic() + 2
        while (left := [each for each in pids if _runs(each)]) and time.monotonic() < end:
            time.sleep(0.02)
        for each in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    @property
    def alive(self) -> bool:
        """Whether its process runs (a frozen one does)."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process id; raises NotReady where it was never started."""
        if self.process is None:
            raise NotReady(f"{self.name} was not started")
        return self.process.pid

    # -- what it said ------------------------------------------------------------------

    @property
    def log_path(self) -> Path:
        """Where its stdout and stderr go; one file for all its lives."""
        return self.folder / f"{self.name}.log"

    def log_tail(self, lines: int = _TAIL) -> str:
        """Return the last lines of its log."""
        if not self.log_path.exists():
            return ""
        return "\n".join(
            self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        )

    def close_log(self) -> None:
        """Let go of the log file."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def close(self) -> None:
        """Stop it and remove its folder (if it was made here)."""
        self.stop()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start it."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.close()


def _runs(pid: int) -> bool:
    """Return whether a process of this id runs and is no zombie."""
    try:
        return (
            Path(f"/proc/{pid}/stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()[0]
            != "Z"
        )
    except OSError:
        return False
