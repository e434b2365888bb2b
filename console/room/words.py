"""The exact words of dangerous steps: headings, what is said, buttons, and the phrase to type.

A number in them is always the real one; where a shape was drawn and few people are in it, the words
say so.
"""

from __future__ import annotations

from collections.abc import Mapping

from broadcast.content.model import for_everybody
from broadcast.messages import small_counts
from broadcast.messages.versions import Version
from console.room import naming

TYPED_FROM = 1000
"""From so many people on, the phrase is asked for."""


def people(n: int, v: Version) -> str:
    """Return a number of people as words may tell it: "1 person", "31 people"."""
    return small_counts.people(small_counts.number(n, v.content))


def number(n: int, v: Version) -> str:
    """Return a number alone, as words may tell it."""
    shown = small_counts.number(n, v.content)
    return f"{shown:,}" if isinstance(shown, int) else shown


def phrase(v: Version) -> str:
    """Return what an approver types, "" where nothing is asked: only what is urgent, large, a
    change of level or an exercise is.
    """
    if v.status == "Exercise":
        return "EXERCISE"
    if v.content.level is not None:
        return str(v.content.level)
    n = v.seen_count or 0
    if page_alone(v):
        return "PUBLISH" if v.urgent else ""
    if v.urgent or n >= TYPED_FROM:
        return f"SEND {number(n, v).upper()}"
    return ""


def repeat_phrase(v: Version, people: int) -> str:
    """Return what the approver of a resend to so many people types; "" where nothing is asked."""
    if v.status == "Exercise":
        return "EXERCISE"
    urgent_or_large = v.urgent or people >= TYPED_FROM
    return f"SEND {number(people, v).upper()}" if urgent_or_large else ""


def typed_right(typed: str, wanted: str) -> bool:
    """Return whether somebody typed the phrase: spaces, commas and case do not count."""
    return _bare(typed) == _bare(wanted)


def _bare(text: str) -> str:
    return "".join(text.replace(",", "").split()).casefold()


def approve_heading(v: Version, author: str, at: str, scope: str) -> str:
    """Return the heading of the page on which somebody approves; `scope` is what the place is
    called that a level is for.
    """
    if v.status == "Exercise":
        return f"EXERCISE: approve “{headline(v)}”"
    if v.content.level is not None:
        before = f" from {v.level_from}" if v.level_from else ""
        return f"Change the level for {scope}{before} to {v.content.level}"
    return f"Approve what {author} submitted at {at}"


def page_alone(v: Version) -> bool:
    """Return whether nobody is sent to, and it stands on the page and in the feeds all the same."""
    return not v.seen_count and for_everybody(v.content)


def approve_says(v: Version) -> str:
    """Return what is said above the approval's button."""
    n = people(v.seen_count or 0, v)
    if page_alone(v):
        marked = " Every text begins and ends with EXERCISE." if v.status == "Exercise" else ""
        return (
            "0 people by text, call or mail; page and feeds, where everybody reads it now."
            f"{marked} It cannot be unsaid; a correction can follow at once."
        )
    if v.status == "Exercise":
        gets = "gets" if v.seen_count == 1 else "get"
        return (
            f"Only the {n} enrolled for exercises {gets} it. Every text begins and ends with"
            " EXERCISE."
        )
    if v.content.level is not None:
        by = " and ".join(naming.WAYS[each][0] for each in v.content.channels if each != "web")
        told = "is" if n.startswith("1 ") else "are"
        return f"{n} {told} told now by {by}. It cannot be unsent; a correction can follow at once."
    return f"This goes to {n} now. It cannot be unsent; a correction can follow at once."


def approve_button(v: Version) -> str:
    """Return the approval's button."""
    n = people(v.seen_count or 0, v)
    if v.status == "Exercise" and page_alone(v):
        return "Run exercise on the page and in the feeds"
    if v.status == "Exercise":
        return f"Run exercise for {n}"
    if v.content.level is not None:
        return f"Change level to {v.content.level} now"
    if page_alone(v):
        return "Publish on the page and in the feeds now"
    return f"Send now to {n}"


def headline(v: Version) -> str:
    """Return the first headline of a message."""
    return v.content.headline


def submit_button(v: Version, n: object) -> str:
    """Return the button of the check; `n` is how many people it would go to, as it may be shown."""
    if v.action in ("correct", "all_clear"):
        what = "correction" if v.action == "correct" else "all-clear"
        return f"Submit {what} to {small_counts.people(n)}"
    if v.content.level is not None:
        return f"Submit change to {v.content.level}"
    return "Submit for approval"


def _have(people: Mapping[str, object]) -> str:
    """Return how many have it or may have it, from the people by line as they may be shown: "Some"
    where a line does not tell.
    """
    reached = [people[line] for line in ("handing_over", "accepted", "delivered", "in_doubt")]
    known = [n for n in reached if isinstance(n, int)]
    return f"{sum(known):,}" if len(known) == len(reached) else "Some"


def held_says(people: Mapping[str, object]) -> str:
    """Return what is said of a message that is held, from the people by line as they may be
    shown.
    """
    waiting = people["waiting"]
    are = "is" if waiting == 1 else "are"
    return (
        f"Held: {small_counts.people(waiting)} {are} waiting,"
        f" {_have(people).lower()} already handed over."
    )


def stop_says(people: Mapping[str, object]) -> str:
    """Return what is said before a message is stopped, from the people by line as they may be
    shown.
    """
    has, waits = _have(people), people["waiting"]
    have = "has" if has == "1" else "have"
    return (
        f"{small_counts.people(waits)} will not get it. {has} already {have} it or may have."
        " They are not told: to tell them, correct it."
    )
