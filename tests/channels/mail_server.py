"""A mail server of few words: one raw SMTP server whose every answer a test writes down, and a wire
that can be cut.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from channels.email import EmailChannel
from channels.smtp_settings import SmtpSettings
from tests.channels.messages import MAIL, a_delivery

FROM = "Police Alerts <alerts@police.example.org>"
HANG_UP = "HANG UP"
HANG_UP_ONCE = "HANG UP ONCE"
SILENCE = "SILENCE"

GOOD = {
    "EHLO": "250-there\r\n250 PIPELINING",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    ".": "250 2.0.0 ok: queued as 4bX9",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


@dataclass
class MailServer:
    """`script` answers each verb ("." is the final dot); `words` is what was said to it, `bodies`
    what came between DATA and the dot.
    """

    script: dict[str, str]
    port: int = 0
    connections: int = 0
    words: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@asynccontextmanager
async def a_mail_server(
    script: Mapping[str, str] = {},
    *,
    greeting: str = "220 there ESMTP",
    tls: ssl.SSLContext | None = None,
    upgrade: ssl.SSLContext | None = None,
) -> AsyncIterator[MailServer]:
    """Run one on a free port of this machine; `script` changes single answers of a good server.
    `tls` from the start, or `upgrade` at STARTTLS.
    """
    server = MailServer(script={**GOOD, **script})
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        writers.add(writer)
        try:
            writer.write(f"{greeting}\r\n".encode())
            while line := (await reader.readuntil(b"\r\n")).decode().rstrip():
                server.words.append(line)
                verb = line.partition(" ")[0].upper()
                if not await say(verb, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def say(verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        answer = server.script.get(verb, "500 what?")
        if answer == HANG_UP_ONCE:
            server.script[verb] = GOOD[verb]
        if answer in (HANG_UP, HANG_UP_ONCE):
            return False
        if answer == SILENCE:
            await asyncio.sleep(30)
        writer.write(f"{answer}\r\n".encode())
        if verb == "STARTTLS" and upgrade is not None:
            await writer.start_tls(upgrade)
            server.script["EHLO"] = GOOD["EHLO"]
            return True
        if verb == "DATA" and answer.startswith("354"):
            body = b""
            while not (body == b".\r\n" or body.endswith(b"\r\n.\r\n")):
                body += await reader.readuntil(b"\r\n")
            server.bodies.append(body[:-3])
            return await say(".", reader, writer)
        return verb != "QUIT" and not answer.startswith("421")

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def a_wire(port: int, *, cut_after: int) -> AsyncIterator[int]:
    """Pass everything on to a port, until so many bytes came back from there: then cut both ends.
    Yields the port to connect to.
    """
    open_ends: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[None]] = set()
    left = [cut_after]

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass

    async def back(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, other: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data[: left[0]])
                await writer.drain()
                left[0] -= len(data)
                if left[0] <= 0:
                    break
        except ConnectionError:
            pass
        writer.close()
        # what the client said last still reaches the server, as on a real wire
        await asyncio.sleep(0.01)
        other.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", port)
        open_ends.update((writer, there))
        for step in (forward(reader, there), back(there_reader, writer, there)):
            task = asyncio.create_task(step)
            tasks.add(task)

    listening = await asyncio.start_server(join, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in open_ends:
            end.transport.abort()
        await asyncio.sleep(0.01)


def a_channel(server: MailServer, **more: Any) -> EmailChannel:
    return EmailChannel(SmtpSettings.from_url(server.url, FROM, **more))


def a_mail(to: str = "ada@example.org", **more: Any) -> Any:
    return a_delivery(to, rendered=MAIL, **more)
