"""Pictures of every page, on a phone and a desk, light and dark, to be looked at one by one:
`make gallery` writes build/gallery/index.html and its PNG files. With words after the folder only
the pages are drawn whose names contain one of them, and the pictures of the tutorial stay.

The pages are those of a site of the tests: real code, invented people, nothing leaves the machine.
A new page is one line in `shots`, `resident_shots` or `room_shots`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page

from broadcast.events import dead_letters
from broadcast.ledger import liveness
from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from service import sign_in
from service.rendering import StoredRenderings
from subscribers.organisations import rows
from subscribers.organisations.record import OrganisationRecord
from subscribers.registry.importing import import_records
from tests.console.browser import chromium
from tests.console.site import CAMDEN, WESTMINSTER, Site, open_site, person
from tests.console.test_face import exercise, set_level
from tests.console.visitor import HERE, Visitor
from tests.residents.journey import Box, register, to_code

PHONE, DESK, WALL = (390, 844), (1280, 900), (2560, 1080)
Scheme = Literal["light", "dark"]
LOOKS: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("phone, light", PHONE, "light"),
    ("phone, dark", PHONE, "dark"),
    ("desk, light", DESK, "light"),
    ("desk, dark", DESK, "dark"),
)
ROOM_LOOKS: tuple[tuple[str, tuple[int, int], Scheme], ...] = (
    ("phone", PHONE, "light"),
    ("laptop", DESK, "light"),
    ("wall", WALL, "light"),
    ("dark", DESK, "dark"),
)

HEAD = """<!DOCTYPE html><html lang="en"><title>fasttime: every page</title>
<style>
body { font-family: sans-serif }
div { display: flex; gap: 1rem; align-items: start }
img { border: 1px solid }
</style>
"""

GAS = {
    "en": {
        "headline": "Gas leak in Victoria Street",
        "description": "Gas escapes from a broken main between Strutton Ground and Artillery Row.",
        "instruction": "Leave the street on foot. Do not use lighters or switches. Keep your"
        " windows closed if you live nearby.",
    },
    "cy": {
        "headline": "Nwy'n gollwng yn Victoria Street",
        "instruction": "Gadewch y stryd ar droed. Peidiwch â defnyddio tanwyr.",
    },
    "ar": {
        "headline": "تسرب غاز في شارع فيكتوريا",
        "description": "يتسرب الغاز من أنبوب مكسور.",
        "instruction": "غادروا الشارع سيرًا على الأقدام. لا تستعملوا الولاعات.",
    },
}
THEFT = {
    "en": {
        "headline": "Phones are snatched by riders on Camden High Street",
        "instruction": "Keep your phone in your pocket near the kerb.",
    }
}


@dataclass(frozen=True)
class Shot:
    """One picture: a page by its path, or a mail by its HTML."""

    name: str
    path: str = ""
    html: str = ""
    role: str = ""
    who: Visitor | None = None
    """A resident who is signed in, or on the way there."""
    until: str = ""
    """What a script of the page shows first; then everything that can be opened is."""
    act: Callable[[Page], Awaitable[None]] | None = None
    """What is typed and pressed first."""


async def shots(site: Site) -> list[Shot]:
    """Fill the site, and return what there is to be seen."""
    await set_level(site)
    practice = await site.version(await exercise(site))
    gas = await site.live(severity="Severe", urgency="Immediate", languages=GAS)
    theft = await site.live(languages=THEFT, areas=["E09000007"])
    over = await site.live(languages={"en": {"headline": "Strand closed", "instruction": "Keep"}})
    await site.post(
        f"/api/v1/messages/{over}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    live, past, other = [await site.version(each) for each in (gas, over, theft)]
    mails = [
        Shot(f"mail, {name}", html=(await _mail(site, v.id, tag)))
        for name, v, tag in (
            ("English", live, "en"),
            ("Arabic", live, "ar"),
            ("Welsh", live, "cy"),
            ("exercise", practice, "en"),
        )
    ]
    return [
        Shot("front page", "/"),
        Shot("front page, Welsh", "/?lang=cy"),
        Shot("front page, Arabic", "/?lang=ar"),
        Shot("message", f"/messages/{live.code}"),
        Shot("message, Arabic", f"/messages/{live.code}?lang=ar"),
        Shot("message, another borough", f"/messages/{other.code}"),
        Shot("message, exercise", f"/messages/{practice.code}"),
        Shot("message, cancelled", f"/messages/{past.code}"),
        Shot("message without a text in Arabic", f"/messages/{other.code}?lang=ar"),
        Shot("message, cancelled, without a text in Arabic", f"/messages/{past.code}?lang=ar"),
        Shot("poster", f"/messages/{live.code}/poster"),
        Shot("text for the press", f"/messages/{live.code}/press"),
        Shot("look-up: ours", f"/v/{live.code}"),
        Shot("look-up: not ours", "/v/NOTHING"),
        Shot("is this from us?", "/check"),
        Shot("register", "/join"),
        Shot("register: a place was found", "/join?place=west"),
        Shot("register, Arabic", "/join?place=west&lang=ar"),
        Shot("sign in, residents", "/sign-in"),
        Shot("past messages", "/past"),
        Shot("what to do", "/what-to-do"),
        Shot("no such page", "/nowhere"),
        *mails,
    ]


async def _mail(site: Site, version_id: int, tag: str) -> str:
    settings = site.settings
    renderings = StoredRenderings(
        site.db,
        sender_name=settings.sender_name,
        public_url=settings.public_url,
        zone=settings.timezone,
    )
    rendered, _ = await renderings.rendered(version_id, "email", tag, repeat=False)
    return rendered.html


async def resident_shots(site: Site) -> list[Shot]:
    """Register people, and return what they see on the way and afterwards."""
    box = Box(site)
    coming = Visitor(site)
    await to_code(coming, topics=["incident", "advice"])
    me, _ = await register(site, box, "07700 900556", topics=["incident", "appeal"])
    await me.send(await me.get("/me"), "/me/budget", most_a_week="1")
    found = await me.get("/me/places?place=cam")
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    visit = {"area": CAMDEN, "kind": "visiting", "until": until}
    await me.send(found, "/me/places", visit)
    await me.send(await me.get("/me/by-topic"), "/me/by-topic", {"severity-appeal": "Severe"})
    await site.live(languages=GAS)
    with suppress(IndexError):  # until nothing waits
        while True:
            await site.done(await site.claimed("sms"))
    await site.live(languages=THEFT)
    hidden, _ = await register(site, box, "07700 900557")
    await hidden.send(await hidden.get("/me"), "/me/discreet", discreet="yes")
    stopped, _ = await register(site, box, "07700 900558")
    await stopped.send(await stopped.get("/me"), "/me/stop", channel="all")
    pages = {
        "my choices": "/me",
        "my messages": "/me/messages",
        "last month": "/me/last-month",
        "my other places": "/me/places?place=cam",
        "topic by topic": "/me/by-topic",
    }
    return [
        *(
            Shot(f"register: {step}{said}", f"/join/{step}{lang}", who=coming)
            for step in ("topics", "channel", "address", "code")
            for lang, said in LANGUAGES.items()
        ),
        *(
            Shot(
                f"{name}{said}", f"{path}{lang.replace('?', '&') if '?' in path else lang}", who=me
            )
            for name, path in pages.items()
            for lang, said in LANGUAGES.items()
        ),
        Shot("registered", "/join/done?channel=sms", who=me),
        Shot("another place", "/me/place?place=cam", who=me),
        Shot("another way", "/me/add", who=me),
        Shot("my registrations", "/me/registrations", who=me),
        Shot("delete me", "/me/delete", who=me),
        Shot("my choices, discreet", "/me", who=hidden),
        Shot("my choices, all stopped", "/me", who=stopped),
        Shot("a page of a resident who is not signed in", "/join/topics"),
    ]


LANGUAGES = {"": "", "?lang=cy": ", Welsh", "?lang=ar": ", Arabic"}


async def _organisations(site: Site) -> None:
    """Register hotels and a shop, whose people read three languages on three channels."""
    now = datetime.now(UTC)
    more: dict[str, Any] = {"kind": "business"}
    people = [
        person(101, **more),
        person(102, **more, language="ar", channels="email", email="p102@example.org"),
        person(103, **more, language="cy", channels="voice", phone="+442079460103"),
        person(104, topics="exercise;incident", language="so"),
        person(105, topics="exercise;incident", kind="officer"),
        person(106, topics="exercise;incident", kind="officer"),
    ]
    await site.db.write(import_records, people, "test", now)
    known = [
        OrganisationRecord(f"o-{n}", f"Hotel {n}", "I", size, WESTMINSTER, (f"p{n}",))
        for n, size in ((101, "micro"), (102, "small"), (103, "large"))
    ]
    await site.db.write(rows.save, [*known[:2], known[2]._replace(passes_on=True)], now)


async def _written(site: Site) -> str:
    """Return where an author goes on who left off at the preview."""
    author = Visitor(site)
    await author.sign_in("author")
    words: dict[str, Any] = {
        f"{name}-{n}": text
        for n, (tag, texts) in enumerate(GAS.items())
        for name, text in {"tag": tag, **texts}.items()
    }
    words |= {"severity": "Severe", "trades": "I", "sizes": ["small", "large"]}
    words |= {"channels": ["sms", "voice", "email", "web"], "kinds": ["business"]}
    page = await author.get("/room/new")
    seen = await author.send(page, "/room/new", words, areas=[WESTMINSTER], do="preview")
    return f"/room/new?kept={dict(seen.fields('/room/new'))['kept']}"


async def _wrong_file(page: Page) -> None:
    await page.locator("#basis").fill("consent, form of 1 May 2026")
    rows = ("external_id,name,mobile,lat,lon,topics", "r-1,Ada,07700 900001,51.5,-0.13,incident")
    wrong = ("r-2,Dai,12,95,-0.13,weather", "r-3,,07700 900003,51.5,,")
    await page.locator("#people-file").fill("\n".join((*rows, *wrong)))
    await page.get_by_role("button", name="Bring in these people").click()


async def _found(page: Page) -> None:
    await page.locator("#more_people").fill("p1\n07700 900102\nAda Smith")
    await page.locator("#more_sites").fill("camden\nSW1A 2AA\nlond")
    await page.get_by_role("button", name="Find these people").click()


async def room_shots(site: Site) -> list[Shot]:
    """Fill the site with what a control room has in hand, and return its pages."""
    await set_level(site)
    await _organisations(site)
    await site.live(severity="Severe", urgency="Immediate", languages=GAS)
    s = await site.claimed(lane="urgent")
    states = ("delivered", "delivered", "failed", "accepted", "in_doubt", "delivered")
    codes = {"failed": "30003", "in_doubt": "http_503"}
    outcomes = [
        Outcome(position=p, person_id=person, state=state, code=codes.get(state, ""))
        for p, person in s.people
        for state in (states[p % len(states)],)
    ]
    await site.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))
    await site.db.write(liveness.register, "w1", "urgent", 1, {"Actual/sms": 40.0})
    looked = "operator 3 looked at the numbers of 20 or more different shapes within an hour"
    for what, key, error in (
        ("render.failed", "1/voice/ar", "KeyError"),
        ("render.failed", "1/email/cy", "KeyError"),
        ("look_ups", "operator 3 2026-11-27T13", f"{looked}: see `fasttime audit list`"),
    ):
        await site.db.write(dead_letters.park, what, key, error, datetime.now(UTC))
    closed = "The text was mended."
    await site.db.write(dead_letters.close, 1, by="operator 5", why=closed, now=datetime.now(UTC))
    await exercise(site)
    pending, _ = await site.submitted(
        severity="Severe", urgency="Immediate", languages=GAS, areas=["E09000007"]
    )
    draft = await site.drafted(languages=THEFT)
    over = await site.live(languages={"en": {"headline": "Strand closed", "instruction": "Keep"}})
    await site.post(
        f"/api/v1/messages/{over}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    asked = await site.post(
        "/api/v1/operator-requests",
        {"kind": "add", "name": "Jo Smith", "role": "operator", "email": "jo@met.example"},
        role="administrator",
    )
    assert asked.status == 201, asked.body
    hotels = {"audience": {"kinds": ["business"], "trades": ["I"], "sizes": ["small", "large"]}}
    narrow, _ = await site.submitted(languages=THEFT, visibility="public", **hotels)
    written = await _written(site)
    level = {"level": "SEVERE", "scope": CAMDEN, "why": "An attack there is highly likely."}
    risen = await site.post("/api/v1/threat-levels", level)
    assert risen.status == 201, risen.body
    await site.post(f"/api/v1/messages/{risen.json['id']}/submit")
    back, _ = await site.submitted(languages=THEFT)
    why = {"why": "Say from when it holds."}
    await site.post(f"/api/v1/messages/{back}/return", why, role="approver")
    now = datetime.now(UTC)
    new = await sign_in.invite(site.db, "approver2", actor="gallery", now=now)
    drill = (await site.get("/api/v1/messages", role="author")).json["messages"]
    practice = next(each["id"] for each in drill if each["status"] == "Exercise")
    live = "/room/messages/1"
    return [
        Shot("sign in", "/room/sign-in"),
        Shot("invitation", f"/room/invitation/{new}"),
        Shot("home, author", "/room", role="author"),
        Shot("home, approver", "/room", role="approver"),
        Shot("write, empty", "/room/new", role="author"),
        Shot("write, an exercise", "/exercise/new", role="author"),
        Shot("write, previewed", written, role="author", until="#preview table"),
        Shot("approve, for small hotels", f"/room/messages/{narrow}/approve", role="approver"),
        Shot("approve, a level", f"/room/messages/{risen.json['id']}/approve", role="approver"),
        Shot("returned, its author", f"/room/messages/{back}", role="author"),
        Shot("an exercise", f"/exercise/messages/{practice}", role="operator"),
        Shot("send again", f"{live}/resend", role="operator"),
        Shot("answers", f"{live}/answers", role="operator"),
        Shot("write, a draft", f"/room/messages/{draft}/edit", role="author"),
        Shot("check before submission", f"/room/messages/{draft}/check", role="author"),
        Shot("correct", f"{live}/correct", role="author"),
        Shot("submitted, its author", f"/room/messages/{pending}", role="author"),
        Shot("approve", f"/room/messages/{pending}/approve", role="approver"),
        Shot("live message, author", live, role="author"),
        Shot("live message, approver", live, role="approver"),
        Shot("message that ended", f"/room/messages/{over}", role="author"),
        Shot("delivery log", f"{live}/log", role="operator"),
        Shot("delivery log, failed", f"{live}/log?line=failed", role="operator"),
        Shot("one person explained", f"{live}/people/1", role="operator"),
        Shot("replay", f"{live}/replay", role="auditor"),
        Shot("in pictures", f"{live}/pictures", role="author"),
        Shot("threat level", "/room/levels", role="author"),
        Shot("health", "/room/health", role="administrator"),
        Shot("bring in", "/room/import", role="administrator"),
        Shot("bring in, wrong", "/room/import", role="administrator", act=_wrong_file),
        Shot("exercises", "/exercise", role="author"),
        Shot("passkeys", "/room/passkeys", role="approver"),
        Shot("operators", "/room/operators", role="administrator"),
        Shot("organisations", "/room/organisations", role="administrator"),
        Shot("one organisation", "/room/organisations/one?id=o-103", role="administrator"),
        Shot("organisations, found", "/room/organisations", role="administrator", act=_found),
        Shot("audit log", "/room/audit", role="auditor"),
        Shot("sessions", "/room/sessions", role="administrator"),
        Shot("no such message", "/room/messages/999", role="author"),
        Shot("not for this role", "/room/operators", role="author"),
    ]


async def draw(
    browser: Browser, site: Site, wanted: list[Shot], folder: Path, start: int = 0
) -> list[str]:
    """Write a picture of each page in each look; return the lines of the index."""
    rows = []
    visitors: dict[str, Visitor] = {}
    for number, shot in enumerate(wanted, start):
        cells = []
        if shot.role and shot.role not in visitors:
            visitors[shot.role] = Visitor(site)
            await visitors[shot.role].sign_in(shot.role)
        room = shot.path.startswith(("/room", "/exercise"))
        for look, (width, height), scheme in ROOM_LOOKS if room else LOOKS:
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                extra_http_headers={"Accept-Language": "en-GB", "Accept": "text/html"},
            )
            who = shot.who or visitors.get(shot.role)
            if who is not None:
                await context.add_cookies(
                    [{"name": k, "value": v, "url": site.url} for k, v in who.cookies.items()]
                )
            page = await context.new_page()
            if shot.html:
                await page.set_content(shot.html)
            else:
                await page.goto(site.url + shot.path)
            if shot.act is not None:
                await shot.act(page)
            if shot.until:
                await page.wait_for_selector(shot.until)
                await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = 1)")
            name = f"{number:02d}-{look.replace(', ', '-')}.png"
            await page.screenshot(path=folder / name, full_page=True)
            await context.close()
            cells.append(
                f'<figure><img src="{name}" alt="{escape(f"{shot.name}: {look}")}" width="320">'
                f"<figcaption>{escape(look)}</figcaption></figure>"
            )
        rows.append(f"<h2>{escape(shot.name)}</h2><div>{''.join(cells)}</div>")
        print(f"{number + 1 - start} of {len(wanted)}: {shot.name}", file=sys.stderr)
    return rows


TUTORIAL = {
    "approve": "approve",
    "live": "live message, approver",
    "log": "delivery log",
    "front": "front page",
    "cancelled": "message, cancelled",
}
"""The pictures of docs/tutorial.md, by file name: which page each of them shows."""
TUTORIAL_SIZE = (900, 700)


async def picture(browser: Browser, site: Site, shot: Shot, path: Path) -> None:
    """Write the top of one page, as the tutorial shows it."""
    width, height = TUTORIAL_SIZE
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="light",
        extra_http_headers={"Accept-Language": "en-GB", "Accept": "text/html"},
    )
    if shot.role:
        visitor = Visitor(site)
        await visitor.sign_in(shot.role)
        await context.add_cookies(
            [{"name": k, "value": v, "url": site.url} for k, v in visitor.cookies.items()]
        )
    page = await context.new_page()
    await page.goto(site.url + shot.path)
    await page.screenshot(path=path)
    await context.close()


async def pictures(browser: Browser, site: Site, wanted: list[Shot], folder: Path) -> None:
    """Write those pictures of the tutorial that are among these pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shown in TUTORIAL.items():
        for shot in wanted:
            if shot.name == shown:
                await picture(browser, site, shot, folder / f"{name}.png")


async def main(folder: Path, docs: Path, words: list[str]) -> None:
    """Write the gallery, and the pictures of the tutorial."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    here = {"FASTTIME_PUBLIC_URL": HERE}
    trial = here | {"FASTTIME_TWILIO_API_BASE": "http://127.0.0.1:9"}
    lines: list[str] = []
    async with chromium() as browser:
        for fill, env in ((shots, {}), (resident_shots, trial), (room_shots, here)):
            with tempfile.TemporaryDirectory() as kept:
                async with open_site(Path(kept), **env) as site:
                    found = await fill(site)
                    if not words:
                        await pictures(browser, site, found, docs)
                    wanted = [s for s in found if not words or any(w in s.name for w in words)]
                    lines += await draw(browser, site, wanted, folder, len(lines))
    (folder / "index.html").write_text(HEAD + "\n".join(lines), encoding="utf-8")
    print(folder / "index.html")


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else "build/gallery")
    asyncio.run(main(where, Path("docs/pictures"), sys.argv[2:]))
