"""As what people act, and where: read whenever the rows of their places are brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from broadcast.content import trades
from subscribers.organisations import sites
from subscribers.organisations.tables import organisation, organisation_person
from subscribers.people_file.other_places import OtherPlace

NO_SITE: Final = OtherPlace("work")
"""Where somebody acts for an organisation that named no site: wherever that person is."""


class Acting(NamedTuple):
    """One place at which somebody acts for an organisation, and as what, joined by ";"."""

    place: OtherPlace
    acts_as: str


def acts_as(trade: str, size: str, *, passes_on: bool) -> str:
    """Return as what people act for such an organisation, joined by ";". One that passes on speaks
    to members of every size, so it is meant whatever size a message names.
    """
    every = [trades.acting_as(trade, each) for each in (trades.SIZES if passes_on else (size,))]
    return ";".join([*every, trades.PASSES_ON] if passes_on else every)


def told_of(conn: Connection, person: int) -> list[dict[str, Any]]:
    """Return for which organisations somebody acts, as it is told of one person."""
    table, link = organisation, organisation_person
    rows = conn.execute(
        select(table.c.external_id, table.c.trade, table.c.size, link.c.contact_for)
        .join(link, link.c.organisation_id == table.c.id)
        .where(link.c.subscriber_id == person)
        .order_by(table.c.id)
    )
    return [
        {
            "external_id": row.external_id,
            "trade": row.trade,
            "size": row.size,
            "contact_for": [area for area in row.contact_for.split(";") if area],
        }
        for row in rows
    ]


def of_people(conn: Connection, people: Sequence[int]) -> dict[int, list[Acting]]:
    """Return where each of these people acts, in the order of the organisations."""
    table, link = organisation, organisation_person
    rows = conn.execute(
        select(link.c.subscriber_id, table.c.trade, table.c.size, table.c.sites, table.c.passes_on)
        .join(table, table.c.id == link.c.organisation_id)
        .where(link.c.subscriber_id.in_(people))
        .order_by(link.c.subscriber_id, table.c.id)
    )
    found: dict[int, list[Acting]] = {}
    for row in rows:
        what = acts_as(row.trade, row.size, passes_on=row.passes_on)
        places = sites.known(row.sites) or (NO_SITE,)
        found.setdefault(row.subscriber_id, []).extend(Acting(place, what) for place in places)
    return found
