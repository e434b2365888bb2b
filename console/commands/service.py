"""fasttime doctor, migrate, restored, simulator, bench: what keeps an installation well, and what
shows it at work.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.command_group import Group
from console.commands.options import Json, Yes
from console.output import Output

if TYPE_CHECKING:
    from broadcast.messages.versions import Version

Port = Annotated[
    int, typer.Option(min=0, max=65535, help="0 picks a free one; the address is printed first.")
]


site = typer.Typer(
    cls=Group,
    name="site",
    help="The public pages as files, for any web server.",
    no_args_is_help=True,
)


def attach(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("migrate")(migrate)
    app.command("doctor")(doctor)
    app.command("restored")(restored)
    app.command("simulator")(simulator)
    app.command("bench")(bench)
    app.add_typer(site)


def migrate(json: Json = False) -> None:
    """Bring the schema up to date and, in a cluster, make the topics."""
    import asyncio

    from console.commands.session import load_settings
    from console.processes.cluster import migrated
    from console.processes.data_folder import check_usable

    settings = load_settings()
    if settings.embedded:
        check_usable(settings.data)
    done = asyncio.run(migrated(settings))
    Output(json=json).answer({"done": done}, *done)


def restored(yes: Yes = False, json: Json = False) -> None:
    """Hold every unfinished message of a database that was just put back from a backup, before
    anything is started: what was sent since the copy was made would be sent again.
    """
    from console.commands.session import Session, machine_user, run
    from service.setup import restoring

    out = Output(json=json)

    def told(v: Version) -> dict[str, Any]:
        return {"message": v.message_id, "version": v.number, "headline": v.content.headline}

    def named(v: Version) -> str:
        return "message {message} version {version}: {headline}".format(**told(v))

    async def work(session: Session) -> None:
        out.confirm("Every message that is approved or live here is held.", yes=yes)
        found = await session.db.write(restoring.hold_everything, machine_user(), session.now())
        lines = [f"held, was {v.state}: {named(v)}" for v in found.held] or [
            "nothing was under way"
        ]
        if found.held:
            lines.append(
                "Compare each with the provider's own list of what it took since the copy was made."
                " If nothing: `fasttime message resume ID`. Else cancel it, and write anew to who"
                " was missed."
            )
        if found.waiting:
            lines.append(
                "These wait for approval here, and may have been approved and sent since:"
                " approve none without asking who approved then."
            )
            lines += [f"waits: {named(v)}" for v in found.waiting]
        out.answer(
            {
                "held": [{**told(v), "was": v.state} for v in found.held],
                "waiting": [told(v) for v in found.waiting],
            },
            *lines,
        )

    run(work, out)


def doctor(json: Json = False) -> None:
    """Say what is configured, reachable and wrong, and how to mend it; exit 1 if a check fails, 69
    if a service is away, 2 if a setting is wrong.
    """
    import asyncio

    from console.doctor import examine, exit_code

    out = Output(json=json)
    checks = asyncio.run(examine())
    lines = [
        f"{'ok  ' if c.ok else 'FAIL'} "
        f" {c.name}{': ' + c.detail if c.detail else ''}"
        f"{'' if c.ok or not c.fix else ' -> ' + c.fix}"
        for c in checks
    ]
    out.answer({"checks": [c.to_json() for c in checks]}, *lines)
    raise typer.Exit(exit_code(checks))


def simulator(
    http: Port = 8010,
    smtp: Port = 8025,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger",
            help="Keep the ledger in this file; a second start continues it.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            "--token",
            help="What its controls want; left out, FASTTIME_SIMULATOR_TOKEN, or a new one.",
            show_default=False,
        ),
    ] = "",
    callback: Annotated[
        str,
        typer.Option(
            "--callback",
            help="Where its callbacks may go; left out, FASTTIME_PUBLIC_URL, or loopback.",
            metavar="URL",
            show_default=False,
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Run handsets and inboxes that reach nobody and remember everything; GET /ledger shows it.
    SIGTERM ends it.
    """
    import asyncio
    import signal

    from broadcast.problems import refuse
    from channels.simulator import run_simulator
    from console.commands.session import load_settings
    from console.processes.up import once_on_signals

    out = Output(json=json)
    settings = load_settings()
    token = token or settings.simulator_token
    callback = callback or settings.public_url
    if token and len(token) < 16:
        raise refuse(
            "token_short",
            "the simulator's token is too short",
            "use 16 random characters or more, or leave it out",
            field="--token",
        )
    if callback and not callback.startswith(("http://", "https://")):
        raise refuse(
            "address_invalid",
            "--callback is no address",
            "write http://host:port",
            field="--callback",
        )

    async def serve() -> None:
        stop = asyncio.Event()
        once_on_signals(stop.set, (signal.SIGTERM, signal.SIGINT))
        try:
            running = await run_simulator(
                http, smtp, host, ledger_path=ledger, token=token, callback_base=callback
            )
        except OSError as error:
            raise refuse(
                "port_in_use",
                f"cannot listen on {host}: {error.strerror or type(error).__name__}",
                "choose others with --http and --smtp, or 0 for free ones",
                status=503,
            ) from None
        try:
            document = {"http": running.http_url, "smtp": running.smtp_url, "token": running.token}
            out.answer(document, running.http_url, running.smtp_url, running.token)
            out.note(
                f"FASTTIME_SIMULATOR_HTTP={running.http_url}"
                f" FASTTIME_SIMULATOR_SMTP={running.smtp_url}; the ledger is at"
                f" {running.http_url}/ledger"
            )
            await stop.wait()
        finally:
            await running.close()

    asyncio.run(serve())


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which; left out: their names.")] = "",
    json: Json = False,
) -> None:
    """Measure side by side and print the ratios. The benches are a tool of the repository."""
    try:
        from bench import run
    except ModuleNotFoundError as missing:
        if missing.name != "bench":
            raise
        from broadcast.problems import refuse

        raise refuse(
            "bench_missing",
            "the benches are not part of the installed package",
            "clone the repository and run `make bench` there",
            status=503,
        ) from None
    raise typer.Exit(run(name, json_output=json))


@site.command("build")
def build_site(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Empty, or written by this before.")
    ],
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep it current until Ctrl-C: looks every second.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the public pages, feeds and CAP documents as files: they answer when we do not."""
    from broadcast.problems import refuse
    from console.commands.session import Session, run
    from console.pages import static_site

    out = Output(json=json)

    async def work(session: Session) -> None:
        source = static_site.Stored(session.settings, session.db, session.context, session.now)

        def told(built: static_site.Built) -> None:
            said = f"{built.files} files in {folder}, {built.messages} messages"
            out.answer(built.to_json(), f"{said}, as of {built.as_of}")

        if watch:
            await static_site.keep_current(source, folder, out.note, first=told)
            return
        try:
            told(await static_site.build(source, folder))
        except OSError as error:
            raise refuse(
                "file_not_written",
                f"{folder}: {error.strerror or type(error).__name__}",
                "make room, or name a folder that this user may write to",
                field="DIR",
            ) from None

    run(work, out, with_channels=False)
