"""A message that is not public is read by the rooms that it concerns and by auditors; for everybody
else it is not there.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broadcast.operators import operators
from tests.console.site import CAMDEN, LONDON, WESTMINSTER, Answer, Site, a_draft, open_site

ROLES = ("author", "approver", "operator", "administrator", "auditor")
BODIES: dict[str, Any] = {
    "approve": {"content_hash": "x"},
    "return": {"why": "x"},
    "reject": {"why": "x"},
    "cancel": {"why": "x"},
    "resend": {"only": ["failed"]},
}
NOBODY = 4711
"""The number of no message."""


async def rooms(site: Site) -> None:
    """Give every role a token in Westminster, Camden and London."""
    for area in (WESTMINSTER, CAMDEN, LONDON):
        for role in ROLES:
            more: dict[str, Any] = {"email": None, "now": datetime.now(UTC)}
            name = f"{role} of {area}"
            _, site.tokens[name] = await site.db.write(
                operators.add, name=name, role=role, area=area, **more
            )


async def routes(site: Site) -> list[tuple[str, str]]:
    """Return (method, path) of everything that the application does with one message, from its own
    description.
    """
    paths = (await site.get("/openapi.json", role=None)).json["paths"]
    found = [
        (method.upper(), path)
        for path, methods in paths.items()
        if "/messages/{id}" in path
        for method in methods
    ]
    assert len(found) >= 17
    return found


async def call(site: Site, method: str, path: str, message: int, role: str) -> Answer:
    body = BODIES.get(
        path.rpartition("/")[2],
        a_draft() if method == "PUT" or path.endswith(("update", "correct", "all-clear")) else None,
    )
    if body is not None and path.endswith(("update", "correct", "all-clear")):
        body = a_draft(kind=None)
    url = path.replace("{id}", str(message)).replace("{subscriber}", "p1")
    return await site.call(method, url, role=role, json=body)


async def test_for_other_rooms_it_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await rooms(site)
        message = await site.live(visibility="restricted")
        for role in ROLES:
            other, concerned = (
                f"{role} of {CAMDEN}",
                [
                    f"{role} of {WESTMINSTER}",
                    f"{role} of {LONDON}",
                    *([role] if role in site.tokens else []),
                ],
            )
            for method, path in await routes(site):
                told, nothing = (
                    await call(site, method, path, message, other),
                    await call(site, method, path, NOBODY, other),
                )
                if (
                    role == "auditor"
                ):  # reads everything, whatever their area; to act they have no right
                    assert told.status != 404, (method, path, told.body)
                    continue
                where = (role, method, path)
                assert (told.status, told.body.replace(str(message).encode(), b"N")) == (
                    nothing.status,
                    nothing.body.replace(str(NOBODY).encode(), b"N"),
                ), where
                assert told.status in (403, 404), where
            for reader in concerned:
                for path in ("", "/counts"):
                    assert (
                        await site.get(f"/api/v1/messages/{message}{path}", role=reader)
                    ).status == 200, (reader, path)
        assert (await site.get(f"/api/v1/messages/{message}")).json["state"] == "live"


async def test_lists_and_events_leave_it_out_for_other_rooms(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await rooms(site)
        secret = await site.drafted(visibility="private")
        public = await site.drafted(areas=[WESTMINSTER])
        concerned = [
            f"author of {WESTMINSTER}",
            f"operator of {LONDON}",
            "author",
            f"auditor of {CAMDEN}",
        ]
        for role in (*concerned, f"author of {CAMDEN}", f"administrator of {CAMDEN}", "camden"):
            wanted = {secret, public} if role in concerned else {public}
            listed = (await site.get("/api/v1/messages?limit=1", role=role)).json
            seen = [m["id"] for m in listed["messages"]]
            while listed["next"]:
                listed = (
                    await site.get(f"/api/v1/messages?limit=1&cursor={listed['next']}", role=role)
                ).json
                seen += [m["id"] for m in listed["messages"]]
            assert seen == sorted(wanted, reverse=True), role
            assert await told_by_events(site, role, public) == wanted, role


async def told_by_events(site: Site, role: str, last: int) -> set[int]:
    """Return the messages that a new stream tells of, up to that of `last`: all that is open comes
    first, by number.
    """
    headers = {"Authorization": f"Bearer {site.tokens[role]}"}
    found = set()
    async with (
        site.client.get(f"{site.url}/api/v1/events", headers=headers) as answer,
        asyncio.timeout(20),
    ):
        async for line in answer.content:
            if line.startswith(b"data: "):
                found.add(json.loads(line.removeprefix(b"data: "))["message"])
                if last in found:
                    return found
    raise AssertionError("the stream ended")


async def test_an_ordered_resend_is_listed_for_the_rooms_concerned_alone(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await rooms(site)
        message = await site.live(visibility="restricted")
        await site.done(await site.claimed(), "failed")
        assert (
            await site.post(
                f"/api/v1/messages/{message}/resend", {"only": ["failed"]}, role="operator"
            )
        ).status == 200
        for role, number in (
            (f"approver of {WESTMINSTER}", 1),
            ("approver", 1),
            (f"approver of {CAMDEN}", 0),
        ):
            assert len((await site.get("/api/v1/resends", role=role)).json["resends"]) == number, (
                role
            )
