"""Operator changes and exports over HTTP: one administrator asks, another approves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from broadcast.operators import audit, operator_requests, operators
from broadcast.operators.tables import operator, operator_request
from broadcast.problems import Rejected
from broadcast.store.database import Database
from broadcast.store.tables import idempotency
from subscribers.contact.tables import contact_point
from tests.console.hanging_up import hang_up_while_it_is_made
from tests.console.site import Site, open_site
from tests.keys import database as open_database

PATH = "/api/v1/operator-requests"
NEW = {"kind": "add", "name": "Kit Lee", "role": "approver", "email": "kit@example.org"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        for name, email in (("second", "second@example.org"), ("third", "boss+x@example.org")):
            _, running.tokens[name] = await running.db.write(
                operators.add,
                name=f"Admin {name}",
                role="administrator",
                area=None,
                email=email,
                now=datetime.now(UTC),
            )
        yield running


async def ask(site: Site, body: dict[str, Any], role: str = "administrator") -> int:
    answer = await site.post(PATH, body, role=role)
    assert answer.status == 201, answer.body
    return int(answer.json["id"])


async def test_an_administrator_alone_makes_no_operator_and_takes_no_export(site: Site) -> None:
    await site.db.write(
        lambda conn: conn.execute(
            update(operator)
            .where(operator.c.role == "administrator", operator.c.email.is_(None))
            .values(email="boss@example.org")
        )
    )
    for body in (NEW, {"kind": "disable", "name": "Admin second"}, {"kind": "export"}):
        request = await ask(site, body)
        for role in (
            "administrator",
            "third",
        ):  # the same person, and their second account by mailbox
            answer = await site.post(f"{PATH}/{request}/approve", role=role)
            assert (answer.status, answer.code) == (403, "same_person")
        for role in ("author", "approver", "operator", "auditor"):
            assert (await site.post(f"{PATH}/{request}/approve", role=role)).code == "wrong_role"
    assert (await site.get(f"{PATH}/3/export", role="administrator")).code == "state_conflict"
    names = {o["name"]: o["disabled"] for o in await site.db.read(operators.listed)}
    assert "Kit Lee" not in names
    assert names["Admin second"] is None


async def test_the_token_is_answered_once_and_stored_nowhere(site: Site) -> None:
    asked = await site.post(PATH, NEW, role="administrator")
    assert "token" not in asked.json
    path = f"{PATH}/{asked.json['id']}/approve"
    first = await site.post(path, role="second", key="one")
    token = first.json["token"]
    assert (await site.context.actor(token)).name == "Kit Lee"
    again = await site.post(path, role="second", key="one")
    assert (again.status, "token" in again.json, again.headers["Idempotency-Replayed"]) == (
        200,
        False,
        "true",
    )
    assert token not in str((await site.get(PATH, role="administrator")).json)
    stored = await site.db.read(
        lambda conn: [
            *conn.execute(select(idempotency.c.body)).scalars(),
            *conn.execute(select(operator_request.c.what)).scalars(),
        ]
    )
    assert token not in "".join(str(text) for text in stored)
    assert token not in str(await site.db.read(audit.listed))
    assert (await site.post(path, role="third")).code == "state_conflict"


async def test_a_disabled_operator_s_token_is_worthless_and_every_step_is_chained(
    site: Site,
) -> None:
    request = await ask(site, {"kind": "disable", "name": "Admin third"})
    assert (await site.post(f"{PATH}/{request}/approve", role="second")).json["state"] == "approved"
    assert (await site.get(PATH, role="third")).code == "token_invalid"
    refused = await ask(site, NEW)
    assert (
        await site.post(f"{PATH}/{refused}/reject", {"why": "nobody knows them"}, role="second")
    ).json["state"] == "rejected"
    assert (await site.post(f"{PATH}/{refused}/approve", role="second")).code == "state_conflict"
    links = (await site.get("/api/v1/audit", role="auditor")).json["links"]
    told = [link["action"] for link in links if link["kind"] == "admin"]
    assert told[-5:] == [
        "operators.request",
        "operators.disable",
        "operators.approve",
        "operators.request",
        "operators.reject",
    ]
    assert "Kit Lee" in links[-2]["detail"]
    assert "kit@example.org" not in str(links)


async def test_an_export_is_fetched_once_by_who_asked_for_it_within_the_hour(site: Site) -> None:
    request = await ask(site, {"kind": "export"})
    path = f"{PATH}/{request}"
    assert (await site.get(f"{path}/export", role="administrator")).code == "state_conflict"
    assert (await site.post(f"{path}/approve", role="second")).status == 200
    assert (await site.get(f"{path}/export", role="second")).code == "request_unknown"
    got = await site.get(f"{path}/export", role="administrator")
    assert (got.status, got.headers["Content-Type"], got.headers["Cache-Control"]) == (
        200,
        "text/csv; charset=utf-8",
        "no-store",
    )
    assert b"+447700900001" in got.body
    assert (await site.get(f"{path}/export", role="administrator")).code == "state_conflict"
    links = await site.db.read(audit.listed)
    assert [link["action"] for link in links if link["kind"] == "export"] == ["subscribers.export"]

    late = await ask(site, {"kind": "export"})
    await site.post(f"{PATH}/{late}/approve", role="second")
    hour_ago = datetime.now(UTC) - timedelta(hours=1, seconds=1)
    await site.db.write(
        lambda conn: conn.execute(
            update(operator_request)
            .where(operator_request.c.id == late)
            .values(decided_at=hour_ago)
        )
    )
    assert (await site.get(f"{PATH}/{late}/export", role="administrator")).code == "expired"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "kind_missing"), ({"kind": "promote"}, "kind_unknown"),
        ({"kind": "export", "name": "x"}, "field_unknown"),
        ({**NEW, "token": "x"}, "field_unknown"),
        ({**NEW, "role": "king"}, "role_unknown"), ({**NEW, "email": None}, "email_missing"),
        ({**NEW, "email": "x"}, "email_invalid"), ({**NEW, "name": "1"}, "name_invalid"),
        ({**NEW, "name": "АDMIN second"}, "mixed_script"),
        ({**NEW, "name": "Admin  SECOND"}, "operator_exists"),
        ({**NEW, "email": "second+x@example.org"}, "person_exists"),
        ({**NEW, "area": "E99999999"}, "area_unknown"), ({**NEW, "may_set": "UK"}, "field_type"),
        ({**NEW, "may_set": ["x"]}, "scope_invalid"),
        ({"kind": "disable", "name": "Nobody"}, "operator_unknown"),
    ],
)  # fmt: skip
async def test_a_request_that_could_not_be_done_is_refused_by_name(
    site: Site, body: dict[str, Any], code: str
) -> None:
    assert (await site.post(PATH, body, role="administrator")).code == code


async def test_a_request_that_waited_for_a_week_or_whose_asker_was_disabled_asks_for_nothing_more(
    site: Site,
) -> None:
    request = await ask(site, NEW, "third")
    week_ago = datetime.now(UTC) - timedelta(days=7, seconds=1)
    await site.db.write(
        lambda conn: conn.execute(update(operator_request).values(asked_at=week_ago))
    )
    assert (await site.post(f"{PATH}/{request}/approve", role="second")).code == "expired"
    request = await ask(site, {**NEW, "name": "Kit Lees"}, "third")
    await site.db.write(operators.disable, "Admin third", datetime.now(UTC))
    assert (await site.post(f"{PATH}/{request}/approve", role="second")).code == "asker_disabled"


@pytest.fixture(params=["sqlite", "postgresql"])
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    from console.processes import migrate

    url = (
        f"sqlite:///{tmp_path}/x.db"
        if request.param == "sqlite"
        else request.getfixturevalue("migrated_postgres_url")
    )
    database = open_database(url)
    await migrate.upgrade(database)
    yield database
    await database.close()


async def test_of_two_approvals_at_a_time_one_counts(db: Database) -> None:
    now = datetime.now(UTC)
    people = [
        (
            await db.write(
                operators.add,
                name=f"Admin {x}",
                role="administrator",
                area=None,
                email=f"{x}@example.org",
                now=now,
            )
        )[0]
        for x in ("a", "b", "c")
    ]
    what: dict[str, Any] = {
        "name": "Kit Lee",
        "role": "author",
        "area": None,
        "email": "kit@example.org",
        "may_set": [],
    }
    asked = await db.write(operator_requests.ask, people[0], "add", what, now)
    got = await asyncio.gather(
        *(db.write(operator_requests.approve, p, asked.id, now) for p in people[1:] * 3),
        return_exceptions=True,
    )
    assert len([g for g in got if not isinstance(g, BaseException)]) == 1
    assert all(isinstance(g, Rejected) for g in got if isinstance(g, BaseException))
    assert [o["name"] for o in await db.read(operators.listed)][3:] == ["Kit Lee"]
    assert await db.read(audit.verify) is None


async def test_a_registry_asked_for_at_the_machine_is_agreed_to_by_who_is_bound_to_no_area(
    site: Site,
) -> None:
    actor, now = await site.context.actor(site.tokens["administrator"]), site.context.now()
    asked = await site.db.write(
        operator_requests.ask, actor, operator_requests.REGISTRY, {"to": "ab" * 32}, now
    )
    _, site.tokens["bound"] = await site.db.write(
        operators.add,
        name="Admin bound",
        role="administrator",
        area="E09000033",
        email="bound@example.org",
        now=now,
    )
    path = f"{PATH}/{asked.id}"
    assert (await site.post(f"{path}/approve", role="bound")).code == "area_bound"
    assert (await site.post(f"{path}/approve", role="second")).json["what"] == {"to": "ab" * 32}
    # it is no export of the other kind
    assert (await site.get(f"{path}/export", role="administrator")).code == "request_unknown"


async def test_an_administrator_of_an_area_reaches_nobody_beyond_it(site: Site) -> None:
    now = site.context.now()
    for name, mailbox in (("bound", "bound"), ("bound2", "other")):
        _, site.tokens[name] = await site.db.write(
            operators.add,
            name=f"Admin {name}",
            role="administrator",
            area="E09000033",
            email=f"{mailbox}@example.org",
            now=now,
        )
    new = {"kind": "add", "name": "Nu Person", "role": "author", "email": "nu@example.org"}
    refused = (
        {"kind": "export"},
        new,
        new | {"area": "E09000007"},
        new | {"area": "E09000033", "may_set": ["UK"]},
        {"kind": "disable", "name": "author"},
        {"kind": "disable", "name": "camden"},
    )
    for wanted in refused:
        answer = await site.post(PATH, wanted, role="bound")
        assert (answer.status, answer.code) == (403, "area_bound"), wanted
        asked = await site.post(PATH, wanted, role="administrator")
        assert asked.status == 201, asked.json
        path = f"{PATH}/{asked.json['id']}"
        assert (await site.post(f"{path}/approve", role="bound")).code == "area_bound"
    mine = await site.post(PATH, new | {"area": "E09000033"}, role="bound")
    assert mine.status == 201, mine.json
    done = await site.post(f"{PATH}/{mine.json['id']}/approve", role="bound2")
    assert done.status == 200, done.json


async def agreed(site: Site) -> int:
    number = await ask(site, {"kind": "export"})
    assert (await site.post(f"{PATH}/{number}/approve", role="second")).status == 200
    return number


async def state(site: Site, number: int) -> str:
    return (await site.db.read(operator_requests.get, number)).state


async def test_who_hangs_up_while_an_export_is_read_may_fetch_it_again(site: Site) -> None:
    """As where the process dies in the middle: it is spent when it is whole, and not before."""
    number = await agreed(site)
    token = site.tokens["administrator"]
    await hang_up_while_it_is_made(site, f"{PATH}/{number}/export", token, within=60)
    headers = {"Authorization": f"Bearer {token}"}
    assert await state(site, number) == "approved"
    async with site.client.get(f"{site.url}{PATH}/{number}/export", headers=headers) as answer:
        assert answer.status == 200
        answer.close()  # from the first byte on it is spent
    assert await state(site, number) == "taken"


async def test_an_export_that_breaks_off_while_it_is_read_is_not_spent(site: Site) -> None:
    """One contact that no key opens: an error in the middle, as a crash would be."""
    number = await agreed(site)
    spoil = update(contact_point).where(contact_point.c.subscriber_id == 20).values(key_id="lost")
    await site.db.write(lambda conn: conn.execute(spoil))
    answer = await site.get(f"{PATH}/{number}/export", role="administrator")
    assert answer.status >= 400
    assert await state(site, number) == "approved"
    links = await site.db.read(audit.listed)
    assert [link["action"] for link in links if link["kind"] == "export"] == []


async def test_an_export_waits_for_nobody_and_is_not_spent_where_another_is_read(
    site: Site,
) -> None:
    number = await agreed(site)
    async with site.app.state.web.sealing, asyncio.timeout(60):
        answer = await site.get(f"{PATH}/{number}/export", role="administrator")
    assert (answer.status, answer.code) == (503, "busy")
    assert (await site.get(f"{PATH}/{number}/export", role="administrator")).status == 200


async def test_an_export_is_not_fetched_by_who_is_bound_to_an_area_since(site: Site) -> None:
    asked = await site.post(PATH, {"kind": "export"}, role="administrator")
    path = f"{PATH}/{asked.json['id']}"
    assert (await site.post(f"{path}/approve", role="second")).status == 200
    moved = update(operator).where(operator.c.name == "administrator").values(area="E09000033")
    await site.db.write(lambda conn: conn.execute(moved))
    assert (await site.get(f"{path}/export", role="administrator")).status == 403
