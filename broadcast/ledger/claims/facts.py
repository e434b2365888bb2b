"""The fact that a slice leaves in the outbox, and how its outcomes are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from broadcast.events.topics import RECEIPTS, topic_for
from broadcast.ledger.claims.outcomes import Outcome
from broadcast.ledger.claims.slices import Slice

TOTALS = ("accepted", "failed", "in_doubt", "skipped", "waiting")
"""What the outcomes of a slice are counted to, in the columns of the table."""

_TOTAL_OF = {
    "sent": "accepted",
    "delivered": "accepted",
    "refused": "waiting",
    "not_started": "waiting",
}
"""Which of a slice's totals an outcome counts to, where it is not its own name."""


def counts(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many outcomes count to each total; one without any is missing."""
    return dict(Counter(_TOTAL_OF.get(o.state, o.state) for o in outcomes))


def slice_fact(s: Slice, type_: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the fact of one slice for the outbox: [position, state, code] of each outcome, ids
    only (rule R18).

    slice.done and slice.swept close the slice; slice.part comes before, and slice.late after
    its lease ran out. slice.done holds those skipped at the claim as well, slice.swept everybody:
    so the totals of a slice can be computed from its events alone.
    """
    place = {
        "attempt": s.attempt,
        "version_id": s.version_id,
        "batch": s.batch_id,
        "generation": s.generation,
        "channel": s.channel,
        "lo": s.lo,
        "hi": s.hi,
        "provider": s.provider,
    }
    payload = {
        **place,
        "counts": counts(outcomes),
        "outcomes": [[o.position, o.state, o.code] for o in outcomes],
    }
    return {
        "topic": topic_for(RECEIPTS, s.status),
        "key": s.attempt,
        "type": type_,
        "payload": payload,
    }
