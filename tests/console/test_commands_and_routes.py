"""Everything that the command line does is in the API, or docs/interfaces.md says why it is not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.console.site import Site, open_site
from tests.console.test_cli_help import every_command

ROOT = Path(__file__).parents[2]
V1 = "/api/v1"
MESSAGE = f"{V1}/messages/{{id}}"
PERSON = f"{V1}/subscribers/{{subscriber}}"
ROUTES = {
    "areas import": f"POST {V1}/areas/import",
    "areas list": f"GET {V1}/areas",
    "areas locate": f"POST {V1}/areas/locate",
    "areas postcode": f"GET {V1}/areas/postcode",
    "areas replaced": f"GET {V1}/areas/replaced",
    "areas show": f"GET {V1}/areas/{{code}}",
    "answers list": f"GET {MESSAGE}/answers",
    "audit list": f"GET {V1}/audit",
    "audit verify": f"GET {V1}/audit/verify",
    "cap export": f"GET {MESSAGE}/cap",
    "cap import": f"POST {V1}/cap/import",
    "cap validate": f"POST {V1}/cap/validate",
    "dead-letters close": f"POST {V1}/dead-letters/{{id}}/close",
    "dead-letters list": f"GET {V1}/dead-letters",
    "dead-letters retry": f"POST {V1}/dead-letters/{{id}}/retry",
    "deliveries": f"GET {MESSAGE}/deliveries",
    "exercises approve": f"POST {V1}/exercises/{{id}}/approve",
    "exercises cancel": f"POST {V1}/exercises/{{id}}/cancel",
    "exercises list": f"GET {V1}/exercises",
    "exercises plan": f"POST {V1}/exercises",
    "explain": f"GET {MESSAGE}/explain/{{subscriber}}",
    "groups add": f"POST {V1}/groups",
    "groups import": f"POST {V1}/groups/import",
    "groups list": f"GET {V1}/groups",
    "level end": f"POST {V1}/threat-levels",
    "level history": f"GET {V1}/threat-levels/history",
    "level import": f"POST {V1}/threat-levels/import",
    "level set": f"POST {V1}/threat-levels",
    "level show": f"GET {V1}/threat-levels",
    "message draft": f"POST {V1}/messages",
    "message edit": f"PUT {MESSAGE}",
    "message list": f"GET {V1}/messages",
    "message schema": "GET /openapi.json",  # the component DraftIn
    "message show": f"GET {MESSAGE}",
    "operators add": f"POST {V1}/operator-requests",
    "operators disable": f"POST {V1}/operator-requests",
    "operators list": f"GET {V1}/operators",
    "organisations add": f"POST {V1}/organisations",
    "organisations edit": f"PATCH {V1}/organisations/{{organisation}}",
    "organisations import": f"POST {V1}/organisations/import",
    "organisations list": f"GET {V1}/organisations",
    "organisations remove": f"POST {V1}/organisations/{{organisation}}/remove",
    "organisations show": f"GET {V1}/organisations/{{organisation}}",
    "registry agree": f"POST {V1}/operator-requests/{{id}}/approve",
    "registry export": f"GET {V1}/operator-requests/{{id}}/registry",
    "replay": f"GET {MESSAGE}/replay",
    "resend": f"POST {MESSAGE}/resend",
    "sms segments": f"POST {V1}/sms/segments",
    "subscribers add": f"POST {V1}/subscribers",
    "subscribers edit": f"PATCH {PERSON}",
    "subscribers export": f"GET {V1}/operator-requests/{{id}}/export",
    "subscribers find": f"POST {V1}/subscribers/find",
    "subscribers import": f"POST {V1}/subscribers/import",
    "subscribers show": f"GET {PERSON}",
    **{
        f"message {verb}": f"POST {MESSAGE}/{verb}"
        for verb in (
            *("preview", "submit", "approve", "return", "reject", "hold", "resume", "cancel"),
            *("update", "correct", "all-clear"),
        )
    },
    **{
        f"subscribers {verb}": f"POST {PERSON}/{verb}"
        for verb in ("stop", "start", "join", "part", "erase")
    },
}
"""Each command, and the route that does the same."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened


def groups_and_commands() -> tuple[set[str], set[str]]:
    words = {" ".join(found) for found in every_command() if found}
    groups = {word for word in words if any(w.startswith(f"{word} ") for w in words)}
    return groups, words - groups


def not_over_http() -> set[str]:
    """Return the commands that the docs name with a reason, from the table of that name."""
    text = (ROOT / "docs/interfaces.md").read_text(encoding="utf-8")
    table = text.partition("| Not over HTTP | Why |")[2].partition("\n\n")[0]
    rows = [row.split("|") for row in table.splitlines() if row.count("|") >= 3]
    assert all(len(why.strip()) > 20 for _, _, why, *_ in rows if not why.startswith("---"))
    return {name for _, commands, *_ in rows for name in re.findall(r"`([a-z -]+)`", commands)}


async def test_every_command_has_its_route_or_a_reason_that_is_written_down(site: Site) -> None:
    _, commands = groups_and_commands()
    by_hand = not_over_http()
    assert commands == set(ROUTES) | by_hand
    assert not set(ROUTES) & by_hand
    declared = {
        f"{method.upper()} {path}"
        for path, methods in site.app.openapi()["paths"].items()
        for method in methods
    } | {"GET /openapi.json"}
    assert set(ROUTES.values()) <= declared


def test_what_the_machines_administrator_can_do_by_hand_is_one_page() -> None:
    page = (ROOT / "docs/first-operators.md").read_text(encoding="utf-8")
    _, commands = groups_and_commands()
    rows = re.findall(r"^\| `([a-z-]+)`: ([^|]+)\|", page, re.MULTILINE)
    named = {f"{group} {verb}" for group, verbs in rows for verb in re.findall(r"[a-z-]+", verbs)}
    alone = set(re.findall(r"`([a-z]+)`", page.partition("| alone:")[2].partition("|")[0]))
    acting = {c for c in commands if c.split()[0] in ("message", "resend", "level")}
    acting -= {"message list", "message show", "message schema"}
    acting -= {"level show", "level history", "level import"}
    acting |= {
        "answers list",
        "answers read",
        "exercises plan",
        "exercises approve",
        "exercises cancel",
    }
    acting |= {"registry export", "registry agree"}
    assert named | alone == commands - acting
