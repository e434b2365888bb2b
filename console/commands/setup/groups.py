"""fasttime groups: the communities, sectors and information providers that messages may name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

if TYPE_CHECKING:
    from broadcast.groups.registered import Group as Registered
    from console.commands.session import Session

app = typer.Typer(
    cls=Group,
    name="groups",
    help="Communities, sectors and information providers: what messages may name.",
    no_args_is_help=True,
)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="kind, name, and a column for each language; - reads stdin.",
            show_default=False,
        ),
    ],
    json: Json = False,
) -> None:
    """Register communities, sectors and providers, or name them in more languages: all of the file
    or nothing.
    """
    from broadcast.files.csv_files import MAX_LINE_CHARS, name_of, read_file
    from broadcast.groups.files import MAX_BYTES, read_groups
    from console.commands.session import run

    out = Output(json=json)

    async def work(session: Session) -> None:
        data = read_file(file, max_bytes=MAX_BYTES, max_line=MAX_LINE_CHARS)
        found = read_groups(data, name_of(file))
        await _register(session, out, found, "groups.import", name_of(file))

    run(work, out)


@app.command("add")
def add(
    scope: Annotated[
        str,
        typer.Argument(
            metavar="SCOPE",
            help="community:NAME, sector:NAME or provider:NAME.",
            show_default=False,
        ),
    ],
    names: Annotated[
        list[str],
        typer.Option(
            "--name",
            metavar="LANGUAGE=NAME",
            help="What it is called in a language, as cy=Manwerthu; repeat it.",
        ),
    ] = [],  # noqa: B006 - typer reads the default, nothing changes it
    json: Json = False,
) -> None:
    """Register one community, sector or information provider, or name it in more languages."""
    from broadcast.files.nearest import shown
    from broadcast.groups.files import named
    from broadcast.problems import refuse
    from console.commands.session import run

    out = Output(json=json)
    kind, colon, name = scope.partition(":")
    if not colon:
        raise refuse(
            "scope_invalid",
            f"{shown(scope)} names no community, sector or provider",
            "write community:NAME, sector:NAME or provider:NAME",
            field="SCOPE",
        )
    words = {}
    for given in names:
        tag, equals, word = given.partition("=")
        if not equals:
            raise refuse(
                "name_invalid",
                f"{shown(given)} is no language and name",
                "write it as cy=Manwerthu",
                field="--name",
            )
        words[tag] = word

    async def work(session: Session) -> None:
        group = named(kind.strip().lower(), name, words, path="SCOPE")
        await _register(session, out, [group], "groups.add", group.scope, rename=False)

    run(work, out)


async def _register(
    session: Session,
    out: Output,
    groups: list[Registered],
    action: str,
    subject: str,
    *,
    rename: bool = True,
) -> None:
    from dataclasses import asdict

    from console.commands.session import machine_user
    from service import groups as acts

    more: dict[str, Any] = {"action": action, "subject": subject, "rename": rename}
    done = await session.db.write(
        acts.register, groups, actor=machine_user(), **more, now=session.now()
    )
    words = ", ".join(f"{n} {what}" for what, n in asdict(done).items())
    told = {"groups": [group.to_json() for group in groups], **asdict(done)}
    out.answer(told, f"{len(groups)} communities, sectors and providers: {words}")


@app.command("list")
def list_(
    csv: Annotated[
        bool, typer.Option("--csv", help="As the file that `groups import` takes.")
    ] = False,
    json: Json = False,
) -> None:
    """Print every registered community, sector and provider with its names."""
    from broadcast.files.csv_files import write_rows
    from broadcast.groups import registered
    from broadcast.groups.files import columns_of
    from console.commands.session import run

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("groups.list", "")
        found = await session.db.read(registered.load)
        if csv and not json:
            header, rows = columns_of(found)
            sys.stdout.writelines(write_rows(header, rows))
            sys.stdout.flush()
            return
        out.table(
            [group.to_json() for group in found],
            ("SCOPE", "NAME", "IN OTHER LANGUAGES"),
            [
                (
                    group.scope,
                    group.name,
                    ", ".join(f"{tag}: {name}" for tag, name in sorted(group.names.items())),
                )
                for group in found
            ],
        )

    run(work, out)
