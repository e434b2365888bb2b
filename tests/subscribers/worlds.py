"""Small invented worlds for property tests, and the plainest rule that says who of them is sent to:
slow, without arrays, and written apart from the index that it is held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pyroaring import BitMap
from shapely.geometry import Point, box

from broadcast.content.model import (
    PERSONAL_CHANNELS,
    SEVERITIES,
    SUBSCRIBER_KINDS,
    Audience,
    Circle,
)
from subscribers.index import (
    Rule,
)
from subscribers.organisations.record import OrganisationRecord
from subscribers.people_file.choices import TOPICS
from subscribers.people_file.record import COLUMNS, SubscriberRecord

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALL = frozenset(PERSONAL_CHANNELS)
BLANK: dict[str, Any] = (
    dict.fromkeys(COLUMNS, "")
    | dict.fromkeys(("email", "mobile", "phone", "lat", "lon", "area"))
    | {"kind": "resident", "language": "en", "channels": "sms", "mobile": "+447700900001"}
)


def person(external_id: str, **more: Any) -> SubscriberRecord:
    return SubscriberRecord(**(BLANK | {"external_id": external_id} | more))


def a_rule(**more: Any) -> Rule:
    usual: dict[str, Any] = {
        "topic": "incident",
        "severity_rank": 1,
        "status": "Actual",
        "channels": ("sms", "voice", "email", "web"),
        "configured": ALL,
        "languages": ("en",),
        "everybody": True,
    }
    return Rule(**(usual | more))


# The world of the property test: a small grid, so that borders, areas and lists are hit often.
COORDINATES = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from([51.0, 51.25, 51.5, 51.75, 52.0]),
        st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5]),
    ),
)
AREAS = st.sampled_from([None, "A", "B", "C"])
WORLD_TAGS = st.sampled_from(["en", "pl", "pt-BR", "cy"])
PROVIDERS = ["council", "watch"]
NAMES = st.lists(st.sampled_from(["food", "Retail", "bank"]), unique=True, max_size=2)
TRADES_ASKED = st.lists(st.sampled_from(["G", "I", "K"]), unique=True, max_size=2)
WORLD_HOURS = [
    "",
    "",
    "22:00-07:00 Europe/London",
    "12:00-13:30 America/New_York",
    "09:00-17:00 Asia/Kolkata",
    "whenever",
]
WORLD_MOMENTS = st.sampled_from(
    [
        None,
        *(
            datetime(2026, 7, 10, hour, minute, tzinfo=UTC)
            for hour in (3, 6, 11, 16, 17, 21)
            for minute in (0, 30)
        ),
    ]
)


@st.composite
def single_topics(draw: st.DrawFn) -> str:
    """What is chosen for one topic: of any channels, whether chosen at all or not."""
    severity = draw(st.sampled_from(["", "Extreme", "Minor", "Unknown"]))
    channels = draw(st.lists(st.sampled_from(PERSONAL_CHANNELS), unique=True, max_size=2))
    topic = draw(st.sampled_from([*TOPICS[:4], "exercise"]))
    return " ".join(filter(None, (topic, severity, ">".join(channels))))


@st.composite
def other_places_of_a_world(draw: st.DrawFn) -> str:
    """A place of an area's code or of degrees, and where it is visited until when."""
    place = draw(COORDINATES)
    where = draw(AREAS.filter(bool)) if place is None else f"{place[0]},{place[1]}"
    until = draw(st.sampled_from(["", "2026-07-10T06:00Z", "2026-07-10T20:00Z"]))
    return f"visiting {where} until {until}" if until else f"work {where}"


def _topic(written: str) -> str:
    return written.partition(" ")[0]


@st.composite
def people_of_a_world(
    draw: st.DrawFn,
) -> list[tuple[SubscriberRecord, frozenset[str], frozenset[str], bool]]:
    several = st.lists(other_places_of_a_world(), max_size=2).map(";".join)
    found = []
    for n in range(draw(st.integers(1, 12))):
        place = draw(COORDINATES)
        channels = draw(st.permutations(PERSONAL_CHANNELS))[: draw(st.integers(0, 3))]
        kind = draw(st.sampled_from(SUBSCRIBER_KINDS))
        record = person(
            f"p{n}",
            kind=kind,
            email=draw(st.sampled_from([None, f"p{n}@example.org"])),
            mobile=draw(st.sampled_from([None, "+447700900001"])),
            phone=draw(st.sampled_from([None, "+442079460001"])),
            language=draw(WORLD_TAGS),
            lat=place and place[0],
            lon=place and place[1],
            area=draw(AREAS),
            sectors=";".join(draw(NAMES)),
            communities=";".join(draw(NAMES)),
            topics=";".join(draw(st.lists(st.sampled_from(TOPICS), unique=True, max_size=3))),
            channels=";".join(channels),
            minimum_severity=draw(st.sampled_from(["", "Extreme", "Severe", "Minor"])),
            quiet_hours=draw(st.sampled_from(WORLD_HOURS)),
            by_topic=";".join(draw(st.lists(single_topics(), unique_by=_topic, max_size=2))),
            other_languages=";".join(draw(st.lists(WORLD_TAGS, unique=True, max_size=2))),
            discreet=draw(st.sampled_from(["", "no", "yes"])),
            most_a_week=draw(st.sampled_from(["", "1", "7"])),
            providers_off=";".join(
                draw(st.lists(st.sampled_from(["Council", "Watch"]), unique=True, max_size=2))
            ),
            places="" if kind in ("officer", "partner") else draw(several),
        )
        stops = frozenset(draw(st.lists(st.sampled_from(PERSONAL_CHANNELS), max_size=2)))
        without = frozenset(draw(st.lists(st.sampled_from(PERSONAL_CHANNELS), max_size=1)))
        found.append((record, stops, without, draw(st.integers(0, 9)) == 0))
    return found


@st.composite
def rules_of_a_world(draw: st.DrawFn) -> Rule:
    targets = frozenset(draw(st.lists(st.sampled_from(["A", "B", "C", "D"]), max_size=2)))
    return a_rule(
        topic=draw(st.sampled_from(TOPICS[:4])),
        severity_rank=draw(st.integers(0, 4)),
        status=draw(st.sampled_from(["Actual", "Exercise"])),
        channels=tuple(
            draw(st.lists(st.sampled_from([*PERSONAL_CHANNELS, "web"]), min_size=1, unique=True))
        ),
        configured=frozenset(draw(st.lists(st.sampled_from(PERSONAL_CHANNELS)))),
        languages=tuple(
            draw(st.lists(st.sampled_from(["en", "pl", "pt"]), min_size=1, unique=True))
        ),
        audience=Audience(
            kinds=tuple(draw(st.lists(st.sampled_from(SUBSCRIBER_KINDS), max_size=2))),
            sectors=tuple(draw(NAMES)),
            communities=tuple(draw(NAMES)),
            trades=tuple(draw(TRADES_ASKED)),
            sizes=tuple(draw(st.lists(st.sampled_from(["micro", "large"]), max_size=1))),
        ),
        everybody=draw(st.booleans()),
        shape=draw(
            st.sampled_from([None, box(-0.25, 51.25, 0.25, 51.75), box(-0.6, 50.9, -0.2, 51.3)])
        ),
        circles=tuple(
            draw(
                st.lists(
                    st.builds(
                        Circle,
                        latitude=st.just(51.5),
                        longitude=st.just(0.0),
                        radius_km=st.sampled_from([0.0, 20.0, 40.0]),
                    ),
                    max_size=1,
                )
            )
        ),
        targets=targets,
        touched=frozenset(draw(st.lists(st.sampled_from(["A", "B", "D"]), max_size=2))),
        by_code=(
            frozenset(draw(st.lists(st.sampled_from(sorted(targets)), max_size=1)))
            if targets
            else frozenset()
        ),
        also_reached={
            c: BitMap(draw(st.lists(st.integers(1, 12), max_size=3)))
            for c in draw(st.lists(st.sampled_from(PERSONAL_CHANNELS), unique=True, max_size=2))
        },
        urgent=draw(st.booleans()),
        at=draw(WORLD_MOMENTS),
        expires=draw(st.sampled_from([None, datetime(2026, 7, 10, 22, 15, tzinfo=UTC)])),
        spent=BitMap(draw(st.lists(st.integers(1, 12), max_size=3))),
        provider=draw(st.sampled_from(["", *PROVIDERS])),
    )


@st.composite
def organisations_of_a_world(draw: st.DrawFn) -> list[OrganisationRecord]:
    """Some with sites and some without, and people among the first twelve, who may not be there."""
    found = []
    for n in range(draw(st.integers(0, 3))):
        sites = st.one_of(
            st.sampled_from(["A", "B", "C"]), COORDINATES.filter(bool).map("{0[0]},{0[1]}".format)
        )
        found.append(
            OrganisationRecord(
                external_id=f"o{n}",
                name=f"Organisation {n}",
                trade=draw(st.sampled_from(["G", "I"])),
                size=draw(st.sampled_from(["micro", "large"])),
                sites=";".join(draw(st.lists(sites, unique=True, max_size=2))),
                people=tuple(
                    f"p{each}"
                    for each in draw(st.lists(st.integers(0, 11), unique=True, max_size=4))
                ),
                passes_on=draw(st.booleans()),
            )
        )
    return found


def expected(
    rule: Rule,
    number: int,
    r: SubscriberRecord,
    stops: frozenset[str],
    without: frozenset[str],
    erased: bool,
    organisations: Sequence[OrganisationRecord],
) -> str | None:
    """What becomes of one person, said once more in the plainest way: None = no line."""
    reached = [c for c in PERSONAL_CHANNELS if number in rule.also_reached.get(c, ())]
    by_area = r.kind in ("officer", "partner")
    if r.lat is None or r.lon is None or by_area:
        here = (
            r.area in rule.targets
            or r.area in rule.by_code
            or (r.area in rule.touched and (by_area or bool(rule.audience.communities)))
        )
    else:
        here = at_point(rule, r.lat, r.lon) or r.area in rule.by_code
    here = here or any(also_here(rule, each) for each in filter(None, r.places.split(";")))
    theirs = [o for o in organisations if r.external_id in o.people]
    here = here or any(at_a_site(rule, o) for o in theirs)
    if rule.audience.trades or rule.audience.sizes:
        meant = [
            o
            for o in theirs
            if o.trade in (rule.audience.trades or "GI")
            and (o.passes_on or o.size in (rule.audience.sizes or ("micro", "large")))
        ]
        here = any(at_a_site(rule, o) if o.sites else here for o in meant)
        if rule.everybody:
            here = bool(meant)
        asked = True
    else:
        asked = False
    fits = all(
        not wanted or {w.lower() for w in wanted} & {h.lower() for h in held}
        for wanted, held in (
            (rule.audience.kinds, [r.kind]),
            (rule.audience.sectors, r.sectors.split(";")),
            (rule.audience.communities, r.communities.split(";")),
        )
    )
    if not reached and (erased or not fits or not (here or (rule.everybody and not asked))):
        return None
    if erased:
        return "erased"
    topic = "exercise" if rule.status == "Exercise" else rule.topic
    single = next((s.split()[1:] for s in r.by_topic.split(";") if _topic(s) == topic), [])
    floor = next((s for s in single if s in SEVERITIES), r.minimum_severity)
    usual = r.channels.split(";") if r.channels else []
    own = next((s.split(">") for s in single if s not in SEVERITIES), usual)
    wanted = [c for c in own if c in rule.channels or c in reached] + [
        c for c in reached if c not in own
    ]
    address = {"sms": r.mobile, "voice": r.phone or r.mobile, "email": r.email}
    usable = [c for c in wanted if address[c] and c in rule.configured]
    ways = usable or wanted
    if ways and all(c in stops for c in ways):
        return "stopped"
    left = [c for c in ways if c not in stops]
    consents = set(usual) - without
    if left and not any(c in consents for c in left):
        return "no_consent"
    if r.discreet == "yes" and rule.status == "Exercise":
        return "discreet"
    topics = r.topics.split(";") if r.topics else TOPICS[:5]
    if not reached and topic not in topics:
        return "not_chosen"
    muted = [each.lower() for each in r.providers_off.split(";")]
    if rule.provider and rule.provider in muted and not reached and not rule.urgent:
        return "provider_off"
    if not reached and floor and rule.severity_rank > SEVERITIES.index(floor):
        return "below_severity"
    until = quiet_until(r.quiet_hours, rule)
    if until is not None and rule.expires is not None and until >= rule.expires:
        return "quiet_hours"
    if number in rule.spent and not reached and not rule.urgent:
        return "budget"
    if not usable:
        return "no_channel"
    order = ">".join(c for c in left if c in consents)
    line = f"{order} {spoken(r, rule)}"
    return line if until is None else f"{line} {until.isoformat()}"


def spoken(r: SubscriberRecord, rule: Rule) -> str:
    """Say in which language: the first of the person's that there is, else the message's first."""
    for tag in (r.language, *filter(None, r.other_languages.split(";"))):
        if tag in rule.languages:
            return tag
        if any(each == tag.partition("-")[0] for each in rule.languages):
            return tag.partition("-")[0]
    return rule.languages[0]


def at_point(rule: Rule, lat: float, lon: float) -> bool:
    return (rule.shape is not None and rule.shape.intersects(Point(lon, lat))) or any(
        far(c, lat, lon) <= c.radius_km for c in rule.circles
    )


def also_here(rule: Rule, written: str) -> bool:
    """Say of one other place whether the message is for it."""
    words = written.split()
    until = datetime.fromisoformat(words[3]) if words[0] == "visiting" else None
    if until is not None and rule.at is not None and until <= rule.at:
        return False
    if "," in words[1]:
        lat, lon = (float(each) for each in words[1].split(","))
        return at_point(rule, lat, lon)
    touched = bool(rule.audience.communities) and words[1] in rule.touched
    return words[1] in rule.targets or words[1] in rule.by_code or touched


def at_a_site(rule: Rule, organisation: OrganisationRecord) -> bool:
    return any(also_here(rule, f"work {s}") for s in filter(None, organisation.sites.split(";")))


def quiet_until(written: str, rule: Rule) -> datetime | None:
    """Go on minute by minute until the clock on the wall shows a time outside."""
    if " " not in (written or "") or rule.at is None or rule.urgent:
        return None
    hours, zone = written.split()
    begin, end = hours.split("-")
    moment, first = rule.at.replace(second=0, microsecond=0), True
    while True:
        wall = f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"
        if not ((begin <= wall < end) if begin < end else (wall >= begin or wall < end)):
            return None if first else moment
        moment, first = moment + timedelta(minutes=1), False


def far(circle: Circle, lat: float, lon: float) -> float:
    lat1, lat2 = radians(circle.latitude), radians(lat)
    h = (
        sin((lat2 - lat1) / 2) ** 2
        + cos(lat1) * cos(lat2) * sin(radians(lon - circle.longitude) / 2) ** 2
    )
    return 2 * 6371.0088 * asin(sqrt(h))
