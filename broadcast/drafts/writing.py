"""A content as YAML that a person can edit and `read_draft` reads back."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from broadcast.content.model import Circle, Content, Polygon, Ring, Text
from broadcast.drafts.times import write_expiry

# 0900: text or nine hundred, by the version of YAML
_NEEDS_QUOTES: Final = re.compile(r"[-+]?[0-9_]+", re.ASCII)


class _Dumper(yaml.SafeDumper):
    """SafeDumper without aliases, with blocks for texts of several lines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "'" if _NEEDS_QUOTES.fullmatch(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(content: Content) -> str:
    """Return the draft as YAML in the fields of the contract; `read_draft` gives an equal Content
    back, to the second of `expires`.

    Polygons are GeoJSON objects (lon, lat), circles CAP strings (lat,lon radius in km).
    `visibility`, `audience` and `channels` are always written: left out they would mean what the
    version before had. The scope of a correction or all-clear is not written; it comes from there.
    """
    return yaml.dump(
        fields_of(content),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=150,
    )


def fields_of(content: Content) -> dict[str, Any]:
    """Return a content in the fields of the contract's message YAML and JSON, as plain types that
    `read_draft` takes again.
    """
    changes_level = content.kind == "threat_level_change"
    out: dict[str, Any] = {
        "kind": content.kind,
        "status": content.status,
        "level": str(content.level) if changes_level else None,
        "scope": content.scope if changes_level else None,
        "urgency": content.urgency,
        "severity": content.severity,
        "certainty": content.certainty,
        "areas": list(content.areas) or None,
        "polygons": [_polygon(p) for p in content.polygons] or None,
        "circles": [_circle(c) for c in content.circles] or None,
        "visibility": content.visibility,
        "audience": {
            name: list(value)
            for name in ("kinds", "sectors", "communities", "trades", "sizes")
            if (value := getattr(content.audience, name))
        },
        "channels": list(content.channels),
        "expires": write_expiry(content.expires),
        "languages": {tag: _words(text) for tag, text in content.languages.items()},
        "hotlines": list(content.hotlines) or None,
        "source": content.source,
        "note": content.note,
        "incidents": list(content.incidents) or None,
        "include_perhaps": content.include_perhaps or None,
        "exercise": content.exercise or None,
        "provider": content.provider or None,
    }
    return {name: value for name, value in out.items() if value is not None}


def _words(text: Text) -> dict[str, str]:
    words = {
        name: getattr(text, name)
        for name in ("headline", "description", "instruction", "sms", "voice")
    }
    return {name: value for name, value in words.items() if value or name == "headline"}


def _polygon(polygon: Polygon) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring_fields(ring) for ring in polygon]}


def ring_fields(ring: Ring) -> list[list[float]]:
    """Return a ring as GeoJSON positions."""
    return [list(point) for point in ring]


def _circle(circle: Circle) -> str:
    return f"{circle.latitude!r},{circle.longitude!r} {circle.radius_km!r}"
