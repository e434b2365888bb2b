"""What a draft means: every field decided, every fault of one pass gathered in one refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from broadcast.content.limits import ALL_TEXT, COUNTS, TEXT_LENGTHS, WORD, too_long, too_many
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
    Text,
    default_visibility,
    less_visible,
)
from broadcast.content.text_rules import (
    check_not_a_drill,
    check_placeholders,
    check_text,
    sms_too_long,
)
from broadcast.content.trades import SIZES, TRADES, trade_fix
from broadcast.drafts import source as sources
from broadcast.drafts.model import AudienceIn, DraftIn, Shaped, TextIn, shape
from broadcast.drafts.source import Form, Path, Source
from broadcast.drafts.times import DEFAULT_EXPIRY, read_expiry, too_long_for_critical
from broadcast.files.nearest import did_you_mean, shown
from broadcast.files.safe_json import MAX_PROBLEMS, field_path
from broadcast.levels.scales import UK, Level, name_key, normalise_scope, parse_level
from broadcast.places.geometry import circles_from_input, polygons_from_input
from broadcast.problems import Problem, Rejected
from broadcast.wording.levels import ENDED

T = TypeVar("T")
Follows = Literal["update", "correct", "all_clear"]

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
NO_DRILL_STATUSES: Final = ("Exercise", "Test")  # where nothing may claim to be real
PUBLISHED_KINDS: Final = {"correct": "correction", "all_clear": "all_clear"}

# BCP 47 (RFC 5646 section 2.1) without private and grandfathered tags; primary languages are the
# two or three letters of ISO 639
_TAG: Final = re.compile(
    # language, extended, script, region, variants
    r"[a-z]{2,3}(-[a-z]{3}){0,3}(-[a-z]{4})?(-(?:[a-z]{2}|[0-9]{3}))?(-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?"  # extensions, private use
)
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


@dataclass(slots=True, kw_only=True)
class _Reader:
    """One pass over one draft; a method per group of fields, each adding its problems and returning
    what could be read.
    """

    source: Source
    shaped: Shaped
    now: datetime
    base: Content | None
    follows: Follows
    replaces: Content | None
    problems: list[Problem] = field(default_factory=list)

    @property
    def draft(self) -> DraftIn:
        return self.shaped.draft

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
        )

    def sizes(self) -> None:
        """Refuse at once what is too much or too long: nothing costly is done with it."""
        d, given = self.draft, self.draft.audience
        found = list(self._counts(d, given))
        if not found:
            found = list(self._lengths(d, given))
        if found:
            raise Rejected(
                [*self.problems, *(self.source.placed(p, path) for path, p in found[:MAX_PROBLEMS])]
            )

    def _counts(self, d: DraftIn, given: AudienceIn | None) -> Iterable[tuple[Path, Problem]]:
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

    def _lengths(self, d: DraftIn, given: AudienceIn | None) -> Iterable[tuple[Path, Problem]]:
        for path, text in self._short_words(d, given):
            if text and len(text) > WORD:
                yield path, too_long(field_path(*path), len(text), WORD)
        texts = list(self._all_texts(d))
        for path, text in texts:
            limit = TEXT_LENGTHS[str(path[-1] if path[0] == "languages" else path[0])]
            if len(text) > limit and path[-1] != "sms":  # of an SMS the number of parts is told too
                yield path, too_long(field_path(*path), len(text), limit)
        total = sum(len(text) for _, text in texts)
        if total > ALL_TEXT:
            yield ("languages",), too_long("languages", total, ALL_TEXT)

    def _short_words(
        self, d: DraftIn, given: AudienceIn | None
    ) -> Iterable[tuple[Path, str | None]]:
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
        ):
            yield (name,), getattr(d, name)
        yield from ((("areas", i), text) for i, text in enumerate(d.areas or ()))
        yield from ((("channels", i), text) for i, text in enumerate(d.channels or ()))
        yield from ((("languages", tag), tag) for tag in d.languages or ())
        for name in ("kinds", "sectors", "communities", "trades", "sizes"):
            yield from (
                (("audience", name, i), text)
                for i, text in enumerate(getattr(given, name, None) or ())
            )

    def _all_texts(self, d: DraftIn) -> Iterable[tuple[Path, str]]:
        for tag, words in (d.languages or {}).items():
            for name in ("headline", "description", "instruction", "sms", "voice"):
                yield ("languages", tag, name), getattr(words, name) or ""
        for name in ("hotlines", "incidents"):
            yield from (((name, i), text) for i, text in enumerate(getattr(d, name) or ()))
        yield from (((name,), getattr(d, name) or "") for name in ("source", "note", "exercise"))

    # Small tools

    def add(self, path: Path, code: str, detail: str, fix: str) -> None:
        self.problems.append(self.source.problem(path, code, detail, fix))

    def is_bad(self, *path: str | int) -> bool:
        """Whether something at or under `path` was refused already for its type or name."""
        return any(bad[: len(path)] == path for bad in self.shaped.bad)

    def tried(self, path: Path, decide: Callable[[], T]) -> T | None:
        """Return what `decide` returns, or None where it refuses; its refusal is kept."""
        try:
            return decide()
        except Rejected as exc:
            self.problems += [self.source.placed(p, path) for p in exc.problems]
            return None

    def one_of(self, name: str, text: str | None, known: Sequence[str]) -> str | None:
        """Return a word of a closed list, or None where it is missing or unknown (then named)."""
        if text is None or not text.strip():
            if not self.is_bad(name):
                self.add(
                    (name,),
                    f"{name}_missing",
                    f"no {name} is given",
                    f"write one of {', '.join(known)}",
                )
            return None
        word = text.strip()
        if word not in known:
            self.add(
                (name,),
                f"{name}_unknown",
                f"there is no {name} {shown(word)}",
                did_you_mean(word, known),
            )
            return None
        return word

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

    # The words

    def words(self, path: Path, text: str | None, *, required: bool = False) -> str:
        """Return the text, checked; a placeholder may still stand in it."""
        text = (text or "").replace("\r\n", "\n")  # what forms and Windows write
        self.problems += [
            self.source.placed(p, path)
            for p in check_text(field_path(*path), text, required=required, placeholders=False)
        ]
        return text

    def no_drill(self, path: Path, text: str) -> bool:
        """Refuse words by which an exercise could pass for real."""
        found = bool(text) and check_not_a_drill(text)
        if found:
            self.add(
                path,
                "not_a_drill",
                "an exercise or test may not claim to be real",
                "take the claim out of the text",
            )
        return found

    def languages(self, status: str | None) -> dict[str, Text]:
        found: dict[str, Text] = {}
        given = self.draft.languages or {}
        if not given and not self.is_bad("languages"):
            self.add(
                ("languages",),
                "language_missing",
                "the message has no words in any language",
                "write languages: {en: {headline: …}}",
            )
        for key, words in given.items():
            tag = language_tag(key)
            if tag is None:
                self.add(
                    ("languages", key),
                    "language_invalid",
                    f"{shown(key)} is no language tag",
                    "write a tag of BCP 47 such as en, cy or zh-Hant, with hyphens",
                )
            elif tag in found:
                self.add(
                    ("languages", key),
                    "language_twice",
                    f"{shown(key)} and {tag} are one language",
                    "keep one",
                )
            text = self.text(key, words, drill_refused=status in NO_DRILL_STATUSES)
            if tag is not None:
                found.setdefault(tag, text)
        return found

    def text(self, tag: str, words: TextIn, *, drill_refused: bool) -> Text:
        path = ("languages", tag)
        headline = (
            words.headline
            if self.is_bad(*path, "headline")
            else self.words((*path, "headline"), words.headline, required=True)
        )
        description = self.words((*path, "description"), words.description)
        instruction = self.words((*path, "instruction"), words.instruction)
        # an empty text for one channel would send nothing by it: leave it out, or write it
        sms = None if words.sms is None else self.words((*path, "sms"), words.sms, required=True)
        voice = (
            None
            if words.voice is None
            else self.words((*path, "voice"), words.voice, required=True)
        )
        too_long = sms_too_long(sms, field=field_path(*path, "sms")) if sms else None
        if too_long:
            self.problems.append(self.source.placed(too_long, (*path, "sms")))
        text = Text(
            headline=headline or "",
            description=description,
            instruction=instruction,
            sms=sms,
            voice=voice,
        )
        if drill_refused:
            parts = [
                (name, getattr(text, name) or "")
                for name in ("headline", "description", "instruction", "sms", "voice")
            ]
            said = [self.no_drill((*path, name), part) for name, part in parts]
            if not any(
                said
                # nor split over what a person reads in one go: an SMS is headline and instruction,
                # a mail all three
            ):
                joined = (
                    f"{text.headline} {text.instruction}",
                    f"{text.headline} {text.description} {text.instruction}",
                    f"{text.headline} {text.description}",
                )
                any(self.no_drill(path, one) for one in joined)
        return text


def _level_or_end(text: str | None) -> str:
    """Return the level that a change sets, or the word that ends it."""
    if text is not None and text.strip().upper() == ENDED:
        return ENDED
    return parse_level(text, field="level").value


def language_tag(text: str) -> str | None:
    """Return the tag in the spelling of RFC 5646 section 2.1.1 (en-GB, zh-Hant), or None where it
    has not the form of one.
    """
    low = text.strip().lower()
    if len(low) > 60 or not low.isascii() or not _TAG.fullmatch(low):
        return None
    out = []
    for i, part in enumerate(low.split("-")):
        after_singleton = any(len(p) == 1 for p in low.split("-")[:i])
        if i and not after_singleton and len(part) == 2:
            part = part.upper()
        elif i and not after_singleton and len(part) == 4 and part.isalpha():
            part = part.title()
        out.append(part)
    return "-".join(out)


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
