"""CAP's lists inside one text: references, incidents and addresses, split and joined."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from broadcast.cap.validation.lexical import words


class Reference(NamedTuple):
    """An earlier message that this one refers to; `sent` as received."""

    sender: str
    identifier: str
    sent: str


def split_references(text: str | None) -> tuple[Reference, ...]:
    """Return the "sender,identifier,sent" triples that white space separates; what has not three
    parts is left out.
    """
    parts = (item.split(",") for item in words(text or ""))
    return tuple(Reference(*item) for item in parts if len(item) == 3 and all(item))


def join_references(references: Iterable[Reference]) -> str:
    """Return the text of the element `references`."""
    return " ".join(",".join(reference) for reference in references)


def split_quoted(text: str | None) -> tuple[str, ...]:
    """Return the items of `incidents` or `addresses`: separated by white space, those with spaces
    in double quotes (CAP 1.2, 3.2.1).

    A quote that is never closed runs to the end.
    """
    items = []
    rest = (text or "").lstrip()
    while rest:
        if rest[0] == '"':
            item, _, rest = rest[1:].partition('"')
        else:
            item, *more = rest.split(maxsplit=1)
            rest = more[0] if more else ""
        items.append(item)
        rest = rest.lstrip()
    return tuple(items)


def join_quoted(items: Iterable[str]) -> str:
    """Return the text of `incidents` or `addresses`. CAP has no way to write a double quote inside
    an item that needs them.
    """
    return " ".join(
        f'"{item}"' if not item or any(c.isspace() for c in item) else item for item in items
    )
