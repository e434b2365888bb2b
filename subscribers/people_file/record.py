"""One person as a file gives them: the columns, the checked values, two rows made one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from broadcast.levels.names import folded

COLUMNS: Final = (
    "external_id",
    "name",
    "kind",
    "email",
    "mobile",
    "phone",
    "language",
    "postcode",
    "lat",
    "lon",
    "area",
    "sectors",
    "communities",
    "topics",
    "channels",
    "minimum_severity",
    "quiet_hours",
    "by_topic",
    "places",
    "other_languages",
    "discreet",
    "most_a_week",
    "providers_off",
)
PLACE: Final = frozenset({"postcode", "lat", "lon", "area"})
"""Columns that say together where somebody is."""
LISTS: Final = (
    "sectors",
    "communities",
    "topics",
    "channels",
    "by_topic",
    "places",
    "other_languages",
    "providers_off",
)
"""Columns that hold several words."""
ADDED_UP: Final = frozenset({"sectors", "communities"})
"""Columns of which two rows of one person keep both; of the others the later row wins."""


class SubscriberRecord(NamedTuple):
    """One person as a file gives them, checked. Lists are joined by ";"; `topics` empty = all but
    exercise; `channels` are filled in.
    """

    external_id: str
    name: str
    kind: str
    email: str | None
    mobile: str | None
    phone: str | None
    language: str
    postcode: str
    lat: float | None
    lon: float | None
    area: str | None
    sectors: str
    communities: str
    topics: str
    channels: str
    minimum_severity: str
    quiet_hours: str
    by_topic: str = ""
    """Severity and channels of single topics (`subscribers/people_file/by_topic.py`)."""
    places: str = ""
    """Where they are beside (`subscribers/people_file/other_places.py`)."""
    other_languages: str = ""
    """What they read beside, in their order."""
    discreet: str = ""
    """"yes": sent to in neutral words, and never in an exercise; "" = as it was, else not."""
    most_a_week: str = ""
    """How many routine messages a week they take at most; "" = any number."""
    providers_off: str = ""
    """Information providers of whom they want nothing routine; "" = they hear of all."""
    uncertainty_m: int | None = None
    """Metres round a place that a postcode stands for; None = the place itself was given."""


@dataclass(frozen=True, slots=True)
class Untold:
    """What a file does not say of its people.

    `columns` are the columns that it lacks: the stored values stay (`registry/absent_columns.py`).
    `channels_of` are the external ids of people whose channels the file leaves open while it lacks
    a column of contact points: their stored contact points then decide which channels are meant.
    """

    columns: frozenset[str] = frozenset()
    channels_of: frozenset[str] = frozenset()


ALL_TOLD: Final = Untold()


def usual_channels(mobile: str | None, email: str | None) -> str:
    """Return the channels of a person who chose none: those for which we have an address."""
    return ";".join(channel for channel, address in (("sms", mobile), ("email", email)) if address)


def merge(
    first: SubscriberRecord, second: SubscriberRecord, given: frozenset[str]
) -> SubscriberRecord:
    """Return one person of two rows: what the later row gives wins, sectors and communities are
    added up. `given` are the columns it fills in, without those that are added up.
    """
    merged = first._replace(
        **{field: value for field, value in second._asdict().items() if field in given}
    )
    channels = second.channels if "channels" in given else _union(first.channels, second.channels)
    return merged._replace(
        channels=channels,
        sectors=_union(first.sectors, second.sectors),
        communities=_union(first.communities, second.communities),
    )


def _union(first: str, second: str) -> str:
    found: dict[str, str] = {}
    for part in (*first.split(";"), *second.split(";")):
        if part:
            found.setdefault(folded(part), part)
    return ";".join(found.values())
