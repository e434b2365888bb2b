"""Which columns of the subscribers CSV are kept as they are, and which are sealed."""

from __future__ import annotations

from typing import Final

from subscribers.contact import kinds
from subscribers.people_file.record import COLUMNS, SubscriberRecord

SEALED: Final = ("name", *kinds.NAMES)
"""Columns that are kept sealed (`subscribers/contact`)."""
OPEN: Final = tuple(c for c in COLUMNS if c not in SEALED)
"""Columns of the file that are kept as they are."""
TAKEN: Final = tuple(c for c in SubscriberRecord._fields if c not in SEALED)
"""Fields of a record that are kept as they are."""
STORED: Final = (*TAKEN, "reached_by")
"""Columns of subscriber that a record fills."""
