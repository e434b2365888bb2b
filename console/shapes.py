"""The JSON of a message, the same from the command line and from HTTP (INTERFACES, JSON)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from broadcast import levels, levels_store
from broadcast.content import Content
from broadcast.drafts import writing
from broadcast.problems import Problem
from broadcast.versions import Version


def message_json(v: Version, counts: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return {id, version, kind, status, state, content_hash, identifier, sent, expires, counts} of a version.

    `expires` is null while it is counted from an approval that has not come. `counts` is what the caller knows: the account of `deliveries`
    for what went out, the numbers of a preview for what has not, else null. Times are RFC 3339 with an offset.
    """
    expires = v.expires_at or (v.content.expires if isinstance(v.content.expires, datetime) else None)
    return {
        "id": v.message_id,
        "version": v.number,
        "kind": v.kind,
        "status": v.status,
        "state": v.state,
        "content_hash": v.content_hash,
        "identifier": v.identifier,
        "sent": rfc3339(v.sent),
        "expires": rfc3339(expires),
        "counts": counts,
    }


def content_json(content: Content) -> dict[str, Any]:
    """Return a content in the fields of INTERFACES' message JSON: what a PUT or another draft takes again."""
    return writing._fields(content)


def levels_json(facts: Iterable[levels_store.Fact], at: datetime) -> list[dict[str, Any]]:
    """Return [{scope, level, rank, meaning, since, from: [scope]}] of every scope that had a level at `at`; UK is always there, first."""
    history = _history(facts)
    held = {scope: _level_json(scope, standing.level, standing.since, (scope,), at) for scope, standing in history.present(at).items()}
    uk = held.pop(levels.UK, None) or {"scope": levels.UK, "level": None, "rank": None, "meaning": None, "since": None, "from": []}
    return [uk, *held.values()]


def effective_json(facts: Iterable[levels_store.Fact], place: Sequence[str], at: datetime) -> list[dict[str, Any]]:
    """Return the same of one place: its highest level and every scope that has it. `place` is its own code, then those it lies in."""
    history = _history(facts)
    found = history.effective(place, at)
    if found is None:
        return [{"scope": place[0], "level": None, "rank": None, "meaning": None, "since": None, "from": []}]
    level, scopes = found
    since = min(standing.since for scope in scopes if (standing := history.as_of(scope, at)) is not None)
    return [_level_json(place[0], level, since, scopes, at)]


def _history(facts: Iterable[levels_store.Fact]) -> levels.History:
    sources: dict[str, Literal["import", "approval"]] = {"import": "import", "approval": "approval"}
    return levels.History(levels.Fact(scope=f.scope, at=f.at, level=levels.Level(f.level), source=sources[f.source], order=n) for n, f in enumerate(facts))


def _level_json(scope: str, level: levels.Level, since: datetime, scopes: Sequence[str], at: datetime) -> dict[str, Any]:
    return {"scope": scope, "level": level.value, "rank": level.rank, "meaning": levels.meaning(level, at), "since": rfc3339(since), "from": list(scopes)}


def rfc3339(at: datetime | None) -> str | None:
    """Return an aware time with its offset, or None."""
    return at.isoformat() if at else None


def problem_json(p: Problem) -> dict[str, str]:
    """Return one problem as it stands in a list: of a refusal's `problems`, or of a preview's `warnings`."""
    return {"code": p.code, "field": p.field or p.where, "detail": p.detail, "fix": p.fix}
