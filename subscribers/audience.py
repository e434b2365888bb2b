"""The audience explained: how many people a rule reaches before anybody approves it, and why one
person is or is not sent to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from pyroaring import BitMap
from shapely.geometry import Polygon as ShapelyPolygon

from broadcast.content import trades
from broadcast.content.model import PERSONAL_CHANNELS, SEVERITIES, Content
from broadcast.ledger.audiences import Frozen
from broadcast.levels.names import folded
from broadcast.places.areas import AreaTree
from broadcast.places.geometry import inside_circles, inside_shape
from broadcast.places.reach import reaches
from subscribers.index import Elsewhere, RegistryIndex, Rule, Traits, chosen_as, language_for
from subscribers.people_file.by_topic import OfTopic
from subscribers.registry.by_area import BY_AREA
from subscribers.trace import Step, Trace, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Who would be told. `by_channel` counts each person on every channel that would be tried: all
    of the order if urgent, else the first.

    The languages are those of the message that people would get, the kinds those of the people sent
    to. `send` and the suppressed sum to `addressed`.
    """

    addressed: int
    send: int
    by_channel: Mapping[str, int]
    by_language: Mapping[str, int]
    by_kind: Mapping[str, int]
    reads: Mapping[str, int]
    """Of those sent to, by the language that they read, whatever they get."""
    by_organisation: Mapping[str, int]
    """Of a message that names trades or sizes, those sent to by what they act for: "I small". Who
    acts for several counts in each.
    """
    passes_on: int
    """Of those sent to, inboxes that pass it on: who is behind them is not counted."""
    suppressed: Mapping[str, int]
    held: int
    """Sent to when their quiet hours end."""
    perhaps: int
    """Not addressed, though their area, all that is known of them, is touched by what is drawn."""


def preview(index: RegistryIndex, rule: Rule) -> Preview:
    """Return the counts of a rule, over all shards."""
    return counts_of(index, rule, index.match(rule))


def counts_of(
    index: RegistryIndex, rule: Rule, frozen: Frozen, channels: Mapping[str, int] | None = None
) -> Preview:
    """Return the counts of what `match` returned. `channels`: how many are sent to on each, where
    it is planned already.
    """
    by_channel: dict[str, int] = dict.fromkeys(
        (c for c in PERSONAL_CHANNELS if c in rule.channels), 0
    )
    by_language: dict[str, int] = dict.fromkeys(rule.languages, 0)
    for (order, language), members in frozen.send.items():
        for channel in order.split(">")[: None if rule.urgent else 1]:
            by_channel[channel] = by_channel.get(channel, 0) + len(members)
        by_language[language] += len(members)
    sent = everybody(frozen)
    if channels is not None:
        by_channel = dict.fromkeys(by_channel, 0) | dict(channels)
    return Preview(
        addressed=len(frozen.addressed),
        send=sum(len(members) for members in frozen.send.values()),
        by_channel=by_channel,
        by_language=by_language,
        by_kind={kind: len(ids) for kind, ids in index.by_kind(sent).items()},
        reads={tag: len(ids) for tag, ids in index.by_language(sent).items()},
        by_organisation=_by_organisation(index, rule, sent),
        passes_on=index.by_acting(sent, [trades.PASSES_ON])[trades.PASSES_ON],
        suppressed={reason: len(members) for reason, members in frozen.suppressed.items()},
        held=sum(len(members) for members in frozen.held.values()),
        perhaps=len(index.perhaps(rule, frozen.addressed)),
    )


def _by_organisation(index: RegistryIndex, rule: Rule, sent: BitMap) -> dict[str, int]:
    pairs = {
        trades.acting_as(trade, size): f"{trade} {size}"
        for trade in rule.audience.trades or trades.TRADES
        for size in rule.audience.sizes or trades.SIZES
    }
    if not trades.meant_by(rule.audience):
        return {}
    found = index.by_acting(sent, pairs)
    return {name: n for each, name in pairs.items() if (n := found[each])}


def everybody(frozen: Frozen) -> BitMap:
    """Return everybody who would be sent to."""
    return BitMap().union(*frozen.send.values())


def reasons(
    index: RegistryIndex,
    rule: Rule,
    person_id: int,
    *,
    tree: AreaTree | None = None,
    content: Content | None = None,
) -> Trace:
    """Return every question that the rule asks about one person, in order, with its answer.

    The tree and the content, if given, let the answer name the area or the drawn shape that hit.
    Every step is judged anew from what is known of the person; a property test holds the outcome
    equal to that of `RegistryIndex.match`.
    """
    person = index.person(person_id)
    if person is None:
        return Trace(
            steps=(Step("registered", False, "nobody has this id", "not_registered"),),
            addressed=False,
            outcome="unknown",
        )
    reached = tuple(c for c in PERSONAL_CHANNELS if person_id in rule.also_reached.get(c, ()))
    steps = [
        Step("registered", False, "erased", "erased")
        if person.erased
        else Step("registered", True, "registered", "registered")
    ]
    steps.append(_places_step(person, rule, tree, content))
    steps += _audience_steps(person, rule)
    selected = not person.erased and all(step.passed for step in steps)
    if rule.also_reached:
        steps.append(
            Step(
                "reached before",
                bool(reached),
                f"by {', '.join(reached)}" if reached else "got none of the earlier versions",
                "reached_before" if reached else "not_reached_before",
                {"channels": reached},
            )
        )
    if not selected and not reached:
        outcome = "out_of_audience" if steps[1].passed else "out_of_area"
        return Trace(steps=tuple(steps), addressed=False, outcome=outcome)
    return _suppression(person, rule, reached, steps)


def _places_step(
    person: Traits, rule: Rule, tree: AreaTree | None, content: Content | None
) -> Step:
    """Judge a person's own place, then the others; for who acts for an organisation that is meant,
    its sites alone, where it has any.
    """
    own = _place_step(person, rule, tree, content)
    acting = _acting(person, rule)
    sites = [place for place in acting if place.lat is not None or place.area is not None]
    for site in sites:
        step = _place_step(_at(person, site), rule, tree, content, own=False)
        if step.passed:
            said = f"a site of an organisation they act for: {step.detail}"
            return replace(step, detail=said, of={**step.of, "at": "site"})
    if acting and len(sites) == len(acting):
        return Step(
            "area",
            False,
            "no site of an organisation they act for is in what is addressed",
            "no_site_there",
        )
    if own.passed:
        return own
    for other in person.others:
        if other.until is not None and rule.at is not None and other.until <= rule.at.timestamp():
            continue
        if other.lat is None and other.area is None:
            continue
        step = _place_step(_at(person, other), rule, tree, content, own=False)
        if step.passed:
            said = f"another place of theirs: {step.detail}"
            return replace(step, detail=said, of={**step.of, "at": "elsewhere"})
    return own


def _at(person: Traits, place: Elsewhere) -> Traits:
    """Return a person as if another place of theirs were their own."""
    return replace(
        person,
        lat=place.lat,
        lon=place.lon,
        uncertainty_m=place.uncertainty_m,
        area=place.area,
    )


def _acting(person: Traits, rule: Rule) -> list[Elsewhere]:
    """Return where somebody acts for an organisation of a trade and size that a message names."""
    wanted = frozenset(trades.meant_by(rule.audience))
    return [place for place in person.others if place.acts_as & wanted]


def _place_step(
    person: Traits, rule: Rule, tree: AreaTree | None, content: Content | None, *, own: bool = True
) -> Step:
    if rule.everybody:
        return Step("area", True, "the message is for every place", "everywhere")
    if person.area is not None and person.area in rule.by_code:
        said = f"{person.area} is named, and has no boundary: its code decides"
        return Step("area", True, said, "borderless_area", {"areas": (person.area,)})
    if person.lat is None or person.lon is None:
        if person.area is None:
            said = "neither a place nor an area is known of this person"
            return Step("area", False, said, "nowhere_known")
        coarse = bool(rule.audience.communities) or (own and person.kind in BY_AREA)
        hit = person.area in rule.targets or (coarse and person.area in rule.touched)
        if not hit and person.area in rule.touched:
            return Step(
                "area",
                False,
                f"only the area {person.area} is known: the shape touches it, and holds too little"
                " of it to say that this person is inside",
                "too_little_of_area",
                {"areas": (person.area,)},
            )
        return Step(
            "area",
            hit,
            f"only the area {person.area} is known, which is {'one of' if hit else 'none of'} the"
            " areas addressed",
            "known_area_addressed" if hit else "known_area_not_addressed",
            {"areas": (person.area,)},
        )
    lat, lon = np.array([person.lat]), np.array([person.lon])
    if not inside_shape(rule.shape, lat, lon)[0] and not inside_circles(rule.circles, lat, lon)[0]:
        if (near := _postcode_step(person, rule)) is not None:
            return near
        here = f", the place lies in {_last(tree, person)}" if tree is not None else ""
        return Step(
            "area",
            False,
            f"the place lies outside every area, polygon and circle addressed{here}",
            "outside",
            {"areas": _here(tree, person)},
        )
    if rule.audience.communities and rule.touched:
        return Step(
            "area",
            True,
            "the place lies in an area that is named or"
            f" touched{', ' + _last(tree, person) if tree is not None else ''}",
            "in_touched_area",
            {"areas": _here(tree, person)},
        )
    shapes, areas = _hits(person, rule, tree, content)
    hits = [*shapes, *(f"{code} ({tree[code].name})" for code in areas if tree is not None)]
    return Step(
        "area",
        True,
        f"the place lies in {', '.join(hits) or 'what is addressed'}",
        "inside",
        {"shapes": shapes, "areas": areas},
    )


def _postcode_step(person: Traits, rule: Rule) -> Step | None:
    """Judge who gave a postcode and no place, and whose postcode's point lies outside."""
    if not person.uncertainty_m or rule.postcodes == "point":
        return None
    lat, lon = np.array([person.lat]), np.array([person.lon])
    within = np.array([person.uncertainty_m], dtype=np.uint16)
    if not reaches(rule.shape, rule.circles, lat, lon, within)[0]:
        return None
    known = f"only a postcode is known, within {person.uncertainty_m} m of its middle: the shape"
    of = {"metres": person.uncertainty_m}
    if rule.postcodes == "touch":
        return Step("area", True, f"{known} reaches into that", "postcode_reached", of)
    said = f"{known} reaches into that, and not to its middle"
    return Step("area", False, said, "postcode_middle_outside", of)


def _hits(
    person: Traits, rule: Rule, tree: AreaTree | None, content: Content | None
) -> tuple[list[str], list[str]]:
    """Return which drawn shapes and which named areas hold the place of a person."""
    assert person.lat is not None
    assert person.lon is not None
    lat, lon = np.array([person.lat]), np.array([person.lon])
    areas: list[str] = []
    shapes = [
        f"circle {n}"
        for n, circle in enumerate(rule.circles, 1)
        if inside_circles([circle], lat, lon)[0]
    ]
    if content is not None:
        shapes += [
            f"polygon {n}"
            for n, rings in enumerate(content.polygons, 1)
            if inside_shape(ShapelyPolygon(rings[0], rings[1:]), lat, lon)[0]
        ]
        if tree is not None:
            here = {a.code for a in tree.locate(person.lat, person.lon)}
            areas = [
                code for code in content.areas if code in tree and tree.descendants(code) & here
            ]
    return shapes, areas


def _here(tree: AreaTree | None, person: Traits) -> list[str]:
    """Return the code of the smallest area that holds the place of a person, if there is one."""
    found = tree.locate(person.lat or 0.0, person.lon or 0.0) if tree is not None else ()
    return [area.code for area in found[:1]]


def _last(tree: AreaTree, person: Traits) -> str:
    here = tree.locate(person.lat or 0.0, person.lon or 0.0)
    return f"{here[0].code} ({here[0].name})" if here else "no imported area"


def _audience_steps(person: Traits, rule: Rule) -> list[Step]:
    steps = []
    if rule.audience.kinds:
        hit = person.kind in rule.audience.kinds
        steps.append(
            Step(
                "kind",
                hit,
                f"{person.kind} is {'' if hit else 'not '}among {', '.join(rule.audience.kinds)}",
                "kind_meant" if hit else "kind_not_meant",
                {"kind": person.kind, "kinds": rule.audience.kinds},
            )
        )
    groups: tuple[tuple[str, tuple[str, ...], frozenset[str], Why, Why], ...] = (
        ("sector", rule.audience.sectors, person.sectors, "sector_meant", "sector_not_meant"),
        (
            "community",
            rule.audience.communities,
            person.communities,
            "community_meant",
            "community_not_meant",
        ),
    )
    for name, wanted, held, meant, not_meant in groups:
        if wanted:
            common = sorted(w for w in wanted if folded(w) in held)
            steps.append(
                Step(
                    name,
                    bool(common),
                    ", ".join(common) if common else f"none of {', '.join(wanted)}",
                    meant if common else not_meant,
                    {"groups": [f"{name}:{folded(each)}" for each in common or wanted]},
                )
            )
    if wanted_as := trades.meant_by(rule.audience):
        acts = {each for place in person.others for each in place.acts_as}
        steps.append(_organisation_step(acts, [each for each in wanted_as if each in acts]))
    return steps


def _organisation_step(acts: set[str], common: list[str]) -> Step:
    if common:
        said = f"they act for {_organisation(common[0])}"
        return Step("organisation", True, said, "acts_for_meant", {"acts_as": common[:1]})
    others = sorted(acts - {trades.PASSES_ON})
    if not others:
        return Step("organisation", False, "they act for no organisation", "acts_for_nobody")
    said = f"they act for {', '.join(map(_organisation, others))} only"
    return Step("organisation", False, said, "acts_for_others", {"acts_as": others})


def _organisation(acts_as: str) -> str:
    trade, _, size = acts_as.partition("/")
    return f"an organisation of trade {trades.named(trade.upper())}, {size}"


def _suppression(person: Traits, rule: Rule, reached: tuple[str, ...], steps: list[Step]) -> Trace:
    topic = chosen_as(rule)
    own = person.by_topic.get(topic, OfTopic())
    chosen_channels = own.channels or person.channels
    order = (*chosen_channels, *(c for c in reached if c not in chosen_channels))
    wanted = [c for c in order if (c in chosen_channels and c in rule.channels) or c in reached]
    usable = [c for c in wanted if c in person.available and c in rule.configured]
    ways = usable or wanted
    running = [c for c in ways if c not in person.stopped]
    consented = [c for c in running if c in person.consented]
    chosen = topic in person.topics or bool(reached)
    floor = SEVERITIES.index(own.severity) if own.severity else person.minimum_severity_rank
    severe = floor is None or rule.severity_rank <= floor or bool(reached)
    corrected = ", which they got before: the choice does not count" if reached else ""
    checks = [
        (
            "erased",
            Step("erased", False, "erased", "erased")
            if person.erased
            else Step("erased", True, "not erased", "not_erased"),
        ),
        (
            "stopped",
            Step(
                "stopped",
                not ways or bool(running),
                f"stopped {', '.join(sorted(person.stopped)) or 'nothing'}",
                "stopped",
                {"channels": sorted(person.stopped)},
            ),
        ),
        (
            "no_consent",
            Step(
                "consent",
                not running or bool(consented),
                f"consented to {', '.join(sorted(person.consented)) or 'nothing'}",
                "agreed_to",
                {"channels": sorted(person.consented)},
            ),
        ),
        ("discreet", _discreet_step(person, rule)),
        (
            "not_chosen",
            Step(
                "topic",
                chosen,
                f"{topic} is {'' if topic in person.topics else 'not '}chosen{corrected}",
                "topic_chosen" if topic in person.topics else "topic_not_chosen",
                {"topic": topic, "had_before": bool(reached)},
            ),
        ),
        ("provider_off", _provider_step(person, rule, reached)),
        (
            "below_severity",
            Step(
                "severity",
                severe,
                f"{SEVERITIES[rule.severity_rank]}, asked{_of(topic, own.severity)} from"
                f" {'any' if floor is None else SEVERITIES[floor]}{corrected}",
                "severity_asked",
                {
                    "severity": SEVERITIES[rule.severity_rank],
                    "from": "" if floor is None else SEVERITIES[floor],
                    "topic": topic if own.severity else "",
                    "had_before": bool(reached),
                },
            ),
        ),
        ("quiet_hours", _quiet_step(person, rule)),
        ("budget", _budget_step(person, rule, reached)),
        (
            "no_channel",
            _channels_step(person, rule, wanted, usable, own),
        ),
    ]
    # that somebody is discreet is told where it decides, and to nobody else
    chose = {
        "discreet": False,
        "provider_off": rule.provider in person.providers_off,
        "budget": person.most_a_week > 0,
    }
    steps += [step for reason, step in checks if chose.get(reason, True) or not step.passed]
    failed = next((reason for reason, step in checks if not step.passed), None)
    if failed is not None:
        return Trace(steps=tuple(steps), addressed=True, outcome=failed)
    language = language_for(person.language, rule.languages)
    tongues = person.language.replace(";", ", then ")
    of = {"speaks": person.language.split(";"), "gets": language}
    said = f"speaks {tongues}, gets {language}"
    steps.append(Step("language", True, said, "language_given", of))
    return Trace(
        steps=tuple(steps),
        addressed=True,
        outcome="send",
        channels=tuple(consented),
        language=language,
    )


def _discreet_step(person: Traits, rule: Rule) -> Step:
    if person.discreet and rule.status == "Exercise":
        said = "discreet: never part of an exercise"
        return Step("discreet", False, said, "never_in_exercises")
    return Step("discreet", True, "no exercise, or they take part", "takes_part")


def _provider_step(person: Traits, rule: Rule, reached: tuple[str, ...]) -> Step:
    def step(said: str, why: Why, *, passed: bool = True) -> Step:
        return Step("provider", passed, said, why, {"provider": rule.provider})

    off = f"{rule.provider} is switched off"
    if rule.provider not in person.providers_off:
        return step("no provider that is switched off", "provider_wanted")
    if rule.urgent:
        return step(f"{off}: an urgent message passes", "provider_off_urgent")
    if reached:
        return step(f"{off}: what follows an earlier message passes", "provider_off_follows")
    return step(off, "provider_off", passed=False)


def _budget_step(person: Traits, rule: Rule, reached: tuple[str, ...]) -> Step:
    most = f"at most {person.most_a_week} routine messages a week"

    def step(said: str, why: Why, *, passed: bool = True) -> Step:
        return Step(
            "weekly budget", passed, f"{most}{said}", why, {"most_a_week": person.most_a_week}
        )

    if rule.urgent:
        return step(": an urgent message passes", "weekly_urgent")
    if reached:
        return step(": what follows an earlier message passes", "weekly_follows")
    if person.id in rule.spent:
        said = ", and as many went to them in the last 7 days"
        return step(said, "weekly_full", passed=False)
    return step(": fewer than that in the last 7 days", "weekly_room")


def _quiet_step(person: Traits, rule: Rule) -> Step:
    hours = person.quiet_hours
    if hours is None:
        return Step("quiet hours", True, "none", "no_quiet_hours")
    begin, end = hours.written()
    of = {"begin": begin, "end": end}

    def step(said: str, why: Why, at: str = "", *, passed: bool = True) -> Step:
        return Step("quiet hours", passed, f"{hours}: {said}", why, {**of, "at": at} if at else of)

    if rule.urgent:
        return step("an urgent message passes", "quiet_hours_urgent")
    if rule.at is None:
        return step("not judged", "quiet_hours_not_judged")
    until = hours.until(rule.at)
    there = f"{rule.at.astimezone(hours.zone):%H:%M}"
    if until is None:
        said = f"it is {there} there, which is outside"
        return step(said, "quiet_hours_outside", there)
    if rule.expires is not None and until >= rule.expires:
        said = f"it is {there} there, which is within, and the message expires before they end"
        return step(said, "quiet_hours_past_expiry", there, passed=False)
    ends = f"{until.astimezone(hours.zone):%H:%M}"
    return step(f"waits until {ends} there", "quiet_hours_wait", ends)


def _of(topic: str, chosen: object) -> str:
    """Say that something was chosen for one topic, where it was."""
    return f" for {topic}" if chosen else ""


def _channels_step(
    person: Traits, rule: Rule, wanted: list[str], usable: list[str], own: OfTopic
) -> Step:
    if usable:
        of: dict[str, object] = {"channels": usable}
        return Step("channels", True, ", ".join(usable), "channels_usable", of)
    if not person.channels:
        return Step("channels", False, "no channel is chosen", "no_channel_chosen")
    if not wanted:
        topic, chosen = chosen_as(rule), own.channels or person.channels
        said = (
            f"chosen{_of(topic, own.channels)} {', '.join(chosen)},"
            f" the message goes by {', '.join(rule.channels)}"
        )
        of = {
            "channels": chosen,
            "message_channels": rule.channels,
            "topic": topic if own.channels else "",
        }
        return Step("channels", False, said, "other_channels_chosen", of)
    off = [c for c in wanted if c not in rule.configured]
    lacking = [c for c in wanted if c in rule.configured]
    said = "; ".join(
        f"{c}: {'not configured' if c in off else 'no number or address'}" for c in wanted
    )
    of = {"off": off, "lacking": lacking}
    return Step("channels", False, said, "channels_unusable", of)
