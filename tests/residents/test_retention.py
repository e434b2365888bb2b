"""What is kept for so long only is deleted when its time is over and not before, all still adds up
without it, and the pages say how long.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from broadcast.drafts import unfinished
from broadcast.operators import audit, operators
from broadcast.problems import Rejected
from broadcast.replay import comparison
from broadcast.sessions import store as sessions
from broadcast.store.database import Database, metadata
from console.residents import kept
from console.residents.words import RESIDENT_WORDS
from service import sign_in
from service.loops import forgetting
from service.residents import retention
from service.residents.registering import LASTS
from tests.clock import NOON
from tests.console.site import Site, open_site
from tests.console.visitor import HERE, Visitor
from tests.residents.journey import Box, choose, register, to_code

ROOT = Path(__file__).parents[2]
GO = ("registration", "sign_up_count", "idempotency", "unfinished", "session", "one_time_link")


async def sweep(db: Database, now: datetime, answers_kept: timedelta | None = None) -> None:
    for step in forgetting.steps(answers_kept).values():
        await db.write(step, now)


async def counted(db: Database) -> dict[str, int]:
    """Return how many rows each table has."""

    def read(conn: Connection) -> dict[str, int]:
        return {
            name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }

    return await db.read(read)


async def test_after_its_days_each_kind_is_gone_and_all_still_adds_up(site: Site, box: Box) -> None:
    now = site.context.now()
    author = await site.db.read(operators.by_name, "author")
    for _ in range(2):
        await Visitor(site).sign_in("author")
    await sign_in.invite(site.db, "approver2", actor="test", now=now)
    await site.db.write(unfinished.keep, author, "/room/write", {"kind": "incident"}, now)
    await site.db.write(unfinished.keep_skeleton, author, "/room", "Flood", {}, now)
    await register(site, box)
    await to_code(Visitor(site), "07700 900556")
    message = await site.live()
    await site.done(await site.claimed())
    delivered = (await site.get(f"/api/v1/messages/{message}/deliveries", role="auditor")).json
    before = await counted(site.db)
    assert all(before[name] for name in GO), before

    await sweep(site.db, now + timedelta(minutes=9))
    assert await counted(site.db) == before
    await sweep(site.db, now + LASTS + sessions.KEPT + timedelta(minutes=5))

    after = await counted(site.db)
    assert {name: after[name] for name in GO} == dict.fromkeys(GO, 0) | {
        "unfinished": 1,  # the template
        "session": 1,  # the operator's first: whoever was signed in is invited no more
    }
    assert {n: c for n, c in after.items() if n not in GO} == {
        n: c for n, c in before.items() if n not in GO
    }
    assert await site.db.read(audit.verify) is None
    assert (await comparison.run(site.db))["differences"] == []
    assert (
        await site.get(f"/api/v1/messages/{message}/deliveries", role="auditor")
    ).json == delivered
    with pytest.raises(Rejected) as refused:
        await sign_in.invite(site.db, "author", actor="test", now=now)
    assert refused.value.problems[0].code == "signed_in_before"


async def test_a_session_that_stands_and_one_that_ended_lately_are_not_deleted(site: Site) -> None:
    def begin(conn: Connection) -> tuple[str, str]:
        whose: dict[str, Any] = {"kind": "resident", "holder_id": 1, "proof": "sms", "now": NOON}
        stays, ends = (sessions.begin(conn, lasts=LASTS, **whose) for _ in range(2))
        ended = sessions.find(conn, "resident", ends, NOON)
        assert ended is not None
        sessions.end(conn, ended.id, NOON)
        sessions.make_link(conn, kind="operator", holder_id=1, now=NOON, lasts=timedelta(days=40))
        return stays, ends

    stays, _ = await site.db.write(begin)
    second = timedelta(seconds=1)
    for later, left in (
        (sessions.KEPT, 2),  # one has stood to its last moment, one ended so long ago
        (sessions.KEPT + second, 1),
        (LASTS + sessions.KEPT, 1),
        (LASTS + sessions.KEPT + second, 0),
    ):
        await sweep(site.db, NOON + later)
        assert (await counted(site.db))["session"] == left, later
        if later < LASTS:
            assert await site.db.read(sessions.find, "resident", stays, NOON + later)
    assert (await counted(site.db))["one_time_link"] == 1


async def test_the_pages_say_what_is_kept_and_how_long_by_the_same_settings(tmp_path: Path) -> None:
    settings = {
        "FASTTIME_PUBLIC_URL": HERE,
        "FASTTIME_ANSWERS_DAYS": "45",
        "FASTTIME_BACKUP_DAYS": "35",
    }
    trial = {"FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9"}
    async with open_site(tmp_path, **settings, **trial) as installed:
        joining = Visitor(installed)
        await choose(joining)
        visitor, _ = await register(installed, Box(installed))
        for lang, words in RESIDENT_WORDS.items():
            sentences = kept.told(lang, (45, 35))
            for days in (45, 35):
                assert kept.lasting(lang, timedelta(days=days)) in " ".join(sentences)
            told = await installed.get(
                "/api/residents/kept", role=None, headers={"Accept-Language": lang}
            )
            assert [each["words"] for each in told.json["kept"]] == sentences
            for who, path in ((visitor, "/me"), (joining, "/join/address")):
                page = await who.get(f"{path}?lang={lang}")
                assert words["kept_head"] in page.words
                assert [each for each in sentences if each not in page.words] == [], (path, lang)


@pytest.mark.parametrize("lang", sorted(RESIDENT_WORDS))
def test_each_kind_of_data_has_its_sentence_in_each_language(lang: str) -> None:
    own = json.loads((ROOT / f"console/residents/languages/{lang}.json").read_text())
    for days in ((0, 0), (45, 0), (45, 35)):
        told = kept.told(lang, days)
        assert len(told) == len(set(told)) == len(retention.kinds(*days))
        assert not any("{" in sentence for sentence in told)
        assert {f"kept_{kind}" for kind in retention.kinds(*days)} <= set(own)


@pytest.mark.parametrize(
    "lang,days,said",
    [
        ("en", 1, "1 day"),
        ("en", 30, "30 days"),
        ("cy", 2, "2 ddiwrnod"),
        ("cy", 30, "30 diwrnod"),
        ("pl", 1, "1 dzień"),
        ("pl", 22, "22 dni"),
        ("ro", 1, "1 zi"),
        ("ro", 19, "19 zile"),
        ("ro", 20, "20 de zile"),
        ("ro", 101, "101 zile"),
        ("ro", 365, "365 de zile"),
        ("ur", 7, "7 دن"),
        ("ar", 1, "يوم واحد"),
        ("ar", 2, "يومان"),
        ("ar", 7, "7 أيام"),
        ("ar", 30, "30 يومًا"),
        ("ar", 100, "100 يوم"),
        ("ar", 105, "105 أيام"),
        ("ar", 365, "365 يومًا"),
    ],
)
def test_a_number_of_days_is_said_as_the_language_says_it(lang: str, days: int, said: str) -> None:
    assert kept.lasting(lang, timedelta(days=days)) == said
