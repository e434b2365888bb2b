"""A CAP document as the fields of a message: from there on it is read by the rules that every draft
is read by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from broadcast.cap import parameters
from broadcast.cap.gss import gss_codes
from broadcast.cap.incoming import expiry_text, warnings_of
from broadcast.cap.model import CapAlert, CapInfo
from broadcast.cap.validation.validate import Verdict, judge
from broadcast.content.model import Content, less_visible
from broadcast.drafts.one_pass import Follows
from broadcast.drafts.reading import read_source
from broadcast.drafts.source import Source
from broadcast.drafts.times import read_expiry
from broadcast.drafts.writing import ring_fields
from broadcast.places.drawn_shapes import ring_from_cap
from broadcast.problems import Problem, Rejected, refuse

_EXPIRES = re.compile(r"/alert/info\[[0-9]{1,4}\]/expires\[1\]")


def read_cap(data: bytes) -> CapAlert:
    """Return a document that a message may be made of, or that acts on one.

    Raises Rejected with one Problem per rejecting rule, except those about shapes: of these the
    rules of a message speak. And cap_message_type for Ack and Error.
    """
    verdict, alert = judge(data, shapes=False)
    if alert is None:
        raise Rejected(_in_our_words(verdict))
    if alert.msg_type not in ("Alert", "Update", "Cancel"):
        detail = f"a message of type {alert.msg_type} cannot be sent on"
        raise refuse(
            "cap_message_type",
            detail,
            "only Alert, Update and Cancel become messages",
            field="msgType",
        )
    return alert


def _in_our_words(verdict: Verdict) -> list[Problem]:
    """Return what is said against a document; of an expiry that does not exist what a draft in any
    other form is told.
    """
    found: list[Problem] = []
    for rule, problem in zip(verdict.rejecting(), verdict.problems(), strict=True):
        if rule.rule == "time_impossible" and _EXPIRES.fullmatch(rule.where):
            try:
                read_expiry(rule.found, now=datetime.min.replace(tzinfo=UTC))
            except Rejected as ours:
                if ours.problems[0].code == "time_invalid":
                    found += ours.problems
                    continue
        found.append(problem)
    return found


def content_of(
    alert: CapAlert,
    *,
    now: datetime,
    base: Content | None = None,
    follows: Follows = "update",
    replaces: Content | None = None,
) -> tuple[Content, tuple[Problem, ...]]:
    """Return the content that a document is drafted as, and what the operator should know of it.

    Without our parameters it is an incident for everybody in its areas; with `base` it has the
    kind, the audience and the channels of what it follows, and is never more open than that. Raises
    Rejected in the words of any other draft; beside them area_empty for a document without an info,
    cap_language for two infos in one language, cap_parameter for parameters of ours that CAP cannot
    mean.
    """
    if not alert.infos:
        raise refuse(
            "area_empty",
            "the document has no info, so no words and no area",
            "write a message by hand",
            field="info",
        )
    ours = parameters.is_ours(alert.infos[0])
    fields = _ours(alert, alert.infos[0]) if ours else _foreign(alert)
    if base is not None and not ours:
        for name in ("kind", "audience", "channels"):
            fields.pop(name, None)
        fields["visibility"] = less_visible(base.visibility, fields["visibility"])
    source = Source(value={k: v for k, v in fields.items() if v is not None}, form="json")
    content = read_source(source, now=now, base=base, follows=follows, replaces=replaces)
    return content, () if ours else tuple(warnings_of(alert))


def _common(alert: CapAlert) -> dict[str, Any]:
    first = alert.infos[0]
    return {
        "status": alert.status,
        "urgency": first.urgency,
        "severity": first.severity,
        "certainty": first.certainty,
        "source": alert.source,
    }


def _ours(alert: CapAlert, first: CapInfo) -> dict[str, Any]:
    parameters.known_names(first)
    said = parameters.audience_of(first)
    added = parameters.one(first, parameters.NOTE_IS_OURS)
    incidents = first.values_of(parameters.INCIDENT) or alert.incident_list
    return {
        **_common(alert),
        "kind": parameters.one(first, parameters.KIND),
        "languages": _languages(alert.infos, _our_words),
        "expires": expiry_text(alert.infos, parameters.one(first, parameters.EXPIRES)),
        "level": parameters.one(first, parameters.LEVEL),
        "scope": parameters.one(first, parameters.SCOPE),
        "areas": _codes([first]) or None,
        "polygons": _with_holes(first) or None,
        "circles": [text for area in parameters.drawn_areas(first) for text in area.circles]
        or None,
        "audience": {
            "kinds": list(said.kinds),
            "sectors": list(said.sectors),
            "communities": list(said.communities),
            "trades": list(said.trades),
            "sizes": list(said.sizes),
        },
        "channels": list(parameters.channels_of(first)),
        "hotlines": list(first.values_of(parameters.HOTLINE)),
        "note": parameters.one(first, parameters.NOTE) if added else alert.note,
        "incidents": list(incidents),
        "visibility": parameters.visibility_of(first, alert.scope),
        "include_perhaps": parameters.includes_perhaps(first),
        "exercise": parameters.one(first, parameters.EXERCISE),
        "provider": parameters.one(first, parameters.PROVIDER),
    }


def _foreign(alert: CapAlert) -> dict[str, Any]:
    infos = alert.infos
    return {
        **_common(alert),
        "kind": "incident",
        "languages": _languages(infos, _foreign_words),
        "expires": expiry_text(infos, None),
        "areas": _unique(code.strip() for code in _codes(infos)) or None,
        "polygons": (
            _unique(text for info in infos for area in info.areas for text in area.polygons) or None
        ),
        "circles": (
            _unique(text for info in infos for area in info.areas for text in area.circles) or None
        ),
        "source": alert.source or infos[0].sender_name or None,
        "note": alert.note,
        "incidents": _unique((alert.identifier, *alert.incident_list)),
        "visibility": alert.scope.lower(),
    }


def _languages(infos: Iterable[CapInfo], words: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in infos:
        if info.language_tag in found:
            fix = "keep one info per language; one without a language is en-US"
            raise refuse(
                "cap_language", f"two infos are in {info.language_tag}", fix, field="info.language"
            )
        found[info.language_tag] = {
            name: text for name, text in words(info).items() if text is not None
        }
    return found


def _our_words(info: CapInfo) -> dict[str, str | None]:
    return {
        "headline": parameters.headline_of(info),
        "description": info.description,
        "instruction": info.instruction,
        "sms": parameters.one(info, parameters.SMS),
        "voice": parameters.one(info, parameters.VOICE),
    }


def _foreign_words(info: CapInfo) -> dict[str, str | None]:
    headline = (info.headline or "").strip() or info.event
    return {"headline": headline, "description": info.description, "instruction": info.instruction}


def _codes(infos: Iterable[CapInfo]) -> list[str]:
    return [code for info in infos for area in info.areas for code in gss_codes(area)]


def _with_holes(info: CapInfo) -> list[Any]:
    """Return the polygons: CAP strings as they stand, those with holes as GeoJSON, which has a
    place for them.
    """
    texts = [text for area in parameters.drawn_areas(info) for text in area.polygons]
    holes: dict[int, list[str]] = {}
    for value in info.values_of(parameters.HOLE):
        index, _, text = value.partition(" ")
        parameters.check_hole_index(index, value, len(texts))
        holes.setdefault(int(index), []).append(text)
    out: list[Any] = list(texts)
    for i, inner in holes.items():
        rings = [ring_from_cap(text, f"polygons[{i}]") for text in (texts[i], *inner)]
        out[i] = {"type": "Polygon", "coordinates": [ring_fields(ring) for ring in rings]}
    return out


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
