"""The names that leave the process: Kafka topics and the worker roles that read them."""

from __future__ import annotations

ALERTS = "alerts"
DELIVERIES_URGENT = "deliveries.urgent"
DELIVERIES_ROUTINE = "deliveries.routine"
RECEIPTS = "receipts"
EXERCISE_PREFIX = "exercise."

ROLES = ("match", "urgent", "routine", "log")

TOPICS_OF_ROLE: dict[str, tuple[str, ...]] = {
    "match": (ALERTS, EXERCISE_PREFIX + ALERTS),
    "urgent": (DELIVERIES_URGENT, EXERCISE_PREFIX + DELIVERIES_URGENT),
    "routine": (DELIVERIES_ROUTINE, EXERCISE_PREFIX + DELIVERIES_ROUTINE),
    "log": (RECEIPTS, EXERCISE_PREFIX + RECEIPTS),
}
"""Which topics each role's consumer group (`fasttime.ROLE`) reads."""

TOPICS: tuple[str, ...] = tuple(topic for topics in TOPICS_OF_ROLE.values() for topic in topics)


def topic_for(base: str, status: str) -> str:
    """Return the topic of `base` for a CAP status: exercises and tests never share one with real
    messages.
    """
    return base if status == "Actual" else EXERCISE_PREFIX + base


def deliveries_topic(lane: str, status: str) -> str:
    """Return where the batches of a lane ("urgent" or "routine") are announced."""
    return topic_for(DELIVERIES_URGENT if lane == "urgent" else DELIVERIES_ROUTINE, status)
