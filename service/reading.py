"""What a text needs to be read or rendered before anybody acts on it: pure functions, for the
worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from broadcast.cap import foreign_acts
from broadcast.cap.drafting import content_of, read_cap
from broadcast.content.model import Content
from broadcast.drafts import read_draft
from broadcast.drafts.checking import check_content
from broadcast.messages.versions import Resolved
from broadcast.problems import Problem
from broadcast.wording.render import render
from service.rendering import facts_of

if TYPE_CHECKING:
    from broadcast.drafts import Follows


def read_replacing(body: bytes, *, cap: bool, now: datetime, replaces: Content) -> Content:
    """Return the text that takes the place of a first version's draft; raises Rejected."""
    if not cap:
        return read_draft(body, "json", now=now, replaces=replaces)
    alert = read_cap(body)
    foreign_acts.only_words(alert, ("Alert",))
    return content_of(alert, now=now, replaces=replaces)[0]


def unready(
    content: Content,
    *,
    base: Content | None,
    action: str,
    sender_name: str,
    public_url: str,
    now: datetime,
) -> list[Problem]:
    """Return why a text cannot go out as it is: what a door would refuse now, blanks left unfilled,
    a rendering that fails.
    """
    follows = cast("Follows", action if base is not None else "update")
    problems = list(check_content(content, now=now, base=base, follows=follows))
    if not problems:
        draft: Any = _Draft(action=action)
        facts = facts_of(draft, sender_name=sender_name, public_url=public_url, sent=now)
        for language in content.languages:
            for channel in content.channels:
                render(content, facts, channel, language)
    return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """Stands in for a version that has no code yet, to see that everything can be rendered."""

    action: str
    code: str = "XXXXXXXXX"
    status: str = "Actual"
    sent: datetime | None = None
    expires_at: datetime | None = None
    resolved: Resolved = field(default_factory=Resolved)
