"""The record over HTTP: the chain checked, a message replayed, a foreign CAP document kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from broadcast.cap.tables import cap_document
from broadcast.messages.tables import version
from broadcast.operators import audit as audits
from broadcast.operators import operators
from broadcast.operators.tables import audit
from broadcast.problems import Rejected
from broadcast.replay import comparison, past
from broadcast.store.database import Connection
from service.commands import checking
from tests.broadcast.cap.documents import document
from tests.console.site import CAMDEN, Site, open_site
from tests.console.test_api_document import check

CAP = {"Content-Type": "application/cap+xml"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


async def test_auditors_check_the_chain_and_a_changed_link_is_named(site: Site) -> None:
    await site.live()
    for role in ("author", "approver", "administrator"):
        assert (await site.get("/api/v1/audit/verify", role=role)).code == "wrong_role"
    whole = (await site.get("/api/v1/audit/verify", role="auditor")).json
    assert (whole["ok"], whole["broken"]) == (True, None)
    head = f"{whole['head']['number']}:{whole['head']['hash']}"
    assert (await site.get(f"/api/v1/audit/verify?head={head}", role="auditor")).json["ok"]
    wrong = await site.get("/api/v1/audit/verify?head=7", role="auditor")
    assert (wrong.status, wrong.code) == (422, "head_invalid")
    other = f"{whole['head']['number']}:{'0' * 64}"
    anew = (await site.get(f"/api/v1/audit/verify?head={other}", role="auditor")).json
    assert "written anew" in anew["broken"]["what"]
    change = update(audit).where(audit.c.number == 2).values(actor="somebody else")
    await site.db.write(lambda conn: conn.execute(change))
    broken = (await site.get("/api/v1/audit/verify", role="auditor")).json
    assert (broken["ok"], broken["broken"]["number"]) == (False, 2)


async def test_a_message_is_replayed_for_whoever_may_read_it_and_a_change_by_hand_is_told(
    site: Site,
) -> None:
    message = await site.live()
    path = f"/api/v1/messages/{message}/replay"
    told = (await site.get(path, role="author")).json
    assert told["events"] > 0
    assert told["differences"] == []
    stood = (await site.get(f"{path}/at", role="author")).json
    (only,) = stood["versions"]
    assert (only["version"], only["state"]) == (1, "live")
    before = (await site.get(f"{path}/at?as_of=2001-01-01T00:00:00Z", role="author")).json
    assert before["versions"] == []
    assert (await site.get(path, role=None)).status == 401
    assert (await site.get("/api/v1/messages/999/replay", role="author")).code == "message_unknown"
    assert (await site.get(f"{path}/at?as_of=now", role="author")).code == "time_invalid"
    hidden = await site.version(message)
    change = update(version).where(version.c.id == hidden.id).values(state="held")
    await site.db.write(lambda conn: conn.execute(change))
    differs = (await site.get(path, role="author")).json["differences"]
    assert [d["message"] for d in differs] == [message] * len(differs) != []
    actions = await site.db.read(lambda conn: conn.execute(select(audit.c.action)).scalars().all())
    assert actions.count("replay") == 4


async def test_one_check_of_the_record_runs_at_a_time_and_ends_when_its_time_is_up(
    site: Site,
) -> None:
    message = await site.live()
    async with site.context.checking:
        busy = await site.get(f"/api/v1/messages/{message}/replay", role="author")
        assert (busy.status, busy.code) == (503, "busy")

    looks: tuple[Callable[[Connection], object], ...] = (
        audits.verify,
        partial(comparison.replay, message_id=message),
        lambda conn: past.at(conn, message, [site.context.now()]),
    )
    for look in looks:

        def late(conn: Connection, look: Callable[[Connection], object] = look) -> None:
            time.sleep(0.4)  # it began in time, and its time is up when it reads
            look(conn)

        with pytest.raises(Rejected) as refused:
            await checking.held(site.context, late, by_hand="fasttime replay", seconds=0.3)
        assert refused.value.problems[0].code == "too_costly"
        assert "fasttime replay" in refused.value.problems[0].fix
    assert (await site.get(f"/api/v1/messages/{message}/replay", role="author")).status == 200
    many = [site.get("/api/v1/audit/verify", role="auditor") for _ in range(4)]
    assert {answer.status for answer in await asyncio.gather(*many)} <= {200, 503}


async def test_a_document_is_kept_as_received_once_and_never_sent(site: Site) -> None:
    data = document().encode()

    async def send(body: bytes, role: str = "author", key: str = "one", **more: Any) -> Any:
        sent = {"headers": CAP, "data": body, **more}
        return await site.call("POST", "/api/v1/cap/import", role=role, key=key, **sent)

    first = await send(data)
    assert first.status == 201, first.json
    assert (first.json["identifier"], first.json["duplicate"]) == ("one", False)
    said = (await site.get("/openapi.json", role=None)).json
    check(said, {"$ref": "#/components/schemas/KeptDocument"}, first.json)
    assert (await send(data)).json == first.json  # the same key: the first answer
    assert (await send(data, key="two")).json["duplicate"]
    other = data.replace(b"<event>Fire</event>", b"<event>Flood</event>")
    assert (await send(other, key="three")).code == "identity_conflict"
    broken = await send(b"<alert/>", key="four")
    assert broken.status == 422
    assert (await send(data, role="auditor", key="five")).status == 403
    assert (await send(data, key="six", headers={"Content-Type": "text/csv"})).status == 415
    kept = await site.db.read(
        lambda conn: conn.execute(select(cap_document.c.document)).scalars().all()
    )
    assert [bytes(each) for each in kept] == [data]
    assert (
        await site.db.read(lambda c: c.execute(select(func.count()).select_from(version)).scalar())
        == 0
    )


async def bound_to_camden(site: Site) -> None:
    """Add an author who is bound to another borough than the messages are for."""
    _, site.tokens["camden author"] = await site.db.write(
        operators.add,
        name="Camden Author",
        role="author",
        area=CAMDEN,
        email="c@example.org",
        now=datetime.now(UTC),
    )


async def test_a_messages_document_is_read_by_whoever_may_read_the_message(site: Site) -> None:
    message = await site.live(visibility="restricted")
    path = f"/api/v1/messages/{message}/cap"
    v = await site.version(message)
    told = await site.get(path, role="auditor")
    assert told.headers["Content-Type"].startswith("application/cap+xml")
    assert told.headers["Cache-Control"] == "no-store"
    (stored,) = await site.db.read(lambda c: c.execute(select(version.c.cap)).scalars().all())
    assert told.body == bytes(stored)
    assert (await site.get(f"/cap/{v.identifier}.xml", role=None)).status == 404
    await bound_to_camden(site)
    assert (await site.get(path, role="camden author")).code == "message_unknown"
    assert (await site.get(path, role=None)).status == 401
    cancel = {"why": "x", "reason": "in_error"}
    await site.post(f"/api/v1/messages/{message}/cancel", cancel, role="approver")
    assert b"<msgType>Cancel</msgType>" in (await site.get(path, role="author")).body
    draft = await site.drafted()
    shown = (await site.get(f"/api/v1/messages/{draft}/cap", role="author")).body
    assert b"<areaDesc>Westminster</areaDesc>" in shown


async def test_a_kept_document_is_given_back_byte_for_byte_to_who_is_bound_to_no_area(
    site: Site,
) -> None:
    data = document().encode()
    await site.call("POST", "/api/v1/cap/import", headers=CAP, data=data)
    path = "/api/v1/cap/kept?name=one"
    for role in ("author", "auditor"):
        assert (await site.get(path, role=role)).body == data
    await bound_to_camden(site)
    assert (await site.get(path, role="camden author")).code == "document_unknown"
    for other in ("/api/v1/cap/kept", "/api/v1/cap/kept?name=two"):
        assert (await site.get(other, role="author")).code == "document_unknown"
    assert (await site.get(path, role=None)).status == 401
