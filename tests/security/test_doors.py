"""What strangers do to the server itself: slow, long and many requests, and what is answered
meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from console.server.capacity import Capacity, read_proxies
from console.server.door import make_server, run_server
from console.server.edge import Edge
from console.server.limits import KIB, Limits, body_limit, share_of
from tests.console.site import open_site

HOLD = "/api/v1/messages/1/hold"


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def slow(_request: Request) -> Response:
    await asyncio.sleep(30)
    return PlainTextResponse("late")


class Doors:
    """A server of ours in front of two plain routes."""

    def __init__(self, port: int, capacity: Capacity) -> None:
        self.port, self.capacity = port, capacity
        self.most = self._now = 0

    async def counting(self, _request: Request) -> Response:
        """Answer after a moment, and keep how many were here at once."""
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.02)
        self._now -= 1
        return PlainTextResponse("done")

    async def connect(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        return reader, writer

    async def ask(
        self, path: str = "/", body: bytes = b"", *headers: str
    ) -> tuple[int, dict[str, Any]]:
        """Return status and problem of one whole request."""
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: x",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *headers,
        ]
        reader, writer = await self.connect("\r\n".join([*lines, "", ""]).encode() + body)
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        head, _, rest = answer.partition(b"\r\n\r\n")
        told = json.loads(rest) if b"problem+json" in head else {}
        return int(head.split()[1]), told | {"head": head.decode()}


@contextlib.asynccontextmanager
async def doors(limits: Limits, proxies: str = "") -> AsyncIterator[Doors]:
    routes = [
        Route(path, echo, methods=["POST", "GET"]) for path in ("/", HOLD, "/hooks/twilio/inbound")
    ]
    capacity = Capacity(limits, proxies=read_proxies(proxies))
    sock = socket.socket(proto=socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    served = Doors(sock.getsockname()[1], capacity)
    counted = Route("/hooks/slow", served.counting, methods=["POST"])
    inner = Starlette(routes=[*routes, counted, Route("/slow", slow, methods=["POST"])])
    app = Edge(
        inner,
        limit_of=lambda path: body_limit(path, 4 << 20),
        observe=lambda *_: None,
        capacity=capacity,
    )
    server = make_server(app, limits, graceful_seconds=1, lifespan="off")
    running = asyncio.create_task(run_server(server, sock))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield served
    finally:
        server.should_exit = server.force_exit = True
        await running


async def the_end(reader: asyncio.StreamReader, seconds: float = 5.0) -> bytes:
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
    return b""


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Sl",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    ],
    ids=["says nothing", "half a head", "half a body"],
)
async def test_who_does_not_finish_is_answered_408_and_let_go(sent: bytes) -> None:
    async with doors(Limits(header_seconds=0.3, body_idle_seconds=0.3)) as served:
        reader, writer = await served.connect(sent)
        assert b" 408 " in await the_end(reader)
        writer.close()
        assert not any(served.capacity.requests.values())
        assert not any(served.capacity.body_bytes.values())


async def test_a_body_that_drips_has_its_time_as_a_whole_too() -> None:
    async with doors(Limits(body_idle_seconds=0.5, body_seconds=1.0)) as served:
        reader, writer = await served.connect(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        )
        began = time.monotonic()
        while not reader.at_eof() and time.monotonic() - began < 5:
            writer.write(b"x")
            with contextlib.suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(1000), 0.1)
        assert 0.9 < time.monotonic() - began < 4
        writer.close()


@pytest.mark.parametrize("shape", ["one endless header", "endless many", "an endless path"])
async def test_headers_without_end_are_431_before_they_fill_the_memory(shape: str) -> None:
    first = {
        "one endless header": b"GET / HTTP/1.1\r\nX: ",
        "endless many": b"GET / HTTP/1.1\r\n",
        "an endless path": b"GET /",
    }[shape]
    more = b"X-A: b\r\n" * 2048 if shape == "endless many" else b"a" * 16 * KIB
    async with doors(Limits()) as served:
        reader, writer = await served.connect(first)
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 * 1024 * KIB and not writer.is_closing() and not reader.at_eof():
                writer.write(more)
                await writer.drain()
                sent += len(more)
                await asyncio.sleep(0)
                if reader._buffer:  # type: ignore[attr-defined]
                    break
        told = await the_end(reader)
        assert b" 431 " in told or b" 400 " in told or told == b""
        assert sent < 8 * 1024 * KIB  # what the kernel's buffers hold, not what the server read
        assert (await served.ask())[0] == 200


async def test_unfinished_requests_in_any_number_keep_nobody_out() -> None:
    async with doors(Limits(connections=64, connections_per_address=64)) as served:
        held = [
            await served.connect(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: 1\r\n") for _ in range(300)
        ]
        for path in ("/", HOLD, "/hooks/twilio/inbound"):
            began = time.monotonic()
            assert (await served.ask(path))[0] == 200
            assert time.monotonic() - began < 2
        for _, writer in held:
            writer.close()


async def test_a_connection_that_works_is_never_evicted_and_none_is_let_in_beside_too_many() -> (
    None
):
    async with doors(Limits(connections=4, connections_per_address=4)) as served:
        busy = [
            await served.connect(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            for _ in range(4)
        ]
        await asyncio.sleep(0.2)
        reader, writer = await served.connect(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        )
        told = await the_end(reader)
        assert b" 503 " in told or told == b""
        assert not any(r.at_eof() for r, _ in busy)
        for _, each in [*busy, (reader, writer)]:
            each.close()


async def test_hold_cancel_and_webhooks_have_places_of_their_own() -> None:
    assert {share_of(p) for p in (HOLD, "/api/v1/messages/12/cancel", "/readyz")} == {"acts"}
    assert share_of("/hooks/twilio/status/ab-1") == "hooks"
    assert {
        share_of(p)
        for p in (
            "/api/v1/messages/1/preview",
            "/api/v1/messages",
            "/",
            "/api/v1/messages/1/hold/x",
        )
    } == {"general"}
    async with doors(Limits(requests=3, requests_acts=1, requests_hooks=1)) as served:
        busy = [
            await served.connect(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            for _ in range(3)
        ]
        await asyncio.sleep(0.2)
        status, told = await served.ask("/")
        assert (status, told["code"]) == (503, "busy")
        assert "retry-after" in told["head"].lower()
        assert (await served.ask(HOLD))[0] == 200
        assert (await served.ask("/hooks/twilio/inbound"))[0] == 200
        for _, writer in busy:
            writer.close()


async def test_bodies_under_way_have_a_limit_together_and_a_form_of_a_webhook_is_small() -> None:
    async with doors(Limits(body_bytes=100 * KIB)) as served:
        part = b"a" * 60 * KIB
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        held = [await served.connect(head + part) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert served.capacity.body_bytes["general"] <= 200 * KIB
        assert (await served.ask(HOLD, b"{}"))[0] == 200
        for _, writer in held:
            writer.close()
        assert (await served.ask("/hooks/twilio/inbound", b"a" * 65 * KIB))[1][
            "code"
        ] == "body_too_large"
    assert not any(served.capacity.body_bytes.values())


async def test_webhooks_that_never_end_take_no_place_of_one_that_does_nor_of_a_hold() -> None:
    async with doors(
        Limits(requests_hooks=2, requests_acts=1, connections=64, connections_per_address=64)
    ) as served:
        head = b"POST /hooks/twilio/inbound HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
        held = [await served.connect(head + b"a" * 30_000) for _ in range(50)]
        await asyncio.sleep(0.2)
        assert (await served.ask("/hooks/twilio/inbound", b"AccountSid=x"))[0] == 200
        assert (await served.ask(HOLD, b"{}"))[0] == 200
        for _, writer in held:
            writer.close()


async def test_many_webhooks_at_once_are_worked_on_a_few_at_a_time_and_all_answered() -> None:
    async with doors(Limits(hooks_at_work=3)) as served:
        hooks = [served.ask("/hooks/slow", str(n).encode()) for n in range(40)]
        answers = asyncio.gather(*hooks)
        await asyncio.sleep(0.05)
        assert (await served.ask(HOLD, b"{}"))[0] == 200
        assert (await served.ask("/"))[0] == 200
        assert {status for status, _ in await answers} == {200}
        assert 1 < served.most <= 3


async def test_a_token_and_an_address_have_a_pace_and_hold_has_its_own() -> None:
    mine, other = "Authorization: Bearer mine", "Authorization: Bearer other"
    limits = Limits(requests_per_second=0.001, requests_at_once=4)
    async with doors(limits, proxies="127.0.0.1") as served:

        def origin(n: int) -> str:
            return f"X-Forwarded-For: 192.0.2.{n}"

        for n in range(4):
            assert (await served.ask("/", b"", mine, origin(n)))[0] == 200
        status, told = await served.ask("/", b"", mine, origin(9))
        assert (status, told["code"]) == (429, "too_many_requests")
        assert "retry-after" in told["head"].lower()
        assert (await served.ask(HOLD, b"", mine, origin(10)))[0] == 200
        assert (await served.ask("/", b"", other, origin(11)))[0] == 200
        for _ in range(4):
            await served.ask("/", b"", origin(12))
        assert (await served.ask("/", b"", origin(12)))[0] == 429
        for _ in range(20):  # signed by the provider, a million of them from a few addresses
            assert (await served.ask("/hooks/twilio/inbound", b"", origin(12)))[0] == 200


def test_a_forwarded_address_is_believed_of_a_proxy_of_ours_only() -> None:
    def scope(peer: str, forwarded: str) -> dict[str, Any]:
        return {"client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}

    capacity = Capacity(Limits(), proxies=read_proxies("10.0.0.0/8"))
    assert capacity.address_of(scope("192.0.2.1", "198.51.100.7")) == "192.0.2.1"
    assert capacity.address_of(scope("10.0.0.1", "198.51.100.7")) == "198.51.100.7"
    assert (
        capacity.address_of(scope("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2")) == "198.51.100.7"
    )
    assert Capacity(Limits()).address_of(scope("10.0.0.1", "198.51.100.7")) == "10.0.0.1"


async def test_answers_of_the_api_are_stored_nowhere_and_no_host_of_a_callers_enters_a_document(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL="") as site:
        await site.live()
        for path in ("/api/v1/messages", "/api/v1/nothing", "/u/x", "/hooks/twilio/inbound"):
            assert (await site.get(path)).headers["Cache-Control"] == "no-store", path
        for path in ("/", "/feed.atom"):
            answer = await site.get(path, role=None, headers={"Host": "evil.example"})
            assert answer.status == 200
            assert b"evil.example" not in answer.body
        assert (await site.get("/metrics", role=None)).status == 404


async def test_a_body_that_is_dropped_half_way_is_no_fault_of_ours(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        port = int(site.url.rpartition(":")[2])
        with capture_logs() as logs:
            for path in ("/hooks/twilio/inbound", "/api/v1/messages"):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                head = (
                    f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer"
                    f" {site.tokens['author']}\r\nContent-Length: 900\r\n\r\nabc"
                )
                writer.write(head.encode())
                await writer.drain()
                await asyncio.sleep(0.2)
                writer.close()
                await asyncio.sleep(0.2)
        assert not [entry for entry in logs if entry["log_level"] in ("error", "critical")]
        assert (await site.get("/api/v1/messages")).status == 200


async def refused_body(parts: list[int], limits: Limits) -> tuple[int, int, Capacity]:
    """Send a body of these parts where 10 bytes are read; return the status, how many parts were
    taken, and the capacity afterwards.
    """
    taken, sent = 0, list[dict[str, Any]]()
    capacity = Capacity(limits)

    async def receive() -> dict[str, Any]:
        nonlocal taken
        assert taken < len(parts), "nothing comes after the last part"
        taken += 1
        more = taken < len(parts)
        return {"type": "http.request", "body": bytes(parts[taken - 1]), "more_body": more}

    async def send(message: Any) -> None:
        sent.append(message)

    edge = Edge(Starlette(), limit_of=lambda _: 10, observe=lambda *_: None, capacity=capacity)
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [],
        "client": None,
    }
    await edge(scope, receive, send)
    return sent[0]["status"], taken, capacity


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        # an end that is near is read, so that the sender reads the answer
        ([11, 5, 5], 3),
        # the part that was too much was the last: nobody waits for another
        ([5, 6], 2),
        # what is read on counts as every body does, and ends where all together are too many
        ([64 * KIB] * 100, 5),
    ],
)
async def test_a_refused_body_is_read_on_within_the_limits_of_all_bodies(
    parts: list[int], read: int
) -> None:
    status, taken, capacity = await refused_body(parts, Limits(body_bytes=256 * KIB))
    assert (status, taken) == (413, read)
    assert not any(capacity.body_bytes.values())
