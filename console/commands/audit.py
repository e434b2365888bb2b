"""fasttime audit: who decided, set up, exported and looked up what, and whether that record is
still whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from console.command_group import Group
from console.commands.options import Json
from console.output import Output

if TYPE_CHECKING:
    from broadcast.operators.audit import Head

app = typer.Typer(
    cls=Group,
    name="audit",
    help="The chained record of decisions, set-up, exports and look-ups.",
    no_args_is_help=True,
)

_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


@app.command("list")
def list_(
    after: Annotated[
        int,
        typer.Option(
            "--after", min=0, max=2**31 - 1, help="Only what follows on this number.", metavar="N"
        ),
    ] = 0,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="At most so many.", metavar="N")
    ] = 1000,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="Only decision, admin, export or look_up.", show_default=False),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject", help="Only about this, as the column shows it.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print the links of the audit chain in their order."""
    from broadcast.operators import audit
    from console.commands.session import Session, run

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.log("audit.list", f"after {after}")
        found = await session.db.read(audit.listed, after, limit, kind=kind, subject=subject)
        shown = ("number", "at", "kind", "actor", "action", "subject", "detail")
        out.table(
            found,
            tuple(name.upper() for name in shown),
            [tuple(link[name] for name in shown) for link in found],
        )

    run(work, out)


@app.command("verify")
def verify(
    head: Annotated[
        str,
        typer.Option(
            "--head",
            metavar="N:HASH",
            help="A head that was seen before: it must still be there.",
            show_default=False,
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Check every link and every decision; exit 1 naming the first broken one. Without a head of
    before, a chain written anew as a whole is not noticed.
    """
    from broadcast.operators import audit
    from console.commands.session import Session, run

    out = Output(json=json)
    published = read_head(head) if head.strip() else None

    async def work(session: Session) -> bool:
        now, broken = await session.db.read(
            lambda conn: (audit.head(conn), audit.verify(conn, published))
        )
        document = {
            "ok": broken is None,
            "head": {"number": now.number, "hash": now.hash} if now else None,
            "broken": {"number": broken.number, "what": broken.what} if broken else None,
        }
        if broken is None:
            out.answer(document, f"whole; its head is {now}" if now else "empty")
        else:
            where = "a decision" if broken.number is None else f"link {broken.number}"
            out.answer(document, f"BROKEN at {where}: {broken.what}")
        return broken is None

    if not run(work, out):
        raise typer.Exit(1)


def read_head(text: str) -> Head:
    """Return the head that N:HASH names; raises Rejected (exit 2)."""
    from broadcast.operators.audit import Head
    from broadcast.problems import refuse

    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        raise refuse(
            "head_invalid",
            "that is no head of the audit chain",
            "write N:HASH as /healthz and `audit verify` print it",
            field="--head",
        )
    return Head(int(found[1]), found[2])
