"""The content of one message version: the words, the place and the audience rule that two people
agree on.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

KINDS = (
    "threat_level_change",
    "appeal",
    "incident",
    "advice",
    "crime_update",
    "contingency",
    "correction",
    "all_clear",
)
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")  # CAP 1.2, alert.status
CHANNELS = ("sms", "voice", "email", "web")
# web is one page for everybody, not a delivery to a person
PERSONAL_CHANNELS = (
    "sms",
    "voice",
    "email",
)
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")  # CAP 1.2, most severe first
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")
SUBSCRIBER_KINDS = ("resident", "business", "partner", "officer")
VISIBILITIES = ("public", "restricted", "private")  # the most open first; CAP 1.2, alert.scope
CLOSED_KINDS = frozenset({"officer", "partner"})  # an audience of only these is not the public

# (longitude, latitude) in degrees, first point repeated last
Ring = tuple[tuple[float, float], ...]
Polygon = tuple[Ring, ...]  # the outer ring, then its holes


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A CAP circle: a centre in degrees and a radius in kilometres (CAP 1.2 section 3.2.4)."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What is said in one language. `sms` and `voice` are None where the rule makes them from the
    others.
    """

    headline: str
    description: str = ""
    instruction: str = ""
    sms: str | None = None
    voice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who of the people there; an empty tuple selects everybody. `trades` and `sizes` select who
    acts for an organisation of one of each (`broadcast.content.trades`).
    """

    kinds: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything the author decided. Frozen: an edit makes another Content.

    `visibility` says who may read it beside those it is sent to. Left empty it becomes what it is
    of a content that was stored before the field existed (`unwritten_visibility`); a draft whose
    author says nothing gets `default_visibility`.

    `include_perhaps`: also tell everybody whose area, all that is known of them, a drawn shape
    touches.

    `exercise` is the name of the exercise that it belongs to, said beside the mark in every text;
    empty where it has none, and where the status is not Exercise.

    `provider` is the key of the registered information provider whose message it is, who then
    stands as its sender; empty = the installation's own.

    `expires` is an aware UTC datetime, or a timedelta counted from the approval that publishes it.
    `languages` keeps the author's order: the first is what a person hears whose own language is
    missing.
    """

    kind: str
    status: str
    urgency: str
    severity: str
    certainty: str
    languages: dict[str, Text]
    expires: datetime | timedelta
    level: str | None = None
    scope: str | None = None
    areas: tuple[str, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    circles: tuple[Circle, ...] = ()
    audience: Audience = Audience()
    channels: tuple[str, ...] = CHANNELS
    hotlines: tuple[str, ...] = ()
    source: str | None = None
    note: str | None = None  # CAP note: of a correction, what was wrong
    incidents: tuple[
        str, ...
    ] = ()  # CAP incidents: the identifier of a foreign CAP document it was drafted from
    visibility: str = ""
    include_perhaps: bool = False
    exercise: str = ""
    provider: str = ""

    def __post_init__(self) -> None:
        if not self.visibility:
            object.__setattr__(self, "visibility", unwritten_visibility(self.audience, self.scope))

    @property
    def headline(self) -> str:
        """The headline of the language that stands first."""
        return next(iter(self.languages.values())).headline

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON types; `from_json` gives an equal Content back."""
        out = asdict(self)
        if isinstance(self.expires, timedelta):
            out["expires"] = {"after_seconds": self.expires.total_seconds()}
        else:
            out["expires"] = self.expires.isoformat()
        return out

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_json` wrote."""
        expires = data["expires"]
        return cls(
            **{
                **data,
                "expires": (
                    timedelta(seconds=expires["after_seconds"])
                    if isinstance(expires, dict)
                    else datetime.fromisoformat(expires)
                ),
                "languages": {tag: Text(**text) for tag, text in data["languages"].items()},
                "audience": Audience(**{k: tuple(v) for k, v in data["audience"].items()}),
                "circles": tuple(Circle(**c) for c in data["circles"]),
                "polygons": tuple(
                    tuple(tuple((float(x), float(y)) for x, y in ring) for ring in rings)
                    for rings in data["polygons"]
                ),
                **{k: tuple(data[k]) for k in ("areas", "channels", "hotlines", "incidents")},
            }
        )


def for_everybody(content: Content) -> bool:
    """Return whether it stands on the public page and in the feeds: where one of its channels is
    the web, it is public, and no test. That alone reaches people, whoever is registered.
    """
    out = content.status in ("Actual", "Exercise")
    return out and "web" in content.channels and content.visibility == "public"


def default_visibility(audience: Audience, scope: str | None) -> str:
    """Return who may read a message whose author says nothing of it.

    What is for officers or partners only, for single communities, sectors or trades, or for
    organisations of some sizes, may be confidential: it is on the public page only where its author
    says so.
    """
    sectors = bool(audience.sectors) or (scope or "").startswith("sector:")
    limited = sectors or bool(audience.trades or audience.sizes)
    return "restricted" if limited else unwritten_visibility(audience, scope)


def unwritten_visibility(audience: Audience, scope: str | None) -> str:
    """Return what a stored content means that says nothing of its visibility; it never changes."""
    closed = bool(audience.kinds) and set(audience.kinds) <= CLOSED_KINDS
    named = bool(audience.communities) or (scope or "").startswith("community:")
    return "restricted" if closed or named else "public"


def less_visible(*visibilities: str) -> str:
    """Return the least open of them."""
    return max(visibilities, key=VISIBILITIES.index)


def provided_by(content: Content) -> str:
    """Return the registered name of a content's information provider, "provider:KEY"; empty where
    the message is the installation's own.
    """
    return f"provider:{content.provider}" if content.provider else ""


def is_urgent(content: Content, *, corrects: bool = False) -> bool:
    """Return whether it goes at once by every chosen channel."""
    return (
        corrects
        or content.kind == "correction"
        or content.severity == "Extreme"
        or (content.severity == "Severe" and content.urgency == "Immediate")
        or (content.kind == "threat_level_change" and content.level == "CRITICAL")
    )
