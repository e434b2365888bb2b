"""The parent of `fasttime up`: it holds the data folder and the port, starts the doors and the
sending engine, and watches both.

They are processes of their own, so that nothing a stranger does to the doors is in the way of
sending. The parent does nothing else: it has no connection to the database and reads nothing from
outside.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType

import structlog

from console.processes.parent import start_module
from console.processes.up import ignore_signals

log = structlog.get_logger("up")

POLL_SECONDS = 0.05
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Between a child's end and its next start: doubled each time, and forgotten when it lived for a
minute.
"""
SETTLED_SECONDS = 60.0
FIRST_START_SECONDS = 3.0
"""A child that ends by itself so soon after the first start of `up` cannot start at all, and
ends it.
"""
ENGINE_SECONDS, DOORS_SECONDS = 8.7, 0.8
"""From the signal: so long the engine has for what it is sending, then the doors for what they
answer.
"""


@dataclass
class Child:
    """One process, started again whenever it ends."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_at: float = 0.0
    pause: float = FIRST_PAUSE
    starts: int = 0

    def turn(self, now: float) -> int | None:
        """Start it where it is due; return its exit code where it could not start even once, else
        None.
        """
        if self.process is None:
            if now >= self.next_at:
                self.process, self.started_at = self.start(), now
                self.starts += 1
                log.info("up.child_started", child=self.name, pid=self.process.pid)
            return None
        code = self.process.poll()
        if code is None:
            return None
        lived = now - self.started_at
        self.process = None
        if self.starts == 1 and lived < FIRST_START_SECONDS and code > 0:
            return code
        pause = FIRST_PAUSE if lived > SETTLED_SECONDS else self.pause
        self.next_at, self.pause = now + pause, min(pause * 2, LONGEST_PAUSE)
        log.warning(
            "up.child_ended",
            child=self.name,
            code=code,
            lived_seconds=round(lived, 1),
            pause_seconds=pause,
        )
        return None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it lives."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, until: float) -> bool:
        """Wait for its end; return whether it came in time."""
        while self.process is not None and self.process.poll() is None:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        return True


@dataclass
class Supervisor:
    """Both children, and the pipe by whose end they see that their parent is gone."""

    sock: socket.socket
    stopping: bool = False
    children: list[Child] = field(default_factory=list)

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        # nobody writes; the write end is closed by the kernel with this process
        alive, kept = os.pipe()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.children = [
            Child("engine", lambda: _start("engine", alive)),
            Child("doors", lambda: _start("doors", alive, self.sock.fileno())),
        ]
        try:
            while not self.stopping:
                for child in self.children:
                    code = child.turn(time.monotonic())
                    if code is not None:
                        log.error("up.failed", child=child.name, code=code)
                        self._end()
                        return code
                time.sleep(POLL_SECONDS)
            log.info("process.stopping")
            self._end()
            return 0
        finally:
            for child in self.children:
                child.signal(signal.SIGKILL)
            os.close(kept)
            os.close(alive)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        ignore_signals((signal.SIGTERM, signal.SIGINT))
        self.stopping = True

    def _end(self) -> None:
        """End the engine first, so that claims stop at once while receipts still come in; then the
        doors.
        """
        engine, doors = self.children
        began = time.monotonic()
        engine.signal(signal.SIGTERM)
        engine.wait(began + ENGINE_SECONDS)
        doors.signal(signal.SIGTERM)
        if not doors.wait(time.monotonic() + DOORS_SECONDS) or not engine.wait(time.monotonic()):
            log.warning("process.ended_hard", after_seconds=round(time.monotonic() - began, 1))


def _start(kind: str, alive: int, listening: int = -1) -> subprocess.Popen[bytes]:
    inherited = (alive,) if listening < 0 else (alive, listening)
    return start_module(
        "console.processes.child", kind, os.getpid(), alive, listening, inherited=inherited
    )
