"""A provider of few words: one raw HTTP server whose every answer a test writes down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

RESET = b"RESET"  # not an answer: the connection is reset
SILENCE = b"SILENCE"  # not an answer: nothing comes


@dataclass
class Provider:
    """`answer` is what every request gets; `requests` is what came: (request line, headers,
    form).
    """

    answer: bytes = b""
    url: str = ""
    connections: int = 0
    requests: list[tuple[str, dict[str, str], list[tuple[str, str]]]] = field(default_factory=list)

    def form(self) -> dict[str, str]:
        """Return the last form."""
        return dict(self.requests[-1][2])


def http(status: int, body: bytes | str = b"", **headers: str) -> bytes:
    """Return a whole HTTP answer."""
    body = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status} So",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def a_provider(answer: bytes) -> AsyncIterator[Provider]:
    """Run one on a free port of this machine."""
    provider = Provider(answer=answer)
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        provider.connections += 1
        writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {
                    name.lower(): value
                    for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                provider.requests.append(
                    (head[0], headers, parse_qsl(body.decode(), keep_blank_values=True))
                )
                if provider.answer == SILENCE:
                    await asyncio.sleep(30)
                if provider.answer == RESET:
                    break
                writer.write(provider.answer.replace(b"{here}", provider.url.encode()))
                await writer.drain()
                if b"connection: close" in provider.answer.lower():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)
