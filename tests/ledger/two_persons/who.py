"""Ways round two persons by who approves: oneself, a second account, a role that may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select, update

from broadcast.operators import operators
from broadcast.operators.tables import operator
from service.commands import deciding, drafting, submitting
from tests.ledger.two_persons.room import CAMDEN, WESTMINSTER, Room, refused, way
from tests.ledger.world import content


@way
async def an_author_approves_their_own_draft(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("wrong_role"):
        await room.approve("ada", v)


@way
async def an_approver_approves_their_own_draft(room: Room) -> None:
    v = await room.submitted("bea")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_approves_their_own_draft_that_somebody_else_submitted(room: Room) -> None:
    v = await room.submitted("bea", by="ada")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_approves_what_they_only_submitted(room: Room) -> None:
    v = await room.submitted("ada", by="bea")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_approves_what_they_only_edited(room: Room) -> None:
    v = await room.draft("ada")
    await room.does("bea", drafting.edit, v.message_id, content(severity="Minor"))
    v, _ = await room.does("ada", submitting.submit, v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_approves_a_text_of_which_they_edited_an_earlier_revision(room: Room) -> None:
    v = await room.draft("ada")
    await room.does("bea", drafting.edit, v.message_id, content(severity="Minor"))
    await room.does("dot", drafting.edit, v.message_id, content())
    v, _ = await room.does("dot", submitting.submit, v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_returns_it_edits_it_and_approves_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.does("bea", deciding.send_back, v.message_id, "return", "let me")
    await room.does("bea", drafting.edit, v.message_id, content(severity="Minor"))
    v, _ = await room.does("ada", submitting.submit, v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_returns_it_submits_it_and_approves_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.does("bea", deciding.send_back, v.message_id, "return", "let me")
    v, _ = await room.does("bea", submitting.submit, v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def a_second_account_of_one_person_with_their_address_in_capitals(room: Room) -> None:
    v = await room.submitted("shouting_bea")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def a_second_account_of_one_person_with_blanks_and_wide_letters_in_their_address(
    room: Room,
) -> None:
    v = await room.submitted("spaced_bea")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def a_second_account_of_one_person_with_a_sub_address_of_their_mailbox(room: Room) -> None:
    v = await room.submitted("tagged_bea")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def a_second_account_that_was_disabled_after_it_submitted(room: Room) -> None:
    v = await room.submitted("shouting_bea")
    await room.db.write(operators.disable, "shouting_bea", datetime.now(UTC))
    with refused("submitter_disabled", "same_person"):
        await room.approve("bea", v)


@way
async def a_second_author_approves(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("wrong_role"):
        await room.approve("dot", v)


@way
async def an_operator_approves(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("wrong_role"):
        await room.approve("ops", v)


@way
async def an_administrator_approves(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("wrong_role"):
        await room.approve("admin", v)


@way
async def an_auditor_approves(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("wrong_role"):
        await room.approve("audit", v)


@way
async def an_administrator_writes_and_submits(room: Room) -> None:
    with refused("wrong_role"):
        await room.draft("admin")
    v = await room.draft("ada")
    with refused("wrong_role"):
        await room.does("admin", submitting.submit, v.message_id)


@way
async def somebody_with_an_unknown_token(room: Room) -> None:
    v = await room.submitted("ada")
    for token in ("", " ", "ft_unknown", room.tokens["bea"][:-1], room.tokens["bea"].swapcase()):
        with refused("token_invalid"):
            await room.context.do(
                deciding.approve, await room.context.actor(token), v.message_id, v.content_hash
            )


@way
async def the_hash_of_a_token_instead_of_the_token(room: Room) -> None:
    stored = await room.db.read(
        lambda conn: conn.execute(select(operator.c.token_hash)).scalars().all()
    )
    for token in stored:
        with refused("token_invalid"):
            await room.context.actor(token)


@way
async def a_disabled_approver(room: Room) -> None:
    v = await room.submitted("ada")
    await room.db.write(operators.disable, "bea", datetime.now(UTC))
    with refused("token_invalid"):
        await room.approve("bea", v)


@way
async def an_approver_who_is_disabled_between_showing_the_token_and_approving(room: Room) -> None:
    v = await room.submitted("ada")
    bea = await room.who("bea")
    await room.db.write(operators.disable, "bea", datetime.now(UTC))
    with refused("operator_disabled"):
        await room.context.do(deciding.approve, bea, v.message_id, v.content_hash)


@way
async def an_approver_whose_role_is_taken_between_showing_the_token_and_approving(
    room: Room,
) -> None:
    v = await room.submitted("ada")
    bea = await room.who("bea")
    await room.db.write(
        lambda conn: conn.execute(
            update(operator).where(operator.c.name == "bea").values(role="author")
        )
    )
    with refused("wrong_role"):
        await room.context.do(deciding.approve, bea, v.message_id, v.content_hash)


@way
async def somebody_who_says_of_themselves_that_they_are_an_approver(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("wrong_role"):
        await room.context.do(
            deciding.approve,
            replace(room.people["ops"], role="approver"),
            v.message_id,
            v.content_hash,
        )


@way
async def the_text_of_an_author_who_was_disabled_after_submitting_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.db.write(operators.disable, "ada", datetime.now(UTC))
    with refused("submitter_disabled"):
        await room.approve("bea", v)


@way
async def an_approver_of_another_borough(room: Room) -> None:
    v = await room.submitted("ada")
    with refused("area_out_of_scope"):
        await room.approve("far", v)


@way
async def an_author_of_another_borough_who_writes_for_this_one(room: Room) -> None:
    with refused("area_out_of_scope"):
        await room.draft("far")
    v = await room.draft("far", areas=(CAMDEN,))
    with refused("area_out_of_scope"):
        await room.does("far", drafting.edit, v.message_id, content(areas=(CAMDEN, WESTMINSTER)))


@way
async def one_person_where_two_are_needed_for_actual_only(room: Room) -> None:
    room.sit_down("actual")
    v = await room.submitted("bea")
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_exercise_by_one_person_that_was_made_actual_in_its_column_only(room: Room) -> None:
    room.sit_down("actual")
    v = await room.submitted("bea", status="Exercise")
    await room.change(v, status="Actual")
    with refused("content_changed", "same_person"):
        await room.approve("bea", v)


@way
async def an_actual_message_by_one_person_that_is_called_an_exercise_in_its_column(
    room: Room,
) -> None:
    room.sit_down("actual")
    v = await room.submitted("bea")
    await room.change(v, status="Exercise")
    with refused("content_changed", "same_person"):
        await room.approve("bea", v)
