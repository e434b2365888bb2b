"""The page of a message that was stopped before it went out says why, that nothing was sent, and
what helps: another look where people came or left, an administrator where the record was changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, update

from broadcast.messages.tables import version
from console.room import naming
from subscribers.registry.importing import import_records
from tests.console.site import Site, open_site, person
from tests.console.visitor import HERE, Seen, Visitor


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def pages(site: Site) -> tuple[Seen, Seen]:
    """Return the page of the first message as its author and as an auditor see it."""
    seen = []
    for role in ("author", "auditor"):
        visitor = Visitor(site)
        await visitor.sign_in(role)
        seen.append(await visitor.get("/room/messages/1"))
    return seen[0], seen[1]


def said(page: Seen) -> str:
    return " ".join(page.tree.xpath("string(//section[@aria-labelledby='blocked'])").split())


async def test_who_came_since_the_approval_stops_it_and_the_page_says_so_in_numbers(
    site: Site,
) -> None:
    message = await site.approved()
    before = (await site.version(message)).seen_count
    more = [person(n, mobile=f"+447700901{n:03d}") for n in range(100, 140)]
    await site.db.write(import_records, more, "test", datetime.now(UTC))
    assert await site.context.matcher.process((await site.version(1)).id) == "blocked"
    author, auditor = await pages(site)
    told = (
        "The audience has changed Nothing was sent. It was approved for"
        f" {before} people; now it would go to {(before or 0) + 40} people."
    )
    assert said(author) == (
        f"{told} Look at who is there now and submit it again"
        " Another person approves it for these people."
    )
    assert said(auditor) == (
        f"{told} Whoever may submit looks at the people who are there now and submits it again;"
        " another person approves it for these."
    )
    assert author.tree.xpath("//section[@aria-labelledby='blocked']//a/@href") == [
        "/room/messages/1/check"
    ]
    assert "audience_changed" not in author.text


async def test_what_was_changed_behind_the_approval_is_not_to_be_submitted_again(
    site: Site,
) -> None:
    await site.approved()

    def tamper(conn: Connection) -> None:
        changed = func.replace(version.c.content, "Road closed", "Send money")
        conn.execute(update(version).values(content=changed))

    await site.db.write(tamper)
    assert await site.context.matcher.process((await site.version(1)).id) == "blocked"
    for page in await pages(site):
        assert said(page) == (
            "The text was changed behind the approval Nothing was sent. What stands there is not"
            " what was approved. Somebody may have changed it past the control room. Do not submit"
            " it again: tell an administrator, who checks the record with fasttime audit verify."
            " To send it, write it anew from your own source: what stands here may be wrong."
        )
        assert not page.tree.xpath("//a[contains(@href, '/check')]")


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("audience_empty: nobody is left to send to", "nobody would get it any more"),
        (
            "audience_changed: fewer than 10 people, approved for 40",
            "now it would go to fewer than",
        ),
        (
            "audience_changed: 1 people, approved for 4000",
            "for 4,000 people; now it would go to 1 p",
        ),
        ("same_person: who approved it ordered it", "Who approved it ordered it."),
    ],
)
def test_every_reason_has_a_heading_of_its_own_and_no_code(why: str, says: str) -> None:
    told = naming.blocked(why)
    assert says in told.says
    assert told.heading != "It is not released"
    assert told.tampered == (not why.startswith("audience_"))
