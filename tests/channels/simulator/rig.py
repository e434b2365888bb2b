"""What the simulator's tests sign in with, and a web server in our own place that it calls back."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from channels.twilio.callbacks import SIGNATURE, check_signature

ACCOUNT = "AC" + "a" * 32


TOKEN = "the token of these tests"


TWIML = (
    b'<?xml version="1.0"?><Response><Gather action="/hooks/twilio/voice/%s/key"'
    b' numDigits="1"><Say>The road</Say><Say>is closed.</Say></Gather></Response>'
)


@dataclass
class Hooks:
    """A web server in our own place: what it was told, and what it answers."""

    url: str = ""
    status: int = 200
    got: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        params = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        if not check_signature(
            TOKEN, f"{self.url}{request.path_qs}", params, request.headers.get(SIGNATURE)
        ):
            self.forged.append(request.path)
        self.got.append((request.path, dict(params)))
        if "/voice/" in request.path and not request.path.endswith("/key"):
            return web.Response(
                body=TWIML % request.path.rpartition("/")[2].encode(), content_type="text/xml"
            )
        return web.Response(status=self.status, text="<Response/>")

    def states(self, attempt: str) -> list[str]:
        return [
            params.get("MessageStatus") or params.get("CallStatus", "")
            for path, params in self.got
            if path == f"/hooks/twilio/status/{attempt}"
        ]
