"""The author is warned and accepts by name; the approver reads what was not accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.messages import advice, versions
from broadcast.operators import operators
from tests.console.site import Site, a_draft, open_site

CAMDEN = "E09000007"
SHOUTING = {"en": {"headline": "ROAD CLOSED IN STRAND", "instruction": "Go round."}}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


async def submitted(site: Site, *accept: str) -> tuple[int, list[str]]:
    """Draft and submit a message that shouts; return its id and the codes of its warnings."""
    message = await site.drafted(languages=SHOUTING)
    answer = await site.post(f"/api/v1/messages/{message}/submit", {"accept": list(accept)})
    assert answer.status == 200, answer.json
    return message, [warning["code"] for warning in answer.json["warnings"]]


async def kept(site: Site, message: int) -> list[dict[str, object]]:
    (v,) = await site.db.read(versions.of_message, message)
    return await site.db.read(advice.of_submission, v.id)


async def test_what_the_author_did_not_accept_is_there_for_the_approver(site: Site) -> None:
    message, codes = await submitted(site)
    assert codes == ["shouting"]
    warned = [{"code": "shouting", "accepted": False}]
    assert await kept(site, message) == warned
    shown = await site.get(f"/api/v1/messages/{message}", role="approver")
    assert shown.json["warned"] == warned


async def test_what_the_author_accepted_is_kept_as_accepted(site: Site) -> None:
    message, _ = await submitted(site, "shouting")
    assert await kept(site, message) == [{"code": "shouting", "accepted": True}]


async def test_the_same_text_within_the_hour_is_warned_of(site: Site) -> None:
    await submitted(site)
    message, codes = await submitted(site, "shouting")
    assert sorted(codes) == ["same_text", "shouting"]
    assert {"code": "same_text", "accepted": False} in await kept(site, message)


async def test_a_private_message_of_another_room_is_not_mentioned(site: Site) -> None:
    more: dict[str, Any] = {"email": None, "now": datetime.now(UTC)}
    _, site.tokens["camden author"] = await site.db.write(
        operators.add, name="camden author", role="author", area=CAMDEN, **more
    )
    body = a_draft(languages=SHOUTING, areas=[CAMDEN], visibility="private")
    drafted = await site.post("/api/v1/messages", body, role="camden author")
    assert drafted.status == 201, drafted.json
    hidden = drafted.json["id"]
    answer = await site.post(f"/api/v1/messages/{hidden}/submit", {}, role="camden author")
    assert answer.status == 200, answer.json
    _, codes = await submitted(site)
    assert codes == ["shouting"]


async def test_an_unknown_code_is_refused_by_name(site: Site) -> None:
    message = await site.drafted()
    answer = await site.post(f"/api/v1/messages/{message}/submit", {"accept": ["shoutin"]})
    assert (answer.status, answer.code) == (422, "warning_unknown")
    answer = await site.post(f"/api/v1/messages/{message}/submit", {"accept": "shouting"})
    assert (answer.status, answer.code) == (422, "field_type")
