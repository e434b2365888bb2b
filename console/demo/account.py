"""What became of every person, printed, and held against what the handsets really got."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from broadcast.ledger.claims.slices import attempts_made
from broadcast.ledger.delivery_report import Account
from broadcast.ledger.evidence import LINES, SUPPRESSION_REASONS
from broadcast.store.database import Database

_WIDE = 150  # columns that the tables need

COLUMNS = ("addressed", *LINES)


def _rows(rows: list[tuple[str, Account]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for title, account in rows:
        yield title, account.to_json()


def print_account(out: Console, rows: list[tuple[str, Account]], ok: bool, seconds: float) -> None:
    """Print what became of every message, and whether it adds up."""
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


def typed_as(started: str, found: str | None) -> str:
    """Return how this program is typed here: by its name where the shell finds it, else by the
    path it was started with. A checkout has it in .venv/bin, a wheel on the PATH.
    """
    path = Path(started)
    if path.name != "fasttime":  # started in another way, as by `python -m`
        return "fasttime"
    if found is not None and Path(found).resolve() == path.resolve():
        return "fasttime"
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def what_next(command: str) -> tuple[str, ...]:
    """Return what to try next, in commands that exist wherever the demonstration ran."""
    ways = {
        "demo --people 100000": "the same for a hundred thousand people",
        "demo --stay": "the same, and it stays up: open the page that it names, send one yourself",
        "--help": "your own areas, people and messages, of which the operations page tells more",
    }
    found = enumerate(ways.items(), start=1)
    lines = (f"  {n}. {command} {typed:<22}{what}" for n, (typed, what) in found)
    return ("\nThree things to try next:", *lines)


def _style(found: dict[str, Any]) -> str:
    return "bold yellow" if found["status"] == "Exercise" else ""


def _print_tables(out: Console, rows: list[tuple[str, Account]]) -> None:
    lines = Table(title="What became of every person", title_justify="left")
    reasons = Table(title="Not sent to, by reason", title_justify="left")
    # a column for each of fourteen reasons would be too narrow to be read
    given = [r for r in SUPPRESSION_REASONS if any(a["suppressed"][r] for _, a in _rows(rows))]
    for table, columns in ((lines, COLUMNS), (reasons, given)):
        table.add_column("message", no_wrap=True)
        for column in columns:
            table.add_column(column.replace("_", " "), justify="right")
    for title, found in _rows(rows):
        people = {"addressed": found["addressed"], **found["people"]}
        lines.add_row(title, *(f"{people[c]:,}" for c in COLUMNS), style=_style(found))
        reasons.add_row(
            title,
            *(f"{found['suppressed'][r]:,}" for r in given),
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


async def check_ledger(
    out: Console, db: Database, rows: list[tuple[str, Account]], http_url: str
) -> bool:
    """Hold our log against what the handsets really got: nobody twice, nobody we say has it without
    it.
    """
    async with aiohttp.ClientSession() as session, session.get(f"{http_url}/ledger") as answer:
        theirs = await answer.json()
    ok = True
    for title, account in rows:
        ours = set(await db.read(attempts_made, account.version.id))
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
