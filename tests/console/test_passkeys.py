"""Passkeys: who has one does nothing dangerous without it, whatever else was stolen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from playwright.async_api import Browser, CDPSession, Page, expect

from broadcast.operators import operators
from broadcast.problems import Rejected
from broadcast.sessions import passkeys
from service import passkeys as service
from service import sign_in
from tests.console.site import Site, open_site
from tests.console.test_face_in_browser import faults
from tests.console.visitor import Visitor

HERE = "http://localhost:PORT"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path, FASTTIME_PUBLIC_URL=HERE) as running:
        yield running


def visitor(site: Site) -> Visitor:
    return Visitor(site, origin=site.settings.public_url)


async def enrol(site: Site, role: str) -> int:
    """Give somebody a passkey whose private half nobody has."""
    holder = await site.db.read(operators.by_token, site.tokens[role])
    assert holder is not None
    await site.db.write(
        passkeys.add,
        operator_id=holder.id,
        credential_id=b"of " + role.encode(),
        public_key=b"key",
        sign_count=0,
        name="stick",
        now=site.context.now(),
    )
    return holder.id


async def test_a_stolen_token_of_who_has_a_passkey_opens_no_page_and_approves_nothing(
    site: Site,
) -> None:
    message, _ = await site.submitted()
    await enrol(site, "approver")
    thief = visitor(site)
    page = await thief.sign_in("approver")
    assert page.h1 == "Show your passkey"
    for path in ("/room", f"/room/messages/{message}/approve", "/room/passkeys", "/room/sessions"):
        assert (await thief.get(path)).h1 == "Show your passkey", path
    stream = await thief.ask("GET", f"/room/events?of=/room/messages/{message}", follow=False)
    assert stream.text == "event: over\ndata: \n\n"
    version = await site.version(message)
    answer = await site.post(
        f"/api/v1/messages/{message}/approve",
        {"content_hash": version.content_hash},
        role="approver",
    )
    assert (answer.status, answer.json["code"]) == (403, "passkey_needed")
    assert (await site.version(message)).state == "pending_approval"
    # what can only stop or draft something stays possible by the token
    assert (await site.get(f"/api/v1/messages/{message}", role="approver")).status == 200


async def test_an_administrator_s_token_approves_no_request_without_the_passkey(
    site: Site,
) -> None:
    _, site.tokens["second"] = await site.db.write(
        operators.add,
        name="second",
        role="administrator",
        area=None,
        email=None,
        now=site.context.now(),
    )
    asked = await site.post(
        "/api/v1/operator-requests",
        {"kind": "add", "name": "Mallory", "role": "approver", "email": "m@example.org"},
        role="administrator",
    )
    assert asked.status == 201, asked.json
    await enrol(site, "second")
    path = f"/api/v1/operator-requests/{asked.json['id']}/approve"
    answer = await site.post(path, {}, role="second")
    assert (answer.status, answer.json["code"]) == (403, "passkey_needed")


async def test_answers_that_are_none_are_refused_and_prove_nothing(site: Site) -> None:
    await enrol(site, "approver")
    await enrol(site, "author")
    thief = visitor(site)
    page = await thief.sign_in("approver")
    fields = dict(page.fields("/room/passkey"))
    other = {"id": "b2YgYXV0aG9y", "rawId": "b2YgYXV0aG9y", "type": "public-key", "response": {}}
    mine = {**other, "id": "b2YgYXBwcm92ZXI", "rawId": "b2YgYXBwcm92ZXI"}
    for answer in ("", "{", "[]", "{}", json.dumps(other), json.dumps(mine), "x" * 30_000):
        seen = await thief.send(page, "/room/passkey", passkey=answer)
        assert seen.h1 == "Show your passkey"
        assert "(passkey_wrong, passkey)" in seen.words, answer[:40]
    # another challenge than the page's breaks its form
    forged = await thief.send(page, "/room/passkey", about="A" * 43, passkey=json.dumps(mine))
    assert forged.h1 == "Nothing was done"
    assert (await thief.get("/room")).h1 == "Show your passkey"
    assert len(fields["about"]) == 43


async def test_a_challenge_lasts_five_minutes(site: Site) -> None:
    now = site.context.now()
    given = service.challenge(now)
    _, secret = await sign_in.by_token(site.db, site.tokens["approver"], now)
    session = await sign_in.who(site.db, secret, now)
    assert session is not None
    assert not session.lacks_passkey
    known = service.site_of(site.settings.public_url)
    assert known is not None
    for late in (timedelta(minutes=5, seconds=1), timedelta(seconds=-2)):
        with pytest.raises(Rejected) as refused:
            await service.show(site.db, known, session, given=given, answer="{}", now=now + late)
        assert refused.value.problems[0].code == "passkey_late"


async def test_whoever_lost_theirs_has_it_removed_at_the_machine(site: Site) -> None:
    holder = await enrol(site, "approver")
    lost = visitor(site)
    await lost.sign_in("approver")
    now = site.context.now()
    assert await service.forget(site.db, "approver", actor="root", now=now) == 1
    assert (await lost.get("/room")).h1 == "Sign in to the control room"  # the session is ended too
    assert (await lost.sign_in("approver")).h1 == "Control room"
    # what was removed is never taken again, from anybody
    with pytest.raises(Rejected) as refused:
        await enrol(site, "approver")
    assert refused.value.problems[0].code == "passkey_known"
    assert await site.db.read(passkeys.of_operator, holder) == []


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://warn.example/", ("warn.example", "https://warn.example")),
        ("https://warn.example:8443", ("warn.example", "https://warn.example:8443")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("http://warn.example", None),
        ("https://192.0.2.7", None),
        ("https://[2001:db8::1]", None),
        ("", None),
    ],
)
def test_browsers_know_passkeys_at_names_and_over_tls_alone(
    url: str, known: tuple[str, str] | None
) -> None:
    site = service.site_of(url)
    assert (None if site is None else (site.host, site.origin)) == known


async def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Give a page's browser a device with a finger on it."""
    wire = await page.context.new_cdp_session(page)
    await wire.send("WebAuthn.enable")
    made: dict[str, Any] = await wire.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return wire, made["authenticatorId"]


async def sign_in_by_hand(page: Page, site: Site, role: str) -> None:
    await page.goto(f"{site.settings.public_url}/room/sign-in")
    await page.get_by_label("Your personal token").fill(site.tokens[role])
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.browser
async def test_a_passkey_is_added_shown_and_removed_in_a_browser(
    site: Site, browser: Browser
) -> None:
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(15_000)
    wire, device = await authenticator(page)
    await sign_in_by_hand(page, site, "approver")
    await page.get_by_role("link", name="Passkeys").click()
    assert await faults(page) == []
    await page.get_by_label("What you call it").fill("blue key")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("rowheader", name="blue key")).to_be_visible()
    holder = await site.db.read(operators.by_token, site.tokens["approver"])
    assert holder is not None
    (kept,) = await site.db.read(passkeys.of_operator, holder.id)
    assert kept == passkeys.Passkey(
        id=kept.id,
        operator_id=holder.id,
        credential_id=ANY,
        public_key=ANY,
        sign_count=ANY,
        name="blue key",
        added_at=ANY,
        used_at=None,
    )
    await page.get_by_role("button", name="Sign out").click()
    await sign_in_by_hand(page, site, "approver")
    await expect(page.locator("h1")).to_have_text("Show your passkey")
    assert await faults(page) == []
    # a finger that is not theirs
    await wire.send(
        "WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False}
    )
    await page.get_by_role("button", name="Use my passkey").click()
    await expect(page.locator("[data-passkey-says]")).to_contain_text("No passkey was shown")
    await wire.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    await page.get_by_role("button", name="Use my passkey").click()
    await expect(page.locator("h1")).to_have_text("Control room")
    # now it may approve: what a bearer token may not
    message, _ = await site.submitted()
    await page.goto(f"{site.settings.public_url}/room/messages/{message}/approve")
    await expect(page.locator("h1")).not_to_have_text("Show your passkey")
    shown = await site.db.read(passkeys.of_operator, holder.id)
    assert shown[0].used_at is not None
    assert shown[0].sign_count > kept.sign_count
    await page.get_by_role("link", name="Passkeys").click()
    await page.get_by_role("button", name="Remove blue key").click()
    await expect(page.get_by_text("You have none.")).to_be_visible()


@pytest.mark.browser
async def test_a_second_passkey_of_the_same_device_is_refused_in_words(
    site: Site, browser: Browser
) -> None:
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(15_000)
    await authenticator(page)
    await sign_in_by_hand(page, site, "approver")
    await page.goto(f"{site.settings.public_url}/room/passkeys")
    for _ in range(2):
        await page.get_by_label("What you call it").fill("phone")
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_role("rowheader", name="phone")).to_be_visible()
    await expect(page.locator("[data-passkey-says]")).to_contain_text("in your list already")
