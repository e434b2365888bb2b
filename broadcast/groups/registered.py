"""Communities, sectors and information providers as rows: who is known, what they are called, and
who is not known.

A group is named by its scope, "community:NAME", "sector:NAME" or "provider:NAME", in the one
spelling of `broadcast.levels.scales.name_key`. It is never removed: messages and people name it.
Levels and audiences are of communities and sectors only; a provider is whose message it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from broadcast.content.model import Audience, Content, provided_by
from broadcast.files.nearest import nearest, shown
from broadcast.groups.tables import community_or_sector
from broadcast.levels.names import folded
from broadcast.problems import Problem, Rejected
from broadcast.store.database import lock_name
from broadcast.wording.pack import called

KINDS: Final = ("community", "sector", "provider")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A community, a sector or an information provider. `name` is what people call it where `names`
    (by language tag) has no word of their language.
    """

    kind: str
    key: str
    name: str
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        """How messages and levels name it: "sector:retail"."""
        return f"{self.kind}:{self.key}"

    def to_json(self) -> dict[str, Any]:
        """Return {scope, kind, name, names}."""
        named = dict(sorted(self.names.items()))
        return {"scope": self.scope, "kind": self.kind, "name": self.name, "names": named}


def is_group(scope: str) -> bool:
    """Return whether a scope names a community or a sector, registered or not."""
    return scope.startswith(("community:", "sector:"))


class Groups:
    """Every registered community, sector and provider, as read at one moment."""

    def __init__(self, known: Iterable[Group]) -> None:
        self._known = {group.scope: group for group in known}

    def __iter__(self) -> Iterator[Group]:
        return iter(self._known.values())

    def __contains__(self, scope: str) -> bool:
        return scope in self._known

    def names_of(self, scope: str) -> dict[str, str]:
        """Return what a group is called by language tag, "" for any other; {} for an unknown."""
        group = self._known.get(scope)
        return {} if group is None else {"": group.name, **group.names}

    def named(self, scope: str, language: str = "en") -> str:
        """Return a group as an operator reads it: "Retail (sector:retail)"; else the scope."""
        name = called(self.names_of(scope), language)
        return f"{name} ({scope})" if name else scope

    def providers(self, language: str = "en") -> list[tuple[str, str]]:
        """Return key and name of every information provider, by name, in a language."""
        found = [
            (group.key, called(self.names_of(group.scope), language))
            for group in self
            if group.kind == "provider"
        ]
        return sorted(found, key=lambda each: folded(each[1]))

    def nearest(self, scope: str) -> str | None:
        """Return the registered scope that was probably meant by an unknown one: one of its own
        kind, else, of a community or a sector, the same name of the other.
        """
        kind, _, name = scope.partition(":")
        keys = {group.key: group.scope for group in self if group.kind == kind}
        near = nearest(name, keys)
        if near is not None:
            return keys[near]
        if not is_group(scope):
            return None
        other = f"{'sector' if kind == 'community' else 'community'}:{name}"
        return other if other in self else None

    def unknown(self, scope: str, path: str) -> Problem | None:
        """Return the problem with a scope that names a group nobody registered; None for any other
        scope.
        """
        kind, _, name = scope.partition(":")
        if kind not in KINDS or scope in self:
            return None
        near = self.nearest(scope)
        way = f"did you mean {near}? " if near else ""
        return Problem(
            code=f"{kind}_unknown",
            detail=f"no {kind} {shown(name)} is registered",
            fix=f'{way}see `fasttime groups list`, or register it: fasttime groups add "{scope}"',
            field=path,
        )

    def problems(self, content: Content) -> list[Problem]:
        """Return one refusal for each group that a content names and nobody registered."""
        found = [
            self.unknown(content.scope or "", "scope"),
            self.unknown(provided_by(content), "provider"),
        ]
        for kind, group, names in _listed(content.audience):
            for n, name in enumerate(names):
                scope = f"{kind}:{name}"
                if scope != content.scope:
                    found.append(self.unknown(scope, f"audience.{group}.{n}"))
        return [problem for problem in found if problem is not None]

    def require(self, scopes: Iterable[str], path: str) -> None:
        """Raise Rejected (community_unknown, sector_unknown, provider_unknown) for scopes that
        nobody registered.
        """
        found = [self.unknown(scope, path) for scope in scopes]
        if problems := [problem for problem in found if problem is not None]:
            raise Rejected(problems)


def load(conn: Connection) -> Groups:
    """Return every registered community, sector and provider, by kind and name."""
    table = community_or_sector
    rows = conn.execute(select(table).order_by(table.c.kind, table.c.key))
    return Groups(
        Group(kind=row.kind, key=row.key, name=row.name, names=json.loads(row.names))
        for row in rows
    )


def scopes_of(content: Content) -> tuple[str, ...]:
    """Return the scopes of every community, sector and provider that a content names."""
    scopes = [content.scope] if content.scope and is_group(content.scope) else []
    scopes += [provided_by(content)] if content.provider else []
    scopes += [f"{kind}:{name}" for kind, _, names in _listed(content.audience) for name in names]
    return tuple(dict.fromkeys(scopes))


def _listed(audience: Audience) -> Sequence[tuple[str, str, tuple[str, ...]]]:
    return (
        ("sector", "sectors", audience.sectors),
        ("community", "communities", audience.communities),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What became of the groups that were given."""

    new: int
    updated: int
    unchanged: int


def register(
    conn: Connection, groups: Iterable[Group], now: datetime, *, rename: bool = True
) -> Registered:
    """Register groups, or give those that are known the languages named here and, with `rename`,
    the name as it is written here; a language that is not named keeps its word.
    """
    lock_name(conn, "community_or_sector")
    known = {group.scope: group for group in load(conn)}
    new = updated = unchanged = 0
    for group in groups:
        before = known.get(group.scope)
        if before is None:
            _insert(conn, [group], now)
            new += 1
            known[group.scope] = group
            continue
        names = {**before.names, **group.names}
        name = group.name if rename else before.name
        if (before.name, dict(before.names)) == (name, names):
            unchanged += 1
            continue
        table = community_or_sector
        conn.execute(
            update(table)
            .where(table.c.kind == group.kind, table.c.key == group.key)
            .values(name=name, names=_json(names))
        )
        updated += 1
        known[group.scope] = Group(kind=group.kind, key=group.key, name=name, names=names)
    return Registered(new=new, updated=updated, unchanged=unchanged)


def in_people(sectors: Iterable[str], communities: Iterable[str]) -> list[Group]:
    """Return the groups that people's own lists (";" between names) name, as written there."""
    return [*_in_lists("sector", sectors), *_in_lists("community", communities)]


def telling(lists: Iterable[str]) -> set[str]:
    """Return those of people's own lists by which `in_people` and `providers_in` say the same as by
    all of them: one for each name, however many lists there are.
    """
    found: dict[str, str] = {}
    for joined in sorted(set(lists)):
        for name in filter(None, joined.split(";")):
            found.setdefault(folded(name), joined)
    return set(found.values())


def _in_lists(kind: str, lists: Iterable[str]) -> list[Group]:
    found: dict[str, Group] = {}
    for joined in sorted(set(lists)):
        for name in filter(None, joined.split(";")):
            group = Group(kind=kind, key=folded(name), name=name)
            found.setdefault(group.scope, group)
    return list(found.values())


def providers_in(lists: Iterable[str]) -> list[Group]:
    """Return the providers that people's own lists (";" between names) name, as written there."""
    return _in_lists("provider", lists)


def register_missing(conn: Connection, groups: Sequence[Group], now: datetime) -> list[Group]:
    """Register those that nobody registered yet, and return them; what is known keeps its names."""
    if not groups:
        return []
    known = load(conn)
    if all(group.scope in known for group in groups):
        return []
    lock_name(conn, "community_or_sector")
    known = load(conn)
    missing = [group for group in groups if group.scope not in known]
    _insert(conn, missing, now)
    return missing


def _insert(conn: Connection, groups: Sequence[Group], now: datetime) -> None:
    rows = [
        {
            "kind": group.kind,
            "key": group.key,
            "name": group.name,
            "names": _json(group.names),
            "registered_at": now,
        }
        for group in groups
    ]
    if rows:
        conn.execute(insert(community_or_sector), rows)


def _json(names: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(names.items())), ensure_ascii=False)
