"""Information providers: from which organisations people hear, from the registration of one to who
gets what it sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.groups import registered
from broadcast.groups.files import named
from broadcast.ledger import audiences
from broadcast.messages import versions
from broadcast.problems import Rejected
from broadcast.store.database import Connection
from service.rendering import StoredRenderings
from subscribers.audience import preview, reasons
from subscribers.index import RegistryIndex
from subscribers.matcher import rule_for
from subscribers.registry import showing
from subscribers.registry.importing import import_records
from tests.console.cli import Cli
from tests.console.site import Site, a_draft, open_site, person
from tests.console.visitor import HERE, Visitor

WATCH = named("provider", "Neighbourhood Watch", {"cy": "Gwarchod Cymdogaeth"})
COUNCIL = named("provider", "Camden Council", {})


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as opened:
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


async def test_what_follows_a_message_reaches_who_got_it_and_is_of_the_same_provider(
    site: Site,
) -> None:
    message = await site.live(provider="Neighbourhood Watch", severity="Extreme")
    version = await site.version(message)
    assert version.content.provider == "neighbourhood watch"
    await site.done(await site.claimed("sms", "urgent"))
    other = a_draft(kind=None, provider="Camden Council")
    refused = await site.post(f"/api/v1/messages/{message}/update", other)
    assert (refused.status, refused.code) == (422, "provider_differs")
    await site.follow(message, "update")
    assert (await site.version(message)).content.provider == "neighbourhood watch"
    assert set((await outcomes(site, message)).values()) == {"send"}


async def test_an_unknown_provider_is_refused_with_the_nearest_by_message_and_choice(
    site: Site,
) -> None:
    answer = await site.post("/api/v1/messages", a_draft(provider="Neigbourhood Watch"))
    assert (answer.status, answer.code, answer.json["field"]) == (
        422,
        "provider_unknown",
        "provider",
    )
    assert "did you mean provider:neighbourhood watch?" in answer.json["fix"]
    stranger = [person(64, providers_off="Camden Counsil")]
    with pytest.raises(Rejected) as refused:
        await site.db.write(import_records, stranger, "test", datetime.now(UTC))
    [problem] = refused.value.problems
    assert (problem.code, problem.field) == ("provider_unknown", "providers_off")
    assert "did you mean provider:camden council?" in problem.fix


async def test_people_and_programs_read_whose_message_it_is_by_the_name_that_was_approved(
    site: Site,
) -> None:
    words = {"headline": "Bikes are stolen", "instruction": "Lock yours."}
    message = await site.live(
        provider="Neighbourhood Watch", languages={"en": words, "cy": words}, visibility="public"
    )
    renamed = named("provider", "Neighbourhood Watch", {"cy": "Rhywun arall"})
    await site.db.write(registered.register, [renamed], datetime.now(UTC))
    v = await site.version(message)
    made = StoredRenderings(site.db, sender_name="Met Police", public_url="https://x.example")
    for language, name in (("en", "Neighbourhood Watch"), ("cy", "Gwarchod Cymdogaeth")):
        for channel in ("sms", "voice", "email"):
            rendered, _ = await made.rendered(v.id, channel, language, repeat=False)
            assert name in rendered.body, (language, channel)
            assert "Met Police" not in rendered.body, (language, channel)
            assert rendered.discreetly is not None
            assert name not in rendered.discreetly.body.partition("\n")[0][:60]
    cap = (await site.get(f"/cap/{v.identifier}.xml", role=None)).body.decode()
    assert "<senderName>Neighbourhood Watch</senderName>" in cap
    assert "<senderName>Gwarchod Cymdogaeth</senderName>" in cap
    assert "<value>neighbourhood watch</value>" in cap
    feed = (await site.get("/feed.atom?lang=cy", role=None)).body.decode()
    assert "<author><name>Gwarchod Cymdogaeth</name></author>" in feed
    for path in (f"/v/{v.code}", f"/messages/{v.code}/press", f"/messages/{v.code}/poster"):
        page = (await site.get(f"{path}?lang=cy", role=None)).body.decode()
        assert "Gwarchod Cymdogaeth" in page, path
    check = (await site.get("/check", role=None)).body.decode()
    assert "<li>Neighbourhood Watch</li>" in check


async def test_an_approval_is_bound_to_the_provider_and_says_it(site: Site) -> None:
    hashes = set()
    for provider in (None, "Camden Council", "Neighbourhood Watch"):
        v = await site.version(await site.drafted(provider=provider))
        hashes.add(
            versions.content_hash(
                v, content=v.content, resolved=v.resolved, count=1, wording_revision="w",
                level_from=None,
            )
        )  # fmt: skip
        assert ("provider" in versions.canonical(v.content)) == (provider is not None)
    assert len(hashes) == 3


async def test_previews_explanations_and_the_log_count_who_switched_it_off(site: Site) -> None:
    message, _ = await site.submitted(provider="Neighbourhood Watch")
    v = await site.version(message)

    def counted(conn: Connection) -> Mapping[str, int]:
        rule = rule_for(conn, v, site.context.channels_on, at=datetime.now(UTC))
        return preview(RegistryIndex.load(conn), rule).suppressed

    assert (await site.db.read(counted))["provider_off"] == 2
    live = await site.live(provider="Neighbourhood Watch")
    listed = f"/api/v1/messages/{live}/deliveries?reason=provider_off"
    rows = (await site.get(listed, role="auditor")).json["deliveries"]
    assert {row["person"] for row in rows} == {(await numbers(site))[p] for p in ("p60", "p61")}
    who = (await numbers(site))["p60"]
    told = (await site.get(f"/api/v1/messages/{live}/explain/{who}", role="auditor")).json
    assert told["reason"] == "provider_off"
    step = next(step for step in told["steps"] if step["name"] == "provider")
    assert step == {
        "name": "provider",
        "passed": False,
        "detail": "neighbourhood watch is switched off",
        "why": "provider_off",
        "of": {"provider": "neighbourhood watch"},
    }


def test_a_control_room_registers_providers_and_says_of_a_person_whom_they_hear(cli: Cli) -> None:
    cli.ok("groups", "import", cli.file("groups.csv", "kind,name,cy\nprovider,Watch,Gwarchod\n"))
    done = cli.ok("groups", "add", "provider:Camden Council")
    assert done["groups"][0]["scope"] == "provider:camden council"
    assert [group["scope"] for group in cli.ok("groups", "list")] == [
        "provider:camden council",
        "provider:watch",
    ]
    cli.ok(
        "subscribers", "add", "--external-id", "r-1", "--name", "Ada", "--mobile",
        "07700 900001", "--providers-off", "Watch", "--basis", "consent",
    )  # fmt: skip
    assert cli.ok("subscribers", "show", "r-1")["providers_off"] == ["Watch"]
    wrong = cli("subscribers", "edit", "r-1", "--providers-off", "Wach", "--json")
    assert (wrong.code, wrong.codes) == (2, ["provider_unknown"])
    cli.ok("subscribers", "edit", "r-1", "--providers-off", "Watch;camden council")
    assert cli.ok("subscribers", "show", "r-1")["providers_off"] == ["Watch", "camden council"]


async def test_an_author_chooses_the_provider_and_approvers_read_it(site: Site) -> None:
    author = Visitor(site)
    await author.sign_in("author")
    page = await author.get("/room/new")
    listed = page.tree.xpath("//select[@name='provider']/option/@value")
    assert listed == ["", "camden council", "neighbourhood watch"]
    message, _ = await site.submitted(provider="Camden Council")
    approver = Visitor(site)
    await approver.sign_in("approver")
    for path in (f"/room/messages/{message}", f"/room/messages/{message}/approve"):
        shown = await approver.get(path)
        assert "Sent as Camden Council (provider:camden council)" in shown.words, path
    draft = await site.drafted(provider="Camden Council")
    edited = await author.get(f"/room/messages/{draft}/edit")
    chosen = edited.tree.xpath("//select[@name='provider']/option[@selected]/@value")
    assert chosen == ["camden council"]
