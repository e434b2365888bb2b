"""fasttime sms: what a text costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

app = typer.Typer(cls=Group, name="sms", help="What a text costs.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Do nothing. A group with a callback keeps its single command, so that people type `sms
    segments`; without one, Typer would make it `sms`.
    """


_MAX_BYTES = 1 << 20  # nobody sends a text of a million characters


@app.command("segments", context_settings={"ignore_unknown_options": True})
def segments(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="A UTF-8 file, counted as it is: byte-order mark and newlines too.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Count encoding, segments and the characters that cost; never refuses a text."""
    from broadcast.content.segments import count
    from broadcast.files.csv_files import read_file
    from broadcast.problems import Problem, Rejected, refuse

    if (text is None) == (file is None):
        raise refuse(
            "text_missing",
            "give a text, or --file",
            'write `fasttime sms segments "the text"`',
            field="TEXT",
        )
    words = text or ""
    if file is not None:
        try:
            words = read_file(file, max_bytes=_MAX_BYTES).decode()
        except UnicodeDecodeError as error:
            raise Rejected(
                Problem(
                    code="bad_encoding",
                    detail=f"byte {error.start} is no UTF-8",
                    fix="save it as UTF-8 text",
                    where=file.name,
                )
            ) from None
    size = count(words)
    segments = f"{size.segments} segment{'s' if size.segments != 1 else ''}"
    unit = "septets" if size.encoding == "GSM-7" else "units of 16 bits"
    lines = [f"{size.encoding}: {segments}, {size.units} {unit}"]
    lines += [
        f"  costs: U+{ord(char):04X} {char if char.isprintable() else ''} at {position}"
        for char, position in size.costly[:50]
    ]
    if len(size.costly) > 50:
        lines.append(f"  and {len(size.costly) - 50} more")
    Output(json=json).answer(size.to_json(), *lines)
