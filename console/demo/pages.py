"""What the demonstration leaves behind: its public pages as files, which need nothing of it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from broadcast.problems import Rejected
from console.pages import static_site
from service.installation import Service

ADDRESS = "http://127.0.0.1:8080"
"""Where the pages say that they are: there the advised command serves them."""


async def leave(out: Console, service: Service, folder: Path) -> None:
    """Write the public pages into the folder, and say how they are looked at once the service is
    gone. What an earlier demonstration wrote there is replaced; a folder of anybody else's stays.
    """
    settings = replace(service.settings, public_url=ADDRESS)
    context = service.context
    try:
        await static_site.build(
            static_site.Stored(settings, service.db, context, context.now), folder
        )
    except Rejected as refused:
        out.print(f"\nThe public pages could not be kept: {refused.problems[0].detail}")
        return
    for line in how_to_look(folder):
        out.print(line, markup=False, soft_wrap=True)


def how_to_look(folder: Path) -> tuple[str, ...]:
    """Return what is said of the pages in the folder: a command, and the page to open."""
    port = ADDRESS.rpartition(":")[2]
    return (
        f"\nThe demo's service ends now. Its public pages stay, as files in {folder}:",
        f"  python3 -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(folder))} {port}",
        f"  then open {ADDRESS}/",
    )
