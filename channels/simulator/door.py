"""Who may control the simulator and read its ledger, and which addresses its callbacks go to."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web

from broadcast.problems import Problem, Rejected, refuse

_PORTS = {"http": 80, "https": 443}


def on_loopback(host: str) -> bool:
    """Return whether a host, without port and brackets, is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The token of the controls, and the base of every callback; "" = whatever is on loopback."""

    token: str = field(repr=False)
    callback_base: str = ""

    def check_control(self, request: web.BaseRequest) -> None:
        """Raise Rejected (403 origin_foreign, 401 token_missing or token_invalid, 415 media_type)
        where a request may not control.
        """
        self._check_origin(request)
        self._check_token(request)
        if request.method == "POST" and request.content_type != "application/json":
            raise refuse(
                "media_type",
                "controls are JSON",
                "send Content-Type: application/json",
                field="Content-Type",
                status=415,
            )

    def check_reading(self, request: web.BaseRequest) -> None:
        """Raise Rejected where a request may not read the ledger: with the token anybody may,
        without it programs of this machine.
        """
        self._check_origin(request)
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        if not (on_loopback(request.remote or "") and on_loopback(host)):
            self._check_token(request)

    def refused_host(self, url: str) -> str:
        """Return the host of a callback address that must not be called; "" where it may be."""
        try:
            wanted, base = urlsplit(url), urlsplit(self.callback_base)
            port = wanted.port or _PORTS.get(wanted.scheme)
            base_port = base.port or _PORTS.get(base.scheme)
        except ValueError:
            return "an address that is none"
        host = wanted.hostname or ""
        if wanted.scheme not in _PORTS or not host or wanted.username is not None:
            return host or "an address that is none"
        if not self.callback_base:
            return "" if on_loopback(host) else host
        same = (wanted.scheme, host, port) == (base.scheme, base.hostname, base_port)
        path = base.path.rstrip("/") + "/"
        return "" if same and wanted.path.startswith(path) and "/.." not in wanted.path else host

    def _check_origin(self, request: web.BaseRequest) -> None:
        if "Origin" in request.headers:  # programs send none, and the simulator has no pages
            detail = "a page of a browser does not control the simulator"
            raise Rejected(
                Problem(
                    code="origin_foreign",
                    detail=detail,
                    fix="call it from a program, without Origin",
                    field="Origin",
                    status=403,
                )
            )

    def _check_token(self, request: web.BaseRequest) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            fix = "send Authorization: Bearer TOKEN; the simulator prints it when it starts"
            raise Rejected(
                Problem(
                    code="token_missing",
                    detail="this wants the simulator's token",
                    fix=fix,
                    field="Authorization",
                    status=401,
                )
            )
        if not hmac.compare_digest(given.strip().encode(), self.token.encode()):
            raise Rejected(
                Problem(
                    code="token_invalid",
                    detail="this is not the simulator's token",
                    fix="see what it printed when it started",
                    field="Authorization",
                    status=401,
                )
            )
