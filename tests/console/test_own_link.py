"""The link of one person: the way out and the way back, and nothing by looking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from lxml import html
from sqlalchemy import Connection, select, update

from broadcast.ledger.tables import response
from subscribers import registry, unsubscribe
from subscribers.tables import subscriber
from tests.console.site import Site, open_site

PRINTED = "https://alerts.example/below/u/"  # a proxy serves us below a path of its own


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


def _stops(conn: Connection) -> tuple[bool, int]:
    told = conn.execute(select(response.c.id).where(response.c.kind == "stop")).all()
    return registry.contacts(conn, [1], "sms")[1].stopped, len(told)


async def test_looking_at_the_way_out_changes_nothing_and_the_button_stops_once(site: Site) -> None:
    path = f"/u/{unsubscribe.token(1, 'sms', site.settings.key())}"
    looked = await site.get(path, role=None)
    assert b'<form method="post">' in looked.body
    assert (await site.call("HEAD", path, role=None)).status == 200
    assert await site.db.read(_stops) == (False, 0)
    for _ in range(3):
        answer = await site.call("POST", path, role=None, key=None, data=b"")
        assert (answer.status, b"Stopped" in answer.body) == (200, True)
    assert await site.db.read(_stops) == (True, 1)


async def test_a_mail_program_unsubscribes_with_one_click(site: Site) -> None:
    path = f"/u/{unsubscribe.token(1, 'sms', site.settings.key())}"
    answer = await site.call(
        "POST",
        path,
        role=None,
        key=None,
        data=b"List-Unsubscribe=One-Click",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 200
    assert await site.db.read(_stops) == (True, 1)


async def test_a_forged_link_stops_nobody(site: Site) -> None:
    good = unsubscribe.token(1, "sms", site.settings.key())
    for bad in (
        good[:12] + ("a" if good[12] != "a" else "b") + good[13:],
        "x",
        "%00",
        "a" * 34,
        "%C3%A9",
        unsubscribe.token(1, "sms", b"another key of 16"),
    ):
        for method in ("GET", "POST"):
            assert (await site.call(method, f"/u/{bad}", role=None, key=None)).status == 404, bad
    assert await site.db.read(_stops) == (False, 0)


def _history(conn: Connection) -> tuple[list[str], list[tuple[Any, ...]], list[str]]:
    """Return what person 1 has stopped, each stop with its end, and the answers kept."""
    shown = registry.show(conn, 1)
    assert shown is not None
    stops = [
        (s["channel"], s["source"], bool(s["lifted_at"]), s["lifted_by"]) for s in shown["stops"]
    ]
    kept = conn.execute(select(response.c.kind).order_by(response.c.id)).scalars()
    return shown["stopped"], stops, list(kept)


def _form(answer: Any, at: str) -> str:
    """Return where the page's button leads from where the page is."""
    (form,) = html.fromstring(answer.body).xpath("//form[@method='post']")
    return str(urljoin(at, form.get("action") or at))


async def test_who_stopped_by_mistake_starts_again_by_the_same_link(site: Site) -> None:
    made = unsubscribe.token(1, "sms", site.settings.key())
    path, back = f"/u/{made}", f"/u/{made}/start"
    stopped = await site.call("POST", path, role=None, key=None)
    assert b"Start text messages again" in stopped.body
    assert _form(stopped, PRINTED + made) == f"{PRINTED}{made}/start"
    later = await site.get(path, role=None)  # the mail is opened once more, another day
    assert b"You have stopped text messages" in later.body
    assert _form(later, PRINTED + made) == f"{PRINTED}{made}/start"
    for _ in range(3):
        started = await site.call("POST", back, role=None, key=None)
        assert (started.status, b"Started again" in started.body) == (200, True)
    assert _form(started, f"{PRINTED}{made}/start") == PRINTED + made
    assert await site.db.read(_history) == (
        [],
        [("sms", "unsubscribe", True, "link")],
        ["stop", "start"],
    )
    await site.call("POST", path, role=None, key=None)
    assert await site.db.read(_history) == (
        ["sms"],
        [("sms", "unsubscribe", True, "link"), ("sms", "unsubscribe", False, None)],
        ["stop", "start", "stop"],
    )


async def test_looking_at_the_way_back_starts_nothing(site: Site) -> None:
    made = unsubscribe.token(1, "sms", site.settings.key())
    await site.call("POST", f"/u/{made}", role=None, key=None)
    before = await site.db.read(_history)
    for method in ("GET", "HEAD"):
        for path in (f"/u/{made}", f"/u/{made}/start"):
            answer = await site.call(method, path, role=None, key=None)
            assert answer.status in (200, 303), (method, path)
            assert answer.headers["Cache-Control"] == "no-store"
    assert await site.db.read(_history) == before
    assert before[0] == ["sms"]


async def test_a_mail_program_that_unsubscribes_again_starts_nothing(site: Site) -> None:
    path = f"/u/{unsubscribe.token(1, 'sms', site.settings.key())}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        answer = await site.call(
            "POST", path, role=None, key=None, data=b"List-Unsubscribe=One-Click", headers=form
        )
        assert answer.status == 200
    assert (await site.db.read(_history))[0] == ["sms"]


async def test_a_link_starts_its_own_channel_and_person_only(site: Site) -> None:
    key = site.settings.key()
    await site.db.write(registry.stop, [1, 2], "sms", "sms_reply", site.context.now())
    for other in (
        unsubscribe.token(1, "email", key),
        unsubscribe.token(1, "voice", key),
        unsubscribe.token(2, "sms", key),
        unsubscribe.token(1, "sms", b"another key of 16"),
        unsubscribe.token(1, "sms", key, simulated=True),
    ):
        await site.call("POST", f"/u/{other}/start", role=None, key=None)
        assert (await site.db.read(_history))[0] == ["sms"]
    assert not (await site.db.read(registry.contacts, [2], "sms"))[2].stopped


async def test_a_simulated_link_starts_nobody_and_is_kept_as_simulated(site: Site) -> None:
    await site.db.write(registry.stop, [1], "sms", "sms_reply", site.context.now())
    made = unsubscribe.token(1, "sms", site.settings.key(), simulated=True)
    for _ in range(3):
        answer = await site.call("POST", f"/u/{made}/start", role=None, key=None)
        assert (answer.status, b"Nothing was started" in answer.body) == (200, True)
    stopped, _, kept = await site.db.read(_history)
    assert (stopped, kept) == (["sms"], ["simulated_start"])


@pytest.mark.parametrize("change", [{"consented": ""}, {"mobile": None}])
async def test_who_would_get_nothing_is_told_so_and_stays_stopped(
    site: Site, change: dict[str, Any]
) -> None:
    made = unsubscribe.token(1, "sms", site.settings.key())
    await site.call("POST", f"/u/{made}", role=None, key=None)
    await site.db.write(
        lambda conn: conn.execute(update(subscriber).where(subscriber.c.id == 1).values(**change))
    )
    answer = await site.call("POST", f"/u/{made}/start", role=None, key=None)
    assert b"no longer registered" in answer.body
    assert (await site.db.read(_history))[0] == ["sms"]


async def test_a_forged_link_starts_nobody(site: Site) -> None:
    await site.db.write(registry.stop, [1], "sms", "sms_reply", site.context.now())
    good = unsubscribe.token(1, "sms", site.settings.key())
    for bad in (good[:-1], good[:12] + ("a" if good[12] != "a" else "b") + good[13:], "x", "%00"):
        for method in ("GET", "POST"):
            answer = await site.call(method, f"/u/{bad}/start", role=None, key=None)
            assert answer.status == 404, bad
    assert (await site.db.read(_history))[0] == ["sms"]
