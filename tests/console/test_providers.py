"""Information providers: from which organisations people hear, from the registration of one to who
gets what it sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.ledger import audiences
from broadcast.messages import versions
from broadcast.store.database import Connection
from subscribers.audience import reasons
from subscribers.index import RegistryIndex
from subscribers.matcher import rule_for
from subscribers.registry import showing
from subscribers.registry.importing import import_records
from tests.console.site import Site, open_site, person

WATCH = named("provider", "Neighbourhood Watch", {"cy": "Gwarchod Cymdogaeth"})
COUNCIL = named("provider", "Camden Council", {})


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        now = datetime.now(UTC)
        await opened.db.write(registered.register, [WATCH, COUNCIL], now)
        people = [
            person(60, providers_off="neighbourhood  WATCH"),
            person(61, providers_off="Camden Council;Neighbourhood Watch"),
            person(62, providers_off="Camden Council"),
            person(63),
        ]
        await opened.db.write(import_records, people, "test", now)
        yield opened


async def numbers(site: Site) -> dict[str, int]:
    names = [f"p{n}" for n in range(60, 64)]
    found = {each: await site.db.read(showing.id_of, each) for each in names}
    return {each: number for each, number in found.items() if number is not None}


async def outcomes(site: Site, message: int) -> dict[str, str]:
    """What was frozen for each, held to what is explained of them."""
    version = (await site.version(message)).id
    frozen = await site.db.read(audiences.read, version)
    told = {
        who: next((why for why, ids in frozen.suppressed.items() if number in ids), "send")
        for who, number in (await numbers(site)).items()
    }

    def explained(conn: Connection) -> dict[str, str]:
        v = versions.get(conn, version)
        rule = rule_for(conn, v, site.context.channels_on, at=audiences.frozen_at(conn, version))
        index = RegistryIndex.load(conn)
        return {who: reasons(index, rule, number).outcome for who, number in known.items()}

    known = await numbers(site)
    assert await site.db.read(explained) == told
    return told


async def test_who_switched_a_provider_off_gets_nothing_routine_of_it_and_what_is_urgent(
    site: Site,
) -> None:
    routine = await site.live(provider="neighbourhood watch")
    off, sent = "provider_off", "send"
    assert await outcomes(site, routine) == {"p60": off, "p61": off, "p62": sent, "p63": sent}
    others = await site.live(provider="Camden Council")
    assert await outcomes(site, others) == {"p60": sent, "p61": off, "p62": off, "p63": sent}
    everybody = dict.fromkeys(("p60", "p61", "p62", "p63"), sent)
    own = await site.live()
    assert await outcomes(site, own) == everybody
    urgent = await site.live(provider="Neighbourhood Watch", severity="Extreme")
    assert await outcomes(site, urgent) == everybody
