"""fasttime level: threat levels, their history, and a change as a draft like any other."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json, Why
from console.output import Output

if TYPE_CHECKING:
    from broadcast.operators.operators import Operator
    from console.commands.session import Session

app = typer.Typer(
    cls=Group,
    name="level",
    help="Threat levels: show, set, end, history, import.",
    no_args_is_help=True,
)

Visibility = Annotated[
    str,
    typer.Option(
        "--visibility",
        help="public, restricted or private; the level of a sector or community is restricted"
        " unless you say public.",
    ),
]


@app.command("show")
def show(
    scope: Annotated[
        str, typer.Option("--scope", help="UK, a GSS code, community:NAME or sector:NAME.")
    ] = "",
    area: Annotated[
        str,
        typer.Option(
            "--area",
            metavar="CODE",
            help="The effective level there, and the scopes it comes from.",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Print the present levels: of every scope that has one, of one scope, or in effect at an
    area.
    """
    from broadcast.problems import refuse
    from console.commands.session import run

    out = Output(json=json)
    if scope and area:
        raise refuse(
            "options_exclude",
            "--scope and --area say two things",
            "give one of them",
            field="--area",
        )

    async def work(session: Session) -> None:
        await session.log("level.show", scope or area)
        now = session.now()
        await _answer_levels(session, out, await _standing(session, scope, area, now))
        for line in [] if area else await _unconfirmed(session, scope):
            out.note(line)

    run(work, out)


async def _unconfirmed(
    session: Session, scope: str = "", *, proposed: Collection[str | None] = ()
) -> list[str]:
    """Return what to say of scopes whose level nobody approved yet, though a file of the past says
    one.
    """
    from broadcast.levels import history
    from broadcast.levels.scales import normalise_scope

    wanted = normalise_scope(scope, field="--scope") if scope else None
    found = await session.db.read(history.only_imported, session.now(), wanted)
    return [
        f"no level of {s.scope} was approved yet. The import says last {s.level}, since"
        f" {s.since:%-d %B %Y}. "
        f'If that holds now, propose it: fasttime level set {s.level} --scope "{s.scope}" --why'
        ' "…"; a second person approves it'
        for s in found
        if s.since is not None and s.scope not in proposed
    ]


async def _answer_levels(session: Session, out: Output, found: list[dict[str, Any]]) -> None:
    from broadcast.groups import registered

    tree, zone = await session.tree(), session.settings.timezone
    groups = await session.db.read(registered.load)

    def named(scope: str) -> str:
        return f"{tree[scope].name} ({scope})" if scope in tree else groups.named(scope)

    rows = [
        (
            named(e["scope"]),
            e["level"] or "not set",
            e["meaning"],
            _when(e["since"], zone),
            ", ".join(map(named, e["from"])),
        )
        for e in found
    ]
    out.table(found, ("SCOPE", "LEVEL", "MEANING", "SINCE", "FROM"), rows)


def _when(since: str | None, zone: str) -> str:
    """Return a moment as people read it; a day where no more is known, as in an imported file."""
    from broadcast.wording.times import table_time

    if since is None:
        return ""
    day, _, time = since.partition("T")
    return day if time == "00:00:00+00:00" else table_time(datetime.fromisoformat(since), zone)


async def _standing(
    session: Session, scope: str, area: str, at: datetime, *, past: bool = False
) -> list[dict[str, Any]]:
    from service import levels as acts

    asked: dict[str, Any] = {"scope": scope or None, "area": area or None, "past": past}
    return await acts.standing(session.context, None, at, **asked, fields=acts.TYPED)


@app.command("set")
def set_(
    level: Annotated[
        str,
        typer.Argument(
            metavar="LEVEL",
            help="LOW, MODERATE, SUBSTANTIAL, SEVERE or CRITICAL.",
            show_default=False,
        ),
    ],
    why: Why,
    scope: Annotated[
        str, typer.Option("--scope", help="UK, a GSS code, community:NAME or sector:NAME.")
    ] = "UK",
    status: Annotated[str, typer.Option("--status", help="Actual, Exercise or Test.")] = "Actual",
    source: Annotated[str, typer.Option("--source", help="Who decided it.")] = "",
    visibility: Visibility = "",
    json: Json = False,
) -> None:
    """Draft the change of a level; it holds, and is sent, when a second person has approved it."""
    _draft(level, scope, why, status, source, visibility, json=json)


@app.command("end")
def end(
    scope: Annotated[
        str,
        typer.Argument(
            metavar="SCOPE",
            help="community:NAME, sector:NAME, or the code of an area.",
            show_default=False,
        ),
    ],
    why: Why,
    status: Annotated[str, typer.Option("--status", help="Actual, Exercise or Test.")] = "Actual",
    source: Annotated[str, typer.Option("--source", help="Who decided it.")] = "",
    visibility: Visibility = "",
    json: Json = False,
) -> None:
    """Draft the end of a level of its own; it ends when a second person has approved it."""
    _draft("ENDED", scope, why, status, source, visibility, json=json)


def _draft(
    level: str, scope: str, why: str, status: str, source: str, visibility: str, *, json: bool
) -> None:
    from console.commands.messages import _act, drafted
    from service import levels as acts

    async def work(session: Session, actor: Operator, out: Output) -> None:
        v = await session.context.do(
            acts.change,
            actor,
            acts.Change(
                level=level,
                scope=scope,
                why=why,
                status=status,
                source=source,
                visibility=visibility,
                fields=acts.TYPED,
            ),
        )
        await drafted(session, out, v, v.content.headline)

    _act(json, work)


@app.command("history")
def history(
    scope: Annotated[str, typer.Option("--scope", help="Only this scope.")] = "",
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="What held then: RFC 3339, or a day.")
    ] = "",
    json: Json = False,
) -> None:
    """Print every change on record, oldest first; with --as-of what held at a moment."""
    from broadcast.groups import registered
    from console.commands.session import run
    from service import levels as acts

    out = Output(json=json)
    at = read_time(as_of, "--as-of") if as_of else None

    async def work(session: Session) -> None:
        await session.log("level.history", scope, as_of)
        if at is not None:
            await _answer_levels(session, out, await _standing(session, scope, "", at, past=True))
            return
        document = await acts.changes(session.context, None, scope=scope or None, fields=acts.TYPED)
        groups = await session.db.read(registered.load)
        out.table(
            document,
            ("SINCE", "SCOPE", "LEVEL", "SOURCE", "DECIDED BY", "REASON"),
            [
                (
                    _when(e["since"], session.settings.timezone),
                    groups.named(e["scope"]),
                    e["level"] or "ended",
                    e["source"],
                    e["decided_by"],
                    e["reason"] or e["note"],
                )
                for e in document
            ],
        )

    run(work, out)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="- reads stdin.", show_default=False)
    ],
    propose: Annotated[
        bool,
        typer.Option(
            "--propose",
            help="Draft the level that the file says last of each scope without an approved one;"
            " wants --why and your token.",
        ),
    ] = False,
    why: Annotated[
        str, typer.Option("--why", help="What people read below a level that is proposed.")
    ] = "",
    json: Json = False,
) -> None:
    """Fill in the past from a file of date, scale, level, note; sends nothing and sets no present
    level: two persons do.
    """
    from broadcast.files.csv_files import MAX_LINE_CHARS, name_of, read_file
    from broadcast.levels.scales import CSV_LIMIT, read_levels_csv
    from broadcast.operators import operators
    from broadcast.problems import refuse
    from console.commands.session import machine_user, run
    from service import levels
    from service.setup import past_levels

    out = Output(json=json)
    if propose and not why.strip():
        raise refuse(
            "why_missing",
            "a change of level needs a reason",
            "say why: it is what people read below the level",
            field="--why",
        )

    async def work(session: Session) -> None:
        now = session.now()
        # who proposes is known before anything is written
        actor = await session.person() if propose else None
        if actor is not None:
            operators.require(actor, "draft")
        rows = read_levels_csv(
            read_file(file, max_bytes=CSV_LIMIT, max_line=MAX_LINE_CHARS),
            file=name_of(file),
            today=now.date(),
        )
        document, warnings = await session.db.write(
            past_levels.bring_in, machine_user(), rows, name=name_of(file), now=now
        )
        out.warn(warnings)
        drafted = []
        if actor is not None:
            drafted = await session.context.do(levels.propose_imported, actor, why)
            document["proposed"] = [v.message_id for v in drafted]
        out.answer(
            {"file": name_of(file), **document},
            f"{document['rows']} rows: {document['recorded']} recorded,"
            f" {document['left_out']['known']} known already, {len(warnings)} left out",
            *(
                f"{v.content.scope} {v.content.level} is message {v.message_id}, a draft;"
                f" next: fasttime message submit {v.message_id}"
                for v in drafted
            ),
        )
        for line in await _unconfirmed(session, proposed={v.content.scope for v in drafted}):
            out.note(line)

    run(work, out)


def read_time(text: str, field: str) -> datetime:
    """Return a moment: RFC 3339 with an offset, or a day (its first moment in UTC). Raises Rejected
    (time_invalid, time_zone_missing).
    """
    from broadcast.files.nearest import shown
    from broadcast.problems import refuse

    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise refuse(
            "time_invalid",
            f"{shown(text)} is no time",
            "write 2026-05-01T12:00:00+01:00, or a day such as 2026-05-01",
            field=field,
        ) from None
    if at.tzinfo is None:
        if len(text.strip()) > 10:
            raise refuse(
                "time_zone_missing",
                "the time has no offset",
                "write +00:00, +01:00 or Z behind it",
                field=field,
            )
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC)
