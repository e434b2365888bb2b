"""The exact inverse of what we publish: the content that a document of ours was made from, with
nothing asked of it. The product reads documents as drafts (`broadcast/cap/drafting.py`),
by the rules that every draft keeps; this tells whether a document says all of its message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from broadcast.cap import parameters
from broadcast.cap.gss import gss_codes
from broadcast.cap.incoming import warnings_of
from broadcast.cap.model import CapAlert, CapInfo
from broadcast.cap.shape_text import read_circle, read_polygon
from broadcast.cap.validation.lists import Reference
from broadcast.cap.validation.rules import RuleHit
from broadcast.content.model import Circle, Content, Ring, Text
from broadcast.problems import Problem, Rejected, refuse

T = TypeVar("T")

DEFAULT_EXPIRY = timedelta(hours=24)  # 24 h if absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What a CAP document says as content of ours, and what it says beside.

    `ours` tells whether it carried our parameters. `warnings` are for the operator's eyes: what the
    draft does otherwise than the document.
    """

    content: Content
    msg_type: str
    references: tuple[Reference, ...]
    identifier: str
    ours: bool
    code: str = ""
    warnings: tuple[Problem, ...] = ()


def from_cap(alert: CapAlert, *, now: datetime | None = None) -> Drafted:
    """Return the content of a draft made from the document.

    With our parameters it comes back as it went. Without them it becomes an `incident` for
    everybody in its areas: polygons, circles and the geocodes that are GSS codes of all its infos;
    urgency, severity and certainty of its first; the earliest of their expiry times, or 24 h; its
    identifier goes to `incidents`.

    Raises Rejected: cap_message_type for Ack and Error, cap_language for two infos in one language,
    area_empty where it says of no place that we can find, expired where it has ended at `now`
    (aware; None = not asked), cap_parameter, cap_polygon, cap_circle, cap_time.
    """
    if alert.msg_type not in ("Alert", "Update", "Cancel"):
        raise refuse(
            "cap_message_type",
            f"a message of type {alert.msg_type} cannot be sent on",
            "only Alert, Update and Cancel become messages",
            field="msgType",
        )
    if not alert.infos:
        raise refuse(
            "area_empty",
            "the document has no info, so no words and no area",
            "write a message by hand",
            field="info",
        )
    _one_info_per_language(alert.infos)
    first = alert.infos[0]
    expires = min(
        (at for at in (info.expires_at for info in alert.infos) if at is not None), default=None
    )
    if now is not None and expires is not None and expires <= now:
        raise refuse(
            "expired",
            "the document has expired",
            "ask its sender for a new one, or give the message a later end by hand",
            field="expires",
        )
    ours = parameters.is_ours(first)
    content = _ours(alert, first, expires) if ours else _foreign(alert, expires)
    if not (
        content.areas
        or content.polygons
        or content.circles
        or (ours and content.kind == "threat_level_change" and content.scope)
    ):
        raise refuse(
            "area_empty",
            "the document names no area that we can find",
            "draw the area, or name it by its GSS code, in a message of your own",
            field="area",
        )
    return Drafted(
        content=content,
        msg_type=alert.msg_type,
        references=alert.reference_list,
        identifier=alert.identifier,
        ours=ours,
        code=(parameters.one(first, parameters.CODE) or "") if ours else "",
        warnings=() if ours else tuple(warnings_of(alert)),
    )


def _one_info_per_language(infos: tuple[CapInfo, ...]) -> None:
    seen: set[str] = set()
    for info in infos:
        tag = info.language_tag.lower()
        if tag in seen:
            raise refuse(
                "cap_language",
                f"two infos are in {info.language_tag}",
                "keep one info per language; one without a language is en-US",
                field="info.language",
            )
        seen.add(tag)


def _ours(alert: CapAlert, first: CapInfo, expires: datetime | None) -> Content:
    exact = parameters.one(first, parameters.EXPIRES)
    drawn = replace(first, areas=parameters.drawn_areas(first))
    note = (
        parameters.one(first, parameters.NOTE)
        if parameters.one(first, parameters.NOTE_IS_OURS)
        else alert.note
    )
    return Content(
        kind=parameters.kind_of(first),
        status=alert.status,
        urgency=first.urgency,
        severity=first.severity,
        certainty=first.certainty,
        languages={
            info.language_tag: Text(
                headline=parameters.headline_of(info) or "",
                description=info.description or "",
                instruction=info.instruction or "",
                sms=parameters.one(info, parameters.SMS),
                voice=parameters.one(info, parameters.VOICE),
            )
            for info in alert.infos
        },
        expires=_exact_time(exact) if exact else expires or DEFAULT_EXPIRY,
        level=parameters.one(first, parameters.LEVEL),
        scope=parameters.one(first, parameters.SCOPE),
        areas=() if parameters.one(first, parameters.SCOPE_AREA) else _codes([first]),
        polygons=parameters.with_holes(_rings([drawn]), first),
        circles=_circles([drawn]),
        audience=parameters.audience_of(first),
        channels=parameters.channels_of(first),
        hotlines=first.values_of(parameters.HOTLINE),
        source=alert.source,
        note=note,
        incidents=first.values_of(parameters.INCIDENT) or alert.incident_list,
        visibility=parameters.visibility_of(first, alert.scope),
        provider=parameters.one(first, parameters.PROVIDER) or "",
        include_perhaps=parameters.includes_perhaps(first),
    )


def _exact_time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise refuse(
            "cap_parameter",
            f"the parameter {parameters.EXPIRES} is no time with an offset",
            "write it as RFC 3339",
            field=parameters.EXPIRES,
        )
    return at


def _foreign(alert: CapAlert, expires: datetime | None) -> Content:
    first = alert.infos[0]
    return Content(
        kind="incident",
        status=alert.status,
        urgency=first.urgency,
        severity=first.severity,
        certainty=first.certainty,
        languages={
            info.language_tag: Text(
                headline=(info.headline or "").strip() or info.event,
                description=info.description or "",
                instruction=info.instruction or "",
            )
            for info in alert.infos
        },
        expires=expires or DEFAULT_EXPIRY,
        areas=_unique(code.strip() for code in _codes(alert.infos)),
        polygons=tuple((ring,) for ring in _unique(_rings(alert.infos))),
        circles=_unique(_circles(alert.infos)),
        source=alert.source or first.sender_name or None,
        note=alert.note,
        incidents=_unique((alert.identifier, *alert.incident_list)),
        visibility=alert.scope.lower(),
    )


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _codes(infos: Iterable[CapInfo]) -> tuple[str, ...]:
    return tuple(code for info in infos for area in info.areas for code in gss_codes(area))


def _rings(infos: Iterable[CapInfo]) -> tuple[Ring, ...]:
    rings = []
    for info in infos:
        for area in info.areas:
            for text in area.polygons:
                ring, hits = read_polygon(text)
                _stop_at("cap_polygon", hits)
                rings.append(ring)
    return tuple(rings)


def _circles(infos: Iterable[CapInfo]) -> tuple[Circle, ...]:
    circles = []
    for info in infos:
        for area in info.areas:
            for text in area.circles:
                circle, hits = read_circle(text)
                _stop_at("cap_circle", hits)
                if circle is not None:
                    circles.append(circle)
    return tuple(circles)


def _stop_at(code: str, hits: tuple[RuleHit, ...]) -> None:
    problems = [
        Problem(
            code=code, detail=f"{found.rule}: found {found.found}", fix=f"expected {found.expected}"
        )
        for found in hits
        if found.severity == "reject"
    ]
    if problems:
        raise Rejected(problems)
