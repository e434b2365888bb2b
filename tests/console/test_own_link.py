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
from console.pages.phrases import OWN_WORDS, chosen
from subscribers import unsubscribe
from subscribers.contact import points
from subscribers.registry import acts, importing, reached, showing
from subscribers.registry.tables import subscriber
from tests.console.site import Site, open_site
from tests.console.site import person as a_person

PRINTED = "https://alerts.example/below/u/"  # a proxy serves us below a path of its own


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as running:
        yield running


def _stops(conn: Connection) -> tuple[bool, int]:
    mine = (response.c.kind == "stop", response.c.person_id == 1)
    told = conn.execute(select(response.c.id).where(*mine)).all()
    return reached.contacts(conn, [1], "sms")[1].stopped, len(told)


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
    """Return what person 1 has stopped, each stop with its end, and the answers kept of them."""
    shown = showing.show(conn, 1)
    assert shown is not None
    stops = [
        (s["channel"], s["source"], bool(s["lifted_at"]), s["lifted_by"]) for s in shown["stops"]
    ]
    mine = select(response.c.kind).where(response.c.person_id == 1)
    kept = conn.execute(mine.order_by(response.c.id)).scalars()
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
    await site.db.write(acts.stop, [1, 2], "sms", "sms_reply", site.context.now())
    for other in (
        unsubscribe.token(1, "email", key),
        unsubscribe.token(1, "voice", key),
        unsubscribe.token(2, "sms", key),
        unsubscribe.token(1, "sms", b"another key of 16"),
        unsubscribe.token(1, "sms", key, simulated=True),
    ):
        await site.call("POST", f"/u/{other}/start", role=None, key=None)
        assert (await site.db.read(_history))[0] == ["sms"]
    assert not (await site.db.read(reached.contacts, [2], "sms"))[2].stopped


async def test_who_stops_by_a_link_is_sent_to_there_as_nobody_else_either(site: Site) -> None:
    """Whoever holds the mailbox is registered twice, as at home and as a shop: the way back undoes
    what the way out did, and lifts no other stop.
    """
    mine = {"mobile": None, "email": "shared@example.org", "channels": "email"}
    people = [a_person(n, **mine) for n in (91, 92, 93)]
    await site.db.write(importing.import_records, people, "test", site.context.now())
    one, two, third = await site.db.read(
        reached.persons_with_address, "email", "shared@example.org"
    )
    await site.db.write(acts.stop, [third], "email", "operator", site.context.now())
    path = f"/u/{unsubscribe.token(one, 'email', site.settings.key())}"
    assert (await site.call("POST", path, role=None, key=None, data=b"")).status == 200

    def stopped(conn: Connection) -> list[bool]:
        found = reached.contacts(conn, [one, two, third], "email")
        return [found[who].stopped for who in (one, two, third)]

    assert await site.db.read(stopped) == [True, True, True]
    back = await site.call("POST", f"{path}/start", role=None, key=None, data=b"")
    assert b"Started" in back.body
    assert await site.db.read(stopped) == [False, False, True]


async def test_a_simulated_link_starts_nobody_and_is_kept_as_simulated(site: Site) -> None:
    await site.db.write(acts.stop, [1], "sms", "sms_reply", site.context.now())
    made = unsubscribe.token(1, "sms", site.settings.key(), simulated=True)
    for _ in range(3):
        answer = await site.call("POST", f"/u/{made}/start", role=None, key=None)
        assert (answer.status, b"Nothing was started" in answer.body) == (200, True)
    stopped, _, kept = await site.db.read(_history)
    assert (stopped, kept) == (["sms"], ["simulated_start"])


@pytest.mark.parametrize("change", [{"consented": ""}, None])
async def test_who_would_get_nothing_is_told_so_and_stays_stopped(
    site: Site, change: dict[str, Any] | None
) -> None:
    made = unsubscribe.token(1, "sms", site.settings.key())
    await site.call("POST", f"/u/{made}", role=None, key=None)
    await site.db.write(
        lambda conn: (
            points.forget(conn, [1])
            if change is None
            else conn.execute(update(subscriber).where(subscriber.c.id == 1).values(**change))
        )
    )
    answer = await site.call("POST", f"/u/{made}/start", role=None, key=None)
    assert b"no longer registered" in answer.body
    assert (await site.db.read(_history))[0] == ["sms"]


async def test_a_forged_link_starts_nobody(site: Site) -> None:
    await site.db.write(acts.stop, [1], "sms", "sms_reply", site.context.now())
    good = unsubscribe.token(1, "sms", site.settings.key())
    for bad in (good[:-1], good[:12] + ("a" if good[12] != "a" else "b") + good[13:], "x", "%00"):
        for method in ("GET", "POST"):
            answer = await site.call(method, f"/u/{bad}/start", role=None, key=None)
            assert answer.status == 404, bad
    assert (await site.db.read(_history))[0] == ["sms"]


async def _pages(site: Site, person: int, accepted: str) -> dict[str, Any]:
    """Return every page of a person's link, by the name of its heading, as trees."""
    key, found = site.settings.key(), dict[str, Any]()
    real = unsubscribe.token(person, "sms", key)
    simulated = unsubscribe.token(person, "sms", key, simulated=True)
    for name, method, path, status in (
        ("ask", "GET", real, 200),
        ("stopped", "POST", real, 200),
        ("stopped_before", "GET", real, 200),
        ("started", "POST", f"{real}/start", 200),
        ("was_test", "GET", simulated, 200),
        ("nothing_stopped", "POST", simulated, 200),
        ("nothing_started", "POST", f"{simulated}/start", 200),
        ("no_link", "GET", "aaaa", 404),
    ):
        sent = {"Accept-Language": accepted}
        answer = await site.call(method, f"/u/{path}", role=None, key=None, headers=sent)
        assert answer.status == status, name
        found[name] = html.document_fromstring(answer.body.decode())
        assert answer.headers["Content-Language"] == found[name].get("lang")
    await site.db.write(points.forget, [person])
    sent = {"Accept-Language": accepted}
    answer = await site.call("POST", f"/u/{real}/start", role=None, key=None, headers=sent)
    found["cannot"] = html.document_fromstring(answer.body.decode())
    return found


@pytest.mark.parametrize(
    ("registered", "accepted", "language"),
    [
        ("cy", "en", "cy"),
        ("ar", "en", "ar"),
        ("en", "cy", "en"),
        ("pl", "en", "pl"),
        ("ur", "en", "ur"),
        ("de", "nl, cy;q=0.5", "cy"),
        ("de", "de", "en"),
    ],
)
async def test_the_link_speaks_the_language_that_the_person_is_registered_with(
    site: Site, registered: str, accepted: str, language: str
) -> None:
    change = update(subscriber).where(subscriber.c.id == 1).values(language=registered)
    await site.db.write(lambda conn: conn.execute(change))
    shown = await _pages(site, 1, accepted)
    forged, no_link = shown.pop("no_link"), OWN_WORDS[chosen("", accepted)]["no_link"]
    assert forged.findtext(".//h1") == no_link
    for name, root in shown.items():
        way = "rtl" if language in ("ar", "ur") else "ltr"
        assert (root.get("lang"), root.get("dir")) == (language, way), name
        said = OWN_WORDS[language]
        assert root.findtext(".//h1") == said[name].replace("{words}", said["sms"]), name
        text = " ".join(root.find(".//main").text_content().split())
        assert "{" not in text
        for phrase in OWN_WORDS["en"].values() if language != "en" else ():
            assert phrase.replace("{words}", "text messages") not in text, (name, phrase)


async def test_a_link_of_nobody_does_not_tell_whose_number_it_carries(site: Site) -> None:
    """The language of a person is theirs: a made-up link with their number must not show it."""
    change = update(subscriber).where(subscriber.c.id == 1).values(language="ar")
    await site.db.write(lambda conn: conn.execute(change))
    answers = set()
    for person in (1, 2, 9_999):
        for method, end in (("GET", ""), ("POST", ""), ("GET", "/start"), ("POST", "/start")):
            path = f"/u/{unsubscribe.token(person, 'sms', b'another key of 16')}{end}"
            sent = {"Accept-Language": "cy"}
            answer = await site.call(method, path, role=None, key=None, headers=sent)
            assert answer.status == 404
            answers.add(answer.body)
    (said,) = answers
    assert html.document_fromstring(said.decode()).get("lang") == "cy"


async def test_of_who_is_erased_the_link_knows_no_language(site: Site) -> None:
    change = update(subscriber).where(subscriber.c.id == 1)
    change = change.values(language="ar", erased_at=site.context.now())
    await site.db.write(lambda conn: conn.execute(change))
    for person in (1, 9_999):
        path = f"/u/{unsubscribe.token(person, 'sms', site.settings.key())}"
        answer = await site.get(path, role=None, headers={"Accept-Language": "cy"})
        assert html.document_fromstring(answer.body.decode()).get("lang") == "cy", person
