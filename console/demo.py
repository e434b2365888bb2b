"""The demonstration: the main job from nothing to a printed account, on the embedded default and
the simulator only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from broadcast.drafts import Follows, read_draft
from broadcast.events.topics import ROLES
from broadcast.ledger import claims as ledger_store
from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import SUPPRESSION_REASONS
from broadcast.levels import history
from broadcast.messages import versions
from broadcast.operators import operators
from broadcast.operators.operators import Operator
from broadcast.places import stored_areas
from broadcast.problems import Rejected
from broadcast.store.database import Database
from config import logging as logs
from config import settings as settings_module
from console.processes import migrate
from console.processes.up import listen, serve
from service import sign_in
from service.commands import deciding, drafting, submitting
from service.commands.context import Context
from service.installation import Service, build
from subscribers import demo_world, registry
from subscribers.csv_import import read_subscribers

LONGEST_SECONDS = 1800
_WIDE = 150  # columns that the tables need

COLUMNS = (
    "addressed",
    "waiting",
    "handing_over",
    "accepted",
    "delivered",
    "failed",
    "not_sent",
    "expired",
    "in_doubt",
)

LEVEL = """
kind: threat_level_change
status: Actual
scope: UK
level: SEVERE
source: Joint Terrorism Analysis Centre
languages:
  en:
    headline: The national threat level is now SEVERE
    description: The level was raised from SUBSTANTIAL. An attack is highly likely.
      There is no specific threat to London.
    instruction: Go about your day, stay alert, and report what troubles you.
  cy:
    headline: Mae lefel bygythiad y DU bellach yn SEVERE
    instruction: Byddwch yn wyliadwrus a rhowch wybod am unrhyw bryder.
  pl:
    headline: Poziom zagrozenia w kraju to teraz SEVERE
    instruction: Zachowaj czujnosc i zglaszaj wszystko, co niepokoi.
hotlines: [Anti-Terrorist Hotline 0800 789 321]
"""

APPEAL = """
kind: appeal
status: Actual
areas: [E09000033]
severity: Moderate
languages:
  en:
    headline: Witness appeal, Westminster
    description: Officers would like to hear from anybody who was in Strutton Ground
      between 17.30 and 18.15 on Tuesday.
    instruction: Call Crimestoppers on 0800 555 111, or reply to this message.
hotlines: [Crimestoppers 0800 555 111]
"""

INCIDENT = """
kind: incident
status: Actual
urgency: Immediate
severity: Severe
certainty: Observed
polygons:
  - 51.5280,-0.1720 51.5330,-0.1180 51.5200,-0.0700 51.4860,-0.0760
    51.4780,-0.1200 51.4900,-0.1700 51.5280,-0.1720
expires: 4h
source: Metropolitan Police control room
languages:
  en:
    headline: Suspicious vehicle, Strand and South Bank
    description: Police are dealing with a suspicious vehicle near Waterloo Bridge.
      Roads are closed.
    instruction: Keep away from the Strand. Stay indoors and away from windows.
      More within the hour.
  fr:
    headline: Vehicule suspect, Strand et South Bank
    instruction: Evitez le Strand. Restez a l'interieur, loin des fenetres.
"""

UPDATE = """
status: Actual
urgency: Immediate
severity: Severe
certainty: Observed
polygons:
  - 51.5280,-0.1720 51.5330,-0.1180 51.5200,-0.0700 51.4860,-0.0760
    51.4780,-0.1200 51.4900,-0.1700 51.5280,-0.1720
expires: 4h
languages:
  en:
    headline: Strand, update at 15.40
    description: The vehicle was made safe. The cordon on the south side of the river is lifted.
    instruction: Keep away from the Strand until further notice. Waterloo station is open.
"""

CORRECTION = """
status: Actual
urgency: Immediate
severity: Severe
certainty: Observed
polygons:
  - 51.5280,-0.1720 51.5330,-0.1180 51.5200,-0.0700 51.4860,-0.0760
    51.4780,-0.1200 51.4900,-0.1700 51.5280,-0.1720
expires: 4h
note: The last message said that Waterloo station was open. It was not.
languages:
  en:
    headline: Waterloo station is still closed
    description: Our last message said that Waterloo station was open. That was wrong.
    instruction: Use Blackfriars or London Bridge. Keep away from the Strand.
"""

EXERCISE = """
kind: incident
status: Exercise
urgency: Immediate
severity: Severe
areas: [E12000007]
expires: 2h
languages:
  en:
    headline: Red Action Day
    description: This message rehearses the warning of businesses in a major incident.
    instruction: Do nothing. Reply only if your plan asks you to.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One message of the demonstration: what it is called on its row, what is written, and what it
    follows.
    """

    title: str
    text: str
    action: Follows | None = None


STEPS = (
    Step("SUBSTANTIAL → SEVERE, UK", LEVEL),
    Step("Appeal, Westminster", APPEAL),
    Step("Incident, drawn polygon", INCIDENT),
    Step("  its update", UPDATE, "update"),
    Step("  its correction", CORRECTION, "correct"),
    Step("EXERCISE Red Action Day", EXERCISE),
)


def run(people: int, stay: bool, json_output: bool) -> int:
    """Run the demonstration with `people` invented subscribers; return 0 where its account adds up,
    else 1.
    """
    out = Console(
        file=sys.stderr if json_output else sys.stdout,
        width=None if sys.stdout.isatty() else 160,
        highlight=False,
    )
    base = Path(".fasttime")
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="demo-", dir=base))
    try:
        found = asyncio.run(_demonstrate(out, folder, people, stay, json_output))
    finally:
        if not stay:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if found else 1


def _settings(
    folder: Path, http_url: str, smtp_url: str, public_url: str
) -> settings_module.Settings:
    return settings_module.load(
        {
            "FASTTIME_DATA": str(folder),
            "FASTTIME_TWILIO_API_BASE": http_url,
            "FASTTIME_TWILIO_ACCOUNT_SID": "ACdede000000000000000000000000000000",
            "FASTTIME_TWILIO_AUTH_TOKEN": "demonstration0000000000000000000",
            "FASTTIME_TWILIO_FROM": "+447700900998",
            "FASTTIME_TWILIO_VOICE_FROM": "+442079460998",
            "FASTTIME_EXERCISE_TWILIO_FROM": "EXERCISE",
            "FASTTIME_EXERCISE_TWILIO_VOICE_FROM": "+442079460997",
            "FASTTIME_SMTP_URL": smtp_url,
            "FASTTIME_MAIL_FROM": "Police alerts <alerts@example.org>",
            "FASTTIME_EXERCISE_MAIL_FROM": "EXERCISE <exercise@example.org>",
            "FASTTIME_PUBLIC_URL": public_url,
            "FASTTIME_METRICS_LISTEN": "off",
            "FASTTIME_SENDER": "demo.fasttime.local",
            "FASTTIME_SENDER_NAME": "Police (demo)",
        }
    )


async def _demonstrate(
    out: Console, folder: Path, people: int, stay: bool, json_output: bool
) -> bool:
    logs.configure("json", level=40)
    began = time.monotonic()
    out.print(f"[bold]fasttime demo[/]: {people:,} invented people, nothing leaves this machine")
    simulator, addresses = await _start_simulator(folder)
    sock = listen("127.0.0.1", 0)
    public_url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    service = build(_settings(folder, addresses["http"], addresses["smtp"], public_url), ROLES)
    serving: asyncio.Task[None] | None = None
    try:
        await migrate.upgrade(service.db)
        serving = asyncio.create_task(serve(service, sock))
        author, approver = await _set_up(out, service, people)
        sent = [row async for row in _messages(out, service, author, approver, serving)]
        rows = await _settled(service, sent)
        now = service.context.now()
        ok = all(account.adds_up for _, account in rows) and all(
            [await service.db.read(delivery_report.only_held, account, now) for _, account in rows]
        )
        ok = await _check_ledger(out, service.db, rows, addresses["http"]) and ok
        _print_account(out, rows, ok, time.monotonic() - began)
        if json_output:
            print(json.dumps({"messages": [account.to_json() for _, account in rows], "ok": ok}))  # noqa: T201 - stdout is the answer's
        if stay:
            await _tour(out, service.db, public_url, addresses["http"], (author, approver))
            await serving
        return ok
    finally:
        service.engine.stopping.set()
        if serving is not None:
            await asyncio.wait({serving}, timeout=10)
        await service.close()
        simulator.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(simulator.wait(), 5)


async def _tour(
    out: Console, db: Database, public_url: str, handsets: str, two: tuple[Operator, Operator]
) -> None:
    """Print one link for each of the two persons, and what to press."""
    links = []
    for person in two:
        now = datetime.now(UTC)
        secret = await sign_in.invite(db, person.name, actor="demonstration", now=now)
        links.append(f"{public_url}/room/invitation/{secret}")
    minutes = round(sign_in.INVITATION_LASTS.total_seconds() / 60)
    steps = f"""
The demo's service stays up. Send a message yourself, as two persons; nothing leaves this machine.

  public page       {public_url}/
  author            {links[0]}
  approver          {links[1]}
  handsets' ledger  {handsets}/ledger

Each of the two links opens once, within {minutes} minutes. Open the second one in another browser
or a private window: one browser is one person.

  1. Author: press “Sign in as {two[0].name}”, then “New message”. Choose “appeal”, a headline,
     search “Westminster”, tick it, press “Go on to check and submit”, “Submit for approval”.
  2. Approver: press “Sign in as {two[1].name}”, the message under “Waiting for approval”, “Read it
     and decide”. Type the phrase where one is asked for, and press “Send now to … people”.
  3. Both windows: watch it arrive. Press “Hold now”, then “Resume”. The public page has it too.

Ctrl-C ends it."""
    for line in steps.splitlines():
        out.print(line, markup=False, soft_wrap=True)


async def _start_simulator(folder: Path) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    """Start the handsets as a process of their own: they are somebody else's machines."""
    settings = {
        "undelivered": 0.01,
        "busy": 0.02,
        "no_answer": 0.02,
        "press": 0.3,
        "lose_reply": 0.002,
        "callback_swap": 0.05,
        "callback_twice": 0.05,
    }
    code = (
        "import asyncio, sys, json, signal\nfrom channels.simulator import SimulatorSettings,"
        " run_simulator\nasync def main():\n    stop = asyncio.Event()\n   "
        " asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)\n    simulator ="
        f" await run_simulator(settings=SimulatorSettings(**{settings!r}))\n   "
        " print(json.dumps({'http': simulator.http_url, 'smtp': simulator.smtp_url}),"
        " flush=True)\n    await stop.wait()\n    await simulator.close()\nasyncio.run(main())\n"
    )
    del folder
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


async def _set_up(out: Console, service: Service, people: int) -> tuple[Operator, Operator]:
    now = datetime.now(UTC)
    records = demo_world.demo_areas()
    await service.db.write(stored_areas.store_areas, records, now, source="demonstration")
    out.print(f"geography: {len(records)} areas; {demo_world.LABEL}")
    author, _ = await service.db.write(
        operators.add,
        name="Demo author",
        role="author",
        area=None,
        email="author@example.org",
        now=now,
    )
    approver, _ = await service.db.write(
        operators.add,
        name="Demo approver",
        role="approver",
        area=None,
        email="approver@example.org",
        now=now,
    )
    tree = await service.context.tree()
    data = demo_world.demo_people(people, seed=2026)
    result = await asyncio.to_thread(
        read_subscribers,
        data,
        filename="demo.csv",
        allow_trial_numbers=True,
        known_area=lambda code: code in tree,
    )
    await service.db.write(registry.import_records, result.records, "demonstration", now)
    out.print(f"registry: {len(result.records):,} people imported on the basis “demonstration”")
    before = datetime.now(UTC) - timedelta(days=30)
    await service.db.write(
        history.import_facts,
        [
            history.Fact(
                scope="UK", level="SUBSTANTIAL", at=before, source="import", note="demonstration"
            )
        ],
        now,
    )
    return author, approver


async def _messages(
    out: Console,
    service: Service,
    author: Operator,
    approver: Operator,
    serving: asyncio.Task[None],
) -> Any:
    last_id = 0
    for step in STEPS:
        if step.action and not last_id:
            continue  # what it would follow went to nobody
        base = await drafting.base_of(service.context, last_id) if step.action else None
        content = read_draft(
            step.text.encode(),
            "yaml",
            now=datetime.now(UTC),
            base=base,
            follows=step.action or "update",
        )
        v = await (
            service.context.do(drafting.follow, author, last_id, step.action, content)
            if step.action
            else service.context.do(drafting.draft, author, content)
        )
        last_id = v.message_id
        try:
            v, seen = await service.context.do(submitting.submit, author, last_id)
        except Rejected as refused:
            if refused.problems[0].code != "audience_empty":
                raise
            out.print(
                f"\n[bold]{step.title.strip()}[/]: nobody of so few people would get it, so it"
                " cannot be submitted"
            )
            last_id = 0
            continue
        out.print(
            f"\n[bold]{step.title.strip()}[/]: drafted by {author.name}, {seen.people:,} people"
            f" counted; approved by {approver.name}"
        )
        v = await service.context.do(deciding.approve, approver, last_id, v.content_hash)
        await _watch(out, service.context, v.id, serving)
        yield step.title, v.id
    return


def _bars(out: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>6}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=out,
        transient=False,
    )


async def _watch(
    out: Console, context: Context, version_id: int, serving: asyncio.Task[None]
) -> None:
    """Show a bar per channel until nobody waits and receipts have come in."""
    until = time.monotonic() + LONGEST_SECONDS
    tasks: dict[str, Any] = {}
    plain = not out.is_terminal
    told = time.monotonic()
    with _bars(out) if not plain else contextlib.nullcontext() as bars:
        while time.monotonic() < until:
            if serving.done():
                serving.result()
            found = await context.db.read(delivery_report.progress, version_id)
            for channel, n in found.items():
                done = n["accepted"] + n["failed"] + n["in_doubt"] + n["skipped"]
                if bars is not None:
                    if channel not in tasks:
                        tasks[channel] = bars.add_task(channel, total=n["size"])
                    bars.update(tasks[channel], completed=done, total=n["size"])
            if plain and time.monotonic() - told > 5:
                told = time.monotonic()
                out.print(
                    "  "
                    + ", ".join(
                        f"{channel} {n['claimed']:,} of {n['size']:,}"
                        for channel, n in sorted(found.items())
                    )
                )
            held = await context.db.read(delivery_report.held, version_id, context.now())
            later = {channel: len(ids) for channel, (ids, _) in held.items()}
            if found and all(_is_done(n, later.get(channel, 0)) for channel, n in found.items()):
                break
            await asyncio.sleep(0.1)
    if plain:
        out.print(
            "  "
            + ", ".join(
                f"{channel} {n['claimed']:,} of {n['size']:,}"
                for channel, n in sorted(found.items())
            )
        )


def _is_done(n: dict[str, int], held: int) -> bool:
    """Return whether everybody who need not wait for the end of their quiet hours was sent to."""
    now = n["size"] - held
    recorded = n["accepted"] + n["failed"] + n["in_doubt"] + n["skipped"]
    return n["claimed"] >= now and recorded >= now


async def _settled(service: Service, sent: list[tuple[str, int]]) -> list[tuple[str, Account]]:
    """Wait until receipts stop coming in, then take the accounts."""
    last: list[Any] = []
    for _ in range(120):
        rows = [
            (
                title,
                await service.db.read(
                    lambda conn, i=version_id: delivery_report.account(conn, versions.get(conn, i))  # type: ignore[misc]
                ),
            )
            for title, version_id in sent
        ]
        found = [account.to_json() for _, account in rows]
        now = service.context.now()
        done = [
            await service.db.read(delivery_report.only_held, account, now) for _, account in rows
        ]
        if found == last and all(done):
            break
        last = found
        await asyncio.sleep(1.0)
    return rows


def _rows(rows: list[tuple[str, Account]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for title, account in rows:
        yield title, account.to_json()


def _print_account(out: Console, rows: list[tuple[str, Account]], ok: bool, seconds: float) -> None:
    if out.width >= _WIDE:
        _print_tables(out, rows)
    else:
        _print_blocks(out, rows)
    verdict = (
        "[bold green]It adds up[/]: every addressed person stands on exactly one line."
        if ok
        else "[bold red]It does not add up.[/]"
    )
    out.print(f"{verdict} {seconds:.0f} s in all.")
    if quiet := sum(len(account.people["waiting"]) for _, account in rows):
        out.print(
            f"{quiet} of them wait: they are in their quiet hours now, and get what can wait when"
            " those end."
        )
    out.print("\nThree things to try next:")
    out.print("  1. make demo PEOPLE=100000                 the same for a hundred thousand people")
    out.print("  2. .venv/bin/fasttime demo --stay          then send one yourself in the browser")
    out.print(
        "  3. .venv/bin/fasttime --help               and docs/operations.md: your own areas,"
        " people and messages"
    )


def _style(found: dict[str, Any]) -> str:
    return "bold yellow" if found["status"] == "Exercise" else ""


def _print_tables(out: Console, rows: list[tuple[str, Account]]) -> None:
    lines = Table(title="What became of every person", title_justify="left")
    reasons = Table(title="Suppressed, by reason", title_justify="left")
    for table, columns in ((lines, COLUMNS), (reasons, SUPPRESSION_REASONS)):
        table.add_column("message", no_wrap=True)
        for column in columns:
            table.add_column(column.replace("_", " "), justify="right")
    for title, found in _rows(rows):
        people = {"addressed": found["addressed"], **found["people"]}
        lines.add_row(title, *(f"{people[c]:,}" for c in COLUMNS), style=_style(found))
        reasons.add_row(
            title,
            *(f"{found['suppressed'][r]:,}" for r in SUPPRESSION_REASONS),
            style=_style(found),
        )
    out.print()
    out.print(lines)
    out.print(reasons)


def _print_blocks(out: Console, rows: list[tuple[str, Account]]) -> None:
    """Print the same on a narrow terminal, where the tables' headings would be cut."""
    out.print("\n[bold]What became of every person[/]")
    for title, found in _rows(rows):
        people = ", ".join(f"{line.replace('_', ' ')} {n:,}" for line, n in found["people"].items())
        why = ", ".join(
            f"{reason.replace('_', ' ')} {n:,}" for reason, n in found["suppressed"].items()
        )
        out.print(
            f"[bold]{title.strip()}[/]: addressed {found['addressed']:,}", style=_style(found)
        )
        out.print(Padding(f"{people}", (0, 0, 0, 4)), style=_style(found))
        out.print(Padding(f"suppressed: {why}", (0, 0, 0, 4)), style=_style(found))


async def _check_ledger(
    out: Console, db: Database, rows: list[tuple[str, Account]], http_url: str
) -> bool:
    """Hold our log against what the handsets really got: nobody twice, nobody we say has it without
    it.
    """
    async with aiohttp.ClientSession() as session, session.get(f"{http_url}/ledger") as answer:
        theirs = await answer.json()
    ok = True
    for title, account in rows:
        ours = set(await db.read(ledger_store.attempts_made, account.version.id))
        for channel, entries in (
            ("sms", theirs["sms"]),
            ("voice", theirs["calls"]),
            ("email", theirs["mails"]),
        ):
            taken = [
                entry["attempt"]
                for entry in entries
                if entry["taken"] and entry["attempt"][:32] in ours
            ]
            people = {
                entry["to"] for entry in entries if entry["taken"] and entry["attempt"][:32] in ours
            }
            lines = account.channels[channel]
            sure = len(lines["accepted"]) + len(lines["delivered"])
            if len(taken) != len(people) or not sure <= len(taken) <= sure + len(
                lines["in_doubt"]
            ) + len(lines["failed"]):
                out.print(
                    f"[red]{title.strip()}, {channel}[/]: {len(taken):,} taken by the handsets,"
                    f" {len(people):,} different, our log says {sure:,}"
                )
                ok = False
    if ok:
        out.print(
            "\nThe handsets' own ledger agrees: nobody got a message twice, and whoever we say has"
            " it, has it."
        )
    return ok
