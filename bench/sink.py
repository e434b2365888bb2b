"""A provider in Twilio's shape that only counts: a raw protocol that parses no more than it must,
so that it is never what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from urllib.parse import urlsplit

MARK = b"trial"

_ANSWER = {
    "account_sid": "ACbe0c400000000000000000000000000000",
    "api_version": "2010-04-01",
    "body": "Gas leak in Station Road: leave the area.",
    "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
    "date_sent": None,
    "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": "+447700900997",
    "messaging_service_sid": None,
    "num_media": "0",
    "num_segments": "2",
    "price": None,
    "price_unit": "USD",
    "sid": "SM00000000000000000000000000000000",
    "status": "queued",
    "subresource_uris": {"media": "/2010-04-01/Accounts/AC0/Messages/SM0/Media.json"},
    "to": "+999000000000",
    "uri": "/2010-04-01/Accounts/AC0/Messages/SM0.json",
}
_BODY = json.dumps(_ANSWER).encode()
_CREATED = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(_BODY)
    + _BODY
)
_SID = _CREATED.index(b"SM0000") + 2


def created(number: int) -> bytes:
    """Return the answer to the message of this number."""
    return _CREATED[:_SID] + b"%032x" % number + _CREATED[_SID + 32 :]


class Sink(asyncio.Protocol):
    """One connection. POST takes a message; GET tells what was taken since the GET before it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Take as many requests as are complete, and answer them together."""
        data = self._buffer + data if self._buffer else data
        answers = []
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            body, rest = data[end + 4 : end + 4 + length], data[end + 4 + length :]
            answers.append(
                self._books.take(head, body) if data[:4] == b"POST" else self._books.tell()
            )
            data = rest
        self._buffer = data
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))


class Books:
    """What was taken: a count per number, and when the first message with a serial number (MARK and
    six digits in its text) came.
    """

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()
        self._first: dict[str, float] = {}
        self._last = (b"", b"")
        self._number = 0

    def take(self, head: bytes, body: bytes) -> bytes:
        """Note one message."""
        at = body.find(MARK)
        if at >= 0:
            self._first.setdefault(
                body[at : at + len(MARK) + 6].decode("ascii", "replace"), time.monotonic()
            )
        at = body.find(b"To=")
        self._seen[body[at + 3 : at + 18]] += 1  # %2B999 and nine digits
        self._number += 1
        self._last = head, body
        return created(self._number)

    def tell(self) -> bytes:
        """Return and forget: how many, how many different, the least and the greatest number, when
        the first of each serial came, the last request.
        """
        numbers = [n[-9:].decode("ascii", "replace") for n in self._seen]
        told = {
            "requests": sum(self._seen.values()),
            "people": len(numbers),
            "least": min(numbers, default=""),
            "greatest": max(numbers, default=""),
            "first": self._first,
            "head": self._last[0].decode("latin-1"),
            "body": self._last[1].decode("latin-1"),
        }
        self._seen.clear()
        self._first = {}
        body = json.dumps(told).encode()
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)
            + body
        )


class _Hammer(asyncio.Protocol):
    """A raw client: writes requests ahead, counts answers; to prove how much the sink can take."""

    def __init__(self, request: bytes, count: int, ahead: int, done: asyncio.Future[None]) -> None:
        self._request, self._left, self._ahead, self._done = request, count, ahead, done
        self._open = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]
        self._more()

    def _more(self) -> None:
        some = min(self._ahead - self._open, self._left)
        if some and self._transport is not None:
            self._transport.write(self._request * some)
            self._open += some
            self._left -= some

    def data_received(self, data: bytes) -> None:
        """Count answers and write as many more."""
        self._open -= data.count(b"HTTP/1.1 201")
        self._more()
        if not self._open and not self._left and not self._done.done():
            self._done.set_result(None)


async def hammer(
    url: str, body: bytes, count: int, *, connections: int = 16, ahead: int = 32
) -> float:
    """Return how many requests a second a raw client that writes ahead gets answered."""
    where = urlsplit(url)
    request = (
        b"POST /2010-04-01/Accounts/AC0/Messages.json HTTP/1.1\r\nHost: x\r\nContent-Type:"
        b" application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    ends = []
    for _ in range(connections):
        done = loop.create_future()
        ends.append(done)
        await loop.create_connection(
            lambda d=done: _Hammer(request, count // connections, ahead, d),  # type: ignore[misc]
            where.hostname or "",
            where.port or 80,
        )
    await asyncio.gather(*ends)
    return count // connections * connections / (time.perf_counter() - began)


async def main(port: int) -> None:
    """Serve until stdin ends."""
    from bench.child import say, told

    books = Books()
    server = await asyncio.get_running_loop().create_server(
        lambda: Sink(books), "127.0.0.1", port, backlog=1024
    )
    commands = await told()
    say(ready=True)
    while (words := await commands.get()) is not None:
        if words["do"] == "hammer":
            say(rate=await hammer(words["url"], words["body"].encode(), words["count"]))
        else:
            say(**json.loads(books.tell().split(b"\r\n\r\n", 1)[1]))
    server.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1])))
