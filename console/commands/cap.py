"""fasttime cap: CAP 1.2 documents judged, kept as received, and given back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.command_group import Group
from console.commands.options import Json, OutputFile
from console.output import Output

if TYPE_CHECKING:
    from console.commands.session import Session

app = typer.Typer(cls=Group, name="cap", help="CAP 1.2 documents.", no_args_is_help=True)

# the verdict on what is larger than 1 MiB is the validator's; this only spares the memory
_MAX_BYTES = 16 << 20


@app.command("validate")
def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="- reads stdin.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Judge documents by the rules of CAP; exit 1 if any is rejected. Needs no database."""
    from broadcast.cap.validation.validate import validate as judge

    out = Output(json=json)
    verdicts = [(str(file), judge(_read(file))) for file in files]
    lines = []
    for name, verdict in verdicts:
        lines.append(f"{name}: {verdict.verdict}")
        lines += [
            f"  {'rejects' if rule.severity == 'reject' else 'warns'} {rule.rule} {rule.where}:"
            f" found {rule.found}, expected {rule.expected}"
            for rule in verdict.rules
        ]
    out.answer([verdict.to_json(name) for name, verdict in verdicts], *lines)
    if any(verdict.verdict == "reject" for _, verdict in verdicts):
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    """Return a file's bytes, the first of a very large one: they are too many for any verdict but
    one.
    """
    import sys

    from broadcast.files.csv_files import read_file
    from broadcast.problems import Rejected

    if str(file) == "-":
        return sys.stdin.buffer.read(_MAX_BYTES)
    try:
        return read_file(file, max_bytes=_MAX_BYTES)
    except Rejected as rejected:
        if rejected.problems[0].code != "file_too_large":
            raise
        with file.open("rb") as opened:
            return opened.read(_MAX_BYTES)


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="- reads stdin.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Keep a document as received. It is never sent: `message draft` makes a message of it."""
    from broadcast.files.csv_files import name_of
    from broadcast.problems import Problem
    from console.commands.session import machine_user, run
    from service.setup import cap_documents

    out = Output(json=json)

    async def work(session: Session) -> None:
        data, name = _read(file), name_of(file)
        verdict, alert = cap_documents.read(data, name)
        out.warn(
            Problem(
                code=r.rule,
                detail=f"found {r.found}",
                fix=f"expected {r.expected}",
                where=f"{name}: {r.where}",
            )
            for r in verdict.rules
        )
        fresh = await session.db.write(
            cap_documents.bring_in, machine_user(), alert, data, name=name, now=session.now()
        )
        document = {
            "sender": alert.sender,
            "identifier": alert.identifier,
            "sent": alert.sent,
            "verdict": verdict.verdict,
            "duplicate": not fresh,
            "signatures": "not_checked" if alert.signatures else "none",
        }
        signed = " Its signature was not checked." if alert.signatures else ""
        out.answer(
            document,
            f"{alert.identifier} of {alert.sender} is {'kept' if fresh else 'kept already'};"
            f" nothing was sent.{signed}",
        )

    run(work, out)


@app.command("export")
def export(
    id_: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A message's number, or the identifier of a document.",
            show_default=False,
        ),
    ],
    output: OutputFile = None,
    json: Json = False,
) -> None:
    """Print a document byte for byte: of a message as published, or of an import as received."""
    import sys

    from broadcast.problems import refuse
    from console.commands.session import run

    out = Output(json=json)

    async def work(session: Session) -> bytes:
        await session.log("cap.export", id_)
        found = await _document(session, id_)
        if found is None:
            raise refuse(
                "document_unknown",
                "no message and no imported document has that number or identifier",
                "see `fasttime message list`",
                field="ID",
                status=404,
            )
        return found

    document = run(work, out)
    output = None if str(output) == "-" else output
    if output is not None:
        try:
            output.write_bytes(document)
        except OSError as error:
            raise refuse(
                "file_not_written",
                f"{output}: {error.strerror}",
                "choose a folder that this user may write to",
                field="--output",
            ) from None
    if json:
        out.answer(
            {
                "id": id_,
                "file": str(output) if output else None,
                "document": None if output else document.decode("utf-8", "replace"),
            }
        )
    elif output is None:
        sys.stdout.buffer.write(document)
        sys.stdout.buffer.flush()


async def _document(session: Session, name: str) -> bytes | None:
    from broadcast.cap import kept
    from broadcast.messages import versions
    from broadcast.problems import Rejected
    from service.commands import reading

    if name.isascii() and name.isdigit() and len(name) < 10:
        try:
            v = await reading.head(session.context, int(name))
        except Rejected:
            pass  # an identifier may be a number too
        else:
            existing = await session.db.read(versions.of_message, v.message_id)
            return await reading.cap_of(session.context, existing)
    return await session.db.read(kept.published, identifier=name) or kept.one(
        await session.db.read(kept.find, name)
    )
