"""The messages of the demonstration written, approved and watched until nobody waits any more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from broadcast.drafts import read_draft
from broadcast.ledger import delivery_report
from broadcast.ledger.delivery_report import Account
from broadcast.messages import versions
from broadcast.operators.operators import Operator
from broadcast.problems import Rejected
from console.demo.story import STEPS
from service.commands import deciding, drafting, submitting
from service.commands.context import Context
from service.installation import Service

LONGEST_SECONDS = 1800


async def send_all(
    out: Console,
    service: Service,
    author: Operator,
    approver: Operator,
    serving: asyncio.Task[None],
) -> AsyncIterator[tuple[str, int]]:
    """Write, approve and watch each message; yield its title and version."""
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


async def settled(service: Service, sent: list[tuple[str, int]]) -> list[tuple[str, Account]]:
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
