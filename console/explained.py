"""Why one person is, or is not, sent a message, as sentences that a desk officer would say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from broadcast.content import trades
from broadcast.groups import registered
from broadcast.groups.registered import Groups
from broadcast.places.areas import AreaTree
from broadcast.store.database import Connection
from broadcast.wording.times import local_time
from console import provider_words
from console.room import naming
from subscribers.trace import Why

Facts = Mapping[str, Any]

STANDS: Mapping[str, str] = MappingProxyType(
    {
        "waiting": "their turn has not come",
        "handing_over": "it is on its way to the provider",
        "accepted": "the provider took it, and has not said yet whether it arrived",
        "delivered": "it arrived",
        "failed": "no way that was tried led to them",
        "not_sent": "it does not go to them",
        "expired": "the message ended before it reached them",
        "in_doubt": "nobody knows whether it arrived, so it is not sent again by itself",
    }
)
"""What a line means for who stands on it."""


@dataclass(frozen=True, slots=True)
class Names:
    """What places and groups are called."""

    tree: AreaTree
    groups: Groups

    def area(self, code: str) -> str:
        """Return "Westminster (E09000033)"; the code alone where it is not imported."""
        return f"{self.tree[code].name} ({code})" if code in self.tree else code

    def group(self, scope: str) -> str:
        """Return "Retail"; the word of its scope where nobody registered it."""
        return self.groups.names_of(scope).get("", scope.partition(":")[2])


def sentences(told: Mapping[str, Any], names: Names, time: Callable[[str], str] = str) -> list[str]:
    """Return the explanation of one person (`service.commands.explaining`) as sentences: each
    question with its answer, each attempt, and where they stand. `time` writes a moment.
    """
    found = [step(each, names) for each in told["steps"]]
    found += [_attempt(each, time) for each in told["attempts"]]
    return [*found, _stands(told)]


def clock_of(zone: str) -> Callable[[str], str]:
    """Return what writes a moment as people of a time zone read it."""
    return lambda at: local_time(datetime.fromisoformat(at), "en", zone)


def by_channel(told: Mapping[str, Any]) -> list[str]:
    """Return where somebody stands on each channel, one line each."""
    return [
        f"  by {naming.WAYS[channel][0]}: {naming.LINES[line][0]}"
        for channel, line in told["channel_lines"].items()
    ]


def step(told: Mapping[str, Any], names: Names) -> str:
    """Return one question, whether it was passed, and what decided it."""
    question, passed, failed = naming.QUESTIONS[told["name"]]
    said = SAID[told["why"]](told["of"], names)
    return f"{question} {passed if told['passed'] else failed}. {said}"


def _attempt(told: Mapping[str, Any], time: Callable[[str], str]) -> str:
    became = provider_words.attempt(told["channel"], told["state"], told["code"])
    by = naming.WAYS[told["channel"]][0]
    return f"Try {told['generation']}, by {by}, {time(told['at'])}: {became}."


def _stands(told: Mapping[str, Any]) -> str:
    line, reason = told["line"], told["reason"]
    because = f": {naming.word(reason)}" if reason else ""
    if line is not None:
        because = because or f": {STANDS[line]}"
        return f"So they are on the line “{naming.LINES[line][0]}”{because}."
    return f"It is not for them{because}." if reason else "Whom it is for is not settled yet."


def _listed(words: Sequence[str], nothing: str = "nothing", last: str = "and") -> str:
    """Return "a", "a and b", "a, b and c"."""
    if not words:
        return nothing
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _ways(channels: Sequence[str], last: str = "and") -> str:
    """Return "texts and calls"."""
    return _listed([naming.WAYS[channel][1] for channel in channels], last=last)


def _by(channels: Sequence[str]) -> str:
    """Return "text and call"."""
    return _listed([naming.WAYS[channel][0] for channel in channels])


def _live(of: Facts, names: Names, nothing: str = "a place that has no name here") -> str:
    """Return "They live in …", "A site of an organisation they act for is in …"."""
    areas = _listed([names.area(code) for code in of["areas"]], nothing)
    return f"{_whose(of)} in {areas}"


def _whose(of: Facts) -> str:
    whose = {
        "site": "A site of an organisation they act for is",
        "elsewhere": "Another place of theirs is",
    }
    return whose.get(of.get("at", ""), "They live")


def _inside(of: Facts, names: Names) -> str:
    shapes = [f"the drawn {each.replace('polygon', 'shape')}" for each in of["shapes"]]
    found = _listed([*map(names.area, of["areas"]), *shapes], "")
    return f"{_whose(of)} {f'in {found}' if found else 'inside what is addressed'}."


def _known_area(of: Facts, names: Names, says: str) -> str:
    return f"{_live(of, names)}, and no closer place is known{says}."


def _groups(of: Facts, names: Names) -> str:
    return _listed([names.group(scope) for scope in of["groups"]], last="or")


def _kinds(of: Facts) -> str:
    return _listed([naming.group(kind) for kind in of["kinds"]], last="or")


def _a(kind: str) -> str:
    """Return "a resident", "an officer"."""
    word = naming.group(kind, 1)
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _acts_for(of: Facts) -> str:
    found = []
    for each in of["acts_as"]:
        trade, _, size = each.partition("/")
        found.append(f"a {size} organisation in {trades.TRADES[trade.upper()]}")
    return _listed(found)


def _had_before(of: Facts) -> str:
    return " They got it before, so what they chose does not count." if of["had_before"] else ""


def _topic(of: Facts) -> str:
    return f" about {naming.TOPICS[of['topic']]}" if of["topic"] else ""


def _severity(of: Facts, _names: Names) -> str:
    asked = f"of {naming.word(of['from'])} or worse" if of["from"] else "however grave"
    grave = naming.word(of["severity"])
    asks = f"They ask for messages{_topic(of)} {asked}"
    return f"{asks}; this one is graded {grave}.{_had_before(of)}"


def _quiet(of: Facts) -> str:
    return f"Their quiet hours are from {of['begin']} to {of['end']}"


def _most(of: Facts) -> str:
    most = of["most_a_week"]
    return f"They take {most} routine message{'' if most == 1 else 's'} a week at most"


def _switched_off(of: Facts, names: Names) -> str:
    provider = names.group(f"provider:{of['provider']}")
    return f"They switched off the routine messages of {provider}"


def _unusable(of: Facts, _names: Names) -> str:
    said = []
    if of["off"]:
        said.append(f"this control room does not send {_ways(of['off'], 'or')}")
    if of["lacking"]:
        said.append(f"no number or address of theirs is known for {_ways(of['lacking'], 'or')}")
    return _sentence("; ".join(said))


def _other_channels(of: Facts, _names: Names) -> str:
    chose = f"They chose {_ways(of['channels'])} for messages{_topic(of)}"
    return f"{chose}; this one goes by {_by(of['message_channels'])}."


def _language(of: Facts, _names: Names) -> str:
    speaks = _listed([naming.language(tag) for tag in of["speaks"]], last="then")
    return f"They read {speaks}, and get it in {naming.language(of['gets'])}."


def _people(of: Facts) -> str:
    numbers = [str(each) for each in of["others"]]
    return f"They are also registered as person {_listed(numbers)}"


def _same_person(of: Facts, _names: Names) -> str:
    kinds = _listed([_a(kind) for kind in of["kinds"]])
    one = f"one message goes to them as {kinds}"
    return f"{_people(of)}: {one}, and it comes to person {of['comes_to']}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _just(text: str) -> Callable[[Facts, Names], str]:
    return lambda _of, _names: text


SAID: Mapping[Why, Callable[[Facts, Names], str]] = MappingProxyType(
    {
        "registered": _just("They are in the registry."),
        "not_registered": _just("Nobody is registered under this number."),
        "erased": _just("They were deleted on their wish."),
        "not_erased": _just("They did not ask to be deleted."),
        "everywhere": _just("The message is for every place."),
        "no_site_there": _just("No site of an organisation they act for is where it is for."),
        "borderless_area": lambda of, n: (
            f"{_live(of, n)}, which the message names and whose border is not known here."
        ),
        "nowhere_known": _just("Nobody knows where they live."),
        "too_little_of_area": lambda of, n: _known_area(
            of,
            n,
            ". The drawn shape reaches into it, and covers too little of it to say that they are"
            " inside",
        ),
        "known_area_addressed": lambda of, n: _known_area(of, n, "; the message is for there"),
        "known_area_not_addressed": lambda of, n: _known_area(
            of, n, "; the message is for other places"
        ),
        "postcode_reached": lambda of, _: (
            f"Of where they live only the postcode is known, to within {of['metres']} metres, and"
            " the message reaches into that."
        ),
        "postcode_middle_outside": lambda of, _: (
            f"Of where they live only the postcode is known, to within {of['metres']} metres. The"
            " message reaches into that, but not to its middle."
        ),
        "outside": lambda of, n: f"{_live(of, n)}, outside what the message is for.",
        "in_touched_area": lambda of, n: (
            f"{_live(of, n)}, which the message names or its shape touches."
        ),
        "inside": _inside,
        "kind_meant": lambda of, _: f"They are registered as {_a(of['kind'])}.",
        "kind_not_meant": lambda of, _: (
            f"They are registered as {_a(of['kind'])}; it is only for {_kinds(of)}."
        ),
        "sector_meant": lambda of, n: f"They belong to {_groups(of, n)}.",
        "sector_not_meant": lambda of, n: f"They do not belong to {_groups(of, n)}.",
        "community_meant": lambda of, n: f"They belong to {_groups(of, n)}.",
        "community_not_meant": lambda of, n: f"They do not belong to {_groups(of, n)}.",
        "acts_for_meant": lambda of, _: f"They act for {_acts_for(of)}.",
        "acts_for_nobody": _just("They act for no organisation."),
        "acts_for_others": lambda of, _: f"They act only for {_acts_for(of)}.",
        "reached_before": lambda of, _: f"They got an earlier version by {_by(of['channels'])}.",
        "not_reached_before": _just("They got none of the earlier versions."),
        "stopped": lambda of, _: f"They stopped {_ways(of['channels'])}.",
        "agreed_to": lambda of, _: f"They agreed to {_ways(of['channels'])}.",
        "never_in_exercises": _just("They asked to be told discreetly: exercises never go there."),
        "takes_part": _just("Nothing speaks against it."),
        "topic_chosen": lambda of, _: f"They asked for messages{_topic(of)}.{_had_before(of)}",
        "topic_not_chosen": lambda of, _: (
            f"They did not ask for messages{_topic(of)}.{_had_before(of)}"
        ),
        "severity_asked": _severity,
        "no_quiet_hours": _just("They set no quiet hours."),
        "quiet_hours_urgent": lambda of, _: f"{_quiet(of)}; an urgent message comes all the same.",
        "quiet_hours_not_judged": lambda of, _: f"{_quiet(of)}; the hour is not judged yet.",
        "quiet_hours_wait": lambda of, _: f"{_quiet(of)}; it waits for them until {of['at']}.",
        "quiet_hours_past_expiry": lambda of, _: (
            f"{_quiet(of)}. It was {of['at']}, and the message ends before they do."
        ),
        "quiet_hours_outside": lambda of, _: f"{_quiet(of)}; it was {of['at']}.",
        "provider_wanted": _just("They switched off nobody whose message this is."),
        "provider_off_urgent": lambda of, n: (
            f"{_switched_off(of, n)}; an urgent message comes all the same."
        ),
        "provider_off_follows": lambda of, n: (
            f"{_switched_off(of, n)}; what follows an earlier message comes all the same."
        ),
        "provider_off": lambda of, n: f"{_switched_off(of, n)}.",
        "weekly_urgent": lambda of, _: f"{_most(of)}; an urgent message comes all the same.",
        "weekly_follows": lambda of, _: (
            f"{_most(of)}; what follows an earlier message comes all the same."
        ),
        "weekly_full": lambda of, _: f"{_most(of)}, and got as many in the last 7 days.",
        "weekly_room": lambda of, _: f"{_most(of)}, and got fewer in the last 7 days.",
        "channels_usable": lambda of, _: f"They can be reached by {_by(of['channels'])}.",
        "no_channel_chosen": _just("They chose no way to be told."),
        "other_channels_chosen": _other_channels,
        "channels_unusable": _unusable,
        "language_given": _language,
        "same_person_elsewhere": _same_person,
        "same_person_here": _same_person,
        "same_person_follows": lambda of, _: (
            f"{_people(of)}: what follows goes where the message before it went."
        ),
    }
)
"""What is said of each reason, from its facts."""


def names_of(conn: Connection, tree: AreaTree) -> Names:
    """Return what places and groups are called now."""
    return Names(tree, registered.load(conn))
