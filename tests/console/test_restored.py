"""`fasttime restored`: a database put back from a backup sends nobody what they were sent since."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.ledger import liveness
from broadcast.ledger.claims import open_batches
from broadcast.messages import versions
from broadcast.operators import audit
from broadcast.problems import Rejected
from service.setup.restoring import hold_everything
from tests.console.cli import Cli
from tests.console.site import Site, open_site

STATUSES = ("Actual", "Exercise")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


async def to_be_sent(site: Site) -> list[str]:
    """Return the channels that have something to be handed over."""
    now = datetime.now(UTC)
    return [
        channel
        for channel in ("sms", "voice", "email")
        for lane in ("urgent", "routine")
        if await site.db.read(open_batches.candidates, lane, channel, STATUSES, now)
    ]


async def test_a_copy_of_before_hands_nothing_over_again(
    site: Site, tmp_path: Path, cli: Cli
) -> None:
    sent = await site.live()
    approved = await site.approved(languages={"en": {"headline": "Bridge shut"}})
    waiting, _ = await site.submitted()
    over = await site.live()
    await site.post(f"/api/v1/messages/{over}/cancel", {"why": "wrong"}, role="approver")
    copy = tmp_path / "copy" / "fasttime.db"
    copy.parent.mkdir(mode=0o700)
    with sqlite3.connect(site.settings.data / "fasttime.db") as now, sqlite3.connect(copy) as then:
        now.backup(then)
    while await to_be_sent(site) == ["sms", "voice"]:
        await site.done(await site.claimed())  # after the copy everybody is told

    ran = cli.apart("restored", "--json", DATA=str(copy.parent))
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert [(h["message"], h["was"]) for h in said["held"]] == [
        (sent, "live"),
        (approved, "approved"),
    ]
    assert said["held"][1]["headline"] == "Bridge shut"
    assert [w["message"] for w in said["waiting"]] == [waiting]
    with sqlite3.connect(copy) as then:
        assert then.execute("SELECT count(*) FROM batch WHERE open").fetchone() == (0,)
        states = then.execute("SELECT state FROM version ORDER BY id").fetchall()
        assert [s for (s,) in states] == ["held", "held", "pending_approval", "cancelled"]
    again = cli.apart("restored", DATA=str(copy.parent))
    assert "nothing was under way" in again.out
    assert "waits: message" in again.out
    told = cli.apart("replay", DATA=str(copy.parent))
    assert told.code == 0, told.out + told.err


async def test_what_was_held_says_why_is_on_record_and_may_be_resumed(site: Site) -> None:
    message = await site.live()
    assert await to_be_sent(site) == ["sms", "voice"]
    found = await site.db.write(hold_everything, "machine:ada", datetime.now(UTC))
    assert [v.message_id for v in found.held] == [message]
    assert await to_be_sent(site) == []
    assert (await site.version(message)).state == "held"
    links = await site.db.read(audit.listed, 0, 1000)
    assert ("admin", "machine:ada", "database.restored", "held=1") in [
        (at["kind"], at["actor"], at["action"], at["detail"]) for at in links
    ]
    resumed = await site.post(f"/api/v1/messages/{message}/resume", role="approver")
    assert resumed.status == 200, resumed.body
    assert await to_be_sent(site) == ["sms", "voice"]


async def test_a_service_that_runs_is_left_alone(site: Site) -> None:
    message = await site.live()
    worker, key = liveness.new_worker("routine")
    await site.db.write(liveness.register, worker, "routine", key)
    with pytest.raises(Rejected) as refused:
        await site.db.write(hold_everything, "machine:ada", datetime.now(UTC))
    assert refused.value.problems[0].code == "service_running"
    assert (await site.db.read(versions.of_message, message))[-1].state == "live"
