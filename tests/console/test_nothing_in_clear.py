"""Files, tables and logs of an installation in use are searched for names, numbers and addresses:
after an import, a message sent, answers, stops, an export, and for somebody who is erased.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from broadcast.events.topics import ROLES
from broadcast.files import sealed_file
from broadcast.operators import operators
from broadcast.replay import comparison
from channels.contract import Channel, Refused
from channels.dispatch.rates import MemoryLimiter
from channels.memory import MemoryChannel, fails_with
from config.wiring import Adapters
from migrations.tables import metadata
from service.engine import Engine
from service.setup import registry_file
from subscribers.registry import showing
from tests.console.site import ACCOUNT, TOKEN, WESTMINSTER, Site, open_site
from tests.console.visitor import HERE
from tests.residents import whole_lives
from tests.residents.whole_lives import Lives, Sent
from tests.rows import rows

API = "/api/v1"
ADA = {
    "external_id": "r-100",
    "name": "Ada Lovelace",
    "mobile": "07700 900901",
    "email": "ada.l@example.org",
    "lat": 51.5,
    "lon": -0.13,
    "channels": ["sms", "email"],
    "basis": "consent, form of 1 May 2026",
}
# as they are written anywhere: of Ada, and of the people whom every site has
OF_ADA = ("Lovelace", "700900901", "700 900901", "ada.l@")
OF_OTHERS = ("Person 1", "Cam den", "7700900001", "7700900017", "2079460001")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    more: dict[str, Any] = {}
    if request.param == "postgresql":
        more["FASTTIME_DATABASE_URL"] = request.getfixturevalue("migrated_postgres_url")
    async with open_site(tmp_path, **more) as running:
        yield running


def everything(conn: Connection) -> str:
    """Return every cell of every table, bytes too."""
    found = []
    for table in metadata.sorted_tables:
        for row in rows(conn, table.name):
            for cell in row:
                whole = bytes(cell) if isinstance(cell, memoryview) else cell
                found.append(whole.decode("latin-1") if isinstance(whole, bytes) else str(whole))
    return "\n".join(found)


async def searched(site: Site, folder: Path) -> str:
    """Return all that lies in the data folder and in the tables, while the installation runs."""
    files = await asyncio.to_thread(
        lambda: [f.read_bytes().decode("latin-1") for f in folder.rglob("*") if f.is_file()]
    )
    return "\n".join([*files, await site.db.read(everything)])


async def used(site: Site) -> tuple[str, str, int]:
    """Use the installation in every way that touches a number; return the key of Ada's request, the
    path of Ada and the message.
    """
    key = str(uuid.uuid4())
    added = await site.post(f"{API}/subscribers", ADA, role="administrator", key=key)
    assert added.status == 201, added.json
    path = f"{API}/subscribers/{added.json['id']}"
    inn = {"external_id": "o-1", "name": "Lovelace Arms", "trade": "I", "size": 7}
    inn |= {"sites": [WESTMINSTER], "people": ["r-100"]}
    acting = await site.post(f"{API}/organisations", inn, role="administrator")
    assert (acting.status, acting.json["name"]) == (201, "Lovelace Arms"), acting.json
    message = await site.live()
    s = await site.claimed()
    await site.done(s)
    for position, (status, code) in enumerate((("delivered", ""), ("failed", "21610"))):
        given = {"MessageSid": f"SM{position}", "MessageStatus": status, "To": "+447700900001"}
        given |= {"ErrorCode": code} if code else {}
        await site.twilio(f"/hooks/twilio/status/{site.attempt(s, position)}", given)
    for number, words in (("+447700900017", "STOP"), ("+447700900901", "help me"), ("12", "?")):
        sent = {"MessageSid": f"SM{words}", "From": number, "Body": words}
        await site.twilio("/hooks/twilio/inbound", sent)
    await site.post(f"{path}/stop", {"channel": "sms"}, role="administrator")
    shown = await site.get(path, role="administrator")
    assert shown.json["mobile"] == "+447700900901"
    assert "Lovelace" in "".join(await site.db.read(lambda conn: list(showing.export_csv(conn))))
    return key, path, message


async def test_no_name_number_or_address_lies_in_files_tables_or_logs(
    site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    key, path, _ = await used(site)
    held = await searched(site, tmp_path)
    for said in (*OF_ADA, *OF_OTHERS):
        assert said not in held, said
    told = capfd.readouterr()
    for said in (*OF_ADA, *OF_OTHERS):
        assert said not in told.out + told.err, said
    # and the request that is repeated is answered as before, for the answer is sealed only
    again = await site.post(f"{API}/subscribers", ADA, role="administrator", key=key)
    assert (again.status, again.json["mobile"]) == (201, "+447700900901")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert path.endswith(str(again.json["id"]))


async def test_who_is_erased_is_gone_from_everywhere_and_all_still_adds_up(
    site: Site, tmp_path: Path
) -> None:
    key, path, message = await used(site)
    before = (await site.get(f"{API}/messages/{message}", role="author")).json
    refused = await site.post(f"{path}/erase", {"why": "by letter"}, role="author")
    assert (refused.status, refused.code) == (403, "wrong_role")
    erased = await site.post(f"{path}/erase", {"why": "by letter"}, role="administrator")
    assert erased.status == 200, erased.json
    person = erased.json["id"]
    held = await searched(site, tmp_path)
    for said in (*OF_ADA, "r-100"):
        assert said not in held, said
    again = await site.post(f"{API}/subscribers", ADA, role="administrator", key=key)
    assert (again.status, again.code) == (410, "subscriber_erased")
    anew = await site.post(f"{API}/subscribers", ADA, role="administrator")
    assert (anew.status, anew.code) == (409, "subscriber_erased")
    assert (await site.get(path, role="administrator")).status == 404
    assert (await site.get(f"{API}/messages/{message}", role="author")).json == before
    assert (await comparison.run(site.db))["differences"] == []
    chained = (await site.get(f"{API}/audit?kind=admin", role="auditor")).json
    assert "subscribers.erase" in str(chained)
    assert str(person) in str(chained)


@asynccontextmanager
async def engine_of(site: Site, channels: Mapping[str, Channel]) -> AsyncIterator[None]:
    """Run every loop of the installation until the block ends."""
    adapters = Adapters({"Actual": channels})
    engine = Engine(
        settings=site.settings,
        db=site.db,
        adapters={"urgent": adapters, "routine": adapters},
        limiter=MemoryLimiter(),
        roles=ROLES,
        channels_on=adapters.on,
    )
    running = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        engine.stopping.set()
        await running


async def exported(site: Site, to: Path) -> None:
    """Write the whole registry as one sealed file, as two administrators agreed."""
    now = site.context.now()
    both = [
        (
            await site.db.write(
                operators.add,
                name=f"Admin {n}",
                role="administrator",
                area=None,
                email=f"{n}@police.example",
                now=now,
            )
        )[0]
        for n in (1, 2)
    ]
    key = sealed_file.public_of(sealed_file.new_private()).hex()
    asked = await site.db.write(registry_file.propose, both[0], key, now)
    await site.db.write(registry_file.agree, both[1], asked.id, now)
    moved = await registry_file.write(site.db, both[0], asked.id, to, now)
    assert moved.people > len(whole_lives.NUMBERS)


@pytest.mark.timeout(400)  # many lives, each with every door: two minutes where all is busy
async def test_whole_lives_leave_nothing_in_clear_in_files_logs_metrics_or_the_export(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    env = {"FASTTIME_PUBLIC_URL": HERE, "FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9"}
    channels = {name: MemoryChannel(name) for name in ("sms", "voice", "email")}
    channels["sms"].by_address[whole_lives.BY_FILE] = fails_with(Refused("21610"))

    async def inbox(channel: str) -> list[Sent]:
        return [Sent(e.to, e.body, e.attempt) for e in channels[channel].ledger]

    async with open_site(tmp_path, **env) as site, engine_of(site, channels):

        async def publish() -> int:
            words = {"en": {"headline": "Zeppelin over Soho", "instruction": "Call 101."}}
            message = await site.approved(kind="appeal", hotlines=["101"], languages=words)
            return (await site.version(message)).id

        lives = Lives(site, inbox, publish, ACCOUNT, TOKEN, HERE)
        await lives.leave_traces_everywhere()
        await exported(site, tmp_path / "people.sealed")
        metrics = await site.metrics()
        assert "fasttime_" in metrics
        held = await site.db.read(everything)
        assert sorted(f.name for f in (tmp_path / "data").glob("*.db*"))[1:]  # its WAL too
        while_it_runs = whole_lives.SEARCH.found_in_files(tmp_path.rglob("*"))
    told = capfd.readouterr()
    assert "slice.done" in told.out + told.err
    found = {
        "files": while_it_runs + whole_lives.SEARCH.found_in_files(tmp_path.rglob("*")),
        "tables": whole_lives.SEARCH.found_in(held.encode("latin-1", "replace")),
        "logs": whole_lives.SEARCH.found_in((told.out + told.err).encode()),
        "metrics": whole_lives.SEARCH.found_in(metrics.encode()),
    }
    assert {where: what for where, what in found.items() if what} == {}
