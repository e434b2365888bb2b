"""Organisations where people meet them: typed, over HTTP, and in what is previewed and approved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
from sqlalchemy import select

from broadcast.content.model import Audience
from broadcast.content.trades import SIZES
from broadcast.operators import operators
from broadcast.operators.tables import audit
from console.room import naming
from subscribers.organisations import rows
from subscribers.organisations.record import OrganisationRecord
from subscribers.organisations.tables import organisation
from subscribers.registry.importing import import_records
from tests.console.cli import Cli
from tests.console.site import CAMDEN, WESTMINSTER, Answer, Site, open_site, person
from tests.console.visitor import HERE, Visitor

API = "/api/v1"
PEOPLE = """external_id,kind,mobile,lat,lon
b-1,business,07700900001,51.5,-0.13
b-2,business,07700900002,53.5,-2.2
"""
FILE = """external_id,name,trade,size,sites,people,passes_on
o-1,The Bell,I,7,"51.5,-0.13",b-2,
o-2,Hotel panel,I,micro,,b-1,yes
"""


def test_an_administrator_registers_changes_lists_and_removes(cli: Cli) -> None:
    cli.ok("subscribers", "import", cli.file("p.csv", PEOPLE), "--basis", "consent")
    done = cli.ok("organisations", "import", cli.file("o.csv", FILE))
    assert (done["new"], done["updated"], done["unchanged"]) == (2, 0, 0)
    assert cli.ok("organisations", "import", cli.file("o.csv", FILE))["unchanged"] == 2
    added = cli.ok(
        "organisations", "add", "--external-id", "o-3", "--name", "Corner shop", "--trade", "G",
        "--size", "small", "--people", "b-1;b-2",
    )  # fmt: skip
    assert (added["size"], added["people"]) == ("small", ["b-1", "b-2"])
    changed = cli.ok("organisations", "edit", "o-3", "--people", "b-2", "--size", "60")
    assert (changed["name"], changed["size"], changed["people"]) == (
        "Corner shop",
        "medium",
        ["b-2"],
    )
    listed = cli("organisations", "list").out
    assert "I, accommodation and food service" in listed
    again = cli.file("again.csv", cli("organisations", "list", "--csv").out)
    assert cli.ok("organisations", "import", again)["unchanged"] == 3
    assert cli.ok("organisations", "remove", "o-3", "--why", "closed")["removed"] is True
    assert [o["external_id"] for o in cli.ok("organisations", "list")] == ["o-1", "o-2"]


def test_one_is_shown_with_who_acts_for_it_masked_and_the_look_is_recorded(cli: Cli) -> None:
    cli.ok("subscribers", "import", cli.file("p.csv", PEOPLE), "--basis", "consent")
    cli.ok("organisations", "import", cli.file("o.csv", FILE))
    shown = cli.ok("organisations", "show", "o-1")
    (acting,) = shown.pop("acting")
    assert shown in cli.ok("organisations", "list")
    assert (acting["external_id"], acting["mobile"]) == ("b-2", "…002")
    said = cli("organisations", "show", "o-1").out
    assert "name: The Bell\n" in said
    assert "…002" in said
    assert "07700900002" not in said.replace(" ", "")
    assert "447700900002" not in said
    assert cli("organisations", "show", "o-9", "--json").codes == ["organisation_unknown"]
    seen = [link for link in cli.ok("audit", "list") if link["action"] == "organisations.list"]
    assert {link["kind"] for link in seen} == {"look_up"}
    looked = ["o-1", "everyone", "o-1", "nothing"]
    assert [link["subject"] for link in seen] == looked
    assert seen[0]["detail"] == "1 organisations, 1 people"


WRONG = [
    (("edit", "o-9", "--size", "small"), "organisation_unknown", "organisations list"),
    (("remove", "o-9", "--why", "closed"), "organisation_unknown", "organisations list"),
    (("remove", "o-1", "--why", " "), "why_missing", "on whose word"),
    (("edit", "o-1"), "nothing_to_change", "--people"),
    (("edit", "o-1", "--trade", "hospitality"), "trade_unknown", "did you mean I"),
    (("edit", "o-1", "--people", "martian"), "person_unknown", "register them first"),
    (("edit", "o-1", "--contacts", "E1=b-2"), "contact_area_unknown", "boroughs"),
    (
        ("add", "--external-id", "o-1", "--name", "x", "--trade", "I", "--size", "1"),
        "organisation_exists",
        "change that one",
    ),
]


def test_what_is_wrong_is_said_with_how_to_mend_it(cli: Cli) -> None:
    cli.ok("subscribers", "import", cli.file("p.csv", PEOPLE), "--basis", "consent")
    cli.ok("organisations", "import", cli.file("o.csv", FILE))
    for arguments, code, fix in WRONG:
        ran = cli("organisations", *arguments, "--json")
        assert ran.code != 0
        assert ran.codes == [code], arguments
        assert fix in ran.json["problems"][0]["fix"]
    assert cli.ok("organisations", "import", cli.file("o.csv", FILE))["unchanged"] == 2


def test_every_error_of_a_file_is_told_with_its_line_and_nothing_is_kept(cli: Cli) -> None:
    cli.ok("subscribers", "import", cli.file("p.csv", PEOPLE), "--basis", "consent")
    wrong = FILE.replace("o-1,The Bell,I", "o-1,The Bell,X").replace("micro", "tiny")
    ran = cli("organisations", "import", cli.file("o.csv", wrong), "--json")
    assert ran.codes == ["trade_unknown", "size_unknown"]
    assert [p["where"] for p in ran.json["problems"]] == ["o.csv:2", "o.csv:3"]
    nobody = cli("organisations", "import", cli.file("o.csv", FILE.replace("b-2", "b-9")), "--json")
    assert [(p["code"], p["where"]) for p in nobody.json["problems"]] == [
        ("person_unknown", "o.csv:2")
    ]
    assert cli.ok("organisations", "list") == []


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Twelve micro and eleven small hotels in Westminster, three large, a shop, and a panel."""
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        now = datetime.now(UTC)
        away: dict[str, Any] = {"lat": 53.5, "lon": -2.2, "kind": "business"}
        people = [person(n, **away) for n in range(101, 129)]
        await running.db.write(import_records, people, "test", now)
        sizes = ["micro"] * 12 + ["small"] * 11 + ["large"] * 3
        known = [
            OrganisationRecord(
                external_id=f"o-{n}",
                name=f"Hotel {n}",
                trade="I",
                size=size,
                sites="51.5,-0.14",
                people=(f"p{n}",),
            )
            for n, size in enumerate(sizes, 101)
        ]
        known.append(OrganisationRecord("o-127", "Shop", "G", "small", "51.5,-0.14", ("p127",)))
        panel = OrganisationRecord("o-128", "Hotel panel", "I", "micro", WESTMINSTER, ("p128",))
        known.append(panel._replace(passes_on=True))
        await running.db.write(rows.save, known, now)
        _, running.tokens["camden admin"] = await running.db.write(
            operators.add,
            name="Camden Admin",
            role="administrator",
            area=CAMDEN,
            email="c@example.org",
            now=now,
        )
        yield running


HOTELS: dict[str, Any] = {"trades": ["I"], "sizes": ["small", "large"]}


SMALL = "partners; and of these: people who act for micro organisations"


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        (Audience(), ""),
        (Audience(kinds=("business", "officer")), "businesses or officers"),
        (
            Audience(kinds=("business",), sectors=("retail",), communities=("a", "b")),
            "businesses; and of these: sector:retail; and of these: community:a or community:b",
        ),
        (Audience(kinds=("partner",), sizes=("micro",)), SMALL),
    ],
)
def test_whom_it_is_for_is_said_in_plain_words_and_all_of_it_must_hold(
    audience: Audience, words: str
) -> None:
    assert naming.only_for(audience, str) == words


def test_a_number_of_a_kind_has_its_plural() -> None:
    assert [naming.group("officer", n) for n in (1, 2)] == ["officer", "officers"]
    assert naming.group("business") == "businesses"
    assert naming.organisations("G micro").startswith("micro organisations in wholesale")
    assert set(naming.SIZES) == set(SIZES)


async def counted(site: Site, **changes: Any) -> dict[str, Any]:
    message = await site.drafted(audience=HOTELS, channels=["sms"], **changes)
    found = await site.post(f"{API}/messages/{message}/preview")
    assert found.status == 200, found.json
    counts: dict[str, Any] = found.json["counts"]
    return counts


async def test_a_preview_counts_by_trade_and_size_and_small_numbers_of_a_drawn_shape_stay_hidden(
    site: Site,
) -> None:
    counts = await counted(site)
    assert counts["send"] == 15  # eleven, three, and the panel, which stands for every size
    assert counts["organisations"] == {"I small": 12, "I large": 4}
    assert counts["passes_on"] == 1
    drawn = await counted(site, areas=None, circles=["51.5,-0.14 1"], severity="Extreme")
    assert set(drawn["organisations"].values()) == {"not shown"}
    assert drawn["passes_on"] in (0, "fewer than 10")
    everybody = await site.drafted(channels=["sms"])
    told = (await site.post(f"{API}/messages/{everybody}/preview")).json["counts"]
    assert told["organisations"] == {}
    assert told["send"] > 28  # what happens at their sites concerns all who act there


async def test_who_approves_reads_whom_it_is_for_and_each_person_gets_their_reason(
    site: Site,
) -> None:
    message, agreed = await site.submitted(audience=HOTELS, channels=["sms"], visibility="public")
    approver = Visitor(site)
    await approver.sign_in("approver")
    page = await approver.get(f"/room/messages/{message}/approve")
    words = "Only for people who act for small and large organisations in accommodation and food"
    assert f"{words} service" in page.words
    assert "for small organisations in accommodation and food service 12" in page.words
    assert "partner inboxes that pass it on 1" in page.words
    await site.approve(message, agreed)
    await site.release(message)
    told = await site.get(f"{API}/messages/{message}/explain/p113", role="administrator")
    assert told.json["verdict_now"] == "send"
    step = next(s for s in told.json["steps"] if s["name"] == "organisation")
    assert step["detail"].startswith("they act for an organisation of trade I, accommodation")
    shop = await site.get(f"{API}/messages/{message}/explain/p127", role="administrator")
    assert shop.json["verdict_now"] == "out_of_audience"
    # CAP says it in words and carries it
    cap = (await site.get(f"{API}/messages/{message}/cap")).body.decode()
    assert "trades: I, accommodation and food service" in cap
    assert "<valueName>fasttime:audience-trade</valueName><value>I</value>" in cap.replace(
        "\n", ""
    ).replace("  ", "")


async def test_what_an_author_types_on_the_page_is_the_audience(site: Site) -> None:
    author = Visitor(site)
    await author.sign_in("author")
    page = await author.get("/room/new")
    words = {"headline-0": "Gas leak", "instruction-0": "Stay in.", "trades": "I", "sizes": "large"}
    seen = await author.send(page, "/room/new", words, areas=[WESTMINSTER], do="preview")
    assert "Would be sent to 4" in seen.words
    assert "for large organisations in accommodation and food service" in seen.words
    wrong = words | {"trades": "hospitality"}
    refused = await author.send(page, "/room/new", wrong, areas=[WESTMINSTER], do="preview")
    assert "did you mean I (accommodation and food service)?" in refused.words


async def links(site: Site) -> list[tuple[str, str]]:
    query = select(audit.c.action, audit.c.subject).where(audit.c.action.like("organisations.%"))
    return await site.db.read(lambda conn: [tuple(row) for row in conn.execute(query)])


def fits(site: Site, method: str, path: str, answer: Answer) -> None:
    document = site.app.openapi()
    said = document["paths"][API + path][method]["responses"][str(answer.status)]["content"]
    schema = {**said["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json)


async def test_over_http_it_is_the_same_and_recorded(site: Site) -> None:
    role = "administrator"
    bell = {
        "external_id": "o-1",
        "name": "The Bell",
        "trade": "I",
        "size": 7,
        "sites": [CAMDEN, "E09999999"],
        "people": ["p101", "p102"],
        "contacts": [{"area": CAMDEN, "person": "p102"}],
    }
    added = await site.post(f"{API}/organisations", bell, role=role)
    assert (added.status, added.json["size"]) == (201, "micro"), added.json
    assert [w["code"] for w in added.json["warnings"]] == ["area_unknown"]
    fits(site, "post", "/organisations", added)
    path = f"{API}/organisations/o-1"
    changed = await site.call("PATCH", path, json={"contacts": None, "trade": "G"}, role=role)
    assert (changed.status, changed.json["contacts"], changed.json["trade"]) == (200, [], "G")
    fits(site, "patch", "/organisations/{organisation}", changed)
    first = await site.get(f"{API}/organisations?limit=2", role=role)
    fits(site, "get", "/organisations", first)
    assert [o["name"] for o in first.json["organisations"]] == ["Hotel 101", "Hotel 102"]
    following = f"{API}/organisations?limit=100&cursor={first.json['next']}"
    rest = await site.get(following, role="auditor")
    assert rest.json["next"] is None
    assert {o["name"] for o in rest.json["organisations"]} >= {"H… 1…", "S…", "T… B…"}
    shown = await site.get(path, role=role)
    fits(site, "get", "/organisations/{organisation}", shown)
    assert (shown.json["name"], shown.json["people"]) == ("The Bell", ["p101", "p102"])
    named = {each["external_id"]: each for each in shown.json["acting"]}
    assert {each["name"] for each in named.values()} == {"P… 1…"}
    assert named["p102"]["mobile"] == "…102"
    masked = await site.get(path, role="auditor")
    assert masked.json == shown.json | {"name": "T… B…"}
    nobody = await site.get(f"{API}/organisations/o-9", role=role)
    assert (nobody.status, nobody.code) == (404, "organisation_unknown")
    gone = await site.post(f"{path}/remove", {"why": "closed"}, role=role)
    fits(site, "post", "/organisations/{organisation}/remove", gone)
    assert (await site.call("PATCH", path, json={"trade": "I"}, role=role)).status == 404
    done = await links(site)
    assert done == [
        ("organisations.add", "o-1"),
        ("organisations.edit", "o-1"),
        ("organisations.list", "after 0"),
        ("organisations.list", done[3][1]),
        ("organisations.list", "o-1"),
        ("organisations.list", "o-1"),
        ("organisations.list", "nothing"),
        ("organisations.remove", "o-1"),
    ]
    for path in (f"{API}/organisations", f"{API}/organisations/o-101"):
        assert (await site.get(path, role="author")).status == 403
        assert (await site.get(path, role="camden admin")).code == "area_bound"
    bound = await site.post(f"{API}/organisations", bell, role="camden admin")
    assert (bound.status, bound.code) == (403, "area_bound")


async def test_an_id_of_other_books_is_reached_whatever_is_in_it(site: Site) -> None:
    role = "administrator"
    bell = {"name": "The Bell", "trade": "I", "size": 7}
    for id_ in ("a/b c", "a/remove", "import", "/x/", "50%25?é#"):
        made = await site.post(f"{API}/organisations", bell | {"external_id": id_}, role=role)
        assert made.status == 201, made.json
        path = f"{API}/organisations/{quote(id_, safe='')}"
        changed = await site.call("PATCH", path, json={"trade": "G"}, role=role)
        assert (changed.status, changed.json.get("external_id")) == (200, id_), changed.json
        shown = await site.get(path, role=role)
        assert (shown.json.get("external_id"), shown.json.get("trade")) == (id_, "G")
        gone = await site.post(f"{path}/remove", {"why": "closed"}, role=role)
        assert gone.json == {"external_id": id_, "removed": True}
        assert (await site.get(path, role=role)).code == "organisation_unknown"


WRONG_FIELDS: list[tuple[dict[str, Any], str, str]] = [
    ({"trade": "i"}, "trade_unknown", "trade"),
    ({"trade": 1}, "field_type", "trade"),
    ({"size": True}, "field_type", "size"),
    ({"people": ["p1;p2"]}, "field_type", "people"),
    ({"people": ["nobody"]}, "person_unknown", "people"),
    ({"contacts": [{"area": WESTMINSTER}]}, "field_type", "contacts"),
    ({"contacts": [{"area": WESTMINSTER, "person": "p2"}]}, "contact_not_acting", "contacts"),
    ({"contacts": [{"area": "E12000007", "person": "p1"}]}, "contact_area_unknown", "contacts"),
    ({"name": " "}, "name_missing", "name"),
    ({"external_id": "o-101"}, "organisation_exists", "external_id"),
    ({"colour": "red"}, "field_unknown", "colour"),
]


async def test_what_is_wrong_with_one_is_told_by_field_and_none_is_added(site: Site) -> None:
    bell = {"external_id": "o-1", "name": "x", "trade": "I", "size": "micro", "people": ["p1"]}
    for change, code, field in WRONG_FIELDS:
        answer = await site.post(f"{API}/organisations", bell | change, role="administrator")
        assert (answer.code, answer.json["field"]) == (code, field), answer.json
    query = select(organisation.c.external_id).where(organisation.c.external_id == "o-1")
    assert await site.db.read(lambda conn: conn.execute(query).all()) == []
