"""A request whose body is held back while its author's rights end: nothing is changed by it,
whichever act it is.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from broadcast.messages.tables import version
from broadcast.operators import operators
from broadcast.operators.tables import operator
from broadcast.store.database import Connection
from tests.console.site import Site, a_draft, open_site

FOLLOWING = {"update": "incident", "correct": "correction", "all-clear": "all_clear"}
ROLE_OF = {"resend": "operator"}
"""Who does it; everything else an approver may do."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


def acts_of(site: Site) -> set[str]:
    """Return every POST on a message that the application declares."""
    paths = site.app.openapi()["paths"]
    prefix = "/api/v1/messages/{id}/"
    return {
        path.removeprefix(prefix)
        for path, methods in paths.items()
        if path.startswith(prefix) and "post" in methods
    }


def body_of(act: str, agreed: str) -> dict[str, Any]:
    if act in FOLLOWING:
        return a_draft(kind=FOLLOWING[act])
    bodies: dict[str, dict[str, Any]] = {
        "approve": {"content_hash": agreed},
        "return": {"why": "no"},
        "reject": {"why": "no"},
        "cancel": {"why": "no"},
        "resend": {"only": ["failed"]},
    }
    return bodies.get(act, {})


async def ready_for(site: Site, act: str) -> tuple[int, str]:
    """Return a message that the act could be done to, and what would be approved."""
    if act in ("submit", "preview"):
        return await site.drafted(), ""
    if act in ("approve", "return", "reject"):
        return await site.submitted()
    message = await site.live()
    if act == "resume":
        await site.post(f"/api/v1/messages/{message}/hold", role="approver")
    if act == "resend":
        await site.done(await site.claimed(), "failed")
    return message, ""


async def states(site: Site) -> list[tuple[Any, ...]]:
    def read(conn: Connection) -> list[tuple[Any, ...]]:
        rows = conn.execute(
            select(version.c.id, version.c.state, version.c.revision).order_by(version.c.id)
        )
        return [tuple(row) for row in rows]

    return await site.db.read(read)


async def slowly(
    site: Site, path: str, body: dict[str, Any], role: str, ends: asyncio.Event
) -> tuple[int, str]:
    """Send a request whose body ends when `ends` is set; return status and code of the answer."""
    data = dumps(body).encode()

    async def parts() -> AsyncIterator[bytes]:
        yield data[:1]
        await ends.wait()
        yield data[1:]

    headers = {
        "Authorization": f"Bearer {site.tokens[role]}",
        "Idempotency-Key": str(uuid.uuid4()),
        "Content-Type": "application/json",
    }
    async with site.client.post(site.url + path, data=parts(), headers=headers) as answer:
        told = await answer.json(content_type=None)
        return answer.status, told.get("code", "")


async def test_no_act_is_done_for_who_was_disabled_while_its_body_was_under_way(site: Site) -> None:
    acts = acts_of(site)
    assert {"submit", "approve", "hold", "cancel", "resend", "update"} <= acts
    for act in sorted(acts):
        role = ROLE_OF.get(act, "approver")
        message, agreed = await ready_for(site, act)
        before, ends = await states(site), asyncio.Event()
        path = f"/api/v1/messages/{message}/{act}"
        asked = asyncio.create_task(slowly(site, path, body_of(act, agreed), role, ends))
        # the head and the first byte are there, and the token was looked at
        await asyncio.sleep(0.1)
        await site.db.write(operators.disable, role, datetime.now(UTC))
        ends.set()
        assert await asked in ((403, "operator_disabled"), (401, "token_invalid")), act
        assert await states(site) == before, act
        await site.db.write(lambda conn: conn.execute(update(operator).values(disabled_at=None)))


async def test_no_text_is_drafted_or_edited_for_who_was_disabled_meanwhile(site: Site) -> None:
    message = await site.drafted()
    before, ends = await states(site), asyncio.Event()
    asked = asyncio.create_task(slowly(site, "/api/v1/messages", a_draft(), "approver", ends))
    await asyncio.sleep(0.1)
    await site.db.write(operators.disable, "approver", datetime.now(UTC))
    ends.set()
    assert (await asked)[0] in (401, 403)
    edited = await site.call("PUT", f"/api/v1/messages/{message}", json=a_draft(), role="approver")
    assert edited.status in (401, 403)
    assert await states(site) == before


async def test_an_answer_is_not_given_again_to_who_was_disabled_since(site: Site) -> None:
    key = str(uuid.uuid4())
    first = await site.post("/api/v1/messages", a_draft(), key=key)
    assert first.status == 201
    await site.db.write(operators.disable, "author", datetime.now(UTC))
    again = await site.post("/api/v1/messages", a_draft(), key=key)
    assert (again.status, again.code) == (401, "token_invalid")


async def test_a_stream_ends_at_the_next_beat_after_its_reader_was_disabled(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.tokens['operator']}"}
    async with site.client.get(site.url + "/api/v1/events", headers=headers) as response:
        await site.db.write(operators.disable, "operator", datetime.now(UTC))
        await site.drafted()
        async with asyncio.timeout(10):
            rest = await response.content.read()  # ends by itself
        assert b'"draft"' not in rest
    assert (await site.get("/api/v1/events", role="operator")).code == "token_invalid"
