"""Forms and codes as rows, on both databases: claimed once, used once, whoever comes at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import shapely
from sqlalchemy import update

from broadcast.places.areas import Area, AreaTree
from broadcast.problems import Rejected
from broadcast.store.database import Connection, Database
from config.contact_keys import ContactKeys
from migrations.tables import metadata
from service.residents import registering
from service.setup.keys import rotate
from service.setup.people import World
from subscribers.contact import points
from subscribers.contact.keys import OPTION, KeyRing
from subscribers.registration import addresses, budgets, pending
from subscribers.registration.budgets import Limits
from subscribers.registration.tables import registration
from subscribers.registry import reached
from tests.ledger.conftest import database_url, db

__all__ = ["database_url", "db"]

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LIMITS = Limits()
NUMBER = "+447700900555"
AREA = Area(code="E1", name="Here", level="ward", parent=None)
WORLD = World(tree=AreaTree([(AREA, shapely.box(0, 0, 1, 1))]), trial_numbers=True)


async def asked(db: Database, number: str = NUMBER, purpose: str = "join") -> str:
    """Begin a form and ask for a code; return the browser's secret."""
    address = addresses.read("sms", number, trial=True)

    def ask(conn: Connection) -> str:
        secret = pending.begin(
            conn,
            purpose=purpose,
            language="en",
            network="n",
            limits=LIMITS,
            now=NOW,
            area="E1",
            topics="incident",
        )
        pending.ask_code(conn, secret, address=address, limits=LIMITS, now=NOW)
        return secret

    return await db.write(ask)


async def claimed(db: Database) -> list[pending.ToSend]:
    return await db.write(pending.claim, channels=("sms",), now=NOW)


async def entered(db: Database, secret: str, code: str, now: datetime = NOW) -> registering.Joined:
    return await db.write(registering.enter, secret, code, world=WORLD, now=now)


async def test_a_code_is_claimed_by_one_of_many_senders(db: Database) -> None:
    for n in range(5):
        await asked(db, f"+4477009005{n}5")
    found = await asyncio.gather(*(claimed(db) for _ in range(6)))
    ids = [each.id for some in found for each in some]
    assert len(ids) == len(set(ids)) == 5
    assert len({each.code for some in found for each in some}) > 1
    assert all(len(each.code) == 6 for some in found for each in some)


async def test_a_right_code_that_comes_twice_at_a_time_makes_one_person(db: Database) -> None:
    secret = await asked(db)
    [code] = await claimed(db)
    found = await asyncio.gather(*(entered(db, secret, code.code) for _ in range(5)))
    assert sorted(each.outcome for each in found) == ["expired"] * 4 + ["registered"]
    assert len(await db.read(reached.persons_with_address, "sms", NUMBER)) == 1


async def test_two_forms_that_prove_one_contact_at_a_time_make_one_person(db: Database) -> None:
    numbers = [f"+999{n:05d}0555" for n in range(4)]
    secrets = [await asked(db, number) for number in numbers for _ in range(2)]
    codes = [each.code for each in sorted(await claimed(db), key=lambda each: each.id)]
    pairs = zip(secrets, codes, strict=True)
    found = await asyncio.gather(*(entered(db, secret, code) for secret, code in pairs))
    outcomes = [each.outcome for each in found]
    assert sorted(outcomes) == ["registered"] * 4 + ["signed_in"] * 4
    assert len({each.person for each in found}) == 4


async def test_tries_at_a_time_are_all_counted(db: Database) -> None:
    secret = await asked(db)
    [code] = await claimed(db)
    wrong = f"{(int(code.code) + 1) % 1_000_000:06d}"
    found = await asyncio.gather(*(entered(db, secret, wrong) for _ in range(8)))
    outcomes = [each.outcome for each in found]
    assert (outcomes.count("wrong"), outcomes.count("too_often")) == (5, 3)
    assert (await entered(db, secret, code.code)).outcome == "too_often"


async def test_a_code_holds_for_ten_minutes_and_no_longer(db: Database) -> None:
    secret = await asked(db)
    [code] = await claimed(db)
    late = NOW + timedelta(minutes=10)
    assert (await entered(db, secret, code.code, late)).outcome == "expired"
    just = late - timedelta(seconds=1)
    assert (await entered(db, secret, code.code, just)).outcome == "registered"


async def test_nothing_is_typed_in_before_a_code_is_made(db: Database) -> None:
    secret = await asked(db)
    for code in ("", "none", "000000"):
        assert (await entered(db, secret, code)).outcome == "wrong"


async def test_a_newer_code_is_not_marked_by_what_became_of_the_older(db: Database) -> None:
    secret = await asked(db)
    [older] = await claimed(db)
    await db.write(pending.ask_code, secret, address=None, limits=LIMITS, now=NOW)
    await db.write(pending.record, older.id, older.code, "refused")
    found = await db.read(pending.find, secret, NOW)
    assert found is not None
    assert found.state == "waiting"
    [newer] = await claimed(db)
    if older.code != newer.code:
        assert (await entered(db, secret, older.code)).outcome == "wrong"
    assert (await entered(db, secret, newer.code)).outcome == "registered"


async def test_a_form_asks_for_four_codes_at_most(db: Database) -> None:
    secret = await asked(db)
    later = NOW
    for _ in range(pending.CODES - 1):
        later += timedelta(minutes=11)
        await db.write(pending.ask_code, secret, address=None, limits=LIMITS, now=later)
    with pytest.raises(Rejected) as refused:
        await db.write(
            pending.ask_code,
            secret,
            address=None,
            limits=LIMITS,
            now=later + timedelta(minutes=11),
        )
    assert refused.value.problems[0].code == "too_many_codes"


async def test_of_a_key_that_was_taken_away_who_registers_begins_again(db: Database) -> None:
    secret = await asked(db)
    [code] = await claimed(db)
    await db.write(
        lambda conn: conn.execute(
            update(registration).values(state="waiting", key_id="000000000000")
        )
    )
    assert await claimed(db) == []
    assert (await entered(db, secret, code.code)).outcome == "expired"


async def test_a_form_under_way_outlasts_a_rotation_and_so_do_the_counts_of_money(
    tmp_path: Path,
) -> None:
    keys = ContactKeys("", tmp_path / "apart" / "contact.keys", file_set=True)
    db = Database(f"sqlite:///{tmp_path}/r.db", options={OPTION: KeyRing(keys)})
    await db.write(metadata.create_all)
    try:
        secret, waiting = await asked(db), await asked(db, "+447700900556")
        [code, _] = await claimed(db)
        await rotate(db, keys, lambda: NOW, lambda _: None)
        assert (await entered(db, secret, code.code)).outcome == "registered"
        assert await db.read(points.who_proved, "sms", NUMBER) == [1]
        # one key later: the address is opened with the old one, and sealed with the new one
        await db.write(pending.ask_code, waiting, address=None, limits=LIMITS, now=NOW)
        [other] = await claimed(db)
        assert other.address == "+447700900556"
        assert await db.read(budgets.spent, NOW) == 3 * budgets.PRICES["sms"]
    finally:
        await db.close()
