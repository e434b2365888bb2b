"""What a draft means: every field decided, every fault of one pass gathered in one refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar

from broadcast.content.model import (
    CERTAINTIES,
    CHANNELS,
    KINDS,
    SEVERITIES,
    STATUSES,
    SUBSCRIBER_KINDS,
    URGENCIES,
    VISIBILITIES,
    Audience,
    Circle,
    Content,
    Polygon,
    default_visibility,
    less_visible,
)
from broadcast.content.trades import SIZES, TRADES, trade_fix
from broadcast.drafts import source as sources
from broadcast.drafts.model import shape
from broadcast.drafts.one_pass import Follows
from broadcast.drafts.sizes import too_much
from broadcast.drafts.source import Form, Path, Source
from broadcast.drafts.times import DEFAULT_EXPIRY, read_expiry, too_long_for_critical
from broadcast.drafts.words import NO_DRILL_STATUSES, Words
from broadcast.files.nearest import did_you_mean, shown
from broadcast.files.safe_json import MAX_PROBLEMS, field_path
from broadcast.levels.scales import UK, Level, name_key, normalise_scope, parse_level
from broadcast.places.drawn_shapes import circles_from_input, polygons_from_input
from broadcast.problems import Problem, Rejected
from broadcast.wording.levels import ENDED

T = TypeVar("T")

DEFAULTS: Final = MappingProxyType(
    {
        "threat_level_change": ("Expected", "Severe", "Likely"),
        "appeal": ("Expected", "Minor", "Observed"),
        "incident": ("Immediate", "Severe", "Observed"),
        "advice": ("Future", "Minor", "Possible"),
        "crime_update": ("Past", "Minor", "Observed"),
        "contingency": ("Immediate", "Severe", "Likely"),
        "correction": ("Immediate", "Severe", "Observed"),
        "all_clear": ("Past", "Minor", "Observed"),
    }
)
"""CAP's urgency, severity and certainty of each kind, where the author gives none."""

MAX_AREA_CODE: Final = 64  # characters
PUBLISHED_KINDS: Final = {"correct": "correction", "all_clear": "all_clear"}

_GSS_SMALL: Final = re.compile(r"[a-z][0-9]{8}", re.ASCII)


def read_draft(
    data: bytes,
    form: Form,
    *,
    now: datetime,
    base: Content | None = None,
    follows: Follows = "update",
    replaces: Content | None = None,
    file: str = "",
) -> Content:
    """Return the content of a message as written in YAML or JSON.

    `now` is aware UTC. With `base` (the content of the version that this one follows) it is an
    update, correction or all-clear, as `follows` says: `kind` may then be left out and must fit if
    given; `status` is required and must be that of `base`; place (`areas`, `polygons` and `circles`
    together), `audience` and `channels` stay as they were where they are left out, so that nothing
    said to few leaks to all; urgency, severity and certainty of an update stay, and those of a
    correction or all-clear are never less severe than what they follow. `replaces` is the draft
    that this text takes the place of. Where `visibility` is left out, the message is never more
    open than `base` and `replaces`.

    Place: an empty `areas` with no shape is area_empty; no place at all is area_empty too, except
    in a threat_level_change, which is for its scope, and there a scope of a community or sector
    without `audience` is for that community or sector.

    `file` is a name for refusals ("file:line: field: …"). Raises Rejected with every fault found:
    those of reading (source.read), field_unknown, field_type, and those named in this package. An
    unfilled placeholder is none yet (`placeholder_problems`). Nothing else is ever raised.
    """
    source = sources.read(data, form, file=file)
    return read_source(source, now=now, base=base, follows=follows, replaces=replaces)


def read_source(
    source: Source,
    *,
    now: datetime,
    base: Content | None = None,
    follows: Follows = "update",
    replaces: Content | None = None,
) -> Content:
    """Return the content of a message from its fields, whatever form they were written in.

    Every door comes through here: files, requests, CAP documents and the check of what is
    submitted.
    """
    shaped = shape(source)
    reader = _Reader(
        source=source,
        shaped=shaped,
        now=now,
        base=base,
        follows=follows,
        replaces=replaces,
        problems=_one_per_field(source.problems, shaped.problems),
    )
    content = reader.content()
    if reader.problems:
        raise Rejected(reader.problems)
    assert content is not None
    return content


def _one_per_field(first: Iterable[Problem], then: Iterable[Problem]) -> list[Problem]:
    """Return both, without those of the second about a field that the first speaks of."""
    named = list(first)
    fields = {p.field for p in named}
    return named + [p for p in then if p.field not in fields]


class _Reader(Words):
    """One pass over one draft; a method per group of fields, each adding its problems and returning
    what could be read.
    """

    __slots__ = ()

    def content(self) -> Content | None:
        """Return the content; None where `problems` say why there is none."""
        self.sizes()
        kind = self.kind()
        status = self.status()
        level, scope = self.level_and_scope(kind)
        urgency, severity, certainty = self.grading(kind)
        place = self.place(kind)
        audience = self.audience(scope)
        visibility = self.visibility(audience, scope)
        channels = self.channels()
        expires = self.expires(kind, level)
        languages = self.languages(status)
        hotlines = tuple(
            self.words(("hotlines", i), text, required=True)
            for i, text in enumerate(self.draft.hotlines or ())
        )
        origin = self.words(("source",), self.draft.source)
        note = self.words(("note",), self.draft.note)
        incidents = tuple(
            self.words(("incidents", i), text, required=True)
            for i, text in enumerate(self.draft.incidents or ())
        )
        exercise = self.exercise(status)
        for words in languages.values() if exercise else ():  # a subject joins the two
            self.no_drill(("exercise",), f"{exercise} {words.headline}")
        if status in NO_DRILL_STATUSES:
            listed = [
                ((name, i), t)
                for name, items in (("hotlines", hotlines), ("incidents", incidents))
                for i, t in enumerate(items)
            ]
            for path, text in (
                (("source",), origin),
                (("note",), note),
                (("exercise",), exercise),
                *listed,
            ):
                self.no_drill(path, text)
        if self.problems or kind is None or status is None or expires is None or place is None:
            return None
        areas, polygons, circles = place
        if self.base is not None and scope is None and not (areas or polygons or circles):
            # a correction or all-clear of a level change: its place is that of the scope
            scope = self.base.scope
        return Content(
            kind=kind,
            status=status,
            urgency=urgency,
            severity=severity,
            certainty=certainty,
            languages=languages,
            expires=expires,
            level=level,
            scope=scope,
            areas=areas,
            polygons=polygons,
            circles=circles,
            audience=audience,
            channels=channels,
            hotlines=hotlines,
            source=origin or None,
            note=note or None,
            incidents=incidents,
            visibility=visibility,
            include_perhaps=self.include_perhaps(),
            exercise=exercise,
            provider=self.provider(),
        )

    def sizes(self) -> None:
        """Refuse at once what is too much or too long: nothing costly is done with it."""
        found = too_much(self.draft)
        if found:
            raise Rejected(
                [*self.problems, *(self.source.placed(p, path) for path, p in found[:MAX_PROBLEMS])]
            )

    # What it is

    def kind(self) -> str | None:
        given = self.draft.kind
        if self.base is None:
            kind = self.one_of("kind", given, KINDS)
            if kind in PUBLISHED_KINDS.values():
                self.add(
                    ("kind",),
                    "kind_needs_first",
                    f"a message of kind {kind} follows one that went out",
                    "use `fasttime message correct ID FILE` or `all-clear ID FILE`",
                )
            return kind
        wanted = PUBLISHED_KINDS.get(self.follows, self.base.kind)
        if (
            given is not None
            and given.strip()
            and self.one_of("kind", given, KINDS) not in (None, wanted)
        ):
            self.add(
                ("kind",),
                "kind_differs",
                f"this must be of kind {wanted}",
                f"write kind: {wanted}, or leave it out",
            )
        return wanted

    def status(self) -> str | None:
        status = self.one_of("status", self.draft.status, STATUSES)
        if status and self.base is not None and status != self.base.status:
            self.add(
                ("status",),
                "status_differs",
                f"the message went out as {self.base.status}, this one says {status}",
                f"write status: {self.base.status}",
            )
        return status

    def level_and_scope(self, kind: str | None) -> tuple[str | None, str | None]:
        draft = self.draft
        if kind not in (None, "threat_level_change"):
            for name, value in (("level", draft.level), ("scope", draft.scope)):
                if value is not None:
                    self.add(
                        (name,),
                        f"{name}_not_allowed",
                        f"a message of kind {kind} changes no level",
                        f"leave {name} out, or write kind: threat_level_change",
                    )
            return None, None
        needed = kind is not None
        level = scope = None
        if not self.is_bad("level") and (needed or draft.level is not None):
            level = self.tried(("level",), lambda: _level_or_end(draft.level))
        if draft.scope is not None and draft.scope.strip():
            text = draft.scope
            scope = self.tried(("scope",), lambda: normalise_scope(text, field="scope"))
        elif needed and not self.is_bad("scope"):
            self.add(
                ("scope",),
                "scope_missing",
                "no scope is given",
                "write UK, a GSS code, community:NAME or sector:NAME",
            )
        if level == ENDED and scope == UK:
            self.add(
                ("level",),
                "level_stays",
                "the country always has a level",
                "set another one; only the level of a place, a sector or a community ends",
            )
        return level, scope

    def grading(self, kind: str | None) -> tuple[str, str, str]:
        """Return urgency, severity and certainty: the author's, else those of the kind and of what
        this follows.
        """
        urgency, severity, certainty = DEFAULTS.get(kind or "", DEFAULTS["incident"])
        base = self.base
        if base is not None and self.follows == "update":
            urgency, severity, certainty = base.urgency, base.severity, base.certainty
        elif (
            base is not None
        ):  # who asked for the severe only must hear that it was wrong, or is over
            severity = min(severity, base.severity, key=SEVERITIES.index)
        draft = self.draft
        if draft.urgency is not None:
            urgency = self.one_of("urgency", draft.urgency, URGENCIES) or urgency
        if draft.severity is not None:
            severity = self.one_of("severity", draft.severity, SEVERITIES) or severity
        if draft.certainty is not None:
            certainty = self.one_of("certainty", draft.certainty, CERTAINTIES) or certainty
        return urgency, severity, certainty

    # Where, to whom, how, how long

    def place(
        self, kind: str | None
    ) -> tuple[tuple[str, ...], tuple[Polygon, ...], tuple[Circle, ...]] | None:
        """Return areas, polygons and circles; None where one of them is wrong or the kind needs a
        place and has none.
        """
        draft, before = self.draft, len(self.problems)
        polygons = self.shapes("polygons", draft.polygons, polygons_from_input)
        circles = self.shapes("circles", draft.circles, circles_from_input)
        areas = self.areas()
        if len(self.problems) > before or any(
            self.is_bad(name) for name in ("areas", "polygons", "circles")
        ):
            return None
        if areas or polygons or circles:
            return areas, polygons, circles
        if any(given is not None for given in (draft.areas, draft.polygons, draft.circles)):
            self.add(
                ("areas",),
                "area_empty",
                "the list of areas is empty and no shape is drawn",
                "name an area, draw a shape, or leave the field out of a threat_level_change",
            )
            return None
        if self.base is not None:
            return self.base.areas, self.base.polygons, self.base.circles
        if kind not in (None, "threat_level_change"):
            self.add(
                ("areas",),
                "area_empty",
                "no place is given: no areas, polygons or circles",
                "name an area by its code, such as areas: [E09000033], or draw a shape",
            )
            return None
        return (), (), ()

    def shapes(
        self, name: str, value: Any, read: Callable[[object, str], tuple[T, ...]]
    ) -> tuple[T, ...]:
        if value is None or value == []:
            return ()
        return self.tried((name,), lambda: read(sources.plain(value), name)) or ()

    def areas(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for i, text in enumerate(self.draft.areas or ()):
            code = text.strip()
            if not code or len(code) > MAX_AREA_CODE or not code.isprintable():
                self.add(
                    ("areas", i),
                    "area_invalid",
                    f"{shown(text)} is no code of an area",
                    "write a code such as E09000033; see `fasttime areas list`",
                )
                continue
            found[code.upper() if _GSS_SMALL.fullmatch(code) else code] = None
        return tuple(found)

    def audience(self, scope: str | None) -> Audience:
        given = self.draft.audience
        if given is None:
            if self.base is not None:
                return self.base.audience
            group, _, name = (scope or "").partition(":")
            return Audience(
                communities=(name,) if group == "community" else (),
                sectors=(name,) if group == "sector" else (),
            )
        return Audience(
            kinds=self.known(
                "kinds",
                given.kinds,
                SUBSCRIBER_KINDS,
                "audience_unknown",
                "there is no kind of subscriber",
                lambda text: did_you_mean(text, SUBSCRIBER_KINDS),
            ),
            sectors=self.names("sectors", given.sectors),
            communities=self.names("communities", given.communities),
            trades=self.known(
                "trades",
                given.trades,
                TRADES,
                "trade_unknown",
                "there is no trade",
                trade_fix,
            ),
            sizes=self.known(
                "sizes",
                given.sizes,
                SIZES,
                "size_unknown",
                "there is no size of an organisation",
                lambda text: did_you_mean(text, SIZES),
            ),
        )

    def known(
        self,
        group: str,
        given: list[str] | None,
        allowed: Collection[str],
        code: str,
        detail: str,
        fix: Callable[[str], str],
    ) -> tuple[str, ...]:
        """Return the words of a closed list of the audience, each once."""
        for i, text in enumerate(given or ()):
            if text.strip() not in allowed:
                self.add(("audience", group, i), code, f"{detail} {shown(text)}", fix(text))
        return _unique(word for text in given or () if (word := text.strip()) in allowed)

    def names(self, group: str, given: list[str] | None) -> tuple[str, ...]:
        paths: list[Path] = [("audience", group, i) for i in range(len(given or ()))]
        keys = [
            self.tried(path, lambda text=text, path=path: name_key(text, field=field_path(*path)))  # type: ignore[misc]
            for path, text in zip(paths, given or (), strict=True)
        ]
        return _unique(key for key in keys if key is not None)

    def visibility(self, audience: Audience, scope: str | None) -> str:
        """Return the author's word; without one the default, never more open than what went
        before.
        """
        if self.draft.visibility is not None:
            return self.one_of("visibility", self.draft.visibility, VISIBILITIES) or "private"
        before = [c.visibility for c in (self.base, self.replaces) if c is not None]
        return less_visible(default_visibility(audience, scope), *before)

    def include_perhaps(self) -> bool:
        """Return the author's word; without one that of the version before."""
        if self.draft.include_perhaps is not None:
            return self.draft.include_perhaps
        return self.base is not None and self.base.include_perhaps

    def exercise(self, status: str | None) -> str:
        """Return the exercise's name in one line; without one that of the version before."""
        if self.draft.exercise is None:
            return self.base.exercise if self.base is not None else ""
        name = " ".join(self.words(("exercise",), self.draft.exercise).split())
        if name and status is not None and status != "Exercise":
            self.add(
                ("exercise",),
                "exercise_name",
                f"a message of status {status} belongs to no exercise",
                "leave exercise out, or set status: Exercise",
            )
        return name

    def provider(self) -> str:
        """Return the information provider of a message, in the registered spelling. What follows a
        message has the provider of that message, for people chose by provider what they want to
        hear of.
        """
        given, before = self.draft.provider, self.base.provider if self.base is not None else ""
        if given is None:
            return before
        named = given.strip() and self.tried(
            ("provider",), lambda: name_key(given, field="provider")
        )
        if self.base is not None and named is not None and named != before:
            self.add(
                ("provider",),
                "provider_differs",
                "what follows a message comes from another provider than the message",
                "leave provider out, or cancel the message and write a new one",
            )
        return named or ""

    def channels(self) -> tuple[str, ...]:
        given = self.draft.channels
        if given is None:
            return CHANNELS if self.base is None else self.base.channels
        if not given:
            self.add(
                ("channels",),
                "channels_empty",
                "the list of channels is empty",
                f"name some of {', '.join(CHANNELS)}, or leave it out for all",
            )
        for i, text in enumerate(given):
            if text.strip() not in CHANNELS:
                self.add(
                    ("channels", i),
                    "channel_unknown",
                    f"there is no channel {shown(text)}",
                    did_you_mean(text, CHANNELS),
                )
        wanted = {text.strip() for text in given}
        return tuple(channel for channel in CHANNELS if channel in wanted)

    def expires(self, kind: str | None, level: str | None) -> datetime | timedelta | None:
        if self.draft.expires is None:
            return None if self.is_bad("expires") else DEFAULT_EXPIRY
        text = self.draft.expires
        expires = self.tried(("expires",), lambda: read_expiry(text, now=self.now))
        if expires is not None and kind == "threat_level_change" and level == Level.CRITICAL:
            problem = too_long_for_critical(expires, now=self.now)
            if problem:
                self.problems.append(self.source.placed(problem, ("expires",)))
        return expires


def _level_or_end(text: str | None) -> str:
    """Return the level that a change sets, or the word that ends it."""
    if text is not None and text.strip().upper() == ENDED:
        return ENDED
    return parse_level(text, field="level").value


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
