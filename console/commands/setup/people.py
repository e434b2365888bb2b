"""fasttime subscribers find, add, edit, stop, start: one person at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from console.commands.options import Json
from console.output import Output, is_stdout, problem_json, write_file

if TYPE_CHECKING:
    from broadcast.store.database import Connection
    from console.commands.session import Session
    from service.setup.people import World

Person = Annotated[
    str, typer.Argument(metavar="ID", help="The number, or the external id.", show_default=False)
]
Channel = Annotated[str, typer.Option("--channel", help="sms, voice or email.", show_default=False)]


FIELDS = {
    "name": "What they are called.",
    "kind": "resident, business, partner or officer.",
    "email": "E-mail address.",
    "mobile": "Mobile number, for texts and calls.",
    "phone": "Number for calls alone.",
    "language": "Language tag, such as cy.",
    "postcode": "Postcode.",
    "lat": "Degrees north.",
    "lon": "Degrees east; west is negative: --lon=-0.13.",
    "area": "Code of an area, where the place is not known.",
    "sectors": "Names with ; between.",
    "communities": "Names with ; between.",
    "topics": "With ; between; empty is all but exercise.",
    "channels": "sms, voice, email with ; between, in order of choice.",
    "minimum_severity": "Nothing below it; empty is everything.",
    "quiet_hours": "Such as 22:00-07:00 Europe/London.",
    "by_topic": 'Severity and channels of single topics: "incident Severe sms>email;appeal email".',
    "places": 'Other places: "work E09000033;visiting SW1A 2AA until 2026-12-24T18:00Z".',
    "other_languages": "Language tags with ; between, where there is no text in the first.",
    "discreet": "yes or no: neutral sender and first words, no voicemail, never in exercises.",
    "most_a_week": "Routine messages a week at most; empty is any number.",
    "providers_off": "Information providers of whom they want nothing routine, with ; between.",
}
"""What one may say of a person, by the column of the file: its option, and what the help says."""


def _with_fields(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with an option for each of `FIELDS`, before `--json`; the command gets
    those that were given as `fields`.
    """

    @wraps(command)
    def run(**given: Any) -> None:
        said = {name: given.pop(name) for name in FIELDS}
        command(**given, fields={n: value for n, value in said.items() if value is not None})

    options = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(f"--{name.replace('_', '-')}", help=told, show_default=False),
            ],
        )
        for name, told in FIELDS.items()
    ]
    hints = get_type_hints(command, include_extras=True)
    own = [
        p.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, p in signature(command).parameters.items()
        if name != "fields"
    ]
    parameters = [*own[:-1], *options, own[-1]]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


@_with_fields
def add(
    external_id: Annotated[
        str, typer.Option("--external-id", help="What other books call them.", show_default=False)
    ],
    basis: Annotated[
        str,
        typer.Option(
            "--basis",
            help="The legal basis on which exactly these channels and topics are used.",
            show_default=False,
        ),
    ],
    fields: dict[str, str],
    json: Json = False,
) -> None:
    """Register one person with their consent, by the rules of the file."""
    from console.commands.session import machine_user
    from service.setup import people

    person = {"external_id": external_id, **fields}
    _one(
        json,
        lambda conn, world, now: people.add(
            conn, machine_user(), person, basis=basis, world=world, now=now
        ),
    )


@_with_fields
def edit(
    subscriber: Person,
    fields: dict[str, str],
    basis: Annotated[
        str,
        typer.Option("--basis", help="Of other channels or topics: they are another consent."),
    ] = "",
    json: Json = False,
) -> None:
    """Change one person: only the fields given; an empty one ("") is cleared."""
    from broadcast.problems import refuse
    from console.commands.session import machine_user
    from service.setup import people

    if not fields and not basis:
        raise refuse(
            "nothing_to_change",
            "no field is given",
            "give what changes, such as --mobile; see `fasttime subscribers edit --help`",
            field="--…",
        )
    _one(
        json,
        lambda conn, world, now: people.edit(
            conn, machine_user(), subscriber, fields, basis=basis, world=world, now=now
        ),
    )


def find(
    written: Annotated[
        list[str],
        typer.Argument(
            metavar="WRITTEN…",
            help="External ids, numbers or addresses; - reads them from stdin, one a line.",
            show_default=False,
        ),
    ],
    json: Json = False,
) -> None:
    """Find people by external id, telephone number or e-mail address, and show them masked."""
    from broadcast.files.csv_files import read_file
    from console.commands.session import machine_user, run
    from service.setup import people_meant

    out = Output(json=json)
    if written == ["-"]:  # what is typed as a word stays in the shell's history
        written = read_file(Path("-")).decode(errors="replace").splitlines()
    texts = people_meant.check([text for text in written if text.strip()])

    async def work(session: Session) -> None:
        found = await session.db.write(
            people_meant.find,
            machine_user(),
            texts,
            trial_numbers=session.settings.allows_trial_numbers,
            now=session.now(),
        )
        shown = ("id", "external_id", "name", "mobile", "phone", "email")
        rows = [
            [text, *(person[name] for name in shown)]
            for text, people in found.items()
            for person in people or [{**dict.fromkeys(shown), "id": "nobody"}]
        ]
        out.table(people_meant.told(found), ("written", "person", *shown[1:]), rows)

    run(work, out, with_channels=False)


Why = Annotated[
    str, typer.Option("--why", help="On whose word: it goes on record.", show_default=False)
]


def stop(subscriber: Person, channel: Channel, json: Json = False) -> None:
    """Stop a channel for one person, as they asked."""
    from console.commands.session import machine_user
    from service.setup import people

    _one(
        json,
        lambda conn, world, now: people.stop(
            conn, machine_user(), subscriber, channel, world=world, now=now
        ),
    )


def start(
    subscriber: Person,
    channel: Channel,
    why: Why,
    json: Json = False,
) -> None:
    """Lift one person's stop of a channel, who asked for it."""
    from console.commands.session import machine_user
    from service.setup import people

    _one(
        json,
        lambda conn, world, now: people.start(
            conn, machine_user(), subscriber, channel, why, world=world, now=now
        ),
    )


def join(
    subscriber: Person,
    others: Annotated[
        list[str],
        typer.Argument(metavar="ID…", help="Other registrations of theirs.", show_default=False),
    ],
    why: Why,
    json: Json = False,
) -> None:
    """Say that several registrations are one person, who gets a routine message once."""
    from console.commands.session import machine_user
    from service.setup import people

    _one(
        json,
        lambda conn, world, now: people.join(
            conn, machine_user(), subscriber, others, why, world=world, now=now
        ),
    )


def part(subscriber: Person, why: Why, json: Json = False) -> None:
    """Say that a registration is a person of its own, whatever its name and contact."""
    from console.commands.session import machine_user
    from service.setup import people

    _one(
        json,
        lambda conn, world, now: people.part(
            conn, machine_user(), subscriber, why, world=world, now=now
        ),
    )


def erase(
    subscriber: Person,
    why: Why,
    json: Json = False,
) -> None:
    """Erase one person for good, as they asked: nothing brings them back but themselves."""
    from console.commands.session import machine_user, run
    from service.setup import people

    out = Output(json=json)

    async def work(session: Session) -> None:
        world = people.World(
            tree=await session.tree(), trial_numbers=session.settings.allows_trial_numbers
        )
        told = await session.db.write(
            people.erase, machine_user(), subscriber, why, world=world, now=session.now()
        )
        if not await session.db.scrub():
            out.note(
                "what is deleted still lies in the database's side file (-wal), which is in use:"
                " it goes when fasttime up is restarted"
            )
        out.answer(told, f"person {told['id']} is erased")

    run(work, out)


def erased(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", show_default=False)],
    json: Json = False,
) -> None:
    """Write keyed marks of who was erased, to be kept apart from backups; they tell no name."""
    from console.commands.session import run
    from service.setup import erasures

    out = Output(json=json)

    async def work(session: Session) -> None:
        await session.db.read(lambda conn: write_file(output, erasures.listed(conn)))
        if not is_stdout(output):
            out.answer({"file": str(output)}, f"written to {output}")

    run(work, out, with_channels=False)


def erase_again(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    json: Json = False,
) -> None:
    """Erase again whom a restore of an older backup brought back, by a list that `erased` wrote."""
    from broadcast.files.csv_files import read_file
    from broadcast.messages import small_counts
    from console.commands.session import machine_user, run
    from service.setup import erasures

    out = Output(json=json)
    lines = read_file(file).splitlines()

    async def work(session: Session) -> None:
        who, now = machine_user(), session.now()
        told = await session.db.write(erasures.erase_again, who, lines, now)
        if not await session.db.scrub():
            out.note(
                "what is deleted still lies in the database's side file (-wal), which is in use:"
                " it goes when fasttime up is restarted"
            )
        erased = len(told["erased"])
        were = f"{small_counts.people(erased)} {'was' if erased == 1 else 'were'}"
        out.answer(told, f"{were} here again, and {'is' if erased == 1 else 'are'} erased")

    run(work, out, with_channels=False)


def _one(json: bool, do: Callable[[Connection, World, Any], tuple[dict[str, Any], Any]]) -> None:
    """Do one act on one person and print them as they stand then."""
    from console.commands.session import run
    from service.setup.people import World

    out = Output(json=json)

    async def work(session: Session) -> None:
        world = World(
            tree=await session.tree(), trial_numbers=session.settings.allows_trial_numbers
        )
        now = session.now()
        person, more = await session.db.write(lambda conn: do(conn, world, now))
        if isinstance(more, bool):
            if not more:
                out.note("it was so already: nothing was changed")
            told = {**person, "changed": more}
        else:
            out.warn(more)
            told = {**person, "warnings": [problem_json(p) for p in more]}
        reached = ", ".join(person["channels"]) or "nothing"
        stopped = f", stopped {', '.join(person['stopped'])}" if person["stopped"] else ""
        out.answer(
            told,
            f"person {person['id']} ({person['external_id']}): by {reached}{stopped}",
            f"see fasttime subscribers show {person['id']}",
        )

    run(work, out)


def attach(app: typer.Typer) -> None:
    """Add the commands to `fasttime subscribers`."""
    for command in (find, add, edit, stop, start, join, part, erase, erased):
        app.command()(command)
    app.command("erase-again")(erase_again)
