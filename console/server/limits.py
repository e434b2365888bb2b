"""How much a stranger may ask of the web process: one table of limits. Each is checked before any
costly work.
"""

from __future__ import annotations

import re
import resource
from dataclasses import dataclass, replace

KIB, MIB = 1024, 1024 * 1024

SPARE_DESCRIPTORS = 256
"""Left of the process's descriptors for databases, files and what is accepted a moment too
early.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits in seconds and bytes. docs/operations.md repeats them; a test compares both."""

    header_bytes: int = 32 * KIB
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    body_idle_seconds: float = 10.0
    idle_seconds: int = 15
    connections: int = 512
    connections_per_address: int = 256
    requests: int = 128
    requests_acts: int = 64
    requests_hooks: int = 128
    hooks_at_work: int = 4
    streams: int = 128
    streams_of_one: int = 16
    body_bytes: int = 64 * MIB
    body_bytes_acts: int = 8 * MIB
    body_bytes_hooks: int = 32 * MIB
    requests_per_second: float = 200.0
    requests_at_once: int = 2000
    write_seconds: float = 30.0

    def fitted(self) -> Limits:
        """Return the limits, lowered to the file descriptors that this process may open."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = (
            self.connections
            if soft < 0
            else min(self.connections, max(32, soft - SPARE_DESCRIPTORS))
        )
        share = min(self.connections_per_address, max(16, most // 2))
        return replace(self, connections=most, connections_per_address=share)


_ACTS = re.compile(
    r"/(?:api/v1|room|exercise)/messages/[^/]{1,20}/(?:hold|cancel)|/healthz|/readyz"
)


def share_of(path: str) -> str:
    """Return whose capacity a request uses: "hooks", "acts" (hold, cancel, health), or "general"
    for everything else.
    """
    if path.startswith("/hooks/"):
        return "hooks"
    return "acts" if len(path) < 100 and _ACTS.fullmatch(path) is not None else "general"


def body_limit(path: str, drafts: int) -> int:
    """Return how many bytes of a request's body are read at a path; `drafts` is the limit for a
    message.
    """
    if path.startswith("/hooks/"):
        return (
            64 * KIB
            # a form of Twilio's has a few hundred bytes; as many as there are connections fit into
            # their share
        )
    if share_of(path) == "acts":
        return 16 * KIB
    if path == "/api/v1/messages" or re.fullmatch(
        r"/api/v1/messages/[^/]{1,20}(?:/(?:update|correct|all-clear))?", path
    ):
        return drafts
    if path in ("/api/v1/areas/import", "/api/v1/subscribers/import"):
        return 16 * MIB  # some hundred thousand people; more is for the command line
    if path.startswith(("/a/", "/api/residents/answers")):
        return 128 * KIB  # ten thousand characters of any script, as a form writes them
    if path.startswith("/u/"):
        return 8 * KIB
    return MIB
