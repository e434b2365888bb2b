"""The baseline: the plainest loops that hand as many bytes to the same sink, with no claim, no log
and no memory of what was sent.
"""

from __future__ import annotations

import asyncio
import sys
import time
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from bench.child import say, told
from service.garbage_collection import spare_the_collector


async def mails(url: str, message: bytes, count: int, connections: int) -> float:
    """Send `count` mails by aiosmtplib's `sendmail` on so many connections; return the seconds from
    the first command to the last answer.
    """
    # By name: the house keeps aiosmtplib in channels.email, and this loop stands for somebody
    # else's program.
    aiosmtplib = import_module("aiosmtplib")
    where = urlsplit(url)
    clients = [
        aiosmtplib.SMTP(hostname=where.hostname, port=where.port, use_tls=False, start_tls=False)
        for _ in range(connections)
    ]
    await asyncio.gather(*(client.connect() for client in clients))
    left = iter(range(1, count + 1))

    async def loop(client: object) -> None:
        for n in left:
            await client.sendmail("alerts@example.org", [f"person{n}@example.org"], message)  # type: ignore[attr-defined]

    began = time.perf_counter()
    await asyncio.gather(*(loop(client) for client in clients))
    seconds = time.perf_counter() - began
    await asyncio.gather(*(client.quit() for client in clients))
    return seconds


async def posts(
    url: str, body: bytes, headers: dict[str, str], count: int, connections: int
) -> float:
    """Post `count` times by aiohttp on so many connections, `+999000000000` in the body replaced;
    return the seconds.
    """
    import aiohttp

    left = iter(range(1, count + 1))
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def loop() -> None:
            for n in left:
                async with session.post(
                    url, data=body.replace(b"999000000000", b"999%09d" % n), headers=headers
                ) as answer:
                    await answer.read()
                    if answer.status != 201:
                        raise RuntimeError(f"the sink answered {answer.status}")

        began = time.perf_counter()
        await asyncio.gather(*(loop() for _ in range(connections)))
        return time.perf_counter() - began


async def main(kind: str, url: str, file: str, connections: int) -> None:
    """Send as many as told, each time it is told."""
    message = await asyncio.to_thread(Path(file).read_bytes)
    import_module("aiosmtplib" if kind == "email" else "aiohttp")
    spare_the_collector()  # what our worker is given, the loops get as well
    commands = await told()
    say(ready=True)
    while (words := await commands.get()) is not None:
        if kind == "email":
            seconds = await mails(url, message, words["count"], connections)
        else:
            seconds = await posts(url, message, words["headers"], words["count"], connections)
        say(seconds=seconds)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
