"""fasttime keys: the keys that names and contact points are sealed with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

if TYPE_CHECKING:
    from console.commands.session import Session

app = typer.Typer(
    cls=Group,
    name="keys",
    help="The keys that names and contact points are sealed with.",
    no_args_is_help=True,
)


@app.command("list")
def list_(json: Json = False) -> None:
    """Print which keys this database knows, and how much each seals and marks; never the keys."""
    from console.commands.session import run
    from subscribers.contact import rotation

    out = Output(json=json)

    async def work(session: Session) -> None:
        found = [key._asdict() for key in await session.db.read(rotation.held)]
        for key in found:
            key["since"] = key["since"].isoformat()
        shown = ("key_id", "state", "since", "sealed", "erased", "answers")
        out.table(
            found,
            tuple(name.upper() for name in shown),
            [tuple(key[name] for name in shown) for key in found],
        )

    run(work, out, with_channels=False)


@app.command("rotate")
def rotate(json: Json = False) -> None:
    """Seal everything with a new key, while sending goes on; run it again after a crash."""
    from console.commands.session import run
    from service.setup import keys

    out = Output(json=json)

    async def work(session: Session) -> None:
        source = session.settings.contact_keys
        await session.log("keys.rotate", source.where())

        def told(done: int) -> None:
            if not json and done % 50_000 < 1_000:
                sys.stderr.write(f"sealed {done} anew\n")

        old, new, done = await keys.rotate(session.db, source, session.now, told)
        out.answer(
            {"old": old, "new": new, "sealed": done, "where": source.where()},
            f"{done} names and contact points are sealed with the key {new}",
            f"keep the key {old} in {source.where()} as long as a backup needs it",
        )

    run(work, out, with_channels=False)
