"""fasttime operators: who may act, and the personal token of each."""

from __future__ import annotations

from typing import Annotated

import typer

from console.command_group import Group
from console.commands.options import Json, Yes
from console.output import Output, problem_json

app = typer.Typer(
    cls=Group, name="operators", help="Who may act: a personal token each.", no_args_is_help=True
)


@app.command("add")
def add(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The person's name; never used again.", show_default=False
        ),
    ],
    role: Annotated[
        str,
        typer.Option(
            "--role",
            help="author, approver, operator, administrator or auditor.",
            show_default=False,
        ),
    ],
    area: Annotated[
        str,
        typer.Option(
            "--area", metavar="CODE", help="The control room's area; left out: the whole tree."
        ),
    ] = "",
    email: Annotated[
        str, typer.Option("--email", help="Two accounts with one address are one person.")
    ] = "",
    may_set: Annotated[
        list[str],
        typer.Option(
            "--may-set",
            metavar="SCOPE",
            help=(
                "A level this person may set beside their area's: UK, a code, community:NAME,"
                " sector:NAME; repeat it."
            ),
        ),
    ] = [],  # noqa: B006 - typer reads the default, nothing changes it
    json: Json = False,
) -> None:
    """Make an operator and print their token, once."""
    from console.commands.session import Session, machine_user, run
    from service.setup import operators

    out = Output(json=json)

    async def work(session: Session) -> None:
        tree = await session.tree() if area.strip() else ()
        made, token, warnings = await session.db.write(
            operators.add,
            machine_user(),
            name,
            role,
            area=area,
            email=email,
            may_set=may_set,
            known_area=lambda code: code in tree,
            now=session.now(),
        )
        out.warn(warnings)
        document = {
            "id": made.id,
            "name": made.name,
            "role": made.role,
            "area": made.area,
            "may_set": list(made.may_set),
            "token": token,
        }
        words = (
            f"{made.name} is {made.role} number {made.id}{f' of {made.area}' if made.area else ''}."
            " The token, shown this once:"
        )
        out.answer({**document, "warnings": [problem_json(w) for w in warnings]}, words, token)

    run(work, out)


@app.command("list")
def list_(json: Json = False) -> None:
    """Print every operator, without their tokens."""
    from broadcast.operators import operators
    from console.commands.session import Session, run

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("operators.list", "")
        found = await session.db.read(operators.listed)
        out.table(
            found,
            ("ID", "NAME", "ROLE", "AREA", "DISABLED"),
            [tuple(o[key] for key in ("id", "name", "role", "area", "disabled")) for o in found],
        )

    run(work, out)


@app.command("disable")
def disable(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Take an operator's token away for good."""
    from console.commands.session import Session, machine_user, run
    from service.setup import operators

    out = Output(json=json)

    async def work(session: Session) -> None:
        out.confirm(f"{name} can do nothing any more, and the name is never used again.", yes=yes)
        await session.db.write(operators.disable, machine_user(), name, session.now())
        out.answer({"name": name, "disabled": True}, f"{name} is disabled")

    run(work, out)


@app.command("invite")
def invite(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    json: Json = False,
) -> None:
    """Print a link by which an operator signs in to the control room for the first time: once,
    within 15 minutes.
    """
    from console.commands.session import Session, machine_user, run
    from service import sign_in

    out = Output(json=json)

    async def work(session: Session) -> None:
        called, now = " ".join(name.split()), session.now()
        secret = await sign_in.invite(session.db, called, actor=machine_user(), now=now)
        link = f"{session.settings.public_url}/room/invitation/{secret}"
        until = now + sign_in.INVITATION_LASTS
        out.answer(
            {"name": called, "link": link, "until": until.isoformat()},
            f"{called} signs in by this link, once, before {until:%H:%M} UTC:",
            link,
        )

    run(work, out)


@app.command("forget-passkeys")
def forget_passkeys(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove the passkeys of an operator who lost theirs, and end their sessions: their token alone
    signs in again.
    """
    from console.commands.session import Session, machine_user, run
    from service import passkeys

    out = Output(json=json)

    async def work(session: Session) -> None:
        called = " ".join(name.split())
        out.confirm(
            f"Remove every passkey of {called}? Make sure that it is they who ask.", yes=yes
        )
        count = await passkeys.forget(session.db, called, actor=machine_user(), now=session.now())
        out.answer(
            {"name": called, "passkeys": count},
            f"{called}: {count} passkey{'' if count == 1 else 's'} removed, sessions ended",
        )

    run(work, out)
