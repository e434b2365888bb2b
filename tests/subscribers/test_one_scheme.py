"""What an installation of before had marked with its secret key is marked with the contact keys
afterwards: nobody has to prove a contact anew, and no answer is out of reach of erasing.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from broadcast.answers import store
from broadcast.problems import Rejected
from broadcast.store.database import Database
from config.contact_keys import ContactKeys
from console.processes import migrate
from service.answers import keeping
from subscribers.contact import points
from subscribers.contact.keys import OPTION, KeyRing

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = b"s3cret-of-32-letters-or-more-----"
MOBILE, PHONE, MAIL = "+447700900001", "+442079460001", "Ada@Example.org"
NOBODYS = "+447700900777"


def confirmed(address: str) -> str:
    folded = address.casefold() if "@" in address else address
    return hmac.digest(SECRET, f"registration|address|{folded}".encode(), "sha256").hex()[:40]


def answered(number: str) -> str:
    return hmac.digest(SECRET, b"answer from|" + number.encode(), "sha256").hex()


def before(conn: Connection) -> None:
    from alembic import command

    config = migrate._config()
    config.attributes["connection"] = conn
    command.upgrade(config, "0022")
    at: Any = NOON.replace(tzinfo=None) if conn.dialect.name == "sqlite" else NOON
    old = at - timedelta(days=9)
    people = [
        (1, points.Known(addresses={"mobile": MOBILE, "email": MAIL})),
        (2, points.Known(addresses={"mobile": MOBILE, "phone": PHONE})),
        (3, points.Known(addresses={"email": "new@example.org"})),
    ]
    points.add(conn, people, points.BASIS, NOON)
    conn.execute(
        text(
            "INSERT INTO contact_confirmed (subscriber_id, channel, address_mark, at)"
            " VALUES (:person, :channel, :mark, :at)"
        ),
        [
            {"person": 1, "channel": "sms", "mark": confirmed(MOBILE), "at": old},
            {"person": 1, "channel": "email", "mark": confirmed(MAIL), "at": old},
            {"person": 2, "channel": "voice", "mark": confirmed(PHONE), "at": old},
            # an address that an administrator has replaced since: whoever has the new one proved
            # nothing
            {"person": 3, "channel": "email", "mark": confirmed("old@example.org"), "at": old},
        ],
    )
    conn.execute(
        text(
            "INSERT INTO answer (at, channel, kind, digest, joined, status, mark, key_id, sealed)"
            " VALUES (:at, 'sms', 'text', :mark, 'unsorted', 'Actual', :mark, 'k', :sealed)"
        ),
        [
            {"at": at, "mark": answered(number), "sealed": b"x"}
            for number in (MOBILE, PHONE, NOBODYS)
        ],
    )


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(ContactKeys("", tmp_path / "apart" / "contact.keys"))


async def test_nobody_proves_a_contact_anew_and_no_answer_is_out_of_reach(
    url: str, ring: KeyRing
) -> None:
    db = Database(url, options={OPTION: ring, "secret_key": lambda: SECRET})
    try:
        await db.write(before)
        assert await migrate.upgrade(db)
        assert await db.read(points.who_proved, "sms", MOBILE) == [1]
        assert await db.read(points.who_proved, "voice", MOBILE) == [1]
        assert await db.read(points.who_proved, "email", "ada@example.org") == [1]
        assert await db.read(points.who_proved, "voice", PHONE) == [2]
        assert await db.read(points.who_proved, "email", "new@example.org") == []
        proven = text(
            "SELECT subscriber_id, kind FROM contact_point WHERE confirmed_how = 'code'"
            " AND confirmed_at < :noon ORDER BY 1, 2"
        )
        noon = "2026-11-21" if db.dialect == "sqlite" else NOON
        found = await db.read(lambda conn: conn.execute(proven, {"noon": noon}).all())
        assert [tuple(row) for row in found] == [(1, "email"), (1, "mobile"), (2, "phone")]
        marks = await db.read(
            lambda conn: list(conn.execute(text("SELECT mark FROM answer ORDER BY id")).scalars())
        )
        assert marks[0] == await db.write(keeping.mark_of, MOBILE)
        assert marks[2] == "", "of nobody's number nothing is kept"
        await db.write(points.forget, [2])
        assert await db.write(keeping.erase_of, 2, [MOBILE, PHONE], NOON) == 1
        assert len(await db.read(store.marked_with)) == 1
    finally:
        await db.close()


async def test_without_the_secret_key_everything_stays_as_it_was(url: str, ring: KeyRing) -> None:
    db = Database(url, options={OPTION: ring})
    try:
        await db.write(before)
        with pytest.raises(Rejected) as refused:
            await migrate.upgrade(db)
        assert refused.value.problems[0].code == "secret_key_missing"
        held = text("SELECT count(*) FROM contact_confirmed")
        assert await db.read(lambda conn: conn.execute(held).scalar_one()) == 4
    finally:
        await db.close()
