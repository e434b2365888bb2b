"""Communities and sectors where people meet them: typed, over HTTP, in what is sent and shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcast.groups import registered
from broadcast.groups.files import named
from service.rendering import StoredRenderings
from tests.console.cli import Cli
from tests.console.site import Site, a_draft, open_site, person

PEOPLE = """external_id,kind,name,mobile,lat,lon,sectors,communities
b-1,business,Shop,07700900001,51.5,-0.13,Retial,
b-2,business,Shop,07700900002,51.5,-0.13,Retail,Jewish
"""


def test_a_control_room_registers_names_and_lists(cli: Cli):
    csv = cli.file("groups.csv", "kind,name,cy,pl\nsector,Retail,Manwerthu,\ncommunity,Jewish,,\n")
    done = cli.ok("groups", "import", csv)
    assert (done["new"], done["updated"], done["unchanged"]) == (2, 0, 0)
    more = cli.ok("groups", "add", "sector:retail", "--name", "pl=Handel")
    assert (more["new"], more["updated"]) == (0, 1)
    assert cli.ok("groups", "list")[1] == {
        "scope": "sector:retail",
        "kind": "sector",
        "name": "Retail",
        "names": {"cy": "Manwerthu", "pl": "Handel"},
    }
    assert "sector:retail" in cli("groups", "list").out
    again = cli.file("again.csv", cli("groups", "list", "--csv").out)
    assert cli.ok("groups", "import", again)["unchanged"] == 2
    assert cli("groups", "add", "martian", "--json").codes == ["scope_invalid"]


def test_an_import_of_people_names_what_it_registers_and_what_was_perhaps_meant(cli: Cli):
    cli.ok("groups", "add", "sector:Retail")
    told = cli.ok("subscribers", "import", cli.file("people.csv", PEOPLE), "--basis", "consent")
    new = {w["detail"].split()[0]: w["fix"] for w in told["warnings"] if w["code"] == "group_new"}
    assert new == {"sector:retial": "did you mean sector:retail?", "community:jewish": ""}


def test_an_unknown_group_is_refused_for_a_level_and_for_a_grant(cli: Cli):
    cli.ok("groups", "add", "community:Jewish")
    author = cli.operator("Ada", "author")
    refused = cli(
        "level", "set", "SEVERE", "--scope", "community:martian", "--why", "x", "--json",
        token=author,
    )  # fmt: skip
    assert (refused.code, refused.codes) == (2, ["community_unknown"])
    grant = cli("operators", "add", "Bo", "--role", "author", "--may-set", "community:jewsh")
    assert grant.code == 2
    assert "did you mean community:jewish?" in grant.err


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        known = [
            named("sector", "Retail", {"cy": "Manwerthu"}),
            named("community", "Jewish", {}),
        ]
        await opened.db.write(registered.register, known, datetime.now(UTC))
        yield opened


async def test_every_door_refuses_a_message_for_a_group_that_nobody_registered(site: Site) -> None:
    martian = a_draft(audience={"communities": ["martian"]})
    known = await site.drafted(audience={"communities": ["jewish"]})
    live = await site.live(audience={"kinds": ["resident"]})
    for method, path in (
        ("POST", "/api/v1/messages"),
        ("PUT", f"/api/v1/messages/{known}"),
        ("POST", f"/api/v1/messages/{live}/update"),
        ("POST", f"/api/v1/messages/{live}/correct"),
    ):
        body = martian | ({"kind": "correction"} if path.endswith("correct") else {})
        answer = await site.call(method, path, json=body)
        assert (answer.status, answer.code) == (422, "community_unknown"), path
        assert answer.json["field"] == "audience.communities.0"
    answer = await site.post(
        "/api/v1/operator-requests",
        {
            "kind": "add",
            "name": "N",
            "role": "author",
            "email": "n@example.org",
            "may_set": ["sector:retial"],
        },
        role="administrator",
    )
    assert (answer.status, answer.code) == (422, "sector_unknown")
    assert "did you mean sector:retail?" in answer.json["fix"]


async def test_people_and_programs_read_the_name_of_a_sector_in_their_language(site: Site) -> None:
    from subscribers.registry.importing import import_records

    shops = [person(50, kind="business", sectors="retail"), person(51, sectors="retail")]
    await site.db.write(import_records, shops, "test", datetime.now(UTC))
    words = {"headline": "Keep bags in sight", "instruction": "Look after your bags."}
    message = await site.live(
        kind="threat_level_change",
        level="SEVERE",
        scope="sector:retail",
        areas=None,
        visibility="public",
        languages={"en": words, "cy": words},
    )
    v = await site.version(message)
    made = StoredRenderings(site.db, sender_name="Met Police", public_url="https://x.example")
    for language, name in (("en", "Retail"), ("cy", "Manwerthu")):
        rendered, _ = await made.rendered(v.id, "sms", language, repeat=False)
        assert name in rendered.body
        assert "sector:" not in rendered.body
    cap = (await site.get(f"/cap/{v.identifier}.xml", role=None)).body.decode()
    assert "<areaDesc>United Kingdom, Retail sector</areaDesc>" in cap
    assert "<areaDesc>Y Deyrnas Unedig, sector Manwerthu</areaDesc>" in cap
    page = (await site.get("/?lang=cy", role=None)).body.decode()
    assert "Manwerthu" in page
    # what was approved keeps its names, whatever the sector is called later
    renamed = [named("sector", "Retail", {"cy": "Siopau"})]
    await site.db.write(registered.register, renamed, datetime.now(UTC))
    v = await site.version(message)
    assert v.resolved.named("sector:retail") == "Retail (sector:retail)"
    assert v.resolved.group_names()["sector:retail"]["cy"] == "Manwerthu"


async def test_any_operator_reads_the_list_and_nobody_else(site: Site) -> None:
    found = await site.get("/api/v1/groups", role="camden")
    assert [group["scope"] for group in found.json] == ["community:jewish", "sector:retail"]
    assert (await site.get("/api/v1/groups", role=None)).status == 401
