"""Sending again by pages: one person orders it for those who missed the message, another approves
exactly that; who got it is never sent to again (console check 35, without script).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.ledger import passes
from broadcast.ledger.claims import open_batches, recording
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.messages import resends
from tests.console.site import Site, open_site
from tests.console.visitor import HERE, Visitor

PATH = "/room/messages/1"
ORDER, APPROVE = f"{PATH}/resend", f"{PATH}/resend/approve"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def at(site: Site, role: str) -> Visitor:
    visitor = Visitor(site)
    await visitor.sign_in(role)
    return visitor


async def missed(site: Site, state: str = "failed", **changes: object) -> tuple[set[int], set[int]]:
    """Publish to text phones alone, of which the first five got it and the others did not; return
    both.
    """
    await site.live(channels=["sms"], **changes)
    s = await site.claimed(lane="urgent" if changes.get("severity") == "Severe" else "routine")
    got, others = s.people[:5], s.people[5:]
    outcomes = [Outcome(position=p, person_id=n, state="delivered") for p, n in got]
    outcomes += [Outcome(position=p, person_id=n, state=state) for p, n in others]
    await site.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))
    return {n for _, n in got}, {n for _, n in others}


async def test_check_35_who_missed_it_is_sent_to_again_and_who_got_it_is_not(site: Site) -> None:
    got, failed = await missed(site, severity="Severe")
    operator, approver = await at(site, "operator"), await at(site, "approver")
    log = await operator.get(f"{PATH}/log?line=failed")
    assert f"Submit resend to {len(failed)} people" in log.words
    told = await operator.send(log, ORDER)
    assert f"A resend to {len(failed)} people waits for approval" in told.words
    assert "Another person, an approver, must approve it" in told.words
    assert APPROVE not in (await operator.get(ORDER)).forms()
    assert "Resends to approve (1)" in (await approver.get("/room")).words
    page = await approver.get(ORDER)
    assert f"{len(failed)} failed, 0 in doubt" in page.words
    assert f"Send again now to {len(failed)} people" in page.words
    # what is approved is what arrives: marked, and on no page
    (arrives,) = page.tree.xpath("//*[contains(@aria-label, ', en')]//*[@class='words']")
    assert arrives.text_content().strip().startswith("REPEAT")
    wrong = await approver.send(page, APPROVE, phrase=f"SEND {len(failed) + 1}")
    assert wrong.status == 422
    assert "the phrase is not that" in wrong.words
    assert await site.db.read(resends.waiting, 1) is not None
    done = await approver.send(wrong, APPROVE, phrase=f"send {len(failed)}")
    assert done.status == 200
    assert "waits for approval" not in done.words
    again = await approver.send(page, APPROVE, phrase=f"SEND {len(failed)}")
    assert again.status == 200  # it was approved by then: a second press sends nothing more
    v = await site.version(1)
    for _ in range(2):
        await site.db.write(passes.make_due, v.id, contacts=lambda _conn, _ids: {})
    people: list[int] = []
    while await site.db.read(
        open_batches.candidates, "urgent", "sms", ("Actual",), datetime.now(UTC)
    ):
        s = await site.claimed(lane="urgent")
        people += [n for p, n in s.people if p not in s.skipped]
        await site.done(s)
    assert sorted(people) == sorted(failed)
    assert not got & set(people)


async def test_a_doubt_that_is_young_may_settle_by_itself_and_is_not_offered(site: Site) -> None:
    _, doubtful = await missed(site, "in_doubt")
    operator = await at(site, "operator")
    page = await operator.get(ORDER)
    assert f"0 failed, {len(doubtful)} in doubt (may have it: theirs says REPEAT)" in page.words
    assert "order the resend again in two minutes" in page.words
    assert ORDER not in page.forms()


async def test_who_ordered_it_and_who_may_not_cannot_and_a_newer_order_takes_its_place(
    site: Site,
) -> None:
    _, failed = await missed(site)
    operator, approver, author = [await at(site, r) for r in ("operator", "approver", "author")]
    assert ORDER not in (await author.get(ORDER)).forms()
    log = await operator.get(f"{PATH}/log?line=failed")
    fields = log.fields(ORDER)
    assert (await author.ask("POST", ORDER, fields)).status == 403
    for _ in range(2):  # a double click is one order
        assert (await operator.send(log, ORDER)).status == 200
    old = await approver.get(ORDER)
    assert "phrase" not in dict(old.fields(APPROVE))  # routine, and few people
    # by another door it is ordered anew: what the approver reads is not that any more
    newer = await site.post("/api/v1/messages/1/resend", {"only": ["failed"]}, role="operator")
    assert newer.status == 200
    stale = await approver.send(old, APPROVE)
    assert stale.status == 409
    waiting = await site.db.read(resends.waiting, 1)
    assert waiting is not None
    assert waiting.digest == newer.json["resend"]["content_hash"]
    # with another digest in it, the form is none of ours
    forged = await approver.send(await approver.get(ORDER), APPROVE, about="0" * 64)
    assert forged.status == 403
    assert await site.db.read(resends.waiting, 1) == waiting
    assert len(failed) == waiting.people


async def test_only_what_is_live_and_published_is_offered(site: Site) -> None:
    await site.drafted()
    operator = await at(site, "operator")
    assert (await operator.get(ORDER)).status == 409
    second = await site.live(channels=["sms"])
    await site.done(await site.claimed(), "failed")
    path = f"/room/messages/{second}"
    assert "Send again to those who missed it" in (await operator.get(path)).words
    for filters in ("line=delivered", "line=failed&channel=sms", "reason=once"):
        log = await operator.get(f"{path}/log?{filters}")
        assert f"{path}/resend" not in log.forms(), filters
    assert f"{path}/resend" in (await operator.get(f"{path}/log?line=failed")).forms()
    page = await operator.get(f"{path}/resend")
    assert (await site.post(f"/api/v1/messages/{second}/hold", role="operator")).status == 200
    assert "Send again to those" not in (await operator.get(path)).words
    assert "only what is live is sent again" in (await operator.get(f"{path}/resend")).words
    assert (await operator.send(page, f"{path}/resend")).status == 409
    assert await site.db.read(resends.waiting, second) is None


async def test_few_people_in_a_drawn_shape_are_not_counted_aloud(site: Site) -> None:
    few = ["51.55,-0.14 0.5"]
    await site.live(channels=["sms"], areas=None, circles=few)
    await site.done(await site.claimed(), "failed")
    operator, approver = await at(site, "operator"), await at(site, "approver")
    page = await operator.get(ORDER)
    assert "Submit resend to fewer than 10 people" in page.words
    told = await operator.send(page, ORDER)
    assert "A resend to fewer than 10 people waits" in told.words
    assert "Send again now to fewer than 10 people" in (await approver.get(ORDER)).words
