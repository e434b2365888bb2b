"""The same, on PostgreSQL: what a transaction of the web process asks of it differs from SQLite in
locks, types and conflicts.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import pytest

from broadcast.operators import audit
from broadcast.problems import Rejected
from broadcast.store import replies
from broadcast.store.database import Connection
from broadcast.store.replies import Reply, Reservation
from console.pages.static_site import Before, Stored, build
from service.commands import checking
from subscribers import unsubscribe
from subscribers.registry import reached
from tests.console.site import LONDON, Site, a_draft, open_site
from tests.console.test_warnings_at_submission import a_message_of_camden


@pytest.fixture
async def site(tmp_path: Path, migrated_postgres_url: str) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_DATABASE_URL=migrated_postgres_url) as running:
        yield running


async def test_a_message_goes_its_way_and_everything_that_looks_at_it_answers(site: Site) -> None:
    message = await site.live()
    s = await site.claimed()
    await site.done(s)
    status = await site.twilio(
        f"/hooks/twilio/status/{site.attempt(s)}",
        {
            "MessageSid": "SM1",
            "MessageStatus": "failed",
            "ErrorCode": "21610",
            "To": "+447700900001",
        },
    )
    assert status.status == 200
    assert (
        await site.twilio(
            "/hooks/twilio/inbound", {"MessageSid": "SM2", "From": "+447700900002", "Body": "STOP"}
        )
    ).status == 200
    assert {
        p
        for p, c in (await site.db.read(reached.contacts, range(1, 40), "sms")).items()
        if c.stopped
    } == {1, 2, 33}
    call = await site.claimed("voice")
    assert (
        await site.twilio(
            f"/hooks/twilio/voice/{site.attempt(call)}?key=1", {"CallSid": "CA1", "Digits": "1"}
        )
    ).status == 200
    v = await site.version(message)
    paths = [
        "/",
        "/feed.atom",
        f"/cap/{v.identifier}.xml",
        f"/v/{v.code}",
        "/readyz",
        "/api/v1/messages",
        "/api/v1/threat-levels",
        "/api/v1/areas",
    ]
    paths += [
        f"/api/v1/messages/{message}{part}"
        for part in ("", "/deliveries", "/counts", "/languages", "/explain/p1")
    ]
    for path in paths:
        assert (await site.get(path, role="operator")).status == 200, path
    assert (await site.get("/api/v1/subscribers", role="auditor")).status == 200
    assert (
        await site.call(
            "POST", f"/u/{unsubscribe.token(5, 'sms', site.settings.key())}", role=None, key=None
        )
    ).status == 200
    assert (
        await site.post(f"/api/v1/messages/{message}/cancel", {"why": "done"}, role="approver")
    ).status == 200


async def test_one_of_many_at_once_with_a_key_is_done_and_the_others_get_its_answer_or_a_conflict(
    site: Site,
) -> None:
    answers = await asyncio.gather(
        *(site.post("/api/v1/messages", a_draft(), key="k") for _ in range(20))
    )
    assert len({a.json["id"] for a in answers if a.status == 201}) == 1
    assert {a.code for a in answers if a.status != 201} <= {"key_in_flight"}
    assert (await site.post("/api/v1/messages", a_draft(), key="k")).status == 201


async def test_an_old_reservation_is_taken_over_by_one_and_its_first_holder_cannot_answer_any_more(
    site: Site,
) -> None:
    now = datetime.now(UTC)
    first = await site.db.write(
        replies.reserve, operator_id=1, key="k", digest="d", now=now - timedelta(minutes=2)
    )
    assert isinstance(first, Reservation)
    taken = await asyncio.gather(
        *(
            site.db.write(replies.reserve, operator_id=1, key="k", digest="d", now=now)
            for _ in range(10)
        ),
        return_exceptions=True,
    )
    assert len([t for t in taken if isinstance(t, Reservation)]) == 1
    assert {t.problems[0].code for t in taken if isinstance(t, Rejected)} == {"key_in_flight"}
    with pytest.raises(Rejected, match="key_in_flight"):
        await site.db.write(replies.finish, first, Reply(200, "{}"))
    await site.db.write(replies.release, first)
    holder = next(t for t in taken if isinstance(t, Reservation))
    await site.db.write(replies.finish, holder, Reply(200, "{}"))
    assert await site.db.write(
        replies.reserve, operator_id=1, key="k", digest="d", now=now
    ) == Reply(200, "{}")


def _late(conn: Connection) -> None:
    """Begin in time, and look at the chain when the time is up."""
    time.sleep(0.4)
    audit.verify(conn)


async def test_the_record_is_checked_and_the_files_are_written_here_too(
    site: Site, tmp_path: Path
) -> None:
    message = await site.live()
    code = (await site.version(message)).code
    assert (await site.get("/api/v1/audit/verify", role="auditor")).json["ok"]
    path = f"/api/v1/messages/{message}/replay"
    assert (await site.get(path, role="author")).json["differences"] == []
    assert (await site.get(f"{path}/at", role="author")).json["versions"][0]["state"] == "live"
    with pytest.raises(Rejected) as refused:
        await checking.held(site.context, _late, by_hand="fasttime x", seconds=0.3)
    assert refused.value.problems[0].code == "too_costly"
    before = Before()
    kept = before.messages
    source = Stored(site.settings, site.db, site.context, site.context.now)
    await build(source, tmp_path / "www", before)
    first = kept[code].state
    await site.post(
        f"/api/v1/messages/{message}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    await build(source, tmp_path / "www", before)
    assert kept[code].state != first
    assert "CANCELLED" in (tmp_path / "www" / "v" / code / "index.html").read_text()


async def test_the_audience_of_another_message_is_compared_on_a_thread_of_its_own(
    site: Site,
) -> None:
    """What is read from PostgreSQL comes to the loop that serves everybody: a million people are
    not unpacked and compared there.
    """
    other, agreed = await a_message_of_camden(site)
    approve = f"/api/v1/messages/{other}/approve"
    assert (
        await site.post(approve, {"content_hash": agreed}, role="camden approver")
    ).status == 200
    await site.release(other)
    message = await site.drafted(areas=[LONDON])
    on_the_loop: set[str] = set()

    def seen(frame: FrameType, happens: str, _: object) -> None:
        if happens == "call" and frame.f_code.co_filename.endswith(("audiences.py", "advising.py")):
            on_the_loop.add(frame.f_code.co_name)

    sys.setprofile(seen)
    try:
        answer = await site.post(f"/api/v1/messages/{message}/preview", {})
    finally:
        sys.setprofile(None)
    assert "overlap" in [warning["code"] for warning in answer.json["warnings"]]
    assert "sent_to_as_stored" in on_the_loop  # the loop was watched
    assert not {"together", "read", "_met", "_told", "_near"} & on_the_loop
