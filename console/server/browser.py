"""What a browser is trusted by: a cookie that says for how long it was away, the origin of a form,
and a token that binds the form to what it was shown for.

A cookie is "secret.seconds.mark": the session's secret, when it was last used, and an HMAC over
both. So a page that is only looked at writes nothing, and a copy of a cookie that was left unused
opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from starlette.responses import Response

from broadcast.problems import refuse

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 2000
_MARK = 32  # hex digits


@dataclass(frozen=True, slots=True)
class Cookie:
    """What a session's cookie holds: its secret, and when it was last used."""

    secret: str
    used_at: datetime


def cookie_name(base: str, public_url: str) -> str:
    """Return the cookie's name: where the pages come over TLS, one that browsers take from this
    host alone, over TLS alone.
    """
    return f"__Host-{base}" if public_url.startswith("https:") else base


def set_cookie(response: Response, name: str, key: bytes, secret: str, now: datetime) -> None:
    """Give the browser its session, used now. It is gone when the browser is closed."""
    used = str(int(now.timestamp()))
    response.set_cookie(
        name,
        f"{secret}.{used}.{_mark(key, name, secret, used)}",
        path="/",
        secure=name.startswith("__Host-"),
        httponly=True,
        samesite="strict",
    )


def drop_cookie(response: Response, name: str) -> None:
    """Take the session from the browser."""
    response.delete_cookie(
        name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="strict"
    )


def read_cookie(request: Request, name: str, key: bytes) -> Cookie | None:
    """Return what the browser shows; None for what we did not make."""
    given = request.cookies.get(name, "")
    secret, _, rest = given.partition(".") if len(given) < 300 else ("", "", "")
    used, _, mark = rest.partition(".")
    if not (used.isascii() and used.isdigit() and len(used) < 12 and mark.isascii()):
        return None
    if not hmac.compare_digest(mark, _mark(key, name, secret, used)):
        return None
    return Cookie(secret, datetime.fromtimestamp(int(used), UTC))


def _mark(key: bytes, name: str, secret: str, used: str) -> str:
    return hmac.digest(key, f"cookie|{name}|{secret}|{used}".encode(), "sha256").hex()[:_MARK]


def check_origin(request: Request, public_url: str, *, unnamed: bool = False) -> None:
    """Raise Rejected (403 origin_foreign) unless a form was sent from a page of ours.

    Browsers say so themselves (Sec-Fetch-Site, W3C Fetch Metadata; Origin, RFC 6454). `unnamed`
    takes also what comes from a page without referrer, which has Origin: null.
    """
    site = request.headers.get("sec-fetch-site")
    origins = request.headers.getlist("origin")
    origin = origins[0] if len(origins) == 1 else ""
    if origin == "null" and unnamed and site in ("same-origin", None):
        return
    host = request.headers.get("host", "")
    ours = urlsplit(public_url)
    mine = {f"http://{host}", f"https://{host}", f"{ours.scheme}://{ours.netloc}"}
    if origin not in mine or site not in ("same-origin", None):
        raise refuse(
            "origin_foreign",
            "this form was not sent from a page of ours",
            "open the page here, and send its form from there",
            field="Origin",
            status=403,
        )


async def read_form(request: Request) -> dict[str, list[str]]:
    """Return what a form sent, by field. Raises Rejected: 415 media_type, 422 form_invalid."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM:
        raise refuse(
            "media_type",
            "this is no form of ours",
            f"send {FORM}",
            field="Content-Type",
            status=415,
        )
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        pairs = [("\0", "")]
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise refuse("form_invalid", "the form cannot be read", "open the page again")
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def form_token(key: bytes, secret: str, *parts: str) -> str:
    """Return the token of a form: it holds in this session only, for exactly these parts (its
    address, live or exercise, the content's hash, the idempotency key).
    """
    made = hashlib.sha256(secret.encode())
    for part in parts:
        made.update(len(part).to_bytes(4, "big") + part.encode())
    return hmac.digest(key, b"form|" + made.digest(), "sha256").hex()


def check_form_token(given: str, wanted: str) -> None:
    """Raise Rejected (403 form_stale) unless the form was made for this session and for exactly
    this.
    """
    if not given.isascii() or not hmac.compare_digest(given, wanted):
        raise refuse(
            "form_stale",
            "this form was made for another session, or for something else",
            "nothing was done: open the page again and use its form",
            field="form",
            status=403,
        )
