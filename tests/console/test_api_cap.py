"""CAP over HTTP: what acts on a message of ours, what is kept, and what is refused by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from broadcast.cap import kept
from broadcast.messages import versions
from tests.broadcast.cap.documents import area, document, info
from tests.console.site import WESTMINSTER, Answer, Site, open_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATER = (datetime.now(UTC) + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S-00:00")
PLACE = area(f"<geocode><valueName>GSS</valueName><value>{WESTMINSTER}</value></geocode>")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with open_site(tmp_path_factory.mktemp("cap")) as opened:
        yield opened


def said(
    headline: str = "The bridge is closed",
    *,
    expires: str = LATER,
    areas: str = PLACE,
    **parameters: str,
) -> str:
    ours = "".join(
        f"<parameter><valueName>fasttime:{n.replace('_', '-')}</valueName>"
        f"<value>{v}</value></parameter>"
        for n, v in parameters.items()
    )
    return info(
        language="<language>en</language>",
        middle=f"<expires>{expires}</expires><headline>{headline}</headline>{ours}",
        areas=areas,
    )


async def send(site: Site, text: str) -> Answer:
    return await site.call(
        "POST",
        "/api/v1/messages",
        data=text.encode(),
        headers={"Content-Type": "application/cap+xml"},
    )


async def number_of_messages(site: Site) -> int:
    return len((await site.get("/api/v1/messages?limit=1000")).json["messages"])


def about(kind: str, reference: str, name: str, **more: Any) -> str:
    return document(
        identifier=f"<identifier>{name}</identifier>",
        msgType=f"<msgType>{kind}</msgType>",
        references=(
            f"<references>police@example.org,{reference},2026-05-01T12:00:00-00:00</references>"
        ),
        infos=said(**more),
    )


BAD = [
    (
        "an unknown level",
        said(kind="threat_level_change", level="HUGE", scope="UK"),
        "level_unknown",
    ),
    ("an unknown channel", said(kind="incident", channels="pigeon"), "channel_unknown"),
    ("an unknown audience", said(kind="incident", audience_kind="mayor"), "audience_unknown"),
    ("an unknown kind", said(kind="rumour"), "kind_unknown"),
    ("a correction of nothing", said(kind="correction"), "kind_needs_first"),
    ("an all-clear of nothing", said(kind="all_clear"), "kind_needs_first"),
    ("the year 1", said(expires="0001-01-01T00:00:00-00:00"), "expired"),
    ("the year 9999", said(expires="9999-12-31T23:59:59-00:00"), "number_range"),
    (
        "a crossing hole",
        said(
            kind="incident",
            hole="0 51.52,-0.09 51.54,-0.07 51.52,-0.07 51.54,-0.09 51.52,-0.09",
            areas=area("<polygon>51.5,-0.1 51.6,-0.1 51.6,0 51.5,0 51.5,-0.1</polygon>"),
        ),
        "polygon_crosses",
    ),
    ("a level on an incident", said(kind="incident", level="SEVERE"), "level_not_allowed"),
    ("turned text", said("turned \u202e round"), "control_character"),
]


@pytest.mark.parametrize("infos,code", [b[1:] for b in BAD], ids=[b[0] for b in BAD])
async def test_a_document_that_no_rule_allows_is_refused_by_name(
    site: Site, infos: str, code: str
) -> None:
    answer = await send(site, document(infos=infos))
    assert (answer.status, answer.code) == (422, code)


@pytest.mark.parametrize("kind", ["Cancel", "Update"])
async def test_what_speaks_of_a_document_that_nobody_knows_is_kept_and_not_drafted(
    site: Site, kind: str
) -> None:
    before = await number_of_messages(site)
    answer = await send(site, about(kind, f"nobody-{kind}", f"theirs-{kind}"))
    assert (answer.status, answer.code) == (409, "cap_reference_unknown")
    assert "kept" in answer.json["detail"]
    assert await number_of_messages(site) == before
    assert len(await site.db.read(kept.find, f"theirs-{kind}")) == 1


async def test_an_update_of_a_document_of_ours_is_drafted_as_an_update_and_its_cancel_names_the_act(
    site: Site,
) -> None:
    message = await site.live()
    v = await site.version(message)
    before = await number_of_messages(site)
    cancel = await send(site, about("Cancel", str(v.identifier), "cancel-of-ours"))
    assert (cancel.status, cancel.code) == (409, "cap_cancel")
    assert f"fasttime message cancel {message}" in cancel.json["fix"]
    answer = await send(
        site, about("Update", str(v.identifier), "update-of-ours", headline="It is open again")
    )
    assert (answer.status, answer.json["id"], answer.json["version"]) == (201, message, 2)
    assert await number_of_messages(site) == before
    drafted = versions.head(await site.db.read(versions.of_message, message))
    assert (drafted.action, drafted.content.kind, drafted.content.languages["en"].headline) == (
        "update",
        "incident",
        "It is open again",
    )


async def test_an_update_of_what_a_message_was_drafted_from_is_an_update_of_that_message(
    site: Site,
) -> None:
    first = await send(site, document(identifier="<identifier>flood-1</identifier>", infos=said()))
    assert first.status == 201
    message = first.json["id"]
    early = await send(site, about("Update", "flood-1", "flood-2"))
    assert (early.status, early.code) == (409, "state_conflict")  # nothing of it went out yet
    cancel = await send(site, about("Cancel", "flood-1", "flood-3"))
    assert (cancel.status, cancel.code) == (409, "cap_cancel")
    assert f"cancel {message}" in cancel.json["fix"]


async def test_a_private_document_stays_private(site: Site) -> None:
    answer = await send(
        site,
        document(
            identifier="<identifier>p1</identifier>",
            scope="<scope>Private</scope>",
            addresses="<addresses>staff</addresses>",
            infos=said(),
        ),
    )
    assert answer.status == 201
    v = versions.head(await site.db.read(versions.of_message, answer.json["id"]))
    assert v.content.visibility == "private"


async def test_a_cancel_is_no_text_for_a_draft(site: Site) -> None:
    message = (
        await send(site, document(identifier="<identifier>t1</identifier>", infos=said()))
    ).json["id"]
    data = about("Cancel", "t1", "t2").encode()
    answer = await site.call(
        "PUT",
        f"/api/v1/messages/{message}",
        data=data,
        headers={"Content-Type": "application/cap+xml"},
    )
    assert (answer.status, answer.code) == (422, "cap_message_type")
