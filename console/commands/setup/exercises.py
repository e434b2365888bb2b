"""fasttime exercises: what the public is told of exercises beforehand. What acts does so as the
person of FASTTIME_TOKEN.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

if TYPE_CHECKING:
    from broadcast.exercises.planned import Planned
    from broadcast.operators.operators import Operator
    from console.commands.session import Session
    from service.commands.unit_of_work import Act

app = typer.Typer(
    cls=Group,
    name="exercises",
    help="Planned exercises: what the public page tells beforehand.",
    no_args_is_help=True,
)

_Id = Annotated[
    int, typer.Argument(metavar="ID", help="The planned exercise's number.", show_default=False)
]
_MOMENT = "2026-12-01T09:00+00:00"


@app.command("plan")
def plan(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What it is called.", show_default=False)
    ],
    area: Annotated[
        str, typer.Option("--area", metavar="CODE", help="Where it is.", show_default=False)
    ],
    from_: Annotated[
        str,
        typer.Option("--from", metavar="TIME", help=f"As {_MOMENT}.", show_default=False),
    ],
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="When it is over.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Plan an exercise; the public sees it once another person approves it."""
    from service.commands import exercising

    async def work(session: Session, actor: Operator) -> Act[Planned]:
        return await exercising.plan(session.context, actor, name, area, from_, until)

    _act(json, work)


@app.command("approve")
def approve(id_: _Id, json: Json = False) -> None:
    """Show a planned exercise on the public page, as another person than who planned it."""
    from service.commands import exercising

    async def work(session: Session, actor: Operator) -> Act[Planned]:
        return await exercising.approve(session.context, actor, id_)

    _act(json, work)


@app.command("cancel")
def cancel(id_: _Id, json: Json = False) -> None:
    """Take a planned exercise from the public page."""
    from service.commands import exercising

    async def work(session: Session, actor: Operator) -> Act[Planned]:
        return await exercising.cancel(session.context, actor, id_)

    _act(json, work)


@app.command("list")
def list_(json: Json = False) -> None:
    """Print every planned exercise, the newest first."""
    from broadcast.exercises import planned
    from broadcast.wording.times import table_time
    from console.commands.session import run

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("exercises.list", "")
        zone = session.settings.timezone
        found = await session.db.read(planned.listed)
        out.table(
            [each.to_json() for each in found],
            ("ID", "NAME", "WHERE", "FROM", "UNTIL", "STATE"),
            [
                (
                    each.id,
                    each.name,
                    f"{each.area_name} ({each.area})",
                    table_time(each.starts, zone),
                    table_time(each.ends, zone),
                    each.state,
                )
                for each in found
            ],
        )

    run(work, out)


def _act(json: bool, work: Callable[[Session, Operator], Awaitable[Act[Planned]]]) -> None:
    from console.commands.session import run
    from service.commands.unit_of_work import commit

    out = Output(json=json)

    async def inside(session: Session) -> None:
        done = await commit(session.db, await work(session, await session.person()))
        says = f"exercise {done.id}: {done.name} in {done.area_name} ({done.area}), {done.state}"
        more = (
            [f"next, by another person: fasttime exercises approve {done.id}"]
            if done.state == "planned"
            else []
        )
        out.answer(done.to_json(), says, *more)

    run(inside, out)
