"""Our own CAP parameters: what a message of ours carries for which CAP has no element."""

from __future__ import annotations

from broadcast.cap.model import CapArea, CapInfo, Pair
from broadcast.cap.shape_text import polygon_text, read_polygon
from broadcast.content.model import (
    CHANNELS,
    KINDS,
    VISIBILITIES,
    Audience,
    Content,
    Polygon,
    Ring,
    Text,
    less_visible,
    unwritten_visibility,
)
from broadcast.problems import Rejected, refuse

PREFIX = "fasttime:"
KIND = f"{PREFIX}kind"  # one of KINDS; a document without it is a foreign one
LEVEL = f"{PREFIX}level"  # of a threat_level_change
SCOPE = (  # of a threat_level_change: "UK", a GSS code, "community:NAME" or "sector:NAME"
    f"{PREFIX}scope"
)
SCOPE_AREA = (  # "yes": the area was added at publication, for where the level holds
    f"{PREFIX}scope-area"
)
AUDIENCE_KIND = f"{PREFIX}audience-kind"  # once per kind of subscriber
AUDIENCE_SECTOR = f"{PREFIX}audience-sector"  # once per sector
AUDIENCE_COMMUNITY = f"{PREFIX}audience-community"  # once per community
AUDIENCE_TRADE = f"{PREFIX}audience-trade"  # once per trade: a section's letter of SIC 2007
AUDIENCE_SIZE = f"{PREFIX}audience-size"  # once per size of organisation
CHANNEL_LIST = f"{PREFIX}channels"  # comma-separated; empty = none
HOTLINE = f"{PREFIX}hotline"  # once per hotline
SMS = f"{PREFIX}sms"  # the text message, in the info's language
VOICE = f"{PREFIX}voice"  # what is read aloud, in the info's language
HOLE = (  # "INDEX lat,lon lat,lon …": a hole of the drawn polygon with that index (from 0)
    f"{PREFIX}hole"
)
OUTLINED = (  # how many areas, from the first, have the outline of an imported border as polygons
    f"{PREFIX}outlined"
)
EXPIRES = f"{PREFIX}expires"  # RFC 3339, where the author's expiry has fractions of a second
INCIDENT = f"{PREFIX}incident"  # once per incident, where the element `incidents` cannot hold them
NOTE = f"{PREFIX}note"  # the author's note, where the element `note` says something else
NOTE_IS_OURS = f"{PREFIX}note-added"  # "yes": the element `note` was added at publication
VISIBILITY = (  # public, restricted or private: the element `scope` in our words
    f"{PREFIX}visibility"
)
INCLUDE_PERHAPS = f"{PREFIX}include-perhaps"  # "yes", or absent
EXERCISE = f"{PREFIX}exercise"  # the name of the exercise, where it has one
HEADLINE = f"{PREFIX}headline"  # the author's headline, where the element says more
PROVIDER = f"{PREFIX}provider"  # the key of the information provider, where it names one
CODE = f"{PREFIX}code"  # the short public code of /v/{code}

_NAMES = frozenset(
    {
        OUTLINED,
        VISIBILITY,
        KIND,
        LEVEL,
        SCOPE,
        SCOPE_AREA,
        AUDIENCE_KIND,
        AUDIENCE_SECTOR,
        AUDIENCE_COMMUNITY,
        AUDIENCE_TRADE,
        AUDIENCE_SIZE,
        CHANNEL_LIST,
        HOTLINE,
        SMS,
        VOICE,
        HOLE,
        EXPIRES,
        INCIDENT,
        NOTE,
        NOTE_IS_OURS,
        INCLUDE_PERHAPS,
        EXERCISE,
        HEADLINE,
        PROVIDER,
        CODE,
    }
)


def message_parameters(content: Content) -> tuple[Pair, ...]:
    """Return what every info carries, whatever its language."""
    pairs = [(KIND, content.kind)]
    pairs += [
        (name, value)
        for name, value in ((LEVEL, content.level), (SCOPE, content.scope))
        if value is not None
    ]
    pairs.append((VISIBILITY, content.visibility))
    if content.include_perhaps:
        pairs.append((INCLUDE_PERHAPS, "yes"))
    if content.exercise:
        pairs.append((EXERCISE, content.exercise))
    if content.provider:
        pairs.append((PROVIDER, content.provider))
    pairs += [(AUDIENCE_KIND, value) for value in content.audience.kinds]
    pairs += [(AUDIENCE_SECTOR, value) for value in content.audience.sectors]
    pairs += [(AUDIENCE_COMMUNITY, value) for value in content.audience.communities]
    pairs += [(AUDIENCE_TRADE, value) for value in content.audience.trades]
    pairs += [(AUDIENCE_SIZE, value) for value in content.audience.sizes]
    pairs.append((CHANNEL_LIST, ",".join(content.channels)))
    pairs += [(HOTLINE, value) for value in content.hotlines]
    for index, polygon in enumerate(content.polygons):
        pairs += [(HOLE, f"{index} {polygon_text(hole)}") for hole in polygon[1:]]
    return tuple(pairs)


def text_parameters(text: Text, headline: str) -> tuple[Pair, ...]:
    """Return what the info of one language carries whose element `headline` is this one."""
    own = text.headline if text.headline != headline else None
    return tuple(
        (name, value)
        for name, value in ((HEADLINE, own), (SMS, text.sms), (VOICE, text.voice))
        if value is not None
    )


def headline_of(info: CapInfo) -> str | None:
    """Return the author's own headline. Raises Rejected (cap_parameter) where it is said twice."""
    own = one(info, HEADLINE)
    return info.headline if own is None else own


def is_ours(info: CapInfo) -> bool:
    """Return whether the info carries our parameters."""
    return bool(info.values_of(KIND))


def kind_of(info: CapInfo) -> str:
    """Return the kind. Raises Rejected (cap_parameter) for one that is none of KINDS, and for a
    parameter of ours that we do not know.
    """
    kind = one(info, KIND) or ""
    if kind not in KINDS:
        raise _bad(KIND, kind, f"one of {', '.join(KINDS)}")
    known_names(info)
    return kind


def known_names(info: CapInfo) -> None:
    """Raise Rejected (cap_parameter) for a parameter of ours that we do not know."""
    unknown = [
        name for name, _ in info.parameters if name.startswith(PREFIX) and name not in _NAMES
    ]
    if unknown:
        raise _bad(unknown[0], "a name we do not know", f"one of {', '.join(sorted(_NAMES))}")


def drawn_areas(info: CapInfo) -> tuple[CapArea, ...]:
    """Return the areas whose polygons and circles an author drew, not we. Raises Rejected
    (cap_parameter).
    """
    said = one(info, OUTLINED) or "0"
    if not (said.isascii() and said.isdigit() and len(said) < 7 and int(said) <= len(info.areas)):
        raise _bad(OUTLINED, said[:60], "how many areas of the info, from the first, are outlined")
    return info.areas[int(said) :]


def check_hole_index(index: str, value: str, polygons: int) -> None:
    """Raise Rejected (cap_parameter) where a hole names no polygon of the info."""
    if not (index.isascii() and index.isdigit() and len(index) < 7 and int(index) < polygons):
        raise _bad(
            HOLE,
            value[:60],
            "the index of a polygon of the info and a closed ring of lat,lon pairs",
        )


def one(info: CapInfo, name: str) -> str | None:
    """Return the value of a parameter that comes at most once; None where it is absent. Raises
    Rejected (cap_parameter) where it is repeated.
    """
    values = info.values_of(name)
    if len(values) > 1:
        raise _bad(name, f"{len(values)} times", "it once")
    return values[0] if values else None


def audience_of(info: CapInfo) -> Audience:
    """Return the audience rule."""
    return Audience(
        kinds=info.values_of(AUDIENCE_KIND),
        sectors=info.values_of(AUDIENCE_SECTOR),
        communities=info.values_of(AUDIENCE_COMMUNITY),
        trades=info.values_of(AUDIENCE_TRADE),
        sizes=info.values_of(AUDIENCE_SIZE),
    )


def channels_of(info: CapInfo) -> tuple[str, ...]:
    """Return the channels in their order; all of them where nothing is said."""
    value = one(info, CHANNEL_LIST)
    if value is None:
        return CHANNELS
    return tuple(value.split(",")) if value else ()


def includes_perhaps(info: CapInfo) -> bool:
    """Return whether everybody whose area the shape touches is sent to. Raises Rejected
    (cap_parameter) for any value but yes.
    """
    said = one(info, INCLUDE_PERHAPS)
    if said not in (None, "yes"):
        raise _bad(INCLUDE_PERHAPS, said[:60], "yes, or leave it out")
    return said == "yes"


def visibility_of(info: CapInfo, cap_scope: str) -> str:
    """Return who may read it. Raises Rejected (cap_parameter) where parameter and element `scope`
    differ.

    A document that was published before the parameter existed is as closed as the default of its
    audience, or as its `scope` says.
    """
    said = one(info, VISIBILITY)
    if said is None:
        return less_visible(
            cap_scope.lower(), unwritten_visibility(audience_of(info), one(info, SCOPE))
        )
    if said in VISIBILITIES and said != cap_scope.lower():
        raise _bad(VISIBILITY, said, f"{cap_scope.lower()}, as the element scope says")
    return said


def with_holes(rings: tuple[Ring, ...], info: CapInfo) -> tuple[Polygon, ...]:
    """Return the polygons: the outer rings with the holes that the info's parameters carry. Raises
    Rejected (cap_parameter).
    """
    polygons: list[list[Ring]] = [[ring] for ring in rings]
    for value in info.values_of(HOLE):
        index, _, text = value.partition(" ")
        ring, hits = read_polygon(text)
        check_hole_index(index, value, len(polygons))
        if any(found.severity == "reject" for found in hits):
            raise _bad(
                HOLE,
                value[:60],
                "the index of a polygon of the info and a closed ring of lat,lon pairs",
            )
        polygons[int(index)].append(ring)
    return tuple(tuple(polygon) for polygon in polygons)


def _bad(name: str, found: str, expected: str) -> Rejected:
    return refuse(
        "cap_parameter", f"the parameter {name} has {found!r}", f"write {expected}", field=name
    )
