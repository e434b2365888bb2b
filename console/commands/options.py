"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
MessageId = Annotated[
    int, typer.Argument(metavar="ID", help="The message's number.", show_default=False)
]
MessageFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="The text: .yaml, .json or .cap.xml; - reads it from stdin.",
        show_default=False,
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="A file; - is stdout, as is none.", show_default=False),
]
Why = Annotated[
    str, typer.Option("--why", help="The reason, kept with the message.", show_default=False)
]
