"""The one check of a finished content: the same rules that its fields were read by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from broadcast.content.model import Content
from broadcast.drafts.reading import Follows, placeholder_problems, read_source
from broadcast.drafts.source import Source
from broadcast.drafts.writing import fields_of
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
