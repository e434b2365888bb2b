"""Every route of the control room's pages against every role, complete by the application's own
routes; and what people write stays inert on every page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broadcast.events import dead_letters
from broadcast.operators.operators import PERMISSIONS
from console.room.frame import Room
from service import sign_in
from tests.console.site import Site, open_site
from tests.console.visitor import HERE, Visitor

ANYBODY, SIGNED_IN, OFFICE, AUDIT = "anybody", "signed in", "office", "audit"
ROLES = {
    role: allowed
    | ({OFFICE} if role in ("administrator", "auditor") else set())
    | ({AUDIT} if role == "auditor" else set())
    for role, allowed in PERMISSIONS.items()
}
OF_A_MESSAGE = {
    ("GET", ""): "read",
    ("GET", "/edit"): "edit",
    ("POST", "/edit"): "edit",
    ("GET", "/check"): "submit",
    ("POST", "/submit"): "submit",
    ("GET", "/approve"): "approve",
    ("POST", "/approve"): "approve",
    ("POST", "/return"): "return",
    ("POST", "/reject"): "reject",
    ("POST", "/hold"): "hold",
    ("POST", "/resume"): "resume",
    ("POST", "/cancel"): "cancel",
    ("GET", "/resend"): "read",
    ("POST", "/resend"): "resend",
    ("POST", "/resend/approve"): "approve",
    ("GET", "/update"): "update",
    ("POST", "/update"): "update",
    ("GET", "/correct"): "correct",
    ("POST", "/correct"): "correct",
    ("GET", "/all-clear"): "all_clear",
    ("POST", "/all-clear"): "all_clear",
    ("GET", "/log"): "people",
    ("GET", "/answers"): "people",
    ("GET", "/people/{person}"): "people",
    ("POST", "/people/{person}"): "people",
    ("GET", "/replay"): "read",
    ("GET", "/pictures"): "read",
    ("POST", "/replay"): "read",
}
PLACES = ("places", "borders")
TABLE = {
    ("GET", "/room"): "read",
    ("GET", "/room/events"): ANYBODY,  # who is not signed in is told that it is over
    ("GET", "/room/sign-in"): ANYBODY,
    ("POST", "/room/sign-in"): ANYBODY,
    ("GET", "/room/invitation/{secret}"): ANYBODY,
    ("POST", "/room/invitation/{secret}"): ANYBODY,
    ("GET", "/room/static/{name}"): ANYBODY,
    ("POST", "/room/sign-out"): SIGNED_IN,
    ("GET", "/room/sessions"): SIGNED_IN,
    ("GET", "/room/passkey"): SIGNED_IN,
    ("POST", "/room/passkey"): SIGNED_IN,
    ("GET", "/room/passkeys"): SIGNED_IN,
    ("POST", "/room/passkeys"): SIGNED_IN,
    ("POST", "/room/passkeys/{id}/remove"): SIGNED_IN,
    ("GET", "/room/operators"): OFFICE,
    ("POST", "/room/operators"): "administer",
    ("POST", "/room/operators/{id}/approve"): "administer",
    ("POST", "/room/operators/{id}/reject"): "administer",
    ("GET", "/room/organisations"): OFFICE,
    ("GET", "/room/organisations/one"): OFFICE,
    **{("POST", f"/room/organisations/{act}"): "administer" for act in ("add", "edit", "remove")},
    ("GET", "/room/audit"): AUDIT,
    ("GET", "/room/answers"): "people",
    ("GET", "/room/levels"): "read",
    ("GET", "/room/health"): "read",
    ("GET", "/exercise"): "read",
    ("POST", "/exercise/plans"): "draft",
    ("POST", "/exercise/plans/{id}/approve"): "approve",
    ("POST", "/exercise/plans/{id}/cancel"): "draft",
    ("POST", "/room/dead-letters/{id}/close"): "administer",
    ("POST", "/room/dead-letters/{id}/retry"): "administer",
    ("GET", "/room/import"): "administer",
    ("POST", "/room/import/areas"): "administer",
    ("POST", "/room/import/people"): "administer",
    **{("GET", f"{base}/{of}"): "draft" for base in ("/room", "/exercise") for of in PLACES},
    ("POST", "/room/sessions/{id}/end"): SIGNED_IN,
    **{(m, f"{base}/new"): "draft" for base in ("/room", "/exercise") for m in ("GET", "POST")},
    **{
        (method, f"{base}/messages/{{id}}{rest}"): needed
        for base in ("/room", "/exercise")
        for (method, rest), needed in OF_A_MESSAGE.items()
    },
}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


def every(router: Any) -> list[Any]:
    """Return the routes of a router and of all that it includes."""
    found = []
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        found += every(inner) if inner is not None else [route]
    return found


def routes(site: Site) -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in every(site.app)
        if route.path.startswith(("/room", "/exercise/")) or route.path == "/exercise"
        for method in route.methods
    }


async def form_of(site: Site, visitor: Visitor, path: str) -> list[tuple[str, str]]:
    """Return the hidden fields that a page would have made for this session and address."""
    secret = visitor.cookies["fasttime_room"].partition(".")[0]
    signed = await sign_in.who(site.db, secret, datetime.now(UTC))
    assert signed is not None
    made = Room(site.app.state.web).form(signed, path)
    return [("form", made["token"]), ("key", made["key"]), ("about", "")]


async def test_the_table_names_every_route_and_no_other(site: Site) -> None:
    assert routes(site) == set(TABLE)


async def test_every_route_is_for_whom_the_table_says_and_nobody_else(site: Site) -> None:
    await site.live(severity="Severe")
    await site.submitted()
    number = {"/edit": "1", "/check": "2"}
    visitors = {}
    for role in PERMISSIONS:
        visitors[role] = Visitor(site)
        await visitors[role].sign_in(role)
    stranger = Visitor(site)
    before = [(await site.version(n)).state for n in (1, 2)]
    for (method, template), needed in sorted(TABLE.items()):
        if needed == ANYBODY or template in ("/room/sign-out", "/room/sessions/{id}/end"):
            continue
        message = next((n for end, n in number.items() if template.endswith(end)), "2")
        path = template.replace("{id}", message).replace("{person}", "5")
        if path.startswith("/exercise/messages"):
            continue  # the same functions; no message of that kind is here
        turned = await stranger.ask(method, path, [], follow=False)
        assert turned.status == (303 if method == "GET" else 401), path
        if method == "GET":
            assert turned.headers["Location"].startswith("/room/sign-in?next=")
        for role, allowed in ROLES.items():
            if needed == SIGNED_IN or needed in allowed:
                continue
            pairs = await form_of(site, visitors[role], path) if method == "POST" else None
            seen = await visitors[role].ask(method, path, pairs)
            assert (seen.status, "wrong_role" in seen.words or "not_yours" in seen.words) == (
                403,
                True,
            ), (method, path, role, seen.status)
            bare = await visitors[role].ask("POST", path, [])
            assert bare.status in (403, 405), (path, role)
    assert [(await site.version(n)).state for n in (1, 2)] == before


async def test_who_may_is_not_refused_for_their_role(site: Site) -> None:
    await site.submitted()
    for (method, template), needed in sorted(TABLE.items()):
        if method != "GET" or needed == ANYBODY or "/exercise/messages" in template:
            continue
        path = template.replace("{id}", "1").replace("{person}", "5")
        for role, allowed in ROLES.items():
            if needed == SIGNED_IN or needed in allowed:
                visitor = Visitor(site)
                await visitor.sign_in(role)
                seen = await visitor.get(path)
                assert seen.status in (200, 404, 409), (path, role, seen.words[:300])


async def test_who_looked_at_people_is_told_to_administrators_and_auditors_only(
    site: Site,
) -> None:
    now = datetime.now(UTC)
    await site.db.write(dead_letters.park, dead_letters.LOOK_UPS, "operator 5", "20 shapes", now)
    await site.db.write(dead_letters.park, "render.failed", "9/sms/en", "KeyError", now)
    for role, allowed in ROLES.items():
        visitor = Visitor(site)
        await visitor.sign_in(role)
        for path in ("/room", "/room/health"):
            words = (await visitor.get(path)).words
            assert ("Alarms of look-ups: 1 to look at" in words) is (OFFICE in allowed), role
            assert "Put aside: 1 to look at" in words
        assert ("20 shapes" in words) is (OFFICE in allowed), role
        assert f"Put aside ({2 if OFFICE in allowed else 1} open)" in words


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "end of a field": "</textarea><script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "template": "{{ 7 * 7 }}{% raw %}",
    "right to left": "\u202etxt.exe",
}


@pytest.mark.parametrize("words", HOSTILE.values(), ids=list(HOSTILE))
async def test_check_61_what_people_write_stays_inert(site: Site, words: str) -> None:
    author, approver = Visitor(site), Visitor(site)
    await author.sign_in("author")
    await approver.sign_in("approver")
    page = await author.get("/room/new")
    names = ("headline-0", "description-0", "instruction-0", "source", "sectors", "hotlines")
    fields: dict[str, Any] = dict.fromkeys(names, f"A {words}")
    kept = await author.send(page, "/room/new", fields, areas=["E09000033"], do="check")
    found = [kept, await author.send(page, "/room/new", {}, search=words, do="search")]
    fields |= {"sectors": "", "hotlines": ""}
    saved = await author.send(page, "/room/new", fields, areas=["E09000033"], do="check")
    found.append(saved)
    if saved.url.endswith("/check"):
        path = saved.url.removesuffix("/check")
        found.append(await author.send(saved, f"{path}/submit"))
        look = await approver.get(f"{path}/approve")
        found += [look, await approver.send(look, f"{path}/approve", phrase=words)]
        found += [await approver.send(look, f"{path}/return", why=words)]
        found += [await author.get(path), await author.get(f"{path}/edit")]
        found += [await author.get("/room")]
    for seen in found:
        scripts = seen.tree.xpath("//script")
        loaded = {s.get("src", "").partition("?")[0].removeprefix("/room/static/") for s in scripts}
        assert {"room.js"} <= loaded <= {"room.js", "compose.js", "leaflet.js"}
        assert seen.tree.xpath("//*[@onerror] | //*[@style] | //img") == []
        assert "49" not in seen.tree.xpath("string(//h1)")
