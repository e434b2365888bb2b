"""fasttime organisations: whose people messages for a trade and a size are for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output, in_words, problem_json

if TYPE_CHECKING:
    from broadcast.problems import Problem

app = typer.Typer(
    cls=Group,
    name="organisations",
    help="Organisations: trade, size, sites, and who acts for them.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="Its external id.", show_default=False)]
Name = Annotated[str | None, typer.Option("--name", help="What it is called.", show_default=False)]
Trade = Annotated[
    str | None,
    typer.Option("--trade", help="Letter of its section of SIC 2007: A to U.", show_default=False),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        help="micro, small, medium or large, or how many people it employs.",
        show_default=False,
    ),
]
Sites = Annotated[
    str | None,
    typer.Option("--sites", help='Where it is: "E09000033;NW1 2DB;51.5,-0.1".', show_default=False),
]
People = Annotated[
    str | None,
    typer.Option(
        "--people", help="External ids of who acts for it, ; between.", show_default=False
    ),
]
Contacts = Annotated[
    str | None,
    typer.Option(
        "--contacts",
        help='Single point of contact by borough: "E09000033=p-17".',
        show_default=False,
    ),
]
PassesOn = Annotated[
    bool | None,
    typer.Option(
        "--passes-on/--passes-on-nothing",
        help="Whether its inbox stands for many, and passes on what it is sent.",
        show_default=False,
    ),
]


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="- reads stdin.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Register or renew organisations: all of the file or nothing, every error in one pass."""
    from broadcast.files.csv_files import MAX_LINE_CHARS, name_of, read_file
    from console.commands.session import Session, machine_user, run
    from service.setup import organisations
    from subscribers.organisations.file import read_organisations

    out = Output(json=json)

    async def work(session: Session) -> None:
        name = name_of(file)
        found = read_organisations(read_file(file, max_line=MAX_LINE_CHARS), name)
        warnings = organisations.checked(await session.tree(), found, name)
        out.warn(warnings)
        done = await session.db.write(
            organisations.bring_in, machine_user(), found, name=name, now=session.now()
        )
        words = ", ".join(f"{n} {what}" for what, n in done.items())
        told = {"file": name, "organisations": len(found.records), **done}
        out.answer(
            told | {"warnings": [problem_json(p) for p in warnings]},
            f"{len(found.records)} organisations: {words}",
        )

    run(work, out)


@app.command("add")
def add(
    external_id: Annotated[
        str, typer.Option("--external-id", help="What other books call it.", show_default=False)
    ],
    name: Name = None,
    trade: Trade = None,
    size: Size = None,
    sites: Sites = None,
    people: People = None,
    contacts: Contacts = None,
    passes_on: PassesOn = None,
    json: Json = False,
) -> None:
    """Register one organisation, by the rules of the file."""
    fields = _given(name, trade, size, sites, people, contacts, passes_on)
    _one(json, "add", {"external_id": external_id, **fields})


@app.command("edit")
def edit(
    organisation: Id,
    name: Name = None,
    trade: Trade = None,
    size: Size = None,
    sites: Sites = None,
    people: People = None,
    contacts: Contacts = None,
    passes_on: PassesOn = None,
    json: Json = False,
) -> None:
    """Change one organisation: only what is given; an empty field ("") is cleared."""
    from broadcast.problems import refuse

    fields = _given(name, trade, size, sites, people, contacts, passes_on)
    if not fields:
        raise refuse(
            "nothing_to_change",
            "no field is given",
            "say what changes, such as --people p-17",
            field="organisation",
        )
    _one(json, "edit", fields, organisation)


@app.command("remove")
def remove(
    organisation: Id,
    why: Annotated[str, typer.Option("--why", help="On whose word.", show_default=False)],
    json: Json = False,
) -> None:
    """Remove one organisation; the people who act for it stay registered."""
    from console.commands.session import Session, machine_user, run
    from service.setup import organisations

    out = Output(json=json)

    async def work(session: Session) -> None:
        now = session.now()
        await session.db.write(organisations.remove, machine_user(), organisation, why, now)
        out.answer({"external_id": organisation, "removed": True}, f"{organisation} is removed")

    run(work, out)


@app.command("show")
def show(organisation: Id, json: Json = False) -> None:
    """Print one organisation and who acts for it, names and contacts of people masked; recorded."""
    from console.commands.session import Session, machine_user, run
    from service.setup import organisations

    out = Output(json=json)

    async def work(session: Session) -> None:
        found = await session.db.write(
            organisations.one, machine_user(), organisation, session.now()
        )
        if found is None:
            raise organisations.unknown()
        out.answer(found, *[f"{name}: {in_words(value)}" for name, value in found.items()])

    run(work, out)


@app.command("list")
def list_(
    csv: Annotated[
        bool, typer.Option("--csv", help="As the file that `organisations import` takes.")
    ] = False,
    json: Json = False,
) -> None:
    """Print every organisation with its trade, size and how many act for it; recorded."""
    from broadcast.content.trades import named
    from broadcast.files.csv_files import write_rows
    from console.commands.session import Session, machine_user, run
    from service.setup import organisations
    from subscribers.organisations.file import rows_of
    from subscribers.organisations.record import COLUMNS

    out = Output(json=json)

    async def work(session: Session) -> None:
        found = await session.db.write(organisations.everyone, machine_user(), session.now())
        if csv and not json:
            sys.stdout.writelines(write_rows(COLUMNS, rows_of(found)))
            sys.stdout.flush()
            return
        out.table(
            [organisations.told(record) for record in found],
            ("ID", "NAME", "TRADE", "SIZE", "SITES", "PEOPLE", "PASSES ON"),
            [
                (
                    record.external_id,
                    record.name,
                    named(record.trade),
                    record.size,
                    str(len(list(filter(None, record.sites.split(";"))))),
                    str(len(record.people)),
                    "yes" if record.passes_on else "-",
                )
                for record in found
            ],
        )

    run(work, out)


def _given(
    name: str | None,
    trade: str | None,
    size: str | None,
    sites: str | None,
    people: str | None,
    contacts: str | None,
    passes_on: bool | None,
) -> dict[str, Any]:
    """Return the fields that were given, by the columns of the file."""
    said = {
        "name": name,
        "trade": trade,
        "size": size,
        "sites": sites,
        "people": people,
        "contacts": contacts,
        "passes_on": passes_on,
    }
    return {column: value for column, value in said.items() if value is not None}


def _one(json: bool, verb: str, fields: dict[str, Any], *which: str) -> None:
    from broadcast.store.database import Connection
    from console.commands.session import Session, machine_user, run
    from service.setup import organisations

    out = Output(json=json)
    act: Any = getattr(organisations, verb)

    async def work(session: Session) -> None:
        tree = await session.tree()
        now = session.now()

        def write(conn: Connection) -> tuple[dict[str, Any], list[Problem]]:
            done: tuple[dict[str, Any], list[Problem]] = act(
                conn, machine_user(), *which, fields, tree=tree, now=now
            )
            return done

        told, warnings = await session.db.write(write)
        out.warn(warnings)
        out.answer(
            told | {"warnings": [problem_json(p) for p in warnings]},
            f"{told['external_id']}: trade {told['trade']}, {told['size']},"
            f" {len(told['people'])} act for it",
        )

    run(work, out)
