"""Errors over HTTP: RFC 9457 application/problem+json, whatever refused: a rule of ours, the
framework, or a bug.
"""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from broadcast.problems import Problem, Rejected
from broadcast.store.database import TROUBLE
from broadcast.store.replies import IN_FLIGHT
from console.pages import frame
from service.problem_documents import MEDIA_TYPE, text

log = structlog.get_logger("web")

_FOR_PROGRAMS = ("/api/", "/hooks/", "/cap/", "/feed", "/openapi.json", "/healthz", "/readyz")
"""Whatever a program asks for here is answered as such."""

_OF_STATUS = {
    404: ("not_found", "there is nothing here", "see /openapi.json for what there is"),
    405: (
        "method_not_allowed",
        "this method does nothing here",
        "use one of the methods in the Allow header",
    ),
    413: ("body_too_large", "the body is too large", "send less"),
    415: ("media_type", "this media type is not read here", "send application/json"),
}


def headers(rejected: Rejected) -> dict[str, str]:
    """Return what HTTP asks for beside the body: RFC 9110 section 11.6.1 with 401, RFC 6750 section
    3; Retry-After with 503 and a key in flight.
    """
    first = rejected.problems[0]
    if rejected.status == 401:
        return {
            "WWW-Authenticate": (
                "Bearer" if first.code == "token_missing" else 'Bearer error="invalid_token"'
            )
        }
    if rejected.status in (429, 503) or first.code == IN_FLIGHT:
        return {"Retry-After": str(first.retry_after or 2)}
    return {}


def response(rejected: Rejected) -> Response:
    """Return the answer to a refused request."""
    return Response(text(rejected), rejected.status, headers(rejected), MEDIA_TYPE)


def answer(scope: Scope, rejected: Rejected, sender_name: str) -> Response:
    """Return the answer to a refused request: a page where a browser asked for one of ours, else
    problem+json.
    """
    given = Headers(scope=scope)
    page = (
        frame.trouble(rejected.status, sender_name, given.get("accept-language", ""))
        if "text/html" in given.get("accept", "") and not scope["path"].startswith(_FOR_PROGRAMS)
        else None
    )
    if page is None:
        return response(rejected)
    page.headers.update(headers(rejected))
    return page


def no_database() -> Rejected:
    """Return (to be raised or answered) that the database cannot be reached at this moment: nothing
    was done.
    """
    return Rejected(
        Problem(
            code="database_unavailable",
            detail="the database cannot be reached at the moment",
            fix="try again, with the same Idempotency-Key",
            status=503,
        )
    )


def of_http(error: HTTPException) -> Rejected:
    """Return what the framework refused, as a problem of ours."""
    code, detail, fix = _OF_STATUS.get(
        error.status_code, ("bad_request", "the request cannot be read", "see /openapi.json")
    )
    return Rejected(Problem(code=code, detail=detail, fix=fix, status=error.status_code))


def of_validation(error: RequestValidationError) -> Rejected:
    """Return which parameters are wrong; their values are not repeated."""
    found = [
        Problem(
            code="parameter_invalid",
            field=".".join(str(part) for part in fault["loc"][1:]),
            detail=str(fault["msg"]),
            fix="see /openapi.json",
        )
        for fault in error.errors()
    ]
    return Rejected(
        found
        or [
            Problem(
                code="parameter_invalid", detail="a parameter is wrong", fix="see /openapi.json"
            )
        ]
    )


def of_bug() -> Rejected:
    """Return what is said of a fault of our own: that it is one, and nothing of what it was."""
    return Rejected(
        Problem(
            code="internal",
            detail="something went wrong on our side; it is logged",
            fix="try again, and tell whoever runs this installation",
            status=500,
        )
    )


def install(app: FastAPI, sender_name: str = "") -> None:
    """Answer every error of the application in this form; browsers get a page."""

    async def rejected(request: Request, error: Exception) -> Response:
        assert isinstance(error, Rejected)
        return answer(request.scope, error, sender_name)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        said = answer(request.scope, of_http(error), sender_name)
        for name, value in (error.headers or {}).items():
            said.headers[name] = value
        if error.status_code == 405:
            said.headers["Allow"] = ", ".join(sorted(allowed_methods(app, request)))
        return said

    async def validation(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return response(of_validation(error))

    async def trouble(request: Request, error: Exception) -> Response:
        log.warning(
            "web.database_trouble", route=route_of(request.scope), error=type(error).__name__
        )
        return answer(request.scope, no_database(), sender_name)

    app.add_exception_handler(Rejected, rejected)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    for kind in TROUBLE:
        app.add_exception_handler(kind, trouble)


def allowed_methods(app: FastAPI, request: Request) -> set[str]:
    """Return the methods of every route at the request's path: the framework names those of the
    first one only.
    """
    found: set[str] = set()
    for route in app.routes:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            if (
                method not in found
                and route.matches({**request.scope, "method": method})[0] is Match.FULL
            ):
                found.add(method)
    return found


def route_of(scope: Any) -> str:
    """Return the template of the route that answers, such as /v/{code}: the path itself may hold a
    token. "unknown" where there is none.
    """
    route = scope.get("route")
    return str(getattr(route, "path", "unknown"))
