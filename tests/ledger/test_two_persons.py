"""Two people stand behind every message: scripted ways round that, none of which makes anything
claimable.

Each way is a function whose name is its sentence. It may do what the software lets it; afterwards
everything that the software would do by itself is done (freeze, release, later generations,
expiry), and nothing may be there to claim.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyroaring import BitMap
from shapely import box
from sqlalchemy import func, select, update

from broadcast.content.model import Audience, Circle, Text
from broadcast.events.tables import outbox
from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.ledger import claims, passes
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import Candidate, Outcome
from broadcast.ledger.tables import batch
from broadcast.messages import authoring, publishing, resends, versions
from broadcast.messages.tables import decision, resend, version
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.operators.tables import operator
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from service.commands import deciding, drafting, resending, submitting
from service.commands.context import Context
from subscribers.csv_import import COLUMNS, SubscriberRecord
from subscribers.matcher import Matcher
from subscribers.registry import import_records
from tests.ledger.world import content, house

WESTMINSTER, CAMDEN, LONDON = "E09000033", "E09000007", "E12000007"
PEOPLE = {
    "ada": ("author", None, "ada@example.org"),
    "bea": ("approver", None, "bea@example.org"),
    "cy": ("approver", None, "cy@example.org"),
    "dot": ("author", None, None),
    "ops": ("operator", None, "ops@example.org"),
    "admin": ("administrator", None, None),
    "audit": ("auditor", None, None),
    "far": ("approver", CAMDEN, "far@example.org"),
    "shouting_bea": ("author", None, "BEA@Example.ORG"),
    "spaced_bea": ("author", None, " ｂea@example.org "),
    "ops_bea": ("operator", None, "Bea@example.org"),
    "tagged_bea": ("author", None, "bea+night@example.org"),
}


def resident(n: int) -> SubscriberRecord:
    blank: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("email", "mobile", "phone", "lat", "lon", "area")
    )
    mine = {
        "external_id": f"p{n}",
        "name": f"Person {n}",
        "kind": "resident",
        "language": "en",
        "channels": "sms",
        "mobile": f"+447700900{n:03d}",
    }
    return SubscriberRecord(
        **(
            blank
            | mine
            | {
                "lat": 51.5 if n < 30 else 51.55,
                "lon": -0.14,
                "topics": "threat_level;incident;appeal;advice;exercise",
            }
        )
    )


@dataclass
class Room:
    """A control room with everybody in it. `two_person` as in the settings."""

    db: Database
    two_person: str = "always"
    people: dict[str, Operator] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    context: Context = field(init=False)

    @classmethod
    async def make(cls, db: Database) -> Room:
        room = cls(db)
        now = datetime.now(UTC)
        for name, (role, area, email) in PEOPLE.items():
            # two accounts of one mailbox are refused: these are older than that rule
            again = name.endswith("_bea")
            given: dict[str, Any] = {
                "name": name,
                "role": role,
                "area": area,
                "email": None if again else email,
            }
            made, room.tokens[name] = await db.write(operators.add, **given, now=now)
            room.people[name] = replace(made, email=email)
            if again:
                await db.write(_has_mailbox, made.id, email)
        await db.write(_areas, box(-0.2, 51.49, -0.1, 51.52))
        await db.write(import_records, [resident(n) for n in range(1, 41)], "consent", now)
        room.sit_down()
        return room

    def sit_down(self, two_person: str = "always") -> None:
        self.context = Context(
            self.db,
            replace(house(2), two_person=two_person),
            channels_on=_all_channels,
            matcher=Matcher(self.db, _all_channels),
            sender_name="Test",
            public_url="",
            now=lambda: datetime.now(UTC),
        )

    async def who(self, name: str) -> Operator:
        return await self.context.actor(self.tokens[name])

    async def draft(self, name: str = "ada", **changes: Any) -> Version:
        return await self.context.do(drafting.draft, await self.who(name), content(**changes))

    async def submitted(self, name: str = "ada", by: str = "", **changes: Any) -> Version:
        v = await self.draft(name, **changes)
        v, _ = await self.context.do(submitting.submit, await self.who(by or name), v.message_id)
        return v

    async def approve(self, name: str, v: Version, content_hash: str | None = "") -> Version:
        return await self.context.do(
            deciding.approve,
            await self.who(name),
            v.message_id,
            v.content_hash if content_hash == "" else content_hash,
        )

    async def live(self, **changes: Any) -> Version:
        v = await self.submitted(**changes)
        await self.approve("bea", v)
        assert await self.context.matcher.process(v.id) == "released"
        return await self.read(v)

    async def read(self, v: Version) -> Version:
        return await self.db.read(versions.get, v.id)

    async def change(self, v: Version, **values: Any) -> None:
        """Write behind everybody's back."""
        await self.db.write(
            lambda conn: conn.execute(update(version).where(version.c.id == v.id).values(**values))
        )

    async def rewrite(self, name: str, **values: Any) -> None:
        """Change what an operator may do."""
        await self.db.write(
            lambda conn: conn.execute(
                update(operator).where(operator.c.name == name).values(**values)
            )
        )

    async def batches(self) -> int:
        """Let the software do all that it does by itself; return how many batches there are."""
        for version_id in await self.db.read(versions.in_states, ("approved",)):
            await self.context.matcher.process(version_id)
        await self.db.write(publishing.expire_due, datetime.now(UTC))
        for version_id in await self.db.read(
            passes.due_versions, datetime.now(UTC) + timedelta(days=1)
        ):
            await self.db.write(passes.make_due, version_id, contacts=_mail_to)
        return await self.db.read(
            lambda conn: conn.execute(select(func.count()).select_from(batch)).scalar_one()
        )

    async def claimed(self) -> list[int]:
        """Claim whatever can be claimed, by the candidates and by naming every batch; return the
        versions claimed for.
        """
        found: list[Candidate] = []
        for status in ("Actual", "Exercise", "Test", "System", "Draft"):
            for lane in ("urgent", "routine"):
                for channel in ("sms", "voice", "email"):
                    found += await self.db.read(
                        claims.candidates,
                        lane,
                        channel,
                        (status,),
                        datetime.now(UTC) + timedelta(days=1),
                    )
        claimed = []
        for c in [*found, *await self.db.read(_by_name)]:
            got = await self.db.write(
                claims.claim, c, want=500, worker="w", attempts=new_slice_attempt, suppress=_nobody
            )
            claimed += [s.version_id for s in got[0]] if got else []
        return claimed


def _all_channels(_: str) -> frozenset[str]:
    return frozenset({"sms", "voice", "email"})


def _mail_to(_: Connection, people: BitMap) -> dict[str, BitMap]:
    return {"email": people}


def _nobody(_: Connection, __: list[int], ___: str) -> dict[int, str]:
    return {}


def _has_mailbox(conn: Connection, operator_id: int, email: str | None) -> None:
    conn.execute(update(operator).where(operator.c.id == operator_id).values(email=email))


def _areas(conn: Connection, westminster: Any) -> None:
    camden = box(-0.2, 51.53, -0.1, 51.56)
    records = [
        AreaRecord(code=LONDON, name="London", level="region", parent="", geometry=None),
        AreaRecord(
            code=WESTMINSTER,
            name="Westminster",
            level="borough",
            parent=LONDON,
            geometry=westminster,
        ),
        AreaRecord(code=CAMDEN, name="Camden", level="borough", parent=LONDON, geometry=camden),
    ]
    store_areas(conn, records, datetime.now(UTC))


def _by_name(conn: Connection) -> list[Candidate]:
    names = (
        "version_id",
        "generation",
        "status",
        "channel",
        "language",
        "cause",
        "room",
        "severity_rank",
        "correction",
    )
    return [
        Candidate(batch_id=row.id, **{name: getattr(row, name) for name in names})
        for row in conn.execute(select(batch))
    ]


@contextlib.contextmanager
def refused(*codes: str) -> Iterator[pytest.ExceptionInfo[Rejected]]:
    with pytest.raises(Rejected) as said:
        yield said
    assert said.value.problems[0].code in codes, said.value


Way = Callable[[Room], Awaitable[None]]
WAYS: list[Way] = []


def way(attack: Way) -> Way:
    WAYS.append(attack)
    return attack


# Who


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
    await room.context.do(
        drafting.edit, await room.who("bea"), v.message_id, content(severity="Minor")
    )
    v, _ = await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_approves_a_text_of_which_they_edited_an_earlier_revision(room: Room) -> None:
    v = await room.draft("ada")
    await room.context.do(
        drafting.edit, await room.who("bea"), v.message_id, content(severity="Minor")
    )
    await room.context.do(drafting.edit, await room.who("dot"), v.message_id, content())
    v, _ = await room.context.do(submitting.submit, await room.who("dot"), v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_returns_it_edits_it_and_approves_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.context.do(
        deciding.send_back, await room.who("bea"), v.message_id, "return", "let me"
    )
    await room.context.do(
        drafting.edit, await room.who("bea"), v.message_id, content(severity="Minor")
    )
    v, _ = await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
    with refused("same_person"):
        await room.approve("bea", v)


@way
async def an_approver_returns_it_submits_it_and_approves_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.context.do(
        deciding.send_back, await room.who("bea"), v.message_id, "return", "let me"
    )
    v, _ = await room.context.do(submitting.submit, await room.who("bea"), v.message_id)
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
        await room.context.do(submitting.submit, await room.who("admin"), v.message_id)


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
        await room.context.do(
            drafting.edit, await room.who("far"), v.message_id, content(areas=(CAMDEN, WESTMINSTER))
        )


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


# When


@way
async def a_draft_that_nobody_submitted(room: Room) -> None:
    v = await room.draft("ada")
    for content_hash in (None, "0" * 64):
        with refused("state_conflict"):
            await room.approve("bea", v, content_hash)


@way
async def what_was_returned(room: Room) -> None:
    v = await room.submitted("ada")
    await room.context.do(deciding.send_back, await room.who("cy"), v.message_id, "return", "typo")
    with refused("state_conflict"):
        await room.approve("bea", v)


@way
async def what_was_rejected(room: Room) -> None:
    v = await room.submitted("ada")
    await room.context.do(deciding.send_back, await room.who("cy"), v.message_id, "reject", "no")
    with refused("state_conflict"):
        await room.approve("bea", v)
    with refused("state_conflict"):
        await room.context.do(submitting.submit, await room.who("ada"), v.message_id)


@way
async def what_was_cancelled_before_it_was_released(room: Room) -> None:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.context.do(deciding.cancel, await room.who("cy"), v.message_id, "wrong")
    with refused("state_conflict"):
        await room.approve("bea", v)
    with refused("state_conflict"):
        await room.context.do(deciding.resume, await room.who("bea"), v.message_id)


@way
async def what_expired_before_it_was_released(room: Room) -> None:
    v = await room.submitted("ada", expires=timedelta(seconds=1))
    await room.approve("bea", v)
    await room.db.write(publishing.expire_due, datetime.now(UTC) + timedelta(seconds=2))
    with refused("state_conflict"):
        await room.approve("cy", v)


@way
async def what_expires_between_submission_and_approval(room: Room) -> None:
    v = await room.submitted("ada", expires=datetime.now(UTC) + timedelta(hours=1))
    later = datetime.now(UTC) + timedelta(hours=2)
    with refused("expired"):
        await room.db.write(
            publishing.approve,
            room.people["bea"],
            v.message_id,
            content_hash=v.content_hash,
            house=room.context.house,
            now=later,
        )


async def blocked(room: Room) -> Version:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.db.write(
        import_records,
        [resident(n)._replace(lat=51.5) for n in range(100, 200)],
        "consent",
        datetime.now(UTC),
    )
    assert await room.context.matcher.process(v.id) == "blocked"
    return await room.read(v)


@way
async def what_was_blocked_without_submitting_it_anew(room: Room) -> None:
    v = await blocked(room)
    for name in ("bea", "cy"):
        with refused("state_conflict"):
            await room.approve(name, v)
    with refused("state_conflict"):
        await room.context.do(deciding.resume, await room.who("bea"), v.message_id)


@way
async def what_was_blocked_and_submitted_anew_by_the_one_who_approves_it(room: Room) -> None:
    v = await blocked(room)
    again, _ = await room.context.do(submitting.submit, await room.who("bea"), v.message_id)
    assert again.content_hash != v.content_hash
    with refused("same_person"):
        await room.approve("bea", again)
    with refused("content_changed"):
        await room.approve("cy", again, v.content_hash)


@way
async def what_was_blocked_and_given_another_text(room: Room) -> None:
    v = await blocked(room)
    with refused("state_conflict"):
        await room.context.do(
            drafting.edit, await room.who("ada"), v.message_id, content(severity="Minor")
        )
    await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
    await room.context.do(
        deciding.send_back, await room.who("cy"), v.message_id, "return", "the text"
    )
    with refused("state_conflict"):
        await room.context.do(
            drafting.edit, await room.who("ada"), v.message_id, content(severity="Minor")
        )
    assert (await room.read(v)).state == "blocked"


@way
async def what_was_blocked_and_is_rejected_in_silence(room: Room) -> None:
    v = await blocked(room)
    await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
    with refused("state_conflict"):
        await room.context.do(
            deciding.send_back, await room.who("cy"), v.message_id, "reject", "no"
        )


@way
async def a_status_that_goes_to_nobody(room: Room) -> None:
    for status in ("System", "Draft"):
        v = await room.draft("ada", status=status)
        with refused("status_goes_to_nobody"):
            await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
        with refused("state_conflict"):
            await room.approve("bea", v, None)


@way
async def a_message_to_nobody(room: Room) -> None:
    v = await room.draft("ada", channels=("sms",), audience=Audience(kinds=("officer",)))
    with refused("audience_empty"):
        await room.context.do(submitting.submit, await room.who("ada"), v.message_id)
    with refused("state_conflict"):
        await room.approve("bea", v, None)


@way
async def holding_and_resuming_what_was_never_approved(room: Room) -> None:
    v = await room.submitted("ada")
    for name in ("bea", "cy", "ops"):
        with refused("state_conflict", "wrong_role"):
            await room.context.do(deciding.hold, await room.who(name), v.message_id)
        with refused("state_conflict", "wrong_role"):
            await room.context.do(deciding.resume, await room.who(name), v.message_id)


@way
async def an_operator_who_holds_what_was_approved_and_resumes_it(room: Room) -> None:
    v = await room.submitted("ada")
    await room.approve("bea", v)
    await room.context.do(deciding.hold, await room.who("ops"), v.message_id)
    with refused("wrong_role"):
        await room.context.do(deciding.resume, await room.who("ops"), v.message_id)


# What


@way
async def the_hash_from_before_an_edit(room: Room) -> None:
    old = await room.submitted("ada")
    await room.context.do(
        deciding.send_back, await room.who("cy"), old.message_id, "return", "typo"
    )
    await room.context.do(
        drafting.edit, await room.who("ada"), old.message_id, content(severity="Minor")
    )
    await room.context.do(submitting.submit, await room.who("ada"), old.message_id)
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
            await room.context.do(
                drafting.edit, await room.who(name), v.message_id, content(severity="Minor")
            )
    await room.context.do(
        deciding.send_back, await room.who("cy"), v.message_id, "reject", "enough"
    )


@way
async def an_edit_that_comes_while_it_is_counted(room: Room) -> None:
    v = await room.draft("ada")
    seen = await submitting.look(room.context, v, room.people["ada"])
    await room.context.do(
        drafting.edit, await room.who("dot"), v.message_id, content(severity="Extreme")
    )
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
    await room.db.write(_areas, box(-0.2, 51.49, -0.1, 51.56))
    await room.approve("bea", v)
    await room.context.matcher.process(v.id)
    reached = await room.db.read(
        lambda conn: [
            int(i) for row in conn.execute(select(batch.c.members)) for i in _ids(row.members)
        ]
    )
    # those whom two people saw, and nobody of the larger area
    assert sorted(reached) == list(range(1, 30))
    await room.context.do(deciding.cancel, await room.who("bea"), v.message_id, "looked at")


def _ids(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


@way
async def a_level_that_changed_since_it_was_submitted(room: Room) -> None:
    change: dict[str, Any] = {"kind": "threat_level_change", "scope": "UK", "areas": ()}
    first, second = (
        await room.submitted("ada", level="SEVERE", **change),
        await room.submitted("ada", level="CRITICAL", **change),
    )
    await room.approve("bea", first)
    await room.context.do(deciding.cancel, await room.who("bea"), first.message_id, "not now")
    with refused("level_changed"):
        await room.approve("cy", second)


# What follows on a message


async def followed(room: Room, action: str, kind: str, name: str, by: str) -> tuple[int, Version]:
    """Return how many batches a message has that was sent, and what follows on it, submitted."""
    v = await room.live()
    assert await room.claimed() == [v.id]
    v2 = await room.context.do(
        drafting.follow, await room.who(name), v.message_id, action, content(kind=kind)
    )
    v2, _ = await room.context.do(submitting.submit, await room.who(by), v.message_id)
    return await room.batches(), v2


@way
async def a_correction_approved_by_its_author(room: Room) -> None:
    before, v = await followed(room, "correct", "correction", "bea", "ada")
    with refused("same_person"):
        await room.approve("bea", v)
    assert await room.batches() == before


@way
async def an_update_approved_by_its_author_who_approved_what_it_follows(room: Room) -> None:
    before, v = await followed(room, "update", "incident", "bea", "bea")
    with refused("same_person"):
        await room.approve("bea", v)
    assert await room.batches() == before


@way
async def an_all_clear_approved_by_who_submitted_it(room: Room) -> None:
    before, v = await followed(room, "all_clear", "all_clear", "ada", "cy")
    with refused("same_person"):
        await room.approve("cy", v)
    assert await room.batches() == before


@way
async def a_correction_approved_with_the_hash_of_what_it_corrects(room: Room) -> None:
    before, v = await followed(room, "correct", "correction", "ada", "ada")
    first = (await room.db.read(versions.of_message, v.message_id))[0]
    with refused("content_changed"):
        await room.approve("bea", v, first.content_hash)
    assert await room.batches() == before


@way
async def an_exercise_made_real_by_its_update(room: Room) -> None:
    room.sit_down("actual")
    v = await room.submitted("bea", status="Exercise")
    await room.db.write(
        lambda conn: conn.execute(
            update(version)
            .where(version.c.id == v.id)
            .values(state="live", identifier="x", sent=datetime.now(UTC))
        )
    )
    with refused("status_differs"):
        await room.context.do(
            drafting.follow, await room.who("bea"), v.message_id, "update", content()
        )
    await room.context.do(
        drafting.follow, await room.who("bea"), v.message_id, "update", content(status="Exercise")
    )
    with refused("status_differs"):
        await room.context.do(drafting.edit, await room.who("bea"), v.message_id, content())


async def ordered(room: Room, name: str) -> tuple[int, Version, str]:
    """Return how many batches there are, a message of which a resend is ordered, and the digest of
    the order.
    """
    v = await room.live()
    (c,) = await room.db.read(claims.candidates, "routine", "sms", ("Actual",), datetime.now(UTC))
    claimed = await room.db.write(
        claims.claim, c, want=32, worker="w", attempts=new_slice_attempt, suppress=_nobody
    )
    assert claimed is not None
    for s in claimed[0]:
        await room.db.write(
            claims.record,
            [
                (
                    s,
                    [
                        Outcome(position=p, person_id=i, state="failed", code="1")
                        for p, i in s.people
                    ],
                )
            ],
            at=datetime.now(UTC),
        )
    before = await room.batches()
    order = await room.context.do(resending.resend, await room.who(name), v.message_id, ("failed",))
    return before, v, order.digest or ""


@way
async def a_resend_that_nobody_approves(room: Room) -> None:
    before, _, _ = await ordered(room, "ops")
    assert await room.batches() == before


@way
async def a_resend_approved_by_the_second_account_of_who_ordered_it(room: Room) -> None:
    before, v, digest = await ordered(room, "ops_bea")
    with refused("same_person"):
        await room.approve("bea", v, digest)
    with refused("wrong_role"):
        await room.approve("ops_bea", v, digest)
    assert await room.batches() == before


@way
async def a_resend_approved_with_another_hash(room: Room) -> None:
    before, v, _ = await ordered(room, "ops")
    with refused("content_changed", "state_conflict"):
        await room.approve("bea", v, "0" * 64)
    assert await room.batches() == before


@way
async def a_resend_approved_by_repeating_the_first_approval(room: Room) -> None:
    before, v, _ = await ordered(room, "ops")
    again = await room.approve("bea", v)  # the answer of the first approval, and nothing else
    assert (again.state, again.content_hash) == ("live", v.content_hash)
    assert await room.batches() == before
    assert await room.db.read(resends.waiting, v.message_id) is not None


@way
async def a_resend_approved_without_naming_it(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    with refused("hash_missing") as said:
        await room.approve("bea", v, None)
    assert digest in said.value.problems[0].fix
    assert await room.batches() == before


@way
async def an_order_of_a_resend_that_a_newer_one_replaced(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    newer = await room.context.do(
        resending.resend, await room.who("ops"), v.message_id, ("failed",)
    )
    assert newer.digest != digest
    with refused("content_changed"):
        await room.approve("bea", v, digest)
    assert await room.batches() == before


@way
async def other_people_written_into_an_order_of_a_resend(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    members = passes.pack({"sms": BitMap(range(1, 41))})
    await room.db.write(lambda conn: conn.execute(update(resend).values(members=members)))
    with refused("content_changed"):
        await room.approve("bea", v, digest)
    assert await room.batches() == before


@way
async def a_resend_ordered_by_an_author_or_an_approver(room: Room) -> None:
    before, v, _ = await ordered(room, "ops")
    for name in ("ada", "bea", "admin", "audit"):
        with refused("wrong_role"):
            await room.context.do(resending.resend, await room.who(name), v.message_id, ("failed",))
    assert await room.batches() == before


@way
async def a_resend_of_a_message_that_was_cancelled_meanwhile(room: Room) -> None:
    before, v, digest = await ordered(room, "ops")
    await room.context.do(deciding.cancel, await room.who("bea"), v.message_id, "over")
    with refused("state_conflict"):
        await room.approve("bea", v, digest)
    assert await room.batches() == before


@way
async def approving_again_and_again_what_was_approved(room: Room) -> None:
    v = await room.live()
    assert await room.claimed() == [v.id]
    before = await room.batches()
    events = await room.db.read(
        lambda conn: conn.execute(select(func.count()).select_from(outbox)).scalar_one()
    )
    for name in ("bea", "cy", "bea"):
        again = await room.approve(name, v)
        assert (again.state, again.approver_id) == ("live", room.people["bea"].id)
    assert await room.batches() == before
    assert (
        await room.db.read(
            lambda conn: conn.execute(select(func.count()).select_from(outbox)).scalar_one()
        )
        == events
    )


# Rights that end while somebody acts, and places that are not theirs

HELD_BODY: dict[str, Callable[[Room, Operator, int], Awaitable[Any]]] = {
    "draft": lambda room, who, _: room.context.do(drafting.draft, who, content()),
    "edit": lambda room, who, id_: room.context.do(
        drafting.edit, who, id_, content(severity="Minor")
    ),
    "submit": lambda room, who, id_: room.context.do(submitting.submit, who, id_),
    "approve": lambda room, who, id_: room.context.do(deciding.approve, who, id_, None),
    "return": lambda room, who, id_: room.context.do(deciding.send_back, who, id_, "return", "no"),
    "reject": lambda room, who, id_: room.context.do(deciding.send_back, who, id_, "reject", "no"),
    "hold": lambda room, who, id_: room.context.do(deciding.hold, who, id_),
    "resume": lambda room, who, id_: room.context.do(deciding.resume, who, id_),
    "cancel": lambda room, who, id_: room.context.do(deciding.cancel, who, id_, "no"),
    "update": lambda room, who, id_: room.context.do(
        drafting.follow, who, id_, "update", content()
    ),
    "correct": lambda room, who, id_: room.context.do(
        drafting.follow, who, id_, "correct", content(kind="correction")
    ),
    "all_clear": lambda room, who, id_: room.context.do(
        drafting.follow, who, id_, "all_clear", content(kind="all_clear")
    ),
}
"""Each act, by somebody who showed their token before their rights ended."""


async def _ready_for(room: Room, act: str) -> Version:
    if act in ("draft", "edit", "submit"):
        return await room.draft("ada")
    if act in ("approve", "return", "reject"):
        return await room.submitted("ada")
    v = await room.live()
    if act == "resume":
        await room.context.do(deciding.hold, await room.who("bea"), v.message_id)
    return v


async def _everything(room: Room) -> Any:
    def read(conn: Connection) -> Any:
        rows = conn.execute(
            select(version.c.id, version.c.state, version.c.revision).order_by(version.c.id)
        )
        return [tuple(row) for row in rows]

    return await room.db.read(read)


ENDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "disabled": ({"disabled_at": datetime(2026, 1, 1, tzinfo=UTC)}, "operator_disabled"),
    "made an auditor": ({"role": "auditor"}, "wrong_role"),
    "bound to another area": ({"area": CAMDEN}, "operator_changed"),
}


@way
async def an_act_whose_body_was_held_back_until_the_rights_ended(room: Room) -> None:
    # `bea` is an approver without an area: she may do every one of these, until she may not.
    for act, do in HELD_BODY.items():
        v = await _ready_for(room, act)
        for ending, code in ENDINGS.values():
            bea = await room.who("bea")
            before = await _everything(room)
            await room.rewrite("bea", **ending)
            with refused(code):
                await do(room, bea, v.message_id)
            assert await _everything(room) == before, act
            await room.rewrite("bea", disabled_at=None, role="approver", area=None)
        with contextlib.suppress(Rejected):
            await room.context.do(deciding.cancel, await room.who("bea"), v.message_id, "looked at")
        with contextlib.suppress(Rejected):
            await room.context.do(
                deciding.send_back, await room.who("bea"), v.message_id, "reject", "looked at"
            )


@way
async def an_edit_that_moves_a_draft_to_the_whole_country(room: Room) -> None:
    v = await room.draft("far", areas=(CAMDEN,))
    for elsewhere in (
        {"areas": ()},
        {"areas": (LONDON,)},
        {"kind": "threat_level_change", "scope": "UK", "level": "SEVERE", "areas": ()},
    ):
        text = content(**elsewhere)
        # Without a place it goes to everybody in the control room's own area: that is its own to
        # write.
        if elsewhere == {"areas": ()}:
            await room.context.do(drafting.edit, await room.who("far"), v.message_id, text)
            continue
        with refused("area_out_of_scope"):
            await room.context.do(drafting.edit, await room.who("far"), v.message_id, text)


@way
async def an_edit_of_what_was_written_for_another_place(room: Room) -> None:
    v = await room.draft("ada")  # for Westminster
    with refused("area_out_of_scope"):
        await room.context.do(
            drafting.edit, await room.who("far"), v.message_id, content(areas=(CAMDEN,))
        )


@way
async def a_borough_that_sets_the_level_of_a_community_or_of_more_than_itself(room: Room) -> None:
    for scope in ("community:jewish", "sector:retail", "UK", LONDON, WESTMINSTER):
        with refused("area_out_of_scope"):
            await room.draft(
                "far",
                kind="threat_level_change",
                scope=scope,
                level="CRITICAL",
                areas=(CAMDEN,) if ":" in scope else (),
            )
    await room.draft("far", kind="threat_level_change", scope=CAMDEN, level="SEVERE", areas=())
    granted: dict[str, Any] = {
        "name": "granted",
        "role": "author",
        "area": CAMDEN,
        "email": None,
        "may_set": ("community:jewish",),
    }
    groups = [named("community", name, {}) for name in ("Jewish", "Sikh")]
    await room.db.write(registered.register, groups, datetime.now(UTC))
    someone, _ = await room.db.write(operators.add, **granted, now=datetime.now(UTC))
    await room.context.do(
        drafting.draft,
        someone,
        content(
            kind="threat_level_change", scope="community:jewish", level="SEVERE", areas=(CAMDEN,)
        ),
    )
    with refused("area_out_of_scope"):
        await room.context.do(
            drafting.draft,
            someone,
            content(
                kind="threat_level_change", scope="community:sikh", level="SEVERE", areas=(CAMDEN,)
            ),
        )
    with refused("operator_changed"):  # a grant that only the caller believes in
        await room.context.do(
            drafting.draft,
            replace(someone, may_set=("UK",)),
            content(kind="threat_level_change", scope="UK", level="SEVERE", areas=(CAMDEN,)),
        )


@way
async def a_shape_that_reaches_beyond_the_area(room: Room) -> None:
    inside = ((-0.19, 51.535), (-0.11, 51.535), (-0.11, 51.555), (-0.19, 51.555), (-0.19, 51.535))
    beyond = ((-0.19, 51.525), (-0.11, 51.525), (-0.11, 51.555), (-0.19, 51.555), (-0.19, 51.525))
    await room.draft("far", areas=(), polygons=((inside,),))
    with refused("area_out_of_scope"):
        await room.draft("far", areas=(), polygons=((beyond,),))
    with refused("area_out_of_scope"):
        await room.draft(
            "far", areas=(), circles=(Circle(latitude=51.545, longitude=-0.15, radius_km=3.0),)
        )


@way
async def a_cancel_by_who_has_only_some_of_the_places(room: Room) -> None:
    v = await room.live(areas=(WESTMINSTER, CAMDEN))
    with refused("area_out_of_scope"):
        await room.context.do(deciding.cancel, await room.who("far"), v.message_id, "no")
    # to hold is for whoever has any of them
    held = await room.context.do(deciding.hold, await room.who("far"), v.message_id)
    assert held.state == "held"
    with refused("area_out_of_scope"):
        await room.context.do(deciding.resume, await room.who("far"), v.message_id)
    other = await room.live()
    with refused("area_out_of_scope"):
        await room.context.do(deciding.hold, await room.who("far"), other.message_id)
    for each in (v, other):
        await room.context.do(deciding.cancel, await room.who("bea"), each.message_id, "looked at")


@way
async def a_sender_s_name_that_changed_between_submission_and_approval(room: Room) -> None:
    v = await room.submitted("ada")
    room.context.house = replace(room.context.house, wording="with another name")
    with refused("content_changed"):
        await room.approve("bea", v)


@way
async def a_margin_made_larger_behind_the_approval(room: Room) -> None:
    v = await room.submitted("ada")
    await room.change(v, margin=1_000_000)
    with refused("content_changed"):
        await room.approve("bea", v)


# At the same time


async def both(*acts: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*acts, return_exceptions=True)


@way
async def an_approval_while_the_author_edits_a_returned_text(room: Room) -> None:
    v = await room.submitted("ada")
    await room.context.do(deciding.send_back, await room.who("cy"), v.message_id, "return", "typo")
    results = await both(
        room.approve("bea", v),
        room.context.do(drafting.edit, room.people["ada"], v.message_id, content(severity="Minor")),
    )
    assert isinstance(results[0], Rejected)


@way
async def an_approval_while_it_is_returned_edited_and_submitted_anew(room: Room) -> None:
    v = await room.submitted("ada")

    async def swap() -> None:
        await room.context.do(deciding.send_back, room.people["cy"], v.message_id, "return", "typo")
        await room.context.do(
            drafting.edit, room.people["ada"], v.message_id, content(severity="Extreme")
        )
        await room.context.do(submitting.submit, room.people["ada"], v.message_id)

    approval, _ = await both(room.approve("bea", v), swap())
    now = await room.read(v)
    if isinstance(approval, Version):
        assert (now.content_hash, now.content.severity) == (v.content_hash, "Moderate")
        await room.context.do(deciding.cancel, room.people["bea"], v.message_id, "looked at")
    else:
        assert now.state in ("pending_approval", "draft", "returned")


@way
async def an_approval_while_it_is_rejected(room: Room) -> None:
    for _ in range(5):
        v = await room.submitted("ada")
        approval, rejection = await both(
            room.approve("bea", v),
            room.context.do(deciding.send_back, room.people["cy"], v.message_id, "reject", "no"),
        )
        assert isinstance(approval, Rejected) != isinstance(rejection, Rejected)
        state = (await room.read(v)).state
        assert state == ("approved" if isinstance(approval, Version) else "rejected")
        if state == "approved":
            await room.context.do(deciding.cancel, room.people["bea"], v.message_id, "looked at")


@way
async def an_approval_and_a_cancellation_and_a_release(room: Room) -> None:
    for _ in range(5):
        v = await room.submitted("ada")
        await both(
            room.approve("bea", v),
            room.context.do(deciding.cancel, room.people["cy"], v.message_id, "no"),
            room.context.matcher.process(v.id),
        )
        with contextlib.suppress(Rejected):
            await room.context.do(deciding.cancel, room.people["cy"], v.message_id, "no")
        with contextlib.suppress(Rejected):
            await room.context.do(
                deciding.send_back, room.people["cy"], v.message_id, "reject", "no"
            )
        assert (await room.read(v)).state in ("cancelled", "rejected")


@way
async def sixteen_approvals_at_once_of_ones_own_text(room: Room) -> None:
    v = await room.submitted("bea")
    results = await both(*(room.approve("bea", v) for _ in range(16)))
    assert all(isinstance(r, Rejected) for r in results)


@way
async def an_approval_while_the_approver_is_disabled(room: Room) -> None:
    v = await room.submitted("ada")
    bea = await room.who("bea")
    approval, _ = await both(
        room.context.do(deciding.approve, bea, v.message_id, v.content_hash),
        room.db.write(operators.disable, "bea", datetime.now(UTC)),
    )
    if isinstance(approval, Version):
        await room.context.do(deciding.cancel, room.people["cy"], v.message_id, "looked at")


def test_there_are_at_least_forty_ways() -> None:
    assert len(WAYS) == len({attack.__name__ for attack in WAYS}) >= 40


@pytest.mark.parametrize("attack", WAYS, ids=lambda attack: attack.__name__)
async def test_no_way_round_the_two_persons_makes_anything_claimable(
    db: Database, attack: Way
) -> None:
    room = await Room.make(db)
    await attack(room)
    await room.batches()
    assert await room.claimed() == []
    # Every batch that there ever was has two people behind it.
    for version_id in await db.read(
        lambda conn: conn.execute(select(batch.c.version_id).distinct()).scalars().all()
    ):
        v = await db.read(versions.get, version_id)
        assert v.approver_id not in (None, v.author_id, v.submitter_id, *v.editors)
        assert publishing.stands(v)


async def test_two_people_are_enough_and_the_batches_hold_exactly_whom_they_saw(
    db: Database,
) -> None:
    room = await Room.make(db)
    v = await room.live()
    assert await room.claimed() == [v.id]
    assert v.seen_count == 29
    people = await db.read(
        lambda conn: BitMap(
            i for row in conn.execute(select(batch.c.members)) for i in _ids(row.members)
        )
    )
    assert people == BitMap(range(1, 30))


async def test_two_approvals_at_once_are_one_approval_and_everybody_is_claimed_once(
    db: Database,
) -> None:
    room = await Room.make(db)
    v = await room.submitted("ada")
    results = await both(*(room.approve(name, v) for name in ("bea", "cy") * 8))
    assert [r for r in results if not isinstance(r, Version)] == []
    await both(*(room.context.matcher.process(v.id) for _ in range(4)))
    approvals = await db.read(
        lambda conn: conn.execute(
            select(func.count()).where(decision.c.action == "approve")
        ).scalar_one()
    )
    events = await db.read(
        lambda conn: conn.execute(
            select(func.count()).where(outbox.c.type == "message.approved")
        ).scalar_one()
    )
    assert (approvals, events, await room.batches()) == (1, 2, 1)
    assert await room.claimed() == [v.id]


async def test_an_exercise_by_one_person_stays_one_where_two_are_needed_for_actual_only(
    db: Database,
) -> None:
    room = await Room.make(db)
    room.sit_down("actual")
    v = await room.submitted("bea", status="Exercise")
    await room.approve("bea", v)
    assert await room.batches() == 1
    assert await db.read(lambda conn: conn.execute(select(batch.c.status)).scalars().all()) == [
        "Exercise"
    ]
