"""fasttime demo, up, web, relay, worker: the processes. Each is a thin door to where it is
written.
"""

from __future__ import annotations

from typing import Annotated

import typer

from console.commands.options import Json

Host = Annotated[str, typer.Option("--host", help="The address to listen on.")]
Port = Annotated[
    int,
    typer.Option(
        "--port", min=0, max=65535, help="0 picks a free one; the address is printed first."
    ),
]

_HOST, _PORT = "127.0.0.1", 8000


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("demo")(demo)
    app.command("up")(up)
    app.command("web")(web)
    app.command("relay")(relay)
    app.command("worker")(worker)


def demo(
    people: Annotated[
        int, typer.Option("--people", min=1, max=5_000_000, help="How many invented people.")
    ] = 3200,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep its service up afterwards, until Ctrl-C.")
    ] = False,
    json: Json = False,
) -> None:
    """Do the main job on this machine alone, in a folder of its own, from nothing to a printed
    account; exit 1 if it does not add up.
    """
    from console.demo.run import run

    raise typer.Exit(run(people, stay, json))


def up(host: Host = _HOST, port: Port = _PORT) -> None:
    """Run the embedded service: doors and engine as two processes, watched. SIGTERM ends it within
    ten seconds.
    """
    from console.commands.session import load_settings
    from console.processes.up import run

    raise typer.Exit(run(load_settings(), host, port))


def web(host: Host = _HOST, port: Port = _PORT) -> None:
    """Run a cluster's web process: API, webhooks, pages."""
    from console.commands.session import load_settings
    from console.processes.cluster import web as run

    raise typer.Exit(run(load_settings(), host, port))


def relay() -> None:
    """Run a cluster's relay: from the outbox to Kafka."""
    from console.commands.session import load_settings
    from console.processes.cluster import relay as run

    raise typer.Exit(run(load_settings()))


def worker(
    role: Annotated[
        str, typer.Option("--role", help="match, urgent, routine or log.", show_default=False)
    ],
) -> None:
    """Run a cluster's worker in one role."""
    from console.commands.session import load_settings
    from console.processes.cluster import worker as run

    raise typer.Exit(run(load_settings(), role))
