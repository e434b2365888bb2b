"""The HTTP API under /api/v1."""

from __future__ import annotations

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer

from console.api import (
    answers,
    checks,
    deliveries,
    events,
    messages,
    operator_requests,
    reading,
    record,
    setup,
)
from console.server.context import Web


def router(web: Web) -> APIRouter:
    """Return every route of the API; each needs a person's bearer token."""
    # Declared for the OpenAPI document; the token itself is checked by Web.actor, whose refusal
    # says how to mend it.
    api = APIRouter(
        prefix="/api/v1",
        dependencies=[
            Security(HTTPBearer(auto_error=False, description="an operator's personal token"))
        ],
    )
    parts = (answers, messages, deliveries, events, operator_requests, reading, record)
    for part in (*parts, setup, checks):
        api.include_router(part.router(web))
    return api
