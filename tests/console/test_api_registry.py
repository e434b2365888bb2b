"""The whole registry over HTTP as one sealed file: one administrator asks, another approves, who
asked fetches it once; what broke off before its first byte is fetched again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from broadcast.files import sealed_file
from broadcast.operators import audit, operator_requests, operators
from broadcast.operators.tables import operator, operator_request
from broadcast.problems import Rejected
from console.processes import migrate
from migrations.tables import metadata
from service.setup import registry_file
from subscribers.registry import moving, showing
from tests.console.hanging_up import hang_up_while_it_is_made
from tests.console.site import Answer, Site, open_site
from tests.keys import database as open_database

PATH = "/api/v1/operator-requests"
PRIVATE = sealed_file.new_private()
PUBLIC = sealed_file.public_of(PRIVATE).hex()
ASKED = {"kind": "registry", "to": PUBLIC}
ADMINISTRATORS = (
    ("first", None, "one@example.org"),
    ("second", None, "two@example.org"),
    ("bound", "E09000033", "three@example.org"),
)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        for name, area, email in ADMINISTRATORS:
            _, running.tokens[name] = await running.db.write(
                operators.add,
                name=f"Admin {name}",
                role="administrator",
                area=area,
                email=email,
                now=datetime.now(UTC),
            )
        yield running


async def ask(site: Site) -> int:
    answer = await site.post(PATH, ASKED, role="first")
    assert answer.status == 201, answer.body
    assert answer.json["what"] == {"to": PUBLIC}
    return int(answer.json["id"])


async def agreed(site: Site) -> int:
    number = await ask(site)
    assert (await site.post(f"{PATH}/{number}/approve", role="second")).status == 200
    return number


async def fetch(site: Site, number: int, role: str | None = "first") -> Answer:
    return await site.get(f"{PATH}/{number}/registry", role=role)


async def state(site: Site, number: int) -> str:
    return (await site.db.read(operator_requests.get, number)).state


async def actions(site: Site) -> list[str]:
    links = await site.db.read(audit.listed)
    return [link["action"] for link in links if link["kind"] == "export"]


ROLES = {
    # who: what asking, approving and fetching say to them
    None: ("token_missing", "token_missing", "token_missing"),
    "author": ("wrong_role", "wrong_role", "wrong_role"),
    "approver": ("wrong_role", "wrong_role", "wrong_role"),
    "operator": ("wrong_role", "wrong_role", "wrong_role"),
    "auditor": ("wrong_role", "wrong_role", "wrong_role"),
    "bound": ("area_bound", "area_bound", "area_bound"),
    "first": (201, "same_person", 200),
    "second": (201, 200, "request_unknown"),
}


async def test_who_may_ask_approve_and_fetch(site: Site) -> None:
    waiting, ready = await ask(site), await agreed(site)
    found = {}
    for role in ROLES:
        answers = (
            await site.post(PATH, ASKED, role=role),
            await site.post(f"{PATH}/{waiting}/approve", role=role),
            await fetch(site, ready, role),
        )
        found[role] = tuple(a.code if a.status >= 400 else a.status for a in answers)
    assert found == ROLES


async def test_it_is_fetched_once_and_opens_with_the_private_half_alone(
    site: Site, tmp_path: Path
) -> None:
    number = await ask(site)
    assert (await fetch(site, number)).code == "state_conflict"
    assert (await site.post(f"{PATH}/{number}/approve", role="second")).status == 200
    assert (await site.get(f"{PATH}/{number}/export", role="first")).code == "request_unknown"
    got = await fetch(site, number)
    assert (got.status, got.headers["Content-Type"], got.headers["Cache-Control"]) == (
        200,
        "application/octet-stream",
        "no-store",
    )
    assert got.headers["Content-Disposition"] == f'attachment; filename="registry-{number}.sealed"'
    digest = hashlib.sha256(got.body)
    told = got.headers["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")
    assert base64.b64decode(told) == digest.digest()
    assert int(got.headers["Content-Length"]) == len(got.body)
    assert b"+44770090" not in got.body

    assert (await fetch(site, number)).code == "state_conflict"
    links = [link for link in await site.db.read(audit.listed) if link["kind"] == "export"]
    assert [link["action"] for link in links] == ["registry.export", "registry.exported"]
    assert digest.hexdigest() in links[1]["detail"]
    assert await site.db.read(audit.verify) is None

    elsewhere = open_database(f"sqlite:///{tmp_path}/elsewhere.db")
    await migrate.upgrade(elsewhere)
    lines = sealed_file.lines(io.BytesIO(got.body), PRIVATE)
    rows = await elsewhere.write(moving.bring, lines, datetime.now(UTC))
    assert rows["subscriber"] == 33
    before, after = [await db.read(showing.show, 33) for db in (site.db, elsewhere)]
    assert before == after
    await elsewhere.close()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"kind": "registry"}, "to_missing"),
    ({"kind": "registry", "to": 7}, "field_type"),
    ({"kind": "registry", "to": "12"}, "registry_key_invalid"),
    ({"kind": "registry", "to": "z" * 64}, "registry_key_invalid"),
    ({"kind": "registry", "to": "00" * 32}, "registry_key_invalid"),  # hides nothing
    ({"kind": "registry", "to": PRIVATE.hex()}, "registry_key_private"),
    ({**ASKED, "name": "x"}, "field_unknown"),
    ({"kind": "export", "to": PUBLIC}, "field_unknown"),
    ({"kind": "disable", "name": "Admin bound", "to": PUBLIC}, "field_unknown"),
    ({"kind": "import"}, "not_over_http"),
]


async def test_what_cannot_be_asked_for_is_refused_by_name(site: Site) -> None:
    for body, code in REFUSED:
        answer = await site.post(PATH, body, role="first")
        assert (answer.status, answer.code) == (422, code), body


def test_no_public_key_looks_like_a_private_one_and_every_new_private_one_does() -> None:
    for _ in range(20):
        private = sealed_file.new_private()
        assert registry_file.key_of(sealed_file.public_of(private).hex())
        with pytest.raises(Rejected, match="private half"):
            registry_file.key_of(private.hex())


async def test_what_opens_the_file_is_in_no_row_and_no_log_also_where_it_was_given_by_mistake(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    mistaken = await site.post(PATH, {"kind": "registry", "to": PRIVATE.hex()}, role="first")
    got = await fetch(site, await agreed(site))
    assert got.status == 200
    said = "".join(capfd.readouterr()) + mistaken.body.decode()

    def everything(conn: Connection) -> str:
        return "".join(
            repr(tuple(row))
            for table in metadata.sorted_tables
            for row in conn.execute(select(table))
        )

    kept = await site.db.read(everything)
    assert PUBLIC in kept  # what was agreed to is on record
    for secret in (PRIVATE.hex(), repr(PRIVATE)[2:-1]):
        assert secret not in kept + said


async def test_late_or_by_who_is_bound_since_nothing_is_fetched_and_nothing_spent(
    site: Site,
) -> None:
    number = await agreed(site)
    mine = operator.c.name == "Admin first"
    await site.db.write(lambda c: c.execute(update(operator).where(mine).values(area="E09000033")))
    assert (await fetch(site, number)).code == "area_bound"
    await site.db.write(lambda c: c.execute(update(operator).where(mine).values(area=None)))
    hour_ago = datetime.now(UTC) - timedelta(hours=1, seconds=1)
    late = update(operator_request).values(decided_at=hour_ago)
    await site.db.write(lambda conn: conn.execute(late))
    assert (await fetch(site, number)).code == "expired"
    assert await state(site, number) == "approved"
    assert await actions(site) == []


async def test_who_hangs_up_while_it_is_sealed_may_fetch_it_again(site: Site) -> None:
    number = await agreed(site)
    await hang_up_while_it_is_made(
        site, f"{PATH}/{number}/registry", site.tokens["first"], within=10
    )
    assert (await state(site, number), await actions(site)) == ("approved", [])
    assert (await fetch(site, number)).status == 200


async def test_one_registry_is_sealed_at_a_time_and_who_is_refused_has_spent_nothing(
    site: Site,
) -> None:
    number = await agreed(site)
    async with site.app.state.web.sealing, asyncio.timeout(10):
        answer = await fetch(site, number)
    assert (answer.status, answer.code) == (503, "busy")
    assert (await fetch(site, number)).status == 200


async def test_from_its_first_byte_on_it_is_spent_whatever_becomes_of_the_stream(
    site: Site,
) -> None:
    number = await agreed(site)
    headers = {"Authorization": f"Bearer {site.tokens['first']}"}
    async with site.client.get(f"{site.url}{PATH}/{number}/registry", headers=headers) as answer:
        assert answer.status == 200
        answer.close()  # as where the process dies: nothing of the body is read
    assert await state(site, number) == "taken"
    assert (await fetch(site, number)).code == "state_conflict"


async def test_of_two_files_sealed_by_one_request_one_is_handed_over(site: Site) -> None:
    number, now = await agreed(site), site.context.now()
    actor = await site.context.actor(site.tokens["first"])
    moved = [await registry_file.seal(site.db, actor, number, io.BytesIO(), now) for _ in range(2)]
    assert await state(site, number) == "approved"
    await registry_file.spend(site.db, actor, number, moved[0], now, now)
    with pytest.raises(Rejected, match="taken"):
        await registry_file.spend(site.db, actor, number, moved[1], now, now)
    assert await actions(site) == ["registry.export", "registry.exported"]


async def test_who_was_disabled_while_it_was_sealed_is_handed_nothing(site: Site) -> None:
    number, now = await agreed(site), site.context.now()
    actor = await site.context.actor(site.tokens["first"])
    moved = await registry_file.seal(site.db, actor, number, io.BytesIO(), now)
    await site.db.write(operators.disable, "Admin first", now)
    with pytest.raises(Rejected, match="disabled"):
        await registry_file.spend(site.db, actor, number, moved, now, now)
    assert await state(site, number) == "approved"


async def test_a_key_that_was_changed_behind_the_chain_gets_nothing(site: Site) -> None:
    """Neither before the approval nor after it."""
    waiting, ready = await ask(site), await agreed(site)
    other = sealed_file.public_of(sealed_file.new_private()).hex()
    change = update(operator_request).values(what=f'{{"to": "{other}"}}')
    await site.db.write(lambda conn: conn.execute(change))
    answers = (
        await site.post(f"{PATH}/{waiting}/approve", role="second"),
        await fetch(site, ready),
    )
    assert [answer.code for answer in answers] == ["request_changed"] * 2
    assert [await state(site, n) for n in (waiting, ready)] == ["pending_approval", "approved"]


class Full(io.BytesIO):
    """A disk that has no room."""

    def write(self, _piece: Any, /) -> int:
        raise OSError(28, "No space left on device")


class FullAtTheEnd(io.BytesIO):
    """A disk that has no room for what a buffer still held, as `/dev/full`."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


async def test_what_is_too_large_or_finds_no_room_is_written_at_the_machine_by_the_same_request(
    site: Site, tmp_path: Path
) -> None:
    number, now = await agreed(site), site.context.now()
    actor = await site.context.actor(site.tokens["first"])
    cases: tuple[tuple[io.BytesIO, int, str], ...] = (
        (io.BytesIO(), 32, "registry_too_large"),
        (Full(), 33, "file_not_written"),
        (FullAtTheEnd(), 33, "file_not_written"),
    )
    for file, most, code in cases:
        with pytest.raises(Rejected) as refused:
            await registry_file.seal(site.db, actor, number, file, now, most=most)
        [problem] = refused.value.problems
        assert problem.code == code
        assert f"fasttime registry export FILE --request {number}" in problem.fix
    written = await registry_file.write(site.db, actor, number, tmp_path / "people.sealed", now)
    assert written.people == 33
