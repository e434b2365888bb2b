"""Generated requests by every role against every route of the document that we serve.

Schemathesis makes them: bodies and parameters as the document allows them, and as it forbids
them. Beside that, valid drafts with a few fields replaced, and the numbers of messages that
exist, so that the requests reach the acts and not only the parser.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.console.site import a_draft

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
ENDLESS = frozenset({"/api/v1/events"})  # a stream has no answer to wait for
DRAFTS = frozenset({"messages", "{id}", "update", "correct", "all-clear"})
CHUNK = 250  # requests from one seed
KEPT = 20  # faults told in full


@dataclass
class Told:
    """What a run came to: how many requests, the statuses by method, and every fault once."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)  # 2xx by route
    faults: dict[tuple[str, str], str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the result as it is printed."""
        by_class = Counter[str]()
        for status, n in self.statuses.items():
            by_class[f"{status // 100}xx"] += n
        classes = ", ".join(f"{name} {by_class[name]:,}" for name in sorted(by_class))
        return [
            f"{self.cases:,} requests over {len(self.routes)} routes: {classes}",
            "statuses: " + ", ".join(f"{s} {n:,}" for s, n in sorted(self.statuses.items())),
            f"faults: {len(self.faults)}",
            *list(self.faults.values())[:KEPT],
        ]


def fuzz(
    document: dict[str, Any], url: str, tokens: dict[str, str], *, cases: int, start: int = 1
) -> Told:
    """Send about so many requests, the same ones for the same `start`, and tell what came back."""
    schema = schemathesis.openapi.from_dict(document)
    results = schema.get_all_operations()
    found = [result.ok() for result in results if isinstance(result, Ok)]
    operations = [operation for operation in found if operation.path not in ENDLESS]
    share = {operation.label: _weight(operation) for operation in operations}
    per_weight = cases / sum(share.values())
    told, session = Told(), requests.Session()
    session.trust_env = False
    for number, operation in enumerate(operations):
        left = max(1, round(per_weight * share[operation.label]))
        for turn in range(-(-left // CHUNK)):
            size = min(CHUNK, left - turn * CHUNK)
            chosen = random.Random(f"{start} {number} {turn}")
            _chunk(operation, url, tokens, session, told, size, chosen)
    return told


def _weight(operation: Any) -> int:
    if not (operation.path_parameters or operation.query or operation.body):
        return 1
    return 12 if operation.body else 6 if operation.path.startswith("/api/v1") else 3


def _chunk(
    operation: Any,
    url: str,
    tokens: dict[str, str],
    session: requests.Session,
    told: Told,
    size: int,
    chosen: random.Random,
) -> None:
    roles = [*tokens, None, *["author", "approver"] * 3]  # who may act, more often

    def one(case: Any) -> None:
        _vary(case, chosen)
        role = chosen.choice(roles)
        headers = {} if role is None else {"Authorization": f"Bearer {tokens[role]}"}
        if case.method == "POST" and chosen.random() < 0.95:
            headers["Idempotency-Key"] = str(uuid.UUID(int=chosen.getrandbits(128)))
        try:
            answer = case.call(base_url=url, session=session, headers=headers, timeout=20)
        except (requests.RequestException, UnicodeError) as error:
            # What no client can send is not counted; an answer that does not come is a fault.
            if isinstance(error, requests.ConnectionError | requests.Timeout):
                _fault(told, operation.label, type(error).__name__, str(error)[:300], case)
            return
        told.cases += 1
        told.statuses[answer.status_code] += 1
        told.routes[operation.label] += 1
        told.accepted[operation.label] += 200 <= answer.status_code < 300
        closed = operation.path.startswith("/api/v1/")
        if role is None and closed and answer.status_code < 400:
            _fault(told, operation.label, "no_token", f"{answer.status_code} without token", case)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for failure in group.exceptions:
                _fault(told, operation.label, _title(failure), str(failure)[:600], case)
        except Failure as failure:
            _fault(told, operation.label, _title(failure), str(failure)[:600], case)

    modes = [operation.as_strategy(GenerationMode.POSITIVE)]
    if operation.path_parameters or operation.query or operation.body:
        modes.append(operation.as_strategy(GenerationMode.NEGATIVE))
    for strategy in modes:
        rounds = settings(
            max_examples=max(1, size // len(modes)),
            deadline=None,
            database=None,
            derandomize=False,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        run = seed(chosen.getrandbits(32))(rounds(given(case=strategy)(one)))
        try:
            run()
        except Unsatisfiable:
            continue  # nothing wrong can be written here: a text of any form


def _title(failure: Any) -> str:
    return str(getattr(failure, "title", type(failure).__name__))


def _fault(told: Told, label: str, title: str, detail: str, case: Any) -> None:
    body = f" body {str(case.body)[:200]!r}" if case.media_type else ""
    where = f"{case.method} {case.formatted_path} query {dict(case.query or {})}{body}"
    told.faults.setdefault((label, title), f"{label}: {title}: {detail} [{where}]")


def _vary(case: Any, chosen: random.Random) -> None:
    """Lead half of the requests past the first checks: to messages that exist, with true words."""
    path = case.path_parameters
    if path and "id" in path and chosen.random() < 0.7:
        path["id"] = chosen.randint(1, 40)
    if path and "subscriber" in path and chosen.random() < 0.5:
        path["subscriber"] = str(chosen.randint(1, 40))
    body = case.body
    last = case.operation.path.rpartition("/")[2]
    if last in DRAFTS and isinstance(body, dict):
        if chosen.random() < 0.7:
            names = chosen.sample(sorted(body), k=min(len(body), chosen.choice((0, 0, 1, 2))))
            good = a_draft() if last == "messages" else a_draft(kind=None)
            case.body = {**good, **{name: body[name] for name in names}}
            case.media_type = "application/json"
    elif isinstance(body, dict) and "why" in body and chosen.random() < 0.5:
        case.body = {**body, "why": "a reason"}
