"""fasttime deliveries, explain, resend, replay: what became of a message, for whom and why."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.options import Json, MessageId, Yes
from console.output import Output, Progress, is_stdout, sums, write_file

if TYPE_CHECKING:
    from datetime import datetime

    from pyroaring import BitMap

    from broadcast.ledger.delivery_report import Account
    from broadcast.messages.versions import Version
    from broadcast.operators.operators import Operator
    from broadcast.store.database import Connection
    from console.commands.session import Session

_POLL_SECONDS = 0.25
_ACCOUNT_SECONDS = 2.0
_LISTED = 1000
_MOST_LISTED = 10_000


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("deliveries")(deliveries)
    app.command("explain")(explain)
    app.command("resend")(resend)
    app.command("replay")(replay)


def deliveries(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[watch] ID",
            help="The message's number; `watch ID` follows it live.",
            show_default=False,
        ),
    ],
    state: Annotated[
        str, typer.Option("--state", metavar="LINE", help="Only the people on this line.")
    ] = "",
    channel: Annotated[str, typer.Option("--channel", help="Only this channel.")] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="Only who was not sent to for this reason.")
    ] = "",
    after: Annotated[
        int,
        typer.Option(
            "--after", metavar="PERSON", min=0, help="List from the person behind this number on."
        ),
    ] = 0,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MOST_LISTED, help="List so many people.")
    ] = _LISTED,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE.csv",
            help="Write the people, one to a row.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(
            "--version", help="Another version than the newest published.", show_default=False
        ),
    ] = None,
    recount: Annotated[
        bool,
        typer.Option(
            "--recount",
            help="Hold what is kept for looking against every single outcome; exit 1 where they"
            " differ, and what was kept is made anew.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Print on which line everybody stands, by person and by channel; `deliveries watch ID` shows
    live progress until it is complete.
    """
    from console.commands.session import run
    from console.listed import Filter

    watched, message_id = _named(words)
    asked = Filter(state=state or None, channel=channel or None, reason=reason or None)
    _require_together(watched=watched, recount=recount, some=bool(asked or export))
    asked.check(prefix="--")
    out = Output(json=json)

    async def work(session: Session) -> bool:
        from broadcast.ledger import delivery_report

        await session.log(
            "deliveries.watch" if watched else "deliveries.export" if export else "deliveries",
            str(message_id),
        )
        if watched:
            await _watch(session, out, message_id, version)
            return True
        found = await session.db.read(delivery_report.of_message, message_id, version)
        if recount:
            return await _recount(session, out, found)
        wanted = asked.of(found, prefix="--")
        if export is not None:
            await _export(session, out, found, wanted, export)
            if is_stdout(export):  # then the file is the answer
                return True
        listed: list[dict[str, Any]] = []
        more: int | None = None
        if asked:
            listed, more = await session.db.read(_page, found, wanted, after, limit)
        document = (
            found.shown()
            | ({"list": listed, "next": more} if asked else {})
            | ({"file": str(export)} if export else {})
        )
        left = len(wanted) - wanted.rank(listed[-1]["person"]) if listed else 0
        _answer_account(out, document, found, listed, left)
        return True

    if not run(work, out):
        raise typer.Exit(1)


def _named(words: list[str]) -> tuple[bool, int]:
    """Return whether a message is to be watched, and its number. Raises Rejected."""
    from broadcast.problems import refuse

    watched = words[0] == "watch"
    numbers = words[1:] if watched else words
    if len(numbers) != 1 or not (
        numbers[0].isascii() and numbers[0].isdigit() and len(numbers[0]) < 10
    ):
        raise refuse(
            "usage",
            "give the number of one message",
            "write `fasttime deliveries ID` or `fasttime deliveries watch ID`",
            field="ID",
        )
    return watched, int(numbers[0])


def _require_together(*, watched: bool, recount: bool, some: bool) -> None:
    """Raise Rejected where watching or a recount, which are of everybody, stands beside what picks
    or exports people (`some`), or beside each other.
    """
    from broadcast.problems import refuse

    if watched and (some or recount):
        raise refuse(
            "options_exclude",
            "watch shows everybody",
            "leave the filters, --export and --recount to `fasttime deliveries ID`",
            field="watch",
        )
    if recount and some:
        raise refuse(
            "options_exclude",
            "a recount is of everybody",
            "leave out the filters and --export",
            field="--recount",
        )


def _answer_account(
    out: Output, document: Any, account: Account, listed: list[dict[str, Any]], left: int = 0
) -> None:
    from broadcast.ledger.evidence import LINES

    v = account.version
    told = account.shown()
    rows: list[tuple[object, ...]] = [
        ("people", *(told["people"][line] for line in LINES), told["addressed"])
    ]
    for name, lines in told["channels"].items():
        hidden = next((n for n in lines.values() if isinstance(n, str)), None)
        rows.append(
            (
                name,
                *(lines[line] for line in LINES),
                sum(lines.values()) if hidden is None else hidden,
            )
        )
    after = [
        f"suppressed: {sums(told['suppressed'])}",
        f"message {v.message_id} version {v.number}: {v.status}, {v.state}",
    ]
    after += [
        f"  {p['person']} {p['external_id']}: {p['line']} {p['reason']}".rstrip() for p in listed
    ]
    if left:
        last = listed[-1]["person"]
        after.append(f"  and {left} more: go on with --after {last}, or use --export FILE.csv")
    out.table(document, ("", *LINES, "in all"), rows, *after)


def _page(
    conn: Connection, account: Account, wanted: BitMap, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Return the next people of those wanted, and behind whom to go on; None where nobody is
    left.
    """
    from console import listed

    people, more = listed.page(wanted, after, limit)
    return listed.named(conn, account, people, people), people[-1] if more else None


async def _export(
    session: Session, out: Output, account: Account, wanted: BitMap, export: Path
) -> None:
    """Write these people as CSV, piece by piece."""
    from broadcast.messages import small_counts
    from console import listed

    everybody = len(wanted)
    with out.progress() as bars:

        def write(conn: Connection) -> None:
            pieces = listed.csv_named(
                conn, account, wanted, written=lambda n: bars.show("writing", n, everybody)
            )
            write_file(export, pieces)

        await session.db.read(write)
    if not is_stdout(export):
        out.note(f"{small_counts.people(everybody)} written to {export}")


async def _recount(session: Session, out: Output, account: Account) -> bool:
    """Hold what is kept of a version against its rows; where they differ it is thrown away, and
    made anew by whatever runs. Return whether they agree.
    """
    from broadcast.ledger.kept import checking
    from broadcast.messages import small_counts
    from console.commands.session import machine_user
    from service.setup import upkeep

    v = account.version
    found = await session.db.read(checking.differences, v.id)
    if found:
        await session.db.write(upkeep.forget_kept, machine_user(), v, found, now=session.now())
    document = {"message": v.message_id, "version": v.number, "differences": found}
    last = (
        "it was thrown away; what is told is read from the outcomes until it is kept anew"
        if found
        else f"what is kept of {small_counts.people(len(account.addressed))} is what the"
        " outcomes say"
    )
    out.answer(document, *found, last)
    return not found


async def _watch(session: Session, out: Output, message_id: int, number: int | None) -> None:
    """Show progress until nobody is waiting or being handed over, or the version ended."""
    from broadcast.ledger import delivery_report
    from broadcast.messages import versions
    from broadcast.problems import refuse
    from console.commands.messages import is_running

    account = await session.db.read(delivery_report.of_message, message_id, number)
    if not account.version.published:
        raise refuse(
            "state_conflict",
            f"nothing of message {message_id} was published yet",
            "approve it first",
            field="state",
            status=409,
        )
    if (not account.complete or account.version.state == "approved") and not await is_running(
        session
    ):
        out.note("nothing is running here: start `fasttime up`")
    state = ""
    with out.progress() as bars:
        looked = time.monotonic()
        while True:
            v = account.version
            if v.state != state:
                state = v.state
                out.note(
                    f"message {v.message_id} version {v.number} is"
                    f" {state.replace('_', ' ')}{f': {v.why}' if v.why else ''}"
                )
            if v.state == "blocked":
                raise refuse(
                    "blocked",
                    v.why or "the audience is not what was approved",
                    "submit and approve it anew, or cancel it",
                    field="state",
                    status=409,
                )
            open_ = await _show_progress(session, bars, v)
            if account.complete and v.state != "approved":
                break
            if v.state == "live" and await _only_held(session, out, account):
                break
            await asyncio.sleep(_POLL_SECONDS)
            if not open_ or time.monotonic() - looked >= _ACCOUNT_SECONDS:
                looked = time.monotonic()
                account = await session.db.read(
                    delivery_report.account, await session.db.read(versions.get, v.id)
                )
    _answer_account(out, account.shown(), account, [])


async def _only_held(session: Session, out: Output, account: Account) -> bool:
    """Return whether only people in their quiet hours are left, and say so: nobody need watch
    until the morning.
    """
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    from broadcast.ledger import delivery_report

    now = datetime.now(UTC)
    if not await session.db.read(delivery_report.only_held, account, now):
        return False
    held = await session.db.read(delivery_report.held, account.version.id, now)
    if not held:
        return False
    last = max(until for _, until in held.values())
    zone = session.settings.timezone
    out.note(
        "the others wait until their quiet hours end, the last of them at"
        f" {last.astimezone(ZoneInfo(zone)):%H:%M} ({zone}); look again then"
    )
    return True


async def _show_progress(session: Session, bars: Progress, v: Version) -> bool:
    """Show each channel's totals; return whether anybody of them is still to be claimed or
    recorded.
    """
    from broadcast.ledger import delivery_report
    from broadcast.messages import small_counts

    open_ = False
    totals = await session.db.read(delivery_report.progress, v.id)
    shown = small_counts.progress(totals, small_counts.drawn(v.content))
    for channel, n in totals.items():
        recorded = n["accepted"] + n["failed"] + n["in_doubt"] + n["skipped"] + n["waiting"]
        words = (
            sums({line: n[line] for line in ("failed", "in_doubt", "skipped")})
            if n["failed"] + n["in_doubt"] + n["skipped"]
            else ""
        )
        if isinstance(
            shown[channel]["size"], str
        ):  # few people: whether it is done is all that is told
            bars.show(
                channel,
                int(recorded >= n["size"]),
                1,
                "all of few people" if recorded >= n["size"] else "few people",
            )
        else:
            bars.show(channel, recorded, n["size"], words)
        open_ = open_ or recorded < n["size"]
    return open_


def explain(
    id_: MessageId,
    subscriber: Annotated[
        str,
        typer.Argument(
            metavar="SUBSCRIBER", help="The number, or the external id.", show_default=False
        ),
    ],
    json: Json = False,
) -> None:
    """Say why one person is, or is not, sent to: area, preference, consent, channel, attempts,
    final reason.
    """
    from console import explained
    from console.commands.session import run
    from service.commands import explaining

    out = Output(json=json)

    async def work(session: Session) -> None:
        found = await explaining.explain(session.context, id_, subscriber)
        await session.log("explain", str(id_), f"person={found['subscriber']}")
        lines = [
            f"message {found['message']} version {found['version']}, person {found['subscriber']}"
        ]
        names = await session.db.read(explained.names_of, await session.tree())
        clock = explained.clock_of(session.settings.timezone)
        sentences = explained.sentences(found, names, clock)
        lines += [f"  {sentence}" for sentence in sentences]
        lines += explained.by_channel(found)
        out.answer(found | {"sentences": sentences}, *lines)

    run(work, out)


def resend(
    id_: MessageId,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            metavar="failed,in_doubt",
            help="Whom: failed, in_doubt, or both; never the delivered.",
            show_default=False,
        ),
    ],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Order a further delivery attempt to those who were missed; another person approves it by its
    hash.
    """
    from broadcast.messages import small_counts, versions
    from console.commands.messages import _act, _line, message_document
    from service.commands import resending

    async def work(session: Session, actor: Operator, out: Output) -> None:
        lines = tuple(dict.fromkeys(part.strip() for part in only.split(",") if part.strip()))
        out.confirm(
            f"Who of message {id_} is {' or '.join(lines)} may get it a second time, marked"
            " REPEAT.",
            yes=yes or "in_doubt" not in lines,
        )
        ordered = await session.context.do(resending.resend, actor, id_, lines)
        v = await session.db.read(versions.get, ordered.version_id)
        told = ordered.shown(v.content)
        document = await message_document(
            session, v, only=list(lines), resend=told, people=told["people"]
        )
        following = (
            f"next, by another person: fasttime message approve {id_} --hash {ordered.digest}"
        )
        out.answer(
            document,
            _line(v),
            f"to {small_counts.people(told['people'])} once more, marked REPEAT",
            following,
        )

    _act(json, work)


def replay(
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Only facts since then.")
    ] = "",
    message: Annotated[
        int | None,
        typer.Option("--message", metavar="ID", help="Only this message.", show_default=False),
    ] = None,
    until: Annotated[
        str,
        typer.Option(
            "--until",
            metavar="TIME",
            help="Tell how this message stood at that moment; compares nothing.",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Rebuild ledger, counts and levels from the facts and compare with the live store; exit 1
    where they differ. Never sends.
    """
    from console.commands.levels import read_time
    from console.commands.session import run

    out = Output(json=json)
    since = read_time(start, "--from") if start else None
    moment = read_time(until, "--until") if until else None

    async def work(session: Session) -> int:
        from broadcast.replay import comparison, differences

        if moment is not None:
            await _past(session, out, message, moment)
            return 0
        await session.log("replay", str(message or ""), start)
        found = await comparison.run(session.db, since=since, message_id=message)
        out.answer(
            found,
            *map(differences.text, found["differences"]),
            f"{found['events']} events, {len(found['differences'])} differences",
        )
        return len(found["differences"])

    if run(work, out, with_channels=False):
        raise typer.Exit(1)


async def _past(session: Session, out: Output, message: int | None, moment: datetime) -> None:
    """Print how a message's versions stood at a moment, as the facts recorded by then tell."""
    from broadcast.problems import refuse
    from broadcast.replay import past

    if message is None:
        raise refuse(
            "message_missing",
            "--until tells of one message",
            "add --message ID",
            field="--message",
        )
    await session.log("replay", str(message), f"until {moment.isoformat()}")
    (found,) = await session.db.read(past.at, message, [moment])
    told = [each.to_json() for each in found]
    out.answer(
        {"message": message, "until": moment.isoformat(), "versions": told},
        *(
            f"version {each['version']}: {each['state']}, addressed {each['addressed']}: "
            + ", ".join(f"{n} {line}" for line, n in each["people"].items())
            for each in told
        ),
    )
