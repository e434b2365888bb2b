"""A caller who hangs up while the server makes a file for them."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

from tests.console.site import Site


async def hang_up_while_it_is_made(site: Site, path: str, token: str, *, within: float) -> None:
    """Ask for a file that one process makes at a time, and hang up meanwhile; return when the
    server has let go of it, `within` seconds.
    """
    where, web = urlsplit(site.url), site.app.state.web
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    gone, read = asyncio.Event(), web.db.read

    async def slowly(*args: Any, **more: Any) -> Any:
        found = await read(*args, **more)
        if web.sealing.locked():  # else few people are in the file before anybody can hang up
            await gone.wait()
        return found

    web.db.read = slowly
    try:
        async with asyncio.timeout(within):
            with socket.create_connection((where.hostname, where.port)) as caller:
                caller.sendall(head.encode())
                while not web.sealing.locked():
                    await asyncio.sleep(0)
            await asyncio.sleep(0.1)  # the server hears of it
            gone.set()
            while web.sealing.locked():
                await asyncio.sleep(0)
    finally:
        del web.db.read
    await asyncio.sleep(0.1)
