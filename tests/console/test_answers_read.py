"""What people answered, listed and read: at the command line, by API, in the control room, each
reading on record; and the whole way with the shipped simulator.
"""

from __future__ import annotations

import asyncio
import base64
import csv
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broadcast.answers.sealing import new_key
from broadcast.operators import operators
from channels.simulator import run_simulator
from config import answer_private_keys
from config.answer_keys import AnswersKey
from console.commands.answers import group
from tests.console.cli import ENTRY, process_env
from tests.console.site import ACCOUNT, CAMDEN, TOKEN, WESTMINSTER, Site, open_site
from tests.console.visitor import HERE, Visitor

KEY = new_key()
ONE = "+447700900002"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    env = {"FASTTIME_ANSWERS_KEY": KEY.public.hex(), "FASTTIME_PUBLIC_URL": HERE}
    async with open_site(tmp_path, **env) as running:
        yield running


async def texted(site: Site, body: str, sid: str, number: str = ONE) -> None:
    path = "/hooks/twilio/inbound"
    params = {"MessageSid": sid, "From": number, "To": "+447700900999", "Body": body}
    got = await site.twilio(path, params, sign_url=HERE + path)
    assert got.status == 200, got.body


async def appeal(site: Site) -> int:
    message = await site.live(kind="appeal", hotlines=["101"])
    await site.done(await site.claimed())
    return message


async def chain(site: Site, action: str) -> list[Any]:
    answer = await site.get("/api/v1/audit?limit=1000", role="auditor")
    return [(n["subject"], n["detail"]) for n in answer.json["links"] if n["action"] == action]


async def test_the_api_lists_without_words_and_hands_out_sealed_on_record(site: Site) -> None:
    message = await appeal(site)
    for n in range(3):
        await texted(site, f"I saw a gun, {n}", f"SM{n}")
    path = f"/api/v1/messages/{message}/answers"
    first = (await site.get(f"{path}?limit=2", role="approver")).json
    rest = (await site.get(f"{path}?limit=2&cursor={first['next']}", role="approver")).json
    assert [a["id"] for a in first["answers"] + rest["answers"]] == [1, 2, 3]
    assert "gun" not in str(first)
    assert ONE not in str(first)
    got = (await site.get("/api/v1/answers/2", role="approver")).json
    opened = KEY.opened(base64.b64decode(got["sealed"]))
    assert opened == {"words": "I saw a gun, 1", "from": ONE, "media": 0}
    assert await chain(site, "answers.read") == [(str(message), "answer 2")]
    assert len(await chain(site, "answers.list")) == 2
    assert "fasttime_answers_urgent 2.0" in await site.metrics()


async def test_answers_are_for_the_room_of_their_message(site: Site) -> None:
    message = await appeal(site)
    await texted(site, "I saw him", "SM1")
    await texted(site, "hello", "SM2", "+447700900777")
    now = site.context.now()
    for name, area in (("camden a", CAMDEN), ("westminster a", WESTMINSTER)):
        _, site.tokens[name] = await site.db.write(
            operators.add, name=name, role="approver", area=area, email=None, now=now
        )
    path = f"/api/v1/messages/{message}/answers"
    assert (await site.get(path, role="author")).code == "wrong_role"
    for one in (path, "/api/v1/answers/1"):
        assert (await site.get(one, role="camden a")).code == "area_out_of_scope"
        assert (await site.get(one, role="westminster a")).status == 200
    for one in ("/api/v1/answers/unsorted", "/api/v1/answers/2"):
        assert (await site.get(one, role="westminster a")).code == "area_out_of_scope"
        assert (await site.get(one, role="approver")).status == 200
    assert (await site.get("/api/v1/answers/99", role="approver")).code == "answer_unknown"


async def test_the_control_room_counts_them_raises_the_urgent_and_shows_no_word(site: Site) -> None:
    message = await appeal(site)
    await texted(site, "there is a fire", "SM1")
    await texted(site, "I saw him", "SM2")
    visitor = Visitor(site)
    await visitor.sign_in("approver")
    home = await visitor.get("/room")
    assert "1 urgent answer not read" in home.words
    page = await visitor.get(f"/room/messages/{message}")
    assert "1 URGENT not read" in page.words
    listed = await visitor.get(f"/room/messages/{message}/answers")
    assert "URGENT" in listed.words
    assert f"fasttime answers read --message {message}" in listed.words
    assert "fire" not in listed.words
    assert ONE not in listed.text
    await site.get("/api/v1/answers/1", role="approver")
    assert "urgent answer" not in (await visitor.get("/room")).words
    assert "None." in (await visitor.get("/room/answers")).words


async def test_a_round_with_the_simulator_answered_listed_and_read_by_command(
    tmp_path: Path,
) -> None:
    private = tmp_path / "keys" / "answers.key"
    made = answer_private_keys.add(private)
    env = {"FASTTIME_ANSWERS_KEY": made.public.hex(), "FASTTIME_PUBLIC_URL": ""}
    async with open_site(tmp_path, **env) as site:
        message = await appeal(site)
        simulator = await run_simulator()
        try:
            url = f"{site.url}/hooks/twilio/inbound"
            simulator.control(inbound_url=url, account=ACCOUNT, token=TOKEN)
            got = await simulator.reply(ONE, "=he has a GUN", to="+447700900999")
            again = await simulator.reply(ONE, "and a hat", to="+447700900999")
        finally:
            await simulator.close()
        assert (got.status, again.status) == (200, 200)
        assert b"Thank you. In danger call 999." in got.body
        assert again.body == b"<Response/>"
        token = site.tokens["approver"]
        told = process_env(
            {
                "FASTTIME_DATA": str(tmp_path / "data"),
                "FASTTIME_ANSWERS_PRIVATE_KEY": str(private),
                "FASTTIME_TOKEN": token,
                **env,
            }
        )

        async def ran(*words: str) -> str:
            pipe = asyncio.subprocess.PIPE
            command = [*ENTRY, "answers", *words]
            cli = await asyncio.create_subprocess_exec(
                *command, env=told, cwd=tmp_path, stdout=pipe, stderr=pipe
            )
            out, err = await cli.communicate()
            assert cli.returncode == 0, err
            return out.decode()

        listed = await ran("list", "--message", str(message))
        assert "GUN" not in listed
        assert ONE not in listed
        file = tmp_path / "answers.csv"
        await ran("read", "--message", str(message), "--csv", str(file))
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert [(row["from"], row["words"]) for row in rows] == [
            (f"'{ONE}", "'=he has a GUN"),
            (f"'{ONE}", "and a hat"),
        ]
        piped = [
            await ran(act, "--message", str(message), "--csv", "-") for act in ("list", "read")
        ]
        listed_rows, read_rows = [list(csv.DictReader(text.splitlines())) for text in piped]
        assert [row["words"] for row in read_rows] == [row["words"] for row in rows]
        assert [row["id"] for row in listed_rows] == [row["id"] for row in rows]
        assert not (tmp_path / "-").exists()
        found = json.loads(await ran("read", "1", "--json"))
        assert found["answers"][0]["words"] == "=he has a GUN"
        assert found["answers"][0]["read"] is True
        assert (await chain(site, "answers.read"))[-1] == (str(message), "answer 1")


def test_csv_cells_that_a_spreadsheet_would_run_are_defused(tmp_path: Path) -> None:
    rows = [{"id": 1, "words": "=HYPERLINK(1)"}]
    text = "".join(group._csv(("id", "words"), rows))
    assert list(csv.reader(text.splitlines()))[1] == ["1", "'=HYPERLINK(1)"]


def test_a_new_key_goes_behind_the_old_and_up_makes_the_pair_apart(tmp_path: Path) -> None:
    private, data = tmp_path / "keys" / "answers.key", tmp_path / "data"
    data.mkdir()
    key = AnswersKey("", data / "answers.pub")
    answer_private_keys.prepare(key, private)
    answer_private_keys.prepare(key, private)
    (first,) = answer_private_keys.read(private)
    assert key.public() == first.public
    assert private.stat().st_mode & 0o777 == 0o600
    second = answer_private_keys.add(private)
    assert [k.private for k in answer_private_keys.read(private)] == [first.private, second.private]
    assert first.private.hex() not in (data / "answers.pub").read_text()
    private.chmod(0o644)
    with pytest.raises(Exception, match="others can read it"):
        answer_private_keys.read(private)
