"""The demonstration from its start to its end: handsets, service, messages, account."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from broadcast.events.topics import ROLES
from broadcast.ledger import delivery_report
from broadcast.operators.operators import Operator
from broadcast.store.database import Database
from config import logging as logs
from config import settings as settings_module
from console.demo import pages
from console.demo.account import check_ledger, print_account, typed_as, what_next
from console.demo.sending import send_all, settled
from console.demo.world import set_up
from console.processes import migrate
from console.processes.up import listen, serve
from service import sign_in
from service.installation import build


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
        author, approver = await set_up(out, service, people)
        sent = [row async for row in send_all(out, service, author, approver, serving)]
        rows = await settled(service, sent)
        now = service.context.now()
        ok = all(account.adds_up for _, account in rows) and all(
            [await service.db.read(delivery_report.only_held, account, now) for _, account in rows]
        )
        ok = await check_ledger(out, service.db, rows, addresses["http"]) and ok
        print_account(out, rows, ok, time.monotonic() - began)
        if json_output:
            print(json.dumps({"messages": [account.to_json() for _, account in rows], "ok": ok}))  # noqa: T201 - stdout is the answer's
        if stay:
            await _tour(out, service.db, public_url, addresses["http"], (author, approver))
            await serving
        else:
            await pages.leave(out, service, folder.parent / "demo-pages")
            for line in what_next(typed_as(sys.argv[0], shutil.which("fasttime"))):
                out.print(line, markup=False, soft_wrap=True)
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
