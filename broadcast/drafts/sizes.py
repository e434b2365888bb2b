"""How much a draft may hold: how many items, how many characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from broadcast.content.limits import ALL_TEXT, COUNTS, TEXT_LENGTHS, WORD, too_long, too_many
from broadcast.drafts.model import AudienceIn, DraftIn
from broadcast.drafts.source import Path
from broadcast.files.safe_json import field_path
from broadcast.problems import Problem


def too_much(d: DraftIn) -> list[tuple[Path, Problem]]:
    """Return where a draft holds too many items, or, if it does not, too many characters."""
    return list(_counts(d, d.audience)) or list(_lengths(d, d.audience))


def _counts(d: DraftIn, given: AudienceIn | None) -> Iterable[tuple[Path, Problem]]:
    lists: dict[str, Sequence[Any] | dict[str, Any] | None] = {
        "languages": d.languages,
        "areas": d.areas,
        "hotlines": d.hotlines,
        "incidents": d.incidents,
        "channels": d.channels,
        "audience.kinds": given.kinds if given else None,
        "audience.sectors": given.sectors if given else None,
        "audience.communities": given.communities if given else None,
        "audience.trades": given.trades if given else None,
        "audience.sizes": given.sizes if given else None,
    }
    for name, items in lists.items():
        if items and len(items) > COUNTS[name]:
            yield tuple(name.split(".")), too_many(name, len(items), COUNTS[name])


def _lengths(d: DraftIn, given: AudienceIn | None) -> Iterable[tuple[Path, Problem]]:
    for path, text in _short_words(d, given):
        if text and len(text) > WORD:
            yield path, too_long(field_path(*path), len(text), WORD)
    texts = list(_all_texts(d))
    for path, text in texts:
        limit = TEXT_LENGTHS[str(path[-1] if path[0] == "languages" else path[0])]
        if len(text) > limit and path[-1] != "sms":  # of an SMS the number of parts is told too
            yield path, too_long(field_path(*path), len(text), limit)
    total = sum(len(text) for _, text in texts)
    if total > ALL_TEXT:
        yield ("languages",), too_long("languages", total, ALL_TEXT)


def _short_words(d: DraftIn, given: AudienceIn | None) -> Iterable[tuple[Path, str | None]]:
    for name in (
        "kind",
        "status",
        "level",
        "scope",
        "urgency",
        "severity",
        "certainty",
        "expires",
        "visibility",
        "provider",
    ):
        yield (name,), getattr(d, name)
    yield from ((("areas", i), text) for i, text in enumerate(d.areas or ()))
    yield from ((("channels", i), text) for i, text in enumerate(d.channels or ()))
    yield from ((("languages", tag), tag) for tag in d.languages or ())
    for name in ("kinds", "sectors", "communities", "trades", "sizes"):
        yield from (
            (("audience", name, i), text) for i, text in enumerate(getattr(given, name, None) or ())
        )


def _all_texts(d: DraftIn) -> Iterable[tuple[Path, str]]:
    for tag, words in (d.languages or {}).items():
        for name in ("headline", "description", "instruction", "sms", "voice"):
            yield ("languages", tag, name), getattr(words, name) or ""
    for name in ("hotlines", "incidents"):
        yield from (((name, i), text) for i, text in enumerate(getattr(d, name) or ()))
    yield from (((name,), getattr(d, name) or "") for name in ("source", "note", "exercise"))
