"""The level of a sector or a community: set, explained, ended, and known to whom it may be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.messages.versions import Version
from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.replay.comparison import replay
from service import levels
from service.rendering import StoredRenderings
from subscribers.registry.importing import import_records
from tests.console.cli import Cli
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site, person

RETAIL = "sector:retail"
WHY = "Thefts from shops were followed by threats."


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        now = datetime.now(UTC)
        groups = [named("sector", "Retail", {"cy": "Manwerthu"}), named("community", "Quiet", {})]
        await opened.db.write(registered.register, groups, now)
        shops = [person(n, sectors="Retail") for n in (50, 51)]
        await opened.db.write(import_records, shops, "test", now)
        for name, area, may_set in (
            ("westminster", WESTMINSTER, (RETAIL, "community:quiet")),
            ("granted", CAMDEN, (RETAIL,)),
        ):
            who: dict[str, Any] = {"role": "author", "area": area, "email": None, "now": now}
            _, opened.tokens[name] = await opened.db.write(
                operators.add, name=name, may_set=may_set, **who
            )
        yield opened


async def actor(site: Site, role: str) -> operators.Operator:
    found = await site.db.read(operators.by_token, site.tokens[role])
    assert found is not None
    return found


async def released(site: Site, v: Version) -> Version:
    """Submit and approve a change, as two persons."""
    answer = await site.post(f"/api/v1/messages/{v.message_id}/submit")
    assert answer.status == 200, answer.json
    await site.approve(v.message_id, answer.json["content_hash"])
    await site.release(v.message_id)
    return await site.version(v.message_id)


async def change(site: Site, level: str, role: str = "author", **more: Any) -> Version:
    asked = levels.Change(**{"level": level, "scope": RETAIL, "why": WHY, **more})
    v = await site.context.do(levels.change, await actor(site, role), asked)
    return await released(site, v)


async def known(site: Site, role: str, path: str = "") -> dict[str, Any]:
    answer = await site.get(f"/api/v1/threat-levels{path}", role=role)
    assert answer.status == 200, answer.json
    return {entry["scope"]: entry["level"] for entry in answer.json}


async def test_two_persons_end_a_level_and_the_history_says_why(site: Site) -> None:
    set_ = await change(site, "SEVERE", source="National Crime Agency")
    assert (await known(site, "author"))[RETAIL] == "SEVERE"
    ended = await change(site, "ENDED", why="The threats have stopped.", source="Met Police")
    assert RETAIL not in await known(site, "author")
    assert await known(site, "author", f"?scope={RETAIL}") == {RETAIL: None}
    assert set_.approved_at is not None
    then = set_.approved_at.isoformat().replace("+", "%2B")
    assert (await known(site, "author", f"?as_of={then}"))[RETAIL] == "SEVERE"
    told = (await site.get(f"/api/v1/threat-levels/history?scope={RETAIL}")).json
    assert [(e["level"], e["reason"], e["decided_by"]) for e in told] == [
        ("SEVERE", WHY, "National Crime Agency"),
        (None, "The threats have stopped.", "Met Police"),
    ]
    made = StoredRenderings(site.db, sender_name="Met Police", public_url="https://x.example")
    sms, _ = await made.rendered(ended.id, "sms", "en", repeat=False)
    assert sms.body.count("Retail: there is no longer a separate threat level") == 1
    result = await site.db.read(replay)
    assert result.to_json()["differences"] == []
    # and it can be set anew
    await change(site, "MODERATE")
    assert (await known(site, "author"))[RETAIL] == "MODERATE"


async def test_what_has_no_level_cannot_end_and_the_country_always_has_one(site: Site) -> None:
    asked = levels.Change(level="ended", scope=RETAIL, why=WHY)
    v = await site.context.do(levels.change, await actor(site, "author"), asked)
    answer = await site.post(f"/api/v1/messages/{v.message_id}/submit")
    assert (answer.status, answer.code) == (409, "level_unchanged")
    with pytest.raises(Rejected) as refused:
        await change(site, "ENDED", scope="UK")
    assert [p.code for p in refused.value.problems] == ["level_stays"]


async def test_a_level_that_is_not_public_is_known_to_its_room_its_setters_and_who_reads_all(
    site: Site,
) -> None:
    body = {
        "kind": "threat_level_change",
        "status": "Actual",
        "level": "SEVERE",
        "scope": RETAIL,
        "areas": [WESTMINSTER],
        "languages": {"en": {"headline": "Shops", "description": WHY}},
    }
    drafted = await site.post("/api/v1/messages", body, role="westminster")
    assert drafted.status == 201, drafted.json
    v = await released(site, await site.version(drafted.json["id"]))
    assert v.content.visibility == "restricted"
    assert WHY not in (await site.get("/", role=None)).body.decode()
    assert "Retail" not in (await site.get("/", role=None)).body.decode()
    then = datetime.now(UTC).isoformat().replace("+", "%2B")
    for role, knows in (
        ("westminster", True),
        ("granted", True),
        ("author", True),
        ("auditor", True),
        ("camden", False),
    ):
        for path in ("", f"?as_of={then}"):
            assert (RETAIL in await known(site, role, path)) is knows, (role, path)
        named_it = await known(site, role, f"?scope={RETAIL}")
        assert named_it == {RETAIL: "SEVERE" if knows else None}, role
        past = (await site.get("/api/v1/threat-levels/history", role=role)).json
        assert [e["reason"] for e in past] == ([WHY] if knows else []), role


async def test_a_public_level_of_a_sector_is_on_the_page_in_its_author_s_words(site: Site) -> None:
    await change(site, "SEVERE", visibility="public")
    page = (await site.get("/", role=None)).body.decode()
    assert "Retail" in page
    assert WHY in page
    assert "an attack is highly likely" not in page
    assert RETAIL in await known(site, "camden")


def test_the_end_is_typed_as_a_draft_and_an_unknown_scope_is_named(cli: Cli):
    cli.ok("groups", "add", RETAIL)
    author = cli.operator("Ada", "author")
    drafted = cli.ok("level", "end", RETAIL, "--why", "Over.", token=author)
    assert (drafted["kind"], drafted["state"]) == ("threat_level_change", "draft")
    shown = cli.ok("message", "show", drafted["id"])["content"]
    assert (shown["level"], shown["visibility"]) == ("ENDED", "restricted")
    for words in (("show", "--scope"), ("history", "--scope"), ("end",)):
        why = ("--why", "x") if words == ("end",) else ()
        ran = cli("level", *words, "sector:retial", *why, "--json", token=author)
        assert ran.codes == ["sector_unknown"], words
