"""From an approved version to its frozen audience, with people in the registry and a clock of our
own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import text

from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.ledger import audiences, delivery_report, passes, releasing
from broadcast.ledger.attempts import new_slice_attempt
from broadcast.ledger.claims import open_batches, taking
from broadcast.ledger.claims.open_batches import Candidate
from broadcast.levels.names import folded
from broadcast.messages import publishing, versions
from broadcast.messages.versions import Version
from broadcast.store.database import Connection, Database
from config.settings import load
from service.installation import build
from subscribers.index import IndexIncomplete, RegistryIndex, registry_rows
from subscribers.matcher import Matcher, no_longer_for
from subscribers.people_file.record import COLUMNS, SubscriberRecord
from subscribers.registry.acts import stop
from subscribers.registry.importing import import_records
from subscribers.registry.reached import addresses_to_use, quiet_until
from tests.ledger.world import World, house

AGES = timedelta(days=6000)
MORNING = datetime(2036, 11, 22, 7, tzinfo=UTC)
DAY, NIGHT = datetime(2036, 11, 21, 12, tzinfo=UTC), datetime(2036, 11, 21, 23, tzinfo=UTC)


def a_person(n: int, quiet_hours: str) -> SubscriberRecord:
    given: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("email", "phone", "lat", "lon")
    )
    return SubscriberRecord(
        **given
        | {
            "external_id": f"p{n}",
            "mobile": f"+447700900{n:03d}",
            "channels": "sms",
            "language": "en",
            "area": "E09000033",
            "quiet_hours": quiet_hours,
        }
    )


@pytest.fixture
async def world(db: Database) -> World:
    """A hundred people, the first forty of them quiet at night."""
    await db.write(
        import_records,
        [a_person(n, "22:00-07:00 Europe/London" if n < 40 else "") for n in range(100)],
        "test",
        DAY,
    )
    return await World.make(db)


def matcher(world: World, at: datetime) -> Matcher:
    return Matcher(world.db, lambda _: frozenset({"sms"}), now=lambda: at)


async def processed(world: World, at: datetime, **more: Any) -> tuple[str, Version]:
    v = await world.approved(**more)
    result = await matcher(world, at).process(v.id)
    return result, await world.db.read(versions.get, v.id)


async def test_who_is_in_their_quiet_hours_when_the_audience_is_frozen_waits_until_they_end(
    world: World,
) -> None:
    result, v = await processed(world, NIGHT, count=100, shards=3, expires=AGES)
    assert result == "released"
    account = await world.db.read(delivery_report.account, v)
    assert account.people["waiting"] == BitMap(range(1, 101))
    assert account.adds_up
    assert await world.db.read(audiences.frozen_at, v.id) == NIGHT
    assert (await world.db.read(audiences.read, v.id)).held == {MORNING: BitMap(range(1, 41))}

    async def may_be_claimed(at: datetime) -> int:
        found = await world.db.read(open_batches.candidates, "routine", "sms", ("Actual",), at)
        return sum(c.size for c in found)

    assert await may_be_claimed(NIGHT) == 60
    while claimed := await world.claim():
        for each in claimed:
            await world.done(each)
    assert await may_be_claimed(MORNING - timedelta(seconds=1)) == 0
    account = await world.db.read(delivery_report.account, v)
    assert not account.complete
    assert await world.db.read(delivery_report.only_held, account, NIGHT)
    assert not await world.db.read(delivery_report.only_held, account, MORNING)
    (ids, until) = (await world.db.read(delivery_report.held, v.id, NIGHT))["sms"]
    assert (ids, until) == (BitMap(range(1, 41)), MORNING)
    assert await may_be_claimed(MORNING) == 40


async def test_who_waited_is_looked_at_again_before_anything_is_sent(world: World) -> None:
    _, v = await processed(world, NIGHT, count=100, expires=AGES, provider="watch")

    def change(conn: Connection) -> None:
        stop(conn, [1, 4], "sms", "sms_reply", DAY)
        moved = [a_person(n, "")._replace(area="E09000007") for n in (1, 3)]
        choosy = a_person(2, "")._replace(topics="appeal")
        less = a_person(5, "")._replace(by_topic="incident Extreme")
        by_mail = a_person(6, "")._replace(by_topic="incident email", channels="sms;email")
        as_usual = a_person(7, "")._replace(by_topic="incident sms;appeal email")
        over = "visiting E09000033 until 2020-01-01T00:00Z"
        visited = a_person(8, "")._replace(area="E09000007", places=over)
        works_here = a_person(9, "")._replace(area="E09000007", places="work E09000033")
        registered.register(conn, [named("provider", "Watch", {})], DAY)
        without = a_person(10, "")._replace(providers_off="Watch")
        told = [without, *moved, choosy, less, by_mail, as_usual, visited, works_here]
        import_records(conn, told, "test", DAY)

    await world.db.write(change)
    (late,) = await _late(world)

    def gone(conn: Connection, people: list[int]) -> dict[int, str]:
        return no_longer_for(conn, v.id, people, "sms", lambda _: frozenset({"sms"}))

    claimed = await world.db.write(
        taking.claim,
        late,
        want=32,
        worker="w1",
        attempts=new_slice_attempt,
        suppress=lambda c, people, channel: addresses_to_use(
            c, people, channel, {}, any_contact=False
        ),
        no_longer_for=gone,
        now=MORNING,
    )
    assert claimed is not None
    ((s,), _) = claimed
    assert dict(s.people) == dict(enumerate(range(1, 33)))
    # Who stopped one channel is owed the next one, but not where they have moved away as well.
    assert s.skipped == {
        0: "stopped",
        1: "moved_away",
        2: "not_chosen",
        3: "moved_away",
        5: "below_severity",
        6: "no_consent",
        8: "moved_away",
        10: "provider_off",
    }


async def _late(world: World) -> list[Candidate]:
    """Claim those who need not wait, so that the others are next."""
    while claimed := await world.claim():
        for each in claimed:
            await world.done(each)
    return await world.db.read(open_batches.candidates, "routine", "sms", ("Actual",), MORNING)


async def test_what_expires_before_the_hours_end_is_not_kept_for_them(world: World) -> None:
    at_night = datetime.now(UTC)
    hours = f"{at_night - timedelta(hours=1):%H:%M}-{at_night + timedelta(hours=5):%H:%M} UTC"
    await world.db.write(import_records, [a_person(n, hours) for n in range(40)], "test", DAY)
    result, v = await processed(world, at_night, count=60, expires=timedelta(hours=4))
    assert result == "released"
    account = await world.db.read(delivery_report.account, v)
    assert account.suppressed["quiet_hours"] == BitMap(range(1, 41))


async def test_a_cancelled_message_reaches_nobody_who_waited(world: World) -> None:
    _, v = await processed(world, NIGHT, count=100, expires=AGES)
    (late,) = await _late(world)
    await world.db.write(
        publishing.cancel, world.approver, v.message_id, why="over", house=house(), now=DAY
    )
    assert await world.claim(candidate=late) == []
    assert (
        await world.db.read(open_batches.candidates, "routine", "sms", ("Actual",), MORNING)
    ) == []


@pytest.mark.parametrize("severity", ["Moderate", "Extreme"])
async def test_a_retry_waits_for_the_end_of_the_hours_too_where_it_is_not_urgent(
    world: World, severity: str
) -> None:
    lane = "urgent" if severity == "Extreme" else "routine"
    result, v = await processed(world, DAY, count=100, expires=AGES, severity=severity)
    assert result == "released"
    while claimed := await world.claim(lane):
        for each in claimed:
            await world.done(each, "refused", due_at=NIGHT)
    made = await world.db.write(
        passes.make_due,
        v.id,
        contacts=lambda _conn, _people: {},
        quiet=quiet_until,
        now=NIGHT,
    )
    assert made == 100

    async def may_be_claimed(at: datetime) -> int:
        found = await world.db.read(open_batches.candidates, lane, "sms", ("Actual",), at)
        sizes = [c.size for c in found]
        return sum(sizes)

    assert await may_be_claimed(NIGHT) == (100 if lane == "urgent" else 60)
    found = await world.db.read(open_batches.candidates, lane, "sms", ("Actual",), MORNING)
    looked_at_again = [c.size for c in found if c.waited]
    assert looked_at_again == ([] if lane == "urgent" else [40])
    people = BitMap(range(1, 101))
    held = await world.db.read(quiet_until, people, NIGHT)
    assert held == {MORNING: BitMap(range(1, 41))}
    assert await world.db.read(quiet_until, people, DAY) == {}


async def test_by_day_and_where_it_is_urgent_nobody_is_left_out(world: World) -> None:
    for at, more in ((DAY, {}), (NIGHT, {"severity": "Extreme"})):
        result, v = await processed(world, at, count=100, **more)
        account = await world.db.read(delivery_report.account, v)
        assert (result, len(account.people["waiting"])) == ("released", 100)


async def test_quiet_hours_that_begin_between_count_and_freezing_change_no_number(
    world: World,
) -> None:
    result, _ = await processed(world, NIGHT, count=100, expires=AGES)
    assert result == "released"


class Counted:
    """A database that says what was written, transaction by transaction."""

    def __init__(self, db: Database) -> None:
        self._db, self.written = db, list[str]()
        self.read = db.read

    async def write(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.written.append(fn.__name__)
        return await self._db.write(fn, *args, **kwargs)


async def test_small_messages_are_released_in_one_transaction_and_a_large_one_in_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscribers.matcher.SMALL", 200)
    waiting = [(await world.approved(count=100)).id for _ in range(3)]
    db = Counted(world.db)
    one = Matcher(db, lambda _: frozenset({"sms"}), now=lambda: DAY)  # type: ignore[arg-type]
    assert await one.process_together(waiting) == dict.fromkeys(waiting, "released")
    assert db.written == ["_freeze_and_release"] * 2  # two hundred people, then the third hundred
    monkeypatch.setattr("subscribers.matcher.SMALL", 99)
    large = (await world.approved(count=100)).id
    db.written.clear()
    assert await one.process_together([*waiting, large]) == {
        **dict.fromkeys(waiting, "live"),
        large: "released",
    }
    assert db.written == ["_freeze", "_freeze_and_release"]
    for version_id in (*waiting, large):
        v = await world.db.read(versions.get, version_id)
        assert len((await world.db.read(delivery_report.account, v)).people["waiting"]) == 100


async def test_the_urgent_come_first_and_one_that_cannot_be_matched_holds_up_no_other(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = build(load({"FASTTIME_DATA": str(tmp_path / "engine")}))
    try:
        routine = (await world.approved(count=100)).id
        broken = (await world.approved(count=100)).id
        urgent = (await world.approved(count=100, severity="Extreme")).id
        assert await world.db.read(versions.to_match, (), 2) == [urgent, routine]
        assert await world.db.read(versions.to_match, (urgent,), 9) == [routine, broken]
        release = releasing.release

        def fails(conn: Connection, version_id: int, **more: Any) -> str:
            if version_id == broken:
                raise ValueError("no such place")
            return release(conn, version_id, **more)

        monkeypatch.setattr(releasing, "release", fails)
        engine = service.engine
        monkeypatch.setattr(engine, "_db", world.db)
        monkeypatch.setattr(engine, "_matcher", matcher(world, DAY))
        await engine.match()
        states = [(await world.db.read(versions.get, n)).state for n in (routine, broken, urgent)]
        assert states == ["live", "approved", "live"]
    finally:
        await service.close()


class Watched:
    """A database that says how many read at a time."""

    def __init__(self, db: Database) -> None:
        self._db, self.reading, self.most = db, 0, 0

    async def read(self, fn: Callable[[Connection], Any]) -> Any:
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            await asyncio.sleep(0.02)
            return await self._db.read(fn)
        finally:
            self.reading -= 1


async def test_a_preview_and_the_matcher_bring_the_index_up_to_date_one_after_the_other(
    world: World,
) -> None:
    """Else: a preview reads the registry, somebody registers, the matcher reads it, the preview's
    older state is kept last, and that person is frozen out.
    """
    watched = Watched(world.db)
    one = Matcher(watched, lambda _: frozenset({"sms"}))  # type: ignore[arg-type]
    await asyncio.gather(*(one.index() for _ in range(4)))
    assert watched.most == 1


class Overtaken(RegistryIndex):
    """Between the reading of a snapshot and its keeping, another one is kept."""

    overtaken = False

    def _read(self, conn: Connection, *more: Any) -> Any:
        read = super()._read(conn, *more)
        if not self.overtaken:
            self.overtaken = True
            super().catch_up(conn)
        return read


async def test_a_snapshot_that_was_overtaken_is_not_kept(world: World) -> None:
    def late(conn: Connection) -> None:
        Overtaken().catch_up(conn)

    with pytest.raises(IndexIncomplete):
        await world.db.read(late)


@pytest.mark.parametrize("name", ["Back\\slash", "Tab\tand\nline", "NaN", "\\N", "Ünï|çøde;Other"])
async def test_the_index_knows_groups_by_the_names_that_the_registry_has(
    world: World, name: str
) -> None:
    """A name may hold what the text of COPY writes in another way."""
    statement = text("UPDATE subscriber SET communities = :name, sectors = :name WHERE id = 7")
    await world.db.write(lambda conn: conn.execute(statement, {"name": name}))
    index = await world.db.read(RegistryIndex.load)
    known = await world.db.read(lambda _: index.person(7))
    assert known is not None
    assert known.communities == known.sectors == {folded(part) for part in name.split(";")}
    other = await world.db.read(lambda _: index.person(8))
    assert other is not None
    assert (other.communities, other.lat, other.area) == (frozenset(), None, "E09000033")


async def test_a_name_with_a_separator_in_it_keeps_nobody_from_being_warned(world: World) -> None:
    """No door lets one in; if one came all the same, the index must not fail for everybody."""
    name = f"a{registry_rows.SEPARATOR}b"
    statement = text("UPDATE subscriber SET providers_off = :name, by_topic = :name WHERE id = 7")
    await world.db.write(lambda conn: conn.execute(statement, {"name": name}))
    assert len(await world.db.read(RegistryIndex.load)) == 100


@pytest.mark.parametrize("why", [RuntimeError, asyncio.CancelledError])
async def test_a_load_that_ends_amid_the_rows_ends_with_its_reason_and_leaves_the_database_usable(
    world: World, monkeypatch: pytest.MonkeyPatch, why: type[BaseException]
) -> None:
    """Else: an order to stop that comes while the registry is read is taken for trouble with the
    database, and the process goes on.
    """
    monkeypatch.setattr(registry_rows, "_BYTES_AT_ONCE", 1_000)

    def end(_: registry_rows.Rows) -> None:
        raise why("no more of it")

    with pytest.raises(why, match="no more of it"):
        await world.db.read(lambda conn: registry_rows.read_rows(conn, "", end))
    assert len(await world.db.read(RegistryIndex.load)) == 100


async def test_two_matchers_of_the_same_versions_do_not_wait_for_each_other(world: World) -> None:
    """Whoever shares a version's lock to freeze and then wants it alone to release stands in the
    way of another that does the same.
    """
    ids = [(await world.approved(count=100)).id for _ in range(6)]
    for version_id in ids:
        both = await asyncio.gather(*(matcher(world, DAY).process(version_id) for _ in range(4)))
        assert set(both) <= {"released", "live"}
