"""The command line `fasttime`: its commands by name, and how each ends: exit codes, errors as lines
or JSON, never a traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Annotated, Any

import typer

from broadcast.problems import Problem, Rejected
from console.command_group import Group
from console.commands import (
    areas,
    audit,
    cap,
    deliveries,
    levels,
    messages,
    operators,
    processes,
    service,
    sms,
    subscribers,
)
from console.commands.answers import group as answers
from console.commands.setup import (
    dead_letters,
    exercises,
    groups,
    keys,
    organisations,
    registry,
)
from console.output import Output, prepare

INTERRUPTED = 130
BROKEN_PIPE = 141  # as shells say it: 128 + SIGPIPE

_HELP = (
    "Warn people by text, voice, e-mail and web: nobody lost, nobody twice. With --json after a"
    " command its answer is one JSON document."
)


def build() -> typer.Typer:
    """Return the application: every command of the contract, section "Command line"."""
    app = typer.Typer(
        name="fasttime",
        help=_HELP,
        cls=Group,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    for module in (processes, service, deliveries):
        module.attach(app)
    registers = (
        *(operators, audit, areas, groups, subscribers, organisations),
        *(registry, keys, dead_letters),
    )
    for group in (*registers, messages, answers, exercises, levels, cap, sms):
        app.add_typer(group.app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        sys.stdout.write(f"fasttime {installed('fasttime')}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_version
        ),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused by a rule, 2 usage, file, token
    or setting wrong, 69 a service is away.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    prepare()
    before = _interruptible()
    out = Output(json="--json" in (given[: given.index("--")] if "--" in given else given))
    try:
        code = _run(given, out)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    return code


def _interruptible() -> Callable[[int, FrameType | None], Any] | None:
    """Let one Ctrl-C end everything, also what waits for an answer: asyncio's own handler only asks
    the event loop. Return the handler before.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if (
        before is not signal.default_int_handler
        or threading.current_thread() is not threading.main_thread()
    ):
        return None
    signal.signal(signal.SIGINT, interrupt)
    return signal.default_int_handler


def _run(given: list[str], out: Output) -> int:
    if sys.flags.optimize:
        out.refused(
            [
                Problem(
                    code="python_optimised",
                    detail="Python runs with -O, which leaves our checks out",
                    fix="start it without -O and PYTHONOPTIMIZE",
                )
            ]
        )
        return 2
    try:
        result = typer.main.get_command(build()).main(
            given, prog_name="fasttime", standalone_mode=False
        )
        return result if isinstance(result, int) else 0
    except Rejected as rejected:
        out.refused(rejected.problems)
        return rejected.exit_code
    except typer.TyperException as wrong:
        return _usage(wrong, out)
    except (KeyboardInterrupt, typer.Abort):
        out.note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last net: whoever types a command never sees a traceback
        return _unexpected(error, out)


def _usage(wrong: typer.TyperException, out: Output) -> int:
    if type(wrong).__name__ == "NoArgsIsHelpError":
        out.note(wrong.format_message())
        return wrong.exit_code
    context = getattr(wrong, "ctx", None)
    path = context.command_path if context is not None else "fasttime"
    message = " ".join(wrong.format_message().split())
    out.refused(
        [Problem(code="usage", detail=message.rstrip("."), fix=f"see `{path} --help`", where=path)]
    )
    return 2


def _unexpected(error: Exception, out: Output) -> int:
    import structlog

    from broadcast import failures
    from config import logging as logs

    if not structlog.is_configured():
        logs.configure()
    structlog.get_logger("cli").error("command.failed", **failures.told(error))
    out.refused(
        [
            Problem(
                code="internal_error",
                detail=f"{type(error).__name__}: something that we did not expect",
                fix="report it with the log line above",
                status=500,
            )
        ]
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
