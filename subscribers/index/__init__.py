"""Matching: everybody in the order of the ground, kept up with the registry, and the one rule that
says who is sent to. It writes no table.
"""

from subscribers.index.registry_index import IndexIncomplete, RegistryIndex, shard_of
from subscribers.index.rule import (
    REASONS,
    Elsewhere,
    Rule,
    Traits,
    chosen_as,
    language_for,
    topic_of,
)

__all__ = [
    "REASONS",
    "Elsewhere",
    "IndexIncomplete",
    "RegistryIndex",
    "Rule",
    "Traits",
    "chosen_as",
    "language_for",
    "shard_of",
    "topic_of",
]
