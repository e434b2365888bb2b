"""Who is another person: names that look the same, mailboxes that are one, and what a name may
be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.operators import operators
from broadcast.operators.identities import as_seen, check_name, mailbox
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected
from broadcast.store.database import Database
from tests import schema
from tests.keys import database as open_database

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "other",
    [
        "ADA BOND", "ada  bond", " Ada Bond ", "Ada\u00a0Bond", "Ada\u200bBond", "Ada Bo\u00adnd",
        "AdaBond", "Ａｄａ Ｂｏｎｄ", "𝐀𝐝𝐚 𝐁𝐨𝐧𝐝",
        "Аdа Воnd", "Αda Βond", "Ada B0nd", "ꓮda ꓐond", "Ada Bօnd", "Ada Bo\u2060nd",
        "Ada Bond\u3164",
    ],
)  # fmt: skip
def test_names_that_look_the_same_are_one(other: str) -> None:
    assert as_seen(other) == as_seen("Ada Bond")


@pytest.mark.parametrize("other", ["Ada Bonds", "Ade Bond", "Ada Bönd", "Bond Ada", "Ada O'Bond"])
def test_names_that_look_different_are_two(other: str) -> None:
    assert as_seen(other) != as_seen("Ada Bond")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_missing"), ("   ", "name_missing"), ("\u200b", "text_blank"),
        ("12345", "name_invalid"), ("…", "name_invalid"), ("Ada\x07", "control_character"),
        ("Ada\nBond", "control_character"), ("Ada \u202edn", "control_character"),
        ("Аda", "mixed_script"), ("x" * 101, "name_too_long"), ("x" * 5_000_000, "name_too_long"),
        ("machine:root", "name_invalid"), ("Machine: root", "name_invalid"),
        ("Fasttime", "name_invalid"),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_one_is_refused_by_name(name: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_name(name)
    assert refused.value.problems[0].code == code


@pytest.mark.parametrize(
    "name",
    [
        "Ada Bond",
        "x" * 100,
        "José Núñez",
        "Владимир Иванов",
        "Νίκος",
        "محمد",
        "王小明",
        "O’Neill-Smith, PC 4711",
    ],
)
def test_names_of_people_are_taken(name: str) -> None:
    assert check_name(f"  {name} ") == name


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("kit@example.org", "KIT@Example.org", True),
        ("kit@example.org", "kit+night@example.org", True),
        ("kit+a@example.org", "kit+b@example.org", True),
        ("kit.lee@gmail.com", "kitlee@googlemail.com", True),
        ("k.i.t@gmail.com", "kit+x@gmail.com", True),
        ("kit.lee@example.org", "kitlee@example.org", False),
        ("kit@example.org", "kit@example.com", False),
        ("ｋit@example.org", "kit@example.org", True),
        ("kit@example.org.", "kit@example.org", True),
    ],
)  # fmt: skip
def test_sub_addresses_of_one_mailbox_are_one_person(one: str, other: str, same: bool) -> None:
    assert (mailbox(one) == mailbox(other)) is same
    first, second = (
        Operator(id=i, name=str(i), role="author", area=None, email=email)
        for i, email in enumerate((one, other))
    )
    assert first.same_person_as(second) is same


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(schema.sqlite_at(tmp_path / "people.db"))
    yield database
    await database.close()


async def add(db: Database, name: str, email: str | None = None, role: str = "author") -> Any:
    return await db.write(operators.add, name=name, role=role, area=None, email=email, now=NOW)


async def test_a_name_that_looks_like_another_one_is_refused_also_after_that_was_disabled(
    db: Database,
) -> None:
    await add(db, "Ada Bond")
    await db.write(operators.disable, "Ada Bond", NOW)
    for name in ("Ada Bond", "ADA BOND", "Ada\u200b Bond", "ꓮꓓꓮ ꓐꓳꓠꓓ"):
        with pytest.raises(Rejected) as refused:
            await add(db, name)
        assert refused.value.problems[0].code in ("operator_exists", "mixed_script")
    await add(db, "Ada Bonde")


async def test_one_mailbox_has_one_active_account(db: Database) -> None:
    await add(db, "Kit", "kit@example.org")
    with pytest.raises(Rejected) as refused:
        await add(db, "Kit the Second", "Kit+x@example.org", "approver")
    assert refused.value.problems[0].code == "person_exists"
    await db.write(operators.disable, "Kit", NOW)
    await add(db, "Kit the Second", "Kit+x@example.org", "approver")
