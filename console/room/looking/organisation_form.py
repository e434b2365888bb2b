"""The form that adds or changes an organisation: where it is, who acts for it and for which
boroughs it has single points of contact is ticked. More places are written by name, or as the file
writes them; more people by external id, number or address, and shown masked before they are saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from broadcast.places import called
from broadcast.places.areas import AreaTree
from broadcast.places.called import Meant
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import Problem, Rejected
from console.room.frame import Form
from subscribers.organisations import sites
from subscribers.organisations.record import COLUMNS, CONTACTS

PEOPLE: Final = "people"
TICKED: Final = ("sites", PEOPLE, "contacts")
"""What is ticked; more of it is written on lines below."""
PLAIN: Final = tuple(name for name in COLUMNS if name not in TICKED)
FIELDS: Final[Mapping[str, str]] = {
    **{name: name for name in PLAIN},
    **{name: f"more_{name}" for name in TICKED},
    "lat": "more_sites",
    "lon": "more_sites",
}
"""Where on the page each field is mended."""
MOST_LINES: Final = 200
_CONTACT_LEVEL: Final = "borough"

Person = Mapping[str, Any]
"""Somebody as `subscribers.registry.listing` shows them, masked."""
Found = Mapping[str, Sequence[Person]]
"""Who is meant by what was written."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A line whose place or person is not clear, and what it may be: cells with their words."""

    line: str
    cells: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Written:
    """What stands in the form: `ticked` are cells of the file, `more` the lines below them, `known`
    who stands behind the external ids that are ticked.
    """

    plain: dict[str, str]
    ticked: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in TICKED})
    more: dict[str, str] = field(default_factory=lambda: dict.fromkeys(TICKED, ""))
    choices: dict[str, list[Choice]] = field(default_factory=lambda: {n: [] for n in TICKED})
    problems: list[Problem] = field(default_factory=list)
    known: dict[str, Person] = field(default_factory=dict)

    def cells(self) -> dict[str, str]:
        """Return the cells of the file that the form stands for."""
        return self.plain | {
            name: ";".join([*self.ticked[name], *_lines(self.more[name])]) for name in TICKED
        }

    def unknown(self) -> list[str]:
        """Return the ticked external ids of people who have not been looked up yet."""
        return [each for each in self.ticked[PEOPLE] if each not in self.known]


def blank() -> Written:
    """Return an empty form."""
    return Written(dict.fromkeys(PLAIN, ""))


def of(found: Mapping[str, Any]) -> Written:
    """Return the form filled in with an organisation, given as its JSON."""
    plain = {name: str(found[name]) for name in PLAIN}
    plain["passes_on"] = "yes" if found["passes_on"] else ""
    contacts = [f"{each['area']}={each['person']}" for each in found["contacts"]]
    ticked = {name: list(found[name]) for name in ("sites", PEOPLE)} | {"contacts": contacts}
    return Written(plain, ticked, known={each["external_id"]: each for each in found["acting"]})


def people_asked(form: Form) -> list[str]:
    """Return what to search people by in a form that was sent: its lines of people who act for the
    organisation and of contacts of boroughs, followed by the people who are ticked, for they are
    shown too. Empty where the form asks for nobody new.
    """
    contacts = [line.partition("=")[2].strip() for line in _lines(form.one("more_contacts"))]
    asked = [*_lines(form.one(f"more_{PEOPLE}"))[:MOST_LINES], *contacts[:MOST_LINES]]
    ticked = form.many(PEOPLE)
    asked = [each for each in asked if each and each not in ticked]
    return list(dict.fromkeys([*asked, *ticked])) if asked else []


def read(form: Form, tree: AreaTree, people: Found) -> Written:
    """Return the form as it was sent, with its places and people looked up.

    A line that matches one person is ticked; one that matches several keeps them as choices, unless
    one of them was ticked. `problems` names the lines that are not clear, and says so where a
    person was found whom the page has not shown yet. What names no place is left to the rules of
    the file.
    """
    made = Written({name: form.one(name) for name in PLAIN})
    made.known = {each["external_id"]: each for found in people.values() for each in found}
    _read_people(made, form, people)
    _read_places(made, form, tree, people)
    return made


def _read_people(made: Written, form: Form, people: Found) -> None:
    ticked, stay = list(dict.fromkeys(form.many(PEOPLE))), []
    chosen, unseen = form.many(f"which_{PEOPLE}"), False
    for line in _lines(form.one(f"more_{PEOPLE}")):
        if line in ticked:
            continue
        found = [each["external_id"] for each in people.get(line, ())]
        mine = [each for each in found if each in chosen]
        if mine or len(found) == 1:
            unseen = unseen or not mine
            ticked += [each for each in mine or found if each not in ticked]
            continue
        stay.append(line)
        cells = tuple((each, person_said(made.known[each], each)) for each in found)
        made.choices[PEOPLE].append(Choice(line, cells))
        made.problems.append(_unclear(several=bool(found)))
    made.ticked[PEOPLE], made.more[PEOPLE] = ticked, "\n".join(stay)
    if unseen:
        made.problems.append(
            Problem(
                code="people_unseen",
                detail="the search found people whom you have not seen yet; nothing was saved",
                fix="look at who is ticked, and save again",
                field=PEOPLE,
            )
        )


def _unclear(*, several: bool) -> Problem:
    """Return what is said of a line of who acts for it; never the line, which may be a number."""
    if several:
        detail, fix = "a line under who acts for it matches several people", "tick which"
        return Problem(code="person_ambiguous", detail=detail, fix=fix, field=PEOPLE)
    return Problem(
        code="person_unknown",
        detail="a line under who acts for it matches nobody",
        fix="write an external id, a telephone number or an e-mail address as it is registered",
        field=PEOPLE,
    )


def _read_places(made: Written, form: Form, tree: AreaTree, people: Found) -> None:
    def contact(tree: AreaTree, line: str) -> _Found:
        place, equals, who = (part.strip() for part in line.partition("="))
        return _contact(tree, f"{place}={_meant(made, people, who)}" if equals else place)

    for name, cell_of in (("sites", _site), ("contacts", contact)):
        chosen = form.many(f"which_{name}")
        made.ticked[name] = list(dict.fromkeys(form.many(name)))
        stay: list[str] = []
        for number, line in enumerate(_lines(form.one(f"more_{name}"))):
            cell, meant, written = cell_of(tree, line) if number < MOST_LINES else (None, None, "")
            if cell is not None:
                made.ticked[name] += [cell] if cell not in made.ticked[name] else []
                continue
            who = _meant(made, people, line.partition("=")[2].strip()) if name != "sites" else ""
            choice = Choice(line, tuple(_cells(tree, who, meant)) if meant else ())
            if mine := [each for each, _ in choice.cells if each in chosen]:
                made.ticked[name] += [each for each in mine if each not in made.ticked[name]]
                continue
            stay.append(line)
            if meant is not None:
                made.choices[name].append(choice)
                made.problems += called.unclear(written, meant, name).problems
        made.more[name] = "\n".join(stay)


def _meant(made: Written, people: Found, who: str) -> str:
    """Return the external id of who is named for a borough: of several whom a number means, the one
    who is ticked. What is not clear stays as it is, for the rules of the file.
    """
    found = [each["external_id"] for each in people.get(who, ())]
    ticked = [each for each in found if each in made.ticked[PEOPLE]]
    return next((some[0] for some in (ticked, found) if len(some) == 1), who)


def shown(written: Written, tree: AreaTree) -> dict[str, Any]:
    """Return what the page shows of a form: its fields, and what is ticked with its words."""
    return {
        **written.plain,
        "ticked": {
            name: [(cell, said(tree, cell)) for cell in written.ticked[name]]
            for name in ("sites", "contacts")
        }
        | {PEOPLE: [(x, person_said(written.known.get(x), x)) for x in written.ticked[PEOPLE]]},
        "more": written.more,
        "choices": written.choices,
        "hints": {"sites": sites.FORM.replace(";", ", "), "contacts": CONTACTS.partition(";")[0]},
    }


def person_said(person: Person | None, external_id: str) -> str:
    """Return somebody as people read them: masked, with their external id."""
    if person is None:
        return external_id
    known = (person[name] for name in ("mobile", "phone", "email"))
    words = ", ".join([person["name"] or "No name", *filter(None, known)])
    return f"{words} ({external_id})"


def said(tree: AreaTree, cell: str) -> str:
    """Return a site, or a single point of contact, as people read it: areas with their names."""
    code, equals, who = cell.partition("=")
    area = f"{tree[code].name} ({code})" if code in tree else code
    return f"{area}: {who}" if equals else area


_Found = tuple[str | None, Meant | None, str]
"""The cell of a line that is clear; else what its place may be, None where it names no place; and
how the place was written.
"""


def _site(tree: AreaTree, line: str) -> _Found:
    found = called.meant(tree, line)
    if found.area is not None:
        return found.area.code, None, line
    has_digit = any(char.isdigit() for char in line)
    if not found.same_name and ((has_digit and "," in line) or postcodes.key(line)):
        return _as_written(line), None, line
    if found.choices or not has_digit:
        return None, found, line
    return _as_written(line), None, line


def _as_written(line: str) -> str | None:
    """Return a line as the file has it; None where the rules refuse it, who then say why."""
    try:
        return sites.text(sites.read(line))
    except Rejected:
        return None


def _contact(tree: AreaTree, line: str) -> _Found:
    place, equals, who = (part.strip() for part in line.partition("="))
    if not (equals and place and who):
        return None, None, place
    found = called.meant(tree, place, level=_CONTACT_LEVEL)
    if found.area is not None:
        return f"{found.area.code}={who}", None, place
    if found.choices or not any(char.isdigit() for char in place):
        return None, found, place
    return None, None, place


def _cells(tree: AreaTree, who: str, meant: Meant) -> Iterator[tuple[str, str]]:
    """Yield what a line may stand for, each as a cell and in words; `who` is who it is there."""
    for area in meant.choices:
        words = called.in_words(tree, area)
        yield (f"{area.code}={who}", f"{words}: {who}") if who else (area.code, words)


def _lines(text: str) -> list[str]:
    return [
        part for line in text.splitlines() for each in line.split(";") if (part := each.strip())
    ]
