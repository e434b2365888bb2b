"""A group of commands: whole help texts, and a way on for whoever types a word that is none."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

MEANT = {
    "send": "message draft, message submit, message approve",
    "publish": "message approve",
    "alert": "message draft",
    "new": "message draft",
    "create": "message draft",
    "start": "up",
    "serve": "up",
    "run": "up",
    "stop": "message hold, message cancel",
    "delete": "message cancel",
    "status": "doctor",
    "users": "operators list",
    "help": "--help",
    "version": "--version",
}
"""What people type first, and the commands that do it."""


class Group(TyperGroup):
    """Commands by name. Their help is printed whole: a sentence cut in the middle helps nobody."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every command with its whole first sentence, wrapped."""
        rows = [
            (name, command.get_short_help_str(limit=1000))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that is meant; raises Rejected with the nearest one."""
        from broadcast.files.nearest import nearest, shown
        from broadcast.problems import Problem, Rejected

        word = args[0]
        if word.startswith("-") or self.get_command(ctx, word) is not None:
            return super().resolve_command(ctx, args)
        names = self.list_commands(ctx)
        best = MEANT.get(word.lower()) if ctx.parent is None else None
        best = best or nearest(word, names)
        path = ctx.command_path
        way = f"use `{path} {best}`" if best else f"the commands are {', '.join(names)}"
        raise Rejected(
            Problem(
                code="usage",
                detail=f"there is no command {shown(word)}",
                fix=f"{way}; see `{path} --help`",
                where=path,
            )
        )
