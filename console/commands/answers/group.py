"""fasttime answers: what people answered, listed without words, read by who holds the private
key.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output, is_stdout, write_file

if TYPE_CHECKING:
    from broadcast.answers.sealing import OpeningKey
    from broadcast.answers.store import Answer
    from console.commands.session import Session

app = typer.Typer(
    cls=Group,
    name="answers",
    help="What people answered: listed without words, read with the private key.",
    no_args_is_help=True,
)

MessageOption = Annotated[
    int | None,
    typer.Option("--message", metavar="ID", help="To this message.", show_default=False),
]
Unsorted = Annotated[bool, typer.Option("--unsorted", help="Those that belong to no message.")]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help="Write them as CSV.", show_default=False),
]
After = Annotated[
    int, typer.Option("--after", min=0, max=2**31 - 1, metavar="N", help="Those behind number N.")
]
LISTED = ("id", "at", "message", "channel", "kind", "joined", "status", "urgent", "read")


@app.command("list")
def list_(
    message: MessageOption = None,
    unsorted: Unsorted = False,
    after: After = 0,
    csv: Csv = None,
    json: Json = False,
) -> None:
    """List the answers to a message, or the unsorted: when, by what, whether urgent; no words and
    no numbers. Acts as the person of FASTTIME_TOKEN; recorded.
    """
    from console.commands.session import run
    from service.answers import reading

    wanted, out = _wanted(message, unsorted), Output(json=json)

    async def work(session: Session) -> None:
        actor = await session.person()
        found = await session.context.do(reading.listed, actor, wanted, after=after)
        rows = [one.shown() for one in found]
        if csv is not None:
            write_file(csv, _csv(LISTED, rows))
            if is_stdout(csv):
                return
            out.note(f"{len(rows)} answers written to {csv}")
        more = f"there may be more: --after {found[-1].id}" if len(found) == reading.MOST else ""
        out.table(
            {"answers": rows},
            tuple(name.upper() for name in LISTED),
            [tuple(_cell(row[name]) for name in LISTED) for row in rows],
            *[more] * bool(more),
        )

    run(work, out)


@app.command("read")
def read(
    number: Annotated[
        int | None,
        typer.Argument(metavar="[NUMBER]", help="The answer's number.", show_default=False),
    ] = None,
    message: MessageOption = None,
    unsorted: Unsorted = False,
    after: After = 0,
    csv: Csv = None,
    json: Json = False,
) -> None:
    """Read one answer, or all to a message: its words, and the number that it came from. Needs the
    private key and FASTTIME_TOKEN; each answer read is recorded.
    """
    from broadcast.problems import refuse
    from config import answer_private_keys
    from console.commands.session import run
    from service.answers import reading

    if number is not None and (message is not None or unsorted):
        raise refuse("usage", "there is a number already", "leave --message out", field="NUMBER")
    wanted = _wanted(message, unsorted) if number is None else None
    out = Output(json=json)

    async def work(session: Session) -> None:
        settings, actor = session.settings, await session.person()
        keys = answer_private_keys.opening(settings.answers_private_file, settings.key())

        def opens(one: Answer) -> bool:
            return _opened(one, keys) is not None

        if number is not None:
            found = [await session.context.do(reading.read_one, actor, number, opens)]
        else:
            found = await session.context.do(reading.read_all, actor, wanted, opens, after=after)
        rows = [one.shown() | _words(one, keys) for one in found]
        shut = sum(1 for one in found if one.sealed is not None and not opens(one))
        if shut:
            out.note(
                f"{shut} of them are sealed to a key that is not in"
                f" {settings.answers_private_file}: read them where that key is"
            )
        columns = (*LISTED, "from", "words")
        if csv is not None:
            write_file(csv, _csv(columns, rows))
            if is_stdout(csv):
                return
            out.note(f"{len(rows)} answers written to {csv}: they hold people's words and numbers")
            out.answer({"file": str(csv), "answers": len(rows), "not_opened": shut})
            return
        out.answer({"answers": rows, "not_opened": shut}, *_lines(rows))

    run(work, out)


@app.command("keygen")
def keygen(
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="Where the private key goes, instead of its own place.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a pair of keys: write the private one to its own place, behind those that are there, and
    print the public one for FASTTIME_ANSWERS_KEY.
    """
    from broadcast.problems import refuse
    from config import answer_private_keys
    from console.commands.session import load_settings

    if file is not None and is_stdout(file):
        raise refuse(
            "key_needs_a_file",
            "a private key is written to no stream: a terminal or a log would keep it",
            "give the name of a file",
            field="--file",
        )
    settings = load_settings()
    place = file.absolute() if file is not None else settings.answers_private_file
    made = answer_private_keys.add(place)
    public = made.public.hex()
    out = Output(json=json)
    out.answer(
        {"public": public, "private_file": str(place)},
        f"FASTTIME_ANSWERS_KEY={public}",
    )
    out.note(
        f"the private key is in {place}: back it up, apart from the data, and on no web server"
    )


def _wanted(message: int | None, unsorted: bool) -> int | None:
    from broadcast.problems import refuse

    if (message is None) != unsorted:
        raise refuse(
            "usage",
            "say which answers",
            "give --message ID, or --unsorted",
            field="--message",
        )
    return message


def _opened(one: Answer, keys: list[OpeningKey]) -> dict[str, Any] | None:
    if one.sealed is None:
        return None
    return next((found for key in keys if (found := key.opened(one.sealed)) is not None), None)


def _words(one: Answer, keys: list[OpeningKey]) -> dict[str, Any]:
    found = _opened(one, keys)
    if found is None:
        return {"from": None, "words": None}
    return {"from": str(found.get("from", "")), "words": str(found.get("words", ""))}


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        about = f"message {row['message']}" if row["message"] is not None else "unsorted"
        flag = " URGENT" if row["urgent"] else ""
        world = f" {row['status'].upper()}" if row["status"] != "Actual" else ""
        yield f"{row['id']}  {row['at']}  {about}{world}{flag}  from {row['from'] or 'sealed'}"
        said = "(erased)" if row["erased"] else "(sealed to another key)"
        yield f"    {said if row['words'] is None else row['words']}"


def _csv(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> Iterator[str]:
    from broadcast.files.csv_files import escape, write_rows

    return write_rows(columns, ([escape(_cell(row[name])) for name in columns] for row in rows))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
