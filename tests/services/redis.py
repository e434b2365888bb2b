"""A Redis of our own: nothing kept on disk, so that every restart is the loss of all of Redis."""

from __future__ import annotations

import contextlib
import shutil
import socket

from tests.services.process import LOOPBACK, NotReady, Program, free_port


class Redis(Program):
    """redis-server on a free port; `url` for clients."""

    def __init__(self, port: int | None = None) -> None:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if binary is None:
            raise NotReady("redis-server is missing: run `make services`")
        self.port = port or free_port()
        super().__init__("redis", [], ready_within=20)
        words = (
            f"--bind {LOOPBACK} --port {self.port} --daemonize no --appendonly no --loglevel notice"
        ).split()
        self.command = [binary, *words, "--save", "", "--dir", str(self.folder)]

    @property
    def url(self) -> str:
        """For example redis://127.0.0.1:15001/0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def is_ready(self) -> bool:
        """Return whether it answers PING."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def flush(self) -> None:
        """Forget everything (FLUSHALL)."""
        answer = self._ask(b"FLUSHALL\r\n")
        if not answer.startswith(b"+OK"):
            raise NotReady(f"redis did not flush: {answer[:100]!r}")

    def _ask(self, words: bytes) -> bytes:
        with socket.create_connection((LOOPBACK, self.port), timeout=5) as wire:
            wire.sendall(words)
            return wire.recv(1024)


def flush_url(url: str) -> None:
    """Empty the database that a redis:// URL names (FLUSHDB): for a Redis that is not ours."""
    import redis

    client = redis.Redis.from_url(url)
    with contextlib.closing(client):
        client.flushdb()
