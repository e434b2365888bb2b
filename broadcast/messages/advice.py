"""What a person should know of a text before it is submitted: warnings, never a refusal.

The author accepts them by name; the approver sees those that the author did not accept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher

from sqlalchemy import Connection, select

from broadcast.content.model import Content, for_everybody
from broadcast.content.segments import count
from broadcast.files.nearest import did_you_mean, shown
from broadcast.messages import small_counts, versions
from broadcast.messages.tables import decision
from broadcast.messages.versions import Version
from broadcast.problems import Problem, refuse
from broadcast.wording.languages import in_english
from broadcast.wording.levels import ENDED
from broadcast.wording.pack import primary
from broadcast.wording.render import MOST_PLACES, render, until_when
from broadcast.wording.rendered import Facts
from broadcast.wording.times import says_a_time

CODES = (
    "channel_off",
    "hotline_without_hours",
    "instruction_missing",
    "language_lacking",
    "nobody_there",
    "overlap",
    "perhaps_inside",
    "same_text",
    "shape_partly_outside",
    "shouting",
    "sms_costs_more",
    "sms_incomplete",
    "sms_many_parts",
)
"""Every warning that an author may accept."""

MOST_PARTS = 3
"""Parts of an SMS that an author wrote, beyond which it is warned of."""
ALIKE = 0.9
"""Texts that agree to this share are nearly the same."""
LATELY = timedelta(hours=1)
COMPARED = 100
"""With so many of the last hour's texts a new one is compared, the newest first."""
MANY_SHARE, MANY = 0.05, 1_000
"""A language is read by many: by this share of the audience, or by so many people."""
NAMED = 5
"""Messages that a warning names; of more it says how many."""

_LETTERS_TO_JUDGE = 12
_KNOWN_ALWAYS = re.compile(r"\b(?:999|112|101|111|105|18000|0800 ?789 ?321|0800 ?555 ?111)\b")
_NUMBER = re.compile(r"\+?\d[\d ()-]{5,40}\d")
_ACT_NOW = frozenset({"incident", "contingency", "threat_level_change", "advice", "correction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """A message of another control room: what it says of itself, how many people it goes to, and
    how many of those who would get this one too.
    """

    message: int
    state: str
    content: Content
    people: int
    both: int


def of_text(content: Content, people: int) -> list[Problem]:
    """Return the warnings that a content itself gives, and the number of people it goes to."""
    found = [*_shouting(content), *_hotlines(content), *_many_parts(content)]
    must_act = content.kind in _ACT_NOW and content.level != ENDED
    if must_act and content.severity in ("Extreme", "Severe"):
        found += [
            _warning(
                "instruction_missing",
                "people must act, and the text does not say how",
                "say in one sentence what they should do",
                f"languages.{language}.instruction",
            )
            for language, text in content.languages.items()
            if not text.instruction.strip()
        ]
    if people == 0:
        alone = "it would stand on the page and in the feeds alone"
        found.append(
            _warning(
                "nobody_there",
                f"nobody would be sent to{f': {alone}' if for_everybody(content) else ''}",
                "look at areas, audience and channels",
                "areas",
            )
        )
    return found


def sms_incomplete(content: Content, facts: Facts, touched: Sequence[str]) -> list[Problem]:
    """Return a warning for each language in which the text message does not say all of what to do,
    where, or until when.

    The instruction is cut where the author's words fill all parts that we may use; of an SMS of
    their own nobody can tell what it says to do. Place and time are added to an author's words only
    where nothing of theirs need be cut, and to an SMS of their own only where that costs no further
    part. `touched` are the names of the areas that a drawn shape touches: whoever names one has
    said where.
    """
    found = []
    for language in content.languages if "sms" in content.channels else ():
        said = render(content, facts, "sms", language).body.casefold()
        named = [facts.names[c].casefold() in said for c in content.areas if c in facts.names]
        drawn = bool(content.polygons or content.circles)
        placed = not (named or drawn) or bool(content.level) or all(named[:MOST_PLACES] or [False])
        placed = placed or (drawn and any(name.casefold() in said for name in touched))
        time = until_when(content, facts.expires, language, facts.zone, facts.sent, shows_day=True)
        text = content.languages[language]
        instruction = " ".join(text.instruction.split()).casefold()
        whole = bool((text.sms or "").strip()) or instruction in said
        lacking = [
            *([] if whole else ["all of what to do"]),
            *([] if placed else ["where"]),
            *([] if not time or time.casefold() in said or says_a_time(said) else ["until when"]),
        ]
        if lacking:
            first = ", ".join(lacking[:-1])
            found.append(
                _warning(
                    "sms_incomplete",
                    f"the text message in {in_english(language)} does not say"
                    f" {' and '.join(part for part in (first, lacking[-1]) if part)}",
                    "name the place in the headline, shorten headline and instruction so that there"
                    " is room, or write a text for SMS that says it",
                    f"languages.{language}.sms",
                )
            )
    return found


def perhaps_inside(content: Content, people: int) -> list[Problem]:
    """Return a warning where the shape touches the areas of people of whom nothing else is
    known.
    """
    if not people:
        return []
    number = small_counts.number(people, content)
    return [
        _warning(
            "perhaps_inside",
            f"{number} people may be inside the shape and are not told: all that is known of them"
            " is an area that it touches",
            "write `include_perhaps: true` to tell them too, or name the area",
            "polygons" if content.polygons else "circles",
        )
    ]


def same_text(conn: Connection, v: Version, now: datetime) -> list[Problem]:
    """Return a warning where another message of the last hour says the same or nearly the same.

    Restricted and private messages of other control rooms are not mentioned.
    """
    lately = (
        select(decision.c.version_id)
        .where(decision.c.action == "submit", decision.c.at > now - LATELY)
        .distinct()
        .order_by(decision.c.version_id.desc())
        .limit(COMPARED)
    )
    for said in versions.texts(conn, v, lately):
        if said.content.visibility != "public" and said.room != v.room:
            continue
        if _alike(v.content, said.content):
            return [
                _warning(
                    "same_text",
                    f"message {said.message_id} of the last hour says the same or nearly the same",
                    "look at it: people may get both",
                    "languages",
                )
            ]
    return []


def languages_missing(content: Content, reads: Mapping[str, int], action: str) -> list[Problem]:
    """Return a warning where people get a text in a language that is not theirs.

    `reads` is how many of those sent to read which language. A first text or an update is warned
    of languages that many read; a correction or an all-clear of every one, for it takes back or
    ends what people were told. In a drawn shape no language of fewer than ten people is named.
    """
    total, mine = sum(reads.values()), {primary(tag) for tag in content.languages}
    spoken: dict[str, int] = {}
    for tag, people in reads.items():
        spoken[primary(tag)] = spoken.get(primary(tag), 0) + people
    lacking = {tag: people for tag, people in spoken.items() if tag not in mine and people}
    if action not in ("correct", "all_clear"):
        many = min(MANY_SHARE * total, MANY)
        lacking = {tag: people for tag, people in lacking.items() if people >= many}
    few, numbers = False, small_counts.parts(spoken, total, content)
    if small_counts.drawn(content):
        few = any(people < small_counts.LEAST for people in lacking.values())
        lacking = {t: people for t, people in lacking.items() if people >= small_counts.LEAST}
    said = [
        f"{in_english(tag)} ({_people(numbers[tag])})"
        for tag, _ in sorted(lacking.items(), key=lambda each: (-each[1], each[0]))
    ]
    if few and action in ("correct", "all_clear"):
        said.append("other languages (few people)")
    if not said:
        return []
    instead = in_english(next(iter(content.languages)))
    return [
        _warning(
            "language_lacking",
            f"people who read a language that it lacks get {instead} instead: {', '.join(said)}",
            "add a text in that language, or accept that they read it in another",
            "languages",
        )
    ]


def overlap(content: Content, people: int, met: Sequence[Met]) -> list[Problem]:
    """Return a warning where messages of other control rooms go to the same people; `people` is how
    many this one goes to.
    """
    largest = sorted(
        (each for each in met if each.both), key=lambda each: (-each.both, each.message)
    )
    if not largest:
        return []
    said = []
    for each in largest[:NAMED]:
        drawn = next((c for c in (content, each.content) if small_counts.drawn(c)), content)
        rest = (people - each.both, each.people - each.both)
        number = small_counts.shared(each.both, rest, drawn)
        said.append(f"message {each.message}, which {each.state} ({_people(number)})")
    if len(largest) > NAMED:
        said.append(f"and {len(largest) - NAMED} more")
    return [
        _warning(
            "overlap",
            f"some of these people also get, from another control room: {', '.join(said)}",
            "read it, and agree with that control room on what people are told to do",
            "areas",
        )
    ]


def _people(number: small_counts.Shown) -> str:
    if number == small_counts.HIDDEN:
        return "number not shown"
    return small_counts.people(number)


def check_accepted(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that an author accepts; raises Rejected where one is no warning."""
    accepted = tuple(dict.fromkeys(codes))
    for code in accepted:
        if code not in CODES:
            raise refuse(
                "warning_unknown",
                f"{shown(code)} is no warning",
                did_you_mean(code, CODES),
                field="accept",
            )
    return accepted


def in_words(found: Sequence[Problem], accepted: Sequence[str]) -> str | None:
    """Return what is kept with the submission: each code, and whether its author accepted it."""
    codes = list(dict.fromkeys(problem.code for problem in found))
    if not codes:
        return None
    said = (f"{code} (accepted)" if code in accepted else code for code in codes)
    return f"warnings: {', '.join(said)}"


def of_submission(conn: Connection, version_id: int) -> list[dict[str, object]]:
    """Return [{code, accepted}] of the newest submission of a version."""
    query = (
        select(decision.c.why)
        .where(decision.c.version_id == version_id, decision.c.action == "submit")
        .order_by(decision.c.id.desc())
        .limit(1)
    )
    kept = conn.execute(query).scalar_one_or_none() or ""
    return _from_words(kept)


def overlapping(conn: Connection, version_ids: Collection[int]) -> frozenset[int]:
    """Return which of these versions met messages of other control rooms, as their newest
    submission was warned.
    """
    query = select(decision.c.version_id, decision.c.why).where(
        decision.c.version_id.in_(list(version_ids)), decision.c.action == "submit"
    )
    newest = {row.version_id: row.why or "" for row in conn.execute(query.order_by(decision.c.id))}
    return frozenset(
        n for n, why in newest.items() if any(w["code"] == "overlap" for w in _from_words(why))
    )


def _from_words(kept: str) -> list[dict[str, object]]:
    said = kept.removeprefix("warnings: ").split(", ") if kept else []
    return [
        {"code": part.removesuffix(" (accepted)"), "accepted": part.endswith(" (accepted)")}
        for part in said
    ]


def submitted_at(conn: Connection, version_id: int) -> datetime | None:
    """Return when a version was last submitted."""
    query = (
        select(decision.c.at)
        .where(decision.c.version_id == version_id, decision.c.action == "submit")
        .order_by(decision.c.id.desc())
        .limit(1)
    )
    return conn.execute(query).scalar_one_or_none()


def _warning(code: str, detail: str, fix: str, field: str) -> Problem:
    return Problem(code=code, detail=detail, fix=fix, field=field, status=200)


def _shouting(content: Content) -> Iterable[Problem]:
    for language, text in content.languages.items():
        for name in ("headline", "description", "instruction"):
            cased = [c for c in getattr(text, name) if c.isupper() or c.islower()]
            if len(cased) >= _LETTERS_TO_JUDGE and sum(map(str.isupper, cased)) > len(cased) / 2:
                yield _warning(
                    "shouting",
                    "most of it is in capitals, which is hard to read and frightens",
                    "write it in sentences; the level's name may stay in capitals",
                    f"languages.{language}.{name}",
                )


def _hotlines(content: Content) -> Iterable[Problem]:
    for n, hotline in enumerate(content.hotlines):
        rest = _NUMBER.sub("", _KNOWN_ALWAYS.sub("", hotline))
        if not _KNOWN_ALWAYS.search(hotline) and not re.search(r"\d|hour|always|day and", rest):
            yield _warning(
                "hotline_without_hours",
                "it does not say when somebody answers",
                'add the hours, as in "020 7946 0123, 8 am to 8 pm"',
                f"hotlines.{n}",
            )


def _many_parts(content: Content) -> Iterable[Problem]:
    for language, text in content.languages.items():
        parts = count(text.sms).segments if text.sms and "sms" in content.channels else 0
        if parts > MOST_PARTS:
            yield _warning(
                "sms_many_parts",
                f"the SMS takes {parts} parts for every person",
                "write it shorter: each part costs, and the last may come late",
                f"languages.{language}.sms",
            )


def _alike(one: Content, other: Content) -> bool:
    for language in set(one.languages) & set(other.languages):
        a, b = one.languages[language], other.languages[language]
        said = (f"{a.headline}\n{a.instruction}"[:1000], f"{b.headline}\n{b.instruction}"[:1000])
        matcher = SequenceMatcher(None, *said, autojunk=False)
        if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE:
            return matcher.ratio() >= ALIKE
    return False
