"""The form that adds or changes an organisation: where it is and for which boroughs it has single
points of contact is ticked, and more of both is written by name, or as the file writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from broadcast.places import called
from broadcast.places.areas import AreaTree
from broadcast.places.called import Meant
from broadcast.places.postcodes import code as postcodes
from broadcast.problems import Problem, Rejected
from console.room.frame import Form
from subscribers.organisations import sites
from subscribers.organisations.record import COLUMNS, CONTACTS, LISTS

PLACED: Final = ("sites", "contacts")
"""What is ticked; more of it is written on lines below."""
PLAIN: Final = tuple(name for name in COLUMNS if name not in PLACED)
FIELDS: Final[Mapping[str, str]] = {
    **{name: name for name in PLAIN},
    **{name: f"more_{name}" for name in PLACED},
    "lat": "more_sites",
    "lon": "more_sites",
}
"""Where on the page each field is mended."""
MOST_LINES: Final = 200
_CONTACT_LEVEL: Final = "borough"


@dataclass(frozen=True, slots=True)
class Choice:
    """A line whose place is not clear, and what it may be: cells with their words."""

    line: str
    cells: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Written:
    """What stands in the form: `ticked` are cells of the file, `more` the lines below them."""

    plain: dict[str, str]
    ticked: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PLACED})
    more: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PLACED, ""))
    choices: dict[str, list[Choice]] = field(default_factory=lambda: {n: [] for n in PLACED})
    problems: list[Problem] = field(default_factory=list)

    def cells(self) -> dict[str, str]:
        """Return the cells of the file that the form stands for."""
        plain = {n: ";".join(_lines(v)) if n in LISTS else v for n, v in self.plain.items()}
        return plain | {
            name: ";".join([*self.ticked[name], *_lines(self.more[name])]) for name in PLACED
        }


def blank() -> Written:
    """Return an empty form."""
    return Written(dict.fromkeys(PLAIN, ""))


def of(found: Mapping[str, Any]) -> Written:
    """Return the form that an organisation, as it is told, stands for."""
    plain = {name: str(found[name]) for name in PLAIN}
    plain |= {
        "people": "\n".join(found["people"]),
        "passes_on": "yes" if found["passes_on"] else "",
    }
    contacts = [f"{each['area']}={each['person']}" for each in found["contacts"]]
    return Written(plain, {"sites": list(found["sites"]), "contacts": contacts})


def read(form: Form, tree: AreaTree) -> Written:
    """Return what was sent, its places found: a line that means one place is ticked; one that may
    mean several stays with its choices, unless one of them was ticked; `problems` says which lines
    are not clear. What names no place stays for the rules of the file.
    """
    made = Written({name: form.one(name) for name in PLAIN})
    for name, cell_of in (("sites", _site), ("contacts", _contact)):
        chosen = form.many(f"which_{name}")
        made.ticked[name] = list(dict.fromkeys(form.many(name)))
        stay: list[str] = []
        for number, line in enumerate(_lines(form.one(f"more_{name}"))):
            cell, meant, written = cell_of(tree, line) if number < MOST_LINES else (None, None, "")
            if cell is not None:
                made.ticked[name] += [cell] if cell not in made.ticked[name] else []
                continue
            choice = Choice(line, tuple(_cells(tree, name, line, meant)) if meant else ())
            if mine := [each for each, _ in choice.cells if each in chosen]:
                made.ticked[name] += [each for each in mine if each not in made.ticked[name]]
                continue
            stay.append(line)
            if meant is not None:
                made.choices[name].append(choice)
                made.problems += called.unclear(written, meant, name).problems
        made.more[name] = "\n".join(stay)
    return made


def shown(written: Written, tree: AreaTree) -> dict[str, Any]:
    """Return what the page shows of a form: its fields, and what is ticked with its words."""
    return {
        **written.plain,
        "ticked": {
            name: [(cell, said(tree, cell)) for cell in written.ticked[name]] for name in PLACED
        },
        "more": written.more,
        "choices": written.choices,
        "hints": {"sites": sites.FORM.replace(";", ", "), "contacts": CONTACTS.partition(";")[0]},
    }


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


def _cells(tree: AreaTree, name: str, line: str, meant: Meant) -> Iterator[tuple[str, str]]:
    """Yield what a line may stand for, each as a cell and in words."""
    who = line.partition("=")[2].strip() if name == "contacts" else ""
    for area in meant.choices:
        words = called.in_words(tree, area)
        yield (f"{area.code}={who}", f"{words}: {who}") if who else (area.code, words)


def _lines(text: str) -> list[str]:
    return [
        part for line in text.splitlines() for each in line.split(";") if (part := each.strip())
    ]
