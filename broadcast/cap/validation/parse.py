"""A CAP document from bytes, or its refusal."""

from __future__ import annotations

from broadcast.cap.model import CapAlert
from broadcast.cap.validation.validate import judge
from broadcast.problems import Rejected


def parse(data: bytes) -> CapAlert:
    """Return the document, every value as received.

    Raises Rejected with one Problem per rejecting rule (broadcast.cap.validation.rules) where the
    verdict is reject; warnings do not stop it.
    """
    verdict, alert = judge(data)
    if alert is None:
        raise Rejected(verdict.problems())
    return alert
