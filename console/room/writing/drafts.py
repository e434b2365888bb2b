"""The form on which a message is written, and the draft that it stands for: field by field, both
ways. What the fields mean is decided by `read_draft`, as for every other door.
"""

from __future__ import annotations

import json
from typing import Any

from broadcast.content.model import Content
from broadcast.content.text_rules import plainer
from broadcast.drafts.writing import fields_of
from broadcast.groups.registered import Groups, is_group
from broadcast.levels.names import folded
from broadcast.problems import refuse
from console.room.frame import Form

WORDS = ("headline", "description", "instruction", "sms", "voice")
PLAIN = ("kind", "level", "scope", "urgency", "severity", "certainty", "expires", "visibility")
LINES = ("source", "note", "exercise", "provider")
ELSEWHERE = "scope_place"
"""The place that a level is for, where no group and not the whole country is chosen: its code, or
its name until it is found.
"""
WHICH = "scope_which"
"""The code of the place that was chosen among those found."""
A_PLACE = "A place, named below"
GROUPS = {"sectors": "sector", "communities": "community"}
AUDIENCE = ("kinds", *GROUPS, "trades", "sizes")
CHECKED = ("areas", "channels", *AUDIENCE)
NUMBERS = ("hotlines", "circles")
EMPTY = dict.fromkeys(WORDS, "")

Fields = dict[str, Any]
"""The fields of the page: text, lists of what is ticked, and `languages`, one after the other."""


def blank(kind: str) -> Fields:
    """Return an empty page for a kind of message."""
    return {
        **dict.fromkeys((*PLAIN, ELSEWHERE, *LINES, *NUMBERS), ""),
        "kind": kind,
        "expires": "4h" if kind != "threat_level_change" else "",
        "scope": "UK" if kind == "threat_level_change" else "",
        "areas": [],
        **{name: [] for name in AUDIENCE},
        "channels": ["sms", "voice", "email", "web"],
        "corners": "",
        "languages": [{"tag": "en", **EMPTY}],
    }


def kept(fields: Fields) -> Fields:
    """Return a page that was kept as the page is now: what did not exist then has nothing in it,
    and groups that were typed with commas between are ticked.
    """
    found = blank(fields["kind"]) | fields
    for name in GROUPS:
        if isinstance(found[name], str):
            found[name] = [part.strip() for part in found[name].split(",") if part.strip()]
    return found


def typed(form: Form) -> Fields:
    """Return what somebody typed, as the page shows it again."""
    count = min(sum(name.startswith("tag-") for name in form.fields), 100)
    return {
        **{name: form.one(name) for name in (*PLAIN, ELSEWHERE, *LINES, *NUMBERS)},
        ELSEWHERE: form.one(WHICH)[:100] or form.one(ELSEWHERE),
        **{name: list(dict.fromkeys(form.many(name))) for name in CHECKED},
        "corners": form.one("corners"),
        "languages": [
            {"tag": form.one(f"tag-{n}"), **{word: form.one(f"{word}-{n}") for word in WORDS}}
            for n in range(count)
        ],
    }


def draft_of(fields: Fields, status: str) -> dict[str, Any]:
    """Return the draft that was typed into a page, as JSON. Empty fields are left out, so that the
    defaults of its kind hold. Raises Rejected (422 corners_invalid).
    """
    languages = {
        each["tag"]: {word: each[word] for word in WORDS if each[word]}
        for each in fields["languages"]
        if each["tag"] and any(each[word] for word in WORDS)
    }
    audience = {name: fields[name] for name in AUDIENCE}
    found: dict[str, Any] = {name: fields[name] for name in (*PLAIN, *LINES)}
    if fields["kind"] != "threat_level_change":
        del found["level"], found["scope"]
    elif fields[ELSEWHERE]:
        found["scope"] = _one_scope(fields)
    found |= {
        "areas": fields["areas"],
        "polygons": _polygons(fields["corners"]),
        "circles": _lines(fields["circles"]),
        "hotlines": _lines(fields["hotlines"]),
        "languages": languages,
    }
    found = {name: value for name, value in found.items() if value}
    audience = {name: value for name, value in audience.items() if value}
    return {**found, "status": status, "audience": audience, "channels": fields["channels"]}


def made_cheaper(fields: Fields, tag: str) -> Fields:
    """Return the page with plain characters, in what the text message of a language is made of, for
    those that make it dearer, as `plainer` says.
    """

    def cheaper(each: dict[str, str]) -> dict[str, str]:
        words = ("sms",) if each["sms"] else ("headline", "instruction")
        return each | {word: plainer(each[word]) for word in words}

    languages = [cheaper(each) if each["tag"] == tag else each for each in fields["languages"]]
    return fields | {"languages": languages}


def of_content(content: Content) -> Fields:
    """Return the page of a draft."""
    told = fields_of(content)
    audience = told.get("audience", {})
    scope = told.get("scope", "")
    place = "" if scope == "UK" or is_group(scope) else scope
    return {
        **{name: told.get(name, "") for name in (*PLAIN, *LINES)},
        "scope": "" if place else scope,
        ELSEWHERE: place,
        **{name: "\n".join(told.get(name, ())) for name in NUMBERS},
        "areas": told.get("areas", []),
        "channels": told["channels"],
        **{name: audience.get(name, []) for name in AUDIENCE},
        "corners": "\n\n".join(map(_corners, told.get("polygons", ()))),
        "languages": [{"tag": tag, **EMPTY, **words} for tag, words in told["languages"].items()],
    }


def _one_scope(fields: Fields) -> str:
    """Return the place that was typed; raises Rejected where something else is chosen too."""
    if fields["scope"]:
        raise refuse(
            "scope_twice",
            "the level is for what is chosen and for the place that is typed",
            f"choose “{A_PLACE}”, or empty the field for the place",
            field=ELSEWHERE,
        )
    return str(fields[ELSEWHERE])


def _polygons(text: str) -> list[Any]:
    """Return polygons: corners as lat,lon, one a line, an empty line between two; or GeoJSON."""
    found: list[Any] = []
    for block in text.replace("\r", "").split("\n\n"):
        lines = block.split()
        if not lines:
            continue
        if block.lstrip().startswith("{"):
            try:
                found.append(json.loads(block))
            except ValueError:
                raise refuse(
                    "corners_invalid",
                    "what begins with { is no GeoJSON",
                    "write one corner a line, as 51.5,-0.12",
                    field="corners",
                ) from None
            continue
        if lines[0] != lines[-1]:
            lines.append(lines[0])
        found.append(" ".join(lines))
    return found


def _corners(polygon: dict[str, Any]) -> str:
    rings = polygon["coordinates"]
    if len(rings) > 1:
        return json.dumps(polygon)
    return "\n".join(f"{lat},{lon}" for lon, lat in rings[0][:-1])


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def groups_to_choose(fields: Fields, known: Groups) -> dict[str, list[tuple[str, str, bool]]]:
    """Return what there is to tick and to choose, by field: the value, what people call it, and
    whether it is chosen. What the page names and nobody registered stands there as well, so that
    nothing is left out unseen.
    """
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for name, kind in GROUPS.items():
        mine = {folded(each): each for each in fields[name]}
        rows = [
            (
                mine.pop(group.key, group.key),
                group.name,
                group.key in set(map(folded, fields[name])),
            )
            for group in known
            if group.kind == kind
        ]
        found[name] = rows + [(each, f"{each} (not registered)", True) for each in mine.values()]
    chosen = fields["scope"]
    scopes = [
        (group.scope, f"{group.name} ({group.kind})")
        for group in known
        if group.kind in GROUPS.values()
    ]
    scopes = [("UK", "The whole country (UK)"), ("", A_PLACE), *scopes]
    if chosen not in dict(scopes):
        scopes.append((chosen, f"{chosen} (not registered)"))
    found["scope"] = [(scope, label, scope == chosen) for scope, label in scopes]
    return found
