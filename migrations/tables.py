"""Every table of the product: importing this module fills `broadcast.store.database.metadata`.

Each table is declared in the package that alone writes it.
"""

from __future__ import annotations

from broadcast.answers import tables as answers
from broadcast.cap import tables as cap
from broadcast.drafts import tables as drafts
from broadcast.events import tables as events
from broadcast.exercises import tables as exercises
from broadcast.groups import tables as groups
from broadcast.ledger import tables as ledger
from broadcast.ledger.claims import tables as claims
from broadcast.ledger.kept import tables as kept
from broadcast.levels import tables as levels
from broadcast.messages import tables as messages
from broadcast.operators import tables as operators
from broadcast.places import tables as places
from broadcast.places.postcodes import tables as postcodes
from broadcast.sessions import tables as sessions
from broadcast.store import tables as store
from broadcast.store.database import metadata
from subscribers.contact import tables as contact
from subscribers.organisations import tables as organisations
from subscribers.places import tables as other_places
from subscribers.registration import tables as registration
from subscribers.registry import tables as registry
from subscribers.same_person import tables as same_person
from subscribers.weekly import tables as weekly

OWNERS = (
    answers,
    cap,
    claims,
    contact,
    drafts,
    events,
    exercises,
    groups,
    kept,
    ledger,
    levels,
    messages,
    operators,
    organisations,
    other_places,
    places,
    registration,
    postcodes,
    same_person,
    sessions,
    store,
    registry,
    weekly,
)
"""The modules that declare tables."""

__all__ = ["OWNERS", "metadata"]
