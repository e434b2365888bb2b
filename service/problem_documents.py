"""A refusal as an RFC 9457 document: the answer over HTTP, kept for a repeated request."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from broadcast.problems import Problem, Rejected

MEDIA_TYPE = "application/problem+json"


def problem_json(p: Problem) -> dict[str, str]:
    """Return one problem as it stands in a list: of a refusal's `problems`, or of a preview's
    `warnings`.
    """
    said = {"code": p.code, "field": p.field or p.where, "detail": p.detail, "fix": p.fix}
    return said | ({"where": p.where} if p.where else {})


def to_json(rejected: Rejected) -> dict[str, Any]:
    """Return the body: the first problem in full, and every one in `problems`. Holds no personal
    data (broadcast.problems).
    """
    first = rejected.problems[0]
    return {
        "type": "about:blank",
        "title": HTTPStatus(rejected.status).phrase,
        "status": rejected.status,
        **problem_json(first),
        "problems": [problem_json(p) for p in rejected.problems],
    }


def text(rejected: Rejected) -> str:
    """Return the body as it is sent, and kept for the same Idempotency-Key."""
    return json.dumps(to_json(rejected), ensure_ascii=False)
