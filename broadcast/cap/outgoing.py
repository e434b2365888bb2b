"""From a message version to its CAP document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from broadcast.cap import parameters
from broadcast.cap.audiences import whom
from broadcast.cap.gss import GSS
from broadcast.cap.model import CapAlert, CapArea, CapInfo, Pair
from broadcast.cap.shape_text import circle_text, polygon_text
from broadcast.cap.validation.lists import Reference, join_quoted, join_references, split_quoted
from broadcast.cap.validation.times import cap_time
from broadcast.content import trades
from broadcast.content.model import Content, Ring, provided_by
from broadcast.levels.scales import GSS_UNITED_KINGDOM
from broadcast.places.outline import TOGETHER
from broadcast.problems import refuse
from broadcast.wording import cancelling
from broadcast.wording.kinds import kind_called
from broadcast.wording.languages import pack_for
from broadcast.wording.levels import UK
from broadcast.wording.pack import called, fill
from broadcast.wording.render import headline_alone
from broadcast.wording.rendered import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wording:
    """How a kind is said in CAP's own words (CAP 1.2, info.category, info.responseType)."""

    categories: tuple[str, ...]
    response: str


_KINDS = {
    "threat_level_change": _Wording(categories=("Security",), response="Monitor"),
    "appeal": _Wording(categories=("Security",), response="Monitor"),
    "incident": _Wording(categories=("Security", "Safety"), response="Avoid"),
    "advice": _Wording(categories=("Safety", "Security"), response="Prepare"),
    "crime_update": _Wording(categories=("Security",), response="Monitor"),
    "contingency": _Wording(categories=("Security", "Safety"), response="Execute"),
    "correction": _Wording(categories=("Security", "Safety"), response="Monitor"),
    "all_clear": _Wording(categories=("Security", "Safety"), response="AllClear"),
}
GroupNames = Mapping[str, Mapping[str, str]]
"""By scope, such as "sector:retail", the group's name by language; "" is every other language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Called:
    """What people call the areas and groups of a content."""

    facts: Facts
    outlines: Mapping[str, Sequence[Ring]]

    def polygons(self, code: str) -> tuple[str, ...]:
        return tuple(polygon_text(ring) for ring in self.outlines.get(code, ()))

    def group(self, scope: str, language: str) -> str:
        return called(self.facts.groups.get(scope, {}), language) or scope.partition(":")[2]


_SCOPES = {"public": "Public", "restricted": "Restricted", "private": "Private"}
_PEOPLE = {
    "officer": "police officers",
    "partner": "partner organisations",
    "resident": "residents",
    "business": "businesses",
}
_CORRECTION_CODE = "correction"  # alert.code: CAP has no msgType for it


def to_cap(
    content: Content,
    *,
    identifier: str,
    sender: str,
    sender_name: str,
    sent: datetime,
    expires: datetime,
    msg_type: str = "Alert",
    references: Sequence[tuple[str, str, datetime | str]] = (),
    code: str = "",
    public_url: str = "",
    area_names: Mapping[str, str] | None = None,
    group_names: GroupNames | None = None,
    outlines: Mapping[str, Sequence[Ring]] | None = None,
    near: Sequence[str] = (),
    note: str | None = None,
    web: str | None = None,
) -> CapAlert:
    """Return the CAP document of one published version; it says all of its content (with `expires`
    in place of a duration), which the tests read back.

    `sent`, `expires` and the times in `references` (sender, identifier, sent) are aware datetimes
    or CAP times, cut to whole seconds. `area_names` gives the name of each area code, `group_names`
    those of each community and sector by language; what has none stands for itself. `outlines` are
    the rings in which all of an area lies, by its code; under "" those of all areas together, where
    they are too many for one each. `near` are the names of the areas that anything drawn touches.
    `note` goes before the author's own note. `web` is the address of the message;
    `public_url`/v/`code` where it is not given. Raises Rejected: exercise_note for status Exercise
    without a note that names the exercise, kind_unknown. The result is not judged here: whoever
    publishes it calls `validate(write(alert))`.
    """
    said_note = content.note if note is None else note
    _check(content, said_note)
    incidents = join_quoted(content.incidents)
    facts = Facts(
        sender_name=sender_name,
        code=code,
        public_url=public_url,
        sent=sent,
        names=area_names or {},
        near=tuple(near),
        groups=group_names or {},
    )
    called_so = _Called(facts=facts, outlines=outlines or {})
    shared = (
        *parameters.message_parameters(content),
        *_leftovers(content, said_note, incidents, code),
        *_outlined(content, called_so),
    )
    return CapAlert(
        identifier=identifier,
        sender=sender,
        sent=cap_time(sent),
        status=content.status,
        msg_type=msg_type,
        source=content.source,
        scope=_SCOPES[content.visibility],
        restriction=(
            f"For {' and '.join(_readers(content, called_so))} only; not for the public"
            if content.visibility == "restricted"
            else None
        ),
        addresses=(
            join_quoted(_readers(content, called_so)) if content.visibility == "private" else None
        ),
        codes=(_CORRECTION_CODE,) if content.kind == "correction" else (),
        note=said_note,
        references=join_references(
            Reference(who, which, when if isinstance(when, str) else cap_time(when))
            for who, which, when in references
        )
        or None,
        incidents=incidents or None,
        infos=tuple(
            replace(
                _info(content, tag, called_so, shared),
                expires=cap_time(expires),
                sender_name=(
                    called_so.group(provided_by(content), tag) if content.provider else sender_name
                ),
                web=web or (f"{public_url}/v/{code}" if public_url and code else None),
            )
            for tag in content.languages
        ),
    )


def _check(content: Content, note: str | None) -> None:
    """Raise Rejected where CAP has no words for it: kind_unknown, exercise_note."""
    if content.kind not in _KINDS:
        raise refuse(
            "kind_unknown",
            f"{content.kind!r} is no kind of message",
            f"choose one of {', '.join(_KINDS)}",
            field="kind",
        )
    if content.status == "Exercise" and not (note or "").strip():
        raise refuse(
            "exercise_note",
            "a message of an exercise names the exercise",
            "give the name of the exercise as note",
            field="note",
        )


def _info(content: Content, tag: str, called_so: _Called, shared: tuple[Pair, ...]) -> CapInfo:
    """Return what the content itself says in one language; `shared` are the parameters that every
    info has.
    """
    wording, text = _KINDS[content.kind], content.languages[tag]
    headline = headline_alone(content, called_so.facts, tag)
    return CapInfo(
        language=tag,
        categories=wording.categories,
        event=kind_called(content.kind, tag),
        response_types=(wording.response,),
        urgency=content.urgency,
        severity=content.severity,
        certainty=content.certainty,
        audience=_audience(content, called_so, tag),
        headline=headline,
        description=text.description or None,
        instruction=text.instruction or None,
        contact="; ".join(content.hotlines) or None,
        areas=_areas(content, called_so, tag),
        parameters=(*shared, *parameters.text_parameters(text, headline)),
    )


def as_cancel(alert: CapAlert, reason: str | None) -> CapAlert:
    """Return the Cancel of a message that was published as `alert`: it says in each language what
    is cancelled, why, and that nothing need be done any more.

    A program that acts on urgency and responseType must not act on the old ones again.
    """
    over = reason == "over"

    def cancelled(info: CapInfo) -> CapInfo:
        tag = info.language_tag
        return replace(
            info,
            response_types=("AllClear" if over else "None",),
            urgency="Past",
            severity="Minor",
            certainty="Observed" if over else "Unlikely",
            headline=cancelling.headline(parameters.headline_of(info) or info.event, tag),
            description=cancelling.words(reason, tag),
            instruction=cancelling.nothing_to_do(tag),
            parameters=tuple(
                (name, value)
                for name, value in info.parameters
                if name not in (parameters.HEADLINE, parameters.SMS, parameters.VOICE)
            ),
        )

    return replace(alert, msg_type="Cancel", infos=tuple(map(cancelled, alert.infos)))


def _readers(content: Content, named: _Called) -> tuple[str, ...]:
    """Return in words whom a message is for that is not for the public. CAP wants them named; it
    never names a person. They are English: they stand above the infos, so in no language of theirs.
    """
    rule = content.audience
    kinds = tuple(words for kind, words in _PEOPLE.items() if kind in rule.kinds)
    return (
        *kinds,
        *(f"sector {named.group(f'sector:{name}', 'en')}" for name in rule.sectors),
        *(f"community {named.group(f'community:{name}', 'en')}" for name in rule.communities),
        *(f"trade {trades.named(letter)}" for letter in rule.trades),
        *(f"{size} organisations" for size in rule.sizes),
    ) or ("those it was sent to",)


def _audience(content: Content, named: _Called, language: str) -> str | None:
    """Return whom the message is for in the language of the info; None for everybody."""
    rule = content.audience
    return (
        whom(
            rule,
            language,
            sectors=[named.group(f"sector:{name}", language) for name in rule.sectors],
            communities=[named.group(f"community:{name}", language) for name in rule.communities],
        )
        or None
    )


def _leftovers(
    content: Content, said_note: str | None, incidents: str, code: str
) -> tuple[Pair, ...]:
    """Return the parameters for what CAP's own elements hold only in part."""
    pairs: list[Pair] = []
    if content.scope and not (content.areas or content.polygons or content.circles):
        pairs.append((parameters.SCOPE_AREA, "yes"))
    if isinstance(content.expires, datetime) and content.expires.microsecond:
        pairs.append((parameters.EXPIRES, content.expires.isoformat()))
    if split_quoted(incidents) != content.incidents:
        pairs += [(parameters.INCIDENT, value) for value in content.incidents]
    if said_note != content.note:
        pairs.append((parameters.NOTE_IS_OURS, "yes"))
        if content.note is not None:
            pairs.append((parameters.NOTE, content.note))
    if code:
        pairs.append((parameters.CODE, code))
    return tuple(pairs)


def _outlined(content: Content, named: _Called) -> tuple[Pair, ...]:
    """Return the parameter that tells which areas have an outline of ours, so that nobody who reads
    the document takes it for drawn by the author.
    """
    areas = _bordered(content, named, "")
    if not any(area.polygons for area in areas):
        return ()
    return ((parameters.OUTLINED, str(len(areas))),)


def _bordered(content: Content, named: _Called, language: str) -> list[CapArea]:
    """Return one area per code, and for a level change without a place one for where its level
    holds.
    """
    if content.scope and not (content.areas or content.polygons or content.circles):
        code = GSS_UNITED_KINGDOM if _is_nation(content.scope) else content.scope
        words = _scope_in_words(content.scope, named, language)
        return [CapArea(area_desc=words, polygons=named.polygons(code), geocodes=((GSS, code),))]
    areas = [
        CapArea(
            area_desc=named.facts.names.get(code, code),
            polygons=named.polygons(code),
            geocodes=((GSS, code),),
        )
        for code in content.areas
    ]
    if together := named.polygons(TOGETHER):
        areas.append(CapArea(area_desc=pack_for(language).together, polygons=together))
    return areas


def _areas(content: Content, named: _Called, language: str) -> tuple[CapArea, ...]:
    """Return the areas with their borders, then one for everything drawn."""
    areas = _bordered(content, named, language)
    if content.polygons or content.circles:
        areas.append(
            CapArea(
                area_desc=_drawn_in_words(named, language),
                polygons=tuple(polygon_text(polygon[0]) for polygon in content.polygons),
                circles=tuple(circle_text(circle) for circle in content.circles),
            )
        )
    return tuple(areas)


def _drawn_in_words(named: _Called, language: str) -> str:
    """Return where the drawn area lies, in the language of the info, for whoever sees no map."""
    if not named.facts.near:
        return pack_for(language).drawn
    return fill(pack_for(language).in_part, place=", ".join(named.facts.near))


def _scope_in_words(scope: str, named: _Called, language: str) -> str:
    """Return where a level holds, as people call it: that of a sector or community holds in the
    whole country, for them.
    """
    if not _is_nation(scope):
        return named.facts.names.get(scope, scope)
    return fill(pack_for(language).level_holds(scope), place=named.group(scope, language))


def _is_nation(scope: str) -> bool:
    return scope == UK or ":" in scope
