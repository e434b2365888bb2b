"""The one check of a finished content: the same rules that its fields were read by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from broadcast.content.model import Content
from broadcast.content.text_rules import check_placeholders
from broadcast.drafts.one_pass import Follows
from broadcast.drafts.reading import read_source
from broadcast.drafts.source import Source
from broadcast.drafts.writing import fields_of
from broadcast.files.safe_json import field_path
from broadcast.problems import Problem, Rejected


def check_content(
    content: Content, *, now: datetime, base: Content | None = None, follows: Follows = "update"
) -> tuple[Problem, ...]:
    """Return everything that keeps a content from being submitted; empty where nothing does.

    These are the rules of `read_draft`, asked of the content whatever door it came by, and
    the placeholders that nobody filled. `base` and `follows` as there.
    """
    try:
        read_source(
            Source(value=_fields(content), form="json"), now=now, base=base, follows=follows
        )
    except Rejected as refused:
        return (*refused.problems, *placeholder_problems(content))
    return tuple(placeholder_problems(content))


def _fields(content: Content) -> dict[str, Any]:
    """Return the fields, with a level or scope that does not belong there: that is for the rules to
    say.
    """
    # the scope of these comes from what they follow
    ends = content.kind in (
        "correction",
        "all_clear",
    )
    level = {"level": content.level} if content.level is not None else {}
    scope = {"scope": content.scope} if content.scope is not None and not ends else {}
    return fields_of(content) | level | scope


def placeholder_problems(content: Content) -> list[Problem]:
    """Return one placeholder_unfilled for each placeholder that still stands in the text: it blocks
    approval, not the draft.
    """
    return [p for path, text in _texts(content) for p in check_placeholders(path, text)]


def _texts(content: Content) -> Iterable[tuple[str, str]]:
    for tag, words in content.languages.items():
        for name in ("headline", "description", "instruction", "sms", "voice"):
            text = getattr(words, name)
            if text:
                yield f"languages.{tag}.{name}", text
    for name in ("hotlines", "incidents"):
        yield from ((field_path(name, i), text) for i, text in enumerate(getattr(content, name)))
    others = (("source", content.source), ("note", content.note), ("exercise", content.exercise))
    yield from ((name, text) for name, text in others if text)
