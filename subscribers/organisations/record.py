"""One organisation as a file gives it: the columns, and the checked values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from broadcast.content.trades import SIZES, TRADES, size_of, trade_fix
from broadcast.files.csv_files import is_formula, unescape
from broadcast.files.nearest import did_you_mean
from broadcast.problems import Rejected, refuse
from subscribers.organisations import sites
from subscribers.people_file import places, texts

COLUMNS: Final = (
    "external_id",
    "name",
    "trade",
    "size",
    "sites",
    "people",
    "contacts",
    "passes_on",
)
LISTS: Final = ("sites", "people", "contacts")
"""Columns that hold several words, with ; between."""
CONTACTS: Final = "E09000033=p-17;E09000007=p-18"
"""How the single points of contact are written: the area, and the external id of who it is."""
MOST_PEOPLE: Final = 200
_YES: Final = {"yes": True, "": False, "no": False}


class OrganisationRecord(NamedTuple):
    """One organisation, checked. `people` are external ids of subscribers; `contacts` says by area
    code who of them is the single point of contact there.
    """

    external_id: str
    name: str
    trade: str
    size: str
    sites: str = ""
    people: tuple[str, ...] = ()
    contacts: tuple[tuple[str, str], ...] = ()
    passes_on: bool = False

    def cells(self) -> dict[str, str]:
        """Return the cells of the file that give this record again."""
        return {
            "external_id": self.external_id,
            "name": self.name,
            "trade": self.trade,
            "size": self.size,
            "sites": self.sites,
            "people": ";".join(self.people),
            "contacts": ";".join(f"{area}={who}" for area, who in self.contacts),
            "passes_on": "yes" if self.passes_on else "no",
        }


def read(
    cells: Mapping[str, str], wrong: Callable[[str, Rejected], None]
) -> OrganisationRecord | None:
    """Return the organisation of these cells, by column; None where `wrong` was told of some."""
    found: dict[str, Any] = {}
    for column in COLUMNS:
        try:
            found[column] = _READ[column](cells.get(column, "").strip())
        except Rejected as refused:
            wrong(column, refused)
    if len(found) < len(COLUMNS):
        return None
    record = OrganisationRecord(**found)
    try:
        _check_contacts(record)
    except Rejected as refused:
        wrong("contacts", refused)
        return None
    return record


def _check_contacts(record: OrganisationRecord) -> None:
    areas = [area for area, _ in record.contacts]
    twice = next((area for area in areas if areas.count(area) > 1), None)
    if twice is not None:
        raise refuse(
            "contact_twice",
            f"{twice} has two single points of contact",
            "name one person for each borough",
        )
    if any(who not in record.people for _, who in record.contacts):
        raise refuse(
            "contact_not_acting",
            "a single point of contact is not among the people",
            "name them in people too: who speaks for an organisation acts for it",
        )


def _external_id(cell: str) -> str:
    found = texts.external_id(cell)
    if not found:
        raise refuse(
            "external_id_missing",
            "no organisation can be found again without it",
            "give every organisation an id of your own",
        )
    return found


def _name(cell: str) -> str:
    found = texts.SPACES.sub(" ", texts.words(cell, 200))
    if not found:
        raise refuse("name_missing", "it has no name", "say what it is called")
    return found


def _trade(cell: str) -> str:
    if cell not in TRADES:
        detail = "no trade is named" if not cell else f"{texts.shown(cell)} is no trade"
        raise texts.formula_or(cell, refuse("trade_unknown", detail, trade_fix(cell)))
    return cell


def _size(cell: str) -> str:
    """Return the size class, of its word or of the number of people employed."""
    if cell.isascii() and cell.isdigit() and len(cell) < 10:
        return size_of(int(cell))
    if cell.casefold() not in SIZES:
        detail = "no size is named" if not cell else f"{texts.shown(cell)} is no size"
        fix = f"{did_you_mean(cell, SIZES)} Or write how many people it employs"
        raise texts.formula_or(cell, refuse("size_unknown", detail, fix))
    return cell.casefold()


def _sites(cell: str) -> str:
    try:
        return sites.text(sites.read(cell))
    except Rejected as refused:
        raise texts.formula_or(cell, refused) from None


def _people(cell: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(texts.words(part, 128) for part in _parts(cell)))
    if len(found) > MOST_PEOPLE:
        raise refuse("too_many", f"more than {MOST_PEOPLE} people", "leave some out")
    return found


def _contacts(cell: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in _parts(cell):
        area, equals, who = part.partition("=")
        if not equals or not area.strip() or not who.strip():
            fix = f"write the area and the person's external id, as {CONTACTS}"
            raise texts.formula_or(
                part, refuse("contact_invalid", "this names no area and person", fix)
            )
        found.append((places.area(area.strip()), texts.words(who.strip(), 128)))
    return tuple(dict.fromkeys(found))


def _passes_on(cell: str) -> bool:
    if cell.casefold() not in _YES:
        raise refuse("passes_on_invalid", f"{texts.shown(cell)} is neither yes nor no", "write yes")
    return _YES[cell.casefold()]


def _parts(cell: str) -> list[str]:
    if is_formula(cell):
        raise texts.formula()
    return [part for each in unescape(cell).split(";") if (part := each.strip())]


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "external_id": _external_id,
    "name": _name,
    "trade": _trade,
    "size": _size,
    "sites": _sites,
    "people": _people,
    "contacts": _contacts,
    "passes_on": _passes_on,
}
