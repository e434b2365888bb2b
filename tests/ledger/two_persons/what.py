"""Ways round two persons by what is approved: another hash, a text or audience changed since."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely import box
from sqlalchemy import select

from broadcast.content.model import Text
from broadcast.ledger.claims.tables import batch
from broadcast.messages import authoring, publishing, versions
from service.commands import deciding, drafting, submitting
from tests.ledger.two_persons.room import CAMDEN, Room, places, refused, way
from tests.ledger.world import content, house


@way
async def the_hash_from_before_an_edit(room: Room) -> None:
    old = await room.submitted("ada")
    await room.does("cy", deciding.send_back, old.message_id, "return", "typo")
    await room.does("ada", drafting.edit, old.message_id, content(severity="Minor"))
    await room.does("ada", submitting.submit, old.message_id)
    with refused("content_changed"):
        await room.approve("bea", old)


@way
async def the_hash_of_another_message_of_the_same_words(room: Room) -> None:
    first, second = await room.submitted("ada"), await room.submitted("ada")
    with refused("content_changed"):
        await room.approve("bea", first, second.content_hash)


@way
async def a_hash_in_capitals_cut_short_empty_or_with_blanks(room: Room) -> None:
    v = await room.submitted("ada")
    assert v.content_hash is not None
    for content_hash in (
        v.content_hash.upper() + "X",
        v.content_hash[:10],
        "-",
        f" {v.content_hash}",
        v.content_hash + "\n",
        "None",
        "*",
    ):
        with refused("content_changed"):
            await room.approve("bea", v, content_hash)
    with refused("content_changed"):
        await room.db.write(
            publishing.approve,
            room.people["bea"],
            v.message_id,
            content_hash="",
            house=house(2),
            now=datetime.now(UTC),
        )


@way
async def an_edit_after_submission(room: Room) -> None:
    v = await room.submitted("ada")
    for name in ("ada", "bea", "cy"):
        with refused("state_conflict"):
            await room.does(name, drafting.edit, v.message_id, content(severity="Minor"))
    await room.does("cy", deciding.send_back, v.message_id, "reject", "enough")


@way
async def an_edit_that_comes_while_it_is_counted(room: Room) -> None:
    v = await room.draft("ada")
    seen = await submitting.look(room.context, v, room.people["ada"])
    await room.does("dot", drafting.edit, v.message_id, content(severity="Extreme"))
    with refused("content_changed"):
        more: dict[str, Any] = {
            "revision": v.revision,
            "resolved": seen.resolved,
            "count": seen.people,
            "wording_revision": "test",
            "now": datetime.now(UTC),
        }
        await room.db.write(lambda conn: authoring.submit(conn, room.people["ada"], v.id, **more))
    with refused("state_conflict"):
        await room.approve("bea", v, None)


@way
async def a_text_changed_in_the_database_after_submission(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(
        v,
        content=versions.canonical(
            replace(v.content, languages={"en": Text(headline="Something else")})
        ),
    )
    for content_hash in (None, v.content_hash):
        with refused("content_changed"):
            await room.approve("bea", v, content_hash)


@way
async def an_area_added_in_the_database_after_submission(room: Room) -> None:
    v = await room.submitted("ada")
    places = json.loads(v.resolved.to_json())
    await room.change(v, targets=json.dumps({**places, "targets": [*places["targets"], CAMDEN]}))
    with refused("content_changed"):
        await room.approve("bea", v, None)


@way
async def everybody_written_for_an_area_in_the_database(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(
        v, targets=json.dumps({**json.loads(v.resolved.to_json()), "everybody": True})
    )
    with refused("content_changed"):
        await room.approve("bea", v, None)


@way
async def a_larger_shape_in_the_database(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(v, shape=box(-8, 49, 2, 61).wkb)
    with refused("content_changed"):
        await room.approve("bea", v, None)


@way
async def a_larger_count_in_the_database(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(v, seen_count=1_000_000)
    with refused("content_changed"):
        await room.approve("bea", v, None)


@way
async def another_wording_revision_in_the_database(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(v, wording_revision="another")
    with refused("content_changed"):
        await room.approve("bea", v, None)
    await room.change(v, wording_revision=None)
    with refused("content_changed", "state_conflict"):
        await room.db.write(
            publishing.approve,
            room.people["bea"],
            v.message_id,
            content_hash=None,
            house=house(2),
            now=datetime.now(UTC),
        )


@way
async def another_level_to_start_from_in_the_database(room: Room) -> None:
    v = await room.submitted(
        "ada", kind="threat_level_change", scope="UK", level="SEVERE", areas=()
    )
    await room.change(v, level_from="CRITICAL")
    with refused("content_changed"):
        await room.approve("bea", v, None)


@way
async def another_expiry_in_the_database(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(
        v, content=versions.canonical(replace(v.content, expires=timedelta(days=300)))
    )
    with refused("content_changed"):
        await room.approve("bea", v, None)


@way
async def the_columns_that_repeat_the_text_in_the_database(room: Room) -> None:
    for values in (
        {"kind": "advice"},
        {"urgent": True},
        {"severity_rank": 0},
        {"status": "Test"},
        {"action": "correct"},
        {"number": 7},
    ):
        v = await room.submitted("ada")
        await room.change(v, **values)
        with refused("content_changed"):
            await room.approve("bea", v, None)


@way
async def an_author_written_out_of_the_row_in_the_database(room: Room) -> None:
    v = await room.submitted("bea")
    await room.change(
        v, author_id=room.people["ada"].id, submitter_id=room.people["ada"].id, editors="[]"
    )
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def a_submitter_written_out_of_the_row_in_the_database(room: Room) -> None:
    v = await room.submitted("ada", by="bea")
    await room.change(v, submitter_id=None)
    with refused("same_person", "submitter_disabled"):
        await room.approve("bea", v)


@way
async def a_hash_and_a_text_that_fit_each_other_but_not_what_the_approver_saw(room: Room) -> None:
    v = await room.submitted("ada")
    other = replace(v.content, languages={"en": Text(headline="Something else")})
    count, revision = v.seen_count or 0, v.wording_revision or ""
    digest = versions.content_hash(
        v,
        content=other,
        resolved=v.resolved,
        count=count,
        wording_revision=revision,
        level_from=None,
    )
    await room.change(v, content=versions.canonical(other), content_hash=digest)
    with refused("content_changed"):
        await room.approve("bea", v)


@way
async def a_text_changed_in_the_database_between_approval_and_release(room: Room) -> None:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.change(
        v,
        content=versions.canonical(
            replace(v.content, languages={"en": Text(headline="Something else")})
        ),
    )
    assert await room.context.matcher.process(v.id) == "blocked"


@way
async def a_state_written_into_the_database_without_any_approval(room: Room) -> None:
    v = await room.draft("ada")
    now = datetime.now(UTC)
    await room.change(
        v,
        state="approved",
        shards=1,
        expires_at=now + timedelta(hours=1),
        approved_at=now,
        identifier="x",
        sent=now,
    )
    assert await room.context.matcher.process(v.id) in ("blocked", "not_ready")


@way
async def areas_imported_anew_and_larger_between_submission_and_approval(room: Room) -> None:
    v = await room.submitted("ada")
    await room.db.write(places, box(-0.2, 51.49, -0.1, 51.56))
    await room.approve("bea", v)
    await room.context.matcher.process(v.id)
    reached = await room.db.read(
        lambda conn: [
            int(i) for row in conn.execute(select(batch.c.members)) for i in ids_of(row.members)
        ]
    )
    # those whom two people saw, and nobody of the larger area
    assert sorted(reached) == list(range(1, 30))
    await room.does("bea", deciding.cancel, v.message_id, "looked at")


def ids_of(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


@way
async def a_level_that_changed_since_it_was_submitted(room: Room) -> None:
    change: dict[str, Any] = {"kind": "threat_level_change", "scope": "UK", "areas": ()}
    first, second = (
        await room.submitted("ada", level="SEVERE", **change),
        await room.submitted("ada", level="CRITICAL", **change),
    )
    await room.approve("bea", first)
    await room.does("bea", deciding.cancel, first.message_id, "not now")
    with refused("level_changed"):
        await room.approve("cy", second)
