"""fasttime operators: who may act, and the personal token of each."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.commands.options import Json, Yes
from console.group import Group
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
    from broadcast.levels.scales import normalise_scope
    from broadcast.operators import operators
    from broadcast.problems import Problem
    from console.commands.session import Session, machine_user, run
    from subscribers.csv_import import normalise_email

    out = Output(json=json)

    async def work(session: Session) -> None:
        code = area.strip().upper() or None
        address = normalise_email(email) if email.strip() else None
        known = code is None or code in await session.tree()
        granted = tuple(
            dict.fromkeys(normalise_scope(scope, field="--may-set") for scope in may_set)
        )
        added: dict[str, Any] = {
            "name": name,
            "role": role,
            "area": code,
            "email": address,
            "may_set": granted,
        }
        made, token = await session.db.write(
            operators.add, **added, actor=machine_user(), now=session.now()
        )
        warnings = []
        if not known:
            fix = "import it before this operator writes: see `fasttime areas import`"
            warnings.append(
                Problem(
                    code="area_unknown", detail=f"{code} was never imported", fix=fix, field="area"
                )
            )
        if address is None:
            detail = "without an e-mail address nobody can tell whether two accounts are one person"
            warnings.append(
                Problem(code="email_missing", detail=detail, fix="give --email", field="email")
            )
        out.warn(warnings)
        document = {
            "id": made.id,
            "name": made.name,
            "role": made.role,
            "area": made.area,
            "may_set": list(granted),
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
    """Make an operator's token worthless from now on."""
    from broadcast.operators import operators
    from console.commands.session import Session, machine_user, run

    out = Output(json=json)

    async def work(session: Session) -> None:
        out.confirm(f"{name} can do nothing any more, and the name is never used again.", yes=yes)
        await session.db.write(
            operators.disable, " ".join(name.split()), session.now(), actor=machine_user()
        )
        out.answer({"name": name, "disabled": True}, f"{name} is disabled")

    run(work, out)
