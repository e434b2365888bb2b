"""Organisations as they are kept, and who is told because they act for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box
from sqlalchemy import select

from broadcast.content.model import PERSONAL_CHANNELS, Audience
from broadcast.problems import Rejected
from broadcast.store.database import Database
from config.contact_keys import ContactKeys
from migrations.tables import metadata
from subscribers.audience import preview, reasons
from subscribers.contact import rotation
from subscribers.contact.keys import OPTION, KeyRing
from subscribers.index import RegistryIndex, Rule
from subscribers.organisations import rows, sealing
from subscribers.organisations.file import read_organisations, rows_of
from subscribers.organisations.record import COLUMNS, OrganisationRecord
from subscribers.organisations.tables import organisation, organisation_person
from subscribers.people_file.record import COLUMNS as OF_PEOPLE
from subscribers.people_file.record import SubscriberRecord
from subscribers.registry import acts, placing, showing
from subscribers.registry.importing import import_records
from tests.keys import database as open_database

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
BLANK: dict[str, Any] = (
    dict.fromkeys(OF_PEOPLE, "")
    | dict.fromkeys(("email", "mobile", "phone", "lat", "lon", "area"))
    | {"kind": "business", "language": "en", "channels": "sms", "mobile": "+447700900001"}
)
SQUARE = box(-0.2, 51.4, 0.0, 51.6)
IN_IT, ELSEWHERE = {"lat": 51.5, "lon": -0.1}, {"lat": 53.5, "lon": -2.2}


def person(external_id: str, **more: Any) -> SubscriberRecord:
    return SubscriberRecord(**(BLANK | {"external_id": external_id} | more))


def named(external_id: str, trade: str = "I", size: str = "small", **more: Any) -> Any:
    name = f"The {external_id}"
    return OrganisationRecord(external_id=external_id, name=name, trade=trade, size=size, **more)


def a_rule(trades: str = "", sizes: tuple[str, ...] = (), **more: Any) -> Rule:
    usual: dict[str, Any] = {
        "topic": "incident",
        "severity_rank": 1,
        "status": "Actual",
        "channels": ("sms",),
        "configured": frozenset(PERSONAL_CHANNELS),
        "languages": ("en",),
        "audience": Audience(trades=tuple(trades), sizes=sizes),
        "shape": SQUARE,
    }
    return Rule(**(usual | more))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}/registry.db")
    await database.write(metadata.create_all)
    people = [
        person("lives-there", **IN_IT),
        person("lives-away", **ELSEWHERE),
        person("owner", **ELSEWHERE),
        person("nobody", **IN_IT),
    ]
    await database.write(import_records, people, "test", NOON)
    yield database
    await database.close()


IDS = {"lives-there": 1, "lives-away": 2, "owner": 3, "nobody": 4}


async def told(db: Database, rule: Rule) -> set[str]:
    """Return who is addressed; the explanation of everybody agrees."""
    index = await db.read(RegistryIndex.load)
    found = index.match(rule).addressed
    for number in IDS.values():
        assert reasons(index, rule, number).addressed == (number in found)
    return {name for name, number in IDS.items() if number in found}


async def test_a_trade_and_a_size_tell_who_acts_for_such_an_organisation_at_its_site(
    db: Database,
) -> None:
    known = [
        named("bell", sites="51.5,-0.1", people=("lives-away",)),
        named("inn", sites="53.5,-2.2", people=("lives-there",)),  # its site is not there
        named("cart", size="micro", people=("lives-there", "owner")),  # wherever they are
        named("shop", trade="G", size="large", sites="51.5,-0.1", people=("owner",)),
    ]
    await db.write(rows.save, known, NOON)
    for rule, wanted in (
        (a_rule("I", ("small",)), {"lives-away"}),
        (
            a_rule("I", ("micro",)),
            {"lives-there", "owner"},
        ),  # the owner's shop is a place of theirs
        (a_rule("I", ("micro", "medium")), {"lives-there", "owner"}),
        (a_rule("G", ("small",)), set()),  # not a shop of that size, nor a small one of that trade
        (a_rule("G"), {"owner"}),
        (a_rule("", ("large",)), {"owner"}),
        (a_rule("GI", ("small",), shape=None, everybody=True), {"lives-away", "lives-there"}),
        # what happens at a site concerns who acts there, whatever their trade
        (a_rule(), {"lives-there", "lives-away", "owner", "nobody"}),
    ):
        assert await told(db, rule) == wanted, rule.audience


async def test_why_somebody_is_told_names_the_trade(db: Database) -> None:
    bell = named("bell", sites="51.5,-0.1", people=("lives-away",))
    bell = bell._replace(contacts=(("E09000033", "lives-away"),))
    await db.write(rows.save, [bell], NOON)
    shown = await db.read(showing.show, "lives-away")
    assert shown is not None
    assert shown["acts_for"] == [
        {"external_id": "bell", "trade": "I", "size": "small", "contact_for": ["E09000033"]}
    ]
    index = await db.read(RegistryIndex.load)
    steps = {s.name: s for s in reasons(index, a_rule("I"), IDS["lives-away"]).steps}
    assert steps["organisation"].detail == (
        "they act for an organisation of trade I, accommodation and food service, small"
    )
    assert steps["area"].detail.startswith("a site of an organisation they act for")
    trade = reasons(index, a_rule("G"), IDS["lives-away"])
    assert (trade.outcome, trade.steps[-1].passed) == ("out_of_audience", False)
    assert trade.steps[-1].detail.endswith("accommodation and food service, small only")
    none = reasons(index, a_rule("G"), IDS["nobody"])
    assert none.steps[-1].detail == "they act for no organisation"


async def test_the_index_follows_what_changes(db: Database) -> None:
    index = await db.read(RegistryIndex.load)

    async def now(rule: Rule) -> set[int]:
        await db.read(index.catch_up)
        return set(index.match(rule).addressed)

    bell = named("bell", sites="51.5,-0.1", people=("owner", "lives-away"))
    await db.write(rows.save, [bell], NOON)
    assert await now(a_rule("I")) == {2, 3}
    await db.write(rows.save, [bell._replace(trade="G")], NOON)
    assert await now(a_rule("I")) == set()
    assert await now(a_rule("G")) == {2, 3}
    await db.write(rows.save, [bell._replace(trade="G", people=("owner",))], NOON)
    assert await now(a_rule("G")) == {3}
    await db.write(acts.erase, 3, NOON)
    assert await now(a_rule("G")) == set()
    assert not await db.read(lambda conn: conn.execute(select(organisation_person)).all())
    again = bell._replace(people=("lives-away",))
    await db.write(rows.save, [again], NOON)
    assert await now(a_rule("I")) == {2}
    assert await db.write(rows.remove, "bell")
    assert await now(a_rule("I")) == set()
    assert not await db.write(rows.remove, "bell")
    # who changes their own places keeps the sites
    await db.write(rows.save, [again], NOON)
    moved = person("lives-away", **ELSEWHERE, places="work 52.0,-1.0")
    await db.write(import_records, [moved], "test", NOON)
    assert await now(a_rule("I")) == {2}


async def test_somebody_unknown_or_erased_acts_for_nobody_and_nothing_is_saved(
    db: Database,
) -> None:
    await db.write(acts.erase, IDS["owner"], NOON)
    for who in ("owner", "martian"):
        known = [named("inn"), named("bell", people=("nobody", who))]
        with pytest.raises(Rejected) as refused:
            await db.write(rows.save, known, NOON, {"bell": "o.csv:3"})
        problem = refused.value.problems[0]
        assert (problem.code, problem.where) == ("person_unknown", "o.csv:3")
        assert who not in problem.detail
    assert await db.read(rows.page, 0, 10) == []


async def test_one_that_passes_on_is_one_inbox_whatever_the_size_of_its_members(
    db: Database,
) -> None:
    refuge = named("refuge", trade="Q", size="micro", people=("lives-there",), passes_on=True)
    await db.write(rows.save, [refuge, named("clinic", "Q", "large", people=("nobody",))], NOON)
    assert await told(db, a_rule("Q", ("large",))) == {"lives-there", "nobody"}
    index = await db.read(RegistryIndex.load)
    counts = preview(index, a_rule("Q", ("large",)))
    assert (counts.send, counts.passes_on) == (2, 1)
    assert counts.by_organisation == {"Q large": 2}
    assert preview(index, a_rule()).by_organisation == {}


async def test_a_name_is_sealed_and_sealed_anew_with_another_key(tmp_path: Path) -> None:
    keys = ContactKeys("", tmp_path / "apart" / "contact.keys")
    database = Database(f"sqlite:///{tmp_path}/r.db", options={OPTION: KeyRing(keys)})
    await database.write(metadata.create_all)
    await database.write(rows.save, [named("bell")], NOON)
    raw = await database.read(lambda conn: conn.execute(select(organisation)).one())
    assert b"bell" not in raw.sealed
    keys.add()
    await database.write(rotation.begin, NOON)
    assert not await database.write(rotation.finish, NOON)
    while await database.write(rotation.step):
        pass
    assert await database.write(rotation.finish, NOON)
    assert (await database.read(rows.find, "bell")).name == "The bell"  # type: ignore[union-attr]
    held = {key.state: key.sealed for key in await database.read(rotation.held)}
    assert held == {"old": 0, "active": 1}
    assert len(await database.read(sealing.by_key)) == 1
    await database.close()


FILE = """external_id,name,trade,size,sites,people,contacts,passes_on
o-1,The Bell,I,7,sw1a2aa;E09000033,p-1;p-2,E09000033=p-2,
o-2,Panel,G,Large,,p-1,,yes
"""


def test_a_file_is_read_and_written_again() -> None:
    found = read_organisations(FILE.encode(), "o.csv")
    assert found.problems == []
    bell, panel = found.records
    assert (bell.size, bell.sites, bell.people) == ("micro", "SW1A 2AA;E09000033", ("p-1", "p-2"))
    assert bell.contacts == (("E09000033", "p-2"),)
    assert (panel.size, panel.passes_on) == ("large", True)
    again = "\n".join([",".join(COLUMNS), *(",".join(row) for row in rows_of(found.records))])
    assert read_organisations(again.encode(), "o.csv").records == found.records


@pytest.mark.parametrize(
    ("cells", "code", "fix"),
    [
        ("o-1,Bell,i,small,,,,", "trade_unknown", "did you mean I"),
        ("o-1,Bell,hospitality,small,,,,", "trade_unknown", "did you mean I"),
        ("o-1,Bell,,small,,,,", "trade_unknown", "A to U"),
        ("o-1,Bell,=I,small,,,,", "formula_cell", "apostrophe"),
        ("o-1,Bell,I,smal,,,,", "size_unknown", "did you mean small?"),
        ("o-1,,I,small,,,,", "name_missing", "called"),
        (",Bell,I,small,,,,", "external_id_missing", "id of your own"),
        ("..,Bell,I,small,,,,", "external_id_unreachable", "a letter or a digit"),
        ("o-1,Bell,I,small,,p-1,E09000033=p-2,", "contact_not_acting", "people"),
        ("o-1,Bell,I,small,,p-1;p-2,E1=p-1;E1=p-2,", "contact_twice", "one person"),
        ("o-1,Bell,I,small,,p-1,p-1,", "contact_invalid", "E09000033=p-17"),
        ("o-1,Bell,I,small,,,,maybe", "passes_on_invalid", "yes"),
    ],
)
def test_what_is_wrong_with_a_row_is_told_with_its_line_and_how_to_mend_it(
    cells: str, code: str, fix: str
) -> None:
    found = read_organisations(f"{','.join(COLUMNS)}\n{cells}\n".encode(), "o.csv")
    assert [(p.code, p.where) for p in found.problems] == [(code, "o.csv:2")]
    assert fix in found.problems[0].fix
    assert "Bell" not in found.problems[0].line()


def test_a_column_that_there_is_not_is_told_with_the_nearest() -> None:
    found = read_organisations(b"external_id,name,trade,sizes\n", "o.csv")
    assert [p.code for p in found.problems] == ["column_unknown", "header_missing"]
    assert "size" in found.problems[0].fix


async def test_a_site_of_a_postcode_moves_with_the_directory(db: Database) -> None:
    from broadcast.places.postcodes.directory import Entry
    from service.setup import places

    bell = named("bell", sites="SW1A 2AA", people=("owner",))
    await db.write(rows.save, [bell], NOON)
    assert await told(db, a_rule("I")) == set()
    entry = Entry("SW1A2AA", 51.5035, -0.1277, 100, "", "")
    await db.write(places.store_postcodes, [entry], NOON)
    after: int | None = 0
    while after is not None:
        _, after = await db.write(placing.place_others_by_postcode, after)
    assert await told(db, a_rule("I")) == {"owner"}
