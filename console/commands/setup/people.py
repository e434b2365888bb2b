"""fasttime subscribers add, edit, stop, start: one person at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.options import Json
from console.output import Output, problem_json

if TYPE_CHECKING:
    from broadcast.store.database import Connection
    from console.commands.session import Session
    from service.setup.people import World

Person = Annotated[
    str, typer.Argument(metavar="ID", help="The number, or the external id.", show_default=False)
]
Channel = Annotated[str, typer.Option("--channel", help="sms, voice or email.", show_default=False)]


ExternalId = Annotated[
    str, typer.Option("--external-id", help="What other books call them.", show_default=False)
]
Name = Annotated[
    str | None, typer.Option("--name", help="What they are called.", show_default=False)
]
Kind = Annotated[
    str | None,
    typer.Option("--kind", help="resident, business, partner or officer.", show_default=False),
]
Email = Annotated[str | None, typer.Option("--email", help="E-mail address.", show_default=False)]
Mobile = Annotated[
    str | None,
    typer.Option("--mobile", help="Mobile number, for texts and calls.", show_default=False),
]
Phone = Annotated[
    str | None, typer.Option("--phone", help="Number for calls alone.", show_default=False)
]
Language = Annotated[
    str | None, typer.Option("--language", help="Language tag, such as cy.", show_default=False)
]
Postcode = Annotated[str | None, typer.Option("--postcode", help="Postcode.", show_default=False)]
Lat = Annotated[str | None, typer.Option("--lat", help="Degrees north.", show_default=False)]
Lon = Annotated[
    str | None,
    typer.Option("--lon", help="Degrees east; west is negative: --lon=-0.13.", show_default=False),
]
Area = Annotated[
    str | None,
    typer.Option(
        "--area", help="Code of an area, where the place is not known.", show_default=False
    ),
]
Sectors = Annotated[
    str | None, typer.Option("--sectors", help="Names with ; between.", show_default=False)
]
Communities = Annotated[
    str | None, typer.Option("--communities", help="Names with ; between.", show_default=False)
]
Topics = Annotated[
    str | None,
    typer.Option("--topics", help="With ; between; empty is all but exercise.", show_default=False),
]
Channels = Annotated[
    str | None,
    typer.Option(
        "--channels",
        help="sms, voice, email with ; between, in order of choice.",
        show_default=False,
    ),
]
Severity = Annotated[
    str | None,
    typer.Option(
        "--minimum-severity", help="Nothing below it; empty is everything.", show_default=False
    ),
]
Quiet = Annotated[
    str | None,
    typer.Option("--quiet-hours", help="Such as 22:00-07:00 Europe/London.", show_default=False),
]

ByTopic = Annotated[
    str | None,
    typer.Option(
        "--by-topic",
        help='Severity and channels of single topics: "incident Severe sms>email;appeal email".',
        show_default=False,
    ),
]


def add(
    external_id: ExternalId,
    basis: Annotated[
        str,
        typer.Option(
            "--basis",
            help="The legal basis on which exactly these channels and topics are used.",
            show_default=False,
        ),
    ],
    name: Name = None,
    kind: Kind = None,
    email: Email = None,
    mobile: Mobile = None,
    phone: Phone = None,
    language: Language = None,
    postcode: Postcode = None,
    lat: Lat = None,
    lon: Lon = None,
    area: Area = None,
    sectors: Sectors = None,
    communities: Communities = None,
    topics: Topics = None,
    channels: Channels = None,
    minimum_severity: Severity = None,
    quiet_hours: Quiet = None,
    by_topic: ByTopic = None,
    json: Json = False,
) -> None:
    """Register one person with their consent, by the rules of the file."""
    from console.commands.session import machine_user
    from service.setup import people

    fields = _given(locals())
    _one(
        json,
        lambda conn, world, now: people.add(
            conn, machine_user(), fields, basis=basis, world=world, now=now
        ),
    )


def edit(
    subscriber: Person,
    basis: Annotated[
        str,
        typer.Option("--basis", help="Of other channels or topics: they are another consent."),
    ] = "",
    name: Name = None,
    kind: Kind = None,
    email: Email = None,
    mobile: Mobile = None,
    phone: Phone = None,
    language: Language = None,
    postcode: Postcode = None,
    lat: Lat = None,
    lon: Lon = None,
    area: Area = None,
    sectors: Sectors = None,
    communities: Communities = None,
    topics: Topics = None,
    channels: Channels = None,
    minimum_severity: Severity = None,
    quiet_hours: Quiet = None,
    by_topic: ByTopic = None,
    json: Json = False,
) -> None:
    """Change one person: only the fields given; an empty one ("") is cleared."""
    from broadcast.problems import refuse
    from console.commands.session import machine_user
    from service.setup import people

    fields = _given(locals())
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
    why: Annotated[
        str,
        typer.Option("--why", help="On whose word: it goes on record.", show_default=False),
    ],
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


Why = Annotated[
    str, typer.Option("--why", help="On whose word: it goes on record.", show_default=False)
]


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
    why: Annotated[
        str,
        typer.Option("--why", help="On whose word: it goes on record.", show_default=False),
    ],
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


def _given(values: dict[str, Any]) -> dict[str, str]:
    """Return the options that were given, by the column that they stand for."""
    from subscribers.people_file.record import COLUMNS

    return {name: values[name] for name in COLUMNS if values.get(name) is not None}


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
    for command in (add, edit, stop, start, join, part, erase):
        app.command()(command)
