"""The author is warned and accepts by name; the approver reads what was not accepted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from broadcast.ledger.claims import open_batches
from broadcast.messages import advice, versions
from broadcast.operators import operators
from subscribers.registry.importing import import_records
from tests.console.site import CAMDEN, LONDON, Site, a_draft, open_site, person
from tests.console.visitor import HERE, Visitor

SHOUTING = {"en": {"headline": "ROAD CLOSED IN STRAND", "instruction": "Go round."}}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """Open a site whose pages a test looks at."""
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as opened:
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


async def test_a_text_message_that_lacks_an_element_is_named_at_submission(site: Site) -> None:
    long = {"en": {"headline": "Gas leak", "instruction": "Stay in and close windows. " * 20}}
    message = await site.drafted(languages=long)
    for act in ("preview", "submit"):
        answer = await site.post(f"/api/v1/messages/{message}/{act}")
        (warning,) = answer.json["warnings"]
        assert warning["code"] == "sms_incomplete", act
        assert warning["detail"].endswith("not say all of what to do, where and until when")
    assert await kept(site, message) == [{"code": "sms_incomplete", "accepted": False}]


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


async def a_message_of_camden(site: Site, **changes: Any) -> tuple[int, str]:
    """Submit a message of Camden's room, for everybody in Camden; return its id and hash."""
    if "camden approver" not in site.tokens:
        more: dict[str, Any] = {"email": None, "now": datetime.now(UTC), "area": CAMDEN}
        for role in ("author", "approver"):
            _, site.tokens[f"camden {role}"] = await site.db.write(
                operators.add, name=f"camden {role}", role=role, **more
            )
    body = a_draft(**{"areas": [CAMDEN], **changes})
    drafted = await site.post("/api/v1/messages", body, role="camden author")
    assert drafted.status == 201, drafted.json
    message = int(drafted.json["id"])
    answer = await site.post(f"/api/v1/messages/{message}/submit", {}, role="camden author")
    assert answer.status == 200, answer.json
    return message, answer.json["content_hash"]


async def previewed(site: Site, **changes: Any) -> dict[str, str]:
    """Return the warnings of a preview by code."""
    message = await site.drafted(**{"areas": [LONDON], **changes})
    answer = await site.post(f"/api/v1/messages/{message}/preview", {})
    assert answer.status == 200, answer.json
    return {warning["code"]: warning["detail"] for warning in answer.json["warnings"]}


async def test_a_message_of_another_room_to_the_same_people_is_named_with_their_number(
    here: Site,
) -> None:
    site = here
    people = [person(n, lat=51.55, mobile=f"+447700901{n:03d}") for n in range(101, 113)]
    await site.db.write(import_records, people, "test", datetime.now(UTC))
    assert "overlap" not in await previewed(site)
    message, agreed = await a_message_of_camden(site)
    said = "some of these people also get, from another control room: message"
    waits = f"{said} {message}, which awaits its approval or its release (13 people)"
    assert (await previewed(site))["overlap"] == waits
    approve = f"/api/v1/messages/{message}/approve"
    answer = await site.post(approve, {"content_hash": agreed}, role="camden approver")
    assert answer.status == 200, answer.json
    assert (await previewed(site))["overlap"] == waits
    await site.release(message)
    assert (await previewed(site))["overlap"] == f"{said} {message}, which is out (13 people)"
    assert "overlap" not in await previewed(site, areas=["E09000033"])  # nobody is in both
    assert "overlap" not in await previewed(site, status="Exercise")
    # drawn: 13 of the people of the circle are nearly all of them
    drawn = await previewed(site, areas=None, circles=["51.55,-0.14 1"])
    assert drawn["overlap"] == f"{said} {message}, which is out (13 people)"
    wider = await previewed(site, areas=None, circles=["51.55,-0.14 20"])
    assert wider["overlap"] == f"{said} {message}, which is out (13 people)"
    # whoever looks at the first page sees that two control rooms tell the same people
    await site.submitted(areas=[LONDON])
    author = Visitor(site)
    await author.sign_in("author")
    home = await author.get("/room")
    needs = home.tree.xpath("string(//section[@aria-labelledby='needs'])")
    assert "Overlap with another control room (1)" in needs
    for role in ("author", "approver"):
        ended = await site.post(f"/api/v1/messages/{message}/cancel", {"why": "over"}, role=role)
    assert ended.status == 200, ended.json
    assert "overlap" not in await previewed(site)


async def test_texts_of_messages_to_other_people_are_not_read_however_many_are_out(
    site: Site,
) -> None:
    await site.db.write(import_records, [person(101, lat=51.55)], "test", datetime.now(UTC))
    message = await site.drafted(areas=["E09000033"])

    async def texts_read() -> int:
        asked: list[str] = []

        def count(*about: Any) -> None:
            asked.append(about[2])

        event.listen(Engine, "before_cursor_execute", count)
        try:
            answer = await site.post(f"/api/v1/messages/{message}/preview", {})
        finally:
            event.remove(Engine, "before_cursor_execute", count)
        assert answer.status == 200, answer.json
        return sum("version.content" in statement for statement in asked)

    alone = await texts_read()
    assert alone
    for n in range(4):
        other, agreed = await a_message_of_camden(
            site, languages={"en": {"headline": f"Euston Road is closed, {n}"}}
        )
        approve = f"/api/v1/messages/{other}/approve"
        answer = await site.post(approve, {"content_hash": agreed}, role="camden approver")
        assert answer.status == 200, answer.json
        await site.release(other)
    assert await texts_read() == alone


async def test_a_message_of_ones_own_room_is_no_overlap(site: Site) -> None:
    await site.live(areas=[LONDON])
    assert "overlap" not in await previewed(site)


@pytest.mark.parametrize("visibility", ["restricted", "private"])
async def test_an_overlap_with_what_is_not_public_of_another_room_is_never_mentioned(
    site: Site, visibility: str
) -> None:
    message, agreed = await a_message_of_camden(site, visibility=visibility)
    assert "overlap" not in await previewed(site)
    approve = f"/api/v1/messages/{message}/approve"
    answer = await site.post(approve, {"content_hash": agreed}, role="camden approver")
    assert answer.status == 200, answer.json
    await site.release(message)
    assert "overlap" not in await previewed(site)


async def test_a_public_update_of_a_restricted_message_is_not_mentioned_either(
    site: Site,
) -> None:
    message, agreed = await a_message_of_camden(site, visibility="restricted")
    approve = f"/api/v1/messages/{message}/approve"
    await site.post(approve, {"content_hash": agreed}, role="camden approver")
    await site.release(message)
    body = a_draft(kind=None, areas=[CAMDEN], visibility="public")
    update = await site.post(f"/api/v1/messages/{message}/update", body, role="camden author")
    assert update.status == 201, update.json
    sent = await site.post(f"/api/v1/messages/{message}/submit", {}, role="camden author")
    assert sent.status == 200, sent.json
    assert "overlap" not in await previewed(site)


async def test_a_language_that_many_read_and_the_message_lacks_is_warned_of(site: Site) -> None:
    assert "language_lacking" not in await previewed(site)
    polish = [person(n, language="pl", mobile=f"+447700901{n:03d}") for n in range(101, 105)]
    await site.db.write(import_records, polish, "test", datetime.now(UTC))
    assert (await previewed(site))["language_lacking"] == (
        "people who read a language that it lacks get English [en] instead: Polish [pl] (4 people)"
    )
    both = {
        "en": {"headline": "Road closed", "instruction": "Go round."},
        "pl": {"headline": "Droga zamknieta", "instruction": "Omijaj."},
    }
    assert "language_lacking" not in await previewed(site, languages=both)


async def test_a_correction_says_of_everybody_whose_language_it_lacks_what_they_read_instead(
    site: Site,
) -> None:
    one = [person(101, language="pl", mobile="+447700901101")]
    await site.db.write(import_records, one, "test", datetime.now(UTC))
    message = await site.live()  # one of 32 is not many
    assert "language_lacking" not in await previewed(site)
    await site.done(await site.claimed())
    for path in ("correct", "all-clear"):
        body = a_draft(kind=None, note="It was another road." if path == "correct" else None)
        drafted = await site.post(f"/api/v1/messages/{message}/{path}", body)
        assert drafted.status == 201, drafted.json
        answer = await site.post(f"/api/v1/messages/{message}/submit", {})
        assert answer.status == 200, answer.json
        found = {warning["code"]: warning["detail"] for warning in answer.json["warnings"]}
        assert found["language_lacking"].endswith("instead: Polish [pl] (1 person)")
        await site.post(f"/api/v1/messages/{message}/reject", {"why": "no"}, role="approver")


async def test_of_a_cancelled_message_it_is_said_who_read_it_in_another_language(
    site: Site,
) -> None:
    two = [person(n, language="so", mobile=f"+447700901{n:03d}") for n in (101, 102)]
    await site.db.write(import_records, two, "test", datetime.now(UTC))
    message = await site.live()
    told = await site.get(f"/api/v1/messages/{message}/languages")
    assert told.json == {"message": message, "version": 1, "warnings": []}  # nobody got it yet
    while await site.db.read(
        open_batches.candidates, "routine", "sms", ("Actual",), datetime.now(UTC)
    ):
        await site.done(await site.claimed())
    more: dict[str, Any] = {"role": "approver", "key": "one-cancel"}
    path = f"/api/v1/messages/{message}/cancel"
    ended = await site.post(path, {"why": "over"}, **more)
    assert ended.status == 200, ended.json
    (warned,) = (await site.get(f"/api/v1/messages/{message}/languages")).json["warnings"]
    assert warned["code"] == "language_lacking"
    assert warned["detail"].endswith("get English [en] instead: Somali [so] (2 people)")
    again = await site.post(path, {"why": "over"}, **more)
    assert again.headers["Idempotency-Replayed"] == "true"
    for answer in (ended, again):  # whoever cancels over HTTP is told at once, as at the terminal
        assert answer.json["warnings"] == [warned]
        assert answer.json["warned"] == [{"code": "language_lacking", "accepted": False}]


async def test_every_act_over_http_tells_what_the_author_was_warned_of(site: Site) -> None:
    message, _ = await submitted(site, "shouting")
    warned = [{"code": "shouting", "accepted": True}]
    path = f"/api/v1/messages/{message}"
    agreed = (await site.get(path)).json["content_hash"]
    told = [await site.post(f"{path}/approve", {"content_hash": agreed}, role="approver")]
    await site.release(message)
    told += [await site.post(f"{path}/{act}", role="operator") for act in ("hold",)]
    told += [await site.post(f"{path}/resume", role="approver")]
    await site.done(await site.claimed(), "failed")
    told += [await site.post(f"{path}/resend", {"only": ["failed"]}, role="operator")]
    told += [await site.post(f"{path}/cancel", {"why": "over"}, role="approver")]
    for answer in told:
        assert (answer.status, answer.json.get("warned")) == (200, warned), answer.json
    other, _ = await submitted(site)
    sent = await site.post(f"/api/v1/messages/{other}/return", {"why": "no"}, role="approver")
    assert {"code": "shouting", "accepted": False} in sent.json["warned"]


async def test_an_unknown_code_is_refused_by_name(site: Site) -> None:
    message = await site.drafted()
    answer = await site.post(f"/api/v1/messages/{message}/submit", {"accept": ["shoutin"]})
    assert (answer.status, answer.code) == (422, "warning_unknown")
    answer = await site.post(f"/api/v1/messages/{message}/submit", {"accept": "shouting"})
    assert (answer.status, answer.code) == (422, "field_type")
