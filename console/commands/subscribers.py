"""fasttime subscribers: who hears it; import, export, one person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from console.command_group import Group
from console.commands.options import Json, OutputFile
from console.commands.setup import people as one_by_one
from console.output import Output, in_words, problem_json, write_file

if TYPE_CHECKING:
    from broadcast.files.sealed_shelf import Shelf
    from broadcast.places.areas import AreaTree
    from broadcast.store.database import Connection
    from console.commands.session import Session

app = typer.Typer(
    cls=Group, name="subscribers", help="The people who hear it.", no_args_is_help=True
)
one_by_one.attach(app)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="- reads stdin.", show_default=False)
    ],
    basis: Annotated[
        str,
        typer.Option(
            "--basis",
            help="The legal basis on which exactly these channels and topics are used.",
            show_default=False,
        ),
    ],
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Give numbers back the leading zero that a spreadsheet took."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what the file would change; store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Import or renew people: all of the file or nothing, every error in one pass. Columns that
    it lacks stay as they are; an empty cell clears.
    """
    import asyncio

    from broadcast.files.csv_files import count_lines, name_of, opened
    from broadcast.files.sealed_shelf import SealedShelf
    from broadcast.messages import small_counts
    from broadcast.problems import Problem, Rejected, refuse
    from console.commands.session import machine_user, run
    from service.setup import people_by_file
    from subscribers.people_file.reading import read_subscribers

    out = Output(json=json)
    if not basis.strip():
        raise refuse(
            "basis_missing",
            "people are kept on a legal basis only",
            'say which, for example --basis "consent, form of 1 May 2026"',
            field="--basis",
        )

    async def work(session: Session) -> None:
        tree = await session.tree()
        if not tree:
            out.warn(
                [
                    Problem(
                        code="areas_missing",
                        detail="no area was imported yet",
                        fix=(
                            "import areas, or messages for an area find only people with an area"
                            " code"
                        ),
                    )
                ]
            )
        with opened(file) as data, SealedShelf() as shelf:
            await take(session, data, shelf, tree)

    async def take(session: Session, data: BinaryIO, shelf: Shelf, tree: AreaTree) -> None:
        out.note(f"reading {name_of(file)}")
        lines = await asyncio.to_thread(count_lines, data)
        with out.progress() as bars:
            found = await asyncio.to_thread(
                read_subscribers,
                data,
                filename=name_of(file),
                allow_trial_numbers=session.settings.allows_trial_numbers,
                known_area=lambda code: code in tree,
                anywhere=tree.anywhere,
                fix=fix,
                read=lambda line: bars.show("reading", min(line, lines or line), lines),
                shelf=shelf,
            )
            if lines:
                bars.show("reading", lines, lines)
        if found.problems:
            raise Rejected(found.problems)
        out.warn(found.warnings)
        cautions = await session.db.read(people_by_file.cautions, found, name_of(file))
        out.warn(cautions)
        if not dry_run:
            out.note(f"storing {small_counts.people(len(found.people))}")
        counts: dict[str, int]
        try:
            with out.progress() as bars:
                counts = await session.db.write(
                    people_by_file.try_alone if dry_run else people_by_file.bring_in,
                    machine_user(),
                    found,
                    basis=basis,
                    name=name_of(file),
                    now=session.now(),
                    stored=lambda done: bars.show("storing", done, len(found.people)),
                )
        except people_by_file.Tried as tried:
            counts = tried.counts
        document: dict[str, Any] = {"dry_run": True} if dry_run else {}
        document |= {
            "file": name_of(file),
            "people": len(found.people),
            **counts,
            "merged": found.merged,
            "warnings": [problem_json(p) for p in (*found.warnings, *cautions)],
        }
        own = counts.pop("own_choices_changed")
        words = ", ".join(f"{n} {what}" for what, n in counts.items())
        words += f", {len(found.merged)} rows merged" if found.merged else ""
        words += f"; of {own} changed what they chose by themselves" if own else ""
        words += "; a trial: nothing was stored" if dry_run else ""
        out.answer(document, f"{small_counts.people(len(found.people))}: {words}")

    run(work, out)


@app.command("export")
def export(
    output: OutputFile = None,
    json: Json = False,
) -> None:
    """Print everybody not erased as the CSV that `import` takes, safe to open in a spreadsheet."""
    from console.commands.session import run
    from subscribers.people_file.record import COLUMNS
    from subscribers.registry import showing

    out = Output(json=json)
    output = None if str(output) == "-" else output

    def people(conn: Connection) -> list[dict[str, str]]:
        return [dict(zip(COLUMNS, cells, strict=True)) for cells in showing.export(conn)]

    def to_file(conn: Connection) -> None:
        assert output is not None
        write_file(output, showing.export_csv(conn))

    def to_stdout(conn: Connection) -> None:
        for piece in showing.export_csv(conn):
            sys.stdout.write(piece)
        sys.stdout.flush()

    async def work(session: Session) -> None:
        await session.log("subscribers.export", str(output or "stdout"))
        if output is not None:
            await session.db.read(to_file)
            out.answer({"file": str(output)}, f"written to {output}")
        elif json:
            out.answer(await session.db.read(people))
        else:
            await session.db.read(to_stdout)

    run(work, out)


@app.command("show")
def show(
    subscriber: Annotated[
        str,
        typer.Argument(metavar="ID", help="The number, or the external id.", show_default=False),
    ],
    json: Json = False,
) -> None:
    """Print everything known of one person."""
    from broadcast.problems import refuse
    from console.commands.session import run
    from subscribers.registry import showing

    out = Output(json=json)

    async def work(session: Session) -> None:
        found = await session.db.read(showing.show, subscriber)
        if found is None:
            raise refuse(
                "subscriber_unknown",
                "there is nobody with that number or external id",
                "see `fasttime subscribers export`",
                field="ID",
                status=404,
            )
        await session.log("subscribers.show", str(found["id"]))
        out.answer(found, *[f"{name}: {in_words(value)}" for name, value in found.items()])

    run(work, out)
