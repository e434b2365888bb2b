"""Signing in to the control room: who gets a session, how long it stands, and what a stolen or
foreign form can do with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcast.operators import operators
from broadcast.sessions import store
from service import sign_in
from tests.console.site import Site, open_site
from tests.console.visitor import HERE, Visitor
from tests.keys import database as open_database

NAME = "fasttime_room"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


async def invited(site: Site, name: str, now: datetime | None = None) -> str:
    when = now or datetime.now(UTC)
    return f"/room/invitation/{await sign_in.invite(site.db, name, actor='test', now=when)}"


def moved(site: Site, by: timedelta) -> None:
    """Let the site's clock go on."""
    before = site.context.now
    site.context.now = lambda: before() + by


async def test_a_token_signs_in_once_pasted_and_leads_back_to_where_one_wanted(site: Site) -> None:
    author = Visitor(site)
    led = await author.get("/room/sessions?x=1", follow=False)
    assert led.status == 303
    assert led.headers["Location"] == "/room/sign-in?next=/room/sessions%3Fx%3D1"
    page = await author.get(led.headers["Location"])
    wrong = await author.send(page, "/room/sign-in", token="ft_" + "x" * 43)
    assert (wrong.status, author.cookies) == (401, {})
    assert "this is no operator's token" in wrong.words
    inside = await author.send(wrong, "/room/sign-in", token=f" {site.tokens['author']} ")
    assert (inside.url, inside.h1) == ("/room/sessions?x=1", "Sessions")
    assert "author (here)" in inside.words
    assert site.tokens["author"] not in inside.text


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/room",
        "//evil.example/room",
        "/\\evil.example",
        "/room\\..//evil.example",
        "/roomservice",
        "/room//evil.example",
        "javascript:alert(1)",
        "/room/\r\nLocation: https://evil.example",
    ],
)
async def test_signing_in_leads_nowhere_else(site: Site, to: str) -> None:
    visitor = Visitor(site)
    page = await visitor.get("/room/sign-in")
    token = site.tokens["author"]
    pairs = [(k, v) for k, v in page.fields("/room/sign-in") if k not in ("next", "token")]
    led = await visitor.ask(
        "POST", "/room/sign-in", [*pairs, ("next", to), ("token", token)], follow=False
    )
    assert (led.status, led.headers["Location"]) == (303, "/room")


async def test_the_cookie_is_for_this_host_alone_and_for_no_script(tmp_path: Path) -> None:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL="https://room.example") as site:
        visitor = Visitor(site, origin="https://room.example")
        led = await visitor.ask(
            "POST", "/room/sign-in", [("token", site.tokens["author"])], follow=False
        )
        said = led.headers["Set-Cookie"]
        assert said.startswith(f"__Host-{NAME}=")
        for part in ("HttpOnly", "Secure", "Path=/", "SameSite=strict"):
            assert part in said
        assert "Domain" not in said
        assert "Max-Age" not in said
        inside = await visitor.get("/room/sessions")
        policy = inside.headers["Content-Security-Policy"]
        assert inside.status == 200
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert inside.headers["Cache-Control"] == "no-store"


async def test_an_invitation_is_looked_at_freely_and_used_once_before_the_first_sign_in(
    site: Site,
) -> None:
    link = await invited(site, "author")
    kit = Visitor(site)
    for method in ("GET", "HEAD", "GET"):  # a scanner looks first
        seen = await Visitor(site).ask(method, link)
        assert seen.status == 200
        assert seen.headers["Referrer-Policy"] == "no-referrer"
    page = await kit.get(link)
    assert "This link signs in author , author, once" in page.words
    kit.origin = "null"  # what a browser sends from a page without referrer
    inside = await kit.send(page, link)
    assert inside.status == 200
    kit.origin = ""
    assert (await kit.get("/room/sessions")).words.count("invitation") == 1
    for again in (await kit.get(link), await kit.ask("POST", link)):
        assert (again.status, again.h1) == (404, "This invitation opens nothing")
    with pytest.raises(Exception, match="signed_in_before"):
        await invited(site, "author")


async def test_an_invitation_runs_out_is_replaced_and_ends_with_its_operator(site: Site) -> None:
    now = datetime.now(UTC)
    cases = {
        "too late": await invited(site, "author", now - timedelta(minutes=15)),
        "replaced": await invited(site, "operator"),
        "disabled": await invited(site, "auditor"),
        "signed in meanwhile": await invited(site, "administrator"),
    }
    good = await invited(site, "operator")
    await site.db.write(operators.disable, "auditor", now)
    await Visitor(site).sign_in("administrator")
    for why, link in cases.items():
        assert (await Visitor(site).ask("POST", link)).status == 404, why
    assert (await Visitor(site).ask("POST", good)).status == 200


async def test_a_disabled_operator_s_sessions_end_at_once_everywhere(site: Site) -> None:
    first, second = Visitor(site), Visitor(site)
    await first.sign_in("author")
    await second.sign_in("author")
    page = await first.get("/room/sessions")
    await site.db.write(operators.disable, "author", datetime.now(UTC))
    for visitor in (first, second):
        assert (await visitor.get("/room/sessions")).h1 == "Sign in to the control room"
    posted = await first.send(page, "/room/sign-out")
    assert posted.status == 401
    assert "nothing was done" in posted.words


async def test_a_session_ends_after_twelve_hours_and_an_approver_s_after_thirty_minutes_away(
    site: Site,
) -> None:
    author, approver = Visitor(site), Visitor(site)
    await author.sign_in("author")
    await approver.sign_in("approver")
    copied = Visitor(site, dict(approver.cookies))
    moved(site, timedelta(minutes=29))
    assert (await approver.get("/room/sessions")).h1 == "Sessions"
    moved(site, timedelta(minutes=29))
    assert (await approver.get("/room/sessions")).h1 == "Sessions"  # it was used in between
    # a copy that was left unused opens nothing, whatever time is written into it
    secret, used, mark = copied.cookies[NAME].split(".")
    assert (await copied.get("/room/sessions")).h1 == "Sign in to the control room"
    copied.cookies[NAME] = f"{secret}.{int(used) + 3400}.{mark}"
    assert (await copied.get("/room/sessions")).h1 == "Sign in to the control room"
    moved(site, timedelta(hours=10))
    assert (await author.get("/room/sessions")).h1 == "Sessions"
    moved(site, timedelta(hours=1, minutes=3))
    assert (await author.get("/room/sessions")).h1 == "Sign in to the control room"


async def test_sessions_are_ended_by_their_owner_and_an_administrator_and_nobody_else(
    site: Site,
) -> None:
    author, other, boss = Visitor(site), Visitor(site), Visitor(site)
    await author.sign_in("author")
    await other.sign_in("approver")
    await boss.sign_in("administrator")
    mine = await other.get("/room/sessions")
    assert [a for a in mine.forms() if a.endswith("/end")] == ["/room/sessions/2/end"]
    fields = mine.fields("/room/sessions/2/end")
    assert (await other.ask("POST", "/room/sessions/1/end", fields)).status == 403  # its token
    everybody = await boss.get("/room/sessions")
    ended = await boss.send(everybody, "/room/sessions/1/end")
    assert "End session 1" not in ended.words
    assert (await author.get("/room/sessions")).h1 == "Sign in to the control room"
    out = await other.send(mine, "/room/sign-out")
    assert (out.h1, other.cookies) == ("Sign in to the control room", {})
    said = await site.db.read(lambda conn: store.listed(conn, "operator", datetime.now(UTC)))
    assert [each.id for each in said] == [3]


async def test_a_form_holds_for_its_session_its_address_and_its_origin_alone(site: Site) -> None:
    author, other = Visitor(site), Visitor(site)
    await author.sign_in("author")
    await other.sign_in("author")
    page = await author.get("/room/sessions")
    path, fields = "/room/sessions/1/end", page.fields("/room/sessions/1/end")
    changed = [(k, "x" if k == "about" else v) for k, v in fields]
    rekeyed = [(k, "x" if k == "key" else v) for k, v in fields]
    refused = {
        "another session's": await other.ask("POST", path, fields),
        "another address": await author.ask("POST", "/room/sign-out", fields),
        "another content": await author.ask("POST", path, changed),
        "another key": await author.ask("POST", path, rekeyed),
        "no token": await author.ask("POST", path, []),
        "another site": await author.ask("POST", path, fields, Origin="https://evil.example"),
        "no origin": await Visitor(site, author.cookies, origin=None).ask("POST", path, fields),
        "a hidden origin": await author.ask("POST", path, fields, Origin="null"),
        "across sites": await author.ask("POST", path, fields, Sec_Fetch_Site="cross-site"),
        "a sibling": await author.ask("POST", path, fields, Sec_Fetch_Site="same-site"),
    }
    assert {why: seen.status for why, seen in refused.items()} == dict.fromkeys(refused, 403)
    as_json = await author.ask("POST", path, fields, Content_Type="text/plain")
    assert as_json.status == 415
    assert (await author.get(path)).status in (404, 405)
    assert (await author.ask("POST", path, fields)).url == "/room/sign-in?next=/room/sessions"


async def test_neither_table_keeps_a_secret_and_signing_in_is_chained(site: Site) -> None:
    link = await invited(site, "author")
    visitor = Visitor(site)
    await visitor.ask("POST", link)
    secret = visitor.cookies[NAME].partition(".")[0]
    files = [file for file in site.settings.data.rglob("*") if file.is_file()]
    kept = b"".join(file.read_bytes() for file in files)
    assert b"operators.sign_in" in kept
    assert secret.encode() not in kept
    assert link.rpartition("/")[2].encode() not in kept


@pytest.mark.postgres
async def test_of_two_who_redeem_at_once_one_is_let_in(migrated_postgres_url: str) -> None:
    import asyncio

    from console.processes import migrate

    db = open_database(migrated_postgres_url)
    try:
        await migrate.upgrade(db)
        now = datetime.now(UTC)
        await db.write(
            operators.add, name="Sam", role="author", area=None, email="s@example.org", now=now
        )
        secret = await sign_in.invite(db, "Sam", actor="test", now=now)
        found = await asyncio.gather(
            *(sign_in.by_invitation(db, secret, now) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(each, tuple) for each in found) == 1
        assert len(await sign_in.sessions(db, await db.read(operators.by_name, "Sam"), now)) == 1
    finally:
        await db.close()
