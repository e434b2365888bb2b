"""A control room with everybody in it, and the ways round two persons that are tried on it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from pyroaring import BitMap
from shapely import box
from sqlalchemy import func, select, update

from broadcast.ledger import passes
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import open_batches, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.tables import batch
from broadcast.messages import publishing, versions
from broadcast.messages.tables import version
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.operators.tables import operator
from broadcast.places.areas import AreaRecord
from broadcast.places.stored_areas import store_areas
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from service.commands import deciding, drafting, submitting
from service.commands.context import Context
from service.commands.unit_of_work import Act
from subscribers.matcher import Matcher
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry.importing import import_records
from tests.ledger.world import content, house

P = ParamSpec("P")
T = TypeVar("T")

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
        await db.write(places, box(-0.2, 51.49, -0.1, 51.52))
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

    async def does(
        self,
        name: str,
        command: Callable[Concatenate[Context, Operator, P], Awaitable[Act[T]]],
        *given: P.args,
        **more: P.kwargs,
    ) -> T:
        """Let somebody run one command to its end."""
        return await self.context.do(command, await self.who(name), *given, **more)

    async def draft(self, name: str = "ada", **changes: Any) -> Version:
        return await self.does(name, drafting.draft, content(**changes))

    async def submitted(self, name: str = "ada", by: str = "", **changes: Any) -> Version:
        v = await self.draft(name, **changes)
        v, _ = await self.does(by or name, submitting.submit, v.message_id)
        return v

    async def approve(self, name: str, v: Version, content_hash: str | None = "") -> Version:
        return await self.does(
            name,
            deciding.approve,
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
                        open_batches.candidates,
                        lane,
                        channel,
                        (status,),
                        datetime.now(UTC) + timedelta(days=1),
                    )
        claimed = []
        for c in [*found, *await self.db.read(_by_name)]:
            got = await self.db.write(
                taking.claim, c, want=500, worker="w", attempts=new_slice_attempt, suppress=nobody
            )
            claimed += [s.version_id for s in got[0]] if got else []
        return claimed


def _all_channels(_: str) -> frozenset[str]:
    return frozenset({"sms", "voice", "email"})


def _mail_to(_: Connection, people: BitMap) -> dict[str, BitMap]:
    return {"email": people}


def nobody(_: Connection, __: list[int], ___: str) -> dict[int, str]:
    return {}


def _has_mailbox(conn: Connection, operator_id: int, email: str | None) -> None:
    conn.execute(update(operator).where(operator.c.id == operator_id).values(email=email))


def places(conn: Connection, westminster: Any) -> None:
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
