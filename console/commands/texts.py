"""A message's text from a file: YAML, JSON or a CAP document, by its name or, from stdin, by how it begins."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from broadcast.problems import Problem, refuse

if TYPE_CHECKING:
    from broadcast.content import Content

Form = Literal["yaml", "json", "cap"]

_MAX_BYTES = 16 << 20


def read_source(file: Path) -> tuple[bytes, Form, str]:
    """Return a text's bytes, its form, and the name that refusals use. Raises Rejected (file_unreadable, file_type)."""
    from broadcast.csv_files import read_file

    if str(file) == "-":
        data = sys.stdin.buffer.read(_MAX_BYTES)
        start = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
        return data, "cap" if start[:1] == b"<" else "json" if start[:1] == b"{" else "yaml", "stdin"
    forms: dict[str, Form] = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".xml": "cap", ".cap": "cap"}
    form = forms.get(file.suffix.lower())
    if form is None:
        raise refuse("file_type", f"{file.name} says not what it is", "name it .yaml, .json or .cap.xml", field="FILE")
    return read_file(file, max_bytes=_MAX_BYTES), form, file.name


def read_new(file: Path, now: datetime, replaces: Content | None = None) -> tuple[Content, tuple[Problem, ...]]:
    """Return the content of a new message, and what its author should know of it.

    `replaces` is the draft whose text this takes the place of. Raises Rejected with every fault.
    """
    from broadcast.drafts import read_draft

    data, form, name = read_source(file)
    if form == "cap":
        return _from_cap(data, now)
    return read_draft(data, form, now=now, replaces=replaces, file=name), ()


def read_following(
    file: Path, now: datetime, base: Content, action: str, replaces: Content | None = None
) -> tuple[Content, tuple[Problem, ...]]:
    """Return the content of an update, correction or all-clear (`action`: update, correct, all_clear) of what said `base`."""
    from broadcast.drafts import read_draft

    data, form, name = read_source(file)
    if form != "cap":
        return read_draft(data, form, now=now, base=base, follows=action, replaces=replaces, file=name), ()  # type: ignore[arg-type]
    content, warnings = _from_cap(data, now)
    kind = {"correct": "correction", "all_clear": "all_clear"}.get(action, base.kind)
    return replace(content, kind=kind), warnings


def _from_cap(data: bytes, now: datetime) -> tuple[Content, tuple[Problem, ...]]:
    from broadcast.cap.mapping import from_cap
    from broadcast.cap.parse import parse

    drafted = from_cap(parse(data), now=now)
    return drafted.content, drafted.warnings
