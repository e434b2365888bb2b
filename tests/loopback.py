"""The suite stays on this machine: an audit hook refuses every connection, datagram and look-up
that would leave it.

It watches Python's own sockets in this process (asyncio, aiohttp, aiokafka, asyncpg, smtplib).
uvloop and child processes do their own work and are not seen.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

_LOCAL_NAMES = frozenset(
    {"", "localhost", "localhost.localdomain", "ip6-localhost", "0.0.0.0", "::"}
)
_installed = False
_escapes: list[str] = []


class LeftTheMachine(RuntimeError):
    """A test tried to reach something outside this machine."""


def is_local(host: object) -> bool:
    """Return whether a host, as sockets take it, is this machine's own."""
    if host is None:
        return True
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    if host.lower() in _LOCAL_NAMES or host.lower() == socket.gethostname().lower():
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = args[1]
        if isinstance(address, tuple) and address and not is_local(address[0]):
            _refuse(f"{event} to port {address[1] if len(address) > 1 else '?'} of {address[0]}")
    elif event == "socket.getaddrinfo":
        host = args[0]
        if not is_local(host) and not _is_address(
            host
        ):  # reading an address sends nothing; connecting to it is refused above
            _refuse(f"look-up of {host!r}")


def _is_address(host: object) -> bool:
    try:
        ipaddress.ip_address(host.decode("ascii") if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


def _refuse(what: str) -> None:
    _escapes.append(what)
    raise LeftTheMachine(
        f"{what}: tests use loopback only; hand in a fake, the simulator, or 127.0.0.1"
    )


def install() -> None:
    """Begin to watch; an audit hook cannot be taken away again."""
    global _installed  # noqa: PLW0603 - one hook per process
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True


def escapes() -> list[str]:
    """Return, and forget, what was tried since the last call: also what the tested code
    swallowed.
    """
    tried = list(_escapes)
    _escapes.clear()
    return tried
