"""A message to be laid out, and what a person sees of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import html

from broadcast.content.model import Content, Text
from broadcast.wording.languages import all_packs
from broadcast.wording.rendered import Facts

TAGS = tuple(all_packs())
FACTS = Facts(
    sender_name="Metropolitan Police",
    code="K7QX-2M4R",
    public_url="https://alerts.example.org",
    sent=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
)
WORDS = Text(
    headline="Gas leak at Paddington",
    description="The leak was found at 08:40.",
    instruction="Stay indoors and close windows. Call 0800 789 321.",
)


SHAPE = (((0.0, 51.0), (1.0, 51.0), (1.0, 52.0), (0.0, 51.0)),)


def a_content(**change: Any) -> Content:
    basic: dict[str, Any] = {
        "kind": "incident",
        "status": "Actual",
        "urgency": "Expected",
        "severity": "Moderate",
        "certainty": "Observed",
        "languages": dict.fromkeys(TAGS, WORDS),
        "expires": timedelta(hours=4),
    }
    if change.get("kind") == "threat_level_change":
        basic |= {"level": "SEVERE", "scope": "UK"}
    if change.get("kind") == "correction":
        basic |= {"note": "The first message named the wrong station."}
    return Content(**(basic | change))


def visible(page):
    """Return what a reader of the HTML sees, in one line."""
    return " ".join(
        html.fromstring(page.encode(), parser=html.HTMLParser(encoding="utf-8"))
        .xpath("string(//body)")
        .split()
    )


def shown(rendered):
    """Return everything of a rendering that a person sees or hears, each by itself."""
    return [
        part
        for part in (
            rendered.body,
            rendered.subject,
            visible(rendered.html) if rendered.html else "",
        )
        if part
    ]
