"""A message's text from a file: YAML, JSON or a CAP document, by its name or, from stdin, by how it
begins.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from broadcast.problems import Problem, refuse

if TYPE_CHECKING:
    from broadcast.content.model import Content
    from broadcast.drafts import Follows
    from console.commands.session import Session

Form = Literal["yaml", "json", "cap"]

_MAX_BYTES = 16 << 20


def read_source(file: Path) -> tuple[bytes, Form, str]:
    """Return a text's bytes, its form, and the name that refusals use. Raises Rejected
    (file_unreadable, file_type).
    """
    from broadcast.files.csv_files import bounded, read_file

    if str(file) == "-":
        data = bounded(sys.stdin.buffer, "stdin", max_bytes=_MAX_BYTES)
        start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
        return (
            data,
            "cap" if start[:1] == b"<" else "json" if start[:1] == b"{" else "yaml",
            "stdin",
        )
    forms: dict[str, Form] = {
        ".yaml": "yaml",
        ".yml": "yaml",
        ".json": "json",
        ".xml": "cap",
        ".cap": "cap",
    }
    form = forms.get(file.suffix.lower())
    if form is None:
        raise refuse(
            "file_type",
            f"{file.name} says not what it is",
            "name it .yaml, .json or .cap.xml",
            field="FILE",
        )
    return read_file(file, max_bytes=_MAX_BYTES), form, file.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A text: its content, and what its author should know of it. `updates` is the message that a
    CAP Update means.
    """

    content: Content
    warnings: tuple[Problem, ...] = ()
    updates: int | None = None


async def read_new(session: Session, file: Path) -> Read:
    """Return a new message, or what a CAP Update says of one of ours. Raises Rejected with every
    fault.
    """
    from broadcast.drafts import read_draft

    data, form, name = read_source(file)
    if form != "cap":
        return Read(content=read_draft(data, form, now=session.now(), file=name))
    return await _new_from_cap(session, data)


async def _new_from_cap(session: Session, data: bytes) -> Read:
    from broadcast.cap import foreign_acts
    from broadcast.cap.drafting import content_of, read_cap
    from service.commands import drafting

    alert = read_cap(data)
    message = None
    if alert.msg_type != "Alert":
        await session.db.write(foreign_acts.keep, alert, data, session.now())
        message = await session.db.read(foreign_acts.message_meant, alert)
        refused = foreign_acts.not_an_alert(alert, message)
        if refused is not None:
            raise refused
    base = None if message is None else await drafting.base_of(session.context, message)
    content, warnings = content_of(alert, now=session.now(), base=base)
    return Read(content=content, warnings=warnings, updates=message)


def read_edit(file: Path, now: datetime, replaces: Content) -> Read:
    """Return the text that takes the place of a first version's draft. Raises Rejected with every
    fault.
    """
    from broadcast.cap import foreign_acts
    from broadcast.cap.drafting import content_of, read_cap
    from broadcast.drafts import read_draft

    data, form, name = read_source(file)
    if form != "cap":
        return Read(content=read_draft(data, form, now=now, replaces=replaces, file=name))
    alert = read_cap(data)
    foreign_acts.only_words(alert, ("Alert",))
    content, warnings = content_of(alert, now=now, replaces=replaces)
    return Read(content=content, warnings=warnings)


def read_following(
    file: Path, now: datetime, base: Content, action: str, replaces: Content | None = None
) -> Read:
    """Return an update, correction or all-clear (`action`: update, correct, all_clear) of what said
    `base`.
    """
    from broadcast.cap import foreign_acts
    from broadcast.cap.drafting import content_of, read_cap
    from broadcast.drafts import read_draft

    data, form, name = read_source(file)
    follows = cast("Follows", action)
    if form != "cap":
        return Read(
            content=read_draft(
                data, form, now=now, base=base, follows=follows, replaces=replaces, file=name
            )
        )
    alert = read_cap(data)
    foreign_acts.only_words(alert, ("Alert", "Update"))
    content, warnings = content_of(alert, now=now, base=base, follows=follows, replaces=replaces)
    return Read(content=content, warnings=warnings)
