"""Rule R1 on both databases, and what is released to few or to nobody: everybody is frozen before
anybody is claimed.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pyroaring import BitMap

from broadcast.ledger import audiences, delivery_report
from broadcast.messages import authoring, publishing, versions
from broadcast.messages.versions import Version
from broadcast.problems import Rejected
from tests.ledger.world import World, house


async def test_r1_of_two_matchers_one_freezes_the_shard_and_the_other_writes_nothing(
    world: World,
) -> None:
    v = await world.approved(count=100)
    won = await asyncio.gather(
        world.freeze(v, {("sms", "en"): range(1, 101)}),
        world.freeze(v, {("sms", "en"): range(50, 151)}),
    )
    assert sorted(won) == [False, True]
    frozen = await world.db.read(audiences.read, v.id)
    assert len(frozen.addressed) in (100, 101)
    assert frozen.send["sms", "en"] == frozen.addressed


async def test_r1_nothing_can_be_claimed_before_every_shard_is_frozen(world: World) -> None:
    v = await world.approved(count=60, shards=2)
    await world.freeze(v, {("sms", "en"): range(1, 31)}, shard=0)
    assert await world.release(v) == "not_ready"
    assert await world.claim() == []
    await world.freeze(v, {("sms", "en"): range(31, 61)}, shard=1)
    assert await world.release(v) == "released"
    assert len((await world.claim())[0].people) == 32


@pytest.mark.parametrize(
    ("people", "urgent", "result"),
    [
        (0, False, "blocked"),
        (142, False, "blocked"),
        (119, False, "released"),
        (80, False, "released"),
        (79, False, "blocked"),
        (120, False, "released"),
        (121, False, "blocked"),
        (121, True, "blocked"),
        (60, False, "blocked"),
        (60, True, "released"),
    ],
)
async def test_r1_a_total_that_is_not_what_the_approvers_saw_blocks(
    world: World, people: int, urgent: bool, result: str
) -> None:
    more: dict[str, Any] = {"severity": "Extreme"} if urgent else {}
    v = await world.approved(count=100, **more)
    await world.freeze(v, {("sms", "en"): range(1, people + 1)})
    assert await world.release(v) == result
    assert (await world.db.read(versions.get, v.id)).state == (
        "live" if result == "released" else "blocked"
    )


async def test_r1_a_blocked_version_is_frozen_anew_after_it_is_approved_anew(world: World) -> None:
    v = await world.approved(count=100)
    await world.freeze(v, {("sms", "en"): range(1, 400)})
    assert await world.release(v) == "blocked"
    now = datetime.now(UTC)
    again = await world.db.write(
        authoring.submit,
        world.author,
        v.id,
        revision=v.revision,
        resolved=v.resolved,
        count=399,
        wording_revision="test",
        now=now,
    )
    assert again.content_hash != v.content_hash
    approved = await world.db.write(
        publishing.approve,
        world.approver,
        v.message_id,
        content_hash=again.content_hash,
        house=house(),
        now=now,
    )
    assert (approved.identifier, approved.sent) == (v.identifier, v.sent)
    assert await world.freeze(v, {("sms", "en"): range(1, 400)})
    assert await world.release(v) == "released"


async def test_r1_the_lowest_id_of_people_sharing_a_number_gets_it_and_routine_duplicates_move_on(
    world: World,
) -> None:
    v = await world.approved(count=3)
    await world.freeze(v, {("sms>email", "en"): [1, 2], ("sms", "en"): [3]})
    await world.release(v, shared=[[1, 2, 3]])
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert account.channels["sms"]["waiting"] == BitMap([1])
    assert account.channels["sms"]["not_sent"] == BitMap([2, 3])
    assert account.suppressed["duplicate_person"] == BitMap([3])
    assert account.adds_up


async def test_a_level_change_from_another_level_is_refused_and_an_unchanged_one_sends_nothing(
    world: World,
) -> None:
    change: dict[str, Any] = {"kind": "threat_level_change", "scope": "UK", "areas": ()}
    first = await world.submitted(count=5, level="SEVERE", **change)
    second = await world.submitted(count=5, level="CRITICAL", **change)
    await world.db.write(
        publishing.approve,
        world.approver,
        first.message_id,
        content_hash=None,
        house=house(),
        now=datetime.now(UTC),
    )
    with pytest.raises(Rejected) as refused:
        await world.db.write(
            publishing.approve,
            world.approver,
            second.message_id,
            content_hash=None,
            house=house(),
            now=datetime.now(UTC),
        )
    assert refused.value.problems[0].code == "level_changed"
    with pytest.raises(Rejected) as refused:
        await world.submitted(count=5, level="SEVERE", **change)
    assert refused.value.problems[0].code == "level_unchanged"


LEVEL = {"kind": "threat_level_change", "scope": "UK", "areas": (), "level": "SEVERE"}


async def approved(world: World, v: Version) -> Version:
    return await world.db.write(
        publishing.approve,
        world.approver,
        v.message_id,
        content_hash=v.content_hash,
        house=house(),
        now=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    "message",
    [LEVEL, {"channels": ("web",)}, {"channels": ("sms", "web")}],
    ids=["level", "web alone", "with text messages"],
)
async def test_what_stands_on_the_page_is_published_though_nobody_is_registered(
    world: World, message: dict[str, Any]
) -> None:
    v = await approved(world, await world.submitted(count=0, **message))
    await world.freeze(v, {})
    assert await world.release(v) == "released"
    account = await world.db.read(delivery_report.account, await world.db.read(versions.get, v.id))
    assert (len(account.addressed), account.adds_up, account.complete) == (0, True, True)


@pytest.mark.parametrize(
    "message",
    [
        {"channels": ("sms", "voice", "email")},
        {"channels": ("web",), "visibility": "restricted"},
        {"channels": ("web",), "status": "Test"},
    ],
    ids=["without the web", "not public", "a test"],
)
async def test_what_would_reach_nobody_at_all_is_refused(
    world: World, message: dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as refused:
        await world.submitted(count=0, **message)
    assert refused.value.problems[0].code == "audience_empty"


async def test_what_was_approved_for_some_stays_blocked_when_none_is_left_though_it_has_a_page(
    world: World,
) -> None:
    v = await approved(world, await world.submitted(count=3, channels=("sms", "web")))
    await world.freeze(v, {})
    assert await world.release(v) == "blocked"
    why = (await world.db.read(versions.get, v.id)).why
    assert why == "audience_empty: nobody is left to send to"
