"""Pictures of every page, on a phone and a desk, light and dark, to be looked at one by one:
`make gallery` writes build/gallery/index.html and its PNG files.

The pages are those of a site of the tests: real code, invented people, nothing leaves the machine.
A new page is one line in `shots`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser

from broadcast.events import dead_letters
from broadcast.ledger import liveness
from broadcast.ledger.claims import recording
from broadcast.ledger.claims.outcomes import Outcome
from service.rendering import StoredRenderings
from tests.console.browser import chromium
from tests.console.site import Site, open_site
from tests.console.test_face import exercise, set_level
from tests.console.visitor import HERE, Visitor

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


async def room_shots(site: Site) -> list[Shot]:
    """Fill the site with what a control room has in hand, and return its pages."""
    await set_level(site)
    await site.live(severity="Severe", urgency="Immediate", languages=GAS)
    s = await site.claimed(lane="urgent")
    states = ("delivered", "delivered", "failed", "accepted", "in_doubt", "delivered")
    outcomes = [
        Outcome(position=p, person_id=person, state=states[p % len(states)])
        for p, person in s.people
    ]
    await site.db.write(recording.record, [(s, outcomes)], at=datetime.now(UTC))
    await site.db.write(liveness.register, "w1", "urgent", 1, {"Actual/sms": 40.0})
    for what, key in (("render.failed", "1/voice/ar"), ("look_ups", "operator 3")):
        await site.db.write(dead_letters.park, what, key, "KeyError", datetime.now(UTC))
    await exercise(site)
    pending, _ = await site.submitted(
        severity="Severe", urgency="Immediate", languages=GAS, areas=["E09000007"]
    )
    draft = await site.drafted(languages=THEFT)
    over = await site.live(languages={"en": {"headline": "Strand closed", "instruction": "Keep"}})
    await site.post(
        f"/api/v1/messages/{over}/cancel", {"why": "x", "reason": "over"}, role="approver"
    )
    await site.post(
        "/api/v1/operators/requests",
        {"kind": "add", "name": "Jo Smith", "role": "operator", "email": "jo@met.example"},
        role="administrator",
    )
    live = "/room/messages/1"
    return [
        Shot("sign in", "/room/sign-in"),
        Shot("home, author", "/room", role="author"),
        Shot("home, approver", "/room", role="approver"),
        Shot("write, empty", "/room/new", role="author"),
        Shot("write, an exercise", "/exercise/new", role="author"),
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
        Shot("exercises", "/exercise", role="author"),
        Shot("operators", "/room/operators", role="administrator"),
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
            if shot.role:
                kept = visitors[shot.role].cookies
                await context.add_cookies(
                    [{"name": k, "value": v, "url": site.url} for k, v in kept.items()]
                )
            page = await context.new_page()
            if shot.html:
                await page.set_content(shot.html)
            else:
                await page.goto(site.url + shot.path)
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


async def main(folder: Path, docs: Path) -> None:
    """Write the gallery, and the pictures of the tutorial."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as kept:
        async with open_site(Path(kept)) as site, chromium() as browser:
            found = await shots(site)
            await pictures(browser, site, found, docs)
            rows = await draw(browser, site, found, folder)
        room = open_site(Path(kept) / "room", FASTTIME_PUBLIC_URL=HERE)
        async with room as site, chromium() as browser:
            found = await room_shots(site)
            await pictures(browser, site, found, docs)
            rows += await draw(browser, site, found, folder, len(rows))
    (folder / "index.html").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    print(folder / "index.html")


if __name__ == "__main__":
    asyncio.run(
        main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/gallery"), Path("docs/pictures"))
    )
