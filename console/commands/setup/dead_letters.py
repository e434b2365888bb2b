"""fasttime dead-letters: what was put aside; listed, handed over again, or closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

if TYPE_CHECKING:
    from broadcast.events.dead_letters import DeadLetter

app = typer.Typer(
    cls=Group,
    name="dead-letters",
    help="What could not be handled and was put aside: handed over again, or closed.",
    no_args_is_help=True,
)

_Number = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER",
        min=1,
        max=2**31 - 1,
        help="As `dead-letters list` prints it.",
        show_default=False,
    ),
]


@app.command("list")
def list_(json: Json = False) -> None:
    """Print what was put aside: what is open first, then the newest that was closed."""
    from broadcast.events import dead_letters
    from broadcast.wording.times import table_time
    from console.commands.session import Session, run

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("dead_letters.list", "")
        zone = session.settings.timezone
        found = await session.db.read(dead_letters.listed)
        out.table(
            [each.to_json() for each in found],
            ("NUMBER", "SINCE", "WHAT", "OF", "ERROR", "CLOSED", "BY", "WHY"),
            [
                (
                    each.id,
                    table_time(each.at, zone),
                    each.what,
                    each.key,
                    each.error,
                    table_time(each.closed_at, zone) if each.closed_at else "open",
                    each.closed_by,
                    each.why,
                )
                for each in found
            ],
        )

    run(work, out)


@app.command("retry")
def retry(number: _Number, json: Json = False) -> None:
    """Hand one to its processor again, which closes it; what fails again is put aside under a new
    number. Recorded.
    """
    from service.setup import upkeep

    _act(json, upkeep.retry_dead_letter, number, "was handed over again")


@app.command("close")
def close(
    number: _Number,
    why: Annotated[
        str,
        typer.Option("--why", metavar="TEXT", help="What was done about it.", show_default=False),
    ],
    json: Json = False,
) -> None:
    """Close one that was seen to, and say what was done. Recorded."""
    from service.setup import upkeep

    _act(json, upkeep.close_dead_letter, number, "is closed", why=why)


def _act(json: bool, do: Callable[..., DeadLetter], number: int, says: str, **more: Any) -> None:
    from console.commands.session import Session, machine_user, run

    out = Output(json=json)

    async def work(session: Session) -> None:
        done = await session.db.write(do, machine_user(), number, **more, now=session.now())
        out.answer(done.to_json(), f"{done.id}: {done.what} {done.key} {says}")

    run(work, out, with_channels=False)
