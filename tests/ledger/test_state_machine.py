"""Four people do whatever they like to messages, in any order: the database holds what a simple
model says, and only what two approved goes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pyroaring import BitMap
from sqlalchemy import select, update

from broadcast.ledger import audiences, releasing
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.ledger.claims.tables import batch
from broadcast.messages import authoring, publishing, versions
from broadcast.messages.tables import version
from broadcast.messages.versions import Resolved
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected
from broadcast.replay import comparison
from broadcast.store.database import Connection, Database
from tests import schema
from tests.keys import database as open_database
from tests.ledger.world import World, content, house

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
MAY = {
    "ada": {"draft", "edit", "submit", "follow"},
    "bea": {
        "draft",
        "edit",
        "submit",
        "follow",
        "approve",
        "return",
        "reject",
        "hold",
        "resume",
        "cancel",
    },
    "cy": {
        "draft",
        "edit",
        "submit",
        "follow",
        "approve",
        "return",
        "reject",
        "hold",
        "resume",
        "cancel",
    },
    "ops": {"hold"},
}
ROLES = {"ada": "author", "bea": "approver", "cy": "approver", "ops": "operator"}
WENT_OUT = {"live", "held", "expired", "cancelled"}
ENDS = {
    "update": ("superseded", {"live", "held"}),
    "correct": ("corrected", WENT_OUT),
    "all_clear": ("stood_down", WENT_OUT),
}
KINDS = {"update": "incident", "correct": "correction", "all_clear": "all_clear"}
OPEN = {"draft", "pending_approval", "returned", "approved", "blocked"}
SEEN = 10
SALT = bytes(16)


@dataclass
class V:
    """A version as the model has it. `wrote` are those who drafted or edited it, `submitted` who
    submitted which text.
    """

    id: int
    action: str
    author: str
    text: str
    state: str = "draft"
    before_hold: str = ""
    published: bool = False
    expires: datetime = NOON
    approver: str = ""
    predecessor: V | None = None
    wrote: set[str] = field(default_factory=set)
    submitter: str = ""
    submitted: set[tuple[str, str]] = field(default_factory=set)
    hash: str | None = None
    old_hashes: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Nothing of it has gone out: at most one such version per message."""
        return self.state in OPEN or (self.state == "held" and self.before_hold == "approved")


class _Undo(Exception):
    pass


def _nobody_shares(_: Connection, __: str, ___: BitMap) -> list[BitMap]:
    return []


def _nobody_is_left_out(_: Connection, __: list[int], ___: str) -> dict[int, str]:
    return {}


class FourPeople(RuleBasedStateMachine):
    """Up to three messages; the clock is handed in everywhere and moves only where a rule says
    so.
    """

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copy(self.template, self.folder / "x.db")
        self.db = open_database(f"sqlite:///{self.folder / 'x.db'}")
        self.now = NOON
        self.messages: dict[int, list[V]] = {}
        self.who: dict[str, Operator] = {}

    def teardown(self) -> None:
        try:
            result = self.runner.run(comparison.run(self.db))
            assert result["differences"] == [], result
        finally:
            self.runner.run(self.db.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    @initialize(so_far=st.integers(0, 7))
    def people_arrive(self, so_far: int) -> None:
        for name, role in ROLES.items():
            self.who[name], _ = self.write(
                operators.add, name=name, role=role, area=None, email=None, now=self.now
            )
        self.draft("ada", "Minor")
        for _ in range(so_far):
            self.it_goes_its_way(0)

    def write(self, act: Callable[..., Any], *args: Any, **more: Any) -> Any:
        return self.runner.run(self.db.write(act, *args, **more))

    def attempt(self, allowed: bool, act: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """Do it; it must succeed exactly where the model allows it."""
        try:
            done = self.write(act, *args, **more)
        except Rejected as rejected:
            if allowed:
                raise AssertionError(f"{act.__name__} was refused: {rejected}") from rejected
            return None
        assert allowed, f"{act.__name__} was not refused"
        return done

    def head(self, message: int) -> V:
        line = self.messages[message]
        return next((v for v in reversed(line) if v.open), line[-1])

    def pick(self, n: int) -> int:
        return sorted(self.messages)[n % len(self.messages)]

    person = st.sampled_from(sorted(ROLES))
    text = st.sampled_from(("Minor", "Moderate", "Extreme"))
    which = st.integers(0, 2)

    @precondition(lambda self: len(self.messages) < 3)
    @rule(who=person, text=text)
    def draft(self, who: str, text: str) -> None:
        v = self.attempt(
            "draft" in MAY[who], authoring.create, self.who[who], content(severity=text), self.now
        )
        if v is not None:
            self.messages[v.message_id] = [V(v.id, "new", who, text, wrote={who})]

    @rule(who=person, n=which, text=text)
    def edit(self, who: str, n: int, text: str) -> None:
        message = self.pick(n)
        v = self.head(message)
        allowed = "edit" in MAY[who] and v.state in ("draft", "returned") and not v.published
        kind = KINDS.get(v.action, "incident")
        if (
            self.attempt(
                allowed,
                authoring.edit,
                self.who[who],
                message,
                content(severity=text, kind=kind),
                self.now,
            )
            is not None
        ):
            v.state, v.text, v.submitter, v.hash = "draft", text, "", None
            v.wrote.add(who)

    @rule(who=person, n=which)
    def submit(self, who: str, n: int) -> None:
        v = self.head(self.pick(n))
        allowed = "submit" in MAY[who] and v.state in ("draft", "returned", "blocked")
        revision = self.runner.run(self.db.read(versions.get, v.id)).revision
        more = {
            "revision": revision,
            "resolved": Resolved(targets=("E09000033",)),
            "count": SEEN,
            "wording_revision": "test",
            "salt": SALT,
            "now": self.now,
        }
        done = self.attempt(allowed, authoring.submit, self.who[who], v.id, **more)
        if done is not None:
            v.state, v.submitter, v.hash = "pending_approval", who, done.content_hash
            v.submitted.add((who, done.content_hash))
            v.old_hashes.append(done.content_hash)

    @rule(who=person, n=which, seen=st.sampled_from(("now", "none", "old", "other")))
    def approve(self, who: str, n: int, seen: str) -> None:
        message = self.pick(n)
        v = self.head(message)
        other = next(
            (h for m in self.messages.values() for x in m if x is not v for h in x.old_hashes),
            "0" * 64,
        )
        given = {
            "now": v.hash,
            "none": None,
            "old": v.old_hashes[0] if v.old_hashes else "1" * 64,
            "other": other,
        }[seen]
        fits = given in (None, v.hash)
        again = v.approver != "" and v.state in ("approved", "live") and fits
        behind = (
            v.wrote | {v.submitter} | {who_ for who_, digest in v.submitted if digest == v.hash}
        )
        before = v.predecessor
        follows = before is None or v.published or before.state in ENDS[v.action][1]
        lasts = not v.published or v.expires > self.now
        allowed = "approve" in MAY[who] and (
            again
            or (v.state == "pending_approval" and who not in behind and fits and follows and lasts)
        )
        done = self.attempt(
            allowed,
            publishing.approve,
            self.who[who],
            message,
            content_hash=given,
            house=house(),
            now=self.now,
        )
        if done is None or again:
            return
        if before is not None and not v.published:
            before.state = ENDS[v.action][0]
        v.expires = v.expires if v.published else self.now + timedelta(hours=4)
        v.state, v.approver, v.published = "approved", who, True

    @rule(who=person, n=which, action=st.sampled_from(("return", "reject")))
    def send_back(self, who: str, n: int, action: str) -> None:
        message = self.pick(n)
        v = self.head(message)
        states = (
            {"pending_approval"}
            if action == "return"
            else {"pending_approval", "draft", "returned"}
        )
        allowed = (
            action in MAY[who] and v.state in states and not (action == "reject" and v.published)
        )
        if (
            self.attempt(
                allowed, authoring.send_back, self.who[who], message, action, "so", self.now
            )
            is not None
        ):
            v.state = "rejected" if action == "reject" else "blocked" if v.published else "returned"
            v.hash = None

    @rule(who=person, n=which)
    def hold(self, who: str, n: int) -> None:
        message = self.pick(n)
        line = self.messages[message]
        v = next((v for v in reversed(line) if v.state in ("approved", "live")), None)
        newest = next((v for v in reversed(line) if v.published and v.state != "blocked"), line[-1])
        allowed = "hold" in MAY[who] and (v is not None or newest.state == "held")
        if (
            self.attempt(allowed, publishing.hold, self.who[who], message, self.now) is not None
            and v is not None
        ):
            v.before_hold, v.state = v.state, "held"

    @rule(who=person, n=which)
    def resume(self, who: str, n: int) -> None:
        message = self.pick(n)
        v = next((v for v in reversed(self.messages[message]) if v.state == "held"), None)
        if (
            self.attempt(
                "resume" in MAY[who] and v is not None,
                publishing.resume,
                self.who[who],
                message,
                self.now,
            )
            is not None
        ):
            assert v is not None
            v.state = v.before_hold

    @rule(who=person, n=which)
    def cancel(self, who: str, n: int) -> None:
        message = self.pick(n)
        v = next(
            (
                v
                for v in reversed(self.messages[message])
                if v.state in ("approved", "blocked", "live", "held")
            ),
            None,
        )
        if (
            self.attempt(
                "cancel" in MAY[who] and v is not None,
                publishing.cancel,
                self.who[who],
                message,
                why="over",
                house=house(),
                now=self.now,
            )
            is not None
        ):
            assert v is not None
            v.state = "cancelled"

    @rule(who=person, n=which, action=st.sampled_from(sorted(ENDS)), text=text)
    def follow(self, who: str, n: int, action: str, text: str) -> None:
        message = self.pick(n)
        line = self.messages[message]
        before = next((v for v in reversed(line) if v.published and v.state != "blocked"), None)
        free = not any(v.open for v in line)
        allowed = (
            "follow" in MAY[who] and before is not None and free and before.state in ENDS[action][1]
        )
        done = self.attempt(
            allowed,
            authoring.follow,
            self.who[who],
            message,
            action,
            content(kind=KINDS[action], severity=text),
            self.now,
        )
        if done is not None:
            line.append(V(done.id, action, who, text, wrote={who}, predecessor=before))

    @rule(n=which, people=st.sampled_from((SEEN, SEEN, SEEN, 200)))
    def freeze_and_release(self, n: int, people: int) -> None:
        """What the matcher does, for a version in any state: `people` is what it finds."""
        v = self.head(self.pick(n))
        ids = BitMap(range(1, people + 1))
        if v.state == "approved":
            self.write(
                audiences.freeze,
                v.id,
                0,
                audiences.Frozen(addressed=ids, send={("sms", "en"): ids}),
                registry_as_of="0",
                now=self.now,
            )
        result = self.write(releasing.release, v.id, shared_contacts=_nobody_shares, now=self.now)
        if v.state != "approved":
            assert result == v.state
        elif v.expires <= self.now:
            assert result == "not_ready"
        else:
            stored = (
                self.runner.run(self.db.read(audiences.read, v.id))
                if result == "released"
                else None
            )
            fits = stored is not None and len(stored.addressed) == SEEN
            assert result == ("released" if fits else "blocked")
            v.state = "live" if fits else "blocked"

    @rule(n=which, by=person)
    def an_approval_is_written_by_hand(self, n: int, by: str) -> None:
        """Whatever stands there, a state of approved and an approver written into the row release
        nothing; all of it is undone.
        """
        v = self.head(self.pick(n))
        if v.state == "approved" and by == v.approver:
            return
        ids = BitMap(range(1, SEEN + 1))
        forged = {
            "state": "approved",
            "approver_id": self.who[by].id,
            "identifier": f"forged-{v.id}",
            "shards": 1,
            "expires_at": self.now + timedelta(hours=9),
        }

        def forge(conn: Connection) -> None:
            conn.execute(update(version).where(version.c.id == v.id).values(**forged))
            audiences.freeze(
                conn,
                v.id,
                0,
                audiences.Frozen(addressed=ids, send={("sms", "en"): ids}),
                registry_as_of="0",
                now=self.now,
            )
            assert (
                releasing.release(conn, v.id, shared_contacts=_nobody_shares, now=self.now)
                == "blocked"
            )
            raise _Undo

        with contextlib.suppress(_Undo):
            self.write(forge)

    @rule(n=which)
    def it_goes_its_way(self, n: int) -> None:
        """The next right step: else chance would seldom bring anything out."""
        v = self.head(self.pick(n))
        if v.state in ("draft", "returned", "blocked"):
            self.submit("ada", n)
        elif v.state == "pending_approval":
            self.approve(
                "bea" if "bea" not in v.wrote | {who for who, _ in v.submitted} else "cy", n, "now"
            )
        elif v.state == "approved":
            self.freeze_and_release(n, SEEN)
        elif v.state == "held":
            self.resume("bea", n)
        elif v.state == "live":
            self.follow("ada", n, "update", "Moderate")

    @rule(hours=st.sampled_from((1, 3)))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def what_is_due_expires(self) -> None:
        self.write(publishing.expire_due, self.now)
        for v in self.all():
            if v.state in ("approved", "blocked", "live", "held") and v.expires <= self.now:
                v.state = "expired"

    def all(self) -> list[V]:
        return [v for line in self.messages.values() for v in line]

    @invariant()
    def the_database_holds_what_the_model_says(self) -> None:
        for message, line in self.messages.items():
            stored = self.runner.run(self.db.read(versions.of_message, message))
            assert [(v.id, v.state) for v in stored] == [(v.id, v.state) for v in line]
            assert sum(v.open for v in line) <= 1
            assert sum(v.state in ("approved", "live", "held") for v in stored) <= 1

    @invariant()
    def two_people_stand_behind_exactly_what_is_live(self) -> None:
        for v in self.all():
            if v.state not in ("approved", "live", "held"):
                continue
            stored = self.runner.run(self.db.read(versions.get, v.id))
            behind = {stored.author_id, stored.submitter_id, *stored.editors}
            assert stored.approver_id == self.who[v.approver].id
            assert stored.approver_id not in behind
            assert None not in behind
            assert stored.content.severity == v.text
            text = content(kind=KINDS.get(v.action, "incident"), severity=v.text)
            parts: dict[str, Any] = {
                "count": SEEN,
                "wording_revision": "test",
                "salt": SALT,
                "margin": 20,
            }
            digest = versions.content_hash(
                stored,
                content=text,
                resolved=Resolved(targets=("E09000033",)),
                level_from=None,
                **parts,
            )
            assert stored.content_hash == digest == v.hash

    @invariant()
    def a_claim_succeeds_exactly_where_the_model_says_live(self) -> None:
        """Each batch is asked for by its name, in a transaction that is rolled back."""
        live = {v.id for v in self.all() if v.state == "live" and v.expires > self.now}
        claimable: set[int] = set()

        def try_all(conn: Connection) -> None:
            for row in conn.execute(select(batch)).all():
                fields = (
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
                c = Candidate(batch_id=row.id, **{name: getattr(row, name) for name in fields})
                if taking.claim(
                    conn,
                    c,
                    want=1,
                    worker="w",
                    attempts=new_slice_attempt,
                    suppress=_nobody_is_left_out,
                    now=self.now,
                ):
                    claimable.add(row.version_id)
            raise _Undo

        try:
            self.write(try_all)
        except _Undo:
            assert claimable == live


@pytest.mark.timeout(600)  # a case that fails is made small first: minutes
def test_whatever_four_people_do_only_what_two_of_them_stand_behind_is_handed_out(
    tmp_path: Path,
) -> None:
    schema.sqlite_at(tmp_path / "template.db")
    FourPeople.template = tmp_path / "template.db"
    case = FourPeople.TestCase
    case.settings = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()


async def test_what_is_held_before_its_release_is_still_the_one_open_version(db: Database) -> None:
    world = await World.make(db)
    v = await world.approved(count=5)
    await db.write(publishing.hold, world.approver, v.message_id, datetime.now(UTC))
    with pytest.raises(Rejected) as refused:
        await world.submitted(count=5, message_id=v.message_id, action="update")
    assert refused.value.problems[0].code == "version_open"
    await db.write(publishing.resume, world.approver, v.message_id, datetime.now(UTC))
    assert (await db.read(versions.get, v.id)).state == "approved"
