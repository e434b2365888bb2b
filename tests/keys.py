"""The keys of names and contact points in tests: those of the file that every process of this run
finds.
"""

from __future__ import annotations

from typing import Any

from broadcast.store.database import Database
from config.settings import load
from subscribers.contact.keys import OPTION, KeyRing


def database(url: str, **more: Any) -> Database:
    """Return an opened database that carries the keys of this run."""
    return Database(url, options={OPTION: KeyRing(load({}).contact_keys)}, **more)
